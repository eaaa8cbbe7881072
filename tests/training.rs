//! Training as a whole: what is solved, what is not, and what is said about it.

mod common;

use carrylane::model::{Activation, Config};
use carrylane::task::PairSet;
use carrylane::task::rng::Purpose;
use carrylane::train::{Event, Outcome, Report, Rule, Settings, Trainer, Until, score};
use common::{elman, nets, report};

fn run(settings: Settings) -> (Trainer, Report) {
    let mut trainer = Trainer::new(settings).expect("settings in range");
    let report = trainer.run(&mut ()).expect("a training");
    (trainer, report)
}

#[test]
fn seeds_0_to_19_solve_8_bits_with_default_settings() {
    let mut failures = Vec::new();
    for seed in 0..20 {
        let (_, end) = run(Settings { seed, ..Settings::default() });
        if end.outcome != Outcome::Solved || (end.score.wrong, end.score.total) != (0, 16_384) {
            failures.push(format!("seed {seed}: {end:?}"));
        }
    }
    report(&failures);
}

#[test]
fn narrow_and_wider_additions_are_learned() {
    let mut failures = Vec::new();
    // 9 bits is the last width where every pair is tried; beyond, random runs, adversarial
    // pairs and the worst one.
    for (bits, pairs) in [(2, 4), (9, 65_536), (10, 64 + 128 + 1)] {
        let (_, end) = run(Settings { bits, ..Settings::default() });
        if end.outcome != Outcome::Solved || (end.score.wrong, end.score.total) != (0, pairs) {
            failures.push(format!("{bits} bits: {end:?}, want {pairs} pairs right"));
        }
    }
    report(&failures);
}

#[test]
fn a_budget_too_small_ends_unsolved() {
    let (_, end) = run(Settings { until: Until::Solved { budget: 3 }, ..Settings::default() });
    assert_eq!((end.outcome, end.updates, end.samples), (Outcome::Unsolved, 3, 96), "{end:?}");
    assert!(end.score.wrong > 0 && end.score.total == 16_384, "{end:?}");
}

#[test]
fn a_net_too_small_to_carry_ends_unsolved() {
    let settings = Settings { config: elman(1), until: Until::Solved { budget: 500 }, ..Settings::default() };
    let (_, end) = run(settings);
    assert_eq!((end.outcome, end.updates), (Outcome::Unsolved, 500), "{end:?}");
}

#[test]
fn an_enormous_learning_rate_ends_diverged_where_a_loss_can_grow_and_unsolved_where_it_cannot() {
    let mut failures = Vec::new();
    for (net, config) in nets(16) {
        let until = Until::Solved { budget: 300 };
        let base = Settings { config, rule: Rule::adam(1e30), until, ..Settings::default() };
        // A sigmoid output and half its squared error stay below ½ whatever the weights, so that
        // only the budget ends it.
        let (_, end) = run(base.clone());
        if (end.outcome, end.updates) != (Outcome::Unsolved, 300) {
            failures.push(format!("{net}: {end:?}"));
        }
        let grows = Config { output: Activation::Relu, activation: Activation::Relu, ..config };
        let (_, end) = run(Settings { config: grows, ..base });
        if end.outcome != Outcome::Diverged {
            failures.push(format!("{net} of ReLU units: {end:?}"));
        }
    }
    report(&failures);
}

#[test]
fn events_tell_every_update_in_order_and_a_check_before_the_end() {
    let mut trainer = Trainer::new(Settings::default()).expect("settings in range");
    let (mut updates, mut last_check) = (0, None);
    let end = trainer
        .run(&mut |event: &Event| match *event {
            Event::Update { update, samples, loss, bit_error, .. } => {
                updates += 1;
                assert_eq!((update, samples), (updates, updates * 32), "updates come in order");
                assert!(
                    loss > 0.0 && (0.0..=1.0).contains(&bit_error),
                    "update {update}: loss {loss}, bit error {bit_error}"
                );
            }
            Event::Check { update, passed } => last_check = Some((update, passed)),
            Event::Epoch { .. } => unreachable!("there is no fixed set"),
        })
        .expect("a training");
    assert_eq!((end.updates, last_check), (updates, Some((updates, true))), "{end:?}");
}

#[test]
fn a_net_trained_at_8_bits_adds_numbers_of_4096_bits() {
    let (mut trainer, end) = run(Settings::default());
    assert_eq!(end.outcome, Outcome::Solved, "{end:?}");
    for set in [PairSet::uniform(4096, 1024, 0, Purpose::Eval), PairSet::adversarial(4096)] {
        let result = score(trainer.engine(), &set);
        assert_eq!(result.wrong, 0, "{} pairs of 4,096 bits: {result:?}", set.pattern());
    }
}
