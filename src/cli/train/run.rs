//! A training from its flags to its answer.

use super::keeper::{Every, Keeper, Onlooker};
use super::summary::Summary;
use super::told::{conclusion, header, next, right, show_sums};
use super::{Args, Keeping};
use crate::cli::args::goes_with;
use crate::cli::config_file;
use crate::cli::environment::Environment;
use crate::cli::format::{count, duration, plural, rate};
use crate::cli::output::{FAINT, Output, styled};
use crate::cli::proof::Told;
use crate::cli::run_folder::RunFolder;
use crate::cli::trace::Trace;
use crate::cli::{Answer, quoted, signals};
use carrylane::prove::{Learned, Plan, until_proved_watched};
use carrylane::train::{Identity, Need, Outcome, Settings, Trainer, Until};
use carrylane::{Error, files};
use serde::Serialize;
use std::path::Path;

/// Runs the command.
pub(in crate::cli) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    train(args, out).inspect_err(|error| {
        // Where there are settings, there is a run.
        let whole = |folder: &&Path| RunFolder::again(folder).checkpoints().latest().is_ok();
        let run = args.folder().filter(|folder| folder.join(config_file::NAME).exists()).filter(whole);
        if let (Some(folder), Some(Error::Io { .. })) = (run, error.downcast_ref()) {
            let folder = quoted(folder);
            out.progress_done();
            out.warn(&format!(
                "the last checkpoint is whole: once this is mended, carrylane train --resume {folder} goes on"
            ));
        }
    })
}

