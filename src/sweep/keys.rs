//! The words of a spec: every option of a training, by the name of its flag.
//!
//! A value is a token of text until it meets its key here, so that words on the command line, strings in TOML and numbers in TOML
//! are read by the same lines.

use super::trial::{Engine, Goal, Optimizer, Trial};
use crate::error::{Error, Result};
use crate::model::{Activation, Cell, Config, Init, Loss, LstmForm, MAX_HIDDEN};
use crate::task::whole::{self, MAX_EXACT};
use crate::train::{MAX_BATCH, MAX_BITS};
use std::fmt::{self, Display};

/// An axis of a sweep. The order is the order of a grid: the last key varies fastest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is an option of a training; see Trial")]
pub enum Key {
    Cell,
    LstmForm,
    Hidden,
    Bias,
    Activation,
    OutputActivation,
    Loss,
    Bits,
    Batch,
    Dataset,
    Shuffle,
    Init,
    Optimizer,
    Lr,
    Until,
    Budget,
    Updates,
    Epochs,
    Engine,
    TestBits,
    TestPairs,
    Seed,
}

/// What kind of values a key has, which says what a range of it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A whole number, and the largest.
    Whole(u64),
    /// A positive number.
    Rate,
    /// A word.
    Word,
}

impl Key {
    /// All of them, in order.
    pub const ALL: [Self; 22] = [
        Self::Cell,
        Self::LstmForm,
        Self::Hidden,
        Self::Bias,
        Self::Activation,
        Self::OutputActivation,
        Self::Loss,
        Self::Bits,
        Self::Batch,
        Self::Dataset,
        Self::Shuffle,
        Self::Init,
        Self::Optimizer,
        Self::Lr,
        Self::Until,
        Self::Budget,
        Self::Updates,
        Self::Epochs,
        Self::Engine,
        Self::TestBits,
        Self::TestPairs,
        Self::Seed,
    ];

    /// How it is spelled in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cell => "cell",
            Self::LstmForm => "lstm_form",
            Self::Hidden => "hidden",
            Self::Bias => "bias",
            Self::Activation => "activation",
            Self::OutputActivation => "output_activation",
            Self::Loss => "loss",
            Self::Bits => "bits",
            Self::Batch => "batch",
            Self::Dataset => "dataset",
            Self::Shuffle => "shuffle",
            Self::Init => "init",
            Self::Optimizer => "optimizer",
            Self::Lr => "lr",
            Self::Until => "until",
            Self::Budget => "budget",
            Self::Updates => "updates",
            Self::Epochs => "epochs",
            Self::Engine => "engine",
            Self::TestBits => "test_bits",
            Self::TestPairs => "test_pairs",
            Self::Seed => "seed",
        }
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Hidden => Kind::Whole(MAX_HIDDEN as u64),
            Self::Bits => Kind::Whole(MAX_BITS as u64),
            Self::Batch | Self::Dataset | Self::TestPairs => Kind::Whole(MAX_BATCH as u64),
            Self::Seed | Self::Budget | Self::Updates | Self::Epochs => Kind::Whole(MAX_EXACT),
            Self::Lr => Kind::Rate,
            _ => Kind::Word,
        }
    }

    /// The smallest whole number it takes.
    pub(super) fn least(self) -> u64 {
        u64::from(self != Self::Seed)
    }

    /// The key of a name.
    ///
    /// # Errors
    /// [`Error::Usage`] with the nearest name there is.
    pub fn parse(name: &str) -> Result<Self> {
        let names = Self::ALL.map(Self::name);
        let found = names.iter().position(|known| *known == name);
        found.map(|at| Self::ALL[at]).ok_or_else(|| unknown(name, &names))
    }
}

impl Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What to say of a key that there is not. The list is pushed together by hand: `join`, unrolled over 22 names, takes LLVM minutes.
fn unknown(word: &str, names: &[&str]) -> Error {
    let word: String = word.chars().take(40).collect();
    let near = names.iter().min_by_key(|name| strsim::levenshtein(&word, name));
    // Two letters away from nothing is everything that is short.
    let far = |name: &&&str| strsim::levenshtein(&word, name) > 2.min(word.chars().count() / 2);
    let tip = near.filter(|name| !far(name)).map(|name| format!("; did you mean '{name}'?"));
    let head = if word.is_empty() { "a key is missing".to_owned() } else { format!("unknown key '{word}'") };
    let mut message = format!("{head}{}: keys are", tip.unwrap_or_default());
    for (i, name) in names.iter().enumerate() {
        message.push_str(if i == 0 { " " } else { ", " });
        message.push_str(name);
    }
    Error::usage(message)
}

/// What a trial within a budget is for.
#[derive(Debug, Clone, Copy)]
enum Until {
    Solved,
    Proved,
}

impl Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Solved => "solved",
            Self::Proved => "proved",
        })
    }
}

/// The budget where none is given, in updates.
const BUDGET: u64 = 20_000;

/// Random sums of each test width where none are given: at the widths that are tested, a tenth of the work of learning 8 bits.
const TEST_PAIRS: usize = 64;

/// A trial in the making: what was said of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    cell: Option<Cell>,
    lstm_form: Option<LstmForm>,
    hidden: Option<usize>,
    bias: Option<bool>,
    activation: Option<Activation>,
    output_activation: Option<Activation>,
    loss: Option<Loss>,
    bits: Option<usize>,
    batch: Option<usize>,
    dataset: Option<usize>,
    shuffle: Option<bool>,
    init: Option<Init>,
    optimizer: Option<Optimizer>,
    lr: Option<f32>,
    until: Option<Until>,
    budget: Option<u64>,
    updates: Option<u64>,
    epochs: Option<u64>,
    engine: Option<Engine>,
    test_bits: Option<Vec<usize>>,
    test_pairs: Option<usize>,
    seed: Option<u64>,
}

