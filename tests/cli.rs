//! The command line from outside: what is printed, where, and with which exit code.

mod common;

use carrylane::model::{Config, Init, file};
use carrylane::prove::THEORIES;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

/// A run of the program, and what it came to.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn carrylane(args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carrylane"));
    let output = command.env_remove("CARRYLANE_THREADS").args(args).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let code = output.status.code().unwrap_or_else(|| panic!("{args:?} ended by a signal"));
    Ran { code, stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Asserts that nothing is printed but one line `error: …` with some words in it.
fn refused(args: &[&str], code: i32, words: &[&str]) {
    let ran = carrylane(args);
    let context = format!("{args:?}: exit {}, stdout {:?}, stderr {:?}", ran.code, ran.stdout, ran.stderr);
    assert_eq!(ran.code, code, "{context}");
    assert_eq!(ran.stdout, "", "{context}");
    assert!(ran.stderr.starts_with("error: ") && ran.stderr.lines().count() == 1, "{context}");
    for word in words {
        assert!(ran.stderr.contains(word), "no '{word}': {context}");
    }
}

/// The JSON lines of a run.
fn json(args: &[&str], code: i32) -> Vec<Value> {
    let ran = carrylane(args);
    assert_eq!((ran.code, ran.stderr.as_str()), (code, ""), "{args:?}");
    let lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &lines {
        assert_eq!(line["schema"], 1, "{args:?}: {line}");
    }
    lines
}

/// Asserts that a line begins with some keys, in order.
fn begins_with(line: &str, keys: &[&str]) {
    let mut rest = line;
    for key in keys {
        let quoted = format!("\"{key}\":");
        let at = rest.find(&quoted).unwrap_or_else(|| panic!("no {key}, or not in order: {line}"));
        rest = &rest[at + quoted.len()..];
    }
}

/// Whether a line is as stored, where `[..]` stands for any part of it.
fn is_line(stored: &str, line: &str) -> bool {
    let Some((head, tail)) = stored.split_once("[..]") else { return stored == line };
    let rest = line.strip_prefix(head);
    rest.is_some_and(|rest| (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|rest| is_line(tail, rest))))
}

/// Whether lines are as stored, where `...` stands for any lines.
fn are_lines(stored: &[&str], lines: &[&str]) -> bool {
    match stored {
        [] => lines.is_empty(),
        ["...", rest @ ..] => (0..=lines.len()).any(|skipped| are_lines(rest, &lines[skipped..])),
        [first, rest @ ..] => {
            lines.split_first().is_some_and(|(line, more)| is_line(first, line) && are_lines(rest, more))
        }
    }
}

/// Runs the commands of a stored session, `$ carrylane …` and, but for 0, `? CODE`; and returns the
/// session as it is now. Answers that are as stored stay, and so do lines of others.
fn replayed(session: &str) -> String {
    let mut now = String::new();
    for (place, part) in session.split("```\n").enumerate() {
        let block = part.strip_prefix("$ carrylane ").filter(|_| place % 2 == 1);
        let Some((line, stored)) = block.and_then(|block| block.split_once('\n')) else {
            now += &format!("{}{part}", if place > 0 { "```\n" } else { "" });
            continue;
        };
        let (mut output, both) = std::io::pipe().expect("a pipe");
        let mut command = Command::new(env!("CARGO_BIN_EXE_carrylane"));
        command.args(line.split(' ')).env("COLUMNS", "100").env_remove("CARRYLANE_THREADS");
        let child = command.stdout(both.try_clone().expect("a pipe")).stderr(both).spawn();
        // It holds ends of the pipe too.
        drop(command);
        let mut text = String::new();
        output.read_to_string(&mut text).expect("UTF-8");
        let code = child.and_then(|mut child| child.wait()).expect("it runs").code().expect("an exit code");
        let answer = if code == 0 { text } else { format!("? {code}\n{text}") };
        let [stored_lines, lines] = [stored, &answer].map(|text| text.lines().collect::<Vec<_>>());
        now += &format!("```\n$ carrylane {line}\n");
        if are_lines(&stored_lines, &lines) {
            now += stored;
        } else {
            for line in lines {
                now += &format!("{}\n", stored_lines.iter().find(|stored| is_line(stored, line)).unwrap_or(&line));
            }
        }
    }
    now
}

#[test]
fn the_version_tells_commit_and_features() {
    let (short, long) = (carrylane(&["-V"]).stdout, carrylane(&["--version"]).stdout);
    let rest = long.strip_prefix(short.trim_end()).expect("the version");
    let about = rest.trim_start_matches(" (").trim_end_matches(")\n");
    let (commit, features) = about.split_once("; ").unwrap_or(("", about));
    assert_eq!(features, "features: cli", "{long}");
    let known =
        [".git", ".cargo_vcs_info.json"].iter().any(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join(name).exists());
    let hash = commit.trim_end_matches("-changed");
    assert_eq!(hash.len() >= 7 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), known, "{long}");
}

