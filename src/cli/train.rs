//! `carrylane train`.

use super::args::{HELP, Machine, Net, VERSION, seconds};
use super::format::{count, duration, plural, rate};
use super::output::{BAD, FAINT, GOOD, Output, STRONG, styled};
use super::proof::Told;
use super::run_folder::RunFolder;
use super::trace::Trace;
use super::{Answer, sums, values};
use carrylane::Error;
use carrylane::model::{Cell, Init, config_hash, weights_hash};
use carrylane::prove::{Learned, Plan, WalkOptions, until_proved};
use carrylane::train::{EngineKind, Event, Outcome, Report, Rule, Score, Settings, Source, Trainer, Until};
use clap::ValueEnum;
use serde::Serialize;
use std::path::PathBuf;

/// Train a net to add.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Hidden units.
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 16, help_heading = "Network")]
    hidden: usize,
    #[command(flatten)]
    net: Net,
    #[command(flatten)]
    training: Training,
    #[command(flatten)]
    end: End,
    #[command(flatten)]
    machine: Machine,
    /// How gradients are computed; `auto` is the fastest for the size.
    #[arg(long, value_parser = values::engine(), default_value = "auto", help_heading = "Machine")]
    engine: EngineKind,
    /// Keep the net in DIR/model.safetensors; DIR is made if it is not there.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
}

const DETAILS: &str = "\
Without flags: an Elman net of 16 hidden units learns 8-bit additions from random ones, until all 16,384 pairs are \
right, and is then trained on, with noise on what it carries, until it is proved to add correctly at every bit width. The same settings give the same weights, to the last bit, for any number of threads.";

const AFTER_HELP: &str = "\
Examples:
  carrylane train --seed 7 --out run
  carrylane train --hidden 64 --bits 16 --batch 256 --lr 0.01
  carrylane train --until solved
  carrylane train --updates 1000 --batch 4096 --json | tail -1
  carrylane train --dataset 500 --shuffle --epochs 100 --batch 32

The check tries all pairs up to 9 bits. Beyond, it tries 65,536 random and 128 adversarial ones, at this width and at 4 times this width.
Exits with 1 if the net has not learned its task, or is not proved where that is the goal, within the budget, or if the loss became infinite.";

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Training")]
struct Training {
    /// Width of the additions in bits, the number of time steps.
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 8)]
    bits: usize,
    /// Additions in a minibatch.
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 64)]
    batch: usize,
    /// Train on a fixed set of N random additions instead of new ones every update.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    dataset: Option<usize>,
    /// Give every epoch of the set its own order.
    #[arg(long, requires = "dataset")]
    shuffle: bool,
    /// Key of all random numbers.
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 0)]
    seed: u64,
    /// How weights begin: uniform in (−1, 1), or scaled by 1/√hidden.
    #[arg(long, value_parser = values::init(), default_value = "scaled")]
    init: Init,
    /// How weights move.
    #[arg(long, value_enum, value_name = "NAME", default_value_t = Optimizer::Adam)]
    optimizer: Optimizer,
    /// Learning rate [default: 0.03 for adam, 1 for sgd].
    #[arg(long, value_name = "RATE", allow_hyphen_values = true)]
    lr: Option<f32>,
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
    /// width [default: proved for elman and lstm up to 64 hidden units, else solved].
    #[arg(long, value_enum, value_name = "GOAL", conflicts_with_all = ["updates", "epochs", "time"])]
    until: Option<Goal>,
    /// Noise on the carried state from `solved` to `proved`, uniform in ± this [default: 0.4; 0.15 below 8 units, 0.2 for dynamic].
    #[arg(long, value_name = "X", allow_hyphen_values = true, conflicts_with_all = ["updates", "epochs", "time"])]
    noise: Option<f32>,
    /// States that a proof may take.
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 10_000_000)]
    max_states: usize,
    /// Give up after this many updates.
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 20_000, conflicts_with_all = ["updates", "epochs", "time"])]
    budget: u64,
    /// Train for this many updates, solved or not.
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with_all = ["epochs", "time"])]
    updates: Option<u64>,
    /// Train for this many passes over the data set, solved or not.
    #[arg(long, value_name = "N", allow_negative_numbers = true, requires = "dataset", conflicts_with = "time")]
    epochs: Option<u64>,
    /// Train for so many seconds, solved or not.
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true)]
    time: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Goal {
    Solved,
    Proved,
}

