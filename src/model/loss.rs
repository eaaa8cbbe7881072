//! Losses, and what a pass over samples counts.

use crate::words::words;
use num_traits::Float;
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// The loss of one sample, a sum over its steps; the loss of a minibatch is its mean over the
/// samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Loss {
    /// ½ Σ (y − target)², the notebooks' loss.
    Mse,
    /// −Σ (target ln y + (1 − target) ln(1 − y)), for a sigmoid output only: its gradient at z is y
    /// − target.
    CrossEntropy,
}

impl Loss {
    /// The loss of one step with pre-activation `z`, output `y` and target bit `target`.
    pub fn of<F: Float>(self, z: F, y: F, target: F) -> F {
        match self {
            Self::Mse => (y - target) * (y - target) / (F::one() + F::one()),
            // ln(1 + e^−|z|) + max(z, 0) − target z: no logarithm of a rounded 0.
            Self::CrossEntropy => (-z.abs()).exp().ln_1p() + if z < F::zero() { F::zero() } else { z } - target * z,
        }
    }
}

words!(Loss "loss": Mse = "mse", CrossEntropy = "cross-entropy");

/// What a pass over some samples counted.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Sum of the samples' losses.
    pub loss: f64,
    /// Bits predicted wrong.
    pub wrong_bits: u64,
    /// Samples with at least one wrong bit.
    pub wrong_samples: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.loss += other.loss;
        self.wrong_bits += other.wrong_bits;
        self.wrong_samples += other.wrong_samples;
    }
}
