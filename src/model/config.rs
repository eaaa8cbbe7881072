//! What a net is.

use super::{Activation, Loss};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The recurrent cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    /// `h_t = φ(x_t W_ih + h_{t−1} W_hh + b_h)`.
    Elman,
}

impl Cell {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Elman];

    /// Pre-activations for each hidden unit: 1, or 4 where there are gates.
    pub fn gates(self) -> usize {
        match self {
            Self::Elman => 1,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elman => "elman",
        })
    }
}

/// The largest hidden size: 2^30 recurrent weights.
pub const MAX_HIDDEN: usize = 1 << 15;

/// What a net is, apart from the numbers it learns. A value of this type is always consistent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The recurrent cell.
    pub cell: Cell,
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
        Self {
            cell: Cell::Elman,
            hidden: 16,
            bias: true,
            activation: Activation::Sigmoid,
            output: Activation::Sigmoid,
            loss: Loss::Mse,
        }
    }
}

impl Config {
    /// The same, if it is consistent.
    ///
    /// # Errors
    /// [`Error::Usage`] for a hidden size out of range, or cross-entropy with an output that is not a sigmoid.
    pub fn checked(self) -> Result<Self> {
        if !(1..=MAX_HIDDEN).contains(&self.hidden) {
            let (hidden, floats) = (self.hidden, (self.hidden as u128).pow(2) * self.cell.gates() as u128);
            let gib = floats.saturating_mul(4) >> 30;
            let need =
                if gib > 0 { format!("; its recurrent weights alone would take {gib} GiB") } else { String::new() };
            return Err(Error::usage(format!("hidden is {hidden}, want 1 to {MAX_HIDDEN}{need}")));
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