impl End {
    /// How to train for a proof, if that is the goal.
    fn plan(&self, settings: &Settings) -> carrylane::Result<Option<Plan>> {
        let Until::Solved { .. } = settings.until else { return Ok(None) };
        let plan = match self.until {
            Some(Goal::Solved) => return Ok(None),
            Some(Goal::Proved) if settings.engine == EngineKind::Reference => {
                let problem =
                    "the reference engine has no noise to train for a proof with: use --engine auto or --until solved";
                return Err(Error::usage(problem));
            }
            Some(Goal::Proved) => Plan::of(settings),
            None => match Plan::by_default(settings) {
                Some(plan) => plan,
                None => return Ok(None),
            },
        };
        let noise = self.noise.unwrap_or(plan.noise);
        if !(0.0..=10.0).contains(&noise) {
            return Err(Error::usage(format!("noise is {noise}, want 0 to 10")));
        }
        values::in_range("max-states", &[self.max_states], (1 << 29) - 1)?;
        let walk = WalkOptions { max_states: self.max_states, threads: settings.threads, ..plan.walk };
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
            (_, _, _, Some(time)) => Until::Time(seconds("time", time)?),
            _ => Until::Solved { budget: args.end.budget },
        };
        let shuffle = args.training.shuffle;
        let source = args.training.dataset.map_or(Source::Stream, |samples| Source::Fixed { samples, shuffle });
        Self {
            config: args.net.config(args.hidden)?,
            bits: args.training.bits,
            batch: args.training.batch,
            source,
            seed: args.training.seed,
            init: args.training.init,
            rule,
            until,
            engine: args.engine,
            level: args.machine.level()?,
            threads: args.machine.threads()?,
        }
        .checked()
    }
}

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let settings = Settings::try_from(args)?;
    let plan = args.end.plan(&settings)?;
    let mut trainer = Trainer::new(settings.clone())?;
    let folder = args.out.as_deref().map(RunFolder::open).transpose()?;
    if folder.is_some() {
        out.must_finish();
    }
    out.say(header(&settings, trainer.engine().kind(settings.batch)))?;
    out.say(styled(FAINT, format!("\n{:>10} {:>13} {:>10} {:>12}", "updates", "samples", "loss", "wrong bits")))?;
    let mut trace = Trace::default();
    let mut printed = Ok(());
    let show = |event: &Event| {
        if printed.is_ok() {
            printed = trace.show(event, &settings, out);
        }
    };
    let (report, learned) = match &plan {
        None => (trainer.run(show)?, None),
        Some(plan) => {
            let learned = until_proved(&mut trainer, plan, args.end.budget, show)?;
            (learned.report, Some(learned))
        }
    };
    out.progress_done();
    printed?;
    trace.show_last(out)?;
    if report.outcome != Outcome::Diverged {
        show_sums(&mut trainer, out)?;
    }
    let summary = Summary::new(&mut trainer, &report, learned.as_ref().zip(plan.map(|plan| plan.noise)));
    out.say(conclusion(&settings, &report))?;
    let proof = learned.as_ref().and_then(|learned| learned.proof.as_ref());
    if let Some((learned, proof)) = learned.as_ref().zip(proof) {
        Told::new(proof, learned.prove_seconds, trainer.engine()).tell(out)?;
    }
    if let Some(fixed) = &report.fixed {
        let (training, held_out) = (right(&fixed.training), right(&fixed.held_out));
        out.say(format!("data set: {training} right, {held_out} of others right"))?;
    }
    let (made, time) = (plural(report.samples, "sample"), duration(report.seconds));
    out.say(format!("{made} in {time}, {} samples/s", rate(summary.samples_per_s)))?;
    let name = match folder {
        Some(folder) if report.outcome != Outcome::Diverged => Some(folder.save(&trainer, &report, proof)?),
        _ => None,
    };
    out.say(styled(FAINT, format!("config {} · weights {}", summary.config_hash, summary.weights_hash)))?;
    if let Some(name) = &name {
        out.say(format!("saved {name}"))?;
    }
    if let Some(next) = next(name.as_deref(), settings.bits, report.score.wrong == 0) {
        out.say(styled(FAINT, format!("next: {next}")))?;
    }
    out.record("summary", &summary)?;
    let asked_to_solve = matches!(settings.until, Until::Solved { .. });
    Ok(match report.outcome {
        Outcome::Solved => Answer::from(learned.is_none_or(|learned| learned.proved())),
        Outcome::Unsolved => Answer::from(!asked_to_solve),
        Outcome::Diverged | Outcome::Stopped => Answer::No,
    })
}

/// What is trained, in a line.
fn header(settings: &Settings, engine: EngineKind) -> String {
    let Settings { config, bits, batch, seed, rule, level, threads, .. } = settings;
    let net = styled(STRONG, format!("{}, {} hidden, {}", config.cell, config.hidden, plural(*bits as u64, "bit")));
    let threads = plural(*threads as u64, "thread");
    format!(
        "{net} · {rule} {:?}, batch {batch}, seed {seed} · {engine} on {level}, {threads} · carrylane {VERSION}",
        rule.lr()
    )
}

