//! Training time, over pauses and resumptions.

use std::time::{Duration, Instant};

/// A clock that can be paused, and set to what an earlier process had on it. It never looks at the time of day.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clock {
    before: Duration,
    since: Option<Instant>,
}

impl Clock {
    /// A clock that has so many seconds on it.
    pub(super) fn at(seconds: f64) -> Self {
        Self { before: Duration::try_from_secs_f64(seconds).unwrap_or_default(), since: None }
    }

    /// Goes on, if it is paused.
    pub(super) fn start(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// Stands still.
    pub(super) fn pause(&mut self) {
        self.before = self.elapsed();
        self.since = None;
    }

    /// The time on it.
    pub(super) fn elapsed(&self) -> Duration {
        self.before.saturating_add(self.since.map_or(Duration::ZERO, |since| since.elapsed()))
    }
}
