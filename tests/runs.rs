//! Run folders from outside: what is kept, that it runs again, and that no stop, kill or full disk
//! changes the net it ends with.

use carrylane::model::{Config, Init, file};
use carrylane::run::{Curves, EventLog};
use carrylane::task::whole::MAX_EXACT;
use carrylane::train::Times;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A run of the program to its end.
fn carrylane(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_carrylane")).args(args).output().expect("it runs")
}

/// The summary of a run that ends with a code.
fn summary(args: &[&str], code: i32) -> Value {
    let output = carrylane(&[args, &["--json"]].concat());
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stdout}{stderr}");
    let last = stdout.lines().last().unwrap_or_else(|| panic!("{args:?} says nothing: {stderr}"));
    serde_json::from_str(last).unwrap_or_else(|_| panic!("{args:?}: {last}"))
}

/// Starts the program, to be stopped.
fn start(args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carrylane"));
    command.args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
}

/// Sends a signal to a process that this test started.
fn send(signal: &str, child: &Child) {
    Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
}

/// Waits for something, for at most a minute.
fn wait_for(what: &str, ready: impl Fn() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited a minute for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn name(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn entries(folder: &Path) -> Vec<String> {
    let each = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable").file_name());
    let mut names: Vec<String> = each.map(|name| name.into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

/// The curves of a run without its times.
fn timeless(folder: &Path) -> Curves {
    let mut curves = Curves::read(&folder.join("metrics.jsonl")).expect("curves");
    for row in &mut curves.rows {
        (row.seconds, row.samples_per_s) = (0.0, 0.0);
    }
    let end = curves.end.as_mut().expect("an end");
    (end.seconds, end.times) = (0.0, Times::default());
    curves
}

/// A training of some tenths of a second, with two stages.
const PROVED: &[&str] = &["train", "--hidden", "8", "--bits", "6", "--seed", "1", "--batch", "64", "--budget", "4000"];

#[test]
fn a_run_keeps_all_its_files_and_its_config_runs_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [x, y, z] = ["x", "y", "z"].map(|name| folder.path().join(name));
    let first = summary(&[PROVED, &["--out", name(&x), "--clip-norm", "5"]].concat(), 0);
    let files = [
        ".lock",
        "checkpoints",
        "config.toml",
        "environment.json",
        "metrics.jsonl",
        "model.safetensors",
        "report.html",
    ];
    assert_eq!(entries(&x), files);
    let again = summary(&["train", "--config", name(&x.join("config.toml")), "--out", name(&y)], 0);
    assert_eq!(again["weights_hash"], first["weights_hash"], "the same net");
    assert_eq!(timeless(&x), timeless(&y), "the same curves");
    let same = summary(&["compare", name(&x), name(&y)], 0);
    assert_eq!((&same["same"], &same["weights_hash"][0]), (&true.into(), &first["weights_hash"]), "{same}");

    // What is typed comes before the file, and takes its rivals with it.
    let config = x.join("config.toml");
    let typed = ["--seed", "2", "--updates", "50", "--out", name(&z)];
    let other = summary(&[&["train", "--config", name(&config)], &typed[..]].concat(), 0);
    assert_eq!((&other["settings"]["seed"], &other["updates"]), (&2.into(), &50.into()), "{other}");
    let differs = summary(&["compare", name(&x), name(&z)], 1);
    let names: Vec<_> = differs["config"].as_array().expect("a list").iter().map(|part| part[0].clone()).collect();
    for wanted in ["seed", "updates", "until", "budget"] {
        assert!(names.contains(&wanted.into()), "no {wanted}: {differs}");
    }
    assert_eq!(differs["curve"]["first_update"], 1, "{differs}");
    assert_eq!(differs["weights"].as_array().map(Vec::len), Some(5), "each tensor: {differs}");

    // The page and the curves say the same, and a finished run is left as it is.
    let curves = Curves::read(&x.join("metrics.jsonl")).expect("curves");
    let page = fs::read_to_string(x.join("report.html")).expect("a page");
    let end = curves.end.expect("an end");
    assert_eq!((end.outcome.as_str(), end.weights_hash.as_str().into()), ("proved", first["weights_hash"].clone()));
    assert!(page.contains(&format!("proved after {} updates", end.update)), "the page tells how it ended");
    assert!(curves.rows.len() > 60 && curves.checks.last().is_some_and(|check| check.1), "rows, and the check passed");
    assert_eq!(summary(&["train", "--resume", name(&x)], 0)["outcome"], "proved", "nothing left to do");
    let refusal = carrylane(&["train", "--out", name(&x)]);
    assert_eq!(refusal.status.code(), Some(2), "{}", String::from_utf8_lossy(&refusal.stderr));
}

#[test]
fn a_run_that_is_killed_at_any_instant_ends_with_the_same_net() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    let wanted = summary(&[PROVED, &["--out", name(&whole), "--threads", "1"]].concat(), 0);
    let began = Instant::now();
    let mut child = start(&[PROVED, &["--out", name(&folder.path().join("timed"))]].concat());
    child.wait().expect("it ends");
    let length = began.elapsed();
    for kill in 0..10_u32 {
        // Now early, now late in what an undisturbed run takes, which a resumed one takes less of.
        let args = if killed.join("config.toml").exists() {
            vec![
                "train",
                "--resume",
                name(&killed),
                "--checkpoint-every",
                "7",
                "--threads",
                ["1", "2"][kill as usize % 2],
            ]
        } else {
            [PROVED, &["--out", name(&killed), "--checkpoint-every", "7"]].concat()
        };
        let mut child = start(&args);
        std::thread::sleep(length * (kill * 37 % 100) / 100);
        send("-KILL", &child);
        child.wait().expect("it ends");
    }
    let found = if killed.join("config.toml").exists() {
        summary(&["train", "--resume", name(&killed)], 0)
    } else {
        summary(&[PROVED, &["--out", name(&killed)]].concat(), 0)
    };
    assert_eq!(found["weights_hash"], wanted["weights_hash"], "{found}");
    assert_eq!(timeless(&killed), timeless(&whole), "the same curves");
    let left = [entries(&killed), entries(&killed.join("checkpoints"))].concat();
    assert!(!left.iter().any(|name| name.starts_with(".carrylane-")), "temporary files are left: {left:?}");
}

#[test]
fn signals_save_and_end_with_75_and_the_run_goes_on_as_if_nothing_had_been() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (whole, run) = (folder.path().join("whole"), folder.path().join("run"));
    let set = ["--dataset", "200", "--shuffle", "--batch", "64", "--updates", "100000000"];
    let args = [&["train", "--out", name(&run), "--hidden", "5"], &set[..]].concat();
    let metrics = run.join("metrics.jsonl");
    let rows = || Curves::read(&metrics).map_or(0, |curves| curves.rows.len());
    let mut child = start(&args);
    wait_for("100 rows", || rows() > 100);
    send("-TERM", &child);
    assert_eq!(child.wait().expect("it ends").code(), Some(75), "SIGTERM");
    assert!(run.join("report.html").exists() && !run.join("model.safetensors").exists(), "{:?}", entries(&run));
    let seen = rows();
    let mut child = start(&["train", "--resume", name(&run), "--threads", "2"]);
    wait_for("more rows", || rows() > seen + 10);
    send("-INT", &child);
    assert_eq!(child.wait().expect("it ends").code(), Some(75), "SIGINT");
    let updates = Curves::read(&metrics).expect("curves").rows.last().expect("rows").update + 1000;
    let updates = updates.to_string();
    // Another end than it began with: the updates up to there are the same.
    let found = summary(&["train", "--resume", name(&run), "--updates", &updates], 0);
    let whole_args = [&["train", "--out", name(&whole), "--hidden", "5"], &set[..6], &[&updates]].concat();
    let wanted = summary(&whole_args, 0);
    assert_eq!(found["weights_hash"], wanted["weights_hash"], "{found}");
    assert_eq!(timeless(&run), timeless(&whole), "the same curves");
    let environment = fs::read_to_string(run.join("environment.json")).expect("readable");
    let environment: Value = serde_json::from_str(&environment).expect("JSON");
    assert_eq!(environment["resumed_at"].as_array().map(Vec::len), Some(2), "{environment}");
}

#[test]
fn a_training_without_a_folder_ends_at_a_signal_too() {
    let mut child = start(&["train", "--updates", "100000000"]);
    std::thread::sleep(Duration::from_millis(500));
    send("-TERM", &child);
    assert_eq!(child.wait().expect("it ends").code(), Some(75), "SIGTERM");
}

/// Sends SIGTERM to a process that this test started, and tells how long it took to end, its code
/// and what it said.
fn terminate(mut child: Child) -> (Duration, Option<i32>, String) {
    let start = Instant::now();
    send("-TERM", &child);
    let code = child.wait().expect("it ends").code();
    let mut said = String::new();
    let took = start.elapsed();
    child.stderr.take().expect("piped").read_to_string(&mut said).expect("UTF-8");
    (took, code, said)
}

/// Holds an end to what is promised: at once, with 75, and with a word about it.
fn ended_at_once(what: &str, (took, code, said): (Duration, Option<i32>, String)) -> String {
    // A second, and what a busy machine takes to notice.
    assert!(took < Duration::from_millis(1500), "{what}: {took:?} after the signal: {said}");
    assert_eq!(code, Some(75), "{what}: {said}");
    // After lines of progress, if it ran for ten seconds before.
    assert!(said.lines().last().is_some_and(|line| line.contains("interrupted")), "{what}: {said}");
    said
}

#[test]
fn a_signal_in_a_long_check_or_in_any_other_long_work_ends_it_at_once() {
    let long = [
        &["train", "--bits", "65536", "--batch", "1", "--updates", "1"][..],
        &["train", "--bits", "65536", "--batch", "1", "--hidden", "64", "--updates", "1"],
        &["train", "--hidden", "1024", "--batch", "16384"],
        &["eval", "--bits", "16", "--pattern", "exhaustive"],
        &["bench", "--seconds", "1000"],
        &["gradcheck", "--hidden", "512", "--bits", "64"],
        &["replay", "003", "--samples", "1000000000"],
    ];
    let piped = |args| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carrylane"));
        command.args(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let children: Vec<Child> = long.into_iter().map(piped).collect();
    std::thread::sleep(Duration::from_millis(1000));
    let ends: Vec<_> = children.into_iter().map(terminate).collect();
    for (args, end) in long.into_iter().zip(ends) {
        ended_at_once(&args.join(" "), end);
    }
}

#[test]
fn a_signal_in_a_long_update_loses_that_update_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let mut command = Command::new(env!("CARGO_BIN_EXE_carrylane"));
    command.args(["train", "--hidden", "768", "--batch", "8192", "--updates", "100", "--threads", "1"]);
    command.args(["--out", name(&run)]).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().expect("it starts");
    let checkpoints = run.join("checkpoints");
    wait_for("the checkpoint of the first update", || checkpoints.join("000000000001.safetensors").exists());
    let said = ended_at_once("a long update", terminate(child));
    assert!(said.contains("train --resume"), "{said}");
    let last = entries(&checkpoints).pop();
    assert!(last.as_deref() >= Some("000000000001.safetensors"), "{last:?}");
}

#[test]
fn a_run_goes_on_only_with_what_it_began_with() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    summary(&["train", "--updates", "30", "--out", name(&run)], 0);
    for (flag, value, words) in [
        ("--lr", "0.01", "with lr 0.03, and lr 0.01 is asked for"),
        ("--seed", "5", "with seed 0"),
        ("--hidden", "8", "with hidden 16"),
        ("--clip-norm", "1", "with clip-norm none"),
    ] {
        let output = carrylane(&["train", "--resume", name(&run), flag, value]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && stderr.contains(words), "{flag} {value}: {stderr}");
    }
    let output = carrylane(&["train", "--resume", name(folder.path())]);
    assert_eq!(output.status.code(), Some(65), "no run: {}", String::from_utf8_lossy(&output.stderr));
    // The newest checkpoint is spoiled: the one before it is as good.
    summary(&["train", "--resume", name(&run), "--updates", "40", "--checkpoint-every", "5"], 0);
    let newest = run.join("checkpoints").join(entries(&run.join("checkpoints")).last().expect("checkpoints"));
    let bytes = fs::read(&newest).expect("readable");
    fs::write(&newest, &bytes[..bytes.len() / 2]).expect("writable");
    let output = carrylane(&["train", "--resume", name(&run), "--updates", "60", "--json"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.contains("going on from the one before"), "{stderr}");
    let wanted = summary(&["train", "--updates", "60"], 0);
    let last = String::from_utf8_lossy(&output.stdout).lines().last().map(str::to_owned).expect("a summary");
    assert!(last.contains(wanted["weights_hash"].as_str().expect("a hash")), "{last}");
}

#[test]
fn without_a_whole_checkpoint_nothing_goes_on_and_the_way_to_begin_anew_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    summary(&["train", "--updates", "30", "--out", name(&run), "--checkpoint-every", "7"], 0);
    let (checkpoints, config) = (run.join("checkpoints"), run.join("config.toml"));
    let before = fs::read(run.join("metrics.jsonl")).expect("readable");
    let refused = |what: &str| {
        let output = carrylane(&["train", "--resume", name(&run), "--updates", "60"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(65), "{what}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.lines().count() == 1, "{what}: {stderr}");
        assert!(stderr.contains("no checkpoint is whole") && !stderr.contains("goes on"), "{what}: {stderr}");
        assert!(stderr.contains(&format!("train --config {} --out", name(&config))), "{what}: {stderr}");
        assert_eq!(fs::read(run.join("metrics.jsonl")).expect("readable"), before, "{what}: the run stays");
    };
    for spoiled in entries(&checkpoints) {
        fs::write(checkpoints.join(spoiled), "spoiled").expect("writable");
    }
    refused("both are damaged");
    fs::remove_dir_all(&checkpoints).expect("removable");
    refused("the folder is gone");
    // A disk that fails then has no last checkpoint to tell of.
    fs::write(&checkpoints, "").expect("writable");
    let output = carrylane(&["train", "--resume", name(&run)]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(74) && !stderr.contains("checkpoint is whole"), "{stderr}");
}

#[test]
fn a_run_has_a_checkpoint_from_its_start_on_and_leaves_those_of_others_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let mut child = start(&["train", "--updates", "100000000", "--out", name(&run)]);
    wait_for("settings", || run.join("config.toml").exists());
    send("-KILL", &child);
    child.wait().expect("it ends");
    assert_eq!(entries(&run.join("checkpoints")), ["000000000000.safetensors"]);
    let found = summary(&["train", "--resume", name(&run), "--updates", "20"], 0);
    assert_eq!(found["weights_hash"], summary(&["train", "--updates", "20"], 0)["weights_hash"], "{found}");
    fs::remove_file(run.join("config.toml")).expect("removable");
    let output = carrylane(&["train", "--updates", "20", "--out", name(&run)]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && stderr.contains("holds checkpoints of a run"), "{stderr}");
}

#[test]
fn an_end_before_where_a_run_is_is_refused_and_a_later_one_is_not() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    summary(&["train", "--dataset", "100", "--batch", "32", "--epochs", "3", "--out", name(&run)], 0);
    let config = fs::read(run.join("config.toml")).expect("readable");
    for (flag, value) in [("--updates", "11"), ("--epochs", "2"), ("--budget", "5"), ("--time", "1e-9")] {
        let solved = if flag == "--budget" { &["--until", "solved"][..] } else { &[] };
        let output = carrylane(&[&["train", "--resume", name(&run), flag, value], solved].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flag} {value}: {stderr}");
        assert!(stderr.starts_with(&format!("error: {flag} is ")), "{stderr}");
        assert!(stderr.contains("beyond it, at 12 updates"), "{stderr}");
    }
    assert_eq!(fs::read(run.join("config.toml")).expect("readable"), config, "a refusal changes nothing");
    for (end, updates) in
        [(&[][..], 12), (&["--epochs", "3"], 12), (&["--updates", "13"], 13), (&["--epochs", "5"], 20)]
    {
        let found = summary(&[&["train", "--resume", name(&run)], end].concat(), 0);
        assert_eq!(found["updates"], updates, "{end:?}: {found}");
    }
    // A file of a training for a proof has settings that a typed end has no use for.
    let proved = folder.path().join("proved");
    summary(&[PROVED, &["--out", name(&proved)]].concat(), 0);
    let config = proved.join("config.toml");
    for end in [&["--until", "solved"][..], &["--updates", "9"]] {
        summary(&[&["train", "--config", name(&config)], end].concat(), 0);
    }
}

