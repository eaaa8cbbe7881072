//! A training that is stopped and gone on with ends with the same bits as one that was never
//! stopped.

mod common;

use carrylane::Result;
use carrylane::model::{Activation, Cell, Config, weights_hash};
use carrylane::prove::train;
use carrylane::train::{Checkpoint, Event, Observer, Outcome, Quantity, Rule, Settings, Source, Trainer, Until};
use common::{elman, report};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where a training is stopped that is stopped in its next check.
const IN_CHECK: u64 = 0;

/// Writes down all that happens, and stops the training at an update.
struct Witness {
    events: Vec<String>,
    stop_at: u64,
    stop: Arc<AtomicBool>,
}

impl Observer for Witness {
    fn event(&mut self, event: &Event) -> Result<()> {
        // Times differ from run to run.
        let event = match *event {
            Event::Update { update, samples, loss, bit_error, .. } => {
                format!("{update} {samples} {:x} {:x}", loss.to_bits(), bit_error.to_bits())
            }
            Event::Epoch { epoch, loss, bit_error } => {
                format!("epoch {epoch} {:x} {:x}", loss.to_bits(), bit_error.to_bits())
            }
            Event::Check { update, passed } => format!("check {update} {passed}"),
        };
        self.events.push(event);
        Ok(())
    }