impl Draft {
    /// Says one thing of it.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the key, the value and the values it may have.
    pub(super) fn set(&mut self, key: Key, token: &str) -> Result<()> {
        let engines = [Engine::Fused, Engine::Blas, Engine::Reference];
        match key {
            Key::Cell => self.cell = Some(word(key, token, &Cell::ALL)?),
            Key::LstmForm => self.lstm_form = Some(word(key, token, &LstmForm::ALL)?),
            Key::Hidden => self.hidden = Some(whole(key, token)?),
            Key::Bias => self.bias = Some(word(key, token, &[true, false])?),
            Key::Activation => self.activation = Some(word(key, token, &Activation::ALL)?),
            Key::OutputActivation => self.output_activation = Some(word(key, token, &Activation::ALL)?),
            Key::Loss => self.loss = Some(word(key, token, &[Loss::Mse, Loss::CrossEntropy])?),
            Key::Bits => self.bits = Some(whole(key, token)?),
            Key::Batch => self.batch = Some(whole(key, token)?),
            Key::Dataset => self.dataset = Some(whole(key, token)?),
            Key::Shuffle => self.shuffle = Some(word(key, token, &[true, false])?),
            Key::Init => self.init = Some(word(key, token, &[Init::Uniform, Init::Scaled])?),
            Key::Optimizer => self.optimizer = Some(word(key, token, &[Optimizer::Adam, Optimizer::Sgd])?),
            Key::Lr => self.lr = Some(rate(key, token)?),
            Key::Until => self.until = Some(word(key, token, &[Until::Solved, Until::Proved])?),
            Key::Budget => self.budget = Some(whole(key, token)?),
            Key::Updates => self.updates = Some(whole(key, token)?),
            Key::Epochs => self.epochs = Some(whole(key, token)?),
            Key::Engine => self.engine = Some(word(key, token, &engines)?),
            Key::TestBits => {
                let mut widths = token.split('+').map(|width| whole(key, width)).collect::<Result<Vec<usize>>>()?;
                widths.sort_unstable();
                widths.dedup();
                self.test_bits = Some(widths);
            }
            Key::TestPairs => self.test_pairs = Some(whole(key, token)?),
            Key::Seed => self.seed = Some(whole(key, token)?),
        }
        Ok(())
    }

    /// The trial, with defaults for what was not said.
    ///
    /// # Errors
    /// [`Error::Usage`] for what does not go together.
    pub(super) fn trial(self) -> Result<Trial> {
        let cell = self.cell.unwrap_or(Cell::Elman);
        let usual = Config::of(cell);
        let optimizer = self.optimizer.unwrap_or(Optimizer::Adam);
        let goal = match (self.until, self.budget, self.updates, self.epochs) {
            (Some(Until::Proved), budget, None, None) => Goal::Proved(budget.unwrap_or(BUDGET)),
            (_, budget, None, None) => Goal::Solved(budget.unwrap_or(BUDGET)),
            (None, None, Some(updates), None) => Goal::Updates(updates),
            (None, None, None, Some(epochs)) => Goal::Epochs(epochs),
            _ => return Err(Error::usage("a trial ends in one way: name until and budget, or updates, or epochs")),
        };
        Trial {
            cell,
            lstm_form: self.lstm_form.unwrap_or_default(),
            hidden: self.hidden.unwrap_or(usual.hidden),
            bias: self.bias.unwrap_or(usual.bias),
            activation: self.activation.unwrap_or(usual.activation),
            output_activation: self.output_activation.unwrap_or(usual.output),
            loss: self.loss.unwrap_or(usual.loss),
            bits: self.bits.unwrap_or(8),
            batch: self.batch.unwrap_or(64),
            dataset: self.dataset,
            shuffle: self.shuffle.unwrap_or(false),
            init: self.init.unwrap_or(Init::Scaled),
            optimizer,
            lr: self.lr.unwrap_or(optimizer.usual_lr()),
            goal,
            engine: self.engine.unwrap_or(Engine::Fused),
            test_bits: self.test_bits.unwrap_or_else(|| vec![8, 16, 64, 256]),
            test_pairs: self.test_pairs.unwrap_or(TEST_PAIRS),
            seed: self.seed.unwrap_or(0),
        }
        .checked()
    }
}

/// One of the words a key has.
fn word<T: Display + Copy>(key: Key, token: &str, values: &[T]) -> Result<T> {
    let found = values.iter().find(|value| value.to_string() == token);
    found.copied().ok_or_else(|| {
        let names: Vec<String> = values.iter().map(T::to_string).collect();
        Error::usage(format!("{key} is '{}', want {}", short(token), names.join(" or ")))
    })
}

/// A whole number in the range of a key.
fn whole<T: TryFrom<u64>>(key: Key, token: &str) -> Result<T> {
    let most = if let Kind::Whole(most) = key.kind() { most } else { MAX_BITS as u64 };
    let range = key.least()..=most;
    let number = whole::whole(token, &range).and_then(|n| T::try_from(n).map_err(|_| whole::wanted(&range)));
    number.map_err(|wanted| Error::usage(format!("{key} is '{}', {wanted}", short(token))))
}

/// A rate.
fn rate(key: Key, token: &str) -> Result<f32> {
    whole::rate(token).map_err(|wanted| Error::usage(format!("{key} is '{}', {wanted}", short(token))))
}

/// As much of what was typed as a message needs.
pub(super) fn short(text: &str) -> String {
    let mut shown: String = text.chars().take(40).map(|c| if c.is_control() { '·' } else { c }).collect();
    if text.chars().nth(40).is_some() {
        shown.push('…');
    }
    shown
}
