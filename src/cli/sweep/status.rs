//! `carrylane sweep status`.

use super::{outcomes, quoted, warn_of};
use crate::cli::Answer;
use crate::cli::args::HELP;
use crate::cli::format::{count, duration, plural, rate};
use crate::cli::output::{Output, STRONG, fields, styled};
use carrylane::sweep::{Progress, Results};
use std::path::PathBuf;
use std::time::Duration;

/// Show how far a sweep has come.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Folder of the sweep.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Repeat every two seconds until all is done.
    #[arg(long)]
    watch: bool,
}

const AFTER_HELP: &str = "\
Examples:
  carrylane sweep status DIR --watch
  carrylane sweep status DIR --json

Exits with 1 while trials are missing.";

const EVERY: Duration = Duration::from_secs(2);

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let mut progress = Results::read(&args.folder)?.progress();
    warn_of(&progress.damaged, out);
    show(&progress, args, out)?;
    while args.watch && progress.missing() > 0 {
        std::thread::sleep(EVERY);
        progress = Results::read(&args.folder)?.progress();
        show(&progress, args, out)?;
    }
    Ok(Answer::from(progress.missing() == 0))
}

fn show(progress: &Progress, args: &Args, out: &mut Output) -> carrylane::Result<()> {
    let (missing, trials_per_s, seconds_left) = (progress.missing(), progress.trials_per_s(), progress.seconds_left());
    let done = format!("{} of {} done", count(progress.done as u64), plural(progress.planned as u64, "trial"));
    out.say(format!("{}: {}", styled(STRONG, done), outcomes(&progress.outcomes)))?;
    if progress.done > 0 {
        let (time, per_s, shares) = (duration(progress.seconds), rate(trials_per_s), progress.times.shares());
        let left = seconds_left.map(|left| format!(", {} left at this rate", duration(left))).unwrap_or_default();
        out.say(format!("{time} of running, {per_s} trials/s{left}"))?;
        out.say(format!("of the threads' time: {shares}"))?;
    }
    if missing > 0 && !args.watch {
        out.note(format!("next: carrylane sweep run {}", quoted(&args.folder)))?;
    }
    let line = fields! {
        "missing": missing, "trials_per_s": trials_per_s, "seconds_left": seconds_left, "damaged_lines": progress.damaged.len()
    };
    out.record_with("status", progress, &line)
}