    fn checking(&mut self, _done: u64, _pairs: u64) {
        if self.stop_at == IN_CHECK {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn update_done(&mut self, trainer: &mut Trainer) -> Result<()> {
        if trainer.updates() == self.stop_at {
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// What a training came to, as text: all of it but times.
#[derive(Debug, PartialEq)]
struct End {
    weights: String,
    outcome: Outcome,
    course: String,
    proof: Option<(String, usize)>,
}

/// Runs a training from here to its end, or to the update it is stopped at.
fn run(trainer: &mut Trainer, stop_at: u64, events: Vec<String>) -> (End, Vec<String>) {
    let stop = Arc::new(AtomicBool::new(false));
    trainer.stop_on(Arc::clone(&stop));
    let mut witness = Witness { events, stop_at, stop };
    let learned = train(trainer, &mut witness).expect("a training");
    let proof = learned.proof.as_ref().map(|proof| (proof.net.hash(), proof.walk.states()));
    let (report, proof) = (&learned.report, proof.filter(|_| learned.proved()));
    let course = trainer.course();
    let weights = weights_hash(&trainer.model().config, &trainer.model().params);
    (End { weights, outcome: report.outcome, course: format!("{course:?}"), proof }, witness.events)
}

/// Trainings that stop for a while at each of some updates, against one that does not.
fn compare(what: &str, settings: &Settings, stops: &[u64], folder: &Path) -> Vec<String> {
    let mut whole = Trainer::new(settings.clone()).expect("settings in range");
    let (wanted, wanted_events) = run(&mut whole, u64::MAX, Vec::new());
    let mut failures = Vec::new();
    let mut trainer = Trainer::new(settings.clone()).expect("settings in range");
    let mut events = Vec::new();
    let mut ended = None;
    for (index, &stop) in stops.iter().chain([&u64::MAX]).enumerate() {
        let end;
        (end, events) = run(&mut trainer, stop, events);
        if end.outcome != Outcome::Stopped {
            if stop != u64::MAX {
                failures.push(format!("{what}: over before update {stop}: {end:?}"));
            }
            ended = Some(end);
            break;
        }
        let path = folder.join("checkpoint.safetensors");
        trainer.checkpoint(None).save(&path).expect("writable");
        let threads = [2, 1, 7][index % 3];
        let settings = Settings { threads, ..settings.clone() };
        let checkpoint = Checkpoint::load(&path).expect("just written");
        trainer = checkpoint.resume(settings).expect("the same training");
    }
    let ended = ended.expect("the last one is not stopped");
    if ended != wanted {
        failures.push(format!("{what}, stopped at {stops:?}: {ended:?}, want {wanted:?}"));
    }
    if let Some(place) = (0..wanted_events.len()).find(|&place| events.get(place) != Some(&wanted_events[place])) {
        let (found, want) = (events.get(place), &wanted_events[place]);
        failures.push(format!("{what}: event {place} is {found:?}, want {want}"));
    }
    failures
}

#[test]
fn a_stopped_training_ends_with_the_bits_of_one_that_was_not() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let base = Settings { until: Until::Updates(60), ..Settings::default() };
    let relu = Config { activation: Activation::Relu, ..elman(9) };
    let set = |samples, shuffle| Source::Fixed { samples, shuffle };
    let solved = Until::Solved { budget: 2000 };
    let cases = [
        ("adam", base.clone()),
        ("sgd", Settings { rule: Rule::Sgd { lr: 1.0 }, config: elman(3), ..base.clone() }),
        ("several shards", Settings { batch: 3000, config: elman(20), ..base.clone() }),
        ("clipped", Settings { clip_norm: Some(0.01), config: relu, ..base.clone() }),
        ("lstm", Settings { config: Config { hidden: 5, ..Config::of(Cell::Lstm) }, ..base.clone() }),
        ("shuffled set", Settings { source: set(150, true), until: Until::Epochs(20), ..base.clone() }),
        ("set in order", Settings { source: set(150, false), bits: 5, ..base.clone() }),
        ("solved", Settings { until: solved, ..base.clone() }),
        ("solved, a set", Settings { until: solved, source: set(3000, true), ..base.clone() }),
    ];
    let mut failures = Vec::new();
    for (what, settings) in cases {
        failures.extend(compare(what, &settings, &[1, 2, 17, 29, 31, 59], folder.path()));
    }
    report(&failures);
}

#[test]
fn a_clean_stretch_and_the_check_after_it_survive_a_stop() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = Settings { until: Until::Solved { budget: 2000 }, ..Settings::default() };
    let mut whole = Trainer::new(settings.clone()).expect("settings in range");
    let (end, _) = run(&mut whole, u64::MAX, Vec::new());
    assert_eq!(end.outcome, Outcome::Solved, "{end:?}");
    // Every update of the last stretch, in which the count of clean additions decides when it ends.
    let stops: Vec<u64> = (whole.updates() - 12..whole.updates()).collect();
    report(&compare("solved", &settings, &stops, folder.path()));
}

#[test]
fn a_check_that_is_stopped_is_made_again_and_nothing_else_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = Settings { until: Until::Solved { budget: 2000 }, ..Settings::default() };
    let counted = Settings { until: Until::Updates(20), ..Settings::default() };
    let mut failures = compare("solved", &settings, &[IN_CHECK, IN_CHECK], folder.path());
    failures.extend(compare("final count", &counted, &[IN_CHECK, IN_CHECK], folder.path()));
    let config = Config { hidden: 8, ..Config::default() };
    let settings =
        Settings { config, seed: 1, bits: 6, batch: 64, until: Until::proved(&config, 3000), ..Settings::default() };
    let mut whole = Trainer::new(settings.clone()).expect("settings in range");
    run(&mut whole, u64::MAX, Vec::new());
    let first = whole.course().pursuit.expect("it is solved").first;
    // In the check of the task, and in the one that comes after a proof.
    let stops = [IN_CHECK, first + 1, IN_CHECK, IN_CHECK];
    failures.extend(compare("proved", &settings, &stops, folder.path()));
    report(&failures);
}

#[test]
fn training_for_a_proof_goes_on_in_either_stage() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cases = [
        ("elman", Config { hidden: 8, ..Config::default() }, 1),
        ("dynamic", Config { hidden: 8, ..Config::of(Cell::Dynamic) }, 5),
        ("lstm", Config { hidden: 4, ..Config::of(Cell::Lstm) }, 0),
    ];
    let mut failures = Vec::new();
    for (what, config, seed) in cases {
        let settings =
            Settings { config, seed, bits: 6, batch: 64, until: Until::proved(&config, 3000), ..Settings::default() };
        let mut whole = Trainer::new(settings.clone()).expect("settings in range");
        let (end, _) = run(&mut whole, u64::MAX, Vec::new());
        let first = whole.course().pursuit.unwrap_or_else(|| panic!("{what} is not solved: {end:?}")).first;
        let last = whole.updates();
        assert!(end.proof.is_some() && last >= first + 25, "{what}, solved at {first}, ends at {last}: {end:?}");
        // Before it is solved, while noise grows, at tries of a proof, right after them, and just
        // before the end.
        let mut stops = vec![first / 2, first - 1, first + 1, first + 24, first + 25, first + 26, last - 1];
        stops.retain(|&stop| stop < last);
        stops.sort_unstable();
        stops.dedup();
        failures.extend(compare(what, &settings, &stops, folder.path()));
    }
    report(&failures);
}

#[test]
fn a_longer_end_goes_on_as_if_it_had_been_so_from_the_start() {
    let until = |updates| Settings { until: Until::Updates(updates), ..Settings::default() };
    let mut short = Trainer::new(until(30)).expect("settings in range");
    run(&mut short, u64::MAX, Vec::new());
    let mut longer = short.checkpoint(None).resume(until(50)).expect("the same updates");
    let mut whole = Trainer::new(until(50)).expect("settings in range");
    let (found, _) = run(&mut longer, u64::MAX, Vec::new());
    let (wanted, _) = run(&mut whole, u64::MAX, Vec::new());
    assert_eq!(found, wanted, "30 updates and 20 more");
}

#[test]
fn the_first_number_that_is_not_finite_stops_a_training_and_is_named() {
    let config = Config { output: Activation::Relu, activation: Activation::Relu, ..elman(16) };
    for (rule, quantities) in [
        (Rule::adam(1e30), &[Quantity::Loss, Quantity::Gradient, Quantity::Weight][..]),
        (Rule::Sgd { lr: f32::MAX }, &[Quantity::Weight, Quantity::Loss, Quantity::Gradient]),
    ] {
        let mut trainer = Trainer::new(Settings { config, rule, ..Settings::default() }).expect("settings in range");
        let mut last = None;
        let end = trainer.run(&mut |event: &Event| last = Some(*event)).expect("a training");
        let fault = end.fault.unwrap_or_else(|| panic!("{rule}: {end:?}"));
        assert_eq!((end.outcome, fault.update), (Outcome::Diverged, end.updates), "{fault:?}");
        assert!(quantities.contains(&fault.quantity) && !fault.value.is_finite(), "{fault:?}");
        assert!(fault.last_finite.gradient.is_finite() && fault.last_finite.weight.is_finite(), "{fault:?}");
        assert_eq!(fault.lr, rule.lr(), "{fault:?}");
        // What is not finite before the weights move, moves none.
        let finite = trainer.model().params.iter().all(|p| p.is_finite());
        assert_eq!(finite, !matches!(fault.quantity, Quantity::Weight), "{fault:?}");
    }
}

#[test]
fn a_clipped_gradient_keeps_the_step_of_sgd_in_bounds() {
    let most = 1e-3;
    let settings = Settings { rule: Rule::Sgd { lr: 1.0 }, clip_norm: Some(most), ..Settings::default() };
    let mut trainer = Trainer::new(settings).expect("settings in range");
    for update in 0..20 {
        let before = trainer.model().params.clone();
        trainer.step();
        let after = &trainer.model().params;
        let moved = before.iter().zip(after).map(|(b, a)| f64::from(a - b).powi(2)).sum::<f64>().sqrt();
        assert!(trainer.norms().gradient > f64::from(most), "update {update}: nothing to clip");
        // Weights near 1 are rounded by 6e-8, 321 of them.
        assert!((moved - f64::from(most)).abs() < 1e-6, "update {update}: moved by {moved}, want {most}");
    }
}
