//! Sweeps from outside: nothing finished is lost, and the result is the same bytes however the work
//! was cut.

mod common;

use carrylane::sweep::{Plan, Spec, TableFormat};
use proptest::prelude::*;
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Small trials of every outcome, alone and side by side: those of 3 units often stay unsolved,
/// those with `ReLU` and an enormous rate diverge.
const WORDS: [&str; 8] = [
    "hidden=3,4,8",
    "bits=3,5",
    "batch=8,64",
    "seed=0..3",
    "budget=300",
    "activation=sigmoid,relu",
    "lr=0.03,1000000",
    "test-bits=8+32",
];
const TRIALS: usize = 3 * 2 * 2 * 3 * 2 * 2;

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carrylane"));
    command.env_remove("CARRYLANE_THREADS").args(args);
    command
}

fn run(args: &[&str]) -> Output {
    command(args).output().expect("it runs")
}

/// Runs a command and asserts its exit code; returns both outputs.
fn ended(args: &[&str], code: i32) -> (String, String) {
    let output = run(args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stdout}{stderr}");
    (stdout, stderr)
}

/// A folder with a locked sweep.
struct Sweep {
    home: TempDir,
}

impl Sweep {
    fn planned(words: &[&str]) -> Self {
        let sweep = Self { home: tempfile::tempdir().expect("a folder") };
        ended(&[&["sweep", "plan", "-o", sweep.name().as_str()], words].concat(), 0);
        sweep
    }

    fn path(&self) -> PathBuf {
        self.home.path().join("sweep")
    }

    fn name(&self) -> String {
        self.path().to_str().expect("UTF-8").to_owned()
    }

    fn run(&self, more: &[&str]) {
        ended(&[&["sweep", "run", self.name().as_str()], more].concat(), 0);
    }

    /// The merged file of a format.
    fn merged(&self, format: &str) -> Vec<u8> {
        let file = self.home.path().join(format!("all.{format}"));
        ended(&["sweep", "merge", &self.name(), "-o", file.to_str().expect("UTF-8")], 0);
        fs::read(file).expect("merged")
    }

    /// The summary line of `status --json`, which exits with 1 while trials are missing.
    fn status(&self) -> Value {
        let output = run(&["sweep", "status", &self.name(), "--json"]);
        let status: Value = serde_json::from_slice(&output.stdout).expect("a line");
        let missing = status["missing"].as_u64().expect("a count");
        assert_eq!(output.status.code(), Some(i32::from(missing > 0)), "{status}");
        status
    }