#[test]
fn two_processes_do_not_train_in_one_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let mut child = start(&["train", "--updates", "100000000", "--out", name(&run)]);
    wait_for("the run", || run.join("metrics.jsonl").exists());
    let output = carrylane(&["train", "--resume", name(&run)]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && stderr.contains("another process"), "{stderr}");
    send("-TERM", &child);
    assert_eq!(child.wait().expect("it ends").code(), Some(75));
}

#[test]
fn a_folder_that_vanishes_ends_the_run_with_74() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let mut child = start(&["train", "--updates", "100000000", "--out", name(&run), "--checkpoint-every", "50"]);
    wait_for("a checkpoint", || run.join("checkpoints").exists());
    // The program may add a file meanwhile, so until it is gone.
    wait_for("the folder to go", || fs::remove_dir_all(&run).is_ok() || !run.exists());
    assert_eq!(child.wait().expect("it ends").code(), Some(74));
}

#[test]
fn a_divergence_is_told_with_its_place_and_reaches_no_checkpoint() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let wild = ["train", "--activation", "relu", "--output-activation", "relu", "--optimizer", "sgd", "--lr", "3e4"];
    let args = [&wild[..], &["--out", name(&run), "--checkpoint-every", "1"]].concat();
    let found = summary(&args, 1);
    let fault = &found["diverged"];
    let update = fault["update"].as_u64().expect("an update");
    assert_eq!((&found["outcome"], found["updates"].as_u64()), (&"diverged".into(), Some(update)), "{found}");
    assert!(fault["tensor"].is_string() && fault["index"].is_u64() && fault["lr"] == 3e4, "{fault}");
    assert!(fault["last_finite"]["gradient"].is_f64(), "{fault}");
    let last = entries(&run.join("checkpoints")).pop();
    assert_eq!(last, Some(format!("{:012}.safetensors", update - 1)), "{fault}");
    let end = Curves::read(&run.join("metrics.jsonl")).expect("curves").end.expect("an end");
    assert!(end.fault.is_some() && run.join("report.html").exists(), "{end:?}");
    let said = carrylane(&wild);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("last finite: gradient norm") && said.contains("held for"), "{said}");
}

