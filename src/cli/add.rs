//! `carrylane add`.

use super::Answer;
use super::args::HELP;
use super::format::{Column, plural, rows};
use super::output::{Output, fields};
use super::sums;
use super::trained::NetSource;
use carrylane::prove::Arithmetic;
use carrylane::task::number;
use carrylane::task::sum::Step;

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
    source: NetSource,
}

const DETAILS: &str = "\
The net reads one bit of each number a step, least significant first, so a net trained at 8 bits takes numbers of any \
size. The sum is that of the net's floats if they can be proved in an instant, else of its integer network if that is \
proved or can be in an instant, else of the floats without a proof. Numbers are decimal, 0b… or 0x…, with _ between digits where wanted.";

const AFTER_HELP: &str = "\
Examples:
  carrylane add 123 456
  carrylane add 0b1011 0x2f --steps
  carrylane add 340282366920938463463374607431768211455 1 --model run/model.safetensors

Exits with 1 if the net's sum is wrong.";

const COLUMNS: [Column<Step>; 7] = [
    ("step", |step| step.step.to_string()),
    ("a", |step| step.a.to_string()),
    ("b", |step| step.b.to_string()),
    ("carry", |step| step.carry.to_string()),
    ("net", |step| step.predicted.to_string()),
    ("sum", |step| step.right.to_string()),
    ("", |step| if step.predicted == step.right { String::new() } else { "✗".into() }),
];

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let (a, b) = (number::parse(&args.a)?, number::parse(&args.b)?);
    let mut net = args.source.get(false, out)?;
    let arithmetic = Arithmetic::of(&net.model, net.proved.take());
    const ALWAYS: &str = "proved to add correctly at every bit width";
    let (by, network_hash) = match &arithmetic {
        Arithmetic::ProvedFloats(proof) => (format!("by its floats, {ALWAYS} (certificate {})", proof.hash()), None),
        Arithmetic::ProvedIntegers(net) => {
            let (q, hash) = (net.q(), net.hash());
            (format!("by its integer network {hash} (q = {q}), {ALWAYS}"), Some(hash))
        }
        Arithmetic::Floats => {
            ("by its float net, for which no proof is at hand; carrylane prove looks for one".to_owned(), None)
        }
    };
    let sum = arithmetic.add(&mut net.engine, a, b);
    if args.steps {
        let steps: Vec<Step> = sum.steps().collect();
        steps.iter().try_for_each(|step| out.record("step", step))?;
        out.say(format!("{}\n", rows(&COLUMNS, &steps)))?;
    }
    let (bits, wrong_bits) = (sum.bits(), sum.wrong_bits());
    let wrong = match wrong_bits {
        0 => String::new(),
        n => format!(" ({n} of {} wrong)", plural(bits as u64, "bit")),
    };
    out.say(format!("{}{wrong}", sums::whole(&sum)))?;
    out.note(by)?;
    for line in net.describe() {
        out.note(line)?;
    }
    let line = fields! {
        "a": sum.a.to_string(), "b": sum.b.to_string(), "sum": sum.answer.to_string(), "correct": wrong_bits == 0,
        "expected": sum.expected().to_string(), "bits": bits, "wrong_bits": wrong_bits,
        "arithmetic": arithmetic.name(), "proved": !matches!(arithmetic, Arithmetic::Floats),
        "network_hash": network_hash
    };
    out.record_with("sum", &line, &net.stamp)?;
    Ok(Answer::from(wrong_bits == 0))
}
