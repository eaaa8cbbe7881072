//! How strong the check of wide additions is: what passes it is tried on a hundred times as many
//! sums. `scripts/strength.sh` runs this with 2,000 nets; a few stand for them here.

#![expect(clippy::print_stdout, reason = "the counts are what the script is for")]

mod common;

use carrylane::model::{Cell, Config};
use carrylane::task::rng::Purpose;
use carrylane::task::{Minibatch, PairSet};
use carrylane::train::{Check, Engine, Settings, Trainer, Until, score};
use common::elman;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Updates after which a net is given up.
const BUDGET: u64 = 4000;
/// Additions in a row without a wrong bit before a check, as trainings have it.
const CLEAN: u64 = 512;

/// What 65,536 random and 128 adversarial sums say, at the width and at four times the width.
fn passes_many(engine: &mut Engine<f32>, bits: usize, seed: u64) -> bool {
    let mut batch = Minibatch::default();
    [bits, 4 * bits].iter().all(|&bits| {
        [PairSet::adversarial(bits), PairSet::uniform(bits, 1 << 16, seed, Purpose::Check)].iter().all(|set| {
            (0..set.chunks()).all(|chunk| {
                set.fill(chunk, &mut batch);
                engine.evaluate(&batch, None).wrong_samples == 0
            })
        })
    })
}

/// Whether a net is wrong in any of a million sums of its width.
fn wrong_in_a_million(engine: &mut Engine<f32>, bits: usize, seed: u64) -> bool {
    score(engine, &PairSet::uniform(bits, 1_000_000, seed, Purpose::Show)).wrong > 0
}

/// What became of a training under the two rules, each with the net it would end with.
#[derive(Debug, Clone, Copy, Default)]
struct Ends {
    /// By the check: whether the many sums turn the net away, and whether it is wrong in a million
    /// others.
    by_check: Option<(bool, bool)>,
    /// By the many sums: whether the net is wrong in a million others.
    by_many: Option<bool>,
}

fn train(config: Config, bits: usize, seed: u64) -> Ends {
    let settings = Settings { config, bits, seed, until: Until::Updates(BUDGET), ..Settings::default() };
    let mut check = Check::of(&settings);
    let (samples, mut trainer) = (settings.batch as u64, Trainer::new(settings).expect("settings in range"));
    let (mut ends, mut clean) = (Ends::default(), 0);
    while (ends.by_check.is_none() || ends.by_many.is_none()) && trainer.updates() < BUDGET {
        let tally = trainer.step();
        if trainer.fault().is_some() {
            break;
        }
        clean = if tally.wrong_samples == 0 { clean + samples } else { 0 };
        if clean < CLEAN {
            continue;
        }
        // Both rules try at the same updates until one of them has passed.
        clean = 0;
        let engine = trainer.engine();
        let passes = ends.by_check.is_none() && check.passes(engine, |_| true).expect("nobody stops it");
        let many = (passes || ends.by_many.is_none()) && passes_many(engine, bits, seed);
        if !(passes || many && ends.by_many.is_none()) {
            continue;
        }
        let wrong = wrong_in_a_million(engine, bits, seed);
        if passes {
            ends.by_check = Some((!many, wrong));
        }
        if many && ends.by_many.is_none() {
            ends.by_many = Some(wrong);
        }
    }
    ends
}

/// Trains nets of both cells, 4 to 32 units and 10 to 32 bits, on all cores, and prints what became
/// of them.
fn measure(nets: usize) -> Vec<Ends> {
    let configs: Vec<(Config, usize)> = [4, 8, 16, 32]
        .into_iter()
        .flat_map(|hidden| [elman(hidden), Config { hidden, ..Config::of(Cell::Lstm) }])
        .flat_map(|config| [10, 12, 16, 24, 32].map(|bits| (config, bits)))
        .collect();
    let (next, all) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    if job >= nets {
                        break;
                    }
                    let (config, bits) = configs[job % configs.len()];
                    let ends = train(config, bits, (job / configs.len()) as u64);
                    if let Some((true, _)) = ends.by_check {
                        println!(
                            "turned away by the many: {} {}, {bits} bits, seed {}",
                            config.cell,
                            config.hidden,
                            job / configs.len()
                        );
                    }
                    all.lock().expect("no panic").push((config, ends));
                }
            });
        }
    });
    let all = all.into_inner().expect("no panic");
    for cell in [Cell::Elman, Cell::Lstm] {
        println!(
            "{cell}: {}",
            words(&all.iter().filter(|(config, _)| config.cell == cell).map(|(_, ends)| *ends).collect::<Vec<_>>())
        );
    }
    let all: Vec<Ends> = all.into_iter().map(|(_, ends)| ends).collect();
    println!("all: {}", words(&all));
    all
}

/// Nets that pass the check, those of them that the many sums turn away and that are wrong in a
/// million; nets that pass the many, and those of them that are wrong in a million.
fn counts(all: &[Ends]) -> [usize; 5] {
    let by_check: Vec<(bool, bool)> = all.iter().filter_map(|ends| ends.by_check).collect();
    let by_many: Vec<bool> = all.iter().filter_map(|ends| ends.by_many).collect();
    let turned_away = by_check.iter().filter(|(turned_away, _)| *turned_away).count();
    let wrong = by_check.iter().filter(|(_, wrong)| *wrong).count();
    [by_check.len(), turned_away, wrong, by_many.len(), by_many.iter().filter(|wrong| **wrong).count()]
}

fn words(all: &[Ends]) -> String {
    let [check, turned_away, wrong, many, wrong_many] = counts(all);
    let nets = all.len();
    format!(
        "of {nets} nets {check} pass the check, of which many sums turn away {turned_away}, {wrong} wrong in a million; {many} pass the many, {wrong_many} wrong in a million"
    )
}

#[test]
fn nets_that_pass_the_check_of_wide_sums_pass_a_hundred_times_as_many() {
    let all = [(8, 10), (16, 12)].map(|(hidden, bits)| train(elman(hidden), bits, 0));
    assert_eq!(counts(&all), [2, 0, 0, 2, 0], "{all:?}");
}

#[test]
#[ignore = "takes an hour: scripts/strength.sh"]
fn of_thousands_of_nets_that_pass_the_check_hardly_any_is_turned_away_by_more_sums() {
    let nets = std::env::var("STRENGTH_NETS").ok().and_then(|nets| nets.parse().ok()).unwrap_or(2000);
    let [check, turned_away, wrong, many, wrong_many] = counts(&measure(nets));
    let share = |of: usize, n: usize| of as f64 / n.max(1) as f64;
    assert!(check > nets / 2 && many > nets / 2, "{check} and {many} of {nets} are solved");
    assert!(share(turned_away, check) <= 0.007, "{turned_away} of {check} turned away");
    assert!(
        share(wrong, check) <= share(wrong_many, many) + 0.002,
        "{wrong} of {check}, {wrong_many} of {many} wrong in a million"
    );
}
