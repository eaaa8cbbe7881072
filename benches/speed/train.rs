//! How long until the task is solved? Default settings, 8 bits, seed 0, the check of every pair included.

use carrylane::model::{Cell, Config};
use carrylane::train::{EngineKind, Outcome, Report, Settings, Trainer};
use criterion::{Criterion, Throughput};

pub(crate) fn benches(criterion: &mut Criterion) {
    for cell in Cell::ALL {
        let mut group = crate::group(criterion, format!("train/{cell}"));
        let config = Config { cell, ..Config::default() };
        for engine in [EngineKind::Reference, EngineKind::Fused] {
            let settings = Settings { config, engine, ..Settings::default() };
            let name = if engine == EngineKind::Fused { settings.level.to_string() } else { engine.to_string() };
            let id = format!("{}/{name}", crate::sizes(&settings));
            let end = run(&settings);
            assert_eq!((end.outcome, end.score.wrong), (Outcome::Solved, 0), "{id}: {end:?}");
            group.throughput(Throughput::Elements(end.samples));
            group.bench_function(id, |b| b.iter(|| run(&settings)));
        }
        group.finish();
    }
}

/// One training from its start to its end.
fn run(settings: &Settings) -> Report {
    let mut trainer = Trainer::new(settings.clone()).expect("settings in range");
    trainer.run(&mut ()).expect("a training")
}
