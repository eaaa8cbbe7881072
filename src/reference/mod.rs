//! The oracle: forward pass and backpropagation through time in plain loops, one sample at a time,
//! what cells share in one file and what differs in one file per cell.
//!
//! It is slow on purpose and shares no code with `kernel`: every product is a sequential sum in the
//! order of the equation, and nothing is packed, blocked or fused. It is generic over `f32` and
//! `f64`; gradients are those of the *sum* of the samples' losses.
//!
//! # The equations
//! Vectors are rows. A sample has T steps of inputs `x_t = (a_t, b_t)` and targets `r_t`, the bits
//! of the sum, as 0 and 1; the weights have the shapes of [`Layout`]; what comes before the first
//! step is 0.
//!
//! Forward, for t = 0 … T−1, with φ and ψ the activations of cell and output:
//!
//! ```text
//! z_t  = x_t W_ih + s_t h_{t−1} W_hh + b_h                                 [H], of an LSTM [4 H]
//! h_t  = φ(z_t)                        Elman, s_t = 1; dynamic, s_t = exp ‖x_t − x_{t−1}‖
//! h_t, c_t of z_t, c_{t−1}             LSTM: i, f, o = σ(z_i, z_f, z_o), g = φ(z_g), z = g i + c_{t−1} f, p = φ(z)
//!                                        standard  c_t = z, h_t = p o
//!                                        notebook  c_t = p, h_t = c_t o
//! y_t  = ψ(h_t W_ho + b_o)
//! L    = Σ_t ½ (y_t − r_t)²            or the cross-entropy of y_t and r_t
//! ```
//!
//! Backward, for t = T−1 … 0, with ⊙ element by element, dv for ∂L/∂v, and φ′ taken from φ's own
//! output:
//!
//! ```text
//! dz_o = (y_t − r_t) ψ′                of the cross-entropy y_t − r_t
//! dh_t = dz_o W_hoᵀ + s_{t+1} dz_{t+1} W_hhᵀ
//! dz_t = dh_t ⊙ φ′                     Elman and dynamic
//! dz   = dh_t o φ′ + dc_t              LSTM, standard; notebook  dz = (dh_t o + dc_t) φ′
//! dz_t = (dz g i(1−i), dz c_{t−1} f(1−f), dz i φ′(g), dh_t p o(1−o)), and dc_{t−1} = dz f
//! ```
//!
//! and the gradients are sums over the steps:
//!
//! ```text
//! dW_ih = Σ x_tᵀ dz_t    dW_hh = Σ s_t h_{t−1}ᵀ dz_t    db_h = Σ dz_t    dW_ho = Σ h_tᵀ dz_o    db_o = Σ dz_o
//! ```

mod bptt;
mod dynamic;
mod elman;
mod lstm;

use crate::model::{Config, Layout, Tally};
use crate::task::{BitTensor, Minibatch};
use num_traits::Float;
use std::ops::{AddAssign, Range};

/// A float the reference computes with.
pub trait Real: Float + AddAssign + std::fmt::Debug {}
impl<F: Float + AddAssign + std::fmt::Debug> Real for F {}

/// Adds the gradient of the samples' summed loss to `grad`, and returns what was counted on the
/// way.
///
/// # Shapes
/// `params` and `grad` are flat buffers of [`Layout::of`] the config.
///
/// # Cost
/// 6 G H² T flop a sample, and its states: O(H T).
///
/// # Source
/// Rumelhart, Hinton and Williams 1986; Werbos 1990 (backpropagation through time).
pub fn gradient<F: Real>(
    config: &Config,
    params: &[F],
    batch: &Minibatch,
    samples: Range<usize>,
    grad: &mut [F],
) -> Tally {
    contributions(config, params, batch, samples, |index, part| grad[index] += part)
}

