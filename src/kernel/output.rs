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

impl<F: Lane> Output<F> {
    /// Replaces `h · w_ho` of nodes by `dz_o` = (y − target) ψ′ times their weight, marks the wrong ones with 1, and adds to `db_o`.
    ///
    /// # Shapes
    /// All slices in whole lines.
    pub(crate) fn run<S: Simd>(self, simd: S, nodes: &Nodes<F>, z_o: &mut [F], wrong: &mut [F], db_o: &mut F) -> Tally {
        simd.vectorize(
            #[inline(always)]
            || {
                let splat = |value| Vector::<S, F>::splat(simd, value);
                let half = splat(F::one() / (F::one() + F::one()));
                let (zero, one) = (splat(F::zero()), splat(F::one()));
                let (mut losses, mut wrongs, mut biases) = (zero, zero, zero);
                for at in (0..z_o.len()).step_by(lanes::<F>()) {
                    let target = load::<S, F>(simd, &nodes.target, at);
                    let weight = load::<S, F>(simd, &nodes.weight, at);
                    let z = load::<S, F>(simd, z_o, at) + splat(self.bias);
                    let y = apply::<S, F>(simd, self.activation, z);
                    let error = y - target;
                    let (loss, dz) = match self.loss {
                        Loss::Mse => (error * error * half, error * derivative::<S, F>(simd, self.activation, y)),
                        Loss::CrossEntropy => {
                            let positive = z.simd_gt(zero).select(z, zero);
                            (math::ln_1p_exp_neg::<S, F>(simd, z) + positive - target * z, error)
                        }
                    };
                    let dz = dz * weight;
                    losses = loss.mul_add(weight, losses);
                    biases += dz;
                    let said = y.simd_gt(half).select(one, zero);
                    let off = (said - target).abs();
                    wrongs = off.mul_add(weight, wrongs);
                    store::<S, F>(dz, z_o, at);
                    store::<S, F>(off, wrong, at);
                }
                *db_o += sum_lanes::<F>(biases.as_slice());
                let total = |line: Vector<S, F>| line.as_slice().iter().map(|x| x.widen()).sum::<f64>();
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
                let wrong_bits = total(wrongs) as u64;
                Tally { loss: total(losses), wrong_bits, wrong_samples: 0 }
            },
        )
    }
}
