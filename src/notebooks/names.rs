//! The choices of a replay: a notebook, printed or corrected, and 002's three recursions.

use crate::words::words;

/// A notebook's program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notebook {
    /// The Elman net of notebook 000.
    N000Elman,
    /// The dynamic net of notebook 000: the recurrent term scaled by `exp‖x_t − x_{t−1}‖`.
    N000Dynamic,
    /// The Elman net of notebook 001, explained line by line.
    N001,
    /// The derivation of BPTT in notebook 002.
    N002,
    /// Biases and a choice of activations, notebook 003: ends in NaN.
    N003,
    /// The net behind the printed lines of notebook 004, whose text shows an LSTM.
    N004,
}

/// The program as it was printed, or with its defects mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edition {
    /// Bit for bit as the notebook ran, defects included.
    Printed,
    /// Without the defects.
    Corrected,
}

/// Recursions for the hidden error of notebook 002.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delta {
    /// The whole `dz_{t+1}`, which is right.
    Total,
    /// Only the part of `dz_{t+1}` due to its own output, as in the derivation.
    Explicit,
    /// The slope of the later state multiplied in twice, as in the code cell.
    Code,
}

words!(Notebook "notebook": N000Elman = "000-elman", N000Dynamic = "000-dynamic", N001 = "001", N002 = "002", N003 = "003", N004 = "004");
words!(Edition "way to replay": Printed = "printed", Corrected = "corrected");
words!(Delta "delta": Total = "total", Explicit = "explicit", Code = "code");