#[test]
fn help_and_short_answers_are_as_stored() {
    let mut failures = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd");
    for path in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let stored = fs::read_to_string(&path).expect("readable");
        let now = replayed(&stored);
        if now != stored && std::env::var("SNAPSHOTS").is_ok_and(|word| word == "overwrite") {
            fs::write(&path, &now).expect("writable");
        } else if now != stored {
            let lines = stored.lines().zip(now.lines()).find(|(stored, now)| stored != now);
            failures.push(format!("{}: {lines:?}; SNAPSHOTS=overwrite stores what is", path.display()));
        }
    }
    common::report(&failures);
}

#[test]
fn sizes_and_rates_that_make_no_sense_are_refused() {
    for flag in ["--hidden", "--bits", "--batch", "--updates", "--budget", "--threads", "--time"] {
        refused(&["train", flag, "0"], 2, &["'0'", flag]);
        refused(&["train", flag, "-1"], 2, &["'-1'", flag]);
    }
    for rate in ["NaN", "inf", "-inf", "-0.1", "0"] {
        refused(&["train", "--lr", rate], 2, &["--lr", "want a positive number up to 3.4e38"]);
        refused(&["train", "--clip-norm", rate], 2, &["--clip-norm", "want a positive number up to 3.4e38"]);
        refused(&["train", "--time", rate], 2, &["--time", "want a positive number of seconds up to 1e9"]);
        refused(&["bench", "--seconds", rate], 2, &["--seconds", "want a positive number of seconds up to 1e9"]);
    }
    refused(&["train", "--hidden", "4000000000"], 2, &["'4000000000'", "want a whole number from 1 to 32,768"]);
    refused(&["train", "--hidden", "sixteen"], 2, &["'sixteen'", "--hidden"]);
    refused(&["train", "--bits", "65537"], 2, &["'65537' for '--bits <N>'", "want a whole number from 2 to 65,536"]);
    for command in ["gradcheck", "bench"] {
        for flag in ["--hidden", "--bits", "--batch"] {
            refused(&[command, flag, "8,0"], 2, &["'0'", flag, "want a whole number from 1 to"]);
        }
    }
    refused(&["bench", "--threads", "0"], 2, &["'0' for '--threads <N>'"]);
    refused(&["eval", "--bits", "0"], 2, &["'0' for '--bits <LIST>'"]);
    refused(&["eval", "--pairs", "0"], 2, &["'0' for '--pairs <N>'"]);
    refused(&["eval", "--bits", "17", "--pattern", "exhaustive"], 2, &["exhaustive sets go to 16 bits"]);
    refused(&["train", "--updates", "5", "--time", "1"], 2, &["--updates", "--time"]);
    refused(&["train", "--loss", "cross-entropy", "--output-activation", "tanh"], 2, &["sigmoid output, not tanh"]);
}

#[test]
fn unknown_words_are_refused_with_those_that_are_known() {
    refused(&["train", "--cell", "elmann"], 2, &["'elmann'", "tip", "'elman'"]);
    refused(&["train", "--simd", "avx3"], 2, &["'avx3'", "baseline", "tip"]);
    refused(&["train", "--engine", "gpu"], 2, &["'gpu'", "fused"]);
    refused(&["train", "--hiden", "8"], 2, &["'--hiden'", "'--hidden'"]);
    refused(&["trian"], 2, &["'trian'", "'train'"]);
}

#[test]
fn a_level_the_machine_lacks_is_refused_with_those_it_has() {
    let available = carrylane::kernel::SimdLevel::available();
    for level in carrylane::kernel::SimdLevel::ALL {
        if !available.contains(&level) {
            for command in ["train", "eval", "gradcheck", "bench"] {
                refused(&[command, "--simd", &level.to_string()], 2, &["this machine has no", "it has baseline"]);
            }
        }
    }
}

#[test]
fn operands_that_are_no_natural_numbers_are_refused() {
    refused(&["add", "-5", "3"], 2, &["'-5' is negative"]);
    refused(&["add", "3", "-5"], 2, &["'-5' is negative"]);
    refused(&["add", "--", "-0x5", "3"], 2, &["'-0x5' is negative"]);
    refused(&["add", "", "3"], 2, &["empty"]);
    refused(&["add", "3", "12a"], 2, &["'12a' is not a number"]);
    refused(&["add", "1.5", "3"], 2, &["'1.5' is not a number"]);
    refused(&["add", "0b2", "0x"], 2, &["'0b2' is not a number"]);
    refused(&["add", "3"], 2, &["<B>"]);
    refused(&["add", "1", "2", "3"], 2, &["'3'"]);
    refused(&["add", "1", "2", "--modle", "x"], 2, &["'--modle'", "'--model'"]);
}

