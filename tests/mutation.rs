//! Whether a gradient check can fail: one sign of the kernel's backward pass is flipped in a copy of the sources, and `gradcheck` of the
//! program built from it must say no.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Where the sign is, and the line without and with the defect: σ′ = y (1 − y).
const FILE: &str = "src/kernel/rows.rs";
const RIGHT: &str = "Activation::Sigmoid => y * (splat(F::one()) - y),";
const WRONG: &str = "Activation::Sigmoid => y * (splat(F::one()) + y),";

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder below the target folder");
    for entry in fs::read_dir(from).expect("a folder of sources").map(|entry| entry.expect("an entry")) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a file of sources");
        }
    }
}

fn gradcheck(program: &Path) -> Output {
    let mut command = Command::new(program);
    command.args(["gradcheck", "--hidden", "3", "--bits", "8", "--batch", "65"]);
    command.output().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

#[test]
fn gradcheck_fails_when_a_sign_of_the_backward_pass_is_flipped() {
    let whole = gradcheck(Path::new(env!("CARGO_BIN_EXE_carrylane")));
    assert_eq!(whole.status.code(), Some(0), "as it is: {}", String::from_utf8_lossy(&whole.stdout));

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutation");
    let copied = folder.join("sources");
    if copied.exists() {
        fs::remove_dir_all(&copied).expect("the copy of an earlier run");
    }
    copy(&root.join("src"), &copied.join("src"));
    copy(&root.join("benches"), &copied.join("benches"));
    for file in ["Cargo.toml", "Cargo.lock"] {
        fs::copy(root.join(file), copied.join(file)).expect("a file of the root");
    }
    let text = fs::read_to_string(copied.join(FILE)).expect("readable");
    assert_eq!(text.matches(RIGHT).count(), 1, "{FILE} holds '{RIGHT}' not once: show the mutation where σ′ is now");
    fs::write(copied.join(FILE), text.replace(RIGHT, WRONG)).expect("a file below the target folder");

    // Under a name of its own it finds the dependencies that are built already. Made to be built quickly, not to be fast.
    let manifest = fs::read_to_string(copied.join("Cargo.toml")).expect("readable");
    let renamed = manifest.replacen("[[bin]]\nname = \"carrylane\"", "[[bin]]\nname = \"carrylane-mutant\"", 1);
    assert_ne!(renamed, manifest, "the program's entry in Cargo.toml");
    fs::write(copied.join("Cargo.toml"), renamed).expect("a file below the target folder");
    let mut build = Command::new(env!("CARGO"));
    build.current_dir(&copied).args([
        "build",
        "--quiet",
        "--release",
        "--offline",
        "--locked",
        "--bin",
        "carrylane-mutant",
    ]);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
    build.arg("--target-dir").arg(target);
    for setting in ["opt-level=0", "codegen-units=16", "debug=false"] {
        build.args(["--config", &format!("profile.release.package.carrylane.{setting}")]);
    }
    let built = build.output().expect("cargo runs");
    assert!(built.status.success(), "the mutant does not build: {}", String::from_utf8_lossy(&built.stderr));

    let program = target.join("release").join(format!("carrylane-mutant{}", std::env::consts::EXE_SUFFIX));
    let mutant = gradcheck(&program);
    let said = String::from_utf8_lossy(&mutant.stdout);
    assert_eq!(mutant.status.code(), Some(1), "with a wrong sign: {said}{}", String::from_utf8_lossy(&mutant.stderr));
}