fn train(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    // What the environment says of threads is no file's fault.
    args.machine.threads()?;
    let blame = |error| match (args.file(), error) {
        (Some(file), Error::Usage(problem)) => Error::data(file, format!("with its settings, {problem}")),
        (_, error) => error,
    };
    let settings = Settings::try_from(args).map_err(blame)?;
    let (plan, every) = (args.end.plan(&settings).map_err(blame)?, args.every());
    Need::of(&settings).afforded()?;
    if args.folder().is_none() {
        let Keeping { tensorboard, checkpoint_every, .. } = &args.keeping;
        let flags = [("tensorboard", *tensorboard), ("checkpoint-every", checkpoint_every.is_some())];
        goes_with(&flags, "a run folder: add --out DIR")?;
    }
    let (mut trainer, keeper) = match open(args, &settings, plan.as_ref(), every, out)? {
        Begun::Under(begun) => *begun,
        Begun::Over(answer) => return Ok(answer),
    };
    out.say(header(&settings, trainer.engine().kind()))?;
    let before = keeper.as_ref().map(|keeper| keeper.folder.curves()).transpose()?;
    let losses = before.map_or(Vec::new(), |curves| curves.rows.iter().map(|row| row.loss).collect());
    if trainer.updates() > 0 {
        out.say(format!("resumed after {}", plural(trainer.updates(), "update")))?;
    }
    out.say(styled(FAINT, format!("\n{:>10} {:>13} {:>10} {:>12}", "updates", "samples", "loss", "wrong bits")))?;
    let mut onlooker = Onlooker { trace: Trace::after(losses), settings: &settings, out, keeper, failed: Ok(()) };
    let trained = match &plan {
        None => trainer.run_watched(&mut onlooker).map(|report| (report, None)),
        Some(plan) => until_proved_watched(&mut trainer, plan, args.end.budget, &mut onlooker)
            .map(|learned| (learned.report, Some(learned))),
    };
    let Onlooker { mut trace, mut keeper, failed, .. } = onlooker;
    out.progress_done();
    let kept = trained.and_then(|trained| failed.map(|()| trained));
    let (report, learned) = kept?;
    trace.show_last(out)?;
    if report.outcome == Outcome::Stopped {
        return interrupted(&trainer, keeper.as_mut(), out);
    }
    if report.outcome != Outcome::Diverged {
        show_sums(&mut trainer, out)?;
    }
    let summary = Summary::new(&mut trainer, &report, learned.as_ref().zip(plan.map(|plan| plan.noise)));
    out.say(conclusion(&settings, &report))?;
    let proof = learned.as_ref().and_then(|learned| learned.proof.as_ref());
    if let Some(proof) = proof {
        let model = trainer.model().clone();
        Told::new(proof, report.times.proofs, &model, trainer.engine()).tell(out)?;
    }
    if let Some(fixed) = &report.fixed {
        let (training, held_out) = (right(&fixed.training), right(&fixed.held_out));
        out.say(format!("data set: {training} right, {held_out} of others right"))?;
    }
    let (made, time) = (plural(report.samples, "sample"), duration(report.seconds));
    // Nobody waits for shorter counts.
    let counted = Some(report.count_seconds).filter(|&seconds| seconds >= 1.0);
    let counted = counted.map_or(String::new(), |seconds| format!("; {} in the final count", duration(seconds)));
    out.say(format!("{made} in {time}, {} samples/s{counted}", rate(summary.samples_per_s)))?;
    if let Some(curve) = trace.curve() {
        out.say(curve)?;
    }
    let mut name = None;
    if let Some(keeper) = &mut keeper {
        if report.outcome != Outcome::Diverged {
            name = Some(keeper.folder.save(&trainer, &report, proof)?);
        }
        let proved = learned.as_ref().is_some_and(Learned::proved);
        keeper.end(&trainer, &report, if proved { "proved" } else { summary.outcome })?;
    }
    out.say(styled(FAINT, format!("config {} · weights {}", summary.config_hash, summary.weights_hash)))?;
    if let Some(keeper) = &keeper {
        let report = keeper.folder.file("report.html");
        let saved = name.as_ref().map_or(String::new(), |name| format!("{}, ", name.display()));
        let report = report.display();
        out.say(format!("saved {saved}{report}"))?;
    }
    let proved = learned.as_ref().map(Learned::proved);
    if let Some(next) = next(name.as_deref(), settings.bits, report.score.wrong == 0, proved) {
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

/// A training that is to be run, or one that is over already.
enum Begun {
    Under(Box<(Trainer, Option<Keeper>)>),
    Over(Answer),
}

/// Makes the trainer, new or as its last checkpoint has it, and begins the run's folder.
fn open(
    args: &Args,
    settings: &Settings,
    plan: Option<&Plan>,
    every: Every,
    out: &mut Output,
) -> anyhow::Result<Begun> {
    let Some(path) = args.folder() else {
        let mut trainer = Trainer::new(settings.clone())?;
        trainer.stop_on(signals::flag(format!("interrupted with work under way; {KEEP}")));
        return Ok(Begun::Under(Box::new((trainer, None))));
    };
    let mut identity = Identity::of(settings);
    if let Some(plan) = plan {
        identity = identity.with("noise", format!("{:?}", plan.noise)).with("ramp", plan.ramp.to_string());
        identity = identity.with("max states", plan.walk.max_states.to_string());
    }
    let text = config_file::text(settings, plan, args.end.budget, &args.machine.simd());
    let (mut folder, mut trainer, resumed) = if args.keeping.resume.is_none() {
        // The trainer first, so that what cannot be trained leaves nothing behind.
        let trainer = Trainer::new(settings.clone())?;
        let mut folder = RunFolder::open(path)?;
        folder.take()?;
        // Before the settings that make the folder a run, so that a run always has a checkpoint to go on from.
        folder.checkpoints().add(&trainer.checkpoint(&identity, None))?;
        (folder, trainer, None)
    } else {
        let mut folder = RunFolder::again(path);
        folder.take()?;
        let (checkpoint, damaged) = folder.checkpoints().latest().map_err(|error| begin_anew(error, path))?;
        for problem in damaged {
            out.warn(&format!("{problem}; going on from the one before"));
        }
        let trainer = checkpoint.resume(settings.clone(), &identity)?;
        if files::read_text(&folder.file(config_file::NAME), files::TEXT).ok().as_deref() != Some(&text) {
            not_beyond(&trainer, path)?;
        }
        if is_over(checkpoint.ended(), settings, plan)
            && let Some(end) = folder.curves()?.end
        {
            let updates = plural(end.update, "update");
            out.say(format!("{}: {} after {updates}, nothing is left to do", quoted(path), end.outcome))?;
            out.record("end", &end)?;
            return Ok(Begun::Over(Answer::Yes));
        }
        let updates = trainer.updates();
        (folder, trainer, Some(updates))
    };
    out.must_finish();
    trainer.stop_on(signals::flag(format!(
        "interrupted with work under way; carrylane train --resume {} goes on from the last checkpoint",
        quoted(path)
    )));
    let environment = folder.begin(&text, Environment::now(settings), resumed)?;
    let tensorboard = args.keeping.tensorboard || folder.file(carrylane::report::run::Events::NAME).exists();
    let keeper = Keeper::new(folder, &trainer, identity, every, tensorboard.then_some(&environment))?;
    Ok(Begun::Under(Box::new((trainer, Some(keeper)))))
}

/// Why a run cannot go on, and how it begins anew.
fn begin_anew(error: Error, run: &Path) -> Error {
    let config = quoted(&run.join(config_file::NAME));
    match error {
        Error::Data { path, problem } => Error::data(
            path,
            format!(
                "{problem}; so the run cannot go on: carrylane train --config {config} --out ANOTHER begins it anew"
            ),
        ),
        error => error,
    }
}

/// Refuses another end than a run began with, if the run is beyond it.
fn not_beyond(trainer: &Trainer, run: &Path) -> carrylane::Result<()> {
    if !trainer.beyond_end() {
        return Ok(());
    }
    let (flag, end) = match trainer.settings().until {
        Until::Solved { budget } => ("budget", count(budget)),
        Until::Updates(updates) => ("updates", count(updates)),
        Until::Epochs(epochs) => ("epochs", count(epochs)),
        Until::Time(time) => ("time", duration(time.as_secs_f64())),
    };
    let (run, updates, time) = (quoted(run), plural(trainer.updates(), "update"), duration(trainer.seconds()));
    Err(Error::usage(format!("--{flag} is {end}, and {run} is beyond it, at {updates} and {time}: want more")))
}

/// Whether a run that ended so has reached its goal, after which there are no updates.
fn is_over(ended: Option<&str>, settings: &Settings, plan: Option<&Plan>) -> bool {
    let goal = if plan.is_some() { &["proved"][..] } else { &["solved", "proved"] };
    matches!(settings.until, Until::Solved { .. }) && ended.is_some_and(|ended| goal.contains(&ended))
}

/// The last JSON line of a training that was told to stop.
#[derive(Debug, Serialize)]
struct Interrupted {
    updates: u64,
    samples: u64,
    seconds: f64,
}

/// What to do to go on with a training another time.
const KEEP: &str = "use --out DIR to make runs resumable";

/// Ends a training that was told to stop.
fn interrupted(trainer: &Trainer, keeper: Option<&mut Keeper>, out: &mut Output) -> anyhow::Result<Answer> {
    let updates = plural(trainer.updates(), "update");
    match keeper {
        Some(keeper) => {
            keeper.interrupt(trainer)?;
            let folder = quoted(keeper.folder.path());
            out.warn(&format!("interrupted after {updates}; carrylane train --resume {folder} goes on"));
        }
        None => out.warn(&format!("interrupted after {updates}; {KEEP}")),
    }
    let (updates, samples, seconds) = (trainer.updates(), trainer.samples(), trainer.seconds());
    out.record("interrupted", &Interrupted { updates, samples, seconds })?;
    Ok(Answer::Interrupted)
}
