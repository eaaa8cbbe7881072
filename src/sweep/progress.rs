//! The progress of a sweep, or of a run of a part of it.

use super::record::TrialOutcome;
use crate::train::Times;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// How far trials have come.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Progress {
    /// Trials to be done.
    pub planned: usize,
    /// Trials that are done.
    pub done: usize,
    /// How the done trials ended.
    #[serde(flatten, serialize_with = "counts")]
    pub outcomes: BTreeMap<TrialOutcome, usize>,
    /// Time since the run began; of a sweep, time in which at least one run was under way.
    pub seconds: f64,
    /// Parts of the time of all threads.
    #[serde(flatten)]
    pub times: Times,
}

impl Progress {
    /// Counts a trial that ended.
    pub(super) fn count(&mut self, outcome: TrialOutcome) {
        self.done += 1;
        *self.outcomes.entry(outcome).or_default() += 1;
    }

    /// Trials that are not done yet.
    pub fn missing(&self) -> usize {
        self.planned - self.done
    }

    /// Trials done a second.
    pub fn trials_per_s(&self) -> f64 {
        if self.seconds > 0.0 { self.done as f64 / self.seconds } else { 0.0 }
    }

    /// Time that the missing trials take at this rate, if there is one.
    pub fn seconds_left(&self) -> Option<f64> {
        (self.trials_per_s() > 0.0 && self.missing() > 0).then(|| self.missing() as f64 / self.trials_per_s())
    }
}

/// Each outcome with its count. Proved trials count as solved too.
fn counts<S: Serializer>(outcomes: &BTreeMap<TrialOutcome, usize>, serializer: S) -> Result<S::Ok, S::Error> {
    let of = |outcome| outcomes.get(&outcome).copied().unwrap_or(0);
    let proved = of(TrialOutcome::Proved);
    serializer.collect_map(
        TrialOutcome::ALL
            .map(|outcome| (outcome, of(outcome) + if outcome == TrialOutcome::Solved { proved } else { 0 })),
    )
}
