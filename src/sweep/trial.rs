//! One trial: a training and the widths it is tried at, as a value that names itself.
//!
//! A trial is all that its result depends on, and nothing else: no thread, no machine, no place in a sweep. Its id is a hash
//! of its canonical JSON, so the same trial has the same id in every sweep.

use crate::error::{Error, Result};
use crate::model::{Activation, Cell, Config, Init, Loss, LstmForm, config_hash};
use crate::task::whole::in_range;
use crate::train::{EngineKind, MAX_BATCH, MAX_BITS, Rule, Settings, Source, Until};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How weights move; the decays of Adam are its paper's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// [`Rule::Adam`].
    Adam,
    /// [`Rule::Sgd`].
    Sgd,
}

impl Optimizer {
    /// The rate that is used where none is given.
    pub fn usual_lr(self) -> f32 {
        match self {
            Self::Adam => 0.03,
            Self::Sgd => 1.0,
        }
    }
}

impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Adam => "adam",
            Self::Sgd => "sgd",
        })
    }
}

/// When a trial ends by itself. There is no end by time: a trial's result would not be a function of its config.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "until", content = "limit")]
pub enum Goal {
    /// Every pair of the check is right, or so many updates are used up.
    Solved(u64),
    /// The same, and then trained on until the net is proved to add at every width, or so many updates are used up in all.
    Proved(u64),
    /// After so many updates, solved or not.
    Updates(u64),
    /// After so many passes over the data set, solved or not.
    Epochs(u64),
}

impl Goal {
    /// How it is spelled: what a trial is trained to, or what its length is counted in.
    pub fn name(self) -> &'static str {
        match self {
            Self::Solved(_) => "solved",
            Self::Proved(_) => "proved",
            Self::Updates(_) => "updates",
            Self::Epochs(_) => "epochs",
        }
    }

    /// Updates, or epochs, after which it ends at the latest.
    pub fn limit(self) -> u64 {
        let (Self::Solved(limit) | Self::Proved(limit) | Self::Updates(limit) | Self::Epochs(limit)) = self;
        limit
    }
}

/// All that a trial depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Recurrent cell.
    pub cell: Cell,
    /// What an LSTM keeps; standard for every other cell.
    pub lstm_form: LstmForm,
    /// Hidden units.
    pub hidden: usize,
    /// Whether units have biases.
    pub bias: bool,
    /// φ of the hidden units.
    pub activation: Activation,
    /// ψ of the output unit.
    pub output_activation: Activation,
    /// What is minimised.
    pub loss: Loss,
    /// Width of the additions, in bits.
    pub bits: usize,
    /// Additions in a minibatch.
    pub batch: usize,
    /// Additions in the fixed training set; new ones every update if there is none.
    pub dataset: Option<usize>,
    /// Whether each epoch of the set has its own order.
    pub shuffle: bool,
    /// How weights begin.
    pub init: Init,
    /// How weights move.
    pub optimizer: Optimizer,
    /// Learning rate.
    pub lr: f32,
    /// When it ends.
    #[serde(flatten)]
    pub goal: Goal,
    /// How gradients are computed.
    pub engine: Engine,
    /// Widths at which the trained net is tried, in bits, ascending.
    pub test_bits: Vec<usize>,
    /// Random additions it is tried on at each of them.
    pub test_pairs: usize,
    /// Key of all random numbers.
    pub seed: u64,
}

/// [`EngineKind`], as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// This crate's kernel.
    Fused,
    /// Products through matrixmultiply.
    Blas,
    /// The scalar oracle.
    Reference,
}

impl Engine {
    /// The engine of the training.
    pub fn kind(self) -> EngineKind {
        match self {
            Self::Fused => EngineKind::Fused,
            Self::Blas => EngineKind::Blas,
            Self::Reference => EngineKind::Reference,
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().fmt(f)
    }
}

/// The most widths a net is tried at.
pub(super) const MAX_TESTS: usize = 16;

impl Trial {
    /// Its name: 16 hexadecimal digits of SHA-256 over its canonical JSON.
    pub fn id(&self) -> String {
        config_hash(self)
    }