#[test]
fn a_model_file_that_is_not_whole_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.safetensors");
    let name = path.to_str().expect("UTF-8");
    let with_model = |words: &[&str]| {
        refused(&["add", "1", "2", "--model", name], 65, words);
        refused(&["eval", "--model", name], 65, words);
    };
    with_model(&["no such model file", "carrylane train --out"]);
    fs::write(&path, "").expect("writable");
    with_model(&["empty"]);
    fs::write(&path, "a text, no model at all").expect("writable");
    with_model(&["not a whole safetensors file"]);

    let mut model = Init::Scaled.model(Config { hidden: 3, ..Config::default() }, 0);
    file::save(&path, &model, &BTreeMap::new()).expect("writable");
    let whole = fs::read(&path).expect("readable");
    let write = |bytes: &[u8]| fs::write(&path, bytes).expect("writable");
    write(&whole[..whole.len() - 5]);
    with_model(&["not a whole safetensors file"]);
    let mut flipped = whole.clone();
    *flipped.last_mut().expect("not empty") ^= 1;
    write(&flipped);
    with_model(&["checksum"]);
    let mut shapes = whole.clone();
    let at = whole.windows(12).position(|w| w == b"\\\"hidden\\\":3").expect("the config is in the header");
    shapes[at + 11] = b'4';
    write(&shapes);
    with_model(&["tensor w_ih", "its config wants"]);
    model.params[7] = f32::NAN;
    file::save(&path, &model, &BTreeMap::new()).expect("writable");
    with_model(&["w_hh", "NaN"]);
    // A folder is one of a run, or should be.
    let other = folder.path().join("other");
    fs::create_dir(&other).expect("writable");
    refused(&["add", "1", "2", "--model", other.to_str().expect("UTF-8")], 65, &["no such model file"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_training() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("file");
    fs::write(&file, "kept").expect("writable");
    for below in ["", "run", "deep/run"] {
        let out = file.join(below);
        refused(&["train", "--out", out.to_str().expect("UTF-8")], 74, &["cannot"]);
    }
    assert_eq!(fs::read_to_string(&file).expect("readable"), "kept", "the file in the way is as it was");
    refused(&["train", "--out", ""], 2, &["--out"]);
}

fn entries(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable").file_name());
    names.map(|name| name.into_string().expect("UTF-8")).collect()
}

#[test]
fn a_training_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("deep/run");
    let out = out.to_str().expect("UTF-8");
    refused(&["train", "--out", out, "--hidden", "0"], 2, &["--hidden"]);
    refused(&["train", "--out", out, "--config", "none.toml"], 65, &["no such file"]);
    refused(&["train", "--out", out, "--hidden", "30000", "--bits", "65536"], 2, &["GiB are available"]);
    assert!(entries(folder.path()).is_empty(), "left {:?}", entries(folder.path()));
    // One that diverges keeps what it was made from and how far it came, and no net.
    let ran = carrylane(&["train", "--out", out, "--activation", "relu", "--lr", "1e30"]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("diverged: ") && ran.stdout.contains(" at update "), "{}", ran.stdout);
    assert!(!Path::new(out).join("model.safetensors").exists(), "left {:?}", entries(Path::new(out)));
}

#[test]
fn train_solves_keeps_its_net_and_add_and_eval_use_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    let lines = json(&["train", "--json", "--seed", "1", "--out", out.to_str().expect("UTF-8")], 0);
    let (summary, updates) = lines.split_last().expect("lines");
    assert!(
        updates.len() >= 6 && updates[..updates.len() - 1].iter().all(|line| line["type"] == "update"),
        "the error as it fell: {updates:?}"
    );
    assert_eq!(summary["type"], "summary");
    assert_eq!(
        (&summary["solved"], &summary["pairs_wrong"], &summary["pairs_total"]),
        (&true.into(), &0.into(), &16_384.into())
    );
    assert_eq!(summary["samples"].as_u64(), summary["updates"].as_u64().map(|n| 32 * n), "32 a batch");
    assert!(entries(&out).contains(&"model.safetensors".to_owned()), "{:?}", entries(&out));

    let model = out.join("model.safetensors");
    let model = model.to_str().expect("UTF-8");
    let wide = format!("0x{}", "f".repeat(1024));
    let sum = json(&["add", &wide, "1", "--model", model, "--json"], 0).pop().expect("a line");
    assert_eq!(sum["correct"], true, "4,096 carries in a row");
    assert_eq!(sum["weights_hash"], summary["weights_hash"], "the same net");
    let lines = json(&["eval", "--model", model, "--bits", "8,100", "--pairs", "500", "--json"], 0);
    let sets: Vec<_> = lines.iter().filter(|line| line["type"] == "eval").collect();
    let seen: Vec<_> = sets.iter().map(|s| (s["bits"].as_u64(), s["pattern"].as_str(), s["pairs"].as_u64())).collect();
    let row = |bits, pattern, pairs| (Some(bits), Some(pattern), Some(pairs));
    let wanted = [
        row(8, "exhaustive", 16_384),
        row(8, "adversarial", 128),
        row(100, "uniform", 500),
        row(100, "adversarial", 128),
    ];
    assert_eq!(seen, wanted);
    assert!(sets.iter().all(|set| set["wrong"] == 0), "{sets:?}");
}

