//! The training loop that every notebook's program is.

use super::elman::NotebookNet;

/// A notebook's training loop, one sample (003: one epoch) at a time.
pub(crate) trait Program {
    /// Draws a sample, predicts it and learns from it.
    fn step(&mut self) -> Sample;

    /// The error to print for the last sample, if it is not that sample's own.
    fn printed_error(&mut self, sample: &Sample) -> f64 {
        sample.error
    }

    /// The parameters, to be searched for numbers that are not finite.
    fn net(&self) -> &NotebookNet;

    /// Rows of a held-out table that are added exactly, and all its rows, if the program has one.
    fn held_out(&mut self) -> Option<(usize, usize)> {
        None
    }
}

/// The outcome of a step.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) a: u32,
    pub(crate) b: u32,
    pub(crate) error: f64,
    /// Outputs, least significant first.
    pub(crate) y: Vec<f64>,
}