#[test]
fn what_would_not_fit_into_memory_is_refused_with_both_numbers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let model = folder.path().join("model.safetensors");
    let net = Init::Scaled.model(Config::default(), 0);
    file::save(&model, &net, &BTreeMap::new()).expect("writable");
    let model = name(&model);
    for args in [
        &["train", "--hidden", "32768", "--batch", "16777216", "--bits", "65536"][..],
        &["bench", "--hidden", "32768", "--batch", "16777216", "--bits", "65536"],
        &["gradcheck", "--hidden", "32768", "--batch", "16777216", "--bits", "65536"],
        &["export", model, "--format", "npz", "-o", "x.npz", "--gradients", "--batch", "16777216", "--bits", "65536"],
    ] {
        let output = carrylane(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains("would need") && stderr.contains("GiB are available"), "{args:?}: {stderr}");
    }
}

#[test]
fn settings_in_a_file_are_held_to_the_same_rules() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("config.toml");
    let refused = |text: &str, code: i32, words: &str| {
        fs::write(&path, text).expect("writable");
        let output = carrylane(&["train", "--config", name(&path)]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(code) && stderr.contains(words), "{text}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.lines().count() == 1, "{text}: {stderr}");
    };
    refused("hiden = 8\n", 65, "did you mean 'hidden'?");
    refused("hidden = [8]\n", 65, "want one number or word");
    refused("hidden = \n", 65, "line 1");
    refused("updates = 5\ntime = 1\n", 65, "--updates is one way to end");
    refused("bits = 1\n", 65, "config.toml: line 1: bits is '1', want a whole number from 2 to 65,536");
    refused("lstm-form = \"notebook\"\n", 65, "config.toml: with its settings, --lstm-form goes with");
    refused("until = \"solved\"\nnoise = 0.1\n", 65, "config.toml: with its settings, --noise goes with");
    // The file is to blame, and its line: nobody typed a flag.
    for (line, words) in [
        ("hidden = -3", "hidden is '-3', want a whole number from 1 to 32,768"),
        ("hidden = 0", "hidden is '0', want a whole number from 1 to 32,768"),
        ("bits = 18446744073709551616", "line 3: "),
        ("cell = \"elmann\"", "cell is 'elmann', want elman or dynamic or lstm"),
        ("lr = 1e40", "lr is '"),
        ("time = 1e308", "want a positive number of seconds up to 1e9"),
        ("seed = 9007199254740992", "want a whole number from 0 to 9,007,199,254,740,991"),
        ("hidden = [8]", "hidden is a list, want one number or word"),
    ] {
        for words in [words, "line 3: ", "config.toml"] {
            refused(&format!("# a comment\n\n{line}\n"), 65, words);
        }
    }
    let output = carrylane(&["train", "--config", name(&folder.path().join("none.toml"))]);
    assert_eq!(output.status.code(), Some(65), "{}", String::from_utf8_lossy(&output.stderr));
    // The largest seed there is.
    let run = folder.path().join("run");
    let seed = MAX_EXACT.to_string();
    let first = summary(&["train", "--updates", "3", "--seed", &seed, "--out", name(&run)], 0);
    let again = summary(&["train", "--config", name(&run.join("config.toml"))], 0);
    assert_eq!(first["weights_hash"], again["weights_hash"], "{again}");
}

