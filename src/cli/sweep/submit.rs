//! `carrylane sweep submit`.

use crate::cli::Answer;
use crate::cli::args::{HELP, VERSION};
use crate::cli::output::{FAINT, Output, styled};
use carrylane::files;
use carrylane::sweep::{Array, Plan};
use carrylane::{Error, Result};
use clap::ValueEnum;
use serde::Serialize;
use std::path::PathBuf;
use std::process::Command;

/// Run a sweep on a cluster: write a job array and submit it.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Folder of the sweep, on a disk that all machines see.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// What runs it.
    #[arg(long, value_enum, default_value_t = Engine::Slurm)]
    engine: Engine,
    /// Parts of the sweep, a task each; 5 to 60 minutes of work are a good size.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    shards: usize,
    /// The most tasks at a time [default: as many as there are].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    at_once: Option<usize>,
    /// Cores of a task.
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 1)]
    cpus: usize,
    /// Time limit of a task, in Slurm's words [default: the partition's].
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Partition [default: the cluster's].
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// Print the script and submit nothing.
    #[arg(long)]
    dry_run: bool,
}

const DETAILS: &str = "\
The script is kept in DIR/submit.sh and printed; `sbatch DIR/submit.sh` submits it again. A task that is killed or \
interrupted loses no finished trial, and any later task or `sweep run` does what is missing.";

const AFTER_HELP: &str = "\
Examples:
  carrylane sweep submit DIR --shards 64 --at-once 16 --cpus 4 --time 01:00:00 --dry-run
  carrylane sweep submit DIR --shards 64";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Engine {
    /// A Slurm job array.
    Slurm,
}

/// The JSON line.
#[derive(Debug, Serialize)]
struct Record {
    engine: &'static str,
    shards: usize,
    script: PathBuf,
    submitted: bool,
    /// What sbatch said.
    answer: String,
    version: &'static str,
}

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let Engine::Slurm = args.engine;
    Plan::load(&args.folder)?;
    let folder = args.folder.canonicalize().map_err(|source| Error::io(&args.folder, "find", source))?;
    let program = std::env::current_exe().map_err(|source| Error::io("carrylane", "find", source))?;
    let Args { shards, at_once, cpus, time, partition, .. } = args;
    let (time, partition) = (time.clone(), partition.clone());
    let array = Array { shards: *shards, at_once: *at_once, cpus: *cpus, time, partition };
    let text = array.script(&program, &folder)?;
    let script = folder.join("submit.sh");
    files::write(&script, text.as_bytes())?;
    out.say(text.trim_end())?;
    let answer = if args.dry_run { String::new() } else { sbatch(&script)? };
    out.say(styled(
        FAINT,
        if args.dry_run { format!("\nnext: sbatch {}", script.display()) } else { format!("\n{answer}") },
    ))?;
    let record =
        Record { engine: "slurm", shards: *shards, script, submitted: !args.dry_run, answer, version: VERSION };
    out.record("submit", &record)?;
    Ok(Answer::Yes)
}

/// Submits a script, and returns what sbatch said.
fn sbatch(script: &PathBuf) -> Result<String> {
    let output = Command::new("sbatch").arg(script).output().map_err(|source| Error::io("sbatch", "run", source))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ");
    Err(Error::io("sbatch", "submit", std::io::Error::other(said)))
}
