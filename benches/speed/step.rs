//! How fast is a whole update? New additions, packing, gradient, optimizer, on one thread.

use carrylane::kernel::SimdLevel;
use carrylane::model::{Cell, Tally};
use carrylane::train::{Settings, Trainer};
use criterion::{Criterion, Throughput};

pub(crate) fn benches(criterion: &mut Criterion) {
    for cell in Cell::ALL {
        let mut group = crate::group(criterion, format!("step/{cell}"));
        for (hidden, batch) in [(16, 64), (16, 1024), (64, 256)] {
            let base = crate::settings(cell, hidden, 8, batch);
            group.throughput(Throughput::Elements(batch as u64));
            let mut reference: Option<Tally> = None;
            for (name, engine, level) in crate::engines(&[SimdLevel::best()]) {
                let id = format!("{}/{name}", crate::sizes(&base));
                let mut trainer = Trainer::new(Settings { engine, level, ..base.clone() }).expect("settings in range");
                // The fifth step sees what the four before it made of the weights.
                let tally = (0..5).map(|_| trainer.step()).last().expect("steps");
                crate::assert_alike(&id, &tally, reference.get_or_insert(tally));
                group.bench_function(id, |b| b.iter(|| trainer.step()));
            }
        }
        group.finish();
    }
}
