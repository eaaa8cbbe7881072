//! The kernel against the reference, on every level of the machine: exact cases first, then random
//! shapes.

mod common;

use carrylane::kernel::{Float, SimdLevel};
use carrylane::model::{Activation, Cell, Config, Init, Layout, Loss, Model, Tally, Tensor};
use carrylane::reference::{self, Real};
use carrylane::task::{BitTensor, Minibatch};
use carrylane::train::{Engine, EngineKind};
use carrylane::verify::{Grid, gradcheck};
use common::{additions, engines, every_pair, hand_made_adder, nets, report};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeMap;

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
            // Every state is ½ or 0 and every output ½, so all sums are of small powers of two,
            // which f32 holds exactly.
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
    for (net, config) in nets(17).into_iter().chain(nets(5)) {
        let model: Model<f32> = Init::Scaled.model(config, 3);
        let diverged = vec![f32::NAN; model.params.len()];
        for (kind, level) in engines() {
            let mut used = engine(&model, kind, level);
            // The longest first, so that no buffer is made anew, zero throughout.
            for (bits, train) in [(9, true), (8, false), (8, true), (1, false), (1, true), (3, true), (2, true)] {
                let batch = additions(70, bits, 5);
                used.set_params(&diverged);
                used.gradient(&additions(200, bits, 6), &mut diverged.clone());
                used.set_params(&model.params);
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
fn sums_that_an_engine_tried_before_change_no_count() {
    for (net, config) in nets(6) {
        let models: [Model<f32>; 2] = [3, 4].map(|seed| Init::Uniform.model(config, seed));
        for (kind, level) in engines() {
            let mut used = engine(&models[0], kind, level);
            // Of few and of many samples: the same again, others of their shape, other shapes.
            let tried =
                [(70, 9, 5), (70, 9, 6), (70, 9, 6), (5000, 5, 5), (70, 9, 6), (5000, 5, 5), (5000, 5, 6), (70, 8, 6)];
            for (i, (samples, bits, seed)) in tried.into_iter().enumerate() {
                let (model, batch) = (&models[i / 2 % 2], additions(samples, bits, seed));
                used.set_params(&model.params);
                let all_right = used.all_right(&batch);
                let found = (used.evaluate(&batch, None), all_right);
                let wanted = engine(model, kind, level).evaluate(&batch, None);
                assert_eq!(
                    found,
                    (wanted, wanted.wrong_samples == 0),
                    "{net}, {kind}, {level}: {samples} sums, number {i}"
                );
                let mut predicted = BitTensor::new(samples, bits);
                used.evaluate(&batch, Some(&mut predicted));
                assert!(
                    predicted == answers(model, kind, level, &batch).0,
                    "{net}, {kind}, {level}: answers, number {i}"
                );
            }
        }
    }
}

#[test]
fn nodes_that_are_absent_keep_nothing_of_the_minibatch_before() {
    let mut failures = Vec::new();
    for hidden in [5, 17] {
        for (net, config) in nets(hidden) {
            let model: Model<f32> = Init::Scaled.model(config, 3);
            for kind in [EngineKind::Fused, EngineKind::Blas] {
                let level = SimdLevel::best();
                let mut used = engine(&model, kind, level);
                // From many nodes to few, in one shard and from shard to shard, counted and not.
                for (samples, bits) in [(64, 12), (1024, 12), (3000, 12), (4096, 8), (904, 8), (4096, 8)] {
                    for (what, batch) in unlike(samples, bits) {
                        let mut found = vec![0.0; model.params.len()];
                        let counted = used.gradient(&batch, &mut found);
                        if (found, counted) != gradient(&model, kind, level, &batch) {
                            failures.push(format!("{net}, H {hidden}, {kind} {level}: {what} after others"));
                        }
                    }
                }
            }
        }
    }
    report(&failures);
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

/// Some minibatches of a width: those where trees are unlike each other.
fn unlike(samples: usize, bits: usize) -> Vec<(String, Minibatch)> {
    let random = additions(samples, bits, 11);
    let (mut equal, mut half) = (Minibatch::default(), Minibatch::default());
    random.gather(&vec![samples / 2; samples], &mut equal);
    random.gather(&(0..samples).map(|i| i / 2).collect::<Vec<_>>(), &mut half);
    [("random", random), ("equal", equal), ("twice each", half)]
        .into_iter()
        .map(|(kind, batch)| (format!("{samples} {kind} samples of {bits} bits"), batch))
        .collect()
}

/// Every pair of a width, once.
fn exhaustive(bits: usize) -> (String, Minibatch) {
    let mut batch = Minibatch::new(1 << (2 * (bits - 1)), bits);
    batch.fill_exhaustive(0);
    (format!("every pair of {bits} bits"), batch)
}

/// A random net whose dynamic cell is not chaotic, in f32 and thus in f64.
fn random_net(config: Config) -> Model<f32> {
    let mut model: Model<f32> = Init::Scaled.model(config, 13);
    if config.cell == Cell::Dynamic {
        let w_hh = model.layout().get("w_hh").expect("a tensor of this net").range();
        model.params[w_hh].iter_mut().for_each(|w| *w /= std::f32::consts::SQRT_2.exp());
    }
    model
}

/// The reference's gradient of a minibatch, sample by sample, and for each tensor the norm of its
/// parts or of their sum: rounding is as large as what was added, not as what is left of it. Equal
/// samples are computed once and added as often as they occur.
fn by_samples(model: &Model<f64>, batch: &Minibatch) -> (Vec<f64>, Vec<f64>, Tally) {
    let column = |bits: &BitTensor, sample| (0..bits.steps()).map(|t| bits.get(sample, t)).collect::<Vec<_>>();
    let mut times = BTreeMap::new();
    for sample in 0..batch.samples() {
        let key = (column(&batch.a, sample), column(&batch.b, sample));
        times.entry(key).or_insert((sample, 0_u32)).1 += 1;
    }
    let len = model.params.len();
    let (mut grad, mut squares, mut all) = (vec![0.0; len], vec![0.0; len], Tally::default());
    for (sample, times) in times.into_values() {
        let mut one = vec![0.0; len];
        let tally = reference::contributions(&model.config, &model.params, batch, sample..sample + 1, |index, part| {
            one[index] += part;
            squares[index] += f64::from(times) * part * part;
        });
        grad.iter_mut().zip(one).for_each(|(sum, part)| *sum += f64::from(times) * part);
        all.loss += f64::from(times) * tally.loss;
        all.wrong_bits += u64::from(times) * tally.wrong_bits;
        all.wrong_samples += u64::from(times) * tally.wrong_samples;
    }
    let norm = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>().sqrt();
    let tensors = model.layout().tensors().to_vec();
    let scales = tensors.iter().map(|tensor| {
        let range = tensor.range();
        norm(&grad[range.clone()]).max(squares[range].iter().sum::<f64>().sqrt())
    });
    let scales = scales.collect();
    (grad, scales, all)
}

/// The largest error of a tensor relative to its scale, and its name.
fn error_of(layout: &Layout, found: &[f64], wanted: &[f64], scales: &[f64]) -> (f64, &'static str) {
    let of_tensor = |(tensor, &scale): (&Tensor, &f64)| {
        let pairs = found[tensor.range()].iter().zip(&wanted[tensor.range()]);
        let off = pairs.map(|(found, wanted)| (found - wanted).powi(2)).sum::<f64>().sqrt();
        (if off == 0.0 { 0.0 } else { off / scale }, tensor.name)
    };
    let errors = layout.tensors().iter().zip(scales).map(of_tensor);
    // NaN is the largest of all.
    errors.max_by(|a, b| a.0.total_cmp(&b.0)).expect("tensors")
}

/// Where the gradients and counts of all engines are not those of the reference, sample by sample.
fn unlike_the_reference(
    net: &str,
    narrow: &Model<f32>,
    what: &str,
    batch: &Minibatch,
    levels: &[SimdLevel],
) -> Vec<String> {
    let model: Model<f64> = narrow.cast();
    let (wanted, scales, counted) = by_samples(&model, batch);
    let layout = model.layout();
    let (hidden, bits, samples) = (model.config.hidden as f64, batch.bits() as f64, batch.samples() as f64);
    // As `gradcheck` has it, see `verify::compare`.
    let narrowest = 4.0 * f64::from(f32::EPSILON) * (8.0 + hidden.sqrt() + (bits * samples).sqrt() + bits);
    let mut failures = Vec::new();
    for (kind, level) in
        engines().into_iter().filter(|(kind, level)| *kind != EngineKind::Reference && levels.contains(level))
    {
        let (grad, tally) = gradient(&model, kind, level, batch);
        let mut check = |precision, grad: Vec<f64>, tolerance: f64| {
            let (error, tensor) = error_of(&layout, &grad, &wanted, &scales);
            if error.is_nan() || error > tolerance {
                let hidden = model.config.hidden;
                failures.push(format!(
                    "{net}, H {hidden}, {what}, {kind} {level} {precision}: {tensor} is {error:.1e} off"
                ));
            }
        };
        check("f64", grad, 1e-12);
        check("f32", gradient(narrow, kind, level, batch).0.into_iter().map(f64::from).collect(), narrowest);
        let seen = (tally.wrong_bits, tally.wrong_samples);
        if seen != (counted.wrong_bits, counted.wrong_samples) || (tally.loss / counted.loss - 1.0).abs() > 1e-12 {
            failures.push(format!("{net}, {what}, {kind} {level}: counted {tally:?}, want {counted:?}"));
        }
        let tally = engine(&model, kind, level).evaluate(batch, None);
        if (tally.wrong_bits, tally.wrong_samples) != seen {
            failures.push(format!("{net}, {what}, {kind} {level}: evaluated {tally:?}, want {counted:?}"));
        }
    }
    failures
}

#[test]
fn weighted_gradients_are_those_of_the_samples_one_by_one() {
    let mut failures = Vec::new();
    let mut batches = vec![exhaustive(1), exhaustive(3), exhaustive(5)];
    for (samples, bits) in [(1, 1), (1, 8), (65, 2), (63, 8), (300, 9), (1024, 4)] {
        batches.extend(unlike(samples, bits));
    }
    for hidden in [3, 7, 17] {
        for (net, config) in nets(hidden) {
            for bias in [true, false] {
                let model = random_net(Config { bias, ..config });
                for (what, batch) in &batches {
                    failures.extend(unlike_the_reference(&net, &model, what, batch, &SimdLevel::available()));
                }
            }
        }
    }
    report(&failures);
}

#[test]
fn weighted_gradients_of_several_shards_are_those_of_the_samples_one_by_one() {
    let mut failures = Vec::new();
    let mut batches = vec![exhaustive(7)];
    // Counted and uncounted, whole shards and ragged ones.
    for (samples, bits) in [(2048, 3), (3000, 6), (16_384, 2), (2048, 16), (3000, 16)] {
        batches.extend(unlike(samples, bits).into_iter().take(if bits < 16 { 1 } else { 2 }));
    }
    for hidden in [5, 10] {
        for (net, config) in nets(hidden) {
            let model = random_net(config);
            for (what, batch) in &batches {
                failures.extend(unlike_the_reference(&net, &model, what, batch, &[SimdLevel::best()]));
            }
        }
    }
    report(&failures);
}

#[test]
fn answers_beyond_a_window_of_64_steps_are_the_references_on_every_level_and_engine() {
    let mut failures = Vec::new();
    for (samples, bits) in [(1, 65), (70, 129), (130, 200)] {
        let batch = additions(samples, bits, 4);
        for hidden in [4, 17] {
            for (net, config) in nets(hidden) {
                let model: Model<f64> = random_net(config).cast();
                let (wanted, counted) = answers(&model, EngineKind::Reference, SimdLevel::Baseline, &batch);
                assert!(counted.wrong_bits > 0 && wanted != batch.c, "{net}: some bits are wrong");
                for (kind, level) in engines() {
                    let what = format!("{net}, H {hidden}, {bits} bits, {samples} samples, {kind} {level}");
                    let (found, with) = answers(&model, kind, level, &batch);
                    if let Some(at) = differing(&found, &wanted, |_, _| true) {
                        failures.push(format!("{what}: (sample, step) {at:?} is not the reference's"));
                    }
                    let alone = engine(&model, kind, level).evaluate(&batch, None);
                    for tally in [with, alone] {
                        if (tally.wrong_bits, tally.wrong_samples) != (counted.wrong_bits, counted.wrong_samples) {
                            failures.push(format!("{what}: counted {tally:?}, want {counted:?}"));
                        }
                    }
                }
            }
        }
    }
    report(&failures);
}

#[test]
fn a_sample_is_wrong_wherever_in_its_tree_its_bit_is_wrong() {
    // A net that answers a ⊕ b is right up to the first carry, and one that says 1 always is wrong
    // somewhere in most samples: their first wrong bits lie in the trunk, in chains, and beyond a
    // window.
    let mut xor = hand_made_adder();
    let range = xor.layout().get("w_hh").expect("a tensor of this net").range();
    xor.params[range].fill(0.0);
    let mut one = hand_made_adder();
    *one.params.last_mut().expect("b_o") = 1e3;
    let mut failures = Vec::new();
    let mut batches = vec![exhaustive(2), exhaustive(8), ("rare carries".into(), rare_carries(200, 150))];
    for (samples, bits) in [(70, 9), (3000, 3), (1100, 20), (300, 100)] {
        batches.extend(unlike(samples, bits));
    }
    for (net, model) in [("a ⊕ b", &xor), ("1", &one)] {
        for (what, batch) in &batches {
            let mut answer = BitTensor::new(batch.samples(), batch.bits());
            for (sample, step) in places(batch) {
                let bit = net == "1" || (batch.a.get(sample, step) != batch.b.get(sample, step));
                answer.set(sample, step, bit);
            }
            let wrong = |sample, step| batch.c.get(sample, step) != answer.get(sample, step);
            let bits = places(batch).filter(|&(sample, step)| wrong(sample, step)).count() as u64;
            let samples = (0..batch.samples()).filter(|&s| (0..batch.bits()).any(|t| wrong(s, t))).count() as u64;
            for (kind, level) in engines() {
                let (found, with) = answers(model, kind, level, batch);
                let alone = engine(model, kind, level).evaluate(batch, None);
                let narrow = engine(&model.cast::<f32>(), kind, level).evaluate(batch, None);
                let (_, training) = gradient(model, kind, level, batch);
                if found != answer {
                    failures.push(format!("{net}, {what}, {kind} {level}: other answers"));
                }
                for tally in [with, alone, narrow, training] {
                    if (tally.wrong_bits, tally.wrong_samples) != (bits, samples) {
                        failures.push(format!(
                            "{net}, {what}, {kind} {level}: {tally:?}, want {bits} bits of {samples} samples"
                        ));
                    }
                }
            }
        }
    }
    report(&failures);
}

/// All places of a minibatch: sample and step.
fn places(batch: &Minibatch) -> impl Iterator<Item = (usize, usize)> + use<> {
    let (samples, bits) = (batch.samples(), batch.bits());
    (0..bits).flat_map(move |step| (0..samples).map(move |sample| (sample, step)))
}

/// Additions whose only carry, if any, is born at a step that differs from sample to sample; every
/// seventh has none.
fn rare_carries(samples: usize, bits: usize) -> Minibatch {
    let mut batch = Minibatch::new(samples, bits);
    for sample in (0..samples).filter(|sample| sample % 7 != 0) {
        for bits_of in [&mut batch.a, &mut batch.b] {
            bits_of.set(sample, sample * (bits - 2) / samples, true);
        }
    }
    batch.add();
    batch
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

    /// Gradients of both precisions, every level, through the same chain that `carrylane gradcheck`
    /// runs.
    #[test]
    fn gradients_are_the_references_for_random_shapes(case in cases()) {
        // A unit near the corner of ReLU may fall on either side of it; the gradients of both are
        // right.
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
        let (wanted, counted) = answers(&model, EngineKind::Reference, SimdLevel::Baseline, &batch);
        // An f32 may round an output to the other side of ½: only bits that a nudge does not turn
        // are compared.
        let nudged = [-1e-4, 1e-4].map(|by| answers(&shifted(&model, by), EngineKind::Reference, SimdLevel::Baseline, &batch).0);
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
            // A loss adds T terms a sample, each a few ε off; some losses are far larger than
            // others where ReLU grows.
            let error = (tally.loss - counted.loss).abs() / counted.loss;
            prop_assert!(error < 1e-12, "{kind} {level} f64: loss {}, want {}", tally.loss, counted.loss);
            let (_, tally) = gradient(&narrow, kind, level, &batch);
            let error = (tally.loss - counted.loss).abs() / counted.loss;
            prop_assert!(error < 1e-4, "{kind} {level} f32: loss {}, want {}", tally.loss, counted.loss);
        }
    }
}
