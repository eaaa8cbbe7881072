//! The memory that a training is said to need is what it takes.

mod common;

use carrylane::model::{Cell, Config};
use carrylane::train::{
    Check, EngineKind, MemoryNeed, PopulationEvent, Rule, Settings, Source, Trainer, Until, population,
};
use common::{elman, report};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How far the estimate may be off.
const NEAR: std::ops::Range<f64> = 1.0 / 1.3..1.3;

#[test]
fn a_training_takes_what_it_is_said_to_need() {
    let base = Settings { until: Until::Updates(2), ..Settings::default() };
    let lstm = Config { hidden: 96, ..Config::of(Cell::Lstm) };
    let dynamic = Config { hidden: 200, ..Config::of(Cell::Dynamic) };
    let cases = [
        ("large", Settings { config: elman(512), ..base.clone() }),
        ("wide", Settings { bits: 700, batch: 512, ..base.clone() }),
        ("many shards", Settings { config: elman(100), batch: 8192, ..base.clone() }),
        ("lstm", Settings { config: lstm, bits: 32, batch: 512, rule: Rule::Sgd { lr: 0.1 }, ..base.clone() }),
        ("small lstm", Settings { config: Config { hidden: 8, ..lstm }, bits: 200, batch: 1024, ..base.clone() }),
        ("dynamic, blas", Settings { config: dynamic, bits: 20, engine: EngineKind::Blas, ..base.clone() }),
        ("population", Settings { config: elman(200), batch: 7, engine: EngineKind::Population, ..base.clone() }),
    ];
    let mut failures = Vec::new();
    for (what, settings) in cases {
        let need = MemoryNeed::of(&settings);
        let region = Region::new(ALLOCATOR);
        let mut trainer = Trainer::new(settings.clone()).expect("settings in range");
        trainer.step();
        // What decides when it is solved.
        Check::of(&settings).run(trainer.engine(), |_| true).expect("it is not stopped");
        let change = region.change();
        // Growing in place counts as reallocation, signed.
        let taken = change.bytes_allocated as f64 - change.bytes_deallocated as f64;
        // The search of a check comes and goes, but for states that wait.
        let ratio = (need.total() - need.search) / taken;
        if !NEAR.contains(&ratio) {
            failures.push(format!("{what}: said {:.0}, took {taken:.0}, ratio {ratio:.2}: {need:?}", need.total()));
        }
    }
    // A population when the first of its nets has been checked.
    let settings = Settings { config: elman(200), batch: 7, engine: EngineKind::Population, ..base.clone() };
    let region = Region::new(ALLOCATOR);
    let mut taken = None;
    let trainings = (0..16).map(|seed| Trainer::new(Settings { seed, ..settings.clone() }));
    population(trainings, |_, told| {
        if let PopulationEvent::Ended(..) = told {
            let change = region.change();
            taken.get_or_insert(change.bytes_allocated as f64 - change.bytes_deallocated as f64);
        }
    })
    .expect("nets of one shape");
    let ratio = MemoryNeed::of_lanes(&settings).total() / taken.expect("they end");
    if !NEAR.contains(&ratio) {
        failures.push(format!("side by side: took {taken:?}, ratio {ratio:.2}: {:?}", MemoryNeed::of_lanes(&settings)));
    }
    report(&failures);
    // Making a fixed set takes more than keeping it, which is all that can be seen here.
    let source = Source::Fixed { samples: 100_000, shuffle: true };
    let settings = Settings { source, bits: 64, ..base };
    let region = Region::new(ALLOCATOR);
    let trainer = Trainer::new(settings.clone()).expect("settings in range");
    let taken = region.change().bytes_allocated as f64;
    let need = MemoryNeed::of(&settings);
    assert!(need.data > 0.4 * taken && need.data < 3.0 * taken, "took {taken} in all: {need:?}, {}", trainer.updates());
}