#[test]
fn a_net_that_has_not_learned_is_a_no() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().to_str().expect("UTF-8");
    let ran = carrylane(&["train", "--budget", "3", "--out", out]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("of 16,384 pairs wrong after 3 updates"), "{}", ran.stdout);
    let model = folder.path().join("model.safetensors");
    let model = model.to_str().expect("UTF-8");
    let ran = carrylane(&["add", "200", "123", "--model", model]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("✗ the sum is 323"), "{}", ran.stdout);
    assert_eq!(json(&["add", "200", "123", "--model", model, "--json"], 1)[0]["correct"], false);
    let last = json(&["eval", "--model", model, "--json"], 1).pop().expect("a summary");
    assert!(last["wrong"].as_u64() > Some(0), "{last}");
    // So many updates were asked for, and so many were made: that is a yes, solved or not.
    assert_eq!(json(&["train", "--updates", "3", "--json"], 0).last().expect("a summary")["solved"], false);
}

#[test]
fn threads_and_fused_levels_change_no_bit() {
    let hash = |extra: &[&str]| {
        let args = [&["train", "--updates", "20", "--batch", "2048", "--hidden", "32", "--json"], extra].concat();
        json(&args, 0).pop().expect("a summary")["weights_hash"].clone()
    };
    let one = hash(&["--threads", "1"]);
    for threads in ["2", "4"] {
        assert_eq!(one, hash(&["--threads", threads]), "{threads} threads");
    }
    let fused = carrylane::kernel::SimdLevel::available().into_iter().filter(|level| level.fused_multiply_add());
    let hashes: Vec<_> = fused.map(|level| (level, hash(&["--simd", &level.to_string()]))).collect();
    assert!(hashes.windows(2).all(|pair| pair[0].1 == pair[1].1), "{hashes:?}");
}

#[test]
fn gradcheck_compares_and_says_how_it_went() {
    let args = ["gradcheck", "--hidden", "3", "--bits", "2,5", "--batch", "65", "--json"];
    let lines = json(&args, 0);
    let (summary, comparisons) = lines.split_last().expect("lines");
    assert_eq!(summary["comparisons"], comparisons.len());
    assert_eq!((&summary["ok"], &summary["failed"]), (&true.into(), &0.into()));
    for c in comparisons {
        assert!(c["max_relative_error"].as_f64() <= c["tolerance"].as_f64() && c["ok"] == true, "{c}");
    }
    let text = carrylane(&args[..args.len() - 1]);
    assert!(text.code == 0 && text.stdout.contains("all within tolerance"), "{}", text.stdout);
}

#[test]
fn bench_measures_each_row_beside_peak_and_reference() {
    let lines = json(&["bench", "--hidden", "16", "--engine", "fused,blas", "--seconds", "0.05", "--json"], 0);
    let rows: Vec<_> = lines.iter().filter(|line| line["type"] == "bench").collect();
    assert_eq!(rows.iter().map(|row| row["engine"].as_str()).collect::<Vec<_>>(), [Some("fused"), Some("blas")]);
    for row in rows {
        let number = |key: &str| row[key].as_f64().unwrap_or_else(|| panic!("no {key}: {row}"));
        let dense = number("samples_per_s") * 6.0 * 256.0 * 7.0 / 1e9;
        assert!((number("dense_gflops") / dense - 1.0).abs() < 1e-9, "6·H²·(T−1) flop a sample: {row}");
        let shared = number("gflops") / dense;
        assert!((0.2..0.6).contains(&shared), "of 1,024 samples of 8 bits four in ten products are left: {row}");
        let ratio = number("samples_per_s") / number("reference_samples_per_s");
        assert!((number("ratio") / ratio - 1.0).abs() < 1e-9, "{row}");
        assert!(number("peak_share") > 0.0 && number("peak_gflops") > 0.0, "{row}");
        assert!(
            number("best_samples_per_s") >= number("samples_per_s"),
            "the best part is no slower than the median: {row}"
        );
    }
}

#[test]
fn json_lines_keep_their_keys_in_order() {
    let summary = carrylane(&["train", "--json"]).stdout;
    let keys = "type schema solved pairs_wrong pairs_total updates samples seconds samples_per_s weights_hash settings_id \
                settings batch bits cell hidden seed level threads";
    begins_with(summary.lines().last().expect("lines"), &keys.split(' ').collect::<Vec<_>>());
    let line = carrylane(&["gradcheck", "--hidden", "1", "--bits", "1", "--batch", "1", "--json"]).stdout;
    let keys = "type schema cell against precision level hidden bits batch max_relative_error tolerance ok";
    begins_with(line.lines().next().expect("lines"), &keys.split(' ').collect::<Vec<_>>());
    let line = carrylane(&["bench", "--hidden", "2", "--seconds", "0.01", "--json"]).stdout;
    let keys = "type schema cell hidden bits batch engine level precision threads samples_per_s gflops peak_gflops peak_share \
                reference_samples_per_s ratio";
    begins_with(line.lines().next().expect("lines"), &keys.split(' ').collect::<Vec<_>>());
    begins_with(&carrylane(&["add", "1", "2", "--json"]).stdout, &["type", "schema", "a", "b", "sum", "correct"]);
    begins_with(&carrylane(&["eval", "--json"]).stdout, &["type", "schema", "bits", "pairs", "wrong", "pattern"]);
    begins_with(
        &carrylane(&["info", "--json"]).stdout,
        &["type", "schema", "version", "processor", "cores", "levels", "best"],
    );
}

