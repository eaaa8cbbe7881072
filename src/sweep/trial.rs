//! One trial: a training, and the widths at which its net is tried.
//!
//! A trial is all that its result depends on, and nothing else: no thread, no machine, no place in
//! a sweep. The id is a hash of the options that are no defaults, so a trial has one id in every
//! sweep.

use crate::error::{Error, Result};
use crate::model::config_hash;
use crate::train::ValueKind::{Seconds, Several, Whole};
use crate::train::{Choices, MAX_BATCH, MAX_BITS, OPTIONS, Opt, OptionKey, Settings, Spelling, options, text};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// All that a trial depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Choices", try_from = "BTreeMap<String, Value>")]
pub struct Trial {
    /// The training, on one thread.
    pub settings: Settings,
    /// Tests of the trained net.
    pub tests: Tests,
}

/// Tests of a trained net.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tests {
    /// Widths in bits, ascending, joined by +.
    bits: String,
    /// Random additions at each width.
    pub pairs: usize,
}

impl Default for Tests {
    /// The default tests, a tenth of the work of learning 8 bits.
    fn default() -> Self {
        Self { bits: "8+16+64+256".into(), pairs: 64 }
    }
}

impl Tests {
    /// The widths, in bits.
    pub fn widths(&self) -> impl Iterator<Item = usize> {
        self.bits.split('+').map(|bits| bits.parse().expect("a width"))
    }
}

/// The options of the tests.
static TESTS: &[Opt<Tests>] = &options!(Tests:
    "Tests" => {
        /// Widths that the trained net is tried at, in bits.
        "test-bits": Several(1..=MAX_BITS as u64, 16) => (bits)
        /// Random sums that it is tried on at each.
        "test-pairs": Whole(1..=MAX_BATCH as u64) => (pairs)
    }
);

/// The axes of a sweep, in the order of a grid, the last varying fastest: the options of a training
/// and of the tests. An end by time is no axis: the result would be no function of the trial.
pub fn keys() -> impl Iterator<Item = &'static OptionKey> + Clone {
    let training = OPTIONS.iter().map(|option| &option.key).filter(|key| !matches!(key.kind, Seconds));
    training.chain(TESTS.iter().map(|option| &option.key))
}

impl Trial {
    /// The trial of some choices, with defaults for the rest and the
    /// [engine for many](Settings::engine_of_many).
    pub fn of(choices: &Choices) -> Result<Self> {
        let mut settings = Settings::of(choices, Spelling::Keys)?;
        if choices.get("engine").is_none() {
            settings.engine = settings.engine_of_many();
        }
        Ok(Self { settings, tests: choices.fill(TESTS, Tests::default()) })
    }

    /// All options that apply, each with its value.
    pub fn choices(&self) -> Choices {
        self.settings.choices().and(Choices::of(TESTS, &self.tests))
    }

    /// The id, like [`Settings::id`], and equal to the training's if the tests are the default
    /// ones.
    pub fn id(&self) -> String {
        let tests = Choices::unusual(TESTS, Tests::default(), &self.tests);
        format!("t{}", config_hash(&self.settings.unusual().and(tests)))
    }
}

impl From<Trial> for Choices {
    fn from(trial: Trial) -> Self {
        trial.choices()
    }
}

impl TryFrom<BTreeMap<String, Value>> for Trial {
    type Error = Error;

    fn try_from(stored: BTreeMap<String, Value>) -> Result<Self> {
        let read = |(name, value): (String, Value)| {
            let key = OptionKey::find(&name, keys())?;
            Ok((key.name, key.read(&text(&value))?))
        };
        Self::of(&stored.into_iter().map(read).collect::<Result<Choices>>()?)
    }
}
