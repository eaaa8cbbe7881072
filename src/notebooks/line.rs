//! One reported sample: what a notebook prints every so often, and its JSON form.

use serde::Serialize;

use super::names::{Edition, Notebook};

/// One reported sample of a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct PrintedLine {
    /// Number of the sample (003: the epoch), from 0.
    pub index: usize,
    /// The error as the notebook reckons it; may be NaN.
    pub error: f64,
    /// First operand.
    pub a: u32,
    /// Second operand.
    pub b: u32,
    /// The predicted bits as an integer; none if an output is not finite.
    pub prediction: Option<u64>,
    /// The predicted bits, most significant first; none for an output that is not finite.
    pub bits: Vec<Option<u8>>,
    /// 003 only: the outputs themselves, least significant first.
    pub outputs: Option<Vec<f64>>,
    /// The right answer, `a + b`.
    pub sum: u32,
    /// Whether the prediction is the sum.
    pub exact: bool,
}

impl PrintedLine {
    /// The line as a JSON record of this replay.
    #[must_use]
    pub fn record(&self, notebook: Notebook, edition: Edition) -> LineRecord<'_> {
        LineRecord {
            kind: "replay",
            notebook: notebook.name(),
            edition: edition.name(),
            index: self.index,
            error: finite(self.error),
            a: self.a,
            b: self.b,
            prediction: self.prediction,
            bits: &self.bits,
            outputs: self.outputs.as_ref().map(|outputs| outputs.iter().copied().map(finite).collect()),
            sum: self.sum,
        }
    }
}

/// A line as one JSON object; numbers that are not finite are null.
#[derive(Clone, Debug, Serialize)]
pub struct LineRecord<'a> {
    /// Always `replay`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Name of the notebook.
    pub notebook: &'static str,
    /// `printed` or `corrected`.
    #[serde(rename = "as")]
    pub edition: &'static str,
    /// Number of the sample or epoch.
    pub index: usize,
    /// The notebook's error.
    pub error: Option<f64>,
    /// First operand.
    pub a: u32,
    /// Second operand.
    pub b: u32,
    /// What the net answers.
    pub prediction: Option<u64>,
    /// Its bits, most significant first.
    pub bits: &'a [Option<u8>],
    /// 003 only: its outputs, least significant first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Vec<Option<f64>>>,
    /// The right answer.
    pub sum: u32,
}

fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}
