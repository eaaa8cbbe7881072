//! When is a net said to have solved addition?

use super::engine::Engine;
use super::settings::Settings;
use super::worst::WorstSearch;
use crate::kernel::Float;
use crate::model::Cell;
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

/// The sums that decide. Up to 9 bits they are all pairs, at most 2^16.
///
/// Beyond, they are adversarial sums, random ones and sums of random runs at 4 times the width, and
/// the worst sum that a [`WorstSearch`] finds. An LSTM, whose cell state has no bound, gets many
/// more runs and a longer search.
#[derive(Debug, Clone)]
pub struct Check {
    parts: Vec<CheckPart>,
}

#[derive(Debug, Clone)]
enum CheckPart {
    Sums(PairSet),
    /// Counts as one sum, the worst.
    Worst(WorstSearch),
}

/// The most pairs that are checked one by one.
const PAIRS: usize = 1 << 16;
/// Random sums where there are more; sums of random runs that turn most nets away, the rest of
/// those, and many more where a cell's states have no bound.
const RANDOM: usize = 64;
const FEW_RUNS: usize = 64;
const MORE_RUNS: usize = 128;
const MANY_RUNS: usize = 1024;

impl Check {
    /// The check of a training. Its random pairs are a function of the seed.
    pub fn of(settings: &Settings) -> Self {
        let Settings { config, bits, seed, .. } = *settings;
        if pairs_of(bits).is_some_and(|pairs| pairs <= PAIRS) {
            return Self { parts: vec![CheckPart::Sums(PairSet::exhaustive(bits).expect("few bits"))] };
        }
        // What turns most nets away for its cost comes first.
        let uniform = |pairs| CheckPart::Sums(PairSet::uniform(4 * bits, pairs, seed, Purpose::Check));
        let runs = |pairs| CheckPart::Sums(PairSet::runs(4 * bits, pairs, seed, Purpose::Check));
        let adversarial = CheckPart::Sums(PairSet::adversarial(4 * bits));
        let worst = CheckPart::Worst(WorstSearch::of(config.cell, bits));
        let mut parts = vec![runs(FEW_RUNS), uniform(RANDOM), adversarial, worst, runs(MORE_RUNS)];
        if config.cell == Cell::Lstm {
            parts.push(runs(MANY_RUNS));
        }
        Self { parts }
    }

    /// How many pairs it counts.
    pub fn pairs(&self) -> u64 {
        let pairs = |part: &CheckPart| if let CheckPart::Sums(set) = part { set.pairs() as u64 } else { 1 };
        self.parts.iter().map(pairs).sum()
    }

    /// Tries every pair. Before each chunk, `go_on` hears how many pairs are done, and says whether
    /// to go on; if not, there is no score.
    pub fn run<F: Float + Real>(&self, engine: &mut Engine<F>, mut go_on: impl FnMut(u64) -> bool) -> Option<Score> {
        self.try_pairs(engine, false, &mut go_on)
    }

    /// Whether every pair is right: [`Check::run`] that stops after the first chunk with a wrong
    /// one.
    pub fn passes<F: Float + Real>(&self, engine: &mut Engine<F>, mut go_on: impl FnMut(u64) -> bool) -> Option<bool> {
        Some(self.try_pairs(engine, true, &mut go_on)?.wrong == 0)
    }

    fn try_pairs<F: Float + Real>(
        &self,
        engine: &mut Engine<F>,
        up_to_a_wrong_one: bool,
        go_on: &mut dyn FnMut(u64) -> bool,
    ) -> Option<Score> {
        let (mut batch, mut score) = (Minibatch::default(), Score::default());
        for part in &self.parts {
            for chunk in 0..if let CheckPart::Sums(set) = part { set.chunks() } else { 1 } {
                if up_to_a_wrong_one && score.wrong > 0 {
                    return Some(score);
                }
                if !go_on(score.total) {
                    return None;
                }
                match part {
                    CheckPart::Sums(set) => {
                        set.fill(chunk, &mut batch);
                        score.wrong += if up_to_a_wrong_one {
                            u64::from(!engine.all_right(&batch))
                        } else {
                            engine.evaluate(&batch, None).wrong_samples
                        };
                        score.total += batch.samples() as u64;
                    }
                    CheckPart::Worst(search) => {
                        score.wrong += u64::from(engine.worst_sum(search, || go_on(score.total))?.wrong());
                        score.total += 1;
                    }
                }
            }
        }
        Some(score)
    }
}

/// Tries every pair of a set.
pub fn score<F: Float + Real>(engine: &mut Engine<F>, set: &PairSet) -> Score {
    let all = Check { parts: vec![CheckPart::Sums(*set)] };
    all.run(engine, |_| true).expect("it is not stopped")
}
