//! `carrylane train`: its flags, and what they mean.

mod run;
mod told;

use super::args::{HELP, Machine, Net, goes_with};
use super::{config_file, values};
use carrylane::Error;
use carrylane::model::{Init, MAX_HIDDEN};
use carrylane::prove::{MAX_STATES, Plan, WalkOptions};
use carrylane::run::Every;
use carrylane::task::whole::{rate, seconds};
use carrylane::train::{EngineKind, MAX_BATCH, MAX_BITS, Rule, Settings, Source, Until};
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) use run::run;

/// Train a net to add.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Hidden units.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_HIDDEN), default_value = "16", help_heading = "Network")]
    hidden: usize,
    #[command(flatten)]
    net: Net,
    #[command(flatten)]
    training: Training,
    #[command(flatten)]
    end: End,
    #[command(flatten)]
    machine: Machine,
    /// How gradients are computed.
    #[arg(long, value_parser = values::words(EngineKind::ALL), default_value = "fused", help_heading = "Machine")]
    engine: EngineKind,
    #[command(flatten)]
    keeping: Keeping,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
struct Keeping {
    /// Keep the run in DIR: config.toml, metrics.jsonl, checkpoints, model.safetensors, report.html.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with the run in DIR from its last checkpoint, with the same bits as if it had never stopped.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "config"])]
    resume: Option<PathBuf>,
    /// Take settings from FILE, as a run's config.toml has them; flags come before it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Updates between checkpoints [default: as many as take 10 seconds, or one that takes longer
    /// than half a second].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::long::<u64>())]
    checkpoint_every: Option<u64>,
    /// Write the curves as TensorBoard events too, beside the run's other files.
    #[arg(long)]
    tensorboard: bool,
}

const DETAILS: &str = "\
Without flags: an Elman net of 16 hidden units learns 8-bit additions from random ones, until all 16,384 pairs are \
right, and is then trained on, with noise on what it carries, until it is proved to add correctly at every bit width: its floats, and the \
integer network made from it. The same settings give the same weights, to the last bit, for any number of threads.";

const AFTER_HELP: &str = "\
Examples:
  carrylane train --seed 7 --out run
  carrylane train --hidden 64 --bits 16 --batch 256 --lr 0.01
  carrylane train --until solved
  carrylane train --updates 1000 --batch 4096 --json | tail -1
  carrylane train --dataset 500 --shuffle --epochs 100 --batch 32
  carrylane train --out runs/x --checkpoint-every 500; carrylane train --resume runs/x
  carrylane train --config runs/x/config.toml --seed 8 --out runs/y; carrylane compare runs/x runs/y

The check tries all pairs up to 9 bits. Beyond, it tries 64 random sums, 256 adversarial ones and 512 with long carries, of up to 4 times this width, and searches for the worst sum: it goes on from states the net can come to, those nearest to a wrong answer and some at random, until none is new or its rounds are over. An LSTM is also tried on 65,536 random sums.
Exits with 1 if the net has not learned its task, or is not proved where that is the goal, within the budget, or if a number became infinite or NaN.
SIGINT and SIGTERM end it within a second with 75, after a checkpoint if there is a run folder.
In the middle of a long update or check there is no time for one: the run goes on from the last checkpoint.";

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Training")]
struct Training {
    /// Width of the additions in bits, the number of time steps.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_BITS), default_value = "8")]
    bits: usize,
    /// Additions in a minibatch.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_BATCH), default_value = "64")]
    batch: usize,
    /// Train on a fixed set of N random additions instead of new ones every update.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_BATCH))]
    dataset: Option<usize>,
    /// Give every epoch of the set its own order.
    #[arg(long)]
    shuffle: bool,
    /// Key of all random numbers.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::seed(), default_value = "0")]
    seed: u64,
    /// How weights begin: uniform in (−1, 1), or scaled by 1/√hidden.
    #[arg(long, value_parser = values::words(Init::ALL), default_value = "scaled")]
    init: Init,
    /// How weights move.
    #[arg(long, value_enum, value_name = "NAME", default_value_t = Optimizer::Adam)]
    optimizer: Optimizer,
    /// Learning rate [default: 0.03 for adam, 1 for sgd].
    #[arg(long, value_name = "RATE", allow_hyphen_values = true, value_parser = rate)]
    lr: Option<f32>,
    /// Scale down gradients whose norm is larger than this.
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = rate)]
    clip_norm: Option<f32>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Optimizer {
    Adam,
    Sgd,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "When it ends")]
