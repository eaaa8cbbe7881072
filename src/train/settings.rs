//! What is trained, how, and for how long; and the one table of its options.

use super::engine::EngineKind;
use super::optimizer::Rule;
use super::options::ValueKind::{OrNone, Positive, Seconds, Switch, Whole, Within, Word};
use super::options::{Choices, ENDS, Opt, Spelling, number, options, put, text, value};
use crate::error::{Error, Result};
use crate::kernel::SimdLevel;
use crate::model::{Activation, Cell, Config, Init, Loss, LstmForm, MAX_HIDDEN, config_hash};
use crate::task::whole::{MAX_EXACT, in_range};
use serde_json::Value::Null;
use std::time::Duration;

/// Where minibatches come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// New random additions every update.
    Stream,
    /// A fixed set, seen again every epoch.
    Fixed {
        /// Additions in the set.
        samples: usize,
        /// Whether each epoch has its own order.
        shuffle: bool,
    },
}

/// When training ends by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Until {
    /// The check passes (see [`Check`](super::Check)), or the budget of updates is used up.
    Solved {
        /// The most updates.
        budget: u64,
    },
    /// The check passes, and on from there until the net is proved to add at every width
    /// (`prove::train`); a trainer by itself ends once it is solved.
    Proved {
        /// The most updates in all.
        budget: u64,
        /// Amplitude of the noise on what the net carries, once it has solved its task.
        noise: f32,
        /// The most states that a proof may take.
        max_states: usize,
    },
    /// After a number of updates.
    Updates(u64),
    /// After so many passes over a fixed set.
    Epochs(u64),
    /// After a time of training; the number of updates then differs from run to run.
    Time(Duration),
}

impl Until {
    /// The most updates where no budget is given.
    const BUDGET: u64 = 20_000;

    /// A proof within `budget` updates, with the noise that proves most nets of a kind
    /// (`scripts/proofs.sh` measures it).
    pub fn proved(config: &Config, budget: u64) -> Self {
        let noise = match config.cell {
            Cell::Elman if config.hidden < 8 => 0.1,
            Cell::Elman => 0.15 * (config.hidden as f32).sqrt(),
            Cell::Lstm => 0.25 * (config.hidden as f32).sqrt(),
            Cell::Dynamic => 0.2,
        };
        Self::Proved { budget, noise, max_states: 10_000_000 }
    }

    /// The default end of `carrylane train`. It is a proof for Elman and LSTM nets of at most 64
    /// hidden units with bounded activations, on an engine that has noise.
    pub fn usual(settings: &Settings) -> Self {
        let config = &settings.config;
        let small = config.cell != Cell::Dynamic && config.hidden <= 64 && config.activation != Activation::Relu;
        let solved = Self::Solved { budget: Self::BUDGET };
        if small && settings.engine != EngineKind::Reference { Self::proved(config, Self::BUDGET) } else { solved }
    }
}

/// Everything a training depends on. Equal settings give weights equal to the last bit, whatever
/// `threads` is.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The net.
    pub config: Config,
    /// Width of the additions in bits, the number of time steps; at least 2, since a sum of 1 bit
    /// is 0 + 0.
    pub bits: usize,
    /// Additions in a minibatch; the last of an epoch may hold fewer.
    pub batch: usize,
    /// Where they come from.
    pub source: Source,
    /// Key of all random streams, at most [`MAX_EXACT`].
    pub seed: u64,
    /// How parameters begin.
    pub init: Init,
    /// The update rule.
    pub rule: Rule,
    /// The largest Euclidean norm of a mean gradient; larger ones are scaled down to it.
    pub clip_norm: Option<f32>,
    /// When the training ends.
    pub until: Until,
    /// How gradients are computed.
    pub engine: EngineKind,
    /// The instruction set.
    pub level: SimdLevel,
    /// Worker threads; changes speed, never results.
    pub threads: usize,
}

/// The widest training, in bits.
pub const MAX_BITS: usize = 1 << 16;
/// The largest minibatch, in additions.
pub const MAX_BATCH: usize = 1 << 24;
/// The most threads.
pub const MAX_THREADS: usize = 1024;

/// The most states that a proof may take.
pub const MAX_STATES: usize = (1 << 29) - 1;

impl Default for Settings {
    fn default() -> Self {
        Self {
            config: Config::default(),
            bits: 8,
            batch: 32,
            source: Source::Stream,
            seed: 0,
            init: Init::Scaled,
            rule: Rule::adam(0.03),
            clip_norm: None,
            until: Until::Solved { budget: Until::BUDGET },
            engine: EngineKind::Fused,
            level: SimdLevel::best(),
            threads: 1,
        }
    }
}

/// The names of some values.
fn words<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(T::to_string).collect()
}

