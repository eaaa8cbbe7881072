//! The activations of notebook 003. The other notebooks use its logistic one.

/// What a unit does with its pre-activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    Sigmoid,
    Tanh,
    Relu,
}

impl Activation {
    /// `φ(z)`.
    pub(crate) fn of(self, z: f64) -> f64 {
        match self {
            Self::Sigmoid => sigmoid(z),
            Self::Tanh => z.tanh(),
            // A product, as in the notebook: −∞ · 0 is NaN.
            Self::Relu => z * f64::from(u8::from(z > 0.0)),
        }
    }

    /// `φ′` seen from the output `h = φ(z)`: sigmoid `h(1−h)`, tanh `1−h²`, rectifier `[h > 0]`.
    pub(crate) fn slope_at_output(self, h: f64) -> f64 {
        match self {
            Self::Sigmoid => h * (1.0 - h),
            Self::Tanh => 1.0 - h * h,
            Self::Relu => f64::from(u8::from(h > 0.0)),
        }
    }
}

/// `σ(z) = 1 / (1 + e⁻ᶻ)`. For very negative z the exponential is ∞, and σ is 0 as it should be.
pub(crate) fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}
