//! `carrylane sweep merge`.

use super::quoted;
use crate::cli::Answer;
use crate::cli::args::HELP;
use crate::cli::format::{count, plural};
use crate::cli::output::{BAD, Output, styled};
use carrylane::files;
use carrylane::sweep::TableFormat;
use std::path::PathBuf;

/// Put all results in one file: CSV, JSON lines or Parquet.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Folder of the sweep.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// File that ends in .csv or .jsonl, or in .parquet if built with `--features parquet`; - is
    /// standard output, as CSV.
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Add columns that depend on the machine: times, host, instruction set.
    #[arg(long)]
    times: bool,
    /// Write the results so far, although trials are missing.
    #[arg(long)]
    partial: bool,
}

const DETAILS: &str = "\
Sorted by id. Without --times the file is the same, to the last byte, for any number of shards, threads and kills.";

const AFTER_HELP: &str = "\
Examples:
  carrylane sweep merge DIR -o all.csv
  carrylane sweep merge DIR -o times.csv --times

Exits with 1, and writes nothing, while trials are missing.";

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let of_stdout = |error| if files::is_stdout(&args.out) { Ok(TableFormat::Csv) } else { Err(error) };
    let format = TableFormat::of(&args.out).or_else(of_stdout)?;
    super::write("merge", (&args.folder, &args.out), out, |results| match results.missing() as u64 {
        missing if missing > 0 && !args.partial => {
            let (folder, there) = (quoted(&args.folder), count(results.records().len() as u64));
            let tip = format!("`carrylane sweep run {folder}` runs them, --partial writes the {there} that are done");
            Err(format!("{}: {} missing; {tip}", styled(BAD, "not merged"), plural(missing, "trial")))
        }
        _ => Ok(results.to_bytes(format, args.times)),
    })
}
