//! `carrylane sweep report`.

use super::quoted;
use crate::cli::Answer;
use crate::cli::args::HELP;
use crate::cli::output::Output;
use carrylane::report;
use std::path::PathBuf;

/// Make one HTML page of a sweep. It needs no network.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Folder of the sweep.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The page; - is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
    /// Title of the page [default: the name of the folder].
    #[arg(long)]
    title: Option<String>,
}

const DETAILS: &str = "\
How often and how fast nets solve their task, by any axis: shares with Wilson's intervals, distributions over seeds, \
curves, wider numbers, speed, every trial and the command that runs it again. Trials that are missing are left out.";

const AFTER_HELP: &str = "\
Examples:
  carrylane sweep report DIR -o report.html

Exits with 1 if no trial is done yet.";

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    super::write("report", (&args.folder, &args.out), out, |results| {
        if results.records().is_empty() {
            return Err(format!("no trial is done yet; `carrylane sweep run {}` does them", quoted(&args.folder)));
        }
        let name = args.folder.file_name().map_or_else(|| "sweep".into(), |name| name.to_string_lossy().into_owned());
        Ok(report::html(args.title.as_deref().unwrap_or(&name), results).into_bytes())
    })
}
