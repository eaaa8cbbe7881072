//! `carrylane bench`.

use super::Answer;
use super::args::{HELP, NetFlags, Sizes, VERSION, goes_with};
use super::format::{Column, count, plural, rate, rows};
use super::output::{Output, fields};
use super::values;
use carrylane::kernel::SimdLevel;
use carrylane::task::whole;
use carrylane::train::{EngineKind, MAX_THREADS, processor};
use carrylane::verify::{Precision, Speed, TimedStep};
use std::time::Duration;

/// Measure gradient steps a second, beside the peak of the core and the reference.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
#[command(mut_arg("hidden", |arg| arg.default_value("16,64")), mut_arg("bits", |arg| arg.default_value("8")))]
#[command(mut_arg("batch", |arg| arg.default_value("1024")), mut_arg("simd", |arg| arg.default_value("auto")))]
pub(super) struct Args {
    #[command(flatten)]
    sizes: Sizes,
    /// Engines.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = values::words(EngineKind::ALL), default_value = "fused", help_heading = "Grid")]
    engine: Vec<EngineKind>,
    /// Time NETS nets that learn side by side with the population engine: whole updates by plain
    /// descent, new additions included.
    #[arg(long, value_name = "NETS", allow_negative_numbers = true, value_parser = values::upto::<usize>(1 << 16), conflicts_with_all = ["engine", "precision", "threads"], help_heading = "Grid")]
    population: Option<usize>,
    /// Precision of the weights and all that is computed.
    #[arg(long, value_parser = values::words(Precision::ALL), default_value = "f32", help_heading = "Measurement")]
    precision: Precision,
    /// Worker threads.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_THREADS), default_value = "1", help_heading = "Measurement")]
    threads: usize,
    /// Seconds to time a row for, in nine parts whose median counts.
    #[arg(long, value_name = "SECONDS", default_value = "1", allow_hyphen_values = true, value_parser = whole::seconds, help_heading = "Measurement")]
    seconds: Duration,
    #[command(flatten)]
    net: NetFlags,
}

const DETAILS: &str = "\
A step is a forward and backward pass over a minibatch of random additions, weights packed anew. Each row's gradient is \
checked against the reference before it is timed. A row is timed in nine parts: the median counts, and the best part, which \
others on the machine disturbed least, is shown beside it. GFLOP/s count the recurrent products alone, in two ways: those \
that were made, 6·gates·hidden² flop for each state that samples do not share; and those that a dense pass would make in \
that time, 6·gates·hidden²·(bits − 1) a sample. The share of the peak counts the multiply-adds made, by all threads; the peak \
is that of one core, measured right before and after each row.";

const AFTER_HELP: &str = "\
Examples:
  carrylane bench
  carrylane bench --hidden 8,16,32,64,128 --engine fused,blas
  carrylane bench --hidden 16 --simd all --precision f64 --json
  carrylane bench --hidden 4,16 --batch 1,8 --population 64

Exits with 1 if a gradient is off; its row is not timed.";

const COLUMNS: [Column<Speed>; 12] = [
    ("hidden", |speed| count(speed.step.config.hidden as u64)),
    ("bits", |speed| count(speed.step.bits as u64)),
    ("batch", |speed| count(speed.step.batch as u64)),
    ("<engine", |speed| speed.step.engine.to_string()),
    ("<level", |speed| speed.step.level.to_string()),
    ("samples/s", |speed| rate(speed.samples_per_s)),
    ("GFLOP/s", |speed| format!("{:.1}", speed.gflops)),
    ("dense", |speed| format!("{:.1}", speed.dense_gflops)),
    ("peak", |speed| format!("{:.1}", speed.peak_gflops)),
    ("share", |speed| format!("{:.0} %", 100.0 * speed.peak_share)),
    ("best", |speed| format!("{:.0} %", 100.0 * speed.best_peak_share)),
    ("× reference", |speed| format!("{:.1}", speed.ratio)),
];

impl Args {
    /// The steps to measure, in the order of the table.
    fn steps(&self) -> carrylane::Result<Vec<TimedStep>> {
        let &Self { precision, threads, seconds: time, sizes: Sizes { seed, .. }, population, .. } = self;
        let engines = if population.is_some() { &[EngineKind::Population][..] } else { &self.engine };
        let levels = values::levels_of(&self.sizes.simd)?;
        if self.engine.iter().all(|&engine| engine == EngineKind::Reference) {
            let what = "another --engine than reference, which is plain code";
            goes_with(&[("simd", self.sizes.simd != ["auto"])], what)?;
        }
        // The reference has no levels: it is plain code.
        let of = |&engine: &EngineKind| match engine {
            EngineKind::Reference => vec![(engine, SimdLevel::Baseline)],
            _ => levels.iter().map(|&level| (engine, level)).collect(),
        };
        let engines: Vec<_> = engines.iter().flat_map(of).collect();
        let mut steps = Vec::new();
        for &hidden in &self.sizes.hidden {
            let config = self.net.config(hidden)?;
            for (bits, batch) in self.sizes.minibatches() {
                for &(engine, level) in &engines {
                    steps.push(TimedStep {
                        config,
                        bits,
                        batch,
                        engine,
                        level,
                        precision,
                        threads,
                        seed,
                        time,
                        population,
                    });
                }
            }
        }
        Ok(steps)
    }
}

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let steps = args.steps()?;
    steps.iter().try_for_each(TimedStep::afforded)?;
    let (mut speeds, mut failures) = (Vec::new(), Vec::new());
    for (done, step) in steps.iter().enumerate() {
        let TimedStep { config, bits, batch, engine, level, .. } = step;
        let bits = plural(*bits as u64, "bit");
        let what = format!("hidden {}, {bits}, batch {batch}, {engine} {level}", config.hidden);
        out.progress(done as u64, steps.len() as u64, &|| what.clone());
        if let Some(error) = step.check()? {
            failures.push(format!("{what}: the gradient is off, {error}; not timed"));
            continue;
        }
        let speed = step.measure()?;
        out.record("bench", &speed)?;
        speeds.push(speed);
    }
    out.progress_done();
    if !speeds.is_empty() {
        out.say(format!("{}\n", rows(&COLUMNS, &speeds)))?;
    }
    for failure in &failures {
        out.say(failure)?;
    }
    let (processor, threads, precision) = (processor(), plural(args.threads as u64, "thread"), args.precision);
    let (cell, seed) = (steps.first().map_or(String::new(), |step| step.config.cell.to_string()), args.sizes.seed);
    let with = format!("{cell}, {precision}, {threads}, seed {seed} · {processor} · carrylane {VERSION}");
    out.note(with)?;
    let failed = failures.len();
    let summary = fields! { "rows": steps.len(), "failed": failed, "seed": seed, "processor": processor };
    out.record("summary", &summary)?;
    Ok(Answer::from(failed == 0))
}
