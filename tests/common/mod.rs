//! What the integration tests share.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use carrylane::kernel::SimdLevel;
use carrylane::model::{Cell, Config, Layout, LstmForm, Model};
use carrylane::task::Minibatch;
use carrylane::task::rng::{Purpose, stream};
use carrylane::train::{EngineKind, Settings, Trainer};

/// The usual Elman net.
pub(crate) fn elman(hidden: usize) -> Config {
    Config { hidden, ..Config::of(Cell::Elman) }
}

/// The usual net of every cell, and of every form of it, by name.
pub(crate) fn nets(hidden: usize) -> Vec<(String, Config)> {
    let mut all = Vec::new();
    for cell in Cell::ALL {
        let forms = if cell == Cell::Lstm { &LstmForm::ALL[..] } else { &[LstmForm::Standard] };
        for &lstm_form in forms {
            let name = if cell == Cell::Lstm { format!("lstm {lstm_form}") } else { cell.to_string() };
            all.push((name, Config { hidden, lstm_form, ..Config::of(cell) }));
        }
    }
    all
}

/// Seeded random additions.
pub(crate) fn additions(samples: usize, bits: usize, seed: u64) -> Minibatch {
    let mut batch = Minibatch::new(samples, bits);
    batch.fill_uniform(&mut stream(seed, Purpose::Eval, 0));
    batch
}

/// Every pair of 8-bit additions, 16,384 of them.
pub(crate) fn every_pair() -> Minibatch {
    let mut batch = Minibatch::new(16_384, 8);
    batch.fill_exhaustive(0);
    batch
}

/// Every engine on every level of this machine that it differs on.
pub(crate) fn engines() -> Vec<(EngineKind, SimdLevel)> {
    let levels = SimdLevel::available();
    let all = [EngineKind::Fused, EngineKind::Blas];
    let fast = all.into_iter().flat_map(|kind| levels.iter().map(move |&level| (kind, level)));
    std::iter::once((EngineKind::Reference, SimdLevel::Baseline)).chain(fast).collect()
}

/// Levels of this machine whose multiply-add rounds once, or twice.
pub(crate) fn levels(fused_multiply_add: bool) -> Vec<SimdLevel> {
    SimdLevel::available().into_iter().filter(|level| level.fused_multiply_add() == fused_multiply_add).collect()
}

/// The net after some updates.
pub(crate) fn trained(settings: &Settings, updates: u64) -> Model<f32> {
    let mut trainer = Trainer::new(settings.clone()).expect("settings in range");
    for _ in 0..updates {
        trainer.step();
    }
    trainer.model().clone()
}

/// Writes one tensor of a net.
pub(crate) fn put(model: &mut Model<f64>, name: &str, values: &[f64]) {
    let range = Layout::of(&model.config).get(name).expect("a tensor of this net").range();
    model.params[range].copy_from_slice(values);
}

/// A full adder written by hand: three units that tell whether a + b + carry is at least 1, 2 and 3; the second is the carry, and
/// the sum's bit is the first less the second plus the third.
pub(crate) fn hand_made_adder() -> Model<f64> {
    const GAIN: f64 = 40.0;
    let mut model = Model::zeros(elman(3));
    put(&mut model, "w_ih", &[GAIN; 6]);
    put(&mut model, "w_hh", &[0.0, 0.0, 0.0, GAIN, GAIN, GAIN, 0.0, 0.0, 0.0]);
    put(&mut model, "b_h", &[-0.5 * GAIN, -1.5 * GAIN, -2.5 * GAIN]);
    put(&mut model, "w_ho", &[GAIN, -GAIN, GAIN]);
    put(&mut model, "b_o", &[-0.5 * GAIN]);
    model
}

/// Fails once, with everything that went wrong.
#[track_caller]
pub(crate) fn report(failures: &[String]) {
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
