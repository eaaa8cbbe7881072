//! The kernel against the reference, on every level of the machine: exact cases first, then random shapes.

mod common;

use carrylane::kernel::{Float, SimdLevel};
use carrylane::model::{Activation, Config, Init, Layout, Loss, Model, Tally};
use carrylane::reference::{self, Real};
use carrylane::task::{BitTensor, Minibatch};
use carrylane::train::{Engine, EngineKind};
use carrylane::verify::{Grid, gradcheck};
use common::{additions, engines, every_pair, hand_made_adder, nets, report};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// An engine that holds a net.
fn engine<F: Float + Real>(model: &Model<F>, kind: EngineKind, level: SimdLevel) -> Engine<F> {
    let mut engine = Engine::new(&model.config, kind, level, 1).expect("a level of this machine");
    engine.set_params(&model.params);
    engine
}

/// An engine's answers, and what it counted.
fn answers<F: Float + Real>(
    model: &Model<F>,
    kind: EngineKind,
    level: SimdLevel,
    batch: &Minibatch,
) -> (BitTensor, Tally) {
    let mut predicted = BitTensor::new(batch.samples(), batch.bits());
    let tally = engine(model, kind, level).evaluate(batch, Some(&mut predicted));
    (predicted, tally)
}

/// An engine's gradient, and what it counted.
fn gradient<F: Float + Real>(
    model: &Model<F>,
    kind: EngineKind,
    level: SimdLevel,
    batch: &Minibatch,
) -> (Vec<F>, Tally) {
    let mut grad = vec![F::zero(); model.params.len()];
    let tally = engine(model, kind, level).gradient(batch, &mut grad);
    (grad, tally)
}

#[test]
fn zero_weights_give_exact_gradients_on_every_level_and_engine() {
    let mut failures = Vec::new();
    for (hidden, bits, samples) in [(1, 1, 1), (6, 2, 64), (7, 8, 65), (17, 5, 700), (5, 33, 1), (3, 17, 65)] {
        for (net, config) in nets(hidden) {
            let model: Model<f32> = Model::zeros(config);
            let batch = additions(samples, bits, 1);
            // Every state is ½ or 0 and every output ½, so all sums are of small powers of two, which f32 holds exactly.
            let mut wanted = vec![0.0; model.params.len()];
            let counted =
                reference::gradient(&model.config, &model.cast::<f64>().params, &batch, 0..samples, &mut wanted);
            assert_eq!(counted.loss, 0.125 * (samples * bits) as f64, "{net}: the reference's loss");
            for (kind, level) in engines() {
                let (grad, tally) = gradient(&model, kind, level, &batch);
                let worst = grad.iter().zip(&wanted).position(|(&found, &wanted)| f64::from(found) != wanted);
                let what = format!("{net}, H {hidden}, {bits} bits, {samples} samples, seed 1, {kind} {level}");
                if let Some(i) = worst {
                    let layout = model.layout();
                    let (tensor, place) = layout.locate(i).expect("a parameter");
                    failures.push(format!("{what}: {}[{place}] is {}, want {}", tensor.name, grad[i], wanted[i]));
                }
                if tally != counted {
                    failures.push(format!("{what}: counted {tally:?}, want {counted:?}"));
                }
            }
        }
    }
    report(&failures);
}

#[test]
fn what_an_engine_did_before_changes_no_bit() {
    for (net, config) in nets(17) {
        let model: Model<f32> = Init::Scaled.model(config, 3);
        for (kind, level) in engines() {
            let mut used = engine(&model, kind, level);
            // The longest first, so that no buffer is made anew, zero throughout.
            for (bits, train) in [(9, true), (8, false), (8, true), (1, false), (1, true), (3, true), (2, true)] {
                let batch = additions(70, bits, 5);
                if !train {
                    used.evaluate(&batch, None);
                    continue;
                }
                let mut found = vec![0.0; model.params.len()];
                used.gradient(&batch, &mut found);
                let (wanted, _) = gradient(&model, kind, level, &batch);
                assert!(found == wanted, "{net}, {kind}, {level}: {bits} bits after other passes");
            }
        }
    }
}

#[test]
fn a_hand_made_adder_adds_every_pair_on_every_level_and_engine() {
    let (model, batch) = (hand_made_adder(), every_pair());
    let mut failures = Vec::new();
    for (kind, level) in engines() {
        for (precision, (predicted, tally)) in
            [("f64", answers(&model, kind, level, &batch)), ("f32", answers(&model.cast::<f32>(), kind, level, &batch))]
        {
            if predicted != batch.c || (tally.wrong_bits, tally.wrong_samples) != (0, 0) {
                failures.push(format!("{kind} {level} {precision}: {tally:?}"));
            }
        }
    }
    report(&failures);
}

#[test]
fn a_nan_weight_gives_a_nan_loss_on_every_level_and_engine() {
    let mut failures = Vec::new();
    let batch = additions(70, 3, 2);
    for (net, config) in nets(5) {
        for activation in Activation::ALL {
            for loss in [Loss::Mse, Loss::CrossEntropy] {
                let config = Config { activation, loss, ..config };
                let whole: Model<f32> = Init::Scaled.model(config, 2);
                for tensor in Layout::of(&config).tensors() {
                    let mut model = whole.clone();
                    model.params[tensor.offset + tensor.len() / 2] = f32::NAN;
                    for (kind, level) in engines() {
                        let (_, tally) = gradient(&model, kind, level, &batch);
                        if !tally.loss.is_nan() {
                            let name = tensor.name;
                            failures
                                .push(format!("{net}, {activation}, {loss}, NaN in {name}, {kind} {level}: {tally:?}"));
                        }
                    }
                }
            }
        }
    }
    report(&failures);
}

