//! The buffers of one pass; made once, grown when a larger pass comes, never allocated in a step.

use super::Float;
use super::layout::{Aligned, LANES, Shape};

/// The buffers of one thread.
///
/// # Cost
/// Bytes with W samples together (64 for `fused`, a shard for `blas`), for training: `(T+1)·(2H+4)·W` floats of states and
/// deltas, and `(H+3)·(H+1)` sums of 16 (`fused`) or 1 (`blas`) floats; for [`evaluate`](super::Kernel::evaluate) only two blocks.
#[derive(Debug, Clone)]
pub struct Workspace<F> {
    /// States, `[T+1][H+3][W]`.
    pub(super) state: Aligned<F>,
    /// What flows back, `[T+1][G·H+1][W]`.
    pub(super) delta: Aligned<F>,
    /// Sums of weight gradients, `[H+3][G·H+1][SUMS]`.
    pub(super) sums: Aligned<F>,
    /// Sums of losses.
    pub(super) loss: [F; LANES],
    /// Samples with a wrong bit so far, a bit each.
    pub(super) wrong: Vec<u64>,
    /// Samples that exist, a bit each.
    pub(super) valid: Vec<u64>,
    /// What it was last laid out for.
    laid: Option<(Shape, usize, usize)>,
}

impl<F: Float> Default for Workspace<F> {
    fn default() -> Self {
        Self {
            state: Aligned::zeros(0),
            delta: Aligned::zeros(0),
            sums: Aligned::zeros(0),
            loss: [F::zero(); LANES],
            wrong: Vec::new(),
            valid: Vec::new(),
            laid: None,
        }
    }
}

impl<F: Float> Workspace<F> {
    /// Lays the buffers out for `blocks` blocks of states of `width` samples; what must be constant is written here, once.
    pub(super) fn lay_out(&mut self, shape: Shape, width: usize, blocks: usize, training: bool) {
        self.wrong.clear();
        self.wrong.resize(width / 64, 0);
        self.valid.resize(width / 64, 0);
        self.loss = [F::zero(); LANES];
        if training {
            self.delta.reserve(blocks * shape.delta_rows() * width);
        } else {
            self.delta.reserve(width);
        }
        if self.laid == Some((shape, width, blocks)) {
            return;
        }
        let block = shape.state_rows() * width;
        self.state.reserve(blocks * block);
        // h_{−1} is never read, it is left out of every sum; the row of ones is ones in every block.
        for block in self.state.chunks_exact_mut(block) {
            block[(shape.hidden + 2) * width..].fill(F::one());
        }
        self.laid = Some((shape, width, blocks));
    }

    /// Room for the sums of weight gradients, all zero.
    pub(super) fn clear_sums(&mut self, shape: Shape, sums: usize) {
        let len = shape.state_rows() * shape.delta_rows() * sums;
        self.sums.reserve(len);
        self.sums[..len].fill(F::zero());
    }
}
