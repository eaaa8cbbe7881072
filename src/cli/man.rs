//! `carrylane man`.

use super::args::HELP;
use super::output::{Output, fields};
use super::{Answer, Cli};
use carrylane::files;
use clap::CommandFactory;
use clap_mangen::Man;
use std::path::PathBuf;

/// Write the manual pages, one for each command.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Folder to write to; it is made if there is none.
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    output: PathBuf,
}

const AFTER_HELP: &str = "\
Examples:
  carrylane man -o ~/.local/share/man/man1
  man carrylane-train";

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let folder = &args.output;
    files::make_folder(folder)?;
    let mut command = Cli::command();
    command.build();
    let mut pages = Vec::new();
    let mut left = vec![command];
    while let Some(command) = left.pop() {
        left.extend(command.get_subcommands().filter(|command| !command.is_hide_set()).cloned());
        let name = format!("{}.1", command.get_display_name().unwrap_or_else(|| command.get_name()));
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        files::write(&folder.join(&name), &page)?;
        pages.push(name);
    }
    pages.sort();
    out.say(format!("{} manual pages in {}", pages.len(), folder.display()))?;
    out.record("man", &fields! { "folder": folder.display().to_string(), "pages": pages })?;
    Ok(Answer::Yes)
}
