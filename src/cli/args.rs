//! Flags that several commands share.

use super::values::{self, Simd};
use carrylane::kernel::SimdLevel;
use carrylane::model::{Activation, Cell, Config, Loss, LstmForm};
use carrylane::task::number::shorten;
use carrylane::train::{MAX_THREADS, cores};
use carrylane::{Error, Result};
use clap::{ArgAction, Args};
use std::fmt::Display;

/// The version, in every output.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Help pages: what it does, more about it, flags, examples; one page for `-h` and `--help`.
pub(super) const HELP: &str = "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

/// What a net is, but for its size.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub(super) struct Net {
    /// Recurrent cell.
    #[arg(long, value_parser = values::words(Cell::ALL), default_value = "elman")]
    cell: Cell,
    /// What an LSTM keeps: standard c = z, h = φ(c) o; notebook c = φ(z), h = c o [default: standard].
    #[arg(long, value_name = "FORM", value_parser = values::words(LstmForm::ALL))]
    lstm_form: Option<LstmForm>,
    /// Whether hidden and output units have biases.
    #[arg(long, action = ArgAction::Set, value_name = "BOOL", default_value_t = true)]
    bias: bool,
    /// The same as --bias false.
    #[arg(long, conflicts_with = "bias")]
    no_bias: bool,
    /// φ of the hidden units [default: sigmoid; tanh for the lstm].
    #[arg(long, value_name = "NAME", value_parser = values::words(Activation::ALL))]
    activation: Option<Activation>,
    /// ψ of the output unit.
    #[arg(long, value_name = "NAME", value_parser = values::words(Activation::ALL), default_value = "sigmoid")]
    output_activation: Activation,
    /// What is minimised; cross-entropy needs a sigmoid output.
    #[arg(long, value_parser = values::words(Loss::ALL), default_value = "mse")]
    loss: Loss,
}

impl Net {
    /// The net of a hidden size.
    pub(super) fn config(&self, hidden: usize) -> Result<Config> {
        Config {
            cell: self.cell,
            lstm_form: lstm_form(self.cell, self.lstm_form)?,
            hidden,
            bias: self.bias && !self.no_bias,
            activation: self.activation.unwrap_or(self.cell.usual_activation()),
            output: self.output_activation,
            loss: self.loss,
        }
        .checked()
    }
}

/// Refuses flags that are given, by name, where they have no effect: what they go with is not
/// there.
pub(super) fn goes_with(flags: &[(&str, bool)], what: impl Display) -> Result<()> {
    match flags.iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(Error::usage(format!("--{flag} goes with {what}"))),
        None => Ok(()),
    }
}

/// The form meant, if the cell has one.
pub(super) fn lstm_form(cell: Cell, form: Option<LstmForm>) -> Result<LstmForm> {
    if cell != Cell::Lstm {
        goes_with(&[("lstm-form", form.is_some())], format!("--cell lstm, the cell is {cell}"))?;
    }
    Ok(form.unwrap_or_default())
}

/// What computes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Machine")]
pub(super) struct Machine {
    /// Instruction set; `auto` is the best of this machine.
    #[arg(long, value_name = "LEVEL", value_parser = values::level(), default_value = "auto")]
    simd: Simd,
    /// Worker threads, which change speed and never results [default: `CARRYLANE_THREADS`, or all
    /// cores].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_THREADS))]
    threads: Option<usize>,
}

impl Machine {
    /// The level meant, if this machine has it.
    pub(super) fn level(&self) -> Result<SimdLevel> {
        Ok(Simd::resolve(&[self.simd])?[0])
    }

    /// The level as it was typed.
    pub(super) fn simd(&self) -> String {
        self.simd.to_string()
    }

    /// The threads meant.
    pub(super) fn threads(&self) -> Result<usize> {
        threads(self.threads)
    }
}

/// Where the environment says how many threads, if it does: an empty word says nothing.
pub(super) const THREADS: &str = "CARRYLANE_THREADS";

/// The threads meant: by a flag, by the environment, else all cores.
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
