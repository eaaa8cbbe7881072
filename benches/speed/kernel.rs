//! How fast is a gradient, on every level? Packed weights and additions are there; one shard of 512 additions.

use carrylane::kernel::SimdLevel;
use carrylane::model::{Cell, Model, Tally};
use carrylane::task::{BitTensor, Minibatch};
use carrylane::train::{Engine, EngineKind, Settings};
use criterion::{Criterion, Throughput};

pub(crate) fn benches(criterion: &mut Criterion) {
    for cell in Cell::ALL {
        gradients(criterion, cell);
    }
    answers(criterion);
}

fn gradients(criterion: &mut Criterion, cell: Cell) {
    let mut group = crate::group(criterion, format!("kernel/{cell}"));
    let settings = crate::settings(cell, 16, 8, 512);
    let (model, batch) = (model(&settings), crate::additions(&settings));
    group.throughput(Throughput::Elements(settings.batch as u64));
    let mut reference: Option<(Vec<f32>, Tally)> = None;
    for (name, kind, level) in crate::engines(&SimdLevel::available()) {
        let id = format!("{}/{name}", crate::sizes(&settings));
        let mut engine = engine(&model, kind, level);
        let mut grad = vec![0.0; model.params.len()];
        let tally = engine.gradient(&batch, &mut grad);
        let (wanted, counted) = reference.get_or_insert_with(|| (grad.clone(), tally));
        crate::assert_alike(&id, &tally, counted);
        assert_close(&id, &grad, wanted);
        group.bench_function(id, |b| b.iter(|| engine.gradient(&batch, &mut grad)));
    }
    group.finish();
}

/// The forward pass alone, as checks and `eval` run it.
fn answers(criterion: &mut Criterion) {
    let mut group = crate::group(criterion, "kernel/evaluate".into());
    let settings = crate::settings(Cell::Elman, 16, 8, 512);
    let (model, batch) = (model(&settings), crate::additions(&settings));
    group.throughput(Throughput::Elements(settings.batch as u64));
    let mut reference: Option<Tally> = None;
    for (name, kind, level) in crate::engines(&[SimdLevel::best()]) {
        let id = format!("{}/{name}", crate::sizes(&settings));
        let mut engine = engine(&model, kind, level);
        let counted = answered(&mut engine, &batch);
        let wanted = *reference.get_or_insert(counted);
        crate::assert_alike(&id, &Tally { loss: wanted.loss, ..counted }, &wanted);
        group.bench_function(id, |b| b.iter(|| engine.evaluate(&batch, None)));
    }
    group.finish();
}

/// What an engine counts, its answers counted once more from the bits.
fn answered(engine: &mut Engine<f32>, batch: &Minibatch) -> Tally {
    let mut predicted = BitTensor::new(batch.samples(), batch.bits());
    let tally = engine.evaluate(batch, Some(&mut predicted));
    let columns = (0..batch.bits()).map(|step| predicted.column(step).iter().zip(batch.c.column(step)));
    let wrong: u64 = columns.flatten().map(|(found, wanted)| u64::from((found ^ wanted).count_ones())).sum();
    assert_eq!(tally.wrong_bits, wrong, "{} {}: counted and answered", engine.kind(), engine.level());
    tally
}

fn model(settings: &Settings) -> Model<f32> {
    settings.init.model(settings.config, settings.seed)
}

fn engine(model: &Model<f32>, kind: EngineKind, level: SimdLevel) -> Engine<f32> {
    let mut engine = Engine::new(&model.config, kind, level, 1).expect("a level of this machine");
    engine.set_params(&model.params);
    engine
}

/// Fails unless two gradients are within a ten-thousandth of their norm.
fn assert_close(id: &str, found: &[f32], wanted: &[f32]) {
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let off = norm(&mut found.iter().zip(wanted).map(|(f, w)| f - w));
    let of = norm(&mut wanted.iter().copied());
    assert!(off <= 1e-4 * of, "{id}: the gradient is {off} off the reference's, whose norm is {of}");
}