/// Every option of a training. A new row is all that a new option needs: flags, files and sweeps go
/// by this table.
///
/// Defaults are those of [`Settings::default`], or follow from the options above. An id names only
/// what is no default, so a new option changes no id. A changed default needs a new stored form.
pub static OPTIONS: &[Opt<Settings>] = &options!(Settings:
    "Network" => {
        /// Recurrent cell.
        "cell": Word(|| words(&Cell::ALL)) => (
            |s| value(&s.config.cell),
            |s, v| {
                put(&mut s.config.cell, v);
                s.config.activation = s.config.cell.usual_activation();
            }
        )
        /// Hidden units.
        "hidden": Whole(1..=MAX_HIDDEN as u64) => (config.hidden)
        /// What an LSTM keeps: standard c = z, h = φ(c) o; notebook c = φ(z), h = c o
        /// [default: standard].
        "lstm-form" with "cell lstm": Word(|| words(&LstmForm::ALL)) => (
            |s| if s.config.cell == Cell::Lstm { value(&s.config.lstm_form) } else { Null },
            |s, v| if s.config.cell == Cell::Lstm { put(&mut s.config.lstm_form, v) }
        )
        /// Whether hidden and output units have biases.
        "bias": Switch => (config.bias)
        /// φ of the hidden units [default: sigmoid; tanh for the lstm].
        "activation": Word(|| words(&Activation::ALL)) => (config.activation)
        /// ψ of the output unit.
        "output-activation": Word(|| words(&Activation::ALL)) => (config.output)
        /// What is minimised; cross-entropy needs a sigmoid output.
        "loss": Word(|| words(&Loss::ALL)) => (config.loss)
    }
    "Training" => {
        /// Width of the additions in bits, the number of time steps; 1 has nothing to learn but
        /// 0 + 0.
        "bits": Whole(2..=MAX_BITS as u64) => (bits)
        /// Additions in a minibatch.
        "batch": Whole(1..=MAX_BATCH as u64) => (batch)
        /// Train on a fixed set of so many random additions instead of new ones every update.
        "dataset": OrNone(&Whole(1..=MAX_BATCH as u64)) => (
            |s| if let Source::Fixed { samples, .. } = s.source { value(&samples) } else { Null },
            |s, v| s.source = v.as_u64().map_or(Source::Stream, |n| {
                Source::Fixed { samples: usize::try_from(n).expect("in range"), shuffle: false }
            })
        )
        /// Give every epoch of the set its own order.
        "shuffle" with "dataset": Switch => (
            |s| if let Source::Fixed { shuffle, .. } = s.source { shuffle.into() } else { Null },
            |s, v| if let Source::Fixed { shuffle, .. } = &mut s.source { put(shuffle, v) }
        )
        /// How weights begin: uniform in (−1, 1), or scaled by 1/√hidden.
        "init": Word(|| words(&Init::ALL)) => (init)
        /// How weights move.
        "optimizer": Word(|| words(&[Rule::adam(1.0), Rule::Sgd { lr: 1.0 }])) => (
            |s| s.rule.to_string().into(),
            |s, v| s.rule = if v == "sgd" { Rule::Sgd { lr: 1.0 } } else { Rule::adam(0.03) }
        )
        /// Learning rate [default: 0.03 for adam, 1 for sgd].
        "lr": Positive => (
            |s| number(&s.rule.lr()),
            |s, v| { let (Rule::Sgd { lr } | Rule::Adam { lr, .. }) = &mut s.rule; put(lr, v) }
        )
        /// Decay of adam's mean of squared gradients [default: 0.999].
        "beta2" with "optimizer adam": Within(0.0, 0.999999) => (
            |s| if let Rule::Adam { beta2, .. } = s.rule { number(&beta2) } else { Null },
            |s, v| if let Rule::Adam { beta2, .. } = &mut s.rule { put(beta2, v) }
        )
        /// Scale down gradients whose norm is larger than this.
        "clip-norm": OrNone(&Positive) => (|s| s.clip_norm.map_or(Null, |norm| number(&norm)), |s, v| put(&mut s.clip_norm, v))
    }
    "Machine" => {
        /// How gradients are computed.
        "engine": Word(|| words(&EngineKind::ALL)) => (engine)
    }
    ENDS => {
        /// Train until every pair of the check is right, or on from there until the net is proved
        /// to add correctly at every bit width, an lstm on sums of 16 bits or more, the dynamic
        /// cell of 32 or more: up to half of the budget the floats and the integer network, then
        /// the integer network [default: proved for elman and lstm up to 64 hidden units, else
        /// solved].
        "until": Word(|| vec!["solved".into(), "proved".into()]) => (
            |s| match s.until {
                Until::Solved { .. } => "solved".into(),
                Until::Proved { .. } => "proved".into(),
                _ => Null,
            },
            |s, v| s.until = match v.as_str() {
                Some("proved") => Until::proved(&s.config, Until::BUDGET),
                _ => Until::Solved { budget: Until::BUDGET },
            }
        )
        /// Noise on the carried state from `solved` to `proved`, uniform in ± this [default: 0.15
        /// times the root of the hidden units, 0.25 times it for lstm; 0.1 below 8 units of elman,
        /// 0.2 for dynamic].
        "noise" with "until proved": Within(0.0, 10.0) => (
            |s| if let Until::Proved { noise, .. } = s.until { number(&noise) } else { Null },
            |s, v| if let Until::Proved { noise, .. } = &mut s.until { put(noise, v) }
        )
        /// States that a proof may take [default: 10000000].
        "max-states" with "until proved": Whole(1..=MAX_STATES as u64) => (
            |s| if let Until::Proved { max_states, .. } = s.until { value(&max_states) } else { Null },
            |s, v| if let Until::Proved { max_states, .. } = &mut s.until { put(max_states, v) }
        )
        /// Give up after this many updates.
        "budget" with "until": Whole(1..=MAX_EXACT) => (
            |s| if let Until::Solved { budget } | Until::Proved { budget, .. } = s.until { budget.into() } else { Null },
            |s, v| if let Until::Solved { budget } | Until::Proved { budget, .. } = &mut s.until { put(budget, v) }
        )
        /// Train for this many updates, solved or not.
        "updates": Whole(1..=MAX_EXACT) => (
            |s| if let Until::Updates(n) = s.until { n.into() } else { Null },
            |s, v| s.until = Until::Updates(v.as_u64().expect("a number"))
        )
        /// Train for this many passes over the data set, solved or not.
        "epochs": Whole(1..=MAX_EXACT) => (
            |s| if let Until::Epochs(n) = s.until { n.into() } else { Null },
            |s, v| s.until = Until::Epochs(v.as_u64().expect("a number"))
        )
        /// Train for so many seconds, solved or not.
        "time": Seconds => (
            |s| if let Until::Time(time) = s.until { number(&time.as_secs_f64()) } else { Null },
            |s, v| s.until = Until::Time(Duration::from_secs_f64(v.as_f64().expect("a number")))
        )
    }
    "Training" => {
        /// Key of all random numbers.
        "seed": Whole(0..=MAX_EXACT) => (seed)
    }
);

