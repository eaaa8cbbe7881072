//! Benches by question: `data` (how fast are additions made?), `kernel` (how fast is a gradient, on every level?), `step` (how fast is a
//! whole update?), `population` (of nets side by side?), `train` (how long until the task is solved?), `prove` (how fast are the states of a net walked?).
//!
//! Ids are `group/cell/h16_t8_b1024/level`, throughput is in additions (transitions for `prove`), and every group has the scalar reference as an entry, so that
//! figures can be read as ratios of the same run. Each case checks its result before it is timed.

mod data;
mod kernel;
mod population;
mod prove;
mod step;
mod train;

use carrylane::kernel::SimdLevel;
use carrylane::model::{Cell, Config, Tally};
use carrylane::task::Minibatch;
use carrylane::task::rng::{Purpose, stream};
use carrylane::train::{EngineKind, Settings};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, criterion_group, criterion_main};
use std::time::Duration;

criterion_group!(
    benches,
    data::benches,
    kernel::benches,
    step::benches,
    population::benches,
    train::benches,
    prove::benches
);
criterion_main!(benches);

/// A group that is quick: all groups together end in under three minutes. `carrylane bench` takes any grid.
fn group<'a>(criterion: &'a mut Criterion, name: String) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    // Flat: ten runs of the reference where it is slow, not 1 + 2 + … + 10.
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(150))
        .measurement_time(Duration::from_millis(600));
    group
}

/// One way to compute, by its name in ids: `reference`, a level of the fused engine, or `blas` on the best level.
fn engines(levels: &[SimdLevel]) -> Vec<(String, EngineKind, SimdLevel)> {
    let best = SimdLevel::best();
    let mut all = vec![("reference".to_owned(), EngineKind::Reference, best)];
    all.extend(levels.iter().map(|&level| (level.to_string(), EngineKind::Fused, level)));
    all.push(("blas".to_owned(), EngineKind::Blas, best));
    all
}

/// Settings of a bench; the seed makes weights in ±1/√H and fair bits.
fn settings(cell: Cell, hidden: usize, bits: usize, batch: usize) -> Settings {
    Settings { config: Config { cell, hidden, ..Config::default() }, bits, batch, seed: 1, ..Settings::default() }
}

/// The sizes in an id.
fn sizes(settings: &Settings) -> String {
    format!("h{}_t{}_b{}", settings.config.hidden, settings.bits, settings.batch)
}

/// Seeded random additions.
fn additions(settings: &Settings) -> Minibatch {
    let mut batch = Minibatch::new(settings.batch, settings.bits);
    batch.fill_uniform(&mut stream(settings.seed, Purpose::Eval, 0));
    batch
}

/// Fails unless two passes over the same samples counted the same, up to rounding in single precision.
fn assert_alike(id: &str, found: &Tally, wanted: &Tally) {
    let near = |a: f64, b: f64, by: f64| (a - b).abs() <= by * b;
    let bits = near(found.wrong_bits as f64, wanted.wrong_bits as f64, 1e-3);
    assert!(near(found.loss, wanted.loss, 1e-4) && bits, "{id}: counted {found:?}, the reference {wanted:?}");
}
