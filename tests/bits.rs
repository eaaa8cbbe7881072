//! Same settings, same bits: for any number of threads, and on every level of a kind.
#![expect(clippy::print_stdout, reason = "tells which levels ran")]

mod common;

use carrylane::kernel::{Noise, SimdLevel};
use carrylane::model::{Init, weights_hash};
use carrylane::train::{Engine, EngineKind, Settings, Trainer};
use common::{additions, elman, levels, nets, report, trained};

/// The hash of the net after some updates.
fn hash(settings: &Settings, updates: u64) -> String {
    let model = trained(settings, updates);
    weights_hash(&model.config, &model.params)
}

/// Trains every variant and says where its hash is not that of the first.
fn agree(what: &str, variants: &[Settings], updates: u64) -> Vec<String> {
    let mut first = None;
    let mut failures = Vec::new();
    for variant in variants {
        let found = hash(variant, updates);
        let (level, threads) = (variant.level, variant.threads);
        let (wanted, whose) = first.get_or_insert_with(|| (found.clone(), format!("{level}, {threads} threads")));
        if found != *wanted {
            failures.push(format!("{what}: {level}, {threads} threads ends with {found}; {whose} with {wanted}"));
        }
    }
    failures
}

/// The same settings on several levels and numbers of threads.
fn variants(base: &Settings, levels: &[SimdLevel], threads: &[usize]) -> Vec<Settings> {
    let each = |&level| threads.iter().map(move |&threads| Settings { level, threads, ..base.clone() });
    levels.iter().flat_map(each).collect()
}

#[test]
fn a_thousand_updates_at_batch_4096_are_the_same_for_1_2_and_4_threads_and_all_fma_levels() {
    let base = Settings { config: elman(16), batch: 4096, ..Settings::default() };
    let levels = levels(true);
    println!("levels with fused multiply-add: {levels:?}");
    report(&agree("elman, H 16, 8 bits", &variants(&base, &levels, &[1, 2, 4]), 1000));
}

#[test]
fn ragged_batches_are_the_same_for_1_2_and_7_threads_and_all_levels_of_a_kind() {
    let mut failures = Vec::new();
    for (hidden, bits, batch) in [(16, 8, 1), (3, 5, 65), (17, 8, 1000), (9, 3, 4099), (70, 4, 1000)] {
        for (net, config) in nets(hidden) {
            for fused in [false, true] {
                let base = Settings { config, bits, batch, seed: 3, ..Settings::default() };
                let what = format!("{net}, H {hidden}, {bits} bits, batch {batch}, seed 3");
                failures.extend(agree(&what, &variants(&base, &levels(fused), &[1, 2, 7]), 12));
            }
        }
    }
    report(&failures);
}

#[test]
fn the_blas_engine_is_the_same_for_any_number_of_threads() {
    let mut failures = Vec::new();
    for (net, config) in nets(16) {
        for batch in [1000, 4099] {
            let engine = EngineKind::Blas;
            let base = Settings { config, batch, engine, seed: 3, ..Settings::default() };
            let variants = variants(&base, &[SimdLevel::best()], &[1, 2, 7]);
            failures.extend(agree(&format!("{net}, blas, batch {batch}"), &variants, 12));
        }
    }
    report(&failures);
}

#[test]
fn noise_is_the_same_for_any_number_of_threads_and_all_levels_of_a_kind() {
    let mut failures = Vec::new();
    // Small rows, wide rows; one shard and several, counted and not.
    for hidden in [3, 7, 17] {
        for (net, config) in nets(hidden) {
            for (bits, batch) in [(8, 64), (4, 5000), (16, 3000)] {
                let gradient = |amplitude, level, threads| {
                    let mut engine = Engine::<f32>::new(&config, EngineKind::Fused, level, threads)
                        .expect("a level of this machine");
                    let model = Init::Scaled.model::<f32>(config, 2);
                    engine.set_params(&model.params);
                    engine.set_noise(Some(Noise { amplitude: [amplitude; 2], cell_limit: 1.0, key: 5 }));
                    let mut grad = vec![0.0; model.params.len()];
                    let tally = engine.gradient(&additions(batch, bits, 1), &mut grad);
                    assert!(tally.loss.is_finite(), "{tally:?}");
                    (tally, grad)
                };
                let what = format!("{net}, H {hidden}, {bits} bits, batch {batch}");
                for fused in [false, true] {
                    let levels = levels(fused);
                    let wanted = gradient(0.3, levels[0], 1);
                    for (&level, threads) in levels.iter().flat_map(|level| [1, 2, 7].map(|threads| (level, threads))) {
                        if gradient(0.3, level, threads) != wanted {
                            failures.push(format!("{what}: {level}, {threads} threads is not {}, 1 thread", levels[0]));
                        }
                    }
                    if gradient(0.0, levels[0], 1) == wanted {
                        failures.push(format!("{what}, {}: noise changes nothing", levels[0]));
                    }
                }
            }
        }
    }
    report(&failures);
}

