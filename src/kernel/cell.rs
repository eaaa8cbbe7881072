//! What a net and its cell are to the passes: choices, and functions of lines.

use super::Noise;
use super::math::{Lane, Vector};
use crate::model::{self, Activation, Config, Loss, LstmForm};
use fearless_simd::Simd;

/// What a kernel computes, apart from weights and samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Net {
    pub(crate) cell: model::Cell,
    pub(crate) lstm_form: LstmForm,
    pub(crate) activation: Activation,
    pub(crate) output: Activation,
    pub(crate) loss: Loss,
    /// Disturbs what is carried, in gradients alone.
    pub(crate) noise: Option<Noise>,
}

impl Net {
    /// The net of a config, without noise.
    pub(crate) fn of(config: &Config) -> Self {
        let Config { cell, lstm_form, activation, output, loss, .. } = *config;
        Self { cell, lstm_form, activation, output, loss, noise: None }
    }

    /// Lines kept for each line of h.
    pub(crate) fn kept(&self) -> usize {
        if self.cell == model::Cell::Lstm { KEPT } else { 0 }
    }

    /// φ of each gate.
    pub(crate) fn gates(&self) -> [Activation; 4] {
        match self.cell {
            model::Cell::Elman | model::Cell::Dynamic => [self.activation; 4],
            model::Cell::Lstm => [Activation::Sigmoid, Activation::Sigmoid, self.activation, Activation::Sigmoid],
        }
    }
}

/// What a cell keeps of a step beside h: up to six lines, the last one c.
pub(crate) type Kept<S, F> = [Vector<S, F>; KEPT];

/// Lines that a cell with c keeps for each line of h.
pub(crate) const KEPT: usize = 6;

/// The place of c among the lines that are kept.
pub(crate) const C: usize = 5;

/// What flows back into a step, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Back<S: Simd, F: Lane> {
    /// dh.
    pub(crate) dh: Vector<S, F>,
    /// dc from the steps after.
    pub(crate) flow: Vector<S, F>,
    /// h, as it was before noise.
    pub(crate) y: Vector<S, F>,
    /// What was kept.
    pub(crate) kept: Kept<S, F>,
    /// c of the step before.
    pub(crate) c_prev: Vector<S, F>,
}

/// A cell, line by line.
pub(crate) trait Cell<F: Lane>: Copy {
    /// Pre-activations of a unit.
    const GATES: usize;
    /// Lines kept beside h: none or all six.
    const KEPT: usize;

    /// φ of the hidden units.
    fn activation(self) -> Activation;

    /// h, and what is kept, from the pre-activations of the gates, each times
    /// [`scale`](super::math::scale) of its φ, and c of the step before.
    fn forward<S: Simd>(self, simd: S, z: [Vector<S, F>; 4], c_prev: Vector<S, F>) -> (Vector<S, F>, Kept<S, F>);

    /// dz of the gates, and dc for the step before.
    fn backward<S: Simd>(self, simd: S, back: Back<S, F>) -> ([Vector<S, F>; 4], Vector<S, F>);
}
