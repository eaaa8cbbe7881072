//! `carrylane info`.

use super::Answer;
use super::args::BUILT;
use super::output::{Output, STRONG, fields, styled};
use carrylane::kernel::{SimdLevel, fma_peak};
use carrylane::train::{LANE_STATES, cores, processor};
use serde_json::{Value, json};
use std::time::Duration;

/// Show the processor, its instruction sets and what carrylane makes of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  carrylane info\n  carrylane info --peak --json")]
pub(super) struct Args {
    /// Measure the multiply-add peak of a core, at each level and precision.
    #[arg(long)]
    peak: bool,
}

/// The target on which all tests run.
const TESTED_ON: &str = "x86_64-unknown-linux-gnu";
/// Targets that the library is compiled for, without running there (`scripts/check-targets.sh`).
const COMPILED_FOR: [&str; 3] = ["aarch64-unknown-linux-gnu", "wasm32-wasip1", "wasm32-unknown-unknown"];

/// A level for people, and for programs.
fn level(level: SimdLevel, peak: bool) -> (String, Value) {
    const TIME: Duration = Duration::from_millis(100);
    let fused = level.fused_multiply_add();
    let (mut text, mut line) = (format!("{level:<8}"), json!({ "level": level, "fused_multiply_add": fused }));
    if peak {
        let (f32, f64) = (fma_peak::<f32>(level, TIME), fma_peak::<f64>(level, TIME));
        text += &format!(" {f32:>7.1} GFLOP/s f32 {f64:>7.1} GFLOP/s f64");
        (line["peak_gflops_f32"], line["peak_gflops_f64"]) = (f32.into(), f64.into());
    }
    text += if fused { "  fused multiply-add" } else { "" };
    let best = if level == SimdLevel::best() { "  (best, the default of --simd)" } else { "" };
    (text.trim_end().to_owned() + best, line)
}

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let (levels, lines): (Vec<_>, Vec<_>) =
        SimdLevel::available().into_iter().map(|each| level(each, args.peak)).unzip();
    let (system, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
    let (processor, cores, fastest) = (processor(), cores(), SimdLevel::best());
    let mut say = |name: &str, text: &str| out.say(format!("{} {text}", styled(STRONG, format!("{name:<10}"))));
    say("carrylane", BUILT)?;
    say("processor", &processor)?;
    say("system", &format!("{system}, {architecture}"))?;
    say("cores", &format!("{cores}, the default of --threads"))?;
    for (place, level) in levels.iter().enumerate() {
        say(if place == 0 { "levels" } else { "" }, level)?;
    }
    say("same bits", "for any number of threads, and on all levels with fused multiply-add")?;
    say(
        "blas",
        "matrixmultiply, which picks its own instructions: same bits for any threads, not on other processors",
    )?;
    let small = format!("until solved, where batch × hidden, 8 at least, is at most {LANE_STATES}");
    say("population", &format!("nets side by side: what sweeps choose {small}"))?;
    say("tested", &format!("on {TESTED_ON}; the library is compiled, not run, for {}", COMPILED_FOR.join(", ")))?;
    let line = fields! {
        "processor": processor, "architecture": architecture, "system": system, "cores": cores,
        "levels": lines, "best": fastest, "tested_on": TESTED_ON, "compiled_for": COMPILED_FOR
    };
    out.record("info", &line)?;
    Ok(Answer::Yes)
}
