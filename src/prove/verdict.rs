//! From a trained net to a verdict: formats are tried from the coarsest, and the first that is
//! proved is enough.

use super::net::{FixedPoint, IntegerNet};
use super::search::{Verdict, Walk};
use crate::error::Result;
use crate::model::Model;
use num_bigint::BigUint;

/// A shortest addition that a network gets wrong: its answer's bit `bits − 1` is wrong, and no
/// addition of fewer bits goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterexample {
    /// First operand.
    pub a: BigUint,
    /// Second operand.
    pub b: BigUint,
    /// Steps up to the wrong bit and with it; the operands may use all of them.
    pub bits: usize,
}

/// One network, and what the walk over its states came to.
#[derive(Debug)]
pub struct Proof {
    /// The network.
    pub net: IntegerNet,
    /// The walk.
    pub walk: Walk,
    /// The verdict.
    pub verdict: Verdict,
}

impl Proof {
    /// Walks a network, over at most `max_states` states.
    pub fn of(net: IntegerNet, max_states: usize) -> Self {
        let walk = Walk::of(&net, max_states);
        Self { verdict: walk.verdict(), net, walk }
    }

    /// The least distance of an output to the wrong side, as a pre-activation.
    pub fn margin(&self) -> f64 {
        self.walk.margin as f64 / self.net.unit()
    }

    /// The inputs, a + 2b, of the shortest addition it gets wrong, if it is refuted.
    pub fn failing_inputs(&self) -> Option<Vec<u8>> {
        let (node, input) = self.walk.wrong?;
        let mut path = self.walk.path(node);
        path.push(input);
        Some(path)
    }

    /// The shortest addition it gets wrong, if it is refuted.
    pub fn counterexample(&self) -> Option<Counterexample> {
        let path = self.failing_inputs()?;
        let (mut a, mut b) = (BigUint::default(), BigUint::default());
        for (step, x) in path.iter().enumerate() {
            a.set_bit(step as u64, x & 1 == 1);
            b.set_bit(step as u64, x >> 1 == 1);
        }
        Some(Counterexample { a, b, bits: path.len() })
    }
}

/// Tries formats, coarsest first, until one is proved, and reports each walk. Returns the proof;
/// else the last undecided walk, if there is one, or the last walk. Two undecided walks in a row
/// end it, since finer formats have more states.
///
/// # Errors
/// As for [`IntegerNet::new`]; [`Error::Usage`](crate::Error::Usage) also for no format.
pub fn prove(
    model: &Model<f32>,
    formats: &[FixedPoint],
    max_states: usize,
    mut told: impl FnMut(&Proof),
) -> Result<Proof> {
    let mut best: Option<Proof> = None;
    let mut undecided = 0;
    for &format in formats {
        let proof = Proof::of(IntegerNet::new(model, format)?, max_states);
        told(&proof);
        undecided = if proof.verdict == Verdict::Undecided { undecided + 1 } else { 0 };
        if proof.verdict == Verdict::Proved {
            return Ok(proof);
        }
        let worth = |proof: &Proof| proof.verdict == Verdict::Undecided;
        if best.as_ref().is_none_or(|best| worth(&proof) || !worth(best)) {
            best = Some(proof);
        }
        if undecided == 2 {
            break;
        }
    }
    best.ok_or_else(|| crate::Error::usage("no format to try"))
}