#[test]
fn what_has_no_effect_is_refused_by_every_command() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    carrylane(&["train", "--updates", "3", "--out", run.to_str().expect("UTF-8")]);
    let model = run.join("model.safetensors");
    let model = model.to_str().expect("UTF-8");
    for (args, words) in [
        (&["train", "--until", "solved", "--noise", "0.3"][..], "--noise goes with --until proved"),
        (&["train", "--until", "solved", "--max-states", "10"], "--max-states goes with --until proved"),
        (&["train", "--updates", "3", "--noise", "0.3"], "--noise goes with --until proved"),
        (&["train", "--cell", "dynamic", "--max-states", "10"], "--max-states goes with --until proved"),
        (&["train", "--hidden", "65", "--noise", "0.3"], "--noise goes with --until proved"),
        (&["train", "--updates", "3", "--tensorboard"], "--tensorboard goes with a run folder"),
        (&["train", "--updates", "3", "--checkpoint-every", "2"], "--checkpoint-every goes with a run folder"),
        (&["train", "--updates", "3", "--shuffle"], "--shuffle goes with --dataset"),
        (&["train", "--epochs", "3"], "epochs count passes over a fixed set"),
        (&["train", "--updates", "3", "--lstm-form", "standard"], "--lstm-form goes with --cell lstm"),
        (&["add", "1", "2", "--model", model, "--seed", "4"], "--seed goes with random numbers"),
        (&["eval", "--model", model, "--bits", "8", "--seed", "4"], "--seed goes with random numbers"),
        (&["eval", "--model", model, "--bits", "8", "--pairs", "4"], "--pairs goes with random additions"),
        (&["eval", "--pattern", "adversarial", "--pairs", "4"], "--pairs goes with random additions"),
        (&["gradcheck", "--defects", "--hidden", "3"], "'--defects' cannot be used with"),
        (&["gradcheck", "--defects", "--cell", "lstm"], "'--defects' cannot be used with"),
        (&["prove", "--check", "none.proof", "--max-states", "9"], "'--check <FILE>' cannot be used with"),
        (&["prove", "--check", "none.proof", "--simd", "baseline"], "'--check <FILE>' cannot be used with"),
        (&["prove", model, "--cell-limit", "2"], "--cell-limit goes with an LSTM"),
        (&["bench", "--engine", "reference", "--simd", "baseline", "--seconds", "0.01"], "--simd goes with another"),
        (&["export", model, "--format", "onnx", "-o", "x", "--gradients"], "--gradients goes with --format npz"),
    ] {
        refused(args, 2, &[words]);
    }
    // What has one is taken.
    for args in [
        &["eval", "--model", model, "--bits", "16", "--pairs", "64", "--seed", "4"][..],
        &["bench", "--engine", "reference", "--seconds", "0.01"],
    ] {
        assert_ne!(carrylane(args).code, 2, "{args:?}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().to_str().expect("UTF-8");
    let gradcheck = ["gradcheck", "--hidden", "1", "--bits", "8", "--json"];
    for args in [&gradcheck[..], &["train", "--json", "--out", out], &["add", "1", "2", "--steps"], &["--help"]] {
        let program = env!("CARGO_BIN_EXE_carrylane");
        let mut child =
            Command::new(program).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdout.take());
        let ended = child.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{args:?}");
        assert!(ended.status.success(), "{args:?}: {}", ended.status);
    }
    let kept = entries(folder.path()).contains(&"model.safetensors".to_owned());
    assert!(kept, "nobody listened, and the net is kept all the same");
}

#[test]
fn threads_may_come_from_the_environment() {
    let with = |threads: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carrylane"));
        command.env("CARRYLANE_THREADS", threads).args(["train", "--json"]).output().expect("it runs")
    };
    let output = with("3");
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"threads\":3"), "{output:?}");
    let cores = with("");
    assert!(cores.status.success(), "an empty word is none: {cores:?}");
    for (word, wanted) in [("none", "'none'"), ("0", "'0'"), ("-1", "'-1'"), ("1.5", "'1.5'")] {
        let output = with(word);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        let words = format!("error: CARRYLANE_THREADS is {wanted}, want a whole number from 1 to 1,024\n");
        assert_eq!(stderr, words, "the variable is to blame, and no flag");
    }
}

#[test]
fn text_has_no_colour_where_it_is_not_wanted() {
    let ran = carrylane(&["train"]);
    assert!(!ran.stdout.contains('\x1b'), "a pipe is no terminal: {}", ran.stdout);
    assert_eq!(ran.stderr, "", "and a short run tells no progress");
}

