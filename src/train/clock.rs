//! Training time across pauses and resumptions, split into parts.

use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Where time went, in seconds. Each part is measured where the work is done; `rest` is what
/// remains: files, output, start-up.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// Gradients and updates.
    #[serde(rename = "learning_seconds")]
    pub learning: f64,
    /// Whether the task is solved: tries of the check, and the final count.
    #[serde(rename = "check_seconds")]
    pub checks: f64,
    /// Sums that decide nothing: other widths, a fixed set and what is held out.
    #[serde(rename = "test_seconds")]
    pub tests: f64,
    /// Walks for a proof.
    #[serde(rename = "prove_seconds")]
    pub proofs: f64,
    /// All else.
    #[serde(rename = "rest_seconds")]
    pub rest: f64,
}

impl Times {
    /// Parts by name.
    pub fn parts(&self) -> [(&'static str, f64); 5] {
        let Self { learning, checks, tests, proofs, rest } = *self;
        [("learning", learning), ("checks", checks), ("tests", tests), ("proofs", proofs), ("the rest", rest)]
    }

    /// The sum of all parts.
    pub fn total(&self) -> f64 {
        self.parts().iter().map(|(_, seconds)| seconds).sum()
    }

    /// These times, with `rest` set so that they add up to `seconds`.
    #[must_use]
    pub fn within(self, seconds: f64) -> Self {
        Self { rest: (seconds - (self.total() - self.rest)).max(0.0), ..self }
    }

    /// Shares of the parts in words, zeros left out: `learning 61 %, checks 15 %, the rest 24 %`.
    pub fn shares(&self) -> String {
        let total = self.total().max(f64::MIN_POSITIVE);
        let parts = self.parts().into_iter().filter(|(_, seconds)| *seconds > 0.0);
        let words = parts.map(|(name, seconds)| format!("{name} {:.1} %", 100.0 * seconds / total));
        words.collect::<Vec<_>>().join(", ")
    }
}

impl std::ops::AddAssign for Times {
    fn add_assign(&mut self, other: Self) {
        self.learning += other.learning;
        self.checks += other.checks;
        self.tests += other.tests;
        self.proofs += other.proofs;
        self.rest += other.rest;
    }
}

/// A monotonic clock that can be paused.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clock {
    /// Seconds before the last start.
    pub(super) before: f64,
    since: Option<Instant>,
}

impl Clock {
    /// Resumes a paused clock.
    pub(super) fn start(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// Pauses.
    pub(super) fn pause(&mut self) {
        self.before = self.seconds();
        self.since = None;
    }

    /// The reading.
    pub(super) fn seconds(&self) -> f64 {
        self.before + self.since.map_or(0.0, |since| since.elapsed().as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_time_add_up_to_all_of_it() {
        let measured = Times { learning: 3.0, checks: 1.0, proofs: 2.0, ..Times::default() };
        let all = measured.within(10.0);
        assert_eq!((all.rest, all.total()), (4.0, 10.0), "{all:?}");
        assert_eq!(all.within(8.0).rest, 2.0, "a rest is not counted twice");
        assert_eq!(measured.within(5.0).rest, 0.0, "clocks that differ by a hair leave no negative rest");
        assert_eq!(all.shares(), "learning 30.0 %, checks 10.0 %, proofs 20.0 %, the rest 40.0 %");
    }
}
