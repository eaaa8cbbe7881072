//! A certificate of either theorem, gone through by its checker.

use super::check::{Checked, check};
use super::check_float::{CheckedFloat, check_float};
use super::float::FloatProof;
use super::net::{FixedPoint, IntegerNet};
use crate::model::Model;

/// The theorem that holds.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckedCertificate {
    /// The theorem about an integer network.
    Network(Checked),
    /// The theorem about floats.
    Floats(CheckedFloat),
}

impl CheckedCertificate {
    /// Checks the bytes of a file.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn of(bytes: &[u8]) -> Result<Self, String> {
        if FloatProof::is_certificate(bytes) {
            check_float(bytes).map(Self::Floats)
        } else {
            check(bytes).map(Self::Network)
        }
    }

    /// Whether it is about the network, or the floats, of a model.
    pub fn is_of(&self, model: &Model<f32>) -> bool {
        match self {
            Self::Floats(checked) => FloatProof::net_hash(model) == checked.net_hash,
            Self::Network(Checked { q, cell_most, network_hash, .. }) => {
                let limit = if *cell_most == 127 { u8::MAX.into() } else { cell_most >> q };
                let cell_limit = u8::try_from(limit).unwrap_or(u8::MAX);
                IntegerNet::new(model, FixedPoint { q: *q, cell_limit }).is_ok_and(|net| net.hash() == *network_hash)
            }
        }
    }
}
