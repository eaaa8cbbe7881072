//! Every example in a help text, in the README and in the book is run, as it stands there.
#![cfg(unix)]
#![expect(clippy::print_stdout, reason = "tells which examples ran, for --nocapture")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Examples that are about much work: the same with less of it.
const LESS: [(&str, &str); 11] = [
    ("carrylane gradcheck", "carrylane gradcheck --hidden 3 --bits 5 --batch 65"),
    (
        "carrylane gradcheck --simd avx2 --json | tail -1",
        "carrylane gradcheck --simd baseline --hidden 3 --json | tail -1",
    ),
    ("carrylane bench", "carrylane bench --seconds 0.01"),
    ("--hidden 8,16,32,64,128 --engine fused,blas", "--hidden 8,16,32 --engine fused,blas --seconds 0.01"),
    ("--hidden 4,16 --batch 1,8 --population 64", "--hidden 4,16 --batch 1,8 --population 64 --seconds 0.01"),
    ("--simd all --precision f64 --json", "--simd all --precision f64 --json --seconds 0.01"),
    (
        "train --hidden 64 --bits 16 --batch 256 --lr 0.01",
        "train --hidden 64 --bits 16 --batch 256 --lr 0.01 --updates 9",
    ),
    ("carrylane replay 000-dynamic", "carrylane replay 000-dynamic --samples 3000"),
    ("hidden=3,4,6,8,12,16,24,32,48,64 bits=8 seed=0..100", "hidden=3,4,6,8,12,16,24,32,48,64 bits=8 seed=0..1"),
    ("hidden=4,8,16,32 bits=8 seed=0..50", "hidden=4,8,16,32 bits=8 seed=0..2"),
    ("budget=100000 seed=0..10000", "budget=999 seed=0..2"),
];
/// Examples whose answer is no, and is meant to be.
const NO: [&str; 2] =
    ["carrylane compare runs/x runs/y", "carrylane train --activation relu --output-activation relu --optimizer sgd"];

/// What examples take to be there: a run, two more, a sweep, nets of other programs, and the
/// programs that start jobs.
fn fixture() -> &'static TempDir {
    static MADE: OnceLock<TempDir> = OnceLock::new();
    MADE.get_or_init(|| {
        let home = tempfile::tempdir().expect("a temporary folder");
        let path = home.path();
        let bin = path.join("bin");
        for folder in ["bin", ".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions"] {
            fs::create_dir_all(path.join(folder)).expect("writable");
        }
        let sbatch = "#!/bin/sh\necho Submitted batch job 1\n";
        let parallel = "#!/bin/sh\nshift 3\ncommand=\nwhile [ \"$1\" != ::: ]; do command=\"$command $1\"; shift; done\nshift\n\
                        for i; do sh -c \"$(echo \"$command\" | sed \"s/{}/$i/g\")\" || exit 1; done\n";
        // A theorem takes Coq: `scripts/check-theorem.sh`. Here, what it is given is there.
        let coqc = "#!/bin/sh\ntest -s \"$1\" && echo \"$1\"\n";
        for (name, text) in [("sbatch", sbatch), ("parallel", parallel), ("coqc", coqc)] {
            fs::write(bin.join(name), text).expect("writable");
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).expect("writable");
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_carrylane"), bin.join("carrylane")).expect("writable");
        fs::write(path.join("SPEC.toml"), "[grid]\nhidden = [4, 8]\nseed = \"0..3\"\n").expect("writable");
        for line in [
            "carrylane train --out run",
            "carrylane train --seed 7 --out runs/x",
            "carrylane train --seed 8 --out runs/y",
            "carrylane sweep plan hidden=4 updates=9 seed=0..9 -o DIR && carrylane sweep run DIR",
            "carrylane export run --format safetensors-torch -o torch.safetensors",
            "carrylane export run --format npz -o net.npz",
        ] {
            let output = shell(path, line);
            assert!(output.status.success(), "{line}: {output:?}");
        }
        // As another program writes it, that knows nothing of configs.
        let bytes = fs::read(path.join("torch.safetensors")).expect("written");
        let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("tensors");
        let plain = safetensors::serialize(tensors.tensors(), None).expect("tensors");
        fs::write(path.join("own.safetensors"), plain).expect("writable");
        home
    })
}

/// Runs a line as a person at a prompt does.
fn shell(home: &Path, line: &str) -> Output {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("sh");
    command
        .args(["-c", line])
        .current_dir(home)
        .env("HOME", home)
        .env("PATH", format!("{}/bin:{path}", home.display()));
    command.env_remove("CARRYLANE_THREADS").output().expect("a shell")
}