    /// The training, on one thread.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the key, the value and the range it should be in.
    pub fn settings(&self) -> Result<Settings> {
        let rule = match self.optimizer {
            Optimizer::Adam => Rule::adam(self.lr),
            Optimizer::Sgd => Rule::Sgd { lr: self.lr },
        };
        let until = match self.goal {
            Goal::Solved(budget) | Goal::Proved(budget) => Until::Solved { budget },
            Goal::Updates(updates) => Until::Updates(updates),
            Goal::Epochs(epochs) => Until::Epochs(epochs),
        };
        let shuffle = self.shuffle;
        if matches!(self.goal, Goal::Proved(_)) && self.engine == Engine::Reference {
            return Err(Error::usage(
                "engine=reference has no noise to train for a proof with: want until=solved or another engine",
            ));
        }
        if shuffle && self.dataset.is_none() {
            return Err(Error::usage("shuffle=true goes with a data set, and there is none: add dataset=N"));
        }
        Settings {
            config: Config {
                cell: self.cell,
                lstm_form: self.lstm_form,
                hidden: self.hidden,
                bias: self.bias,
                activation: self.activation,
                output: self.output_activation,
                loss: self.loss,
            },
            bits: self.bits,
            batch: self.batch,
            source: self.dataset.map_or(Source::Stream, |samples| Source::Fixed { samples, shuffle }),
            seed: self.seed,
            init: self.init,
            rule,
            until,
            engine: self.engine.kind(),
            threads: 1,
            ..Settings::default()
        }
        .checked()
    }

    /// The same, if it can be run.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the key, the value and the range it should be in.
    pub fn checked(self) -> Result<Self> {
        self.settings()?;
        if self.test_bits.is_empty() || self.test_bits.len() > MAX_TESTS {
            let tests = self.test_bits.len();
            return Err(Error::usage(format!("test_bits names {tests} widths, want 1 to {MAX_TESTS}")));
        }
        for &bits in &self.test_bits {
            in_range("test_bits", bits as u64, 1..=MAX_BITS as u64)?;
        }
        in_range("test_pairs", self.test_pairs as u64, 1..=MAX_BATCH as u64)?;
        Ok(self)
    }

    /// The command that runs this training alone, with every option that is not a default.
    pub fn command(&self) -> String {
        let mut words = vec!["carrylane train".to_owned()];
        let usual = Config::of(self.cell);
        let mut say = |differs: bool, flag: &str, value: &dyn fmt::Display| {
            if differs {
                words.push(format!("--{flag} {value}"));
            }
        };
        say(true, "cell", &self.cell);
        say(self.lstm_form != LstmForm::Standard, "lstm-form", &self.lstm_form);
        say(true, "hidden", &self.hidden);
        say(true, "bits", &self.bits);
        say(true, "seed", &self.seed);
        say(self.batch != 64, "batch", &self.batch);
        say(!self.bias, "bias", &self.bias);
        say(self.activation != usual.activation, "activation", &self.activation);
        say(self.output_activation != usual.output, "output-activation", &self.output_activation);
        say(self.loss != usual.loss, "loss", &self.loss);
        say(self.init != Init::Scaled, "init", &self.init);
        say(self.optimizer != Optimizer::Adam, "optimizer", &self.optimizer);
        say(self.lr != self.optimizer.usual_lr(), "lr", &self.lr);
        say(self.dataset.is_some(), "dataset", &self.dataset.unwrap_or_default());
        match self.goal {
            // The command's own default depends on the net.
            Goal::Solved(budget) | Goal::Proved(budget) => {
                say(true, "until", &self.goal.name());
                say(budget != 20_000, "budget", &budget);
            }
            Goal::Updates(limit) | Goal::Epochs(limit) => say(true, self.goal.name(), &limit),
        }
        say(self.engine != Engine::Fused, "engine", &self.engine);
        if self.shuffle {
            words.push("--shuffle".into());
        }
        words.join(" ")
    }
}
