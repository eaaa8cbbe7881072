//! `carrylane sweep run`.

use super::{outcomes, quoted, warn_of};
use crate::cli::Answer;
use crate::cli::args::{HELP, threads};
use crate::cli::format::{count, duration, plural, rate};
use crate::cli::output::{Output, STRONG, fields, styled};
use crate::cli::{signals, values};
use carrylane::Result;
use carrylane::sweep::{Progress, Shard, SweepOptions, TrialOutcome, run as run_sweep};
use carrylane::train::MAX_THREADS;
use std::path::PathBuf;

/// The shard that is the whole sweep.
const WHOLE: &str = "0/1";

/// Run the trials that are not done yet.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(flatten)]
    part: ShardArgs,
}

const DETAILS: &str = "\
Each trial runs on one thread, several side by side; a finished one is kept at once in DIR/shards. The command may be \
interrupted or killed at any time: the same command goes on.";

const AFTER_HELP: &str = "\
Examples:
  carrylane sweep run DIR
  carrylane sweep run DIR --shard 0/8 --threads 4
  parallel --joblog log --resume-failed carrylane sweep run DIR --threads 1 --shard {}/8 ::: 0 1 2 3 4 5 6 7

SIGTERM and SIGINT end it within a second with exit code 75: run it again. Exits with 1 if a trial could not be run.";

#[derive(Debug, clap::Args)]
pub(super) struct ShardArgs {
    /// Folder of the sweep.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Part of the sweep: i/n, i from 0 to n−1; or auto, auto/n, as the job's environment says
    /// (Slurm, Kubernetes, HyperQueue, GNU parallel).
    #[arg(long, value_name = "I/N", default_value = WHOLE, allow_hyphen_values = true)]
    shard: String,
    /// Trials side by side [default: `CARRYLANE_THREADS`, or all cores].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_THREADS))]
    threads: Option<usize>,
}

impl ShardArgs {
    /// The shard after some words; nothing for the whole sweep.
    fn words(&self, before: &str) -> String {
        if self.shard == WHOLE { String::new() } else { format!("{before}{}", self.shard) }
    }

    pub(super) fn options(&self, missing: bool, again: Vec<TrialOutcome>) -> Result<SweepOptions> {
        let shard = Shard::parse(&self.shard, |name| std::env::var(name).ok())?;
        Ok(SweepOptions { shard, threads: threads(self.threads)?, missing, again })
    }
}

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    go(&args.part, &args.part.options(true, Vec::new())?, "run", out)
}

/// Runs a part of a sweep. `verb` is the command that goes on with it.
pub(super) fn go(part: &ShardArgs, options: &SweepOptions, verb: &str, out: &mut Output) -> anyhow::Result<Answer> {
    let again = format!("`carrylane sweep {verb} {}{}` goes on", quoted(&part.folder), part.words(" --shard "));
    let stop = signals::flag(format!("interrupted; finished trials are kept, {again}"));
    out.must_finish();
    let ran = run_sweep(&part.folder, options, &stop, |progress| {
        out.progress(progress.done as u64, progress.planned as u64, &|| under_way(progress));
    });
    out.progress_done();
    let progress = ran?;
    warn_of(&progress.damaged, out);
    show(&progress, options, part, out)?;
    if progress.missing() > 0 {
        let (done, planned) = (count(progress.done as u64), plural(progress.planned as u64, "trial"));
        out.warn(&format!("interrupted after {done} of {planned}; {again}"));
        return Ok(Answer::Interrupted);
    }
    Ok(Answer::from(!progress.outcomes.contains_key(&TrialOutcome::Failed)))
}

/// The text beside a progress bar.
fn under_way(progress: &Progress) -> String {
    let (done, planned) = (count(progress.done as u64), count(progress.planned as u64));
    let left = progress.seconds_left().map_or("?".to_owned(), duration);
    let per_s = rate(progress.trials_per_s());
    format!("{done} of {planned}: {} · {per_s} trials/s, {left} left", outcomes(&progress.outcomes))
}

fn show(progress: &Progress, options: &SweepOptions, part: &ShardArgs, out: &mut Output) -> Result<()> {
    let (threads, per_s) = (options.threads, progress.trials_per_s());
    if progress.planned == 0 {
        out.say(format!("{}: nothing left to do{}", quoted(&part.folder), part.words(" in shard ")))?;
    } else {
        let trials = styled(STRONG, plural(progress.done as u64, "trial"));
        out.say(format!("{trials}: {}", outcomes(&progress.outcomes)))?;
        let (time, per_s, shares) = (duration(progress.seconds), rate(per_s), progress.times.shares());
        out.say(format!("{time}, {per_s} trials/s on {}: {shares}", plural(threads as u64, "thread")))?;
    }
    let interrupted = progress.missing() > 0;
    if !interrupted {
        let folder = quoted(&part.folder);
        out.note(format!("next: carrylane sweep status {folder}; carrylane sweep merge {folder} -o all.csv"))?;
    }
    let line = fields! {
        "interrupted": interrupted, "trials_per_s": per_s, "shard": options.shard.to_string(), "threads": threads
    };
    out.record_with("summary", progress, &line)
}
