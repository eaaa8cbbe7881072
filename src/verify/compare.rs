//! Two gradients compared, tensor by tensor.

use crate::kernel::SimdLevel;
use crate::model::{Config, Layout};
use crate::train::EngineKind;
use crate::words::words;
use serde::Serialize;

/// What a gradient was compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Against {
    /// The reference, with central differences of its loss.
    Differences,
    /// An engine, with the reference.
    Reference,
}

words!(Against "side": Differences = "differences", Reference = "reference");

/// The precision of the gradient that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// Single.
    F32,
    /// Double.
    F64,
}

words!(Precision "precision": F32 = "f32", F64 = "f64");

/// One comparison of a gradient with the one below it.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The net.
    pub config: Config,
    /// What it was compared with.
    pub against: Against,
    /// Precision of the gradient that is checked; the other side is always `f64`.
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
    /// Tolerance of the error.
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
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Worst {
    /// Name of the tensor.
    pub tensor: &'static str,
    /// Place in the tensor.
    pub index: usize,
    /// What was computed.
    pub found: f64,
    /// What was expected.
    pub expected: f64,
}

/// The error a right gradient may have in a precision of unit roundoff `epsilon`: 4 ε (8 + √H + √(B
/// T) + T).
///
/// A state is a sum of H products and a weight's gradient one of B·T. Rounding errors of a sum grow
/// like the root of its length. States and deltas carry a few ε from each step to the next, over at
/// most T steps. 8 stands for the activations and casts of one step; 4 is the margin over what
/// random nets show.
pub(super) fn tolerance(epsilon: f64, hidden: usize, bits: usize, batch: usize) -> f64 {
    let (h, t, b) = (hidden as f64, bits as f64, batch as f64);
    4.0 * epsilon * (8.0 + h.sqrt() + (b * t).sqrt() + t)
}

/// The reference's gradient, and for each tensor what its errors are measured against.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    layout: Layout,
    grad: Vec<f64>,
    /// What rounding took from each entry of `grad`: plain sums of so many equal parts would drift.
    lost: Vec<f64>,
    /// The sum of the squares of each tensor's parts; once finished, the norm of its gradient, or
    /// of its parts where they cancel. Rounding is as large as what was added, not as what is left.
    scales: Vec<f64>,
    /// The tensor of each entry.
    tensor_of: Vec<usize>,
}

impl Expected {
    /// A gradient of zero parts.
    pub(super) fn new(layout: Layout) -> Self {
        let tensors = layout.tensors().iter().enumerate();
        let tensor_of = tensors.flat_map(|(place, tensor)| std::iter::repeat_n(place, tensor.len())).collect();
        let (zeros, scales) = (vec![0.0; layout.len()], vec![0.0; layout.tensors().len()]);
        Self { layout, grad: zeros.clone(), lost: zeros, scales, tensor_of }
    }

    /// Adds a part of an entry.
    ///
    /// # Source
    /// Knuth's two-sum, which knows exactly what the sum rounded off.
    pub(super) fn add(&mut self, index: usize, part: f64) {
        let sum = self.grad[index] + part;
        let virtual_part = sum - self.grad[index];
        self.lost[index] += (self.grad[index] - (sum - virtual_part)) + (part - virtual_part);
        self.grad[index] = sum;
        self.scales[self.tensor_of[index]] += part * part;
    }

    /// Finishes the scales, once all parts are added.
    pub(super) fn finish(&mut self) {
        self.grad.iter_mut().zip(&self.lost).for_each(|(grad, lost)| *grad += lost);
        for (scale, tensor) in self.scales.iter_mut().zip(self.layout.tensors()) {
            *scale = scale.max(square_norm(&self.grad[tensor.range()])).sqrt();
        }
    }

    /// The largest error of a tensor relative to its scale, and the entry that is furthest off. NaN
    /// and infinity count as the largest errors.
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

/// The error `|found − expected| / scale`: 0 if they are equal, whatever the scale; ∞ for NaN.
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
        let mut expected = Expected::new(layout);
        grad.iter().enumerate().for_each(|(index, &g)| expected.add(index, g));
        expected.finish();
        let off = |index: usize, value: f64| {
            let mut found = grad;
            found[index] = value;
            expected.error_of(&found)
        };
        assert_eq!(off(0, 3.0), (0.0, None), "equal");
        let (error, worst) = off(1, 4.5);
        assert!((error - 0.1).abs() < 1e-15, "0.5 of a norm of 5, found {error}");
        assert_eq!(worst, Some(Worst { tensor: "w_ih", index: 1, found: 4.5, expected: 4.0 }));
        assert!(off(4, 1e-9).0.is_infinite(), "where nothing is added, nothing may be found");
        let (error, worst) = off(2, f64::NAN);
        assert!(error.is_infinite() && worst.is_some_and(|w| w.tensor == "w_hh"), "NaN: {error}");
    }

    #[test]
    fn parts_that_cancel_count_with_what_was_added() {
        let layout = Layout::of(&Config { hidden: 1, ..Config::default() });
        let mut expected = Expected::new(layout);
        [3.0, -3.0].into_iter().for_each(|part| expected.add(2, part));
        expected.finish();
        let (error, _) = expected.error_of(&[0.0, 0.0, 0.1, 0.0, 0.0, 0.0]);
        assert!((error - 0.1 / 18_f64.sqrt()).abs() < 1e-15, "found {error}");
    }
}