/// Loss of each of the first ten minibatches: H 16, 8 bits, batch 64, Adam at 0.03, seed 0.
const TRAJECTORIES: &[(&str, [f64; 10])] = &[
    (
        "elman",
        [
            0.999_636_2,
            1.004_715_9,
            0.996_253_7,
            1.001_472_9,
            1.000_097_9,
            0.996_720_1,
            1.001_249_0,
            0.997_936_6,
            0.997_310_8,
            0.995_222_9,
        ],
    ),
    (
        "dynamic",
        [
            0.996_776_6,
            0.994_808_6,
            0.989_206_9,
            1.007_939_8,
            0.997_404_3,
            0.983_569_3,
            0.991_077_6,
            0.987_972_1,
            0.983_301_2,
            0.976_664_0,
        ],
    ),
    (
        "lstm standard",
        [
            1.006_347_2,
            1.008_464_1,
            1.010_244_6,
            0.997_758_2,
            1.001_512_4,
            0.996_975_7,
            0.995_203_0,
            0.993_723_9,
            0.990_105_0,
            0.982_511_6,
        ],
    ),
    (
        "lstm notebook",
        [
            1.005_533_5,
            1.008_171_1,
            1.009_455_4,
            0.997_827_3,
            1.001_196_9,
            0.996_752_1,
            0.995_166_4,
            0.993_592_9,
            0.989_344_6,
            0.981_304_3,
        ],
    ),
];

/// Hash of the weights after 100 updates of the same, on levels with fused multiply-add.
const HASHES: &[(&str, &str)] = &[
    ("elman", "802ffb1d656a2720"),
    ("dynamic", "fd5aa8abe7b8f8e8"),
    ("lstm standard", "f0bd692a74f176cf"),
    ("lstm notebook", "524f8293738c5bd2"),
];

#[test]
fn the_first_ten_losses_are_the_stored_ones_on_every_level() {
    // Levels that round a multiply-add twice drift from the stored ones by a few ε a step.
    const TOLERANCE: f64 = 1e-5;
    let mut failures = Vec::new();
    for (net, config) in nets(16) {
        let stored = TRAJECTORIES.iter().find(|(name, _)| *name == net).map(|(_, losses)| losses);
        for level in SimdLevel::available() {
            let settings = Settings { config, level, batch: 64, ..Settings::default() };
            let mut trainer = Trainer::new(settings).expect("settings in range");
            let losses: Vec<f64> = (0..10).map(|_| trainer.step().loss / 64.0).collect();
            let Some(stored) = stored else {
                failures.push(format!("nothing is stored for {net}; {level} has {losses:?}"));
                continue;
            };
            for (step, (found, wanted)) in losses.iter().zip(stored).enumerate() {
                if (found - wanted).abs() > TOLERANCE * wanted {
                    failures.push(format!("{net}, {level}: the loss of step {step} is {found}, stored is {wanted}"));
                }
            }
        }
    }
    report(&failures);
}

#[test]
fn the_weights_after_a_hundred_updates_are_the_stored_ones_on_fma_levels() {
    let mut failures = Vec::new();
    for (net, config) in nets(16) {
        let stored = HASHES.iter().find(|(name, _)| *name == net).map(|(_, hash)| *hash);
        for level in levels(true) {
            let found = hash(&Settings { config, level, batch: 64, ..Settings::default() }, 100);
            if stored != Some(found.as_str()) {
                failures.push(format!("{net}, {level}: {found}, stored is {stored:?}"));
            }
        }
    }
    report(&failures);
}