struct End {
    /// Train until every pair of the check is right, or on from there until the net is proved to add correctly at every bit
    /// width: up to half of the budget the floats and the integer network, then the integer network [default: proved for elman and lstm up to 64 hidden units, else solved].
    #[arg(long, value_enum, value_name = "GOAL", conflicts_with_all = ["updates", "epochs", "time"])]
    until: Option<Goal>,
    /// Noise on the carried state from `solved` to `proved`, uniform in ± this [default: 0.15 times the root of the hidden units, 0.25 times
    /// it for lstm; 0.15 below 8 units of elman, 0.2 for dynamic].
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = values::noise)]
    noise: Option<f32>,
    /// States that a proof may take [default: 10000000].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_STATES))]
    max_states: Option<usize>,
    /// Give up after this many updates.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::long::<u64>(), default_value = "20000", conflicts_with_all = ["updates", "epochs", "time"])]
    budget: u64,
    /// Train for this many updates, solved or not.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::long::<u64>(), conflicts_with_all = ["epochs", "time"])]
    updates: Option<u64>,
    /// Train for this many passes over the data set, solved or not.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::long::<u64>(), conflicts_with = "time")]
    epochs: Option<u64>,
    /// Train for so many seconds, solved or not.
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true, value_parser = seconds)]
    time: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Goal {
    Solved,
    Proved,
}

impl End {
    /// How to train for a proof, if that is the goal.
    fn plan(&self, settings: &Settings) -> carrylane::Result<Option<Plan>> {
        let plan = match self.until {
            _ if !matches!(settings.until, Until::Solved { .. }) => None,
            Some(Goal::Solved) => None,
            Some(Goal::Proved) if settings.engine == EngineKind::Reference => {
                let problem =
                    "the reference engine has no noise to train for a proof with: use --engine auto or --until solved";
                return Err(Error::usage(problem));
            }
            Some(Goal::Proved) => Some(Plan::of(settings)),
            None => Plan::by_default(settings),
        };
        let Some(plan) = plan else {
            goes_with(&[("noise", self.noise.is_some()), ("max-states", self.max_states.is_some())], "--until proved")?;
            return Ok(None);
        };
        let noise = self.noise.unwrap_or(plan.noise);
        let max_states = self.max_states.unwrap_or(plan.walk.max_states);
        let walk = WalkOptions { max_states, threads: settings.threads, ..plan.walk };
        Ok(Some(Plan { noise, walk, ..plan }))
    }
}

impl TryFrom<&Args> for Settings {
    type Error = Error;

    fn try_from(args: &Args) -> carrylane::Result<Self> {
        let rule = match args.training.optimizer {
            Optimizer::Adam => Rule::adam(args.training.lr.unwrap_or(0.03)),
            Optimizer::Sgd => Rule::Sgd { lr: args.training.lr.unwrap_or(1.0) },
        };
        let until = match (args.end.until, args.end.updates, args.end.epochs, args.end.time) {
            (_, Some(updates), _, _) => Until::Updates(updates),
            (_, _, Some(epochs), _) => Until::Epochs(epochs),
            (_, _, _, Some(time)) => Until::Time(time),
            _ => Until::Solved { budget: args.end.budget },
        };
        let shuffle = args.training.shuffle;
        if args.training.dataset.is_none() {
            goes_with(&[("shuffle", shuffle), ("epochs", args.end.epochs.is_some())], "a data set: add --dataset N")?;
        }
        let source = args.training.dataset.map_or(Source::Stream, |samples| Source::Fixed { samples, shuffle });
        Self {
            config: args.net.config(args.hidden)?,
            bits: args.training.bits,
            batch: args.training.batch,
            source,
            seed: args.training.seed,
            init: args.training.init,
            rule,
            clip_norm: args.training.clip_norm,
            until,
            engine: args.engine,
            level: args.machine.level()?,
            threads: args.machine.threads()?,
        }
        .checked()
    }
}

impl Args {
    /// How often a checkpoint is taken.
    fn every(&self) -> Every {
        self.keeping.checkpoint_every.map_or(Every::Seconds(10.0), Every::Updates)
    }

    /// The file that settings come from, if there is one.
    fn file(&self) -> Option<PathBuf> {
        config_file::named(self.keeping.config.as_ref(), self.keeping.resume.as_ref())
    }

    /// Where the run is kept, if it is.
    fn folder(&self) -> Option<&Path> {
        self.keeping.out.as_deref().or(self.keeping.resume.as_deref())
    }
}
