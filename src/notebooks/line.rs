//! The samples that a notebook prints. In JSON, numbers that are not finite are null.

use serde::Serialize;

/// One reported sample of a replay.
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
