//! `carrylane sweep`: thousands of trainings as one.

mod merge;
mod plan;
mod report;
mod retry;
mod run;
mod status;
mod submit;

use super::format::{count, plural};
use super::output::{Output, fields};
use super::{Answer, commands, quoted};
use carrylane::sweep::{DamagedLine, Plan as SweepPlan, Results, TrialOutcome};
use std::collections::BTreeMap;
use std::path::Path;

/// Train thousands of nets as one sweep that loses nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, disable_help_subcommand = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  carrylane sweep plan hidden=4,8,16,32 bits=8 seed=0..50 -o sizes
  carrylane sweep run sizes
  carrylane sweep status sizes
  carrylane sweep report sizes -o sizes.html
  carrylane sweep merge sizes -o sizes.csv";

commands!(Plan plan, Run run, Retry retry, Status status, Merge merge, Report report, Submit submit);

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    run_command(&args.command, out)
}

/// Warns of damaged lines, which are left out.
fn warn_of(damaged: &[DamagedLine], out: &Output) {
    const TOLD: usize = 3;
    for DamagedLine { path, line, problem } in damaged.iter().take(TOLD) {
        let path = path.display();
        out.warn(&format!(
            "{path}:{line}: {problem}; the line is left out, its trial is done only if another line has it"
        ));
    }
    match damaged.len().saturating_sub(TOLD) {
        0 => {}
        1 => out.warn("1 more line is left out"),
        more => out.warn(&format!("{} more lines are left out", count(more as u64))),
    }
}

/// Writes what `make` makes of a sweep's results to a file, or says why nothing is written.
fn write(
    kind: &str,
    (folder, path): (&Path, &Path),
    out: &mut Output,
    make: impl FnOnce(&Results) -> Result<Vec<u8>, String>,
) -> anyhow::Result<Answer> {
    out.writes(&SweepPlan::files(folder), &[path])?;
    let results = Results::read(folder)?;
    warn_of(results.damaged(), out);
    let (trials, missing, made) = (results.records().len(), results.missing(), make(&results));
    match &made {
        Ok(bytes) => {
            out.file(path, bytes)?;
            let without = if missing > 0 { format!(", {} missing", count(missing as u64)) } else { String::new() };
            out.say(format!("{}: {}{without}", path.display(), plural(trials as u64, "trial")))?;
        }
        Err(why) => out.say(why)?,
    }
    let line = fields! {
        "trials": trials, "missing": missing, "damaged_lines": results.damaged().len(), "path": path,
        "written": made.is_ok()
    };
    out.record(kind, &line)?;
    Ok(Answer::from(made.is_ok()))
}

/// How trials ended: 95 solved, 3 unsolved, 2 diverged.
fn outcomes(counts: &BTreeMap<TrialOutcome, usize>) -> String {
    let parts: Vec<String> = counts.iter().map(|(outcome, n)| format!("{} {outcome}", count(*n as u64))).collect();
    if parts.is_empty() { "none done".into() } else { parts.join(", ") }
}