#[test]
fn event_files_are_whole_records_and_one_after_a_kill_too() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let mut child = start(&["train", "--updates", "100000000", "--out", name(&run), "--tensorboard"]);
    wait_for("rows", || fs::metadata(run.join(EventLog::NAME)).is_ok_and(|file| file.len() > 50_000));
    send("-KILL", &child);
    child.wait().expect("it ends");
    let last = Curves::read(&run.join("metrics.jsonl")).expect("curves").rows.last().expect("rows").update;
    // There was no checkpoint but that of the start: it goes on from there, past where it was.
    let updates = (last + 500).to_string();
    summary(&["train", "--resume", name(&run), "--updates", &updates], 0);
    let bytes = fs::read(run.join(EventLog::NAME)).expect("readable");
    let (mut rest, mut records) = (&bytes[..], 0);
    while !rest.is_empty() {
        let length = usize::try_from(u64::from_le_bytes(rest[..8].try_into().expect("8 bytes"))).expect("a length");
        // CRC-32C a bit at a time, highest bit first, of bytes whose bits come lowest first.
        let bits = |bytes: &[u8]| bytes.iter().flat_map(|byte| (0..8).map(move |k| byte >> k & 1)).collect::<Vec<_>>();
        let step = |crc: u32, bit: u8| (crc << 1) ^ if crc >> 31 == u32::from(bit) { 0 } else { 0x1edc_6f41 };
        let crc = |bytes: &[u8]| (!bits(bytes).into_iter().fold(!0, step)).reverse_bits();
        let crc = |bytes: &[u8]| crc(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes();
        assert_eq!(rest[8..12], crc(&rest[..8]), "record {records}: the check of its length");
        assert_eq!(
            rest[12 + length..16 + length],
            crc(&rest[12..12 + length]),
            "record {records}: the check of its data"
        );
        rest = &rest[16 + length..];
        records += 1;
    }
    let rows = Curves::read(&run.join("metrics.jsonl")).expect("curves").rows.len();
    assert_eq!(records, rows + 1, "one a row, and the version");
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_without_memory_ends_with_an_error_line_and_is_not_aborted() {
    use std::os::unix::process::ExitStatusExt;
    let under = |kib: u32, args: &str| {
        let line = format!("ulimit -v {kib}; exec '{}' {args}", env!("CARGO_BIN_EXE_carrylane"));
        Command::new("sh").args(["-c", &line]).env("RUST_BACKTRACE", "0").output().expect("it runs")
    };
    let output = under(100_000, "train --hidden 2048");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("would need") && stderr.contains("are available"), "{stderr}");
    // Somewhere between what the loader takes and what the program takes, an allocation fails that
    // nobody could ask for beforehand.
    let mut codes = Vec::new();
    for kib in (12_000..52_000).step_by(4000) {
        let output = under(kib, "train --updates 1");
        assert_ne!(output.status.signal(), Some(6), "{kib} KiB: aborted, {}", String::from_utf8_lossy(&output.stderr));
        codes.extend(output.status.code());
    }
    assert!(codes.iter().any(|code| [2, 74].contains(code)), "nothing was refused: {codes:?}");
    assert!(!codes.contains(&70), "a bug: {codes:?}");
}

