//! Whether a gradient check can fail: in a copy of the sources a piece of the kernel's backward
//! pass is left out or turned, and `gradcheck` of the program built from it must say no. One
//! program holds all mutants; a variable of its environment chooses one.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Defects: a name, a file of the kernel, an expression that occurs in it once, what it would be,
/// and a cell that shows it. Nets of 3 units have small rows in f32 and wide ones in f64.
const MUTANTS: [[&str; 5]; 9] = [
    ["the sign of σ′", "math.rs", "y * (splat(F::one()) - y)", "y * (splat(F::one()) + y)", "elman"],
    ["the weight of a node", "output.rs", "error * weight", "error", "elman"],
    ["a child's sum", "step.rs", "run[g].mul_add(keep, dz)", "dz", "elman"],
    ["the dynamic scale", "step.rs", "dz[g] * R::spread(simd, scale)", "dz[g]", "dynamic"],
    ["the weight gradient of small rows", "small.rs", "h.mul_add(s[p], tile[k][p])", "tile[k][p]", "elman"],
    ["the weight gradient of a level", "levels.rs", "i.max(1)", "i.max(2)", "elman"],
    ["what an LSTM carries through f", "lstm.rs", "dz * f", "dz - dz", "lstm"],
    ["the gradient of b_h", "pass.rs", "add(&units.b_h, b_h)", "()", "elman"],
    ["the gradient of b_o", "pass.rs", "*b_o += units.b_o", "()", "elman"],
];

/// Added to the kernel: whether a variable of the environment names a mutant.
const CHOOSER: &str = r#"
pub(super) fn mutant(name: &str) -> bool {
    static CHOSEN: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var("CARRYLANE_MUTANT").unwrap_or_default()) == name
}
"#;

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

fn gradcheck(program: &Path, cell: &str, mutant: &str) -> Output {
    let mut command = Command::new(program);
    command
        .args(["gradcheck", "--cell", cell, "--hidden", "3", "--bits", "8", "--batch", "65"])
        .env("CARRYLANE_MUTANT", mutant);
    command.output().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

/// Puts all mutants into the sources of a kernel.
fn mutate(kernel: &Path) {
    for [name, file, right, wrong, _] in MUTANTS {
        let path = kernel.join(file);
        let text = fs::read_to_string(&path).expect("readable");
        let times = text.matches(right).count();
        assert_eq!(times, 1, "src/kernel/{file} holds '{right}' {times} times: show where {name} is now");
        let choice = format!("if super::math::mutant({name:?}) {{ {wrong} }} else {{ {right} }}");
        fs::write(path, text.replace(right, &choice)).expect("a file below the target folder");
    }
    let math = kernel.join("math.rs");
    let text = fs::read_to_string(&math).expect("readable").replace("super::math::mutant", "mutant");
    fs::write(math, text + CHOOSER).expect("a file below the target folder");
}

#[test]
fn gradcheck_fails_when_a_piece_of_the_backward_pass_is_left_out_or_turned() {
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
    mutate(&copied.join("src/kernel"));

    // Under a name of its own, and of the profile of this test, it finds the dependencies that are
    // built already. Made to be built quickly, not to be fast.
    let manifest = fs::read_to_string(copied.join("Cargo.toml")).expect("readable");
    let renamed = manifest.replacen("[[bin]]\nname = \"carrylane\"", "[[bin]]\nname = \"carrylane-mutant\"", 1);
    assert_ne!(renamed, manifest, "the program's entry in Cargo.toml");
    fs::write(copied.join("Cargo.toml"), renamed).expect("a file below the target folder");
    let (profile, place) = if cfg!(debug_assertions) { ("test", "debug") } else { ("release", "release") };
    let mut build = Command::new(env!("CARGO"));
    build.current_dir(&copied);
    build.args(["build", "--quiet", "--offline", "--locked", "--bin", "carrylane-mutant", "--profile", profile]);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
    build.arg("--target-dir").arg(target);
    for setting in ["opt-level=0", "codegen-units=16", "debug=false"] {
        build.args(["--config", &format!("profile.{profile}.package.carrylane.{setting}")]);
    }
    let built = build.output().expect("cargo runs");
    assert!(built.status.success(), "the mutant does not build: {}", String::from_utf8_lossy(&built.stderr));

    let program = target.join(place).join(format!("carrylane-mutant{}", std::env::consts::EXE_SUFFIX));
    let mut failures = Vec::new();
    let unharmed = ["elman", "dynamic", "lstm"].map(|cell| ("nothing", cell, 0));
    for (name, cell, code) in unharmed.into_iter().chain(MUTANTS.map(|[name, .., cell]| (name, cell, 1))) {
        let output = gradcheck(&program, cell, name);
        if output.status.code() != Some(code) {
            let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            failures.push(format!("{name} wrong, {cell}: {}, want {code}\n{out}{err}", output.status));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
