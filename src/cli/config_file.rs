//! `config.toml` of a run: the flags of `train` with their values, which `--config` and `--resume` read.
//!
//! A file stands for the flags in it, before those that are typed: what is typed wins. So every value is checked by the one parser, and a
//! key is the name of its flag.

use super::args::VERSION;
use super::output::one_line;
use carrylane::model::Cell;
use carrylane::prove::Plan;
use carrylane::run::{CONFIG, Setting, read_config};
use carrylane::train::{Rule, Settings, Source, Until};
use carrylane::{Error, Result};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};
use std::error::Error as _;
use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Flags that a file may hold. Threads are not among them: they change no result.
const KEYS: [&str; 25] = [
    "cell",
    "lstm-form",
    "hidden",
    "bias",
    "activation",
    "output-activation",
    "loss",
    "bits",
    "batch",
    "dataset",
    "shuffle",
    "seed",
    "init",
    "optimizer",
    "lr",
    "clip-norm",
    "until",
    "noise",
    "max-states",
    "budget",
    "updates",
    "epochs",
    "time",
    "simd",
    "engine",
];

/// Keys that say when a training ends: a typed one of the second kind takes the place of all.
const ENDS: [&str; 4] = ["until", "budget", "noise", "max-states"];
const COUNTS: [&str; 3] = ["updates", "epochs", "time"];

/// The file of a training. `simd` as it was typed, since another machine may have other levels.
pub(super) fn text(settings: &Settings, plan: Option<&Plan>, budget: u64, simd: &str) -> String {
    let Settings { config, bits, batch, source, seed, init, rule, clip_norm, until, engine, .. } = settings;
    let mut text = format!(
        "# carrylane {VERSION}; `carrylane train --config` with the name of this file trains the same net, to the last bit.\n"
    );
    let mut put = |key: &str, value: &dyn std::fmt::Display| {
        debug_assert!(KEYS.contains(&key), "{key} is one that is read");
        writeln!(text, "{key} = {value}").expect("a string takes all");
    };
    let quoted = |word: &dyn std::fmt::Display| format!("\"{word}\"");
    put("cell", &quoted(&config.cell));
    if config.cell == Cell::Lstm {
        put("lstm-form", &quoted(&config.lstm_form));
    }
    put("hidden", &config.hidden);
    put("bias", &config.bias);
    put("activation", &quoted(&config.activation));
    put("output-activation", &quoted(&config.output));
    put("loss", &quoted(&config.loss));
    put("bits", bits);
    put("batch", batch);
    if let Source::Fixed { samples, shuffle } = source {
        put("dataset", samples);
        put("shuffle", shuffle);
    }
    put("seed", seed);
    put("init", &quoted(init));
    put(
        "optimizer",
        &quoted(&match rule {
            Rule::Adam { .. } => "adam",
            Rule::Sgd { .. } => "sgd",
        }),
    );
    put("lr", &format!("{:?}", rule.lr()));
    if let Some(norm) = clip_norm {
        put("clip-norm", &format!("{norm:?}"));
    }
    match until {
        Until::Solved { .. } => {
            put("until", &quoted(&if plan.is_some() { "proved" } else { "solved" }));
            if let Some(plan) = plan {
                put("noise", &format!("{:?}", plan.noise));
                put("max-states", &plan.walk.max_states);
            }
            put("budget", &budget);
        }
        Until::Updates(updates) => put("updates", updates),
        Until::Epochs(epochs) => put("epochs", epochs),
        Until::Time(time) => put("time", &format!("{:?}", time.as_secs_f64())),
    }
    put("simd", &quoted(&simd));
    put("engine", &quoted(engine));
    text
}

/// The file that settings come from: named by `--config`, or that of the run named by `--resume`.
pub(super) fn named(config: Option<&PathBuf>, resume: Option<&PathBuf>) -> Option<PathBuf> {
    config.cloned().or_else(|| Some(resume?.join(CONFIG)))
}

