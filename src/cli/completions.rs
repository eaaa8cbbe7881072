//! `carrylane completions`.

use super::args::HELP;
use super::output::{Output, fields};
use super::{Answer, Cli};
use clap::CommandFactory;
use clap_complete::Shell;

/// Print a shell's completions of carrylane's commands and flags.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

const AFTER_HELP: &str = "\
Examples:
  carrylane completions bash > ~/.local/share/bash-completion/completions/carrylane
  carrylane completions zsh > ~/.zfunc/_carrylane
  carrylane completions fish > ~/.config/fish/completions/carrylane.fish";

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "carrylane", &mut script);
    let script = String::from_utf8(script)?;
    out.say(script.trim_end())?;
    out.record("completions", &fields! { "shell": args.shell.to_string(), "script": script })?;
    Ok(Answer::Yes)
}
