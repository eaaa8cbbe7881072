//! `carrylane sweep retry`.

use super::run::{ShardArgs, go};
use crate::cli::Answer;
use crate::cli::args::HELP;
use crate::cli::output::Output;
use carrylane::sweep::TrialOutcome::{Diverged, Failed};

/// Run failed, diverged or missing trials again.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, after_help = AFTER_HELP)]
#[group(id = "which", required = true, multiple = true, args = ["failed", "diverged", "missing"])]
pub(super) struct Args {
    #[command(flatten)]
    part: ShardArgs,
    /// Trials that could not be run to their end.
    #[arg(long, help_heading = "Which")]
    failed: bool,
    /// Trials that diverged.
    #[arg(long, help_heading = "Which")]
    diverged: bool,
    /// Trials that were not run yet, as `sweep run` does.
    #[arg(long, help_heading = "Which")]
    missing: bool,
}

const AFTER_HELP: &str = "\
Examples:
  carrylane sweep retry DIR --failed --missing

The same program gives a trial the same result again; another version may not.";

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let again = [
        (args.failed, Some(Failed), " --failed"),
        (args.diverged, Some(Diverged), " --diverged"),
        (args.missing, None, " --missing"),
    ];
    let wanted = again.into_iter().filter(|(wanted, ..)| *wanted);
    let verb: String = std::iter::once("retry").chain(wanted.clone().map(|(.., flag)| flag)).collect();
    let options = args.part.options(args.missing, wanted.filter_map(|(_, outcome, _)| outcome).collect())?;
    go(&args.part, &options, &verb, out)
}