/// The command line with the flags of the file that it names; `Ok(None)` where it names none.
///
/// # Errors
/// [`Error::Data`] with the file, and the line where one line is to blame.
pub(super) fn matches(words: &[OsString], typed: &ArgMatches, command: &mut Command) -> Result<Option<ArgMatches>> {
    let Some(("train", train)) = typed.subcommand() else { return Ok(None) };
    let Some(path) = named(train.get_one("config"), train.get_one("resume")) else { return Ok(None) };
    let is_typed = |key: &str| train.value_source(&key.replace('-', "_")) == Some(ValueSource::CommandLine);
    let solved =
        is_typed("until") && train.get_raw("until").is_some_and(|mut until| until.any(|word| word == "solved"));
    // Training until solved has no use for what a proof takes.
    let flags = flags(&path, |key| is_typed(key) || solved && ["noise", "max-states"].contains(&key))?;
    for (flag, Setting { key, value, line }) in &flags {
        let alone = command.try_get_matches_from_mut(["carrylane", "train", flag]);
        if let Some(wanted) = alone.err().and_then(|refusal| wanted(&refusal)) {
            return Err(Error::data(path, format!("line {line}: {key} is '{value}', {wanted}")));
        }
    }
    let at = words.iter().position(|word| word == "train").map_or(words.len(), |at| at + 1);
    let (before, after) = words.split_at(at);
    let flags = flags.into_iter().map(|(flag, _)| OsString::from(flag));
    let all = before.iter().cloned().chain(flags).chain(after.iter().cloned());
    // Each setting is one that there may be, so they do not go together, or not with what was typed.
    let together = |refusal: clap::Error| Error::data(path, format!("with its settings, {}", one_line(&refusal)));
    command.try_get_matches_from_mut(all).map(Some).map_err(together)
}

/// What is wanted of a value that was refused; nothing if it is not the value that was.
fn wanted(refusal: &clap::Error) -> Option<String> {
    match (refusal.kind(), refusal.get(ContextKind::ValidValue)) {
        (ErrorKind::ValueValidation, _) => refusal.source().map(ToString::to_string),
        (ErrorKind::InvalidValue, Some(ContextValue::Strings(words))) => Some(format!("want {}", words.join(" or "))),
        _ => None,
    }
}

/// The flags of a file, but for those that are typed and those that cannot stand beside them.
fn flags(path: &Path, typed: impl Fn(&str) -> bool) -> Result<Vec<(String, Setting)>> {
    let mut flags = Vec::new();
    for setting in read_config(path)? {
        let Setting { key, value, line } = &setting;
        let key = key.as_str();
        if !KEYS.contains(&key) {
            let near = KEYS.iter().max_by(|a, b| strsim::jaro(a, key).total_cmp(&strsim::jaro(b, key))).expect("keys");
            let problem = format!("line {line}: it sets '{key}', which is no setting of a training; '{near}' is");
            return Err(Error::data(path, problem));
        }
        let replaced = typed(key)
            || (ENDS.contains(&key) || COUNTS.contains(&key)) && COUNTS.iter().any(|count| typed(count))
            || COUNTS.contains(&key) && (typed("until") || typed("budget"))
            || key == "lstm-form" && typed("cell")
            || key == "bias" && typed("no-bias");
        match (key, value.as_str()) {
            _ if replaced => {}
            ("shuffle", "true") => flags.push(("--shuffle".to_owned(), setting)),
            ("shuffle", "false") => {}
            _ => flags.push((format!("--{key}={value}"), setting)),
        }
    }
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_wins_and_takes_its_rivals_with_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(CONFIG);
        let settings = Settings { until: Until::Solved { budget: 9 }, ..Settings::default() };
        std::fs::write(&path, text(&settings, None, 9, "auto")).expect("writable");
        let with = |typed: &[&str]| {
            flags(&path, |key| typed.contains(&key))
                .expect("settings")
                .iter()
                .map(|(flag, _)| flag.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let all = with(&[]);
        for flag in ["--cell=elman", "--lr=0.03", "--until=solved", "--budget=9", "--seed=0", "--simd=auto"] {
            assert!(all.contains(flag), "no {flag}: {all}");
        }
        assert!(!with(&["lr"]).contains("--lr"), "{}", with(&["lr"]));
        let counted = with(&["updates"]);
        assert!(!counted.contains("--until") && !counted.contains("--budget"), "{counted}");
        std::fs::write(&path, "hiden = 8\n").expect("writable");
        let refusal = flags(&path, |_| false).expect_err("no such setting").to_string();
        assert!(refusal.contains("'hiden'") && refusal.contains("'hidden'"), "{refusal}");
    }
}
