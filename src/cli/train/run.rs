//! A training from its flags to its answer.

use super::told::{conclusion, header, next, right, show_sums, summary};
use super::{Args, Keeping};
use crate::cli::args::goes_with;
use crate::cli::format::{count, duration, plural, rate};
use crate::cli::output::{Output, fields};
use crate::cli::proof::tell;
use crate::cli::trace::Trace;
use crate::cli::{Answer, quoted, signals};
use carrylane::kernel::SimdLevel;
use carrylane::model::{Model, config_hash, weights_hash};
use carrylane::prove::{Findings, Learned};
use carrylane::report::write_training;
use carrylane::run::{CONFIG, Curves, MODEL, REPORT, Run, RunOptions, checkpoints, is_run};
use carrylane::sweep;
use carrylane::train::{Event, MemoryNeed, Observer, Outcome, Settings, Trainer, Until};
use carrylane::{Error, Result};
use std::path::Path;

/// Runs the command.
pub(in crate::cli) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    train(args, out).inspect_err(|error| {
        let whole = |folder: &&Path| is_run(folder) && checkpoints(folder).latest().is_ok();
        if let (Some(folder), Some(Error::Io { .. })) = (args.folder().filter(whole), error.downcast_ref()) {
            let folder = quoted(folder);
            out.progress_done();
            out.warn(&format!(
                "the last checkpoint is whole: once this is mended, carrylane train --resume {folder} goes on"
            ));
        }
    })
}

fn train(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let (settings, level) = args.settings()?;
    MemoryNeed::of(&settings).afforded()?;
    let folder = args.folder();
    if folder.is_none() {
        let Keeping { tensorboard, checkpoint_every, .. } = &args.keeping;
        let flags = [("tensorboard", *tensorboard), ("checkpoint-every", checkpoint_every.is_some())];
        goes_with(&flags, "a run folder: add --out DIR")?;
    }
    let mut run = open(args, &settings, level, out)?;
    if let Some((end, path)) = run.ended.as_ref().zip(folder) {
        // A kill may have prevented the page.
        write_training(path)?;
        let updates = plural(end.update, "update");
        out.say(format!("{}: {} after {updates}, nothing is left to do", quoted(path), end.outcome))?;
        out.record("end", end)?;
        return Ok(Answer::Yes);
    }
    let goes_on = match folder {
        Some(path) => {
            out.must_finish();
            format!("carrylane train --resume {} goes on", quoted(path))
        }
        None => "use --out DIR to make runs resumable".to_owned(),
    };
    let last = if folder.is_some() { " from the last checkpoint" } else { "" };
    run.trainer.stop_on(signals::flag(format!("interrupted with work under way; {goes_on}{last}")));
    out.say(header(&settings, run.trainer.engine().kind()))?;
    if run.trainer.updates() > 0 {
        out.say(format!("resumed after {}", plural(run.trainer.updates(), "update")))?;
    }
    out.note(format!("\n{:>10} {:>13} {:>10} {:>12}", "updates", "samples", "loss", "wrong bits"))?;
    let before = folder.map_or_else(|| Ok(Curves::default()), Curves::of)?;
    let trace = Trace::after(before.rows.iter().map(|row| row.loss).collect());
    let mut onlooker = Onlooker { trace, settings: &settings, out };
    let learned = run.train(&mut onlooker);
    let mut trace = onlooker.trace;
    out.progress_done();
    let learned = learned?;
    folder.map_or(Ok(()), write_training)?;
    trace.show_last(out)?;
    let trainer = &mut run.trainer;
    if learned.report.outcome == Outcome::Stopped {
        let (updates, samples, seconds) = (trainer.updates(), trainer.samples(), trainer.seconds());
        out.warn(&format!("interrupted after {}; {goes_on}", plural(updates, "update")));
        out.record("interrupted", &fields! { "updates": updates, "samples": samples, "seconds": seconds })?;
        return Ok(Answer::Interrupted);
    }
    tell_end(&learned, trainer, &trace, folder, out)
}

