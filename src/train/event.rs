//! What a training reports while it runs and when it ends.

use super::check::Score;
use super::clock::Times;
use super::fault::Fault;
use super::trainer::Trainer;
use crate::error::Result;
use crate::words::words;
use serde::Serialize;

/// Something that happened in a training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Event {
    /// A minibatch was learned.
    Update {
        /// Updates so far.
        update: u64,
        /// Additions so far.
        samples: u64,
        /// Mean loss of the minibatch's additions, before the update.
        loss: f64,
        /// Share of its bits that were wrong, before the update.
        bit_error: f64,
        /// Training time so far.
        seconds: f64,
    },
    /// A pass over the fixed set is done.
    Epoch {
        /// Epochs so far.
        epoch: u64,
        /// Mean loss of the epoch's additions, each before its update.
        loss: f64,
        /// Share of its bits that were wrong, each before its update.
        bit_error: f64,
    },
    /// The check was tried after a clean stretch.
    Check {
        /// Updates so far.
        update: u64,
        /// Whether it passed.
        passed: bool,
    },
}

/// How a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The check passed.
    Solved,
    /// The budget, the updates or the time ran out, and some pairs are still wrong.
    Unsolved,
    /// A number became infinite or NaN; see [`Report::fault`].
    Diverged,
    /// The training was stopped before its end, or before its final count (see
    /// [`Trainer::stop_on`]).
    Stopped,
}

words!(Outcome "outcome": Solved = "solved", Unsolved = "unsolved", Diverged = "diverged", Stopped = "stopped");

/// The final net on a fixed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedSet {
    /// On the additions it was trained on.
    pub training: Score,
    /// On additions it was not trained on.
    pub held_out: Score,
}

/// What a training came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// The final net on the pairs of the check.
    pub score: Score,
    /// The final net on the fixed set, if there is one.
    pub fixed: Option<FixedSet>,
    /// Updates made.
    pub updates: u64,
    /// Additions learned from.
    pub samples: u64,
    /// Training time, over all resumptions: checks included, start-up and the final count excluded.
    pub seconds: f64,
    /// Time of the final count: the pairs of the check and of the fixed set that were tried after
    /// the last update.
    pub count_seconds: f64,
    /// Parts of `seconds` and `count_seconds`.
    pub times: Times,
    /// The first number that was not finite, if it diverged.
    pub fault: Option<Fault>,
}

/// Looks on while a training runs. An error of its own ends the training, which can be resumed from
/// its last checkpoint.
pub trait Observer {
    /// Something happened.
    fn event(&mut self, event: &Event) -> Result<()>;

    /// A check or a count is under way, and `done` of its pairs are tried.
    fn checking(&mut self, _done: u64, _pairs: u64) {}

    /// An update is over: a [checkpoint](Trainer::checkpoint) taken here resumes exactly this
    /// training.
    fn update_done(&mut self, _trainer: &mut Trainer) -> Result<()> {
        Ok(())
    }
}

/// Nobody looks on.
impl Observer for () {
    fn event(&mut self, _event: &Event) -> Result<()> {
        Ok(())
    }
}

/// A function of events looks on.
impl<F: FnMut(&Event)> Observer for F {
    fn event(&mut self, event: &Event) -> Result<()> {
        self(event);
        Ok(())
    }
}
