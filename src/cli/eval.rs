//! `carrylane eval`.

use super::args::{HELP, goes_with};
use super::format::{count, percent, plural, table, text};
use super::output::{FAINT, Output, mark, styled};
use super::trained::{Source, Stamp};
use super::{Answer, values};
use carrylane::task::number::shorten;
use carrylane::task::rng::Purpose;
use carrylane::task::{Minibatch, PairSet};
use carrylane::train::{MAX_BITS, Score, Search};
use clap::ValueEnum;
use serde::Serialize;

/// Count a trained net's wrong sums, at any widths.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Widths in bits.
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        allow_negative_numbers = true,
        value_parser = values::upto::<usize>(MAX_BITS),
        default_value = "8,16,64",
        help_heading = "Additions"
    )]
    bits: Vec<usize>,
    /// Which additions: random ones, every pair (up to 16 bits), 128 that break nets, random runs with long carries, the worst one that a search finds, or all: every
    /// pair up to 9 bits, random ones beyond, and those that break nets.
    #[arg(long, value_enum, value_name = "NAME", default_value_t = Which::All, help_heading = "Additions")]
    pattern: Which,
    /// How many random additions of each width [default: 16384].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_PAIRS), help_heading = "Additions")]
    pairs: Option<usize>,
    #[command(flatten)]
    source: Source,
}

const AFTER_HELP: &str = "\
Examples:
  carrylane eval --model run/model.safetensors
  carrylane eval --bits 8,9 --pattern exhaustive
  carrylane eval --bits 4096 --pattern uniform --pairs 1000
  carrylane eval --bits 16,64 --pattern worst

Exits with 1 if any sum is wrong.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    All,
    Uniform,
    Runs,
    Exhaustive,
    Adversarial,
    Worst,
}

/// The widest additions of which `all` tries every pair.
const ALL_PAIRS: usize = 9;
/// Random additions of a width, and the most of them.
const PAIRS: usize = 16_384;
const MAX_PAIRS: usize = 1 << 32;

/// A JSON line for each set.
#[derive(Debug, Serialize)]
struct Record<'a> {
    bits: usize,
    pairs: u64,
    wrong: u64,
    pattern: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    worst: Option<Worst>,
    #[serde(flatten)]
    stamp: &'a Stamp,
}

/// The sum that came nearest to a wrong answer, or has one.
#[derive(Debug, Serialize)]
struct Worst {
    a: String,
    b: String,
    /// The bit of the sum that is meant, and how far its answer is on the right side, as a pre-activation.
    bit: usize,
    margin: f32,
}

/// The last JSON line.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    pairs: u64,
    wrong: u64,
    sets: usize,
    #[serde(flatten)]
    stamp: &'a Stamp,
}

impl Args {
    /// Whether some additions are random.
    fn random(&self) -> bool {
        match self.pattern {
            Which::All => self.bits.iter().any(|&bits| bits > ALL_PAIRS),
            Which::Uniform | Which::Runs => true,
            Which::Exhaustive | Which::Adversarial | Which::Worst => false,
        }
    }

    fn sets(&self) -> carrylane::Result<Vec<PairSet>> {
        if !self.random() {
            goes_with(
                &[("pairs", self.pairs.is_some())],
                "random additions, and there are none: add --pattern uniform",
            )?;
        }
        let uniform = |bits| PairSet::uniform(bits, self.pairs.unwrap_or(PAIRS), self.source.seed(), Purpose::Eval);
        let runs = |bits| PairSet::runs(bits, self.pairs.unwrap_or(PAIRS), self.source.seed(), Purpose::Eval);
        let mut sets = Vec::new();
        for &bits in &self.bits {
            match self.pattern {
                Which::All if bits <= ALL_PAIRS => {
                    sets.extend([PairSet::exhaustive(bits)?, PairSet::adversarial(bits)])
                }
                Which::All => sets.extend([uniform(bits), PairSet::adversarial(bits)]),
                Which::Uniform => sets.push(uniform(bits)),
                Which::Runs => sets.push(runs(bits)),
                Which::Exhaustive => sets.push(PairSet::exhaustive(bits)?),
                Which::Adversarial => sets.push(PairSet::adversarial(bits)),
                Which::Worst => {}
            }
        }
        Ok(sets)
    }
}

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let sets = args.sets()?;
    let mut net = args.source.get(args.random(), out)?;
    let mut rows = table(&["bits", "pattern", "pairs", "wrong", "", ""], &[1]);
    let (mut pairs, mut wrong) = (0, 0);
    let chunks: usize = sets.iter().map(PairSet::chunks).sum();
    let (mut batch, mut done) = (Minibatch::default(), 0);
    for set in &sets {
        let mut score = Score { wrong: 0, total: set.pairs() as u64 };
        for chunk in 0..set.chunks() {
            set.fill(chunk, &mut batch);
            score.wrong += net.engine.evaluate(&batch, None).wrong_samples;
            done += 1;
            out.progress(done, chunks as u64, || format!("{} bits, {}", set.bits(), set.pattern()));
        }
        let share = if score.wrong == 0 { String::new() } else { percent(score.wrong as f64 / score.total as f64) };
        let name = set.pattern().to_string();
        let bits = count(set.bits() as u64);
        rows.add_row([bits, name, count(score.total), count(score.wrong), share, mark(score.wrong == 0)]);
        let record = Record {
            bits: set.bits(),
            pairs: score.total,
            wrong: score.wrong,
            pattern: set.pattern().to_string(),
            worst: None,
            stamp: &net.stamp,
        };
        out.record("eval", &record)?;
        pairs += score.total;
        wrong += score.wrong;
    }
    let mut found = Vec::new();
    for &bits in args.bits.iter().filter(|_| args.pattern == Which::Worst) {
        let Some(sum) = net.engine.worst_sum(&Search::within(bits), || true) else { continue };
        let [a, b] = [&sum.a, &sum.b].map(ToString::to_string);
        rows.add_row([
            count(bits as u64),
            "worst".to_owned(),
            count(1),
            count(u64::from(sum.wrong())),
            String::new(),
            mark(!sum.wrong()),
        ]);
        let side = if sum.wrong() { "wrong" } else { "right" };
        let (bit, margin) = (sum.bit, sum.margin);
        found.push(format!("{} + {}: bit {bit} is {side} by {:.3}", shorten(&a), shorten(&b), margin.abs()));
        let worst = Some(Worst { a, b, bit, margin });
        let (pairs_tried, wrong_sums) = (1, u64::from(sum.wrong()));
        let pattern = "worst".to_owned();
        out.record("eval", &Record { bits, pairs: pairs_tried, wrong: wrong_sums, pattern, worst, stamp: &net.stamp })?;
        pairs += pairs_tried;
        wrong += wrong_sums;
    }
    out.progress_done();
    out.say(text(&rows))?;
    for line in &found {
        out.say(line)?;
    }
    let verdict = if wrong == 0 { "all right".to_owned() } else { format!("{} wrong", count(wrong)) };
    out.say(format!("\n{}, {verdict}", plural(pairs, "sum")))?;
    for line in net.describe() {
        out.say(styled(FAINT, line))?;
    }
    out.record("summary", &Summary { pairs, wrong, sets: sets.len() + found.len(), stamp: &net.stamp })?;
    Ok(Answer::from(wrong == 0))
}
