//! Tells the program its version, commit and features, for `carrylane --version`.
//!
//! It runs when the sources change, and then all is compiled again anyway. The commit is the one that
//! was checked out then; `-changed` marks changes that were not committed.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// `cargo package` writes the commit here.
const PACKED: &str = ".cargo_vcs_info.json";

fn main() {
    let watched = ["src", "Cargo.toml", "Cargo.lock", PACKED].into_iter().filter(|path| Path::new(path).exists());
    watched.for_each(|path| println!("cargo::rerun-if-changed={path}"));
    let mut about: Vec<String> = packed().or_else(checked_out).into_iter().collect();
    let features = env::vars().filter_map(|(name, _)| Some(name.strip_prefix("CARGO_FEATURE_")?.to_lowercase()));
    let features: Vec<_> = features.filter(|name| name != "default").map(|name| name.replace('_', "-")).collect();
    about.push(format!("features: {}", if features.is_empty() { "none".to_owned() } else { features.join(", ") }));
    println!("cargo::rustc-env=CARRYLANE_VERSION={} ({})", env!("CARGO_PKG_VERSION"), about.join("; "));
}

/// The commit that a crate was packed from.
fn packed() -> Option<String> {
    let text = fs::read_to_string(PACKED).ok()?;
    let hash = text.split("\"sha1\":").nth(1)?.split('"').nth(1)?.get(..7)?;
    Some(format!("{hash}{}", if text.contains("\"dirty\": true") { "-changed" } else { "" }))
}

/// The commit of this checkout, which no folder above it stands for.
fn checked_out() -> Option<String> {
    let told = Path::new(".git").exists().then(|| {
        Command::new("git").args(["describe", "--always", "--dirty=-changed", "--exclude", "*"]).output().ok()
    });
    let told = told.flatten().filter(|told| told.status.success())?;
    String::from_utf8(told.stdout).ok().map(|hash| hash.trim().to_owned())
}
