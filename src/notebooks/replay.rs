//! The replay engine: runs a notebook's program, and reports lines and a summary.

use super::elman::NotebookNet;
use super::names::{Delta, Edition, Notebook};
use super::program::Program;
use crate::error::{Error, Result};
use serde::Serialize;

/// A request to replay a notebook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The notebook.
    pub notebook: Notebook,
    /// Printed or corrected.
    pub edition: Edition,
    /// Recursion of 002: [`Delta::Code`] as printed, [`Delta::Total`] elsewhere.
    pub delta: Delta,
    /// Seed of numpy's generator.
    pub seed: u32,
    /// Samples (003: epochs) to train on.
    pub samples: usize,
    /// Samples (003: epochs) from line to line.
    pub every: usize,
    /// Hidden units.
    pub hidden: usize,
}

/// One reported sample of a replay. In JSON, numbers that are not finite are null.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrintedLine {
    /// Number of the sample (003: the epoch), from 0.
    pub index: usize,
    /// The error as the notebook computes it; may be NaN.
    pub error: f64,
    /// First operand.
    pub a: u32,
    /// Second operand.
    pub b: u32,
    /// The predicted bits as an integer; `None` if an output is not finite.
    pub prediction: Option<u64>,
    /// The predicted bits, most significant first; `None` for an output that is not finite.
    pub bits: Vec<Option<u8>>,
    /// 003 only: the outputs themselves, least significant first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Vec<f64>>,
    /// The right answer, `a + b`.
    pub sum: u32,
    /// Whether the prediction is the sum.
    pub exact: bool,
}

/// The result of a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplaySummary {
    /// Lines reported.
    pub lines: usize,
    /// Reported lines whose prediction is the sum.
    pub exact_lines: usize,
    /// Sample (003: epoch) after whose step a number was first not finite, and the tensor that held
    /// it: `w_hh`, `w_ih`, `w_ho`, `b_h`, `b_o` or `y`.
    pub first_non_finite: Option<(usize, &'static str)>,
    /// The error of the last line.
    pub last_error: f64,
    /// 003 corrected: rows of the table that the net adds exactly at the end, and all rows.
    pub held_out: Option<(usize, usize)>,
}

impl Replay {
    /// A replay with all of the notebook's own values.
    #[must_use]
    pub fn new(notebook: Notebook, edition: Edition) -> Self {
        let delta = if (notebook, edition) == THREE_DELTAS { Delta::Code } else { Delta::Total };
        let (seed, samples, every, hidden) = match notebook {
            Notebook::N000Elman | Notebook::N000Dynamic => (32, 100_000, 1000, 16),
            Notebook::N001 | Notebook::N002 => (0, 10_000, 1000, 16),
            Notebook::N003 => (0, 10_000, 50, 16),
            Notebook::N004 => (0, 10_001, 1000, 8),
        };
        Self { notebook, edition, delta, seed, samples, every, hidden }
    }

    /// Runs the program, and calls `on_line` with each line. Numbers that are not finite do not end
    /// it.
    ///
    /// # Errors
    /// A count of zero (samples, interval, hidden units); a wrong delta for anything but 002 as
    /// printed.
    pub fn run(&self, mut on_line: impl FnMut(&PrintedLine)) -> Result<ReplaySummary> {
        let &Self { notebook, edition, delta, seed, samples, every, hidden } = self;
        let counts = [("samples", samples), ("every", every), ("hidden", hidden)];
        if let Some((name, _)) = counts.into_iter().find(|&(_, count)| count == 0) {
            return Err(Error::usage(format!("{name} is 0: give 1 or more")));
        }
        if delta != Delta::Total && (notebook, edition) != THREE_DELTAS {
            return Err(Error::usage(format!(
                "delta {delta} was given for {notebook} as {edition}: only 002 as printed has three of them"
            )));
        }
        let mut program = Program::new(notebook, edition, delta, seed, hidden);
        let (mut lines, mut exact_lines, mut first_non_finite, mut last_error) = (0, 0, None, f64::NAN);
        for index in 0..samples {
            let (a, b) = program.step();
            if first_non_finite.is_none() {
                let tensor = non_finite_tensor(&program.net, &program.tape.y);
                first_non_finite = tensor.map(|tensor| (index, tensor));
            }
            if index % every == 0 {
                let y = &program.tape.y;
                let bits = rounded_msb_first(y);
                let prediction = bits.iter().try_fold(0, |n, &bit| Some(2 * n + u64::from(bit?)));
                let outputs = (notebook == Notebook::N003).then(|| y.clone());
                let (error, sum) = (program.printed_error(), a + b);
                let exact = prediction == Some(sum.into());
                on_line(&PrintedLine { index, error, a, b, prediction, bits, outputs, sum, exact });
                (lines, exact_lines, last_error) = (lines + 1, exact_lines + usize::from(exact), error);
            }
        }
        Ok(ReplaySummary { lines, exact_lines, first_non_finite, last_error, held_out: program.held_out() })
    }
}

/// The program that has a choice of recursions.
const THREE_DELTAS: (Notebook, Edition) = (Notebook::N002, Edition::Printed);

/// Outputs, least significant first, rounded to bits, most significant first. A number that is not
/// finite gives no bit. Rounding is numpy's, to even: an output of exactly one half is 0.
fn rounded_msb_first(outputs: &[f64]) -> Vec<Option<u8>> {
    outputs.iter().rev().map(|&y| y.is_finite().then_some(u8::from(y > 0.5))).collect()
}

fn non_finite_tensor(net: &NotebookNet, y: &[f64]) -> Option<&'static str> {
    let [w_ih, w_hh, w_ho, b_h, b_o] = net.split();
    let tensors = [("w_hh", w_hh), ("w_ih", w_ih), ("w_ho", w_ho), ("b_h", b_h), ("b_o", b_o), ("y", y)];
    tensors.into_iter().find(|(_, tensor)| tensor.iter().any(|x| !x.is_finite())).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::rounded_msb_first;

    #[test]
    fn a_half_rounds_down_and_nan_is_no_bit() {
        assert_eq!(rounded_msb_first(&[0.5, f64::NAN, 1.0]), [Some(1), None, Some(0)], "MSB 1.0, NaN, LSB 0.5");
    }
}
