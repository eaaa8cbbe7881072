//! When is a net said to have solved addition?

use super::engine::Engine;
use crate::error::Result;
use crate::kernel::Float;
use crate::reference::Real;
use crate::task::addition::pairs_of;
use crate::task::rng::Purpose;
use crate::task::{Minibatch, PairSet};

/// How a net did on a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Score {
    /// Additions with a wrong bit.
    pub wrong: u64,
    /// Additions tried.
    pub total: u64,
}

/// The pairs that decide: every pair where there are at most 2^16 of them (up to 9 bits); beyond, 2^16 random pairs and the
/// adversarial ones, at this width and at 4 times this width.
#[derive(Debug, Clone)]
pub struct Check {
    sets: Vec<PairSet>,
}

/// The most pairs that are checked one by one, and the number of random ones where there are more.
const PAIRS: usize = 1 << 16;

impl Check {
    /// The check of a width. Its random pairs are a function of `seed`.
    ///
    /// # Errors
    /// Never for a width that can be trained.
    pub fn new(bits: usize, seed: u64) -> Result<Self> {
        if pairs_of(bits).is_some_and(|pairs| pairs <= PAIRS) {
            return Ok(Self { sets: vec![PairSet::exhaustive(bits)?] });
        }
        let sets = [bits, 4 * bits].into_iter().flat_map(|bits| {
            // The adversarial ones first: they are few, and they fail first.
            [PairSet::adversarial(bits), PairSet::uniform(bits, PAIRS, seed, Purpose::Check)]
        });
        Ok(Self { sets: sets.collect() })
    }

    /// How many pairs it tries.
    pub fn pairs(&self) -> u64 {
        self.sets.iter().map(|set| set.pairs() as u64).sum()
    }

    /// Tries every pair. Before each chunk, `go_on` hears how many pairs are done, and says whether
    /// to go on; if not, there is no score.
    pub fn run<F: Float + Real>(&self, engine: &mut Engine<F>, go_on: impl FnMut(u64) -> bool) -> Option<Score> {
        self.try_pairs(engine, false, go_on)
    }

    /// Whether every pair is right, found out as [`Check::run`] does, but no further than the first
    /// chunk with a wrong one.
    pub fn passes<F: Float + Real>(&self, engine: &mut Engine<F>, go_on: impl FnMut(u64) -> bool) -> Option<bool> {
        Some(self.try_pairs(engine, true, go_on)?.wrong == 0)
    }

    fn try_pairs<F: Float + Real>(
        &self,
        engine: &mut Engine<F>,
        up_to_a_wrong_one: bool,
        mut go_on: impl FnMut(u64) -> bool,
    ) -> Option<Score> {
        let (mut batch, mut score) = (Minibatch::default(), Score::default());
        for (set, chunk) in self.sets.iter().flat_map(|set| (0..set.chunks()).map(move |chunk| (set, chunk))) {
            if up_to_a_wrong_one && score.wrong > 0 {
                break;
            }
            if !go_on(score.total) {
                return None;
            }
            set.fill(chunk, &mut batch);
            score.wrong += engine.evaluate(&batch, None).wrong_samples;
            score.total += batch.samples() as u64;
        }
        Some(score)
    }
}

/// Tries every pair of a set.
pub fn score<F: Float + Real>(engine: &mut Engine<F>, set: &PairSet) -> Score {
    let mut batch = Minibatch::default();
    let mut score = Score { wrong: 0, total: set.pairs() as u64 };
    for chunk in 0..set.chunks() {
        set.fill(chunk, &mut batch);
        score.wrong += engine.evaluate(&batch, None).wrong_samples;
    }
    score
}
