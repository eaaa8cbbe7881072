//! Single trials of sweeps: each is the training that its command names, to the last bit.

use carrylane::sweep::{Options, Plan, Results, Shard, Spec, TrialOutcome, TrialRecord, run};
use serde_json::Value;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Runs a sweep through the library; its records in the order of the plan.
fn swept(words: &[&str], threads: usize) -> Vec<TrialRecord> {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = Plan::new(Spec::from_words(words).expect("a spec")).expect("a plan");
    plan.lock(folder.path(), false).expect("writable");
    let options = Options { shard: Shard::default(), threads, missing: true, again: Vec::new() };
    let ran = run(folder.path(), &options, &Arc::new(AtomicBool::new(false)), |_| {}, |_| {}).expect("it runs");
    assert_eq!(ran.progress.done, plan.len(), "all trials");
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
        ("until=solved", TrialOutcome::Solved),
        ("until=proved", TrialOutcome::Proved),
        ("updates=40", TrialOutcome::Unsolved),
    ];
    for (goal, outcome) in goals {
        for record in swept(&["cell=elman,lstm", "hidden=8", "bits=4", "seed=3", "batch=32", goal], 1) {
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
    let words = ["hidden=4,8", "bits=5", "seed=0..4", "until=proved", "budget=1500"];
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
