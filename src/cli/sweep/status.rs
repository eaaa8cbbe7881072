//! `carrylane sweep status`.

use super::{Counts, outcomes, quoted, warn_of};
use crate::cli::Answer;
use crate::cli::args::{HELP, VERSION};
use crate::cli::format::{count, duration, plural, rate};
use crate::cli::output::{FAINT, Output, STRONG, styled};
use carrylane::sweep::Status;
use carrylane::train::Times;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// Say how a sweep stands.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Folder of the sweep.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Say it again every two seconds until all is done.
    #[arg(long)]
    watch: bool,
}

const AFTER_HELP: &str = "\
Examples:
  carrylane sweep status DIR --watch
  carrylane sweep status DIR --json

Exits with 1 while trials are missing.";

/// The JSON line.
#[derive(Debug, Serialize)]
struct Record {
    planned: usize,
    done: usize,
    #[serde(flatten)]
    counts: Counts,
    missing: usize,
    seconds: f64,
    /// Of the time of all threads.
    #[serde(flatten)]
    times: Times,
    trials_per_s: f64,
    seconds_left: Option<f64>,
    damaged_lines: usize,
    version: &'static str,
}

const EVERY: Duration = Duration::from_secs(2);

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let mut status = Status::read(&args.folder)?;
    warn_of(&status.damaged, out);
    show(&status, args, out)?;
    while args.watch && status.done < status.planned {
        std::thread::sleep(EVERY);
        status = Status::read(&args.folder)?;
        show(&status, args, out)?;
    }
    Ok(Answer::from(status.done == status.planned))
}

fn show(status: &Status, args: &Args, out: &mut Output) -> carrylane::Result<()> {
    let missing = status.planned - status.done;
    let per_s = status.trials_per_s();
    let left = (per_s > 0.0 && missing > 0).then(|| missing as f64 / per_s);
    let done = format!("{} of {} done", count(status.done as u64), plural(status.planned as u64, "trial"));
    out.say(format!("{}: {}", styled(STRONG, done), outcomes(&status.outcomes)))?;
    if status.done > 0 {
        let (time, per_s, shares) = (duration(status.seconds), rate(per_s), status.times.shares());
        let left = left.map(|left| format!(", {} left at this rate", duration(left))).unwrap_or_default();
        out.say(format!("{time} of running, {per_s} trials/s{left}"))?;
        out.say(format!("of the threads' time: {shares}"))?;
    }
    if missing > 0 && !args.watch {
        out.say(styled(FAINT, format!("next: carrylane sweep run {}", quoted(&args.folder))))?;
    }
    out.record(
        "status",
        &Record {
            planned: status.planned,
            done: status.done,
            counts: (&status.outcomes).into(),
            missing,
            seconds: status.seconds,
            times: status.times,
            trials_per_s: per_s,
            seconds_left: left,
            damaged_lines: status.damaged.len(),
            version: VERSION,
        },
    )
}