impl Choices {
    /// Whether a way to end is chosen.
    fn has_end(&self) -> bool {
        OPTIONS.iter().any(|option| option.key.is_end() && self.get(option.key.name).is_some())
    }

    /// These choices over others. They replace what contradicts them, and what they leave without
    /// an effect: another way to end, or an option of it.
    #[must_use]
    pub fn over(self, under: Self) -> Self {
        let is_ours = |name: &str| self.get(name).is_some() || name == "until" && self.has_end();
        let mut all = self.clone();
        for Opt { key, .. } in OPTIONS {
            if let Some(value) = under.get(key.name).filter(|_| !(key.is_end() && self.has_end()))
                && all.get(key.name).is_none()
            {
                all.set(key.name, value.clone());
            }
        }
        for key in all.void(OPTIONS, &all.fill(OPTIONS, Settings::default())) {
            if !is_ours(key.name) && key.with.split(' ').next().is_some_and(is_ours) {
                all.remove(key.name);
            }
        }
        all
    }
}

impl Settings {
    /// The settings of some choices, with defaults for the rest. Without a chosen end it is solved.
    ///
    /// # Errors
    /// [`Error::Usage`] naming what does not go together, in the given spelling.
    pub fn of(choices: &Choices, spelling: Spelling) -> Result<Self> {
        let settings = choices.fill(OPTIONS, Self::default());
        let Some(key) = choices.void(OPTIONS, &settings).first().copied() else { return settings.consistent() };
        let name = spelling.of(key.name);
        Err(Error::usage(if key.is_end() {
            let ends = OPTIONS.iter().filter(|option| option.key.is_end()).map(|option| spelling.of(option.key.name));
            format!(
                "{name} is one way to end, and another is chosen too: want one of {}",
                ends.collect::<Vec<_>>().join(", ")
            )
        } else {
            format!("{name} goes with {}", spelling.of(key.with))
        }))
    }

    /// The settings that `carrylane train` makes of some choices: without a chosen end,
    /// [`Until::usual`].
    ///
    /// # Errors
    /// As for [`Settings::of`].
    pub fn trained(mut choices: Choices, spelling: Spelling) -> Result<Self> {
        if !choices.has_end() {
            let net = choices.fill(OPTIONS, Self::default());
            let proved = matches!(Until::usual(&net), Until::Proved { .. });
            choices.set("until", if proved { "proved" } else { "solved" }.into());
        }
        Self::of(&choices, spelling)
    }

