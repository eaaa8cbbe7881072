//! Activations as monotone tables of thresholds: no float, no rounding mode, the same everywhere.

use super::fixed::{ceiling, ln, power};
use crate::model::Activation;

/// A step function that never falls: `first`, and one more for every threshold that z reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The value below all thresholds.
    pub(super) first: i32,
    /// Where the value rises by one, ascending; a repeated threshold is a rise by two.
    pub(super) thresholds: Vec<i32>,
}

impl Table {
    /// φ(z) rounded to `bits` fractional bits, half up, for z with `z_bits` fractional bits; `most`
    /// is the largest magnitude it takes.
    ///
    /// The value k is reached where φ(z) ≥ (k − ½) / 2^bits, that is where z ≥ φ⁻¹((k − ½) /
    /// 2^bits).
    pub(super) fn of(activation: Activation, z_bits: u32, bits: u32, most: i32) -> Self {
        let one = 1 << bits;
        let (first, last) = match activation {
            Activation::Sigmoid => (0, one),
            Activation::Tanh => (-one, one),
            Activation::Relu => (0, most),
        };
        let inverse = |y: f64| match activation {
            Activation::Sigmoid => ln(y / (1.0 - y)),
            Activation::Tanh => ln((1.0 + y) / (1.0 - y)) / 2.0,
            Activation::Relu => y,
        };
        let rises = (first + 1).max(-most)..=last.min(most);
        let threshold = |k: i32| ceiling(inverse((f64::from(k) - 0.5) / power(bits)), z_bits);
        Self { first: first.max(-most), thresholds: rises.map(threshold).collect() }
    }

    /// The value at z.
    pub fn at(&self, z: i32) -> i32 {
        let reached = self.thresholds.partition_point(|&threshold| threshold <= z);
        self.first + i32::try_from(reached).expect("at most a few hundred thresholds")
    }

    /// The largest magnitude it takes.
    pub(super) fn magnitude(&self) -> i32 {
        self.first.abs().max(self.at(i32::MAX).abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_round_the_function_they_stand_for() {
        for activation in Activation::ALL {
            for bits in 0..=6 {
                let table = Table::of(activation, 12, bits, 127);
                assert!(table.thresholds.is_sorted(), "{activation}, {bits} bits");
                for z in (-40_000..40_000).step_by(37) {
                    let wanted = activation.apply(f64::from(z) / 4096.0) * power(bits);
                    let found = f64::from(table.at(z));
                    let cut = wanted.min(127.0);
                    assert!(
                        (found - cut).abs() <= 0.5 + 1e-9,
                        "{activation}({z}/4096) in {bits} bits: {found}, {wanted}"
                    );
                }
            }
        }
    }

    #[test]
    fn values_are_cut_to_the_largest() {
        let table = Table::of(Activation::Relu, 12, 2, 127);
        assert_eq!((table.at(i32::MAX), table.at(i32::MIN), table.magnitude()), (127, 0, 127));
        assert_eq!(Table::of(Activation::Tanh, 12, 1, 127).magnitude(), 2);
    }
}
