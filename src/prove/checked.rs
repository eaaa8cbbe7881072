//! The file of a certificate, of either theorem, gone through by its checker.

use super::certificate::Certificate;
use super::check::{Checked, check};
use super::check_float::{CheckedFloat, check_float};
use super::coq::Theorem;
use super::float::FloatProof;
use super::net::{FixedPoint, IntegerNet};
use crate::error::{Error, Result};
use crate::model::Model;
use std::path::Path;

/// The theorem that holds.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckedCertificate {
    /// The theorem about an integer network.
    Network(Checked),
    /// The theorem about floats, and the bytes of the certificate.
    Floats(CheckedFloat, Vec<u8>),
}

impl CheckedCertificate {
    /// Reads a file and checks it.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::Data`] with what is wrong with it.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = Certificate::read(path)?;
        let checked = match FloatProof::is_certificate(&bytes) {
            true => check_float(&bytes).map(|checked| Self::Floats(checked, bytes)),
            false => check(&bytes).map(Self::Network),
        };
        checked.map_err(|problem| Error::data(path, problem))
    }

    /// The theorem, for Coq.
    ///
    /// # Errors
    /// What is wrong with the network of the certificate, in words.
    pub fn theorem(&self) -> std::result::Result<Theorem, String> {
        match self {
            Self::Floats(_, certificate) => Ok(Theorem::of_floats(certificate)),
            Self::Network(Checked { network, depth, .. }) => {
                Ok(Theorem::new(&IntegerNet::from_bytes(network)?, *depth))
            }
        }
    }

    /// Whether it is about the network, or the floats, of a model.
    pub fn is_of(&self, model: &Model<f32>) -> bool {
        match self {
            Self::Floats(checked, _) => FloatProof::net_hash(model) == checked.net_hash,
            Self::Network(Checked { q, cell_most, network_hash, .. }) => {
                let limit = if *cell_most == 127 { u8::MAX.into() } else { cell_most >> q };
                let cell_limit = u8::try_from(limit).unwrap_or(u8::MAX);
                IntegerNet::new(model, FixedPoint { q: *q, cell_limit }).is_ok_and(|net| net.hash() == *network_hash)
            }
        }
    }
}
