//! `carrylane sweep report`.

use super::{quoted, warn_of};
use crate::cli::Answer;
use crate::cli::args::HELP;
use crate::cli::format::{count, plural};
use crate::cli::output::{Output, fields};
use carrylane::report;
use carrylane::sweep::{Plan, Results};
use std::path::PathBuf;

/// Make one HTML page of a sweep, that needs no network.
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
    out.writes(&Plan::files(&args.folder), &[&args.out])?;
    let results = Results::read(&args.folder)?;
    warn_of(results.damaged(), out);
    let (trials, missing) = (results.records().len(), results.missing());
    let written = trials > 0;
    if written {
        let name = args.folder.file_name().map_or_else(|| "sweep".into(), |name| name.to_string_lossy().into_owned());
        let page = report::html(args.title.as_deref().unwrap_or(&name), &results);
        out.file(&args.out, page.as_bytes())?;
        let without = if missing > 0 { format!(", {} missing", count(missing as u64)) } else { String::new() };
        out.say(format!("{}: {}{without}", args.out.display(), plural(trials as u64, "trial")))?;
    } else {
        out.say(format!("no trial is done yet; `carrylane sweep run {}` does them", quoted(&args.folder)))?;
    }
    out.answer("report", &fields! { "trials": trials, "missing": missing, "path": args.out, "written": written })?;
    Ok(Answer::from(written))
}