    fn start(&self, more: &[&str]) -> Child {
        let mut command = command(&[&["sweep", "run", self.name().as_str()], more].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    }

    fn shard(&self, name: &str) -> PathBuf {
        self.path().join("shards").join(name)
    }

    /// Waits until a shard file has grown to a size.
    fn wait_for(&self, name: &str, bytes: u64) {
        let start = Instant::now();
        while fs::metadata(self.shard(name)).map_or(0, |file| file.len()) < bytes {
            assert!(start.elapsed() < Duration::from_secs(60), "no results in a minute");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// What any way to run the sweep of [`WORDS`] must give.
fn expected() -> Vec<Vec<u8>> {
    let sweep = Sweep::planned(&WORDS);
    sweep.run(&["--threads", "1"]);
    TableFormat::ENDINGS.iter().map(|(format, _)| sweep.merged(format)).collect()
}

#[test]
fn the_merged_file_is_the_same_for_any_shards_threads_processes_and_kills() {
    let wanted = expected();
    let check = |sweep: &Sweep, how: &str| {
        for ((format, _), wanted) in TableFormat::ENDINGS.iter().zip(&wanted) {
            assert!(sweep.merged(format) == *wanted, "{how}: another {format}");
        }
    };
    for (shards, threads) in [(1, "2"), (3, "1"), (7, "2")] {
        let sweep = Sweep::planned(&WORDS);
        for index in (0..shards).rev() {
            sweep.run(&["--shard", &format!("{index}/{shards}"), "--threads", threads]);
        }
        check(&sweep, &format!("{shards} shards, {threads} threads"));
    }

    // Two processes side by side, of two shards and of the same one.
    for shards in [["0/2", "1/2"], ["0/1", "0/1"]] {
        let sweep = Sweep::planned(&WORDS);
        let children = shards.map(|shard| sweep.start(&["--shard", shard, "--threads", "1"]));
        for child in children {
            let output = child.wait_with_output().expect("it ends");
            assert!(output.status.success(), "{output:?}");
        }
        check(&sweep, &format!("processes {shards:?}"));
    }

    // Killed fifty times, at times spread over a run's first trials, on any shard of three.
    let sweep = Sweep::planned(&WORDS);
    let mut seed = 1_u64;
    for kill in 0..50 {
        let shard = format!("{}/3", kill % 3);
        let mut child = sweep.start(&["--shard", &shard, "--threads", "2"]);
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_micros((seed >> 33) % 30_000));
        child.kill().expect("SIGKILL");
        child.wait().expect("it ended");
    }
    let before = sweep.status();
    for index in 0..3 {
        sweep.run(&["--shard", &format!("{index}/3")]);
    }
    check(&sweep, &format!("50 kills, after which the sweep stood at {before}"));
}

#[test]
fn status_and_shard_lines_say_what_happened() {
    let sweep = Sweep::planned(&WORDS);
    assert_eq!(sweep.status()["missing"], TRIALS);
    sweep.run(&["--threads", "1"]);
    let status = sweep.status();
    for key in ["planned", "done"] {
        assert_eq!(status[key], TRIALS, "{key}: {status}");
    }
    let count = |key: &str| status[key].as_u64().unwrap_or_else(|| panic!("no {key}: {status}"));
    assert_eq!(count("solved") + count("unsolved") + count("diverged"), TRIALS as u64, "{status}");
    assert!(count("solved") > 0 && count("unsolved") > 0 && count("diverged") > 0, "every outcome: {status}");
    assert_eq!((count("failed"), count("damaged_lines")), (0, 0), "{status}");
    // On one thread, all of the time is claimed once; trials take less than a millisecond, and
    // clocks differ by some 100 ns.
    let parts = ["learning_seconds", "check_seconds", "test_seconds", "prove_seconds", "rest_seconds"];
    let part = |of: &Value, name: &str| of[name].as_f64().unwrap_or_else(|| panic!("no {name}: {of}"));
    let claimed: f64 = parts.iter().map(|name| part(&status, name)).sum();
    assert!((claimed / status["seconds"].as_f64().expect("a time") - 1.0).abs() < 1e-2, "{status}");
    assert!(parts[..3].iter().all(|name| part(&status, name) > 0.0), "learning, checks and tests: {status}");
    assert!(status["trials_per_s"].as_f64() > Some(0.0) && status["seconds"].as_f64() > Some(0.0), "{status}");

    let text = fs::read_to_string(sweep.shard("shard-0-of-1.jsonl")).expect("readable");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(lines.len(), TRIALS);
    for line in &lines {
        let times = &line["machine"]["times"];
        let claimed: f64 = parts.iter().map(|name| part(times, name)).sum();
        assert!((claimed / part(&line["machine"], "trial_seconds") - 1.0).abs() < 1e-2, "{line}");
        for key in
            ["id", "config", "outcome", "samples", "updates", "seconds", "wrong_by_bits", "weights_hash", "check"]
        {
            assert!(!line[key].is_null(), "no {key}: {line}");
        }
        match line["outcome"].as_str() {
            Some("diverged") => {
                let (update, tensor) = (line["diverged"]["update"].as_u64(), line["diverged"]["tensor"].as_str());
                assert!(update >= Some(1) && update <= line["updates"].as_u64(), "{line}");
                assert!(["loss", "w_ih", "w_hh", "b_h", "w_ho", "b_o"].contains(&tensor.unwrap_or("none")), "{line}");
            }
            Some("solved") => assert_eq!(line["pairs_wrong"], 0, "{line}"),
            _ => assert!(line["pairs_wrong"].as_u64() > Some(0), "{line}"),
        }
    }
}

#[test]
fn the_command_of_a_trial_gives_the_same_net() {
    let words = ["cell=lstm", "hidden=3", "bits=5", "seed=2", "batch=32", "bias=false", "lr=0.05", "init=uniform"];
    let more =
        ["loss=cross-entropy", "updates=40", "dataset=100", "shuffle=true", "lstm-form=notebook", "activation=relu"];
    let sweep = Sweep::planned(&[&words[..], &more[..]].concat());
    sweep.run(&[]);
    let line: Value = serde_json::from_slice(&sweep.merged("jsonl")).expect("one line");
    let csv = String::from_utf8(sweep.merged("csv")).expect("UTF-8");
    let command = csv.lines().nth(1).expect("a row").split(',').find(|cell| cell.starts_with("carrylane train"));
    let command = command.expect("a command");
    let args: Vec<&str> = command.split(' ').skip(1).chain(["--json"]).collect();
    let output = run(&args);
    let summary = String::from_utf8(output.stdout).expect("UTF-8");
    let summary: Value = serde_json::from_str(summary.lines().last().expect("a line")).expect("JSON");
    assert_eq!(summary["weights_hash"], line["weights_hash"], "{command}");
}

#[test]
fn torn_lines_and_garbage_are_told_of_and_done_again() {
    let wanted = expected();
    let sweep = Sweep::planned(&WORDS);
    sweep.run(&["--threads", "2"]);
    let shard = sweep.shard("shard-0-of-1.jsonl");
    let whole = fs::read(&shard).expect("readable");

    // The last line torn in the middle: one trial is missing, and is told of.
    fs::write(&shard, &whole[..whole.len() - 100]).expect("writable");
    let (_, stderr) = ended(&["sweep", "status", &sweep.name()], 1);
    assert!(stderr.contains(&format!("shard-0-of-1.jsonl:{TRIALS}: torn")), "{stderr}");
    assert_eq!(sweep.status()["missing"], 1);
    let (stdout, _) = ended(&["sweep", "merge", &sweep.name(), "-o", "never-written.csv"], 1);
    assert!(stdout.contains("1 trial missing") && !Path::new("never-written.csv").exists(), "{stdout}");
    let (_, stderr) = ended(&["sweep", "run", &sweep.name()], 0);
    assert!(stderr.contains("torn"), "{stderr}");
    assert!(sweep.merged("csv") == wanted[0], "after a torn line");

    // Garbage of several kinds: bytes, text, a line whose number was changed. What is whole stays.
    let mut damaged = b"\xff\xfe\x00garbage\nno JSON at all\n{\"form\":2}\n".to_vec();
    let changed = String::from_utf8(whole.clone()).expect("UTF-8").replacen("\"updates\":", "\"updates\":1", 1);
    damaged.extend_from_slice(changed.as_bytes());
    fs::write(&shard, &damaged).expect("writable");
    assert_eq!((&sweep.status()["missing"], &sweep.status()["damaged_lines"]), (&1.into(), &4.into()));
    let (_, stderr) = ended(&["sweep", "run", &sweep.name()], 0);
    for words in [":1: not UTF-8", ":2: not a line of a sweep", ":3: torn", "1 more line is left out"] {
        assert!(stderr.contains(words), "no '{words}': {stderr}");
    }
    assert!(sweep.merged("csv") == wanted[0], "after garbage");
    assert!(fs::read(&shard).expect("readable").starts_with(&damaged), "what was there is still there");
}

#[test]
fn a_signal_ends_a_sweep_in_time_and_it_goes_on_after() {
    // Each trial would take hours, and each of its updates longer than there is time.
    let words = ["hidden=256", "bits=64", "batch=65536", "updates=100000", "seed=0..4"];
    for signal in ["TERM", "INT"] {
        let sweep = Sweep::planned(&words);
        let child = sweep.start(&["--threads", "2"]);
        std::thread::sleep(Duration::from_millis(500));
        let start = Instant::now();
        let sent = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success(), "{signal}");
        let output = child.wait_with_output().expect("it ends");
        // A second, and what a busy machine takes to notice.
        assert!(start.elapsed() < Duration::from_millis(1500), "{signal}: {:?}", start.elapsed());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(75), "{signal}: {stderr}");
        assert!(stderr.contains(&format!("carrylane sweep run {}` goes on", sweep.name())), "{stderr}");
    }
    // In the middle of many small ones: what is done stays, and a rerun completes it.
    let sweep = Sweep::planned(&["hidden=8", "bits=6", "seed=0..300"]);
    let child = sweep.start(&["--threads", "2"]);
    sweep.wait_for("shard-0-of-1.jsonl", 2000);
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill runs");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    let done = sweep.status()["done"].as_u64().expect("a count");
    assert!(done > 0 && done < 300, "{done} of 300 done when it was stopped");
    sweep.run(&[]);
    assert_eq!(sweep.status()["done"], 300);
    let lines = fs::read_to_string(sweep.shard("shard-0-of-1.jsonl")).expect("readable").lines().count();
    assert_eq!(lines, 300, "no trial was done twice");
}

#[test]
fn a_disk_that_is_full_or_in_the_way_is_an_error_and_loses_nothing() {
    let wanted = expected();
    let sweep = Sweep::planned(&WORDS);
    sweep.run(&["--shard", "0/3"]);
    let before = fs::read(sweep.shard("shard-0-of-3.jsonl")).expect("readable");
    // A device on which every write fails for want of space.
    symlink("/dev/full", sweep.shard("shard-1-of-3.jsonl")).expect("a link");
    let (_, stderr) = ended(&["sweep", "run", &sweep.name(), "--shard", "1/3"], 74);
    assert!(stderr.contains("shard-1-of-3.jsonl: cannot write: No space left"), "{stderr}");
    fs::remove_file(sweep.shard("shard-1-of-3.jsonl")).expect("removed");
    // A folder where the file should be.
    fs::create_dir(sweep.shard("shard-2-of-3.jsonl")).expect("a folder");
    let (_, stderr) = ended(&["sweep", "run", &sweep.name(), "--shard", "2/3"], 74);
    assert!(stderr.contains("shard-2-of-3.jsonl: cannot"), "{stderr}");
    fs::remove_dir(sweep.shard("shard-2-of-3.jsonl")).expect("removed");
    assert_eq!(fs::read(sweep.shard("shard-0-of-3.jsonl")).expect("readable"), before, "what was done");
    sweep.run(&[]);
    assert!(sweep.merged("csv") == wanted[0], "after all is well again");
}

#[test]
fn failed_and_diverged_trials_can_be_run_again() {
    let sweep = Sweep::planned(&["hidden=4", "bits=4", "seed=0..3", "activation=relu", "lr=1e30", "budget=50"]);
    sweep.run(&[]);
    let diverged = sweep.status()["diverged"].as_u64().expect("a count");
    assert!(diverged > 0, "{}", sweep.status());
    let before = sweep.merged("jsonl");
    ended(&["sweep", "retry", &sweep.name()], 2);
    let (stdout, _) = ended(&["sweep", "retry", &sweep.name(), "--failed"], 0);
    assert!(stdout.contains("nothing left to do"), "{stdout}");
    let (stdout, _) = ended(&["sweep", "retry", &sweep.name(), "--diverged", "--missing"], 0);
    assert!(stdout.contains(&format!(": {diverged} diverged")), "{stdout}");
    let text = fs::read_to_string(sweep.shard("shard-0-of-1.jsonl")).expect("readable");
    assert_eq!(text.matches("\"attempt\":2").count() as u64, diverged, "{text}");
    assert!(sweep.merged("jsonl") == before, "a function of its config gives the same again");
}

#[test]
fn specs_that_make_no_sense_are_refused_by_name() {
    let refused = |words: &[&str], parts: &[&str]| {
        let (stdout, stderr) = ended(&[&["sweep", "plan"], words].concat(), 2);
        assert!(
            stdout.is_empty() && stderr.lines().count() == 1 && stderr.starts_with("error: "),
            "{words:?}: {stderr}"
        );
        for part in parts {
            assert!(stderr.contains(part), "{words:?}: no '{part}': {stderr}");
        }
    };
    refused(&["hiden=4"], &["unknown key 'hiden'", "did you mean 'hidden'?"]);
    refused(&["hidden"], &["'hidden' is no axis", "key=value"]);
    refused(&["hidden="], &["hidden has no value"]);
    refused(&["hidden=4,"], &["hidden is ''"]);
    for key in ["hidden", "bits", "batch", "budget", "updates"] {
        refused(&[&format!("{key}=0")], &[&format!("{key} is '0', want a whole number from ")]);
        refused(&[&format!("{key}=-3")], &[&format!("{key} is '-3'")]);
    }
    for rate in ["nan", "inf", "-0.1", "0", "1e40"] {
        refused(&[&format!("lr={rate}")], &["lr is '", "want a positive number up to 3.4e38"]);
    }
    refused(&["hidden=40000"], &["hidden is '40000'", "1 to 32,768"]);
    refused(&["cell=gru"], &["cell is 'gru', want elman or dynamic or lstm"]);
    refused(&["seed=5..5"], &["seed has the range '5..5', which holds nothing"]);
    refused(&["seed=0..2000000"], &["seed has 2,000,000 values, want at most 1,000,000"]);
    refused(&["seed=0..2000", "hidden=1..2000"], &["more than 1,000,000 trials"]);
    refused(&["hidden=4", "hidden=8"], &["hidden is given twice"]);
    refused(&["cell=elman", "lstm-form=notebook"], &["lstm-form goes with cell=lstm"]);
    refused(&["updates=5", "budget=7"], &["budget goes with until"]);
    refused(&["updates=5", "until=solved"], &["until is one way to end"]);
    refused(&["time=5"], &["time is no axis", "want updates or budget"]);
    refused(&["noise=0.2"], &["noise goes with until=proved"]);
    refused(&["method=random", "hidden=4"], &["needs a random axis"]);
    refused(&["random.lr=0.001..0.1:log"], &["random axes need points"]);
    refused(&["shuffle=true"], &["shuffle goes with dataset"]);
    refused(&["test-bits=8+0"], &["test-bits is '8+0', want a whole number from 1 to 65,536"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("spec.toml");
    for (text, part) in [
        ("hidden = [4,", "line 1: "),
        ("[grid]\nhidden = 0\n", "line 2: hidden is '0'"),
        ("[grids]\nhidden = 4\n", "unknown table 'grids'"),
        ("[fixed]\nhidden = [4, 8]\n", "hidden is fixed to 2 values"),
        ("seed = 1979-05-27\n", "seed is a date"),
        ("lr = nan\n", "lr is 'NaN'"),
        ("hidden = []\n", "hidden has no value"),
    ] {
        fs::write(&file, text).expect("writable");
        let (_, stderr) = ended(&["sweep", "plan", file.to_str().expect("UTF-8")], 65);
        assert!(stderr.contains(part), "{text:?}: {stderr}");
    }
    let name = folder.path().to_str().expect("UTF-8");
    for verb in ["run", "status"] {
        let (_, stderr) = ended(&["sweep", verb, name], 65);
        assert!(stderr.contains("no sweep here"), "{stderr}");
    }
    let sweep = Sweep::planned(&["hidden=4", "seed=0..2"]);
    for shard in ["2/2", "x", "-1/2", "auto"] {
        ended(&["sweep", "run", &sweep.name(), "--shard", shard], 2);
    }
    ended(&["sweep", "merge", &sweep.name(), "-o", "all.txt"], 2);
    ended(&["sweep", "plan", "hidden=4", "seed=0..3", "-o", &sweep.name()], 2);
    ended(&["sweep", "plan", "hidden=4", "seed=0..3", "-o", &sweep.name(), "--extend"], 0);
    assert_eq!(sweep.status()["planned"], 3);
}

#[test]
fn a_program_without_parquet_says_so_before_it_reads_the_sweep() {
    if cfg!(not(feature = "parquet")) {
        let (_, stderr) = ended(&["sweep", "merge", "no-such-sweep", "-o", "all.parquet"], 2);
        assert!(stderr.contains("`cargo build --release --features parquet`, or name a .csv file"), "{stderr}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_reader_of_specs_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        Spec::from_toml(&String::from_utf8_lossy(&bytes)).ok();
        Spec::from_words(&[String::from_utf8_lossy(&bytes)]).ok();
    }

    #[test]
    fn no_words_that_look_right_make_it_panic(
        words in prop::collection::vec("(random\\.|grid\\.|fixed\\.)?(hidden|bits|seed|lr|cell|points|method|test-bits|sweep-seed)=\
                                        [0-9a-z.,:+e-]{0,12}", 0..4),
    ) {
        if let Ok(spec) = Spec::from_words(&words) {
            let again = Spec::from_toml(&spec.to_toml()).expect("its own form");
            prop_assert_eq!(&again, &spec, "a locked spec is the spec");
            let small = spec.axes().iter().map(|(_, _, n)| (*n).max(1)).product::<usize>() <= 1000;
            if small {
                Plan::new(spec).ok();
            }
        }
    }

    #[test]
    fn no_shard_file_makes_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = Plan::new(Spec::from_words(&["hidden=4"]).expect("a spec")).expect("a plan");
        plan.lock(folder.path(), false).expect("writable");
        let mut file = OpenOptions::new().create(true).append(true).open(folder.path().join("shards/shard-0-of-1.jsonl")).expect("a file");
        file.write_all(&bytes).expect("writable");
        let results = carrylane::sweep::Results::read(folder.path()).expect("readable");
        prop_assert_eq!(results.progress().done, 0);
    }
}

#[test]
fn a_seed_is_exact_in_the_page_and_in_every_file_and_one_range_is_everywhere() {
    let largest = "9007199254740991";
    let sweep = Sweep::planned(&["hidden=2", "updates=2", "seed=9007199254740990..9007199254740992"]);
    sweep.run(&[]);
    for format in ["csv", "jsonl"] {
        let text = String::from_utf8(sweep.merged(format)).expect("text");
        assert!(text.contains(largest) && text.contains("9007199254740990"), "{format}: {text}");
    }
    let page = sweep.home.path().join("page.html");
    ended(&["sweep", "report", &sweep.name(), "-o", page.to_str().expect("UTF-8")], 0);
    let page = fs::read_to_string(page).expect("a page");
    assert!(page.contains("[9007199254740990,9007199254740991]"), "as numbers that a browser holds exactly");

    let above = "9007199254740992";
    let words = "want a whole number from 0 to 9,007,199,254,740,991";
    let folder = sweep.home.path();
    let spec = folder.join("spec.toml");
    fs::write(&spec, format!("seed = {above}\n")).expect("writable");
    let spec = spec.to_str().expect("UTF-8");
    for (args, code) in [
        (&["train", "--seed", above][..], 2),
        (&["add", "1", "2", "--seed", above], 2),
        (&["eval", "--seed", above], 2),
        (&["gradcheck", "--seed", above], 2),
        (&["bench", "--seed", above], 2),
        (&["export", "m", "--format", "npz", "-o", "x", "--gradients", "--seed", above], 2),
        (&["sweep", "plan", "seed=9007199254740992"], 2),
        (&["sweep", "plan", "sweep-seed=9007199254740992"], 2),
        (&["sweep", "plan", spec], 65),
    ] {
        let (_, stderr) = ended(args, code);
        assert!(stderr.contains(words), "{args:?}: {stderr}");
    }
}

#[test]
fn a_dry_run_writes_no_file_and_more_tasks_than_slurm_takes_are_warned_of() {
    let sweep = Sweep::planned(&["hidden=2", "updates=2"]);
    let files = || fs::read_dir(sweep.path()).expect("readable").count();
    let before = files();
    let (script, stderr) = ended(&["sweep", "submit", &sweep.name(), "--shards", "2000", "--dry-run"], 0);
    assert!(script.contains("#SBATCH --array=0-1999") && files() == before, "{script}");
    assert!(stderr.contains("MaxArraySize of 2,000 or more") && stderr.contains("1,001"), "{stderr}");
    let (_, stderr) = ended(&["sweep", "submit", &sweep.name(), "--shards", "1001", "--dry-run"], 0);
    assert_eq!(stderr, "", "as many as Slurm takes");
}

#[test]
fn a_torn_line_is_warned_of_once_and_no_trial_is_said_to_be_missing_that_is_not() {
    let sweep = Sweep::planned(&["hidden=2", "updates=2", "seed=0..3"]);
    sweep.run(&[]);
    let path = sweep.shard("shard-0-of-1.jsonl");
    let mut bytes = fs::read(&path).expect("lines");
    let first = bytes.iter().position(|&byte| byte == b'\n').expect("a line");
    // Three megabytes of nothing, as a disk may leave them, in a torn line.
    bytes.splice(first / 2..first, vec![b' '; 3 << 20]);
    fs::write(&path, bytes).expect("writable");
    let page = sweep.home.path().join("page.html");
    let warned = |args: &[&str], code: i32| ended(&[&["sweep", args[0], &sweep.name()], &args[1..]].concat(), code).1;
    for (args, code) in
        [(&["status"][..], 1), (&["run"], 0), (&["status"], 0), (&["report", "-o", page.to_str().expect("UTF-8")], 0)]
    {
        let stderr = warned(args, code);
        assert_eq!(stderr.matches("warning").count(), 1, "{args:?}: {stderr}");
        let words = "jsonl:1: torn; the line is left out, its trial is done only if another line has it";
        assert!(stderr.contains(words), "{args:?}: {stderr}");
    }
}

#[test]
fn a_sweep_says_what_it_does_in_words_that_are_true() {
    let (text, _) = ended(&["sweep", "plan", "hidden=2,2,3,3", "updates=2"], 0);
    assert!(text.contains("2 trials, 2 repeated ones left out"), "{text}");
    let (text, _) = ended(&["sweep", "plan", "updates=2"], 0);
    assert!(text.contains("from running 1 trial\n"), "{text}");
    for word in ["=3", "x=3", "random.=0..1"] {
        let (_, stderr) = ended(&["sweep", "plan", word], 2);
        assert!(stderr.starts_with("error: ") && !stderr.contains("did you mean"), "{word}: {stderr}");
    }
    let (_, stderr) = ended(&["sweep", "plan", "=3"], 2);
    assert!(stderr.contains("a key is missing: keys are cell, "), "{stderr}");
    let sweep = Sweep::planned(&["hidden=2", "updates=2"]);
    let (_, stderr) = ended(&["sweep", "run", &sweep.name(), "--shard", "0/0"], 2);
    assert_eq!(stderr, "error: the number of shards is 0, want a whole number from 1 to 1,000,000\n");
}

#[test]
fn a_plan_for_a_larger_machine_is_locked_and_not_run_here() {
    let sweep = Sweep::planned(&["hidden=32768", "bits=65536", "batch=16777216", "updates=1"]);
    let (_, stderr) = ended(&["sweep", "run", &sweep.name()], 2);
    assert!(stderr.contains("would need") && stderr.contains("GiB are available"), "{stderr}");
}
