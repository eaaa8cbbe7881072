//! `carrylane compare`.

use super::args::HELP;
use super::format::{Column, count, plural, rows};
use super::output::{GOOD, Output, STRONG, fields, styled};
use super::{Answer, quoted};
use carrylane::run::{Comparison, CurveDifference, SavedRun, TensorDifference, compare};
use std::path::PathBuf;

/// Show what differs between two runs: config, curve, weights.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Folder of a run.
    #[arg(value_name = "A")]
    a: PathBuf,
    /// Folder of another.
    #[arg(value_name = "B")]
    b: PathBuf,
}

const DETAILS: &str = "\
Two folders that `train --out` made. Weights are those of the trained net, or of the last checkpoint of a run under way. \
Times are not compared.";

const AFTER_HELP: &str = "\
Examples:
  carrylane compare runs/x runs/y
  carrylane compare runs/x runs/y --json | tail -1

Exits with 1 if something differs.";

const TENSORS: [Column<TensorDifference>; 6] = [
    ("<", |tensor| tensor.tensor.to_owned()),
    ("differ", |tensor| count(tensor.differing as u64)),
    ("of", |tensor| count(tensor.total as u64)),
    ("at most by", |tensor| format!("{:.3e}", tensor.max_difference)),
    ("at", |tensor| tensor.index.to_string()),
    ("relative", |tensor| format!("{:.3e}", tensor.relative)),
];

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let (a, b) = (SavedRun::read(&args.a)?, SavedRun::read(&args.b)?);
    let found = compare(&a, &b);
    out.say(styled(STRONG, "config"))?;
    if found.config.is_empty() {
        out.say("  the same")?;
    } else {
        let [first, second] = [&args.a, &args.b].map(|run| format!("<{}", quoted(run)));
        let columns: [Column<(String, String, String)>; 3] =
            [("<", |row| row.0.clone()), (&first, |row| row.1.clone()), (&second, |row| row.2.clone())];
        out.say(rows(&columns, &found.config))?;
    }
    out.say(styled(STRONG, "curve"))?;
    match &found.curve {
        None => out.say(format!("  the same in {}", plural(found.rows as u64, "row")))?,
        Some(curve) => say_curve(curve, out)?,
    }
    out.say(styled(STRONG, "weights"))?;
    say_weights(&found, out)?;
    if found.same() {
        out.say(styled(GOOD, "nothing differs"))?;
    }
    out.record_with("summary", &fields! { "same": found.same() }, &found)?;
    Ok(Answer::from(found.same()))
}

fn say_curve(curve: &CurveDifference, out: &mut Output) -> carrylane::Result<()> {
    let CurveDifference { what, values: [a, b], last_loss, last_update, ended_update, .. } = curve;
    out.say(format!("  first differs at update {}: {what} {a} against {b}", count(curve.first_update)))?;
    let [a, b] = [0, 1].map(|run| {
        // A curve has rows at some updates only, seldom at the last one.
        let of = ended_update[run].map_or(String::new(), |end| format!(" of {}", count(end)));
        format!("{:.4} at update {}{of}", last_loss[run], count(last_update[run]))
    });
    out.say(format!("  last loss {a} against {b}"))
}

fn say_weights(found: &Comparison, out: &mut Output) -> carrylane::Result<()> {
    match &found.weights_hash {
        [Some(a), Some(b)] if a == b => out.say(format!("  the same, {a}")),
        [Some(a), Some(b)] if found.weights.is_empty() => out.say(format!("  nets of different shape, {a} and {b}")),
        [Some(a), Some(b)] => {
            out.say(rows(&TENSORS, &found.weights))?;
            out.note(format!("  {a} and {b}"))
        }
        _ => out.say("  not both runs have a net yet"),
    }
}
