//! `carrylane sweep submit`.

use crate::cli::args::HELP;
use crate::cli::format::count;
use crate::cli::output::{Output, fields};
use crate::cli::{Answer, values};
use carrylane::Error;
use carrylane::files;
use carrylane::sweep::{MAX_TASKS, Plan, SlurmArray, sbatch};
use carrylane::train::MAX_THREADS;
use std::path::PathBuf;

/// Run a sweep on a cluster: write a job array and submit it.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Folder of the sweep, on a disk that all machines see.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Scheduler.
    #[arg(long, value_parser = ["slurm"], default_value = "slurm")]
    engine: String,
    /// Parts of the sweep, one for each task; 5 to 60 minutes of work are a good size.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_TASKS))]
    shards: usize,
    /// The most tasks at a time [default: all].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_TASKS))]
    at_once: Option<usize>,
    /// Cores of a task.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_THREADS), default_value = "1")]
    cpus: usize,
    /// Time limit of a task, in Slurm's words [default: the partition's].
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Partition [default: the cluster's].
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// Print the script; write no file and submit nothing.
    #[arg(long)]
    dry_run: bool,
}

const DETAILS: &str = "\
The script is printed and kept in DIR/submit.sh; `sbatch DIR/submit.sh` submits it again. A task that is killed or \
interrupted loses no finished trial, and any later task or `sweep run` does what is missing.";

const AFTER_HELP: &str = "\
Examples:
  carrylane sweep submit DIR --shards 64 --at-once 16 --cpus 4 --time 01:00:00 --dry-run
  carrylane sweep submit DIR --shards 64";

/// The default of Slurm's `MaxArraySize`.
const USUAL_TASKS: usize = 1001;

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    Plan::load(&args.folder)?;
    let folder = args.folder.canonicalize().map_err(|source| Error::io(&args.folder, "find", source))?;
    let program = std::env::current_exe().map_err(|source| Error::io("carrylane", "find", source))?;
    let Args { shards, at_once, cpus, time, partition, .. } = args;
    let (time, partition) = (time.clone(), partition.clone());
    let array = SlurmArray { shards: *shards, at_once: *at_once, cpus: *cpus, time, partition };
    let text = array.script(&program, &folder)?;
    if *shards > USUAL_TASKS {
        let (shards, usual) = (count(*shards as u64), count(USUAL_TASKS as u64));
        out.warn(&format!(
            "an array of {shards} tasks needs a MaxArraySize of {shards} or more, and Slurm's default is {usual}: \
             `scontrol show config | grep MaxArraySize` says this cluster's"
        ));
    }
    out.say(text.trim_end())?;
    let (script, answer) = if args.dry_run {
        out.note("\nnext: run it without --dry-run")?;
        (None, None)
    } else {
        let script = folder.join("submit.sh");
        files::write(&script, text.as_bytes())?;
        let answer = sbatch(&script)?;
        out.note(format!("\n{answer}"))?;
        (Some(script), Some(answer))
    };
    let submitted = answer.is_some();
    let line = fields! {
        "engine": args.engine, "shards": shards, "script": script, "answer": answer, "submitted": submitted
    };
    out.record("submit", &line)?;
    Ok(Answer::Yes)
}
