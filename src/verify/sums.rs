//! Counts a net's wrong sums set by set, and finds its worst sum.

use crate::task::{Minibatch, PairSet};
use crate::train::{Engine, WorstSearch};
use serde::Serialize;

/// How a net did on a set of sums.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tried {
    /// Width of the additions.
    pub bits: usize,
    /// Sums tried.
    pub pairs: u64,
    /// Sums with a wrong bit.
    pub wrong: u64,
    /// Which sums.
    pub pattern: String,
    /// The worst sum, if the set is what a search found.
    #[serde(flatten)]
    pub nearest: Option<NearestSum>,
}

/// The sum that came nearest to a wrong answer, or has one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NearestSum {
    /// First operand.
    pub a: String,
    /// Second operand.
    pub b: String,
    /// The bit of the sum that is judged.
    pub bit: usize,
    /// How far the answer is on the right side, as a pre-activation.
    pub margin: f32,
}

/// Counts the wrong sums of a set, and reports each chunk.
pub fn try_set(engine: &mut Engine<f32>, set: &PairSet, mut on_chunk: impl FnMut()) -> Tried {
    let (mut batch, mut wrong) = (Minibatch::default(), 0);
    for chunk in 0..set.chunks() {
        set.fill(chunk, &mut batch);
        wrong += engine.evaluate(&batch, None).wrong_samples;
        on_chunk();
    }
    Tried { bits: set.bits(), pairs: set.pairs() as u64, wrong, pattern: set.pattern().to_string(), nearest: None }
}

/// Searches for the worst sum of a width; `None` if it has none.
pub fn try_worst(engine: &mut Engine<f32>, bits: usize) -> Option<Tried> {
    let sum = engine.worst_sum(&WorstSearch::within(bits), || true)?;
    let nearest = NearestSum { a: sum.a.to_string(), b: sum.b.to_string(), bit: sum.bit, margin: sum.margin };
    Some(Tried { bits, pairs: 1, wrong: sum.wrong().into(), pattern: "worst".into(), nearest: Some(nearest) })
}
