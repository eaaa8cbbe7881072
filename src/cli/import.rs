//! `carrylane import`.

use super::Answer;
use super::args::HELP;
use super::export::tell;
use super::output::Output;
use super::values;
use carrylane::exchange::{FileFormat, ImportOptions, import};
use carrylane::model::file;
use carrylane::model::{Activation, Cell, Loss, LstmForm};
use std::path::PathBuf;

/// Read a net that PyTorch or numpy wrote.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// File to read.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Format of the file.
    #[arg(long, value_parser = values::words(FileFormat::READ))]
    format: FileFormat,
    /// Model file to write; - is standard output.
    #[arg(short, long, value_name = "MODEL", help_heading = "Output")]
    output: PathBuf,
    /// Recurrent cell [default: as the file says; else lstm with four gates, elman with none].
    #[arg(long, value_parser = values::words(Cell::ALL), help_heading = "Network")]
    cell: Option<Cell>,
    /// What an LSTM keeps [default: as the file says; else standard].
    #[arg(long, value_name = "FORM", value_parser = values::words(LstmForm::ALL), help_heading = "Network")]
    lstm_form: Option<LstmForm>,
    /// φ of the hidden units [default: as the file says; else tanh, as in PyTorch].
    #[arg(long, value_name = "NAME", value_parser = values::words(Activation::ALL), help_heading = "Network")]
    activation: Option<Activation>,
    /// ψ of the output unit [default: as the file says; else sigmoid].
    #[arg(long, value_name = "NAME", value_parser = values::words(Activation::ALL), help_heading = "Network")]
    output_activation: Option<Activation>,
    /// What was minimised [default: as the file says; else mse].
    #[arg(long, value_parser = values::words(Loss::ALL), help_heading = "Network")]
    loss: Option<Loss>,
}

const DETAILS: &str = "\
What carrylane exported comes back to the last bit. For other files, shapes and PyTorch's defaults tell the net, and flags \
tell the rest. In safetensors the layers may have any names; weights must be f32. An npz is read as numpy.savez writes it, \
not compressed.";

const AFTER_HELP: &str = "\
Examples:
  carrylane import torch.safetensors --format safetensors-torch -o model.safetensors
  carrylane import own.safetensors --format safetensors-torch --activation relu -o net.safetensors
  carrylane import net.npz --format npz -o model.safetensors";

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let said = ImportOptions {
        cell: args.cell,
        lstm_form: args.lstm_form,
        activation: args.activation,
        output: args.output_activation,
        loss: args.loss,
    };
    out.writes(&[&args.file], &[&args.output])?;
    let saved = import(&args.file, args.format, &said)?;
    out.file(&args.output, &file::to_bytes(&saved.model, &saved.notes))?;
    tell("import", &args.output, args.format, &saved, out)?;
    Ok(Answer::Yes)
}
