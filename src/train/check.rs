//! When is a net said to have solved addition?

use super::engine::Engine;
use super::settings::Settings;
use super::worst::WorstSearch;
use crate::kernel::Float;
use crate::model::Cell;
use crate::reference::Real;
use crate::task::addition::pairs_of;
use crate::task::rng::{Purpose, mix};
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
/// Beyond, they are adversarial sums and some of random runs at 4 times the width, and the worst
/// sum that a [`WorstSearch`] finds. An LSTM, whose cell state has no bound, gets many more runs
/// and a longer search. None of 3,180 nets that passed was wrong in one of 1,024 uniform sums.
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
/// Sums of random runs where there are more, and how many times as many where a cell's states have
/// no bound.
const RUNS: usize = 64;
const MORE: u64 = 16;

impl Check {
    /// The check of a training. Its random pairs are a function of the seed.
    pub fn of(settings: &Settings) -> Self {
        let Settings { config, bits, seed, .. } = *settings;
        if pairs_of(bits).is_some_and(|pairs| pairs <= PAIRS) {
            return Self { parts: vec![CheckPart::Sums(PairSet::exhaustive(bits).expect("few bits"))] };
        }
        // What turns most nets away for its cost comes first.
        let runs = |part| CheckPart::Sums(PairSet::runs(4 * bits, RUNS, mix(seed) ^ part, Purpose::Check));
        let adversarial = CheckPart::Sums(PairSet::adversarial(4 * bits));
        let mut parts = vec![runs(0), adversarial, CheckPart::Worst(WorstSearch::of(&config, bits))];
        if config.cell == Cell::Lstm {
            parts.extend((1..=MORE).map(runs));
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
        let mut score = Score::default();
        self.parts.iter().try_for_each(|part| part.add_to(&mut score, engine, false, &mut go_on))?;
        Some(score)
    }

    /// Whether every pair is right: [`Check::run`] that stops after the first chunk with a wrong
    /// one. What turned the net away is tried first the next time.
    pub fn passes<F: Float + Real>(
        &mut self,
        engine: &mut Engine<F>,
        mut go_on: impl FnMut(u64) -> bool,
    ) -> Option<bool> {
        let mut score = Score::default();
        for place in 0..self.parts.len() {
            self.parts[place].add_to(&mut score, engine, true, &mut go_on)?;
            if score.wrong > 0 {
                self.parts[..=place].rotate_right(1);
                return Some(false);
            }
        }
        Some(true)
    }
}

impl CheckPart {
    /// Adds its pairs to a score, all or up to the first chunk with a wrong one; `None` if `go_on`
    /// says so.
    fn add_to<F: Float + Real>(
        &self,
        score: &mut Score,
        engine: &mut Engine<F>,
        up_to_a_wrong_one: bool,
        go_on: &mut dyn FnMut(u64) -> bool,
    ) -> Option<()> {
        match self {
            Self::Sums(set) => {
                let mut batch = Minibatch::default();
                for chunk in 0..set.chunks() {
                    if !go_on(score.total) {
                        return None;
                    }
                    set.fill(chunk, &mut batch);
                    score.total += batch.samples() as u64;
                    if !up_to_a_wrong_one {
                        score.wrong += engine.evaluate(&batch, None).wrong_samples;
                    } else if !engine.all_right(&batch) {
                        score.wrong += 1;
                        break;
                    }
                }
            }
            Self::Worst(search) => {
                score.wrong += u64::from(engine.worst_sum(search, || go_on(score.total))?.wrong());
                score.total += 1;
            }
        }
        Some(())
    }
}

/// Tries every pair of a set.
pub fn score<F: Float + Real>(engine: &mut Engine<F>, set: &PairSet) -> Score {
    let all = Check { parts: vec![CheckPart::Sums(*set)] };
    all.run(engine, |_| true).expect("it is not stopped")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SimdLevel;
    use crate::model::Config;
    use crate::train::EngineKind;

    #[test]
    fn what_turned_a_net_away_is_tried_first_the_next_time() {
        // Weights of 0 answer ½, which is no 1: right about sums of one bit alone.
        let mut net = Engine::<f32>::new(&Config::default(), EngineKind::Fused, SimdLevel::best(), 1).expect("a net");
        let sums = |bits| CheckPart::Sums(PairSet::exhaustive(bits).expect("few bits"));
        let mut check = Check { parts: vec![sums(1), sums(2)] };
        let mut tried = || {
            let mut chunks = 0;
            let passed = check.passes(&mut net, |_| {
                chunks += 1;
                true
            });
            (passed, chunks)
        };
        assert_eq!([tried(), tried()], [(Some(false), 2), (Some(false), 1)]);
    }
}
