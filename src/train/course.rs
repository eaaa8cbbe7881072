//! How far a training has come.
//!
//! A training's next step is a function of its settings, its course, its weights and its optimizer.
//! Random streams have no position of their own: they are keyed by the number of updates.

use crate::model::Tally;
use serde::{Deserialize, Serialize};

/// How far a training has come.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Course {
    /// Updates made: the index of the next minibatch's stream and of its noise.
    pub updates: u64,
    /// Additions learned from.
    pub samples: u64,
    /// Additions in a row without a wrong bit, since the check was last tried.
    pub clean: u64,
    /// What was counted so far in the epoch under way.
    pub epoch: Tally,
    /// The second stage of a training for a proof, once the task is solved.
    pub pursuit: Option<Pursuit>,
}

/// What training on until a proof carries from update to update; see `prove::train`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pursuit {
    /// Updates when the task was solved, from which noise is ramped in.
    pub first: u64,
    /// Updates when proofs were last tried; `since` if they were not yet.
    pub last: u64,
    /// Times that they were tried.
    pub tried: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_comes_back_to_the_last_bit() {
        let pursuit = Pursuit { first: 7, last: 9, tried: 2 };
        let epoch = Tally { loss: 1.0 / 3.0, wrong_bits: 5, wrong_samples: 2 };
        let course = Course { updates: u64::MAX, samples: 1, clean: 2, epoch, pursuit: Some(pursuit) };
        let text = serde_json::to_string(&course).expect("a JSON form");
        assert_eq!(serde_json::from_str::<Course>(&text).expect("just written"), course, "{text}");
    }
}