#[test]
fn a_plain_training_ends_with_a_proof_and_add_runs_the_proved_network() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let lines = json(&["train", "--seed", "2", "--out", &path("run"), "--json"], 0);
    let [.., proof, summary] = &lines[..] else { panic!("two lines") };
    assert_eq!((&proof["type"], &proof["verdict"]), (&"proof".into(), &"proved".into()), "{proof}");
    assert_eq!((&proof["automaton_states"], &proof["counterexample"]), (&2.into(), &Value::Null), "{proof}");
    assert_eq!((&summary["type"], &summary["proved"]), (&"summary".into(), &true.into()), "{summary}");
    let text = carrylane(&["train", "--seed", "2"]).stdout;
    assert!(
        text.contains("proved (integer network, q = ") && text.contains("proved (floats, any evaluation "),
        "{text}"
    );

    let model = path("run/model.safetensors");
    let sum = json(&["add", &format!("0x{}", "f".repeat(2000)), "1", "--model", &model, "--json"], 0).remove(0);
    assert_eq!(sum["arithmetic"], "float", "floats that are proved answer");
    assert!(sum["proved"] == true && sum["correct"] == true, "{sum}");
    let text = carrylane(&["add", "1", "2", "--model", &model]).stdout;
    let hash = proof["floats"]["certificate_hash"].as_str().expect("a hash");
    assert!(
        text.contains(&format!("by its floats, proved to add correctly at every bit width (certificate {hash})")),
        "{text}"
    );
    let plain = json(&["train", "--until", "solved", "--out", &path("plain"), "--json"], 0);
    assert!(plain.iter().all(|line| line["type"] != "proof"), "solved is all that was asked for");
    let sum = json(&["add", "1", "2", "--model", &path("plain/model.safetensors"), "--json"], 0).remove(0);
    assert_eq!(sum["arithmetic"], "integer", "proved in an instant");
}

#[test]
fn prove_certifies_checks_and_draws() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    for (name, seed) in [("one", "0"), ("other", "1")] {
        json(&["train", "--hidden", "8", "--seed", seed, "--out", &path(name), "--json"], 0);
    }
    let (model, other) = (path("one/model.safetensors"), path("other/model.safetensors"));
    let (certificate, svg) = (path("proof"), path("a.svg"));
    let lines = json(&["prove", &model, "--certificate", &certificate, "--svg", &svg, "--json"], 0);
    let [walks @ .., proof, summary] = &lines[..] else { panic!("two lines") };
    assert!(!walks.is_empty() && walks.iter().all(|line| line["type"] == "walk"), "{walks:?}");
    assert_eq!((&proof["verdict"], &summary["network_hash"]), (&"proved".into(), &proof["network_hash"]));
    assert!(fs::read_to_string(&svg).expect("written").starts_with("<svg"), "a picture");

    let checked = json(&["prove", "--check", &certificate, "--json"], 0).remove(0);
    assert_eq!((&checked["holds"], &checked["network_hash"]), (&true.into(), &proof["network_hash"]));
    assert_eq!((&checked["states"], &checked["margin"]), (&proof["states"], &proof["margin"]));
    json(&["prove", &model, "--check", &certificate, "--json"], 0);
    refused(&["prove", &other, "--check", &certificate], 65, &["of another model"]);
    refused(&["prove", "--check", &model], 65, &["does not begin with the line 'carrylane proof 1'"]);
    refused(&["prove", "--check", &path("none")], 74, &["cannot read"]);
    let mut bytes = fs::read(&certificate).expect("readable");
    bytes[300] ^= 4;
    fs::write(&certificate, &bytes).expect("writable");
    refused(&["prove", "--check", &certificate], 65, &["hash does not match"]);
    fs::write(&certificate, &bytes[..100]).expect("writable");
    refused(&["prove", "--check", &certificate], 65, &["hash does not match"]);

    let lines = json(&["explain", &model, "--out", &path("pictures"), "--json"], 0);
    assert_eq!(lines.iter().filter(|line| line["type"] == "unit").count(), 8, "a line a unit");
    let summary = lines.last().expect("a summary");
    assert_eq!((&summary["full_adder"], &summary["failing_path"]), (&true.into(), &Value::Null));
    let mut pictures = entries(&folder.path().join("pictures"));
    pictures.sort();
    assert_eq!(pictures, ["automaton.svg", "states.svg"]);
}

