//! `carrylane eval`.

use super::args::{HELP, goes_with};
use super::format::{Column, count, percent, plural, rows};
use super::output::{Output, fields, mark};
use super::trained::NetSource;
use super::{Answer, values};
use carrylane::task::number::shorten;
use carrylane::task::rng::Purpose;
use carrylane::task::{PairSet, Pattern};
use carrylane::train::MAX_BITS;
use carrylane::verify::{NearestSum, Tried, try_set, try_worst};
use clap::ValueEnum;

/// Count a trained net's wrong sums, at any widths.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Widths in bits.
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_BITS), default_value = "8,16,64", help_heading = "Additions")]
    bits: Vec<usize>,
    /// Which additions: random ones, every pair (up to 16 bits), 128 that break nets, random runs
    /// with long carries, the worst one that a search finds, or all: every pair up to 9 bits,
    /// random ones beyond, and the 128.
    #[arg(long, value_enum, value_name = "NAME", default_value_t = PatternChoice::All, help_heading = "Additions")]
    pattern: PatternChoice,
    /// How many random additions of each width [default: 16384].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_PAIRS), help_heading = "Additions")]
    pairs: Option<usize>,
    #[command(flatten)]
    source: NetSource,
}

const AFTER_HELP: &str = "\
Examples:
  carrylane eval --model run/model.safetensors
  carrylane eval --bits 8,9 --pattern exhaustive
  carrylane eval --bits 4096 --pattern uniform --pairs 1000
  carrylane eval --bits 16,64 --pattern worst

Exits with 1 if any sum is wrong.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PatternChoice {
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

const COLUMNS: [Column<Tried>; 6] = [
    ("bits", |tried| count(tried.bits as u64)),
    ("<pattern", |tried| tried.pattern.clone()),
    ("pairs", |tried| count(tried.pairs)),
    ("wrong", |tried| count(tried.wrong)),
    ("", |tried| match tried.nearest.is_none() && tried.wrong > 0 {
        true => percent(tried.wrong as f64 / tried.pairs as f64),
        false => String::new(),
    }),
    ("", |tried| mark(tried.wrong == 0)),
];

impl Args {
    /// The sets to try, but for worst sums, and whether some are random.
    fn sets(&self) -> carrylane::Result<(Vec<PairSet>, bool)> {
        let (pairs, seed) = (self.pairs.unwrap_or(PAIRS), self.source.seed());
        let uniform = |bits| PairSet::uniform(bits, pairs, seed, Purpose::Eval);
        let mut sets = Vec::new();
        for &bits in &self.bits {
            match self.pattern {
                PatternChoice::All if bits <= ALL_PAIRS => {
                    sets.extend([PairSet::exhaustive(bits)?, PairSet::adversarial(bits)])
                }
                PatternChoice::All => sets.extend([uniform(bits), PairSet::adversarial(bits)]),
                PatternChoice::Uniform => sets.push(uniform(bits)),
                PatternChoice::Runs => sets.push(PairSet::runs(bits, pairs, seed, Purpose::Eval)),
                PatternChoice::Exhaustive => sets.push(PairSet::exhaustive(bits)?),
                PatternChoice::Adversarial => sets.push(PairSet::adversarial(bits)),
                PatternChoice::Worst => {}
            }
        }
        let random = sets.iter().any(|set| [Pattern::Uniform, Pattern::Runs].contains(&set.pattern()));
        let what = "random additions, and there are none: add --pattern uniform";
        goes_with(&[("pairs", self.pairs.is_some() && !random)], what)?;
        Ok((sets, random))
    }
}

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let (sets, random) = args.sets()?;
    let mut net = args.source.get(random, out)?;
    let mut all = Vec::new();
    let chunks: usize = sets.iter().map(PairSet::chunks).sum();
    let mut done = 0;
    for set in &sets {
        let tried = try_set(&mut net.engine, set, || {
            done += 1;
            out.progress(done, chunks as u64, &|| format!("{} bits, {}", set.bits(), set.pattern()));
        });
        out.record_with("eval", &tried, &net.stamp)?;
        all.push(tried);
    }
    for &bits in args.bits.iter().filter(|_| args.pattern == PatternChoice::Worst) {
        let Some(tried) = try_worst(&mut net.engine, bits) else { continue };
        out.record_with("eval", &tried, &net.stamp)?;
        all.push(tried);
    }
    out.progress_done();
    out.say(rows(&COLUMNS, &all))?;
    for NearestSum { a, b, bit, margin } in all.iter().filter_map(|tried| tried.nearest.as_ref()) {
        let side = if *margin > 0.0 { "right" } else { "wrong" };
        out.say(format!("{} + {}: bit {bit} is {side} by {:.3}", shorten(a), shorten(b), margin.abs()))?;
    }
    let total = |of: fn(&Tried) -> u64| all.iter().map(of).sum::<u64>();
    let (pairs, wrong) = (total(|tried| tried.pairs), total(|tried| tried.wrong));
    let verdict = if wrong == 0 { "all right".to_owned() } else { format!("{} wrong", count(wrong)) };
    out.say(format!("\n{}, {verdict}", plural(pairs, "sum")))?;
    for line in net.describe() {
        out.note(line)?;
    }
    out.record_with("summary", &fields! { "pairs": pairs, "wrong": wrong, "sets": all.len() }, &net.stamp)?;
    Ok(Answer::from(wrong == 0))
}
