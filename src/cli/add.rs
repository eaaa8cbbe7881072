//! `carrylane add`.

use super::Answer;
use super::args::HELP;
use super::format::{plural, table, text};
use super::output::{FAINT, Output, styled};
use super::sums::Sum;
use super::trained::{Source, Stamp};
use carrylane::task::number;
use serde::Serialize;

/// Add two numbers with a trained net.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// First number.
    #[arg(allow_negative_numbers = true)]
    a: String,
    /// Second number.
    #[arg(allow_negative_numbers = true)]
    b: String,
    /// Show the addition bit by bit.
    #[arg(long, help_heading = "Output")]
    steps: bool,
    #[command(flatten)]
    source: Source,
}

const DETAILS: &str = "\
The net reads one bit of each number a step, least significant first, so a net trained at 8 bits takes numbers of any \
size. A net whose floats are proved in an instant answers by them; else one whose integer network is proved, or in an instant, by that; others by floats that are not proved. Numbers are decimal, 0b… or 0x…, with _ between digits where wanted.";

const AFTER_HELP: &str = "\
Examples:
  carrylane add 123 456
  carrylane add 0b1011 0x2f --steps
  carrylane add 340282366920938463463374607431768211455 1 --model run/model.safetensors

Exits with 1 if the net's sum is wrong.";

/// The JSON line.
#[derive(Debug, Serialize)]
struct Record<'a> {
    a: String,
    b: String,
    sum: String,
    correct: bool,
    expected: String,
    bits: usize,
    wrong_bits: u64,
    /// `integer` where the proved integer network answered.
    arithmetic: &'static str,
    /// Whether what answered is proved to add correctly at every bit width.
    proved: bool,
    network_hash: Option<String>,
    #[serde(flatten)]
    stamp: &'a Stamp,
}

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let (a, b) = (number::parse(&args.a)?, number::parse(&args.b)?);
    let mut net = args.source.get(false, out)?;
    const ALWAYS: &str = "proved to add correctly at every bit width";
    let (by, arithmetic, proved, network_hash) = if let Some(proof) = net.proved_floats() {
        (format!("by its floats, {ALWAYS} (certificate {})", proof.hash()), "float", true, None)
    } else if let Some(integers) = net.proved() {
        let (q, hash) = (integers.q(), integers.hash());
        (format!("by its integer network {hash} (q = {q}), {ALWAYS}"), "integer", true, Some(hash))
    } else {
        (
            "by its float net, for which no proof is at hand; carrylane prove looks for one".to_owned(),
            "float",
            false,
            None,
        )
    };
    let sum = match net.proved().filter(|_| arithmetic == "integer") {
        Some(integers) => Sum::by_integers(integers, a, b),
        None => Sum::by(&mut net.engine, a, b)?,
    };
    if args.steps {
        let mut rows = table(&["step", "a", "b", "carry", "net", "sum", ""], &[]);
        for step in sum.steps() {
            out.record("step", &step)?;
            let mut row: Vec<String> =
                [step.a, step.b, step.carry, step.predicted, step.right].map(|bit| bit.to_string()).into();
            row.insert(0, step.step.to_string());
            row.push(if step.predicted == step.right { String::new() } else { "✗".into() });
            rows.add_row(row);
        }
        out.say(format!("{}\n", text(&rows)))?;
    }
    let wrong = match sum.wrong_bits() {
        0 => String::new(),
        n => format!(" ({n} of {} wrong)", plural(sum.bits as u64, "bit")),
    };
    out.say(format!("{sum}{wrong}"))?;
    out.say(styled(FAINT, by))?;
    for line in net.describe() {
        out.say(styled(FAINT, line))?;
    }
    out.record(
        "sum",
        &Record {
            a: sum.a.to_string(),
            b: sum.b.to_string(),
            sum: sum.answer.to_string(),
            correct: sum.correct(),
            expected: sum.expected().to_string(),
            bits: sum.bits,
            wrong_bits: sum.wrong_bits(),
            arithmetic,
            proved,
            network_hash,
            stamp: &net.stamp,
        },
    )?;
    Ok(Answer::from(sum.correct()))
}
