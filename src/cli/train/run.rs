//! A training from its flags to its answer.

use super::{Args, Keeping};
use crate::cli::args::{VERSION, goes_with};
use crate::cli::format::{count, duration, plural, rate};
use crate::cli::output::{BAD, Fields, GOOD, Output, STRONG, fields, styled};
use crate::cli::proof::tell;
use crate::cli::trace::Trace;
use crate::cli::{Answer, quoted, signals, sums};
use carrylane::kernel::SimdLevel;
use carrylane::model::{Model, config_hash, weights_hash};
use carrylane::prove::{Findings, Learned};
use carrylane::report::write_training;
use carrylane::run::{CONFIG, CheckpointEvery, Checkpoints, MODEL, REPORT, Run, RunOptions, is_run};
use carrylane::sweep;
use carrylane::train::{EngineKind, FixedSet, MemoryNeed, Outcome, Report, Score, Settings, Trainer, Until};
use carrylane::{Error, Result};
use std::path::Path;

/// Runs the command.
pub(in crate::cli) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    train(args, out).inspect_err(|error| {
        let whole = |folder: &&Path| is_run(folder) && Checkpoints::of(folder).latest().is_ok();
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
    let mut trace = Trace::of(&settings, out);
    let learned = run.train(&mut trace);
    trace.finish()?;
    let learned = learned?;
    folder.map_or(Ok(()), write_training)?;
    let trainer = &mut run.trainer;
    if learned.report.outcome == Outcome::Stopped {
        let (updates, samples, seconds) = (trainer.updates(), trainer.course().samples, trainer.seconds());
        out.warn(&format!("interrupted after {}; {goes_on}", plural(updates, "update")));
        out.record("interrupted", &fields! { "updates": updates, "samples": samples, "seconds": seconds })?;
        return Ok(Answer::Interrupted);
    }
    tell_end(&learned, trainer, folder, out)
}

/// Begins a run in its folder, or resumes the one there.
fn open(args: &Args, settings: &Settings, level: Option<SimdLevel>, out: &Output) -> Result<Run> {
    let Keeping { checkpoint_every, tensorboard, .. } = args.keeping;
    let usual = RunOptions::of(settings);
    let every = checkpoint_every.map_or(usual.every, CheckpointEvery::Updates);
    let options = RunOptions { level, every, tensorboard, ..usual };
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

/// Prints the result of a training.
fn tell_end(
    learned: &Learned,
    trainer: &mut Trainer,
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

/// The settings, in a line.
fn header(settings: &Settings, engine: EngineKind) -> String {
    let Settings { config, bits, batch, seed, rule, level, threads, .. } = settings;
    let net = styled(STRONG, format!("{}, {} hidden, {}", config.cell, config.hidden, plural(*bits as u64, "bit")));
    let threads = plural(*threads as u64, "thread");
    format!(
        "{net} · {rule} {:?}, batch {batch}, seed {seed} · {engine} on {level}, {threads} · carrylane {VERSION}",
        rule.lr()
    )
}

/// How the training ended, in a line.
fn conclusion(settings: &Settings, report: &Report) -> String {
    let (wrong, total) = (count(report.score.wrong), plural(report.score.total, "pair"));
    let updates = plural(report.updates, "update");
    match (report.outcome, settings.until) {
        (Outcome::Solved, _) => format!("{}: all {total} right after {updates}", styled(GOOD, "solved")),
        (Outcome::Unsolved, Until::Solved { .. } | Until::Proved { .. }) => format!(
            "{}: {wrong} of {total} wrong after {updates}, the whole budget; try another --seed or --lr, or more --budget or --hidden",
            styled(BAD, "not solved")
        ),
        (Outcome::Unsolved, _) => format!("{}: {wrong} of {total} wrong after {updates}", styled(STRONG, "not solved")),
        (Outcome::Diverged, _) => diverged(report),
        (Outcome::Stopped, _) => format!("{} after {updates}", styled(STRONG, "stopped")),
    }
}

/// The first number that was not finite, the norms before it and what to try, in two lines.
fn diverged(report: &Report) -> String {
    let Some(fault) = &report.fault else { return styled(BAD, "diverged") };
    let (update, held) = (count(fault.update), plural(fault.update - 1, "update"));
    let norms = fault.last_finite;
    // The power of ten below the last norm, at most 1.
    let clip = 10_f64.powf(norms.gradient.max(1e-6).log10().floor().min(0.0));
    format!(
        "{}: {fault} at update {update}\nlast finite: gradient norm {:.3e}, largest weight {:.3e}; the learning rate {:?} held for {held}; \
         try a lower --lr, --clip-norm {clip} or another --init",
        styled(BAD, "diverged"),
        norms.gradient,
        norms.weight,
        fault.lr,
    )
}

/// How many sums of a set are right.
fn right(score: &Score) -> String {
    format!("{} of {}", count(score.total - score.wrong), count(score.total))
}

/// The last JSON line.
fn summary(trainer: &mut Trainer, learned: &Learned) -> Fields {
    let (settings, model, report) = (trainer.settings(), trainer.model(), &learned.report);
    let config = &model.config;
    let mut line = fields! {
        "solved": report.outcome == Outcome::Solved, "pairs_wrong": report.score.wrong,
        "pairs_total": report.score.total, "updates": report.updates, "samples": report.samples,
        "seconds": report.seconds, "samples_per_s": report.samples as f64 / report.seconds,
        "weights_hash": weights_hash(config, &model.params), "settings_id": settings.id(),
        "settings": settings.choices(), "level": settings.level.to_string(),
        "threads": settings.threads, "outcome": report.outcome.name(),
        "config_hash": config_hash(config), "count_seconds": report.count_seconds
    };
    if let Some(FixedSet { training, held_out }) = report.fixed {
        let sets = fields! {
            "training_wrong": training.wrong, "training_total": training.total,
            "held_out_wrong": held_out.wrong, "held_out_total": held_out.total
        };
        line.0.extend(sets.0);
    }
    if matches!(settings.until, Until::Proved { .. }) {
        line.0.extend(fields! { "proved": learned.proved(), "proofs_tried": learned.tried }.0);
    }
    if let Some(fault) = report.fault {
        line.0.extend(fields! { "diverged": fault }.0);
    }
    line
}

/// Prints some sums by the net as it is now.
fn show_sums(trainer: &mut Trainer, out: &mut Output) -> anyhow::Result<()> {
    let Settings { bits, seed, .. } = *trainer.settings();
    out.say("")?;
    for line in sums::random(trainer.engine(), bits, seed) {
        out.say(format!("  {line}"))?;
    }
    out.say("")?;
    Ok(())
}

/// A command to try next, if any: for a net that is kept or not, whose pairs are all right or not.
/// `proved` is `None` if a proof was no goal.
fn next(model: Option<&Path>, bits: usize, right: bool, proved: Option<bool>) -> Option<String> {
    match (model.map(quoted), right, proved) {
        (Some(model), false, _) => Some(format!("carrylane eval --bits {bits} --model {model}")),
        (Some(model), true, Some(false)) => Some(format!("carrylane prove {model}")),
        (Some(model), true, _) => Some(format!("carrylane add 123 456 --model {model}")),
        (None, true, None | Some(true)) => Some("add --out DIR to keep the net; carrylane add 123 456".into()),
        (None, ..) => None,
    }
}