/// How it ended, in a line.
fn conclusion(settings: &Settings, report: &Report) -> String {
    let (wrong, total) = (count(report.score.wrong), plural(report.score.total, "pair"));
    let updates = plural(report.updates, "update");
    match (report.outcome, settings.until) {
        (Outcome::Solved, _) => format!("{}: all {total} right after {updates}", styled(GOOD, "solved")),
        (Outcome::Unsolved, Until::Solved { .. }) => format!(
            "{}: {wrong} of {total} wrong after {updates}, the whole budget; try another --seed or --lr, or more --budget or --hidden",
            styled(BAD, "not solved")
        ),
        (Outcome::Unsolved, _) => format!("{}: {wrong} of {total} wrong after {updates}", styled(STRONG, "not solved")),
        (Outcome::Diverged, _) => format!(
            "{}: the loss became infinite or NaN at update {}; try a lower --lr or another --init",
            styled(BAD, "diverged"),
            count(report.updates)
        ),
        (Outcome::Stopped, _) => format!("{} after {updates}", styled(STRONG, "stopped")),
    }
}

/// How many of a set are right.
fn right(score: &Score) -> String {
    format!("{} of {}", count(score.total - score.wrong), count(score.total))
}

/// Some sums by the net as it is now.
fn show_sums(trainer: &mut Trainer, out: &mut Output) -> anyhow::Result<()> {
    let Settings { bits, seed, .. } = *trainer.settings();
    let sums = sums::random(trainer.engine(), bits, seed);
    out.say("")?;
    for line in sums::aligned(&sums) {
        out.say(format!("  {line}"))?;
    }
    out.say("")?;
    Ok(())
}

/// What to try next, if something is worth trying.
fn next(model: Option<&str>, bits: usize, solved: bool) -> Option<String> {
    let quoted =
        model.map(|name| if name.contains(char::is_whitespace) { format!("'{name}'") } else { name.to_owned() });
    match (quoted, solved) {
        (Some(model), true) => Some(format!("carrylane add 123 456 --model {model}")),
        (Some(model), false) => Some(format!("carrylane eval --bits {bits} --model {model}")),
        (None, true) => Some("the same with --out DIR keeps the net; carrylane add 123 456".into()),
        (None, false) => None,
    }
}

/// The last JSON line.
#[derive(Debug, Serialize)]
struct Summary {
    solved: bool,
    pairs_wrong: u64,
    pairs_total: u64,
    updates: u64,
    samples: u64,
    seconds: f64,
    samples_per_s: f64,
    weights_hash: String,
    cell: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lstm_form: Option<String>,
    hidden: usize,
    bits: usize,
    batch: usize,
    seed: u64,
    level: String,
    threads: usize,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    data_set: Option<DataSet>,
    engine: String,
    outcome: &'static str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    proof: Option<ProofSummary>,
    config_hash: String,
    version: &'static str,
}

/// What was spent on the proof.
#[derive(Debug, Serialize)]
struct ProofSummary {
    proved: bool,
    proofs_tried: u64,
    prove_seconds: f64,
    noise: f32,
}

/// The final net on a fixed set, and on additions that are not in it.
#[derive(Debug, Serialize)]
struct DataSet {
    training_wrong: u64,
    training_total: u64,
    held_out_wrong: u64,
    held_out_total: u64,
}

impl Summary {
    fn new(trainer: &mut Trainer, report: &Report, learned: Option<(&Learned, f32)>) -> Self {
        let batch = trainer.settings().batch;
        let engine = trainer.engine().kind(batch).to_string();
        let (settings, model) = (trainer.settings(), trainer.model());
        Self {
            solved: report.outcome == Outcome::Solved,
            pairs_wrong: report.score.wrong,
            pairs_total: report.score.total,
            updates: report.updates,
            samples: report.samples,
            seconds: report.seconds,
            samples_per_s: report.samples as f64 / report.seconds,
            weights_hash: weights_hash(&model.config, &model.params),
            cell: model.config.cell.to_string(),
            lstm_form: (model.config.cell == Cell::Lstm).then(|| model.config.lstm_form.to_string()),
            hidden: model.config.hidden,
            bits: settings.bits,
            batch: settings.batch,
            seed: settings.seed,
            level: settings.level.to_string(),
            threads: settings.threads,
            data_set: report.fixed.map(|fixed| DataSet {
                training_wrong: fixed.training.wrong,
                training_total: fixed.training.total,
                held_out_wrong: fixed.held_out.wrong,
                held_out_total: fixed.held_out.total,
            }),
            engine,
            outcome: match report.outcome {
                Outcome::Solved => "solved",
                Outcome::Unsolved => "unsolved",
                Outcome::Diverged => "diverged",
                Outcome::Stopped => "stopped",
            },
            proof: learned.map(|(learned, noise)| ProofSummary {
                proved: learned.proved(),
                proofs_tried: learned.tried,
                prove_seconds: learned.prove_seconds,
                noise,
            }),
            config_hash: config_hash(&model.config),
            version: VERSION,
        }
    }
}
