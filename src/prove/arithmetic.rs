//! The arithmetic that a trained net adds with: the strongest that is proved.

use super::float::FloatProof;
use super::net::{FixedPoint, IntegerNet};
use super::search::Verdict;
use super::verdict::prove;
use crate::model::Model;
use crate::task::Sum;
use crate::task::number::width_of_sum;
use crate::train::Engine;
use num_bigint::BigUint;
use std::ops::RangeInclusive;

/// The arithmetic of a net.
#[derive(Debug)]
pub enum Arithmetic {
    /// Floats, which are proved.
    ProvedFloats(FloatProof),
    /// The integer network, which is proved.
    ProvedIntegers(IntegerNet),
    /// Floats without a proof at hand.
    Floats,
}

impl Arithmetic {
    /// The strongest arithmetic of a net. `known` is its integer network if that is proved already.
    /// Other proofs may take an instant.
    pub fn of(model: &Model<f32>, known: Option<IntegerNet>) -> Self {
        if let Ok(proof) = FloatProof::instantly(model) {
            return Self::ProvedFloats(proof);
        }
        known.or_else(|| instantly(model)).map_or(Self::Floats, Self::ProvedIntegers)
    }

    /// `float` or `integer`.
    pub fn name(&self) -> &'static str {
        if matches!(self, Self::ProvedIntegers(_)) { "integer" } else { "float" }
    }

    /// Adds two numbers, at the width the sum needs; `engine` holds the net's floats.
    pub fn add(&self, engine: &mut Engine<f32>, a: BigUint, b: BigUint) -> Sum {
        let bits = width_of_sum(&a, &b);
        let answer = match self {
            Self::ProvedIntegers(net) => net.add(&a, &b, bits),
            Self::ProvedFloats(_) | Self::Floats => engine.add(&a, &b, bits),
        };
        Sum { a, b, answer }
    }
}

/// The proved integer network of a model, if one is found in an instant.
fn instantly(model: &Model<f32>) -> Option<IntegerNet> {
    /// Products of weights that take some 50 ms, and states worth a walk.
    const WORK: usize = 1 << 25;
    const STATES: RangeInclusive<usize> = 64..=1 << 16;
    let max_states = (WORK / model.params.len()).min(*STATES.end());
    if !STATES.contains(&max_states) {
        return None;
    }
    let found = prove(model, &FixedPoint::all(&model.config), max_states, |_| {}).ok()?;
    (found.verdict == Verdict::Proved).then_some(found.net)
}
