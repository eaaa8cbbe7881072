//! The record of a finished trial.

use super::trial::Trial;
use crate::train::Times;
use crate::words::words;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrialOutcome {
    /// Every pair of the check is right.
    Solved,
    /// Solved, and proved to add at every width.
    Proved,
    /// The budget is used up, and some pairs are wrong.
    Unsolved,
    /// A number became infinite or NaN.
    Diverged,
    /// The trial could not be run to its end; `error` says why.
    Failed,
}

words!(TrialOutcome "outcome": Solved = "solved", Proved = "proved", Unsolved = "unsolved", Diverged = "diverged", Failed = "failed");

/// The form of a sweep's files. It changes when an older carrylane would misread them; a new option
/// does not change it.
pub const FORM: u32 = 3;

/// Where a training first had a number that is not finite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Divergence {
    /// The update, counted from 1.
    pub update: u64,
    /// The tensor, or `loss` where all parameters were still finite.
    pub tensor: String,
}

/// The proof of a net that has one, by its integer network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proved {
    /// Fractional bits of the carried state.
    pub q: u32,
    /// Reachable pairs of a state and the true carry.
    pub states: u64,
    /// Steps to the last of them.
    pub depth: u64,
    /// The least distance of an output to the wrong side, as a pre-activation.
    pub margin: f64,
    /// The proof of the floats, if they have one too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floats: Option<ProvedFloats>,
}

/// The proof of a net's floats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProvedFloats {
    /// Boxes of states.
    pub boxes: u64,
    /// Inputs that tell boxes apart.
    pub memory: u32,
    /// The error that evaluations may have.
    pub epsilon: f64,
    /// The least distance of an output to the wrong side, as a pre-activation.
    pub margin: f64,
}

/// The line of a finished trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// [`FORM`].
    pub form: u32,
    /// Hash of the config.
    pub id: String,
    /// The config, all that the trial depends on.
    pub config: Trial,
    /// How the trial ended.
    pub outcome: TrialOutcome,
    /// Why the trial failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where the training diverged, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diverged: Option<Divergence>,
    /// The proof, if the training was for one and has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proved>,
    /// Additions learned from.
    pub samples: u64,
    /// Updates made.
    pub updates: u64,
    /// Training time, checks included.
    pub seconds: f64,
    /// Pairs of the check that are wrong.
    pub pairs_wrong: u64,
    /// Pairs of the check.
    pub pairs_total: u64,
    /// Wrong sums at each test width in bits, of `test-pairs` random ones.
    pub wrong_by_bits: BTreeMap<usize, u64>,
    /// Hash of the trained net.
    pub weights_hash: String,
    /// Share of wrong bits in the minibatch of each update of [`curve_updates`], as far as the
    /// training went.
    pub curve: Vec<f32>,
    /// Version of carrylane.
    pub version: String,
    /// Number of the attempt; the last one counts.
    pub attempt: u32,
    /// The machine, on which the result does not depend.
    pub machine: TrialMachine,
}

/// Where and when a trial ran.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TrialMachine {
    /// Name of the machine.
    pub host: String,
    /// Instruction set.
    pub level: String,
    /// Trials that ran side by side.
    pub threads: usize,
    /// Name of the run: host, process and start.
    pub run: String,
    /// When the run began, in seconds since 1970.
    pub run_began_unix_s: f64,
    /// Seconds from the run's start to the trial's end.
    pub run_seconds: f64,
    /// Seconds of the whole trial: training, tests and start-up.
    pub trial_seconds: f64,
    /// Parts of those seconds.
    #[serde(default)]
    pub times: Times,
}

/// The updates at which the curve of a training is kept: 1, 2, 3, 4, 6, 8, 12, 16, …
pub fn curve_updates() -> impl Iterator<Item = u64> {
    let doubled = (1..62).flat_map(|power| [1_u64 << power, 3 << (power - 1)]);
    std::iter::once(1).chain(doubled)
}

/// Whether an update is one of [`curve_updates`].
pub(super) fn has_point(update: u64) -> bool {
    update > 0 && matches!(update >> update.trailing_zeros(), 1 | 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_has_points_where_it_says() {
        let points: Vec<u64> = curve_updates().take_while(|&update| update < 5000).collect();
        assert_eq!((0..5000).filter(|&update| has_point(update)).collect::<Vec<_>>(), points);
    }
}
