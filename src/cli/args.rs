//! Flags that several commands share.

use super::values;
use carrylane::kernel::SimdLevel;
use carrylane::model::{Config, MAX_HIDDEN};
use carrylane::task::number::shorten;
use carrylane::train::{
    Choices, MAX_BATCH, MAX_BITS, MAX_THREADS, OPTIONS, OptionKey, Settings, Spelling, ValueKind, cores, text,
};
use carrylane::{Error, Result};
use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParser};
use clap::{Arg, ArgGroup, ArgMatches, Args, Command, FromArgMatches};
use serde_json::Value;
use std::fmt::Display;

/// The version, in every output.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version, with commit and features.
pub(super) const BUILT: &str = env!("CARRYLANE_VERSION");

/// Template of help pages: purpose, details, flags, examples. `-h` and `--help` show the same page.
pub(super) const HELP: &str = "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

/// Options of a training as flags: all of them, or those of the net but for its size.
#[derive(Debug)]
pub(super) struct Flags<const ALL: bool>(pub(super) Choices);

/// The options of a net but its size.
pub(super) type NetFlags = Flags<false>;

impl<const ALL: bool> Flags<ALL> {
    fn keys() -> impl Iterator<Item = &'static OptionKey> {
        let keys = OPTIONS.iter().map(|option| &option.key);
        keys.filter(|key| ALL || key.heading == "Network" && key.name != "hidden")
    }
}

impl NetFlags {
    /// The net of a hidden size.
    pub(super) fn config(&self, hidden: usize) -> Result<Config> {
        let settings = Settings::of(&self.0, Spelling::Flags)?;
        Config { hidden, ..settings.config }.checked()
    }
}

impl<const ALL: bool> Args for Flags<ALL> {
    fn augment_args(command: Command) -> Command {
        let usual = Settings::default().choices();
        let group = ArgGroup::new(if ALL { "Options" } else { "Net" }).multiple(true);
        let group = Self::keys().fold(group, |group, key| group.arg(key.name));
        Self::keys().fold(command, |command, key| command.arg(flag(key, &usual))).group(group)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const ALL: bool> FromArgMatches for Flags<ALL> {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let typed = |key: &'static OptionKey| Some((key.name, matches.get_one::<Value>(key.name)?.clone()));
        Ok(Self(Self::keys().filter_map(typed).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The flag of an option.
fn flag(key: &'static OptionKey, usual: &Choices) -> Arg {
    let help = key.help.trim().trim_end_matches('.');
    let usual = usual
        .get(key.name)
        .filter(|_| !help.contains("[default: "))
        .map(|usual| format!(" [default: {}]", text(usual)));
    let read = |text: &str| key.kind.read(text);
    let (name, parser) = match key.kind.some() {
        ValueKind::Word(words) => ("NAME", PossibleValuesParser::new(words()).map(Value::from).into()),
        ValueKind::Switch => {
            ("BOOL", PossibleValuesParser::new(["true", "false"]).map(|word| Value::from(word == "true")).into())
        }
        ValueKind::Seconds => ("SECONDS", ValueParser::new(read)),
        ValueKind::Positive | ValueKind::Within(..) => ("X", ValueParser::new(read)),
        _ => ("N", ValueParser::new(read)),
    };
    let arg = Arg::new(key.name).long(key.name).help(format!("{help}{}", usual.unwrap_or_default()));
    let arg = arg.help_heading(key.heading).value_name(name).value_parser(parser);
    match key.kind.some() {
        ValueKind::Switch => arg.num_args(0..=1).default_missing_value("true"),
        ValueKind::Word(_) => arg,
        _ => arg.allow_hyphen_values(true),
    }
}

/// Refuses given flags, by name, that have no effect without `what`.
pub(super) fn goes_with(flags: &[(&str, bool)], what: impl Display) -> Result<()> {
    match flags.iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(Error::usage(format!("--{flag} goes with {what}"))),
        None => Ok(()),
    }
}

/// The instruction set and threads to compute with.
#[derive(Debug, Args)]
#[command(next_help_heading = "Machine")]
pub(super) struct Machine {
    /// Instruction set; `auto` is the best of this machine [default: auto].
    #[arg(long, value_name = "LEVEL", value_parser = values::levels(&["auto"]))]
    pub(super) simd: Option<String>,
    /// Worker threads, which change speed and never results [default: `CARRYLANE_THREADS`, or all
    /// cores].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_THREADS))]
    threads: Option<usize>,
}

impl Machine {
    /// The chosen level, if this machine has it.
    pub(super) fn level(&self) -> Result<SimdLevel> {
        values::level_of(self.simd.as_deref())
    }

    /// The chosen number of threads.
    pub(super) fn threads(&self) -> Result<usize> {
        threads(self.threads)
    }
}

/// Lists of sizes, tried in every combination. Each command has its own defaults.
#[derive(Debug, Args)]
#[command(next_help_heading = "Grid")]
pub(super) struct Sizes {
    /// Hidden sizes.
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_HIDDEN))]
    pub(super) hidden: Vec<usize>,
    /// Widths in bits.
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_BITS))]
    pub(super) bits: Vec<usize>,
    /// Additions in a minibatch.
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_BATCH))]
    pub(super) batch: Vec<usize>,
    /// Levels; `auto` is the best and `all` every one of this machine.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = values::levels(&["auto", "all"]))]
    pub(super) simd: Vec<String>,
    /// Key of the random nets and additions.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::seed(), default_value = "0")]
    pub(super) seed: u64,
}

impl Sizes {
    /// Widths and batches, every pair of them.
    pub(super) fn minibatches(&self) -> impl Iterator<Item = (usize, usize)> {
        self.bits.iter().flat_map(|&bits| self.batch.iter().map(move |&batch| (bits, batch)))
    }
}

/// The environment variable for the number of threads. An empty one counts as unset.
pub(super) const THREADS: &str = "CARRYLANE_THREADS";

/// The number of threads: from the flag, else from the environment, else all cores.
pub(super) fn threads(flag: Option<usize>) -> Result<usize> {
    let said = std::env::var_os(THREADS).filter(|said| !said.is_empty());
    match (flag, said) {
        (Some(threads), _) => Ok(threads),
        (None, None) => Ok(cores()),
        (None, Some(said)) => {
            let said = said.to_string_lossy();
            let refused = |wanted| Error::usage(format!("{THREADS} is '{}', {wanted}", shorten(&said)));
            values::upto(MAX_THREADS)(&said).map_err(refused)
        }
    }
}