#[test]
fn prove_certifies_the_floats_and_check_tells_the_theorems_apart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (model, other, floats, integer) = (path("adder"), path("other"), path("floats"), path("integer"));
    let adder = common::hand_made_adder().cast();
    file::save(Path::new(&model), &adder, &BTreeMap::new()).expect("writable");
    let mut moved = adder;
    moved.params[0] += 0.5;
    file::save(Path::new(&other), &moved, &BTreeMap::new()).expect("writable");
    let args = ["prove", &model, "--float-certificate", &floats, "--certificate", &integer];
    let text = carrylane(&args).stdout;
    assert!(
        text.contains("proved (floats, any evaluation within ε = 2.2e-6): adds correctly at every bit width"),
        "{text}"
    );
    assert!(text.contains("proved (integer network, q = "), "{text}");
    let lines = json(&[&args[..], &["--json"]].concat(), 0);
    let proved = &lines[lines.len() - 2]["floats"];
    assert_eq!((&proved["holds"], &proved["boxes"], &proved["memory"]), (&true.into(), &3.into(), &0.into()));
    for format in ["onnx", "safetensors-torch"] {
        let exported = path(format);
        json(&["export", &model, "--format", format, "-o", &exported, "--json"], 0);
        let bytes = fs::read(&exported).expect("written");
        let hash = proved["certificate_hash"].as_str().expect("a hash").as_bytes();
        assert!(bytes.windows(hash.len()).any(|window| window == hash), "{format} names the floats' certificate");
    }

    let checked = json(&["prove", &model, "--check", &floats, "--json"], 0).remove(0);
    assert_eq!((&checked["floats"], &checked["holds"], &checked["boxes"]), (&true.into(), &true.into(), &3.into()));
    assert_eq!((&checked["epsilon"], &checked["margin"]), (&proved["epsilon"], &proved["margin"]));
    assert!(carrylane(&["prove", "--check", &floats]).stdout.contains("holds: the net, evaluated in floats within ε"));
    assert!(carrylane(&["prove", "--check", &integer]).stdout.contains("holds: the integer network"));
    refused(&["prove", &other, "--check", &floats], 65, &["of another model"]);
    let bytes = fs::read(&floats).expect("readable");
    for (bytes, problem) in [
        (bytes[..40].to_vec(), "cut short"),
        (bytes[..bytes.len() - 1].to_vec(), "hash does not match"),
        ([&bytes[..], b"more"].concat(), "hash does not match"),
    ] {
        fs::write(&floats, bytes).expect("writable");
        refused(&["prove", "--check", &floats], 65, &[problem]);
    }
    let random = Init::Scaled.model(Config::default(), 0);
    file::save(Path::new(&model), &random, &BTreeMap::new()).expect("writable");
    let ran = carrylane(&["prove", &model, "--float-certificate", &path("none")]);
    assert!(ran.code == 1 && ran.stdout.contains("not proved (floats): "), "{}", ran.stdout);
    assert!(ran.stderr.contains("no certificate") && !folder.path().join("none").exists(), "{}", ran.stderr);
}

#[test]
fn prove_writes_theorems_for_coq_from_a_model_or_its_certificates_and_none_where_nothing_is_proved() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (run, proof, floats) = (path("run"), path("proof"), path("floats"));
    let (both, integers, boxes, none) = (path("a/b/both"), path("integers"), path("boxes"), path("none"));
    json(&["train", "--hidden", "8", "--until", "proved", "--out", &run, "--json"], 0);
    let lines =
        json(&["prove", &run, "--certificate", &proof, "--float-certificate", &floats, "--coq", &both, "--json"], 0);
    json(&["prove", "--check", &proof, "--coq", &integers, "--json"], 0);
    json(&["prove", "--check", &floats, "--coq", &boxes, "--json"], 0);
    let theories = ["Floats.v", "FloatsProof.v", "FloatsReals.v", "Theory.v"];
    let of_floats = [&["FloatNet.v"][..], &theories].concat();
    let all = [&of_floats[..4], &["Net.v", "Theory.v"]].concat();
    for (folder, wanted) in [(&both, &all), (&integers, &vec!["Net.v", "Theory.v"]), (&boxes, &of_floats)] {
        let mut files = entries(Path::new(folder));
        files.sort();
        assert_eq!(files, *wanted, "written whole, and nothing is left behind");
        let read = |folder: &str, name: &str| fs::read_to_string(Path::new(folder).join(name)).expect("written");
        for name in files {
            assert_eq!(read(folder, &name), read(&both, &name), "{folder}: {name}");
            let theory = THEORIES.iter().find(|(theory, _)| *theory == name);
            assert!(theory.is_none_or(|(_, text)| read(folder, &name) == *text), "{name}");
        }
    }
    let names = [
        ("Net.v", &lines[lines.len() - 1]["network_hash"]),
        ("FloatNet.v", &json(&["prove", "--check", &floats, "--json"], 0)[0]["net_hash"]),
    ];
    for (file, name) in names {
        let text = fs::read_to_string(Path::new(&both).join(file)).expect("written");
        assert!(text.contains(name.as_str().expect("a hash")), "its name");
    }
    let model = path("random.safetensors");
    file::save(Path::new(&model), &Init::Scaled.model(Config::default(), 0), &BTreeMap::new()).expect("writable");
    let told = carrylane(&["prove", &model, "--coq", &none]);
    assert!(told.stderr.contains("nothing is proved, so there is no theorem"), "{}", told.stderr);
    assert!(entries(Path::new(&none)).is_empty(), "nothing is written");
    refused(&["prove", &run, "--coq", "-"], 2, &["- is standard output, want a folder"]);
    fs::copy(&proof, Path::new(&integers).join("Net.v")).expect("writable");
    let as_net = path("integers/Net.v");
    refused(&["prove", "--check", &as_net, "--coq", &integers], 2, &["Net.v", "among the files that are read"]);
    refused(&["prove", &run, "--coq", &proof], 74, &["proof: cannot create"]);
}

