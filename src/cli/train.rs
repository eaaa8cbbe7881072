//! `carrylane train`: its flags, and what they mean.

mod run;

use super::args::{Flags, HELP, Machine};
use super::values;
use carrylane::kernel::SimdLevel;
use carrylane::run::{CONFIG, read_config};
use carrylane::train::{Choices, Settings, Spelling};
use carrylane::{Error, Result};
use std::path::{Path, PathBuf};

pub(super) use run::run;

/// Train a net to add.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(flatten)]
    options: Flags<true>,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    keeping: Keeping,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
struct Keeping {
    /// Keep the run in DIR: config.toml, metrics.jsonl, checkpoints, model.safetensors,
    /// report.html.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Resume the run in DIR from its last checkpoint, with the same bits as if it had never
    /// stopped.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "config"])]
    resume: Option<PathBuf>,
    /// Take settings from FILE, such as a run's config.toml; flags override it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Updates between checkpoints [default: one every 10 seconds, and after each update of half a
    /// second or more].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::long::<u64>())]
    checkpoint_every: Option<u64>,
    /// Write the curves as TensorBoard events too, beside the run's other files.
    #[arg(long)]
    tensorboard: bool,
}

const DETAILS: &str = "\
Without flags, an Elman net of 16 hidden units learns 8-bit additions from random ones until all 16,384 pairs are right. \
It learns on, with noise on what it carries, until it is proved to add correctly at every bit width: its floats, and the \
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

The check tries all pairs up to 9 bits. Beyond, it tries 64 sums with long carries and 128 adversarial ones, of 4 times this width, and searches for the worst sum: it goes on from states the net can come to, those nearest to a wrong answer and some at random, until none is new or its rounds are over. An LSTM is tried on 1,024 more with long carries, and its search is longer.
Exits with 1 if the net has not learned its task, or is not proved where that is the goal, within the budget, or if a number became infinite or NaN.
SIGINT and SIGTERM end it within a second with 75, after a checkpoint if there is a run folder.
In the middle of a long update or check there is no time for one: the run goes on from the last checkpoint.";

impl Args {
    /// The settings, and the instruction set if one is chosen: flags over the file of `--config`,
    /// or over the settings of the run of `--resume`.
    fn settings(&self) -> Result<(Settings, Option<SimdLevel>)> {
        let Keeping { config, resume, .. } = &self.keeping;
        let file = config.clone().or_else(|| Some(resume.as_ref()?.join(CONFIG)));
        let under = file.as_deref().map_or(Ok(Choices::default()), read_config)?;
        let word = self.machine.simd.as_deref().or_else(|| under.get("simd")?.as_str());
        // The word `auto` is no level.
        let level = word.and_then(|word| word.parse().ok());
        // A wrong number in the environment is no fault of the file.
        let threads = self.machine.threads()?;
        let settings = || {
            let settings = Settings::trained(self.options.0.clone().over(under), Spelling::Flags)?;
            Settings { level: level.unwrap_or(settings.level), threads, ..settings }.checked()
        };
        let blame = |error| match (file.as_ref(), error) {
            (Some(file), Error::Usage(problem)) => Error::data(file, format!("with its settings, {problem}")),
            (_, error) => error,
        };
        Ok((settings().map_err(blame)?, level))
    }

    /// The folder of the run, if it is kept.
    fn folder(&self) -> Option<&Path> {
        self.keeping.out.as_deref().or(self.keeping.resume.as_deref())
    }
}
