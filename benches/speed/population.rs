//! How fast are whole updates of nets side by side? Sixteen nets at small batches, plain descent,
//! beside one net of the fused engine.

use carrylane::model::Cell;
use carrylane::train::{EngineKind, Rule, Settings, TimedPopulation, Trainer};
use criterion::{Criterion, Throughput};

/// Nets, and updates of a round.
const NETS: usize = 16;

pub(crate) fn benches(criterion: &mut Criterion) {
    for cell in [Cell::Elman, Cell::Lstm] {
        let mut group = crate::group(criterion, format!("population/{cell}"));
        for (hidden, batch) in [(4, 1), (16, 1), (16, 8)] {
            let base = Settings { rule: Rule::Sgd { lr: 0.1 }, ..crate::settings(cell, hidden, 8, batch) };
            let id = |name: &str| format!("{}/{name}", crate::sizes(&base));
            for engine in [EngineKind::Reference, EngineKind::Fused] {
                let mut trainer = Trainer::new(Settings { engine, ..base.clone() }).expect("settings in range");
                group.throughput(Throughput::Elements(batch as u64));
                group.bench_function(id(engine.name()), |b| b.iter(|| trainer.step()));
            }
            let mut drill = TimedPopulation::new(&base, NETS).expect("settings in range");
            let mut alone = Trainer::new(Settings { engine: EngineKind::Reference, ..base.clone() }).expect("the same");
            let learned = drill.learn();
            let updates = learned / (NETS * batch) as u64;
            let wanted = (0..updates).map(|_| alone.step()).last().expect("steps");
            crate::assert_alike(&id("population"), &drill.tally(), &wanted);
            group.throughput(Throughput::Elements(learned));
            group.bench_function(id(&base.level.to_string()), |b| b.iter(|| drill.learn()));
        }
        group.finish();
    }
}
