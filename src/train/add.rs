//! Two numbers added by a net.

use super::engine::Engine;
use crate::error::Result;
use crate::kernel::Float;
use crate::reference::Real;
use crate::task::number::{to_uint, width_of_sum};
use crate::task::{BitTensor, Minibatch};
use num_bigint::BigUint;

impl<F: Float + Real> Engine<F> {
    /// The net's answer to `a + b`, right or wrong, at the width that the sum needs.
    ///
    /// # Errors
    /// None today; a result for widths that may come to be refused.
    pub fn add(&mut self, a: &BigUint, b: &BigUint) -> Result<BigUint> {
        let bits = width_of_sum(a, b);
        let batch = Minibatch::from_pairs(&[(a.clone(), b.clone())], bits)?;
        let mut predicted = BitTensor::new(1, bits);
        self.evaluate(&batch, Some(&mut predicted));
        Ok(to_uint(&predicted, 0))
    }
}
