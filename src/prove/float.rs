//! The proof of the floats themselves, and its certificate.

use super::boxes::{Open, Region, boxes};
use super::check_float::{CheckedFloat, MAGIC, check_float};
use super::file::{code, sealed};
use crate::model::{Activation, Cell, Config, Model, digits};

/// A float proof: boxes that its checker has gone through.
#[derive(Debug, Clone, PartialEq)]
pub struct FloatProof {
    /// Inputs that tell boxes apart.
    pub memory: u32,
    /// The checker's statement.
    pub checked: CheckedFloat,
    pub(super) boxes: Vec<Region>,
    certificate: Vec<u8>,
}

/// The most inputs that tell boxes apart.
pub(super) const MEMORY: u32 = 3;
/// Products that a search may make by default: some seconds.
const WORK: usize = 1 << 33;

impl FloatProof {
    /// Looks for boxes, told apart by as few inputs as possible, and has them checked.
    ///
    /// # Errors
    /// Why nothing is proved.
    pub fn of(model: &Model<f32>) -> Result<Self, Open> {
        Self::within(model, MEMORY, WORK)
    }

    /// Looks for boxes for some 50 ms.
    ///
    /// # Errors
    /// Why nothing is proved.
    pub fn instantly(model: &Model<f32>) -> Result<Self, Open> {
        Self::within(model, MEMORY, 1 << 25)
    }

    /// Looks for boxes that at most `most` inputs tell apart, with at most `work` products of
    /// weights and ends of intervals.
    ///
    /// # Errors
    /// Why nothing is proved.
    pub(super) fn within(model: &Model<f32>, most: u32, mut work: usize) -> Result<Self, Open> {
        let epsilon = epsilon(&model.config);
        let mut open = Open::Answer;
        for memory in u32::from(model.config.cell == Cell::Dynamic)..=most {
            match boxes(model, epsilon, memory, &mut work) {
                Ok(boxes) => return Ok(Self::checked(model, epsilon, memory, boxes)),
                Err(Open::Answer) => {}
                Err(other) => open = other,
            }
        }
        Err(open)
    }

    fn checked(model: &Model<f32>, epsilon: f64, memory: u32, boxes: Vec<Region>) -> Self {
        let certificate = certificate(model, epsilon, &boxes);
        let checked = check_float(&certificate).expect("the search leaves more room than the checker needs");
        Self { memory, checked, boxes, certificate }
    }

    /// The bytes of the certificate.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Whether the bytes of a file begin as a float certificate's.
    pub fn is_certificate(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// The name that certificates have for a net: 16 hexadecimal digits of SHA-256 over what it is
    /// and its weights.
    pub fn net_hash(model: &Model<f32>) -> String {
        digits(&net_bytes(model))
    }

    /// The name of the certificate: 16 hexadecimal digits of SHA-256.
    pub fn hash(&self) -> String {
        digits(&self.certificate)
    }
}

/// What the proof leaves for the errors of a step: twice the roundings of the longest sum in `f32`,
/// and of 16 more operations.
fn epsilon(config: &Config) -> f64 {
    (config.hidden + 16) as f64 / f64::from(1 << 23)
}

/// The bytes of a net in a certificate.
fn net_bytes(model: &Model<f32>) -> Vec<u8> {
    let config = &model.config;
    let number = |activation| match activation {
        Activation::Sigmoid => 0,
        Activation::Tanh => 1,
        Activation::Relu => 2,
    };
    let hidden = u32::try_from(config.hidden).expect("at most 2^15");
    let cell = code(config.cell, config.lstm_form);
    let head = [cell, hidden, number(config.activation), number(config.output), config.bias.into()];
    head.into_iter().flat_map(u32::to_le_bytes).chain(model.params.iter().flat_map(|w| w.to_le_bytes())).collect()
}

pub(super) fn certificate(model: &Model<f32>, epsilon: f64, boxes: &[Region]) -> Vec<u8> {
    let small = |n: usize| u32::try_from(n).expect("few boxes").to_le_bytes();
    let mut bytes = [MAGIC, &net_bytes(model), &epsilon.to_le_bytes(), &small(boxes.len())].concat();
    for region in boxes {
        bytes.extend([region.carry, region.before].into_iter().flat_map(|n| u32::from(n).to_le_bytes()));
        bytes.extend(region.next.into_iter().flat_map(small));
        bytes.extend(region.lo.iter().zip(&region.hi).flat_map(|(lo, hi)| [lo, hi]).flat_map(|end| end.to_le_bytes()));
    }
    sealed(bytes)
}