#[test]
fn a_refuted_net_is_not_recommended_for_adding_and_a_comparison_says_where_runs_ended() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (solved, refuted) = (folder.path().join("solved"), folder.path().join("refuted"));
    let said = |args: &[&str]| String::from_utf8_lossy(&carrylane(args).stdout).into_owned();
    // Right on every pair of the check, and not proved within the budget.
    let end = summary(&["train", "--until", "solved", "--out", name(&solved)], 0);
    let budget = end["updates"].to_string();
    for keep in [&["--out", name(&refuted)][..], &[]] {
        let text = said(&[&["train", "--budget", &budget], keep].concat());
        assert!(text.contains("solved: all") && !text.contains("proved:"), "{text}");
        assert!(!text.contains("carrylane add"), "a net that is refuted: {text}");
        assert_eq!(text.contains("next: carrylane prove "), !keep.is_empty(), "{text}");
    }
    // Rows are kept at some updates only.
    let other = folder.path().join("other");
    summary(&["train", "--updates", "215", "--out", name(&other)], 0);
    let text = said(&["compare", name(&solved), name(&other)]);
    assert!(text.contains(" at update 212 of 215"), "{text}");
}

#[test]
fn counts_have_their_thousands_apart_wherever_they_are_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let samples = summary(&["train", "--out", name(&run)], 0)["samples"].as_u64().expect("a count");
    assert!(samples > 9999, "{samples}");
    let output = carrylane(&["add", "1", "2", "--model", name(&run)]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(&carrylane::task::whole::count(samples)) && !text.contains(&samples.to_string()), "{text}");
    let page = fs::read_to_string(run.join("report.html")).expect("a page");
    assert!(page.contains("0 of 16,384 pairs wrong"), "the page says how it ended");
}
