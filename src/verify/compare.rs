//! Two gradients compared, tensor by tensor.

use crate::kernel::SimdLevel;
use crate::model::{Config, Layout};
use crate::train::EngineKind;
use std::fmt;

/// What a gradient was compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Against {
    /// The reference, with central differences of its loss.
    Differences,
    /// An engine, with the reference.
    Reference,
}

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Differences => "differences",
            Self::Reference => "reference",
        })
    }
}

/// The precision of the gradient that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// Single.
    F32,
    /// Double.
    F64,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

/// One comparison of a gradient with the one below it.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The net.
    pub config: Config,
    /// What it was compared with.
    pub against: Against,
    /// Its precision; the other side is always `f64`.
    pub precision: Precision,
    /// The level it ran on; none for the reference.
    pub level: Option<SimdLevel>,
    /// What computed it.
    pub engine: EngineKind,
    /// Width of the additions.
    pub bits: usize,
    /// Additions in the minibatch.
    pub batch: usize,
    /// The largest error of a tensor, relative to the norm of the expected tensor.
    pub max_relative_error: f64,
    /// What it may be.
    pub tolerance: f64,
    /// The entry that is furthest off.
    pub worst: Option<Worst>,
}

impl Comparison {
    /// Whether the error is within its tolerance; NaN is not.
    pub fn ok(&self) -> bool {
        self.max_relative_error <= self.tolerance
    }
}

/// One entry of a gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worst {
    /// Its tensor.
    pub tensor: &'static str,
    /// Its place in the tensor.
    pub index: usize,
    /// What was computed.
    pub found: f64,
    /// What was expected.
    pub expected: f64,
}

/// The error a right gradient may have in a precision of unit roundoff `epsilon`: 4 ε (8 + √H + √(B T) + T).
///
/// A state adds H products and a weight's gradient B·T of them, in some order: rounding errors of a sum grow like the root of its length.
/// States and what flows back carry a few ε from each step to the next, at most T of them. 8 stands for the activations and casts of one
/// step, and 4 is the margin over what random nets show.
pub(super) fn tolerance(epsilon: f64, hidden: usize, bits: usize, batch: usize) -> f64 {
    let (h, t, b) = (hidden as f64, bits as f64, batch as f64);
    4.0 * epsilon * (8.0 + h.sqrt() + (b * t).sqrt() + t)
}

/// The reference's gradient, and for each tensor what its errors are measured against.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    layout: Layout,
    grad: Vec<f64>,
    /// For each tensor ‖`Σ_s` `g_s`‖, or √`Σ_s` ‖`g_s‖²` where the samples' gradients `g_s` cancel, or a hundredth of the norm of the whole
    /// gradient where even a sample's own steps cancel: rounding is as large as what was added, not as what is left.
    scales: Vec<f64>,
}

impl Expected {
    /// Collects the gradients of single samples.
    pub(super) fn new(layout: Layout, samples: impl Iterator<Item = Vec<f64>>) -> Self {
        let mut grad = vec![0.0; layout.len()];
        let mut squares = vec![0.0; layout.tensors().len()];
        for sample in samples {
            for (square, tensor) in squares.iter_mut().zip(layout.tensors()) {
                *square += square_norm(&sample[tensor.range()]);
            }
            grad.iter_mut().zip(&sample).for_each(|(sum, g)| *sum += g);
        }
        let floor = square_norm(&grad).sqrt() / 100.0;
        let scales = layout
            .tensors()
            .iter()
            .zip(squares)
            .map(|(tensor, square)| square_norm(&grad[tensor.range()]).max(square).sqrt().max(floor));
        let scales = scales.collect();
        Self { layout, grad, scales }
    }

    /// The largest error of a tensor relative to its scale, and the entry that is furthest off. NaN and infinity are errors of
    /// any size.
    pub(super) fn error_of(&self, found: &[f64]) -> (f64, Option<Worst>) {
        let (mut largest, mut worst, mut furthest) = (0.0_f64, None, 0.0_f64);
        for (tensor, scale) in self.layout.tensors().iter().zip(&self.scales) {
            let mut square = 0.0;
            let pairs = found[tensor.range()].iter().zip(&self.grad[tensor.range()]);
            for (index, (&found, &expected)) in pairs.enumerate() {
                let off = relative(found, expected, *scale);
                square += off * off;
                if off > furthest {
                    furthest = off;
                    worst = Some(Worst { tensor: tensor.name, index, found, expected });
                }
            }
            largest = largest.max(square.sqrt());
        }
        (largest, worst)
    }
}

/// |found − expected| relative to `scale`: 0 if they are equal, whatever the scale; infinity, the largest error of all, for NaN.
pub(super) fn relative(found: f64, expected: f64, scale: f64) -> f64 {
    let error = (found - expected).abs() / scale;
    match (found == expected, error.is_nan()) {
        (true, _) => 0.0,
        (false, true) => f64::INFINITY,
        (false, false) => error,
    }
}

/// ‖x‖².
pub(super) fn square_norm(values: &[f64]) -> f64 {
    values.iter().map(|x| x * x).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_relative_to_their_tensor_and_nan_is_never_ok() {
        let layout = Layout::of(&Config { hidden: 1, ..Config::default() });
        let grad = [3.0, 4.0, 100.0, 1.0, 0.0, 1.0];
        let expected = Expected::new(layout, std::iter::once(grad.to_vec()));
        let off = |index: usize, value: f64| {
            let mut found = grad;
            found[index] = value;
            expected.error_of(&found)
        };
        assert_eq!(off(0, 3.0), (0.0, None), "equal");
        let (error, worst) = off(1, 4.5);
        assert!((error - 0.1).abs() < 1e-15, "0.5 of a norm of 5, found {error}");
        assert_eq!(worst, Some(Worst { tensor: "w_ih", index: 1, found: 4.5, expected: 4.0 }));
        let (error, _) = off(4, 0.01);
        assert!((error - 0.01).abs() < 1e-4, "a vanishing tensor is held against a hundredth of 100.1, found {error}");
        let (error, worst) = off(2, f64::NAN);
        assert!(error.is_infinite() && worst.is_some_and(|w| w.tensor == "w_hh"), "NaN: {error}");
    }

    #[test]
    fn samples_that_cancel_count_with_what_was_added() {
        let layout = Layout::of(&Config { hidden: 1, ..Config::default() });
        let samples = [1.0, -1.0].map(|sign| vec![0.0, 0.0, 3.0 * sign, 0.0, 0.0, 0.0]);
        let expected = Expected::new(layout, samples.into_iter());
        let (error, _) = expected.error_of(&[0.0, 0.0, 0.1, 0.0, 0.0, 0.0]);
        assert!((error - 0.1 / 18_f64.sqrt()).abs() < 1e-15, "found {error}");
    }
}
