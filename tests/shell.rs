//! Comfort at the shell: completions, quiet, colour.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

fn run(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carrylane"));
    for name in ["CARRYLANE_THREADS", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).args(args).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];
const COMMANDS: [&str; 15] = [
    "train",
    "add",
    "eval",
    "gradcheck",
    "prove",
    "explain",
    "export",
    "import",
    "bench",
    "replay",
    "sweep",
    "info",
    "completions",
    "man",
    "sweep plan",
];

#[test]
fn completions_know_every_command_and_its_flags() {
    for shell in SHELLS {
        let ran = run(&["completions", shell], &[]);
        let script = text(&ran.stdout);
        assert!(ran.status.success() && ran.stderr.is_empty(), "{shell}: {ran:?}");
        for command in COMMANDS {
            let last = command.split(' ').next_back().expect("a word");
            assert!(script.contains(last), "{shell}: {command}");
        }
        for word in ["lstm-form", "cross-entropy", "safetensors-torch"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn bash_takes_its_completions_and_completes_with_them() {
    let script = text(&run(&["completions", "bash"], &[]).stdout);
    let Ok(mut bash) = Command::new("bash").args(["--norc"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
    else {
        return;
    };
    let ask = "COMP_WORDS=(carrylane exp) COMP_CWORD=1\n_carrylane carrylane exp carrylane\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
    let mut input = bash.stdin.take().expect("piped");
    input.write_all(format!("{script}\n{ask}").as_bytes()).expect("it listens");
    drop(input);
    let told = text(&bash.wait_with_output().expect("it ends").stdout);
    assert_eq!(told.lines().collect::<Vec<_>>(), ["explain", "export"], "what begins with exp");
}

#[test]
fn help_on_a_full_disk_is_no_success() {
    for args in [&["--help"][..], &["-h"], &["--version"], &["sweep", "plan", "--help"], &["completions", "bash"]] {
        // Only Linux has such a device.
        let Ok(full) = fs::File::options().write(true).open("/dev/full") else { return };
        let mut command = Command::new(env!("CARGO_BIN_EXE_carrylane"));
        let ran = command.args(args).stdout(full).output().expect("it runs");
        assert_eq!(ran.status.code(), Some(74), "{args:?}: {ran:?}");
        assert!(text(&ran.stderr).starts_with("error: standard output: cannot write"), "{args:?}: {ran:?}");
    }
}

#[test]
fn colour_is_as_asked_for() {
    let colored = |args: &[&str], variables: &[(&str, &str)]| {
        let ran = run(args, variables);
        [ran.stdout, ran.stderr].concat().contains(&0x1b)
    };
    assert!(!colored(&["info"], &[]), "a pipe is no terminal");
    assert!(colored(&["info", "--color", "always"], &[]), "always");
    assert!(colored(&["info", "--color", "always"], &[("NO_COLOR", "1")]), "the flag is nearer than the environment");
    assert!(!colored(&["info", "--color", "never"], &[("CLICOLOR_FORCE", "1")]), "never");
    assert!(colored(&["info"], &[("CLICOLOR_FORCE", "1")]), "as the environment says");
    assert!(!colored(&["info"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), "NO_COLOR");
    for args in [&["trian", "--color", "always"][..], &["--help", "--color=always"]] {
        assert!(colored(args, &[]), "{args:?}: errors and help too");
    }
    assert_eq!(run(&["info", "--color", "sometimes"], &[]).status.code(), Some(2), "no such colour");
}

#[test]
fn quiet_leaves_results_and_errors() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().to_str().expect("UTF-8");
    run(&["train", "--updates", "2", "--out", out], &[]);
    let model = folder.path().join("model.safetensors");
    let model = model.to_str().expect("UTF-8");
    // A model whose notes tell of a proof by another version draws a warning.
    let mut saved = carrylane::model::file::load(model.as_ref()).expect("just written");
    for (name, value) in [("proved_q", "3"), ("proved_cell_limit", "2"), ("proved_network", "0")] {
        saved.notes.insert(name.into(), value.into());
    }
    carrylane::model::file::save(model.as_ref(), &saved.model, &saved.notes).expect("writable");
    let loud = run(&["add", "1", "2", "--model", model], &[]);
    assert!(text(&loud.stderr).starts_with("warning: "), "{loud:?}");
    let quiet = run(&["add", "1", "2", "--model", model, "--quiet"], &[]);
    assert_eq!((text(&quiet.stderr), quiet.stdout, quiet.status), (String::new(), loud.stdout, loud.status));
    let refused = run(&["add", "1", "-2", "--quiet"], &[]);
    assert!(text(&refused.stderr).starts_with("error: "), "{refused:?}");
}

#[test]
fn a_script_that_starts_a_daemon_ends_it() {
    let script = fs::read_to_string("scripts/check-sweeps.sh").expect("readable");
    let lines: Vec<&str> = script.lines().map(str::trim).collect();
    let starts = |line: &str| ["slurmctld -", "slurmd -", "runuser "].iter().any(|daemon| line.starts_with(daemon));
    let started: Vec<usize> = (0..lines.len()).filter(|&at| starts(lines[at])).collect();
    assert_eq!(started.len(), 3, "munged, slurmctld and slurmd");
    for at in started {
        assert!(lines[at].ends_with('&') && !lines[at].contains("munged --force"), "in the foreground: {}", lines[at]);
        assert_eq!(lines[at + 1], "started+=($!)", "after {}", lines[at]);
    }
    assert!(!script.contains("|| runuser"), "every daemon is on a line of its own");
}