/// Runs examples one after the other, in a folder of their own.
fn all_run(examples: &[String]) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let copied = Command::new("cp").arg("-a").arg(fixture().path().join(".")).arg(home.path()).status();
    assert!(copied.expect("cp").success(), "the folder is copied");
    for example in examples {
        let mut line = example.clone();
        for (much, less) in LESS {
            if much == line || (much != "carrylane gradcheck" && much != "carrylane bench" && line.contains(much)) {
                line = line.replace(much, less);
                break;
            }
        }
        // What it is to write is not there yet, and no other sweep is where it plans one.
        let words: Vec<&str> = line.split_whitespace().collect();
        for pair in words.windows(2).filter(|pair| ["-o", "--out"].contains(&pair[0]) && !pair[1].starts_with('~')) {
            let written = home.path().join(pair[1].trim_end_matches(';'));
            fs::remove_dir_all(&written).or_else(|_| fs::remove_file(&written)).ok();
        }
        println!("{line}");
        let output = shell(home.path(), &line);
        let no = NO.iter().any(|no| example.contains(no)) && !line.contains('|');
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(i32::from(no)), "{line}\n{stdout}{stderr}");
        assert!(!stderr.contains("error: "), "{line}\n{stderr}");
        assert!(!stdout.is_empty() || line.contains('>'), "{line} says nothing");
    }
}

/// The help of a command.
fn help(command: &str) -> String {
    let output = shell(fixture().path(), &format!("COLUMNS=100 carrylane {command} --help"));
    String::from_utf8(output.stdout).expect("text")
}

/// All commands, as their helps name them.
fn commands() -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), vec![String::new()]);
    while let Some(command) = open.pop() {
        let text = help(&command);
        let names = text.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        let names = names.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        open.extend(names.map(|line| format!("{command} {}", line.split_whitespace().next().expect("a name"))));
        found.push(command);
    }
    found
}

/// The examples of a command, lines that were wrapped in one again.
fn examples_of(command: &str) -> Vec<String> {
    let mut examples: Vec<String> = Vec::new();
    let text = help(command);
    for line in text.lines().skip_while(|line| *line != "Examples:").skip(1).take_while(|line| !line.is_empty()) {
        let begins = ["carrylane ", "parallel ", "man "].iter().any(|word| line.trim_start().starts_with(word));
        match examples.last_mut() {
            Some(last) if !begins => last.push_str(&format!(" {}", line.trim())),
            // In the first help, words stand beside.
            _ => examples.push(line.trim().split("  ").next().unwrap_or_default().to_owned()),
        }
    }
    // The system's own program.
    examples.retain(|example| !example.starts_with("man "));
    examples
}

/// A part of all helps; the parts side by side take less time.
fn part(which: usize, of: usize) {
    let commands = commands();
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands.iter().skip(which).step_by(of) {
        let examples = examples_of(command);
        assert!(!examples.is_empty(), "'carrylane{command} --help' has an example");
        all_run(&examples);
    }
}

#[test]
fn every_example_in_a_help_text_works_1() {
    part(0, 3);
}

#[test]
fn every_example_in_a_help_text_works_2() {
    part(1, 3);
}

#[test]
fn every_example_in_a_help_text_works_3() {
    part(2, 3);
}

/// The examples of a page. Returns how many there are.
fn page(text: &str) -> usize {
    let mut tried = 0;
    for block in text.split("```text\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()) {
        let typed = block.lines().filter_map(|line| line.strip_prefix("$ "));
        let typed = typed.map(|line| line.replace("cargo run --release --", "carrylane"));
        let typed: Vec<String> = typed.filter(|line| line.starts_with("carrylane ")).collect();
        tried += typed.len();
        all_run(&typed);
    }
    // In sentences and tables: whole commands with their arguments, on one line.
    for line in text.lines() {
        for span in line.split('`').skip(1).step_by(2).filter(|span| !span.contains('…')) {
            let typed = match span.split_once(' ') {
                Some(("carrylane" | "parallel", rest)) if rest.contains(['-', '=']) => span.to_owned(),
                Some(("sweep", rest)) if rest.contains("DIR") => format!("carrylane {span}"),
                _ => continue,
            };
            tried += 1;
            all_run(&[typed]);
        }
    }
    tried
}

#[test]
fn every_example_in_the_readme_and_in_the_book_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let chapters = fs::read_dir(root.join("src/book")).expect("a folder").map(|entry| entry.expect("an entry").path());
    let chapters = chapters.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let pages = chapters.chain([root.join("README.md")]).map(|path| fs::read_to_string(path).expect("readable"));
    let tried: usize = pages.map(|text| page(&text)).sum();
    assert!(tried > 20, "only {tried} were found");
}