/// Begins a run in its folder, or resumes the one there.
fn open(args: &Args, settings: &Settings, level: Option<SimdLevel>, out: &Output) -> Result<Run> {
    let options = RunOptions { settings, level, every: args.every(), tensorboard: args.keeping.tensorboard };
    let Some(path) = args.folder() else { return Run::unkept(&options) };
    if args.keeping.resume.is_none() {
        if path.join(sweep::Plan::LOCK).exists() {
            return Err(Error::usage(format!("{} holds a sweep: name another folder", path.display())));
        }
        return Run::begin(path, &options);
    }
    let anew = |error| match error {
        Error::Data { path: file, problem } => {
            let config = quoted(&path.join(CONFIG));
            let tip = format!("carrylane train --config {config} --out ANOTHER begins it anew");
            Error::data(file, format!("{problem}; so the run cannot go on: {tip}"))
        }
        error => error,
    };
    let run = Run::resume(path, &options).map_err(anew)?;
    for problem in &run.damaged {
        out.warn(&format!("{problem}; going on from the one before"));
    }
    Ok(run)
}

/// Prints a training's progress.
struct Onlooker<'a> {
    trace: Trace,
    settings: &'a Settings,
    out: &'a mut Output,
}

impl Observer for Onlooker<'_> {
    fn event(&mut self, event: &Event) -> Result<()> {
        self.trace.show(event, self.settings, self.out)
    }

    fn checking(&mut self, done: u64, pairs: u64) {
        self.out.progress(done, pairs, || format!("check, {} of {} tried", count(done), plural(pairs, "pair")));
    }
}

/// Prints the result of a training.
fn tell_end(
    learned: &Learned,
    trainer: &mut Trainer,
    trace: &Trace,
    folder: Option<&Path>,
    out: &mut Output,
) -> anyhow::Result<Answer> {
    let (report, settings) = (&learned.report, trainer.settings().clone());
    if report.outcome != Outcome::Diverged {
        show_sums(trainer, out)?;
    }
    out.say(conclusion(&settings, report))?;
    if let Some(proof) = &learned.proof {
        tell(&Findings::of(proof, learned.floats.clone(), trainer.engine()), out)?;
    }
    if let Some(fixed) = &report.fixed {
        let (training, held_out) = (right(&fixed.training), right(&fixed.held_out));
        out.say(format!("data set: {training} right, {held_out} of others right"))?;
    }
    let (made, time) = (plural(report.samples, "sample"), duration(report.seconds));
    // Shorter counts are not worth a word.
    let counted = Some(report.count_seconds).filter(|&seconds| seconds >= 1.0);
    let counted = counted.map_or(String::new(), |seconds| format!("; {} in the final count", duration(seconds)));
    out.say(format!("{made} in {time}, {} samples/s{counted}", rate(report.samples as f64 / report.seconds)))?;
    if let Some(curve) = trace.curve() {
        out.say(curve)?;
    }
    let Model { config, params } = trainer.model();
    let (config_hash, weights_hash) = (config_hash(config), weights_hash(config, params));
    out.note(format!("config {config_hash} · weights {weights_hash}"))?;
    let model = folder.filter(|_| report.outcome != Outcome::Diverged).map(|folder| folder.join(MODEL));
    if let Some(folder) = folder {
        let saved = model.as_ref().map_or(String::new(), |name| format!("{}, ", name.display()));
        out.say(format!("saved {saved}{}", folder.join(REPORT).display()))?;
    }
    let proved = matches!(settings.until, Until::Proved { .. }).then(|| learned.proved());
    if let Some(next) = next(model.as_deref(), settings.bits, report.score.wrong == 0, proved) {
        out.note(format!("next: {next}"))?;
    }
    out.record_with("summary", &summary(trainer, learned), &report.times)?;
    let asked_to_solve = matches!(settings.until, Until::Solved { .. } | Until::Proved { .. });
    Ok(match report.outcome {
        Outcome::Solved => Answer::from(proved.unwrap_or(true)),
        Outcome::Unsolved => Answer::from(!asked_to_solve),
        Outcome::Diverged | Outcome::Stopped => Answer::No,
    })
}
