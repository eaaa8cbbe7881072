//! Activation functions.

use num_traits::Float;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What squashes a pre-activation `z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// σ(z) = 1 / (1 + e^−z).
    Sigmoid,
    /// tanh z.
    Tanh,
    /// max(z, 0).
    Relu,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sigmoid, Self::Tanh, Self::Relu];

    /// φ(z).
    pub fn apply<F: Float>(self, z: F) -> F {
        match self {
            Self::Sigmoid => F::one() / (F::one() + (-z).exp()),
            Self::Tanh => z.tanh(),
            // Not `max`, which would turn NaN into 0 and hide a divergence.
            Self::Relu if z <= F::zero() => F::zero(),
            Self::Relu => z,
        }
    }

    /// φ′ from the output `y` = φ(z), not from z: y(1−y), 1−y², `[y > 0]`.
    pub fn derivative<F: Float>(self, y: F) -> F {
        match self {
            Self::Sigmoid => y * (F::one() - y),
            Self::Tanh => F::one() - y * y,
            Self::Relu if y > F::zero() => F::one(),
            Self::Relu => F::zero(),
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Relu => "relu",
        })
    }
}