    /// All options that apply, each with its value.
    pub fn choices(&self) -> Choices {
        Choices::of(OPTIONS, self)
    }

    /// The end, and the options that are no defaults: choices that give these settings.
    pub fn unusual(&self) -> Choices {
        Choices::unusual(OPTIONS, Self { until: Until::Updates(0), ..Self::default() }, self)
    }

    /// A name of the settings without threads and instruction set: a letter and 16 hexadecimal
    /// digits of SHA-256 over the canonical JSON of [`Settings::unusual`]. With the letter, no
    /// spreadsheet takes it for a number.
    pub fn id(&self) -> String {
        format!("t{}", config_hash(&self.unusual()))
    }

    /// The command that trains the same net.
    pub fn command(&self) -> String {
        let unusual = self.unusual();
        let flags =
            OPTIONS.iter().filter_map(|o| Some(format!(" --{} {}", o.key.name, text(unusual.get(o.key.name)?))));
        format!("carrylane train{}", flags.collect::<String>())
    }

    /// Width of the additions from `solved` to `proved`: some cells learn to keep a carry for ever
    /// only from carries that last. A fixed set stays as it is.
    pub fn proof_bits(&self) -> usize {
        let least = match self.config.cell {
            Cell::Elman => 0,
            Cell::Lstm => 16,
            Cell::Dynamic => 32,
        };
        if self.source == Source::Stream { self.bits.max(least) } else { self.bits }
    }

    /// Additions in the fixed set; 0 if there is none.
    pub fn set_samples(&self) -> u64 {
        match self.source {
            Source::Stream => 0,
            Source::Fixed { samples, .. } => samples as u64,
        }
    }

    /// These settings, if they can be trained.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the value and its range, or what does not go together.
    pub fn checked(self) -> Result<Self> {
        for Opt { key, get, .. } in OPTIONS {
            let value = get(&self);
            if !value.is_null() {
                key.read(&text(&value))?;
            }
        }
        in_range("threads", self.threads as u64, 1..=MAX_THREADS as u64)?;
        self.consistent()
    }

    /// These settings, each value being in its range, if they go together.
    fn consistent(mut self) -> Result<Self> {
        self.config = self.config.checked()?;
        self.level = self.level.checked()?;
        match self.until {
            Until::Epochs(_) if self.source == Source::Stream => {
                Err(Error::usage("epochs count passes over a fixed set, and additions are drawn anew: name a dataset"))
            }
            Until::Proved { .. } if self.engine == EngineKind::Reference => Err(Error::usage(
                "the reference engine has no noise to train for a proof with: use another engine, or until solved",
            )),
            _ => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_has_nothing_to_learn() {
        let with = |bits| Settings { bits, ..Settings::default() }.checked();
        let refusal = with(1).expect_err("0 + 0 alone").to_string();
        assert_eq!(refusal, "bits is '1', want a whole number from 2 to 65,536");
        assert!(
            with(2).is_ok() && with(MAX_BITS).is_ok() && with(0).is_err() && with(MAX_BITS + 1).is_err(),
            "a range"
        );
    }

    #[test]
    fn nets_are_proved_on_sums_of_the_width_their_cell_needs_and_no_narrower_ones_than_asked_for() {
        let fixed = Source::Fixed { samples: 100, shuffle: false };
        for (cell, bits, source, wanted) in [
            (Cell::Elman, 4, Source::Stream, 4),
            (Cell::Lstm, 8, Source::Stream, 16),
            (Cell::Dynamic, 8, Source::Stream, 32),
            (Cell::Dynamic, 40, Source::Stream, 40),
            (Cell::Dynamic, 8, fixed, 8),
        ] {
            let settings = Settings { config: Config::of(cell), bits, source, ..Settings::default() };
            assert_eq!(settings.proof_bits(), wanted, "{cell}, {bits} bits, {source:?}");
        }
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused_by_name() {
        for x in [0.0, -0.1, f32::NAN, f32::INFINITY] {
            let proved = Until::Proved { budget: 1, noise: x - 0.1, max_states: 1 };
            for (name, settings) in [
                ("lr", Settings { rule: Rule::adam(x), ..Settings::default() }),
                ("lr", Settings { rule: Rule::Sgd { lr: x }, ..Settings::default() }),
                ("clip-norm", Settings { clip_norm: Some(x), ..Settings::default() }),
                ("noise", Settings { until: proved, ..Settings::default() }),
            ] {
                let refusal = settings.checked().expect_err("no such number").to_string();
                assert!(refusal.starts_with(&format!("{name} is '")), "{x}: {refusal}");
            }
        }
    }
}