#[test]
fn prove_refutes_with_a_sum_that_fails_and_says_when_it_does_not_know() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().to_str().expect("UTF-8");
    json(&["train", "--until", "solved", "--out", out, "--json"], 0);
    let model = folder.path().join("model.safetensors");
    let model = model.to_str().expect("UTF-8");
    let lines = json(&["prove", model, "--q", "1", "--json"], 1);
    let proof = &lines[lines.len() - 2];
    let keys = [
        "type",
        "schema",
        "verdict",
        "q",
        "cell_limit",
        "states",
        "depth",
        "transitions",
        "transitions_per_s",
        "seconds",
        "margin",
        "automaton_states",
        "counterexample",
        "a",
        "b",
        "bits",
    ];
    let line = carrylane(&["prove", model, "--q", "1", "--json"]).stdout;
    begins_with(line.lines().nth(1).expect("a line"), &[&keys[..], &["certificate_hash", "network_hash"]].concat());
    let failing = &proof["counterexample"];
    assert_eq!((&proof["verdict"], &proof["certificate_hash"]), (&"refuted".into(), &Value::Null), "{proof}");
    assert_ne!(failing["integer_answer"], failing["sum"], "{failing}");
    assert_eq!(failing["float_answer"], failing["sum"], "the float net has learned that much: {failing}");
    let text = carrylane(&["prove", model, "--q", "1"]).stdout;
    assert!(text.contains("refuted: ") && text.contains("no addition of fewer than"), "{text}");
    let lines = json(&["prove", model, "--q", "4", "--max-states", "20", "--json"], 1);
    assert_eq!(lines[lines.len() - 2]["verdict"], "undecided");
    let lines = json(&["explain", model, "--max-states", "3000", "--json"], 0);
    assert!(lines.last().expect("a summary")["network_hash"].is_string(), "{lines:?}");
}

#[test]
fn what_cannot_be_proved_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.safetensors");
    let name = path.to_str().expect("UTF-8");
    refused(&["prove"], 2, &["<MODEL>"]);
    refused(&["prove", name], 65, &["no such model file"]);
    let mut model = Init::Scaled.model(Config { hidden: 3, ..Config::default() }, 0);
    file::save(&path, &model, &BTreeMap::new()).expect("writable");
    refused(&["prove", name, "--q", "7"], 2, &["'7' for '--q <N>'", "from 0 to 6"]);
    refused(&["prove", name, "--q", "-1"], 2, &["-1"]);
    refused(&["prove", name, "--max-states", "0"], 2, &["'0' for '--max-states <N>'"]);
    refused(&["prove", name, "--check", name, "--q", "1"], 2, &["--q"]);
    refused(&["train", "--until", "proved", "--engine", "reference"], 2, &["noise", "until solved"]);
    refused(&["train", "--noise", "-1"], 2, &["--noise", "want a number from 0 to 10"]);
    refused(&["train", "--max-states", "0"], 2, &["'0' for '--max-states <N>'"]);
    model.params[8] = 3e5;
    file::save(&path, &model, &BTreeMap::new()).expect("writable");
    refused(&["prove", name], 65, &["a weight of w_hh is 300000, beyond the ±262144 of its fixed point"]);
    refused(&["explain", name], 65, &["262144"]);
    model.params[8] = f32::NAN;
    file::save(&path, &model, &BTreeMap::new()).expect("writable");
    refused(&["prove", name], 65, &["w_hh", "NaN"]);
}

#[test]
fn add_runs_the_integer_network_wherever_a_proof_takes_no_time_and_says_which_arithmetic_answered() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.safetensors");
    let add = |code: i32| {
        let args = ["add", "200", "123", "--model", path.to_str().expect("UTF-8")];
        let (text, line) = (carrylane(&args), json(&[&args[..], &["--json"]].concat(), code).remove(0));
        assert_eq!((text.code, text.stderr.as_str()), (code, ""), "{}", text.stdout);
        (text.stdout, line["arithmetic"].clone())
    };
    // No note says that this one is proved.
    let adder = common::hand_made_adder().cast();
    file::save(&path, &adder, &BTreeMap::new()).expect("writable");
    let (text, arithmetic) = add(0);
    assert!(text.contains("by its floats, proved to add correctly"), "{text}");
    assert_eq!(arithmetic, "float");
    let random = Init::Scaled.model(Config::default(), 0);
    file::save(&path, &random, &BTreeMap::new()).expect("writable");
    let (text, arithmetic) = add(1);
    assert!(text.contains("by its float net, for which no proof is at hand"), "{text}");
    assert_eq!(arithmetic, "float");
}

#[test]
fn a_run_folder_stands_for_the_net_in_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let run = run.to_str().expect("UTF-8");
    json(&["train", "--out", run, "--json"], 0);
    let net = folder.path().join("net.npz");
    for args in [
        &["add", "1", "2", "--model", run][..],
        &["eval", "--bits", "4", "--model", run],
        &["prove", run],
        &["explain", run],
        &["export", run, "--format", "npz", "-o", net.to_str().expect("UTF-8")],
    ] {
        let ran = carrylane(args);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{args:?}: {}", ran.stdout);
    }
}
