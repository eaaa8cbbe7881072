//! `carrylane info`.

use super::Answer;
use super::args::BUILT;
use super::output::{Output, STRONG, fields, styled};
use carrylane::kernel::{SimdLevel, fma_peak};
use carrylane::train::{LANE_STATES, cores, processor};
use serde::Serialize;
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

#[derive(Debug, Serialize)]
struct Level {
    level: String,
    fused_multiply_add: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_gflops_f32: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_gflops_f64: Option<f64>,
}

impl Level {
    fn of(level: SimdLevel, peak: bool) -> Self {
        const TIME: Duration = Duration::from_millis(100);
        Self {
            level: level.to_string(),
            fused_multiply_add: level.fused_multiply_add(),
            peak_gflops_f32: peak.then(|| fma_peak::<f32>(level, TIME)),
            peak_gflops_f64: peak.then(|| fma_peak::<f64>(level, TIME)),
        }
    }

    fn text(&self) -> String {
        let mut text = format!("{:<8}", self.level);
        if let (Some(f32), Some(f64)) = (self.peak_gflops_f32, self.peak_gflops_f64) {
            text += &format!(" {f32:>7.1} GFLOP/s f32 {f64:>7.1} GFLOP/s f64");
        }
        let same = if self.fused_multiply_add { "  fused multiply-add" } else { "" };
        format!("{text}{same}").trim_end().to_owned()
    }
}

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let levels: Vec<Level> = SimdLevel::available().into_iter().map(|level| Level::of(level, args.peak)).collect();
    let (system, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
    let (processor, cores, fastest) = (processor(), cores(), SimdLevel::best().to_string());
    let mut say = |name: &str, text: &str| out.say(format!("{} {text}", styled(STRONG, format!("{name:<10}"))));
    say("carrylane", BUILT)?;
    say("processor", &processor)?;
    say("system", &format!("{system}, {architecture}"))?;
    say("cores", &format!("{cores}, the default of --threads"))?;
    for (place, level) in levels.iter().enumerate() {
        let best = if level.level == fastest { "  (best, the default of --simd)" } else { "" };
        say(if place == 0 { "levels" } else { "" }, &format!("{}{best}", level.text()))?;
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
        "levels": levels, "best": fastest, "tested_on": TESTED_ON, "compiled_for": COMPILED_FOR
    };
    out.record("info", &line)?;
    Ok(Answer::Yes)
}
