//! The first number that is not finite.
//!
//! Each update looks at its loss and at the norm of its gradient before the weights move, and at
//! the largest weight and moment after. The norm is wanted anyway, for clipping and for curves; the
//! largest is found in the pass that writes.

use crate::kernel::Population;
use crate::model::Layout;
use crate::task::lanes::{LANES, PerLane};
use serde::Serialize;
use std::fmt;

/// Norms of an update: of its gradient, and of the weights after it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Norms {
    /// Euclidean norm of the mean gradient, before clipping.
    pub gradient: f64,
    /// Largest magnitude of a weight after the update.
    pub weight: f32,
}

/// Where a number stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// The loss of the minibatch.
    Loss,
    /// The gradient.
    Gradient,
    /// A weight after the update.
    Weight,
    /// Adam's mean square of the gradient.
    MeanSquare,
}

/// The first number of a training that was not finite.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Fault {
    /// The update that made it, from 1. A loss or gradient that is not finite moves no weight.
    pub update: u64,
    /// What it is of.
    pub quantity: Quantity,
    /// The tensor that holds it; `loss` for the loss.
    pub tensor: &'static str,
    /// Index in that tensor, row-major.
    pub index: usize,
    /// The number: NaN, ∞ or −∞.
    #[serde(serialize_with = "as_word")]
    pub value: f64,
    /// The norms of the last update in which all was finite; zero if there was none.
    pub last_finite: Norms,
    /// The learning rate.
    pub lr: f32,
}

/// JSON has no NaN.
fn as_word<S: serde::Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}

impl Fault {
    /// The first number of some that is not finite, and where it stands.
    pub(super) fn find(layout: &Layout, values: &[f32]) -> Option<(&'static str, usize, f64)> {
        let index = values.iter().position(|value| !value.is_finite())?;
        let (tensor, place) = layout.locate(index)?;
        Some((tensor.name, place, f64::from(values[index])))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tensor, index, value, .. } = self;
        match self.quantity {
            Quantity::Loss => write!(f, "the loss is {value}"),
            Quantity::Gradient => write!(f, "the gradient of {tensor}[{index}] is {value}"),
            Quantity::Weight => write!(f, "{tensor}[{index}] is {value}"),
            Quantity::MeanSquare => write!(f, "the mean square of the gradient of {tensor}[{index}] is {value}"),
        }
    }
}

/// Euclidean norm, in eight partial sums whose order is the same everywhere. Finite exactly if
/// every value is.
#[inline(always)]
pub(super) fn norm(values: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 8];
    let add = |(sum, &value): (&mut f64, &f32)| *sum += f64::from(value) * f64::from(value);
    let (chunks, rest) = values.as_chunks::<8>();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(add);
    }
    sums.iter_mut().zip(rest).for_each(add);
    sums.iter().sum::<f64>().sqrt()
}

/// [`norm`] of each lane's gradient.
#[inline(always)]
pub(super) fn lane_norms(nets: &mut Population<f32>) -> PerLane<f64> {
    let mut sums = [[0.0_f64; LANES]; 8];
    nets.each(
        #[inline(always)]
        |index, _, g| {
            let sums = &mut sums[index % 8];
            (0..LANES).for_each(|l| sums[l] += f64::from(g[l]) * f64::from(g[l]));
        },
    );
    std::array::from_fn(|l| sums.iter().map(|sums| sums[l]).sum::<f64>().sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Config;

    #[test]
    fn a_norm_is_finite_exactly_if_every_value_is() {
        assert_eq!(norm(&[3.0; 16]), 12.0, "16 threes");
        assert_eq!(norm(&[0.0, 3.0, 4.0]), 5.0, "fewer than eight");
        assert!(norm(&[f32::MAX; 1000]).is_finite(), "squares beyond f32");
        for place in [0, 7, 8, 20] {
            for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut values = [1.0; 21];
                values[place] = value;
                assert!(!norm(&values).is_finite(), "{value} at {place}");
            }
        }
    }

    #[test]
    fn the_first_one_is_found_in_its_tensor() {
        let layout = Layout::of(&Config { hidden: 3, ..Config::default() });
        let mut values = vec![0.0; layout.len()];
        assert_eq!(Fault::find(&layout, &values), None, "all finite");
        values[6 + 5] = f32::INFINITY;
        values[6 + 7] = f32::NAN;
        assert_eq!(Fault::find(&layout, &values), Some(("w_hh", 5, f64::INFINITY)), "after the six of w_ih");
    }
}
