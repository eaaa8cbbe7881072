//! `carrylane sweep plan`.

use super::quoted;
use crate::cli::Answer;
use crate::cli::args::HELP;
use crate::cli::format::{Column, count, duration, plural, rows};
use crate::cli::output::{Output, STRONG, fields, styled};
use crate::cli::values;
use carrylane::files;
use carrylane::run::is_run;
use carrylane::sweep::{Locked, Plan, Sampling, Spec, keys};
use carrylane::train::{MAX_THREADS, cores};
use carrylane::{Error, Result};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Say what a sweep will try, and lock it in a folder.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = details(), after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Axes as key=value, or a TOML file.
    #[arg(required = true, value_name = "WORDS")]
    words: Vec<String>,
    /// Lock the plan in DIR, which is made if needed.
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Add trials to a locked plan.
    #[arg(long, requires = "out")]
    extend: bool,
    /// Threads that the estimate of the time assumes [default: all cores].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_THREADS))]
    threads: Option<usize>,
}

/// How to write values, and all keys.
fn details() -> String {
    let names: Vec<&str> = keys().map(|key| key.name).collect();
    format!(
        "{DETAILS}\n\nKeys: {}. They are the options of `carrylane train`, with its defaults but for until=solved, \
         and engine=population where `carrylane info` says. The trained net is tried at the widths test-bits=8+16+64+256, \
         with test-pairs=64 random sums at each.",
        names.join(", ")
    )
}

const DETAILS: &str = "\
A value is a number, a word, a list 4,8,16, or a range a..b or a..b:step, which leaves b out. Every combination is a trial. \
random.KEY=a..b, or a..b:log, draws from a range: points=N says how often, method=sobol how.";

const AFTER_HELP: &str = "\
Examples:
  carrylane sweep plan cell=elman,lstm hidden=4,8,16 bits=8..64:8 seed=0..100 lr=0.01,0.03 -o DIR
  carrylane sweep plan method=sobol points=200 random.lr=0.001..0.1:log random.hidden=4..65:log seed=0..10 -o DIR
  carrylane sweep plan SPEC.toml -o DIR";

/// An axis, its values, and their number, 0 for a range that values are drawn from.
type Axis = (&'static str, String, usize);

const COLUMNS: [Column<Axis>; 3] = [
    ("<axis", |axis| axis.0.to_string()),
    ("<values", |axis| axis.1.clone()),
    ("<", |axis| if axis.2 == 0 { "drawn".to_owned() } else { count(axis.2 as u64) }),
];

/// The plan of some words, or of a file if the only word names one.
fn plan(words: &[String]) -> Result<Plan> {
    match words {
        [file] if file.to_ascii_lowercase().ends_with(".toml") && !file.contains('=') => {
            let path = Path::new(file);
            let text = files::read_text(path, Spec::LONGEST)?;
            Spec::from_toml(&text).and_then(Plan::new).map_err(|problem| Error::data(path, problem.to_string()))
        }
        words => Spec::from_words(words).and_then(Plan::new),
    }
}

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let threads = args.threads.unwrap_or_else(cores);
    let plan = plan(&args.words)?;
    if let Some(folder) = args.out.as_deref().filter(|folder| is_run(folder)) {
        let name = folder.display();
        return Err(Error::usage(format!("{name} holds a run of carrylane train: name another folder")).into());
    }
    let locked = args.out.as_deref().map(|folder| plan.lock(folder, args.extend)).transpose()?;
    // A plan may be for another machine than this.
    let estimate =
        plan.estimate(threads).inspect_err(|problem| out.warn(&format!("no estimate of the time: {problem}"))).ok();
    let spec = plan.spec();
    let axes = spec.axes();
    out.say(if axes.is_empty() { "one trial, all defaults".to_owned() } else { rows(&COLUMNS, &axes) })?;
    let drawn = if spec.method() == Sampling::Grid { String::new() } else { format!(", points by {}", spec.method()) };
    let repeated = match plan.repeated() {
        0 => String::new(),
        n => format!(", {} repeated ones left out", count(n as u64)),
    };
    out.say(format!("\n{}{repeated}{drawn}", styled(STRONG, plural(plan.len() as u64, "trial"))))?;
    if let Some(estimate) = &estimate {
        let bound = if estimate.at_least { "more than" } else { "about" };
        let (time, on) = (duration(estimate.seconds), plural(threads as u64, "thread"));
        let tried = plural(estimate.tried as u64, "trial");
        out.note(format!("{bound} {time} on {on}, from running {tried}"))?;
    }
    if let (Some(folder), Some(locked)) = (&args.out, locked) {
        let folder = quoted(folder);
        out.say(match locked {
            Locked::New => format!("locked in {folder}"),
            Locked::Same => format!("{folder} holds this sweep already"),
            Locked::Extended(added) => format!("{} added to {folder}", plural(added as u64, "trial")),
        })?;
        out.note(format!("next: carrylane sweep run {folder}"))?;
    }
    let axis = |(key, values, n): &Axis| match n {
        0 => json!({ "key": key, "values": values }),
        n => json!({ "key": key, "values": values, "count": n }),
    };
    let line = fields! {
        "trials": plan.len(), "repeated": plan.repeated(), "method": spec.method().to_string(),
        "axes": axes.iter().map(axis).collect::<Vec<_>>(),
        "estimate_seconds": estimate.map(|estimate| estimate.seconds),
        "estimate_is_lower_bound": estimate.is_some_and(|estimate| estimate.at_least), "threads": threads,
        "folder": args.out
    };
    out.record("plan", &line)?;
    Ok(Answer::Yes)
}
