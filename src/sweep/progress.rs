//! The progress of a sweep, or of a run of a part of it.

use super::record::{TrialOutcome, TrialRecord};
use super::store::DamagedLine;
use crate::train::Times;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, HashMap};

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
    /// Lines that are left out, since they are not whole.
    #[serde(skip)]
    pub damaged: Vec<DamagedLine>,
}

/// What is known of a run: when it began, and how long it took.
#[derive(Debug, Default)]
struct RunTime {
    began: f64,
    seconds: f64,
    threads: usize,
}

impl Progress {
    /// The progress of a sweep, by its records. A run that was killed is known up to its last one.
    pub(super) fn of(planned: usize, records: &[&TrialRecord], damaged: &[DamagedLine]) -> Self {
        let mut all = Self { planned, damaged: damaged.to_vec(), ..Self::default() };
        let mut runs: HashMap<&str, RunTime> = HashMap::new();
        for record in records {
            let machine = &record.machine;
            let run = runs.entry(&machine.run).or_default();
            (run.began, run.threads) = (machine.run_began_unix_s, machine.threads);
            run.seconds = run.seconds.max(machine.run_seconds);
            all.count(record);
        }
        let runs: Vec<RunTime> = runs.into_values().collect();
        all.times = all.times.within(runs.iter().map(|run| run.seconds * run.threads as f64).sum());
        all.seconds = union(runs);
        all
    }

    /// Counts a trial that ended.
    pub(super) fn count(&mut self, record: &TrialRecord) {
        self.done += 1;
        *self.outcomes.entry(record.outcome).or_default() += 1;
        self.times += record.machine.times;
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

/// Length of the union of the runs' times.
fn union(mut runs: Vec<RunTime>) -> f64 {
    runs.sort_by(|a, b| a.began.total_cmp(&b.began));
    let (mut total, mut end) = (0.0, f64::NEG_INFINITY);
    for RunTime { began, seconds, .. } in runs {
        total += (began + seconds - began.max(end)).max(0.0);
        end = end.max(began + seconds);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_runs_side_by_side_count_once() {
        let run = |began, seconds| RunTime { began, seconds, threads: 1 };
        assert_eq!(union(vec![run(10.0, 5.0), run(0.0, 2.0), run(12.0, 1.0), run(14.0, 3.0)]), 9.0);
        assert_eq!(union(Vec::new()), 0.0);
    }
}
