//! `carrylane bench`.

use super::Answer;
use super::args::{HELP, Net, VERSION, goes_with};
use super::format::{count, plural, rate, table, text};
use super::output::{FAINT, Output, styled};
use super::stopwatch::{Rate, Row};
use super::values::{self, Simd};
use carrylane::kernel::SimdLevel;
use carrylane::model::MAX_HIDDEN;
use carrylane::task::whole;
use carrylane::train::{EngineKind, MAX_BATCH, MAX_BITS, MAX_THREADS, processor};
use carrylane::verify::Precision;
use serde::Serialize;
use std::time::Duration;

/// Measure gradient steps a second, beside the peak of the core and the reference.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Hidden sizes.
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        allow_negative_numbers = true,
        value_parser = values::upto::<usize>(MAX_HIDDEN),
        default_value = "16,64",
        help_heading = "Rows"
    )]
    hidden: Vec<usize>,
    /// Widths in bits.
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        allow_negative_numbers = true,
        value_parser = values::upto::<usize>(MAX_BITS),
        default_value = "8",
        help_heading = "Rows"
    )]
    bits: Vec<usize>,
    /// Additions in a minibatch.
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        allow_negative_numbers = true,
        value_parser = values::upto::<usize>(MAX_BATCH),
        default_value = "1024",
        help_heading = "Rows"
    )]
    batch: Vec<usize>,
    /// Engines.
    #[arg(
        long, value_name = "LIST", value_delimiter = ',', value_parser = values::engine(), default_value = "fused",
        help_heading = "Rows"
    )]
    engine: Vec<EngineKind>,
    /// Levels; `auto` is the best and `all` every one of this machine.
    #[arg(
        long, value_name = "LIST", value_delimiter = ',', value_parser = values::levels(), default_value = "auto",
        help_heading = "Rows"
    )]
    simd: Vec<Simd>,
    /// Precision of the weights and all that is computed.
    #[arg(long, value_parser = values::precision(), default_value = "f32", help_heading = "Rows")]
    precision: Precision,
    /// Worker threads.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_THREADS), default_value = "1", help_heading = "Measurement")]
    threads: usize,
    /// Seconds to time a row for, in nine parts whose median counts.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "1",
        allow_hyphen_values = true,
        value_parser = whole::seconds,
        help_heading = "Measurement"
    )]
    seconds: Duration,
    /// Key of the random net and additions.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::seed(), default_value = "0", help_heading = "Measurement")]
    seed: u64,
    #[command(flatten)]
    net: Net,
}

const DETAILS: &str = "\
A step is a forward and backward pass over a minibatch of random additions, weights packed anew. GFLOP/s count the \
recurrent products alone: those that were made, 6·gates·hidden² flop for each state that samples do not share, and \
those that a dense pass makes in that time, 6·gates·hidden²·(bits − 1) a sample. The peak is that of one core's multiply-adds, measured right \
before and after each row; the share of it, of all threads, is of the multiply-adds made, for the median of nine parts of the time and for \
the best, the one that neighbours on the machine disturbed least. Each row's gradient is checked \
against the reference before it is timed.";

const AFTER_HELP: &str = "\
Examples:
  carrylane bench
  carrylane bench --hidden 8,16,32,64,128 --engine fused,blas
  carrylane bench --hidden 16 --simd all --precision f64 --json

Exits with 1 if a gradient is off; its row is not timed.";

/// A JSON line for each row.
#[derive(Debug, Serialize)]
struct Record {
    cell: String,
    engine: String,
    level: String,
    precision: String,
    hidden: usize,
    bits: usize,
    batch: usize,
    threads: usize,
    samples_per_s: f64,
    /// Of the multiply-adds made.
    gflops: f64,
    /// Of those that a dense pass would have made.
    dense_gflops: f64,
    peak_gflops: f64,
    peak_share: f64,
    reference_samples_per_s: f64,
    ratio: f64,
    best_samples_per_s: f64,
    best_peak_share: f64,
    version: &'static str,
}

/// The last JSON line.
#[derive(Debug, Serialize)]
struct Summary {
    rows: usize,
    failed: usize,
    seed: u64,
    processor: String,
    version: &'static str,
}

