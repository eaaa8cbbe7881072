//! How far a sweep has come, by its shard files alone.

use super::plan::Plan;
use super::progress::Progress;
use super::record::TrialRecord;
use super::store::{DamagedLine, Records};
use crate::error::Result;
use crate::train::Times;
use std::collections::HashMap;
use std::path::Path;

/// How far a sweep has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// Progress of the trials.
    pub progress: Progress,
    /// Lines that are not whole.
    pub damaged: Vec<DamagedLine>,
}

/// What is known of a run.
#[derive(Debug, Default)]
struct Run {
    began: f64,
    seconds: f64,
    threads: usize,
    times: Times,
}

impl Status {
    /// Reads a sweep folder.
    ///
    /// # Errors
    /// [`crate::Error::Data`] if the folder holds no sweep; [`crate::Error::Io`] if it cannot be
    /// read.
    pub fn read(folder: &Path) -> Result<Self> {
        let plan = Plan::load(folder)?;
        let records = Records::read(folder)?;
        Ok(Self::of(&plan, records))
    }

    fn of(plan: &Plan, records: Records) -> Self {
        let known = || (0..plan.len()).filter_map(|place| records.get(plan.number(place)));
        let mut progress = Progress { planned: plan.len(), ..Progress::default() };
        known().for_each(|record| progress.count(record.outcome));
        let runs = runs(known());
        let threads: f64 = runs.iter().map(|run| run.seconds * run.threads as f64).sum();
        runs.iter().for_each(|run| progress.times += run.times);
        progress.times = progress.times.within(threads);
        progress.seconds = union(&runs);
        Self { progress, damaged: records.damaged }
    }
}

/// The runs that some records come from. A run that was killed is known up to its last record.
fn runs<'a>(records: impl Iterator<Item = &'a TrialRecord>) -> Vec<Run> {
    let mut runs: HashMap<&str, Run> = HashMap::new();
    for record in records {
        let machine = &record.machine;
        let run = runs.entry(&machine.run).or_default();
        run.began = machine.run_began_unix_s;
        run.threads = machine.threads;
        run.seconds = run.seconds.max(machine.run_seconds);
        run.times += record.machine.times;
    }
    runs.into_values().collect()
}

/// Length of the union of the runs' times.
fn union(runs: &[Run]) -> f64 {
    let mut spans: Vec<(f64, f64)> = runs.iter().map(|run| (run.began, run.began + run.seconds)).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut total, mut end) = (0.0, f64::NEG_INFINITY);
    for (from, to) in spans {
        total += (to - from.max(end)).max(0.0);
        end = end.max(to);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_runs_side_by_side_count_once() {
        let run = |began, seconds| Run { began, seconds, threads: 1, times: Times::default() };
        assert_eq!(union(&[run(10.0, 5.0), run(0.0, 2.0), run(12.0, 1.0), run(14.0, 3.0)]), 9.0);
        assert_eq!(union(&[]), 0.0);
    }
}
