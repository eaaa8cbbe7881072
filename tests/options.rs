//! Options of a training: each is everywhere by the one table that declares it, and means the same
//! however it is said.

mod common;

use carrylane::sweep::{Plan, Results, Spec, Trial, keys};
use carrylane::train::{Choices, Identity, OPTIONS, OptionKey, Settings, Spelling, ValueKind, text};
use common::report;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

fn carrylane(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_carrylane"))
        .env_remove("CARRYLANE_THREADS")
        .args(args)
        .output()
        .expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The last line of a training that is quick, whether it reaches its goal or not.
fn summary(args: &[&str]) -> Value {
    let (code, stdout, stderr) = carrylane(&[&["train", "--json"], args].concat());
    assert!(code < Some(2), "{args:?}: {stderr}");
    serde_json::from_str(stdout.lines().last().expect("a line")).expect("JSON")
}

fn name(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A value of an option that is not the usual one.
fn another(key: &OptionKey, usual: Option<&Value>) -> String {
    let tried: Vec<String> = match key.kind.some() {
        ValueKind::Word(words) => words(),
        ValueKind::Switch => vec!["true".into(), "false".into()],
        ValueKind::Several(..) => vec!["4+5".into()],
        _ => ["3", "4", "0.5", "0.25"].map(str::to_owned).into(),
    };
    let other = |value: &String| key.read(value).is_ok() && Some(value) != usual.map(text).as_ref();
    tried.into_iter().find(other).expect("there are two")
}

/// What an option goes with.
fn needs(key: &'static OptionKey) -> Vec<(&'static str, String)> {
    let with = match key.name {
        "epochs" => "dataset 8",
        "shuffle" => "dataset 8",
        _ => key.with,
    };
    let with = with.split_once(' ').or_else(|| (!with.is_empty()).then_some((with, "solved")));
    with.map(|(name, value)| (name, value.to_owned())).into_iter().collect()
}

fn settings(choices: &[(&'static str, String)]) -> Settings {
    let mut all = Choices::default();
    for (name, value) in choices {
        let key = OptionKey::find(name, OPTIONS.iter().map(|option| &option.key)).expect("an option");
        all.set(name, key.read(value).expect("a value"));
    }
    Settings::of(&all, Spelling::Keys).expect("they go together")
}

#[test]
fn every_option_is_in_every_place_that_names_options() {
    let mut missing = Vec::new();
    let (_, help, _) = carrylane(&["train", "--help"]);
    let (_, plan_help, _) = carrylane(&["sweep", "plan", "--help"]);
    let folder = tempfile::tempdir().expect("a folder");
    let plan = Plan::new(Spec::from_words(&["updates=1", "hidden=2", "bits=2"]).expect("a spec")).expect("a plan");
    plan.lock(folder.path(), false).expect("writable");
    assert_eq!(carrylane(&["sweep", "run", name(folder.path())]).0, Some(0));
    let results = Results::read(folder.path()).expect("readable");
    let table = String::from_utf8(results.to_bytes(carrylane::sweep::TableFormat::Csv, false)).expect("UTF-8");
    let header: Vec<&str> = table.lines().next().expect("a header").split(',').collect();
    let page = carrylane::report::html("page", &results);
    for option in OPTIONS {
        let key = &option.key;
        let mut choices = needs(key);
        let without = settings(&choices);
        let value = another(key, without.choices().get(key.name));
        choices.push((key.name, value.clone()));
        let with = settings(&choices);
        let line = format!("{} = {}", key.name, key.read(&value).expect("a value"));
        let command = with.command();
        let again: Vec<(&'static str, String)> = OPTIONS
            .iter()
            .filter_map(|option| {
                let (_, rest) = command.split_once(&format!(" --{} ", option.key.name))?;
                Some((option.key.name, rest.split(' ').next()?.to_owned()))
            })
            .collect();
        let ends = ["budget", "updates", "epochs", "time"].contains(&key.name);
        let axis = Spec::from_words(&[format!("{}={value}", key.name)]).is_ok();
        let json = serde_json::to_value(Trial { settings: with.clone(), tests: plan.trial(0).tests }).expect("JSON");
        for (place, there) in [
            ("the flags of train", help.contains(&format!("--{} ", key.name))),
            ("a line of config.toml", with.choices().to_string().lines().any(|other| other == line)),
            ("the id", with.id() != without.id()),
            ("the identity, unless it is a length", (Identity::of(&with) != Identity::of(&without)) != ends),
            ("the command", settings(&again) == with),
            ("a stored trial", json[key.name] == key.read(&value).expect("a value")),
            ("the axes, unless a clock ends it", axis == (key.name != "time")),
            ("the keys of sweep plan", (plan_help.contains(&format!("{},", key.name))) == (key.name != "time")),
            ("the columns of a merged table", header.contains(&key.name) == (key.name != "time")),
            ("the filters of a report", page.contains(&format!("\"name\":\"{}\"", key.name)) == (key.name != "time")),
        ] {
            if !there {
                missing.push(format!("{} is missing in {place}", key.name));
            }
        }
    }
    report(&missing);
    assert_eq!(keys().count(), OPTIONS.len() - 1 + 2, "all but time, and the two of the tests");
}

#[test]
fn settings_by_flags_by_a_file_and_by_a_sweep_give_the_same_net_and_the_same_id() {
    let folder = tempfile::tempdir().expect("a folder");
    for words in [
        "cell=lstm lstm-form=notebook hidden=3 bias=false activation=relu bits=5 batch=32 dataset=100 shuffle=true seed=2 updates=40",
        "hidden=8 bits=4 seed=3 lr=0.05 clip-norm=0.5 until=proved noise=0.4 max-states=5000 budget=900",
        "cell=dynamic hidden=4 bits=3 optimizer=sgd init=uniform output-activation=tanh until=solved budget=50",
        "bits=3 loss=cross-entropy engine=blas dataset=50 epochs=7",
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        let flags: Vec<String> = words.iter().map(|word| format!("--{word}")).collect();
        let by_flags = summary(&flags.iter().map(String::as_str).collect::<Vec<_>>());
        let file = folder.path().join("config.toml");
        let quoted = words.iter().map(|word| word.replace('=', " = '") + "'\n");
        fs::write(&file, quoted.collect::<String>()).expect("writable");
        let by_file = summary(&["--config", name(&file)]);
        let sweep = folder.path().join(by_flags["settings_id"].as_str().expect("an id"));
        assert_eq!(carrylane(&[&["sweep", "plan", "-o", name(&sweep)], &words[..]].concat()).0, Some(0));
        assert_eq!(carrylane(&["sweep", "run", name(&sweep)]).0, Some(0));
        let results = Results::read(&sweep).expect("readable");
        let record = results.records()[0];
        for (how, summary) in [("flags", &by_flags), ("a file", &by_file)] {
            assert_eq!(summary["weights_hash"], record.weights_hash, "by {how} and by a sweep: {words:?}");
            assert_eq!(summary["settings_id"], record.id, "by {how} and by a sweep: {words:?}");
        }
        assert!(record.id.starts_with('t') && record.id == record.config.settings.id(), "{}", record.id);
        let command = record.config.settings.command();
        let again = command.strip_prefix("carrylane train ").expect("a training").split(' ').collect::<Vec<_>>();
        assert_eq!(summary(&again)["settings_id"], record.id, "by the command {command}");
    }
}

#[test]
fn ids_are_the_stored_ones() {
    let mut failures = Vec::new();
    for (words, id) in [
        ("", "t4f3cff2789c76a1c"),
        ("hidden=4 seed=7", "tb993537123ef3536"),
        ("cell=lstm bits=16 until=proved", "t0384d773b2fd20c6"),
        ("clip-norm=0.5 optimizer=sgd updates=100 test-pairs=9", "t96e21c8e56a42a3e"),
    ] {
        let plan = Plan::new(Spec::from_words(&words.split_whitespace().collect::<Vec<_>>()).expect("a spec"));
        let found = plan.expect("a plan").trial(0).id();
        if found != id {
            failures
                .push(format!("{words}: {found}; where a usual value or the way it is written changes, FORM must too"));
        }
    }
    report(&failures);
}

#[test]
fn clip_norm_and_noise_are_axes_like_all_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let sweep = folder.path().join("sweep");
    let words = ["clip-norm=0.5,1,none", "noise=0.2,0.4", "seed=0..3", "until=proved"];
    let (code, stdout, stderr) = carrylane(&[&["sweep", "plan", "-o", name(&sweep)], &words[..]].concat());
    assert!(code == Some(0) && stdout.contains("18 trials"), "{stdout}{stderr}");
    // The same trials, with less to learn.
    let small = folder.path().join("small");
    let words = "clip-norm=0.5,none noise=0.2,0.4 batch=64 seed=0..2 until=proved hidden=4 bits=3 budget=400";
    let words: Vec<_> = words.split(' ').collect();
    assert_eq!(carrylane(&[&["sweep", "plan", "-o", name(&small)], &words[..]].concat()).0, Some(0));
    assert_eq!(carrylane(&["sweep", "run", name(&small)]).0, Some(0));
    let table = folder.path().join("all.csv");
    assert_eq!(carrylane(&["sweep", "merge", name(&small), "-o", name(&table)]).0, Some(0));
    let table = fs::read_to_string(table).expect("merged");
    let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().expect("a header");
    let at = |name: &str| header.iter().position(|other| *other == name).unwrap_or_else(|| panic!("no {name}"));
    let (clip, noise, hash) = (at("clip-norm"), at("noise"), at("weights_hash"));
    let mut all: Vec<_> =
        lines.map(|row| (row[clip].to_owned(), row[noise].to_owned(), row[hash].to_owned())).collect();
    all.sort();
    let pairs: Vec<_> = all.iter().map(|(clip, noise, _)| (clip.as_str(), noise.as_str())).collect();
    let wanted = [("", "0.2"), ("", "0.4"), ("0.5", "0.2"), ("0.5", "0.4")];
    assert_eq!(pairs, wanted.iter().flat_map(|pair| [*pair; 2]).collect::<Vec<_>>());
    all.dedup_by(|a, b| a.2 == b.2);
    assert_eq!(all.len(), 8, "each is another training");
}

#[test]
fn what_older_forms_keep_is_refused_by_their_name_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    // A sweep as the first form locked it.
    let sweep = folder.path().join("sweep");
    fs::create_dir(&sweep).expect("writable");
    let lock = "method = \"grid\"\n\n[grid]\nhidden = \"4,8\"\n\n[fixed]\nlstm_form = \"standard\"\n\n[lock]\ntrials = 2\ndigest = \"0123456789abcdef\"\n";
    fs::write(sweep.join("sweep.toml"), lock).expect("writable");
    for verb in ["run", "status", "merge", "report"] {
        let out = folder.path().join("all.csv");
        let args = ["sweep", verb, name(&sweep), "-o", name(&out)];
        let (code, _, stderr) = carrylane(if ["run", "status"].contains(&verb) { &args[..3] } else { &args });
        assert_eq!(code, Some(65), "{verb}: {stderr}");
        for words in ["sweep.toml: a sweep of form 1", "reads and writes form 3", "plan it again in another folder"] {
            assert!(stderr.contains(words), "{verb}: {stderr}");
        }
    }
    // A run whose checkpoints are of the first form.
    let run = folder.path().join("run");
    summary(&["--updates", "5", "--hidden", "2", "--out", name(&run)]);
    for entry in fs::read_dir(run.join("checkpoints")).expect("a folder") {
        let path = entry.expect("a file").path();
        let mut bytes = fs::read(&path).expect("readable");
        let form = b"carrylane-checkpoint-3";
        let at = bytes.windows(form.len()).position(|window| window == form).expect("it names its form");
        bytes[at + form.len() - 1] = b'1';
        fs::write(&path, bytes).expect("writable");
    }
    let (code, _, stderr) = carrylane(&["train", "--resume", name(&run)]);
    assert_eq!(code, Some(65), "{stderr}");
    for words in ["its format is 'carrylane-checkpoint-1', want 'carrylane-checkpoint-3'", "begins it anew"] {
        assert!(stderr.contains(words), "{stderr}");
    }
    let config = run.join("config.toml");
    let anew = folder.path().join("anew");
    summary(&["--config", name(&config), "--out", name(&anew)]);
}
