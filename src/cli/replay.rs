//! `carrylane replay`.

use super::Answer;
use super::args::{HELP, VERSION};
use super::format::{count, plural};
use super::output::{Output, STRONG, fields, styled};
use super::values;
use carrylane::model::MAX_HIDDEN;
use carrylane::notebooks::{Delta, Edition, Notebook, Replay, ReplaySummary, render};
use carrylane::train::MemoryNeed;
use serde_json::json;

/// Run a notebook's program again, as it printed or corrected.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// 000-elman, 000-dynamic, 001, 002, 003 or 004.
    #[arg(value_name = "NOTEBOOK")]
    notebook: Notebook,
    /// Program `printed`, with its defects, or `corrected`.
    #[arg(long = "as", value_name = "WAY", default_value = "printed", help_heading = "Program")]
    way: Edition,
    /// Notebook 002 as printed: which of its three recursions, total, explicit or code [default:
    /// code].
    #[arg(long, value_name = "NAME", help_heading = "Program")]
    delta: Option<Delta>,
    /// Seed of numpy's generator [default: the notebook's own].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::whole::<u32>(0..=u32::MAX.into()), help_heading = "Program")]
    seed: Option<u32>,
    /// Samples to train on; epochs for 003 [default: the notebook's own].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::long::<usize>(), help_heading = "Program")]
    samples: Option<usize>,
    /// Hidden units [default: the notebook's own].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_HIDDEN), help_heading = "Program")]
    hidden: Option<usize>,
    /// Show a line every so many samples or epochs [default: the notebook's own].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::long::<usize>(), help_heading = "Output")]
    every: Option<usize>,
}

const DETAILS: &str = "\
The five notebooks that taught this task, in f64, with plain sequential sums and numpy's legacy generator: the same \
numbers as they printed, in their own layout. Numbers that are not finite end nothing; the summary says where they \
first arose.";

const AFTER_HELP: &str = "\
Examples:
  carrylane replay 000-elman
  carrylane replay 000-dynamic --as corrected --seed 32
  carrylane replay 002 --delta explicit --samples 3000
  carrylane replay 003 --samples 4000 --json | tail -1

`carrylane gradcheck --defects` shows what each defect does to the gradient.";

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let &Args { notebook, way, delta, seed, samples, hidden, every } = args;
    let own = Replay::new(notebook, way);
    let replay = Replay {
        delta: delta.unwrap_or(own.delta),
        seed: seed.unwrap_or(own.seed),
        samples: samples.unwrap_or(own.samples),
        every: every.unwrap_or(own.every),
        hidden: hidden.unwrap_or(own.hidden),
        ..own
    };
    // A net in f64, and its gradient.
    let weights = 16.0 * (replay.hidden as f64).powi(2);
    MemoryNeed { weights, ..MemoryNeed::default() }.afforded()?;
    let mut printed = Ok(());
    let summary = replay.run(|line| {
        if printed.is_ok() {
            let head = fields! { "notebook": notebook.name(), "as": way.name() };
            let said = out.say(render(notebook, line, replay.every));
            printed = said.and_then(|()| out.record_with("replay", &head, line));
        }
    })?;
    printed?;
    out.say(conclusion(&replay, &summary))?;
    out.note(format!("seed {} · f64, sequential sums · carrylane {VERSION}", replay.seed))?;
    let held_out = summary.held_out.map(|(right, total)| json!({ "held_out_right": right, "held_out_total": total }));
    let line = fields! {
        "notebook": notebook.name(), "as": way.name(), "seed": replay.seed, "samples": replay.samples,
        "lines": summary.lines, "exact_lines": summary.exact_lines,
        "last_error": Some(summary.last_error).filter(|error| error.is_finite()),
        "first_non_finite": summary.first_non_finite.map(|(index, tensor)| json!({ "index": index, "tensor": tensor }))
    };
    out.record_with("summary", &line, &held_out)?;
    Ok(Answer::Yes)
}

/// The result, in a line or two.
fn conclusion(replay: &Replay, summary: &ReplaySummary) -> String {
    let &Replay { notebook, edition, samples, .. } = replay;
    let unit = if notebook == Notebook::N003 { "epoch" } else { "sample" };
    let samples = plural(samples as u64, unit);
    let (exact, lines) = (count(summary.exact_lines as u64), count(summary.lines as u64));
    let head = styled(STRONG, format!("{notebook} as {edition}"));
    let mut text = format!("\n{head}: {samples}, {exact} of the {lines} sums shown are right");
    if let Some((right, total)) = summary.held_out {
        text.push_str(&format!(", {right} of {total} held-out rows"));
    }
    if let Some((index, tensor)) = summary.first_non_finite {
        let index = count(index as u64);
        text.push_str(&format!("\nnot finite from {unit} {index} on, first in {tensor}"));
    }
    text
}
