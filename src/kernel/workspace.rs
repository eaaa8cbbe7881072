//! The buffers of one pass; made once, grown when a larger pass comes, never allocated in a step.

use super::Float;
use super::layout::{Aligned, LANES, Shape};
use crate::model::Cell;

/// The buffers of one thread.
///
/// # Cost
/// With W samples together (64 for `fused` and `units`, a shard for `blas`) and H rounded up to whole cache lines for `units`, for training:
/// `(T+1)·(H+G·H+4)·W` floats of states and deltas; sums of weight gradients, `(H+3)·(G·H+1)` of 17 (`fused`) or 1 (`blas`) floats, or
/// `(H+5)·G·H` of 1 and at most `16·H·W` to pack what they are made of, `2·H·W` from H = 64 on (`units`); for the LSTM
/// `((T+1)·6H + 2H)·W` more, for the dynamic cell `((T+1)·(H+1) + H)·W`, with noise `(T+1)·H·W`, and for one sample alone T; for
/// [`evaluate`](super::Kernel::evaluate) only two blocks of states and deltas. The packed weights of an engine are about as large as
/// the parameters, twice.
#[derive(Debug, Clone)]
pub struct Workspace<F> {
    /// States, `[T+1][H+3][W]`.
    pub(super) state: Aligned<F>,
    /// What flows back, `[T+1][G·H+1][W]`.
    pub(super) delta: Aligned<F>,
    /// What the dynamic cell and the LSTM keep beside; empty for other cells.
    pub(super) extra: Extra<F>,
    /// Sums of weight gradients, `[H+3][G·H+1][SUMS]`.
    pub(super) sums: Aligned<F>,
    /// Sums of losses.
    pub(super) loss: [F; LANES],
    /// Samples with a wrong bit so far, a bit each.
    pub(super) wrong: Vec<u64>,
    /// What the samples answer at a step, a bit each.
    pub(super) answer: Vec<u64>,
    /// Samples that exist, a bit each.
    pub(super) valid: Vec<u64>,
    /// `z_o`, then `dz_o`, of all steps of one sample, `[T]` and up to a whole line.
    pub(super) outputs: Aligned<F>,
    /// What it was last laid out for.
    laid: Option<(Shape, usize, usize, bool)>,
}

/// Buffers of the cells that keep more than h.
#[derive(Debug, Clone)]
pub(super) struct Extra<F> {
    /// Dynamic: `h_t` as it is, `[T+1][H][W]`, beside the scaled one in the state.
    pub(super) h: Aligned<F>,
    /// Elman, dynamic, with noise: `h_t` without it, `[T+1][H][W]`.
    pub(super) clean: Aligned<F>,
    /// Dynamic: `s_t`, `[T+1][W]`.
    pub(super) scale: Aligned<F>,
    /// LSTM: gates i, f, g, o after their activations, `[T+1][4 H][W]`.
    pub(super) gates: Aligned<F>,
    /// LSTM: c_{t−1}, `[T+1][H][W]`.
    pub(super) c: Aligned<F>,
    /// LSTM: φ of the cell, `[T+1][H][W]`.
    pub(super) squashed: Aligned<F>,
    /// Dynamic, LSTM: `dh_t`, `[H][W]`.
    pub(super) dh: Aligned<F>,
    /// LSTM: what flows back through the cell state, `[H][W]`.
    pub(super) carry: Aligned<F>,
}

impl<F: Float> Default for Workspace<F> {
    fn default() -> Self {
        Self {
            state: Aligned::zeros(0),
            delta: Aligned::zeros(0),
            extra: Extra {
                h: Aligned::zeros(0),
                clean: Aligned::zeros(0),
                scale: Aligned::zeros(0),
                gates: Aligned::zeros(0),
                c: Aligned::zeros(0),
                squashed: Aligned::zeros(0),
                dh: Aligned::zeros(0),
                carry: Aligned::zeros(0),
            },
            sums: Aligned::zeros(0),
            loss: [F::zero(); LANES],
            wrong: Vec::new(),
            answer: Vec::new(),
            valid: Vec::new(),
            outputs: Aligned::zeros(0),
            laid: None,
        }
    }
}

impl<F: Float> Workspace<F> {
    /// Lays the buffers out for `blocks` blocks of states of `width` samples; what must be constant is written here, once.
    pub(super) fn lay_out(&mut self, shape: Shape, width: usize, blocks: usize, training: bool) {
        self.wrong.clear();
        self.wrong.resize(width / 64, 0);
        self.answer.resize(width / 64, 0);
        self.valid.resize(width / 64, 0);
        self.loss = [F::zero(); LANES];
        if training {
            self.delta.reserve(blocks * shape.delta_rows() * width);
        } else {
            self.delta.reserve(width);
        }
        let (rows, extra) = (blocks * shape.hidden * width, &mut self.extra);
        match shape.cell {
            Cell::Elman => {}
            Cell::Dynamic => {
                extra.h.reserve(rows);
                extra.scale.reserve(blocks * width);
                extra.dh.reserve(shape.hidden * width);
            }
            Cell::Lstm => {
                extra.gates.reserve(4 * rows);
                extra.c.reserve(rows);
                extra.squashed.reserve(rows);
                extra.dh.reserve(shape.hidden * width);
                extra.carry.reserve(shape.hidden * width);
            }
        }
        let laid = Some((shape, width, blocks, training));
        if self.laid == laid {
            return;
        }
        let block = shape.state_rows() * width;
        self.state.reserve(blocks * block);
        // The row of ones is ones in every block; h_{−1}, and what would flow back from before the first step and after the last, are zero.
        for block in self.state.chunks_exact_mut(block) {
            block[(shape.hidden + 2) * width..].fill(F::one());
        }
        self.state[..shape.hidden * width].fill(F::zero());
        if training {
            let rows = shape.delta_rows();
            self.delta[shape.wide * width..rows * width].fill(F::zero());
            self.delta[(blocks - 1) * rows * width..][..shape.wide * width].fill(F::zero());
        }
        self.laid = laid;
    }

    /// How many samples had a wrong bit.
    pub(super) fn wrong_samples(&self) -> u64 {
        self.wrong.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Room for the sums of weight gradients, all zero, and `beside` floats more that may be anything.
    pub(super) fn clear_sums(&mut self, sums: usize, beside: usize) {
        self.sums.reserve(sums + beside);
        self.sums[..sums].fill(F::zero());
    }
}
