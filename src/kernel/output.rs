//! The output unit of many nodes: `y = ψ(h · w_ho + b_o)`, its loss, and what flows back.

use super::math::{self, Lane, Vector, apply, derivative, sum_lanes};
use super::rows::{lanes, load, store};
use crate::model::{Activation, Loss, Tally};
use crate::task::tree::Nodes;
use fearless_simd::prelude::*;

/// The output unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output<F> {
    /// ψ.
    pub(crate) activation: Activation,
    /// The loss.
    pub(crate) loss: Loss,
    /// `b_o`.
    pub(crate) bias: F,
}

/// Sums over lines of nodes: losses, squared errors without their ½; wrong bits; and `db_o`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sums<S: Simd, F: Lane> {
    pub(crate) losses: Vector<S, F>,
    pub(crate) wrongs: Vector<S, F>,
    biases: Vector<S, F>,
}

impl<S: Simd, F: Lane> Sums<S, F> {
    #[inline(always)]
    pub(crate) fn new(simd: S) -> Self {
        let zero = Vector::<S, F>::splat(simd, F::zero());
        Self { losses: zero, wrongs: zero, biases: zero }
    }

    /// What was counted; adds to `db_o`.
    #[inline(always)]
    pub(crate) fn tally(&self, loss: Loss, db_o: &mut F) -> Tally {
        *db_o += sum_lanes::<F>(self.biases.as_slice());
        let total = |line: &Vector<S, F>| line.as_slice().iter().map(|x| x.widen()).sum::<f64>();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let wrong_bits = total(&self.wrongs) as u64;
        Tally { loss: half(loss) * total(&self.losses), wrong_bits, wrong_samples: 0 }
    }
}

/// What the sums of a loss are multiplied with.
pub(crate) fn half(loss: Loss) -> f64 {
    if loss == Loss::Mse { 0.5 } else { 1.0 }
}

impl<F: Lane> Output<F> {
    /// `dz_o` = (y − target) ψ′ times their weight, from `h · w_ho` of a line of nodes, and 1 for
    /// those that are wrong.
    #[inline(always)]
    pub(crate) fn line<S: Simd>(
        self,
        simd: S,
        sums: &mut Sums<S, F>,
        z: Vector<S, F>,
        target: Vector<S, F>,
        weight: Vector<S, F>,
    ) -> (Vector<S, F>, Vector<S, F>) {
        let half = Vector::<S, F>::splat(simd, F::of(0.5));
        let (zero, one) = (Vector::<S, F>::splat(simd, F::zero()), Vector::<S, F>::splat(simd, F::one()));
        let z = z + Vector::<S, F>::splat(simd, self.bias);
        let y = apply::<S, F>(simd, self.activation, z);
        let error = y - target;
        let weighted = error * weight;
        let dz = match self.loss {
            Loss::Mse => {
                sums.losses = error.mul_add(weighted, sums.losses);
                weighted * derivative::<S, F>(simd, self.activation, y)
            }
            Loss::CrossEntropy => {
                let positive = z.simd_gt(zero).select(z, zero);
                let loss = math::ln_1p_exp_neg::<S, F>(simd, z) + positive - target * z;
                sums.losses = loss.mul_add(weight, sums.losses);
                weighted
            }
        };
        sums.biases += dz;
        let said = y.simd_gt(half).select(one, zero);
        let off = (said - target).abs();
        sums.wrongs = off.mul_add(weight, sums.wrongs);
        (dz, off)
    }

    /// Replaces `h · w_ho` of nodes by `dz_o`, marks the wrong ones with 1, and adds to `db_o`.
    ///
    /// # Shapes
    /// All slices in whole lines.
    pub(crate) fn run<S: Simd>(self, simd: S, nodes: &Nodes<F>, z_o: &mut [F], wrong: &mut [F], db_o: &mut F) -> Tally {
        simd.vectorize(
            #[inline(always)]
            || {
                let mut sums = Sums::new(simd);
                for at in (0..z_o.len()).step_by(lanes::<F>()) {
                    let (target, weight) = (load(simd, &nodes.target, at), load(simd, &nodes.weight, at));
                    let (dz, off) = self.line(simd, &mut sums, load(simd, z_o, at), target, weight);
                    store::<S, F>(dz, z_o, at);
                    store::<S, F>(off, wrong, at);
                }
                sums.tally(self.loss, db_o)
            },
        )
    }
}
