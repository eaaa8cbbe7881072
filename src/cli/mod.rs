//! The command line: what was typed becomes checked types, the library works, [`output`] prints.

mod add;
mod args;
mod bench;
mod compare;
mod completions;
mod eval;
mod explain;
mod export;
mod format;
mod gradcheck;
mod guard;
mod import;
mod info;
mod output;
mod proof;
mod prove;
mod replay;
mod signals;
mod sums;
mod sweep;
mod trace;
mod train;
mod trained;
mod values;

use clap::{ColorChoice, Parser, ValueEnum};
use output::Output;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

/// Trains small recurrent networks to add binary numbers, as fast as the processor allows.
#[derive(Debug, Parser)]
#[command(name = "carrylane", version, long_version = args::BUILT, max_term_width = 100)]
#[command(after_help = AFTER_HELP, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print JSON lines in place of text, the last one the summary.
    #[arg(long, global = true, help_heading = "Output")]
    json: bool,
    /// Print neither progress nor warnings.
    #[arg(long, global = true, help_heading = "Output")]
    quiet: bool,
    /// Colour: on terminals, always or never.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    color: ColorChoice,
}

const AFTER_HELP: &str = "\
Examples:
  carrylane train                       a net proved to add numbers of every width
  carrylane train --out run             such a net, kept in run/model.safetensors
  carrylane add 123 456                 one sum by a net trained and proved on the spot
  carrylane prove run                   the proof again, with its certificate and picture if wanted
  carrylane replay 000-elman            a notebook's program, number for number
  carrylane sweep plan hidden=4,8 -o d  thousands of trainings as one
  carrylane bench                       samples/s, GFLOP/s, share of the FMA peak

Exit codes: 0 yes; 1 it ran, and the answer is no; 2 usage; 65 bad input file; 70 a bug;
74 input, output or memory failed; 75 interrupted, run it again.
Results go to standard output, progress and warnings to standard error.
`NO_COLOR=1` turns colour off, as `--color never` does.";

macro_rules! commands {
    ($($name:ident $module:ident),*) => {
        #[derive(Debug, clap::Subcommand)]
        enum Command { $($name($module::Args)),* }

        fn run_command(command: &Command, out: &mut Output) -> anyhow::Result<Answer> {
            match command { $(Command::$name(args) => $module::run(args, out)),* }
        }
    };
}
use commands;

commands!(
    Train train, Add add, Eval eval, Gradcheck gradcheck, Prove prove, Explain explain, Export export, Import import,
    Bench bench, Replay replay, Compare compare, Sweep sweep, Info info, Completions completions
);

/// The answer of a command that ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    Interrupted,
}

impl Answer {
    /// The exit code.
    fn code(self) -> u8 {
        match self {
            Self::Yes => 0,
            Self::No => 1,
            Self::Interrupted => 75,
        }
    }
}

impl From<bool> for Answer {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    guard::run(|| match signals::listen().map(|()| Cli::try_parse()) {
        Ok(Ok(cli)) => {
            output::color(cli.color);
            let mut out = Output::new(cli.json, cli.quiet);
            match run_command(&cli.command, &mut out) {
                Ok(answer) => answer.code(),
                Err(error) => {
                    out.error(&error.to_string());
                    exit_code(&error)
                }
            }
        }
        Ok(Err(refusal)) => {
            output::color(color_of(std::env::args_os()));
            output::refuse(&refusal)
        }
        Err(error) => {
            output::bug(&error.to_string());
            exit_code(&error.into())
        }
    })
}

/// A path, quoted for a shell if needed.
fn quoted(name: &Path) -> String {
    let name = name.display().to_string();
    let safe = |c: char| c.is_alphanumeric() || "._-/+,@%".contains(c);
    if !name.is_empty() && name.chars().all(safe) { name } else { format!("'{}'", name.replace('\'', "'\\''")) }
}

/// The `--color` of a command line that was refused, or asks for help.
fn color_of(words: impl Iterator<Item = OsString>) -> ColorChoice {
    let mut words = words.map(|word| word.to_string_lossy().into_owned());
    let mut said = None;
    while let Some(word) = words.next() {
        said = match word.strip_prefix("--color") {
            Some("") => words.next(),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None => said,
        };
    }
    said.and_then(|said| ColorChoice::from_str(&said, false).ok()).unwrap_or_default()
}

fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<carrylane::Error>() {
        Some(carrylane::Error::Usage(_)) => 2,
        Some(carrylane::Error::Data { .. }) => 65,
        Some(carrylane::Error::Io { .. } | carrylane::Error::Memory(_)) => guard::SYSTEM,
        _ => guard::BUG,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_number_beyond_all_numbers_is_refused_by_every_flag_with_its_range() {
        let mut command = Cli::command();
        let mut tried = 0;
        let mut all = vec![(Vec::new(), command.clone())];
        while let Some((path, here)) = all.pop() {
            for sub in here.get_subcommands() {
                all.push(([&path[..], &[sub.get_name().to_owned()]].concat(), sub.clone()));
            }
            let numbers = ["N", "X", "RATE", "SECONDS", "LIST"];
            for arg in here.get_arguments() {
                let name = arg.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str());
                let words = !arg.get_possible_values().is_empty();
                let (true, Some(flag), false) = (numbers.contains(&name), arg.get_long(), words) else { continue };
                for value in ["-1", "1e999", "9999999999999999999999999999999999999999", "x", ""] {
                    let line = ["carrylane"].into_iter().map(str::to_owned).chain(path.clone());
                    let refusal = command.try_get_matches_from_mut(line.chain([format!("--{flag}={value}")]));
                    let refusal = refusal.expect_err("no number of anything").to_string();
                    let kind = format!("{path:?} --{flag}={value}: {refusal}");
                    assert!(
                        refusal.contains("want a ") || value.is_empty() && refusal.contains("a value is"),
                        "{kind}"
                    );
                    tried += 1;
                }
            }
        }
        assert!(tried > 100, "only {tried} values were tried");
    }

    #[test]
    fn a_line_that_is_not_taken_has_its_colour_all_the_same() {
        let color = |line: &str| color_of(line.split(' ').map(OsString::from));
        assert_eq!(color("carrylane trian --color never"), ColorChoice::Never);
        assert_eq!(color("carrylane --color=always trian"), ColorChoice::Always);
        assert_eq!(color("carrylane --color sometimes"), ColorChoice::Auto, "no such colour");
        assert_eq!(color("carrylane --color"), ColorChoice::Auto, "none said");
    }

    #[test]
    fn each_kind_of_error_has_its_code() {
        let denied = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let errors: [(anyhow::Error, u8); 5] = [
            (carrylane::Error::usage("hidden is 0").into(), 2),
            (carrylane::Error::data("m", "empty").into(), 65),
            (carrylane::Error::io("m", "write", denied()).into(), 74),
            (carrylane::Error::Memory("too much".into()).into(), 74),
            (anyhow::anyhow!("what no one thought of"), 70),
        ];
        for (error, code) in errors {
            assert_eq!(exit_code(&error), code, "{error}");
        }
    }
}
