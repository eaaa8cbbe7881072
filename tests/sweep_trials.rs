//! Single trials of sweeps: each is the training that its command names, to the last bit.

use carrylane::sweep::{Plan, Results, Shard, Spec, SweepOptions, TableFormat, TrialOutcome, TrialRecord, run};
use carrylane::task::rng::{Purpose, below, stream};
use carrylane::train::EngineKind;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

/// A folder with a locked sweep, and its number of trials.
fn planned(words: &[&str]) -> (TempDir, usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = Plan::new(Spec::from_words(words).expect("a spec")).expect("a plan");
    plan.lock(folder.path(), false).expect("writable");
    (folder, plan.len())
}

/// Runs a shard until so many trials are done, and tells how many were.
fn run_some(folder: &Path, (index, count): (usize, usize), threads: usize, most: usize) -> usize {
    let shard = Shard::new(index, count).expect("a shard");
    let options = SweepOptions { shard, threads, missing: true, again: Vec::new() };
    let stop = Arc::new(AtomicBool::new(false));
    let stop_at_most = |done| {
        stop.fetch_or(done >= most, Ordering::Relaxed);
    };
    run(folder, &options, &stop, |progress| stop_at_most(progress.done)).expect("it runs").done
}

/// Runs a sweep through the library; its records in the order of the plan.
fn swept(words: &[&str], threads: usize) -> Vec<TrialRecord> {
    let (folder, trials) = planned(words);
    assert_eq!(run_some(folder.path(), (0, 1), threads, usize::MAX), trials, "all trials");
    Results::read(folder.path()).expect("readable").records().into_iter().cloned().collect()
}

/// Runs the command of a trial; its exit code and its summary.
fn alone(record: &TrialRecord) -> (Option<i32>, Value) {
    let command = record.config.settings.command();
    let words = command.strip_prefix("carrylane ").expect("it names the program").split(' ');
    let output = Command::new(env!("CARGO_BIN_EXE_carrylane")).args(words).arg("--json").output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let last = text.lines().last().unwrap_or_else(|| panic!("{command}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), serde_json::from_str(last).expect("JSON"))
}

#[test]
fn a_trial_is_the_training_its_command_names() {
    let goals = [
        ("until=solved", "batch=8", EngineKind::Population, TrialOutcome::Solved),
        ("until=proved", "batch=32", EngineKind::Fused, TrialOutcome::Proved),
        ("updates=40", "batch=8", EngineKind::Population, TrialOutcome::Unsolved),
        ("updates=40", "batch=17", EngineKind::Fused, TrialOutcome::Unsolved),
    ];
    for (goal, batch, engine, outcome) in goals {
        for record in swept(&["cell=elman,lstm", "hidden=8", "bits=4", "seed=3", batch, goal], 1) {
            assert_eq!(record.config.settings.engine, engine, "{goal} {batch}");
            assert_eq!(record.outcome, outcome, "{goal} {}", record.config.settings.config.cell);
            let (code, summary) = alone(&record);
            assert_eq!(code, Some(0), "{goal}: {summary}");
            assert_eq!(summary["weights_hash"], record.weights_hash, "{goal} {}", record.config.settings.command());
            assert_eq!(summary["updates"], record.updates, "{goal}");
        }
    }
}

#[test]
fn proofs_are_kept_and_depend_on_no_thread() {
    let words = ["hidden=4,8", "bits=5", "seed=0..4", "until=proved", "budget=3000"];
    let (one, two) = (swept(&words, 1), swept(&words, 2));
    let proved = one.iter().filter(|record| record.outcome == TrialOutcome::Proved).count();
    assert!(proved >= 4, "{proved} of {} proved", one.len());
    let floats: Vec<_> = one.iter().filter_map(|record| record.proof.as_ref()?.floats.as_ref()).collect();
    assert!(floats.iter().all(|floats| floats.boxes > 2 && floats.epsilon > 0.0 && floats.margin > 0.0), "{floats:?}");
    assert!(floats.len() >= 3, "most are proved as floats: {floats:?}");
    for (a, b) in one.iter().zip(&two) {
        assert_eq!(
            (a.outcome, &a.weights_hash, &a.proof),
            (b.outcome, &b.weights_hash, &b.proof),
            "seed {}",
            a.config.settings.seed
        );
        assert_eq!(a.proof.is_some(), a.outcome == TrialOutcome::Proved, "seed {}", a.config.settings.seed);
        assert!(a.proof.as_ref().is_none_or(|proof| proof.states > 1 && proof.margin > 0.0), "{:?}", a.proof);
    }
}

#[test]
fn a_proof_by_the_reference_is_refused() {
    let error =
        Plan::new(Spec::from_words(&["engine=reference", "until=proved"]).expect("a spec")).expect_err("no noise");
    assert!(error.to_string().contains("until solved"), "{error}");
}

#[test]
fn merged_bytes_are_the_same_in_whatever_company_trials_run() {
    // Populations and nets that go alone, more seeds than lanes, and every outcome.
    let words = [
        "engine=population,fused",
        "hidden=3,16",
        "bits=4",
        "batch=32",
        "activation=sigmoid,relu",
        "lr=0.03,1e30",
        "seed=0..20",
        "budget=250",
        "test-bits=8",
    ];
    let bytes = |folder: &Path| Results::read(folder).expect("readable").to_bytes(TableFormat::JsonLines, false);
    let (alone, trials) = planned(&words);
    for index in 0..trials {
        run_some(alone.path(), (index, trials), 1, usize::MAX);
    }
    let wanted = bytes(alone.path());
    let results = Results::read(alone.path()).expect("readable");
    let (mut outcomes, mut engines) = (Vec::new(), Vec::new());
    results.records().iter().for_each(|record| {
        outcomes.push(record.outcome);
        engines.push(record.config.settings.engine);
    });
    for outcome in [TrialOutcome::Solved, TrialOutcome::Unsolved, TrialOutcome::Diverged] {
        assert!(outcomes.iter().filter(|of| **of == outcome).count() > 10, "{outcome}: {outcomes:?}");
    }
    let lanes = engines.iter().filter(|engine| **engine == EngineKind::Population).count();
    assert_eq!(lanes, trials / 2, "one engine and the other");

    let mut rng = stream(5, Purpose::Eval, 0);
    let mut any = |from: usize, to: usize| from + usize::try_from(below(&mut rng, (to - from) as u64)).expect("small");
    for _ in 0..4 {
        let (folder, _) = planned(&words);
        let mut cuts = Vec::new();
        // Stopped after some trials, and gone on with in other groups.
        for _ in 0..4 {
            let (count, threads, most) = (any(1, 5), any(1, 4), any(1, trials / 4));
            let index = any(0, count);
            cuts.push((index, count, threads, run_some(folder.path(), (index, count), threads, most)));
        }
        run_some(folder.path(), (0, 1), 2, usize::MAX);
        assert!(bytes(folder.path()) == wanted, "shard, of so many, on threads, trials done: {cuts:?}");
    }
}