/// The gradient part by part: calls `add(parameter, part)` with what every sample and step adds.
pub fn contributions<F: Real>(
    config: &Config,
    params: &[F],
    batch: &Minibatch,
    samples: Range<usize>,
    mut add: impl FnMut(usize, F),
) -> Tally {
    let layout = Layout::of(config);
    let mut tally = Tally::default();
    for sample in samples {
        tally += bptt::gradient(config, &layout, params, &Sample { batch, sample }, &mut add);
    }
    tally
}

/// What the net counts on some samples, without a gradient; `predicted`, if given, takes the bits
/// it answers.
pub fn evaluate<F: Real>(
    config: &Config,
    params: &[F],
    batch: &Minibatch,
    samples: Range<usize>,
    mut predicted: Option<&mut BitTensor>,
) -> Tally {
    let layout = Layout::of(config);
    let mut tally = Tally::default();
    for sample in samples {
        let input = Sample { batch, sample };
        let steps = &bptt::forward(config, &layout.weights(params), &input)[1..];
        tally += input.tally(config, steps);
        if let Some(predicted) = predicted.as_deref_mut() {
            for (t, step) in steps.iter().enumerate() {
                predicted.set(sample, t, bit_of(step.output.1));
            }
        }
    }
    tally
}

/// The outputs y of some samples, `[sample, step]`.
pub fn outputs<F: Real>(config: &Config, params: &[F], batch: &Minibatch, samples: Range<usize>) -> Vec<F> {
    let layout = Layout::of(config);
    let steps = |sample| bptt::forward(config, &layout.weights(params), &Sample { batch, sample });
    samples.flat_map(|sample| steps(sample).into_iter().skip(1).map(|step| step.output.1)).collect()
}

/// The bit an output stands for.
fn bit_of<F: Float>(y: F) -> bool {
    y > F::from(0.5).expect("a float")
}

/// One step of one sample: what the backward pass needs of it.
#[derive(Debug, Clone)]
struct Step<F> {
    /// `s_t`, the scale of the recurrent term.
    scale: F,
    /// `h_t`, `[H]`.
    h: Vec<F>,
    /// Gates i, f, g, o after their activations, `[4 H]`; empty without gates.
    gates: Vec<F>,
    /// Cell state `c_t`, `[H]`; empty without gates.
    c: Vec<F>,
    /// φ of the cell, `[H]`; empty without gates.
    squashed: Vec<F>,
    /// Output (z, y).
    output: (F, F),
}

impl<F: Real> Step<F> {
    /// What precedes the first step: all zero.
    fn before_the_first(config: &Config) -> Self {
        let zeros = vec![F::zero(); config.hidden];
        let output = (F::zero(), F::zero());
        Self { scale: F::one(), h: zeros.clone(), gates: Vec::new(), c: zeros, squashed: Vec::new(), output }
    }
}

/// One addition of a minibatch.
struct Sample<'a> {
    batch: &'a Minibatch,
    sample: usize,
}

impl Sample<'_> {
    /// `x_t` = (`a_t`, `b_t`).
    fn x<F: Float>(&self, t: usize) -> [F; 2] {
        [float(self.batch.a.get(self.sample, t)), float(self.batch.b.get(self.sample, t))]
    }

    /// The bit of c at step t.
    fn target<F: Float>(&self, t: usize) -> F {
        float(self.batch.c.get(self.sample, t))
    }

    fn steps(&self) -> usize {
        self.batch.bits()
    }

    /// What the outputs of all steps count.
    fn tally<F: Real>(&self, config: &Config, steps: &[Step<F>]) -> Tally {
        let mut tally = Tally::default();
        for (t, step) in steps.iter().enumerate() {
            let (z, y) = step.output;
            let target = self.target(t);
            tally.loss += config.loss.of(z, y, target).to_f64().unwrap_or(f64::NAN);
            tally.wrong_bits += u64::from(bit_of(y) != (target > F::zero()));
        }
        tally.wrong_samples = u64::from(tally.wrong_bits > 0);
        tally
    }
}

fn float<F: Float>(bit: bool) -> F {
    if bit { F::one() } else { F::zero() }
}
