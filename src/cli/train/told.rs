//! What `train` prints for people.

use crate::cli::args::VERSION;
use crate::cli::format::{count, plural};
use crate::cli::output::{BAD, Fields, GOOD, Output, STRONG, fields, styled};
use crate::cli::{quoted, sums};
use carrylane::model::{config_hash, weights_hash};
use carrylane::prove::Learned;
use carrylane::train::{EngineKind, FixedSet, Outcome, Report, Score, Settings, Trainer, Until};
use std::path::Path;

/// The settings, in a line.
pub(super) fn header(settings: &Settings, engine: EngineKind) -> String {
    let Settings { config, bits, batch, seed, rule, level, threads, .. } = settings;
    let net = styled(STRONG, format!("{}, {} hidden, {}", config.cell, config.hidden, plural(*bits as u64, "bit")));
    let threads = plural(*threads as u64, "thread");
    format!(
        "{net} · {rule} {:?}, batch {batch}, seed {seed} · {engine} on {level}, {threads} · carrylane {VERSION}",
        rule.lr()
    )
}

/// How the training ended, in a line.
pub(super) fn conclusion(settings: &Settings, report: &Report) -> String {
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
pub(super) fn right(score: &Score) -> String {
    format!("{} of {}", count(score.total - score.wrong), count(score.total))
}

/// The last JSON line.
pub(super) fn summary(trainer: &mut Trainer, learned: &Learned) -> Fields {
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
pub(super) fn show_sums(trainer: &mut Trainer, out: &mut Output) -> anyhow::Result<()> {
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
pub(super) fn next(model: Option<&Path>, bits: usize, right: bool, proved: Option<bool>) -> Option<String> {
    match (model.map(quoted), right, proved) {
        (Some(model), false, _) => Some(format!("carrylane eval --bits {bits} --model {model}")),
        (Some(model), true, Some(false)) => Some(format!("carrylane prove {model}")),
        (Some(model), true, _) => Some(format!("carrylane add 123 456 --model {model}")),
        (None, true, None | Some(true)) => Some("add --out DIR to keep the net; carrylane add 123 456".into()),
        (None, ..) => None,
    }
}
