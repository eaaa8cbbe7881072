//! Activation functions.

use crate::words::words;
use num_traits::Float;

/// What squashes a pre-activation `z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// σ(z) = 1 / (1 + e^−z).
    Sigmoid,
    /// tanh z.
    Tanh,
    /// max(z, 0).
    Relu,
}

impl Activation {
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

words!(Activation "activation": Sigmoid = "sigmoid", Tanh = "tanh", Relu = "relu");