impl Args {
    /// The rows, in the order of the table.
    fn rows(&self) -> carrylane::Result<Vec<Row>> {
        let time = self.seconds;
        let levels = Simd::resolve(&self.simd)?;
        if self.engine.iter().all(|&engine| engine == EngineKind::Reference) {
            goes_with(&[("simd", self.simd != [Simd::Auto])], "another --engine than reference, which is plain code")?;
        }
        let mut rows = Vec::new();
        for &hidden in &self.hidden {
            let config = self.net.config(hidden)?;
            for (&bits, &batch) in self.bits.iter().flat_map(|bits| self.batch.iter().map(move |batch| (bits, batch))) {
                for engine in self.engine.iter().copied() {
                    // The reference has no levels: it is plain code.
                    let levels = if engine == EngineKind::Reference { &[SimdLevel::Scalar][..] } else { &levels };
                    for &level in levels {
                        let (threads, seed) = (self.threads, self.seed);
                        rows.push(Row { config, bits, batch, engine, level, threads, seed, time });
                    }
                }
            }
        }
        Ok(rows)
    }
}

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let rows = args.rows()?;
    let precision = args.precision;
    rows.iter().try_for_each(|row| row.afforded(precision))?;
    let header = [
        "hidden",
        "bits",
        "batch",
        "engine",
        "level",
        "samples/s",
        "GFLOP/s",
        "dense",
        "peak",
        "share",
        "best",
        "× reference",
    ];
    let mut shown = table(&header, &[3, 4]);
    let mut failures = Vec::new();
    for (done, row) in rows.iter().enumerate() {
        let (hidden, total) = (row.config.hidden, rows.len() as u64);
        let what = format!(
            "hidden {hidden}, {}, batch {}, {} {}",
            plural(row.bits as u64, "bit"),
            row.batch,
            row.engine,
            row.level
        );
        out.progress(done as u64, total, || what.clone());
        if let Some(error) = row.check(precision)? {
            failures.push(format!("{what}: the gradient is off, {error}; not timed"));
            continue;
        }
        let record = measure(row, precision)?;
        out.record("bench", &record)?;
        shown.add_row([
            count(hidden as u64),
            count(row.bits as u64),
            count(row.batch as u64),
            record.engine,
            record.level,
            rate(record.samples_per_s),
            format!("{:.1}", record.gflops),
            format!("{:.1}", record.dense_gflops),
            format!("{:.1}", record.peak_gflops),
            format!("{:.0} %", 100.0 * record.peak_share),
            format!("{:.0} %", 100.0 * record.best_peak_share),
            format!("{:.1}", record.ratio),
        ]);
    }
    out.progress_done();
    if !shown.is_empty() {
        out.say(text(&shown))?;
        out.say("")?;
    }
    for failure in &failures {
        out.say(failure)?;
    }
    let processor = processor();
    let threads = plural(args.threads as u64, "thread");
    let cell = rows.first().map_or(String::new(), |row| row.config.cell.to_string());
    out.say(styled(
        FAINT,
        format!("{cell}, {precision}, {threads}, seed {} · {processor} · carrylane {VERSION}", args.seed),
    ))?;
    let (failed, seed) = (failures.len(), args.seed);
    out.record("summary", &Summary { rows: rows.len(), failed, seed, processor, version: VERSION })?;
    Ok(Answer::from(failed == 0))
}

fn measure(row: &Row, precision: Precision) -> carrylane::Result<Record> {
    let before = row.peak(precision);
    let Rate { median: samples_per_s, best, shared } = row.samples_per_s(precision)?;
    let peak_gflops = f64::midpoint(before, row.peak(precision));
    let reference = row.reference().samples_per_s(Precision::F32)?.median;
    let dense_gflops = samples_per_s * row.config.cell.flops(row.config.hidden, row.bits) / 1e9;
    let gflops = shared * dense_gflops;
    let peak_share = gflops / (peak_gflops * row.threads as f64);
    Ok(Record {
        cell: row.config.cell.to_string(),
        engine: row.engine.to_string(),
        level: row.level.to_string(),
        precision: precision.to_string(),
        hidden: row.config.hidden,
        bits: row.bits,
        batch: row.batch,
        threads: row.threads,
        samples_per_s,
        gflops,
        dense_gflops,
        peak_gflops,
        peak_share,
        reference_samples_per_s: reference,
        ratio: samples_per_s / reference,
        best_samples_per_s: best,
        best_peak_share: peak_share * best / samples_per_s,
        version: VERSION,
    })
}
