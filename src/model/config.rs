//! What a net is.

use super::{Activation, Loss};
use crate::error::{Error, Result};
use crate::task::whole::in_range;
use crate::words::words;
use serde::{Deserialize, Serialize};

/// The recurrent cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cell {
    /// `h_t = φ(x_t W_ih + h_{t−1} W_hh + b_h)`.
    Elman,
    /// `h_t = φ(x_t W_ih + s_t h_{t−1} W_hh + b_h)`, where `s_t = exp ‖x_t − x_{t−1}‖` is 1, e or
    /// e^√2, and `x_{−1} = 0`.
    Dynamic,
    /// Input, forget and output gates around a cell state; see [`LstmForm`].
    Lstm,
}

impl Cell {
    /// Pre-activations for each hidden unit: 1, or 4 where there are gates.
    pub fn gates(self) -> usize {
        match self {
            Self::Elman | Self::Dynamic => 1,
            Self::Lstm => 4,
        }
    }

    /// The default hidden activation: tanh for the LSTM, sigmoid for the others, as in the
    /// notebooks.
    pub fn usual_activation(self) -> Activation {
        match self {
            Self::Elman | Self::Dynamic => Activation::Sigmoid,
            Self::Lstm => Activation::Tanh,
        }
    }
}

words!(Cell "cell": Elman = "elman", Dynamic = "dynamic", Lstm = "lstm");

/// What an LSTM keeps. With `i, f, o = σ(·)`, `g = φ(·)` and `z = g i + c_{t−1} f`:
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LstmForm {
    /// `c_t = z`, `h_t = φ(c_t) o` (Hochreiter and Schmidhuber 1997, with the forget gate of Gers
    /// et al. 2000).
    #[default]
    Standard,
    /// `c_t = φ(z)`, `h_t = c_t o`, as notebook 004 has it.
    Notebook,
}

impl LstmForm {
    fn is_standard(&self) -> bool {
        *self == Self::Standard
    }
}

words!(LstmForm "form": Standard = "standard", Notebook = "notebook");

/// The largest hidden size: 2^30 recurrent weights.
pub const MAX_HIDDEN: usize = 1 << 15;

/// What a net is, apart from the numbers it learns. A value of this type is always consistent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The recurrent cell.
    pub cell: Cell,
    /// What an LSTM keeps; standard for every other cell.
    #[serde(default, skip_serializing_if = "LstmForm::is_standard")]
    pub lstm_form: LstmForm,
    /// Hidden units, 1 to [`MAX_HIDDEN`].
    pub hidden: usize,
    /// Whether hidden and output units have biases.
    pub bias: bool,
    /// φ of the hidden units.
    pub activation: Activation,
    /// ψ of the output unit.
    pub output: Activation,
    /// What is minimised.
    pub loss: Loss,
}

impl Default for Config {
    fn default() -> Self {
        Self::of(Cell::Elman)
    }
}

impl Config {
    /// A net of 16 units of a cell, with biases, the cell's usual activation, a sigmoid output and
    /// the notebooks' loss.
    pub fn of(cell: Cell) -> Self {
        Self {
            cell,
            lstm_form: LstmForm::Standard,
            hidden: 16,
            bias: true,
            activation: cell.usual_activation(),
            output: Activation::Sigmoid,
            loss: Loss::Mse,
        }
    }

    /// Flop of a sample's training step in a dense pass, element-wise work too, roughly.
    pub(crate) fn work(&self, bits: usize) -> f64 {
        let (hidden, steps) = (self.hidden as f64, bits as f64);
        self.cell.gates() as f64 * steps * hidden * (6.0 * hidden + 100.0)
    }

    /// This config, if it is consistent.
    ///
    /// # Errors
    /// [`Error::Usage`] for a hidden size out of range, a form where there is no LSTM, or
    /// cross-entropy with an output that is not a sigmoid.
    pub fn checked(self) -> Result<Self> {
        in_range("hidden", self.hidden as u64, 1..=MAX_HIDDEN as u64)?;
        if self.cell != Cell::Lstm && self.lstm_form != LstmForm::Standard {
            let cell = self.cell;
            return Err(Error::usage(format!(
                "the {cell} cell has no LSTM form: leave the form out or use the lstm cell"
            )));
        }
        if self.loss == Loss::CrossEntropy && self.output != Activation::Sigmoid {
            let output = self.output;
            return Err(Error::usage(format!(
                "the cross-entropy loss needs a sigmoid output, not {output}: use the mse loss or a sigmoid output"
            )));
        }
        Ok(self)
    }
}