/// A net, a minibatch and a seed for both.
#[derive(Debug, Clone, Copy)]
struct Case {
    config: Config,
    bits: usize,
    samples: usize,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let activation = || prop::sample::select(&Activation::ALL[..]);
    let usual = (1..=40_usize).prop_flat_map(|hidden| prop::sample::select(nets(hidden)));
    let net = (usual, any::<bool>(), activation(), activation(), any::<bool>());
    (net, 1..=20_usize, 1..=200_usize, any::<u64>()).prop_map(|(net, bits, samples, seed)| {
        let ((_, usual), bias, activation, output, cross_entropy) = net;
        // Cross-entropy is for sigmoid outputs.
        let loss = if cross_entropy { Loss::CrossEntropy } else { Loss::Mse };
        let output = if cross_entropy { Activation::Sigmoid } else { output };
        Case { config: Config { bias, activation, output, loss, ..usual }, bits, samples, seed }
    })
}

/// The same cases in every run; `PROPTEST_RNG_SEED` looks at others.
fn runs(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(20), failure_persistence: None, ..ProptestConfig::default() }
}

/// The same net with `shift` added to its output's pre-activation.
fn shifted(model: &Model<f64>, shift: f64) -> Model<f64> {
    let mut moved = Model::zeros(Config { bias: true, ..model.config });
    let layout = moved.layout();
    for tensor in model.layout().tensors() {
        let to = layout.get(tensor.name).expect("the same tensors").range();
        moved.params[to].copy_from_slice(&model.params[tensor.range()]);
    }
    *moved.params.last_mut().expect("b_o") += shift;
    moved
}

/// Bits of `a` that differ from `b`, of those `counted`.
fn differing(a: &BitTensor, b: &BitTensor, counted: impl Fn(usize, usize) -> bool) -> Option<(usize, usize)> {
    let all = (0..a.steps()).flat_map(|step| (0..a.samples()).map(move |sample| (sample, step)));
    all.into_iter().find(|&(sample, step)| counted(sample, step) && a.get(sample, step) != b.get(sample, step))
}

proptest! {
    #![proptest_config(runs(48))]

    /// Gradients of both precisions, every level, through the same chain that `carrylane gradcheck` runs.
    #[test]
    fn gradients_are_the_references_for_random_shapes(case in cases()) {
        // A unit near the corner of ReLU may fall on either side of it; the gradients of both are right.
        let corner = [case.config.activation, case.config.output].contains(&Activation::Relu);
        prop_assume!(!corner);
        let Case { config, bits, samples, seed } = case;
        let grid = Grid { configs: vec![config], bits: vec![bits], batches: vec![samples], seed, ..Grid::default() };
        let mut failures = Vec::new();
        gradcheck(&grid, |c| if !c.ok() { failures.push(format!("{c:?}")) }).expect("a fine grid");
        prop_assert!(failures.is_empty(), "seed {seed}\n{}", failures.join("\n"));
    }

    /// Answers of `evaluate` and counts of `gradient`.
    #[test]
    fn answers_and_counts_are_the_references_for_random_shapes(case in cases()) {
        let Case { config, bits, samples, seed } = case;
        let narrow: Model<f32> = Init::Scaled.model(config, seed);
        let model: Model<f64> = narrow.cast();
        let batch = additions(samples, bits, seed);
        let (wanted, counted) = answers(&model, EngineKind::Reference, SimdLevel::Scalar, &batch);
        // An f32 may round an output to the other side of ½: only bits that a nudge does not turn are compared.
        let nudged = [-1e-4, 1e-4].map(|by| answers(&shifted(&model, by), EngineKind::Reference, SimdLevel::Scalar, &batch).0);
        let sure = |sample, step| nudged.iter().all(|bits| bits.get(sample, step) == wanted.get(sample, step));
        for (kind, level) in engines() {
            let (found, tally) = answers(&model, kind, level, &batch);
            prop_assert_eq!(differing(&found, &wanted, |_, _| true), None, "(sample, step) of {} {} f64", kind, level);
            prop_assert_eq!(
                (tally.wrong_bits, tally.wrong_samples), (counted.wrong_bits, counted.wrong_samples), "{} {} f64", kind, level
            );
            let (found, _) = answers(&narrow, kind, level, &batch);
            prop_assert_eq!(differing(&found, &wanted, sure), None, "(sample, step) of {} {} f32", kind, level);

            let (_, tally) = gradient(&model, kind, level, &batch);
            let seen = (tally.wrong_bits, tally.wrong_samples);
            prop_assert_eq!(seen, (counted.wrong_bits, counted.wrong_samples), "{} {} f64, training", kind, level);
            // A loss adds T terms a sample, each a few ε off; some losses are far larger than others where ReLU grows.
            let error = (tally.loss - counted.loss).abs() / counted.loss;
            prop_assert!(error < 1e-12, "{kind} {level} f64: loss {}, want {}", tally.loss, counted.loss);
            let (_, tally) = gradient(&narrow, kind, level, &batch);
            let error = (tally.loss - counted.loss).abs() / counted.loss;
            prop_assert!(error < 1e-4, "{kind} {level} f32: loss {}, want {}", tally.loss, counted.loss);
        }
    }
}
