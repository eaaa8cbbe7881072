//! What every notebook's program is: a training loop.

use super::elman::NotebookNet;

/// A notebook's training loop, one sample (003: one epoch) at a time.
pub(crate) trait Program {
    /// Draws a sample, predicts it, learns from it.
    fn step(&mut self) -> Sample;

    /// The error to print for the sample just taken, where that is not its own.
    fn printed_error(&mut self, sample: &Sample) -> f64 {
        sample.error
    }

    /// The parameters, for the watch on numbers that are not finite.
    fn net(&self) -> &NotebookNet;

    /// Rows of a held-out table that are added exactly, and rows in all, if the program keeps one.
    fn held_out(&mut self) -> Option<(usize, usize)> {
        None
    }
}

/// What one step leaves behind.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) a: u32,
    pub(crate) b: u32,
    pub(crate) error: f64,
    /// Outputs, least significant first.
    pub(crate) y: Vec<f64>,
}
