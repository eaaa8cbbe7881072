//! A training step allocates nothing after the first.
#![expect(clippy::print_stdout, reason = "tells what the engines that allocate do, for --nocapture")]

mod common;

use carrylane::kernel::SimdLevel;
use carrylane::train::{EngineKind, Settings, Trainer};
use common::{nets, report};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Allocations of twenty steps after the first. The counter counts every thread, and the test
/// runner's own may allocate meanwhile, so the least of a few rounds counts: what a step allocates
/// is in each.
fn allocations(settings: Settings) -> usize {
    let mut trainer = Trainer::new(settings).expect("settings in range");
    trainer.step();
    let round = |_| {
        let region = Region::new(ALLOCATOR);
        for _ in 0..20 {
            trainer.step();
        }
        let change = region.change();
        change.allocations + change.reallocations
    };
    (0..3).map(round).min().expect("rounds")
}

#[test]
fn a_step_allocates_nothing_after_the_first() {
    let mut failures = Vec::new();
    for (hidden, bits, batch) in [(16, 8, 64), (1, 2, 1), (17, 5, 200)] {
        for (net, config) in nets(hidden) {
            let base = Settings { config, bits, batch, ..Settings::default() };
            for level in SimdLevel::available() {
                let count = allocations(Settings { engine: EngineKind::Fused, level, ..base.clone() });
                if count > 0 {
                    failures
                        .push(format!("{net}, H {hidden}, {bits} bits, batch {batch}, {level}: {count} in 20 steps"));
                }
            }
            // matrixmultiply packs into buffers of its own, and the reference makes its states anew
            // for each sample: they are told, not held to the rule.
            for engine in [EngineKind::Blas, EngineKind::Reference] {
                let count = allocations(Settings { engine, ..base.clone() });
                println!("{net}, H {hidden}, {bits} bits, batch {batch}, {engine}: {count} allocations in 20 steps");
            }
        }
    }
    report(&failures);
}
