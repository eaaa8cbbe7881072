//! The ways to multiply, behind one interface: samples as lanes (`fused`), hidden units as lanes (`units`), matrixmultiply (`blas`).

use super::finish::Finish;
use super::layout::{Shape, Tile};
use super::linear::Linear;
use super::math::Lane;
use super::recurrence::Recurrence;
use super::{outer, rows};
use fearless_simd::Simd;
use std::fmt::Debug;
use std::ops::Range;

/// The sizes of a product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Hidden units, H.
    pub(crate) hidden: usize,
    /// Gates among the inputs, H units each, which come first.
    pub(crate) gates_in: usize,
    /// Inputs that are single rows: a and b, or `dz_o`.
    pub(crate) rows_in: usize,
    /// Gates among the outputs; 0 for the output unit alone.
    pub(crate) gates_out: usize,
}

impl Size {
    /// Inputs.
    pub(crate) fn inputs(&self) -> usize {
        self.gates_in * self.hidden + self.rows_in
    }

    /// Outputs.
    pub(crate) fn outputs(&self) -> usize {
        (self.gates_out * self.hidden).max(1)
    }
}

/// What the weight gradients are made of: a block for each step, and one more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blocks<'a, F> {
    /// Blocks of state.
    pub(crate) state: &'a [F],
    /// Blocks of delta.
    pub(crate) delta: &'a [F],
    /// What the output reads where the state does not hold it, the dynamic cell's h.
    pub(crate) h: &'a [F],
}

/// Matrix products over the states of many samples; what lies as rows of samples does needs no more than the products themselves.
pub(crate) trait Products<F: Lane>: Copy + Send + Sync {
    /// Packed weights.
    type Weights: Clone + Debug + Send + Sync;

    /// What the number of hidden units is rounded up to in a buffer.
    fn padded(self, hidden: usize) -> usize {
        hidden
    }

    /// Words of samples that go through together, of `words` at most.
    fn together(self, words: usize) -> usize;

    /// Whether a tile is of one sample, whose units lie together: what no step hands to the next then goes over all its steps at once.
    fn one_sample(self, _tile: &Tile) -> bool {
        false
    }

    /// How much of H rows holds samples: what element-wise work must touch.
    fn live(self, tile: &Tile) -> usize {
        tile.shape.hidden * tile.width
    }

    /// Room for the weights of a product.
    fn weights(self, size: Size) -> Self::Weights;

    /// Packs weights and biases; the output unit alone is unit 0 of gate 0.
    fn pack<S: Simd>(self, simd: S, packed: &mut Self::Weights, linear: Linear<'_, F>);

    /// `out[m] = finish(bias[m] + Σ_k W[k][m] rows[k])` for the inputs `k`.
    #[expect(clippy::too_many_arguments, reason = "a product has two operands, a result, and where they lie")]
    fn product<S: Simd>(
        self,
        simd: S,
        tile: &Tile,
        weights: &Self::Weights,
        k: Range<usize>,
        rows: &[F],
        out: &mut [F],
        finish: Finish<'_, F>,
    );

    /// All steps of a recurrence.
    fn recur<S: Simd>(self, simd: S, tile: &Tile, weights: &Self::Weights, recurrence: Recurrence<'_, F>) {
        recurrence.by_products(simd, self, tile, weights);
    }

    /// The output unit's pre-activations, `out = bias + Σ_k W[k] h[k]`, a row.
    fn output<S: Simd>(self, simd: S, tile: &Tile, weights: &Self::Weights, h: &[F], out: &mut [F]) {
        self.product(simd, tile, weights, 0..tile.shape.hidden, h, out, Finish::Plain);
    }

    /// The same for steps of [one sample](Products::one_sample), a number each; their h begin `stride` apart.
    fn outputs<S: Simd>(self, _simd: S, _weights: &Self::Weights, _h: &[F], _stride: usize, _out: &mut [F]) {
        unreachable!("a tile of many samples");
    }

    /// `out = scale ⊙ h`, a scale for each sample.
    fn multiply<S: Simd>(self, simd: S, _tile: &Tile, scale: &[F], h: &[F], out: &mut [F]) {
        rows::multiply(simd, scale, h, out);
    }

    /// `rows = scale ⊙ rows + dh`, a scale for each sample.
    fn scale_and_add<S: Simd>(self, simd: S, _tile: &Tile, scale: &[F], dh: &[F], rows: &mut [F]) {
        rows::scale_and_add(simd, scale, dh, rows);
    }

    /// Samples of a row that are read, whole vectors.
    fn read<S: Simd>(self, tile: &Tile) -> usize {
        tile.width
    }

    /// Sums of weight gradients there are.
    fn sums(self, shape: Shape) -> usize {
        outer::entries(shape)
    }

    /// Floats of room that making them needs beside them.
    fn room(self, _shape: Shape) -> usize {
        0
    }

    /// Where a tensor's gradient lies among their totals.
    fn place(self, shape: Shape, tensor: &str) -> Place {
        outer::place(shape, tensor)
    }

    /// Adds the weight gradients of a tile to `sums`, which the room follows.
    fn weight_gradients<S: Simd>(self, simd: S, tile: &Tile, blocks: Blocks<'_, F>, sums: &mut [F]);

    /// The gradients, from sums over all tiles and the room behind them: the sums themselves unless this is overridden.
    fn totals(self, _shape: Shape, sums: &mut [F]) -> &[F] {
        sums
    }
}

/// Where the entries of a tensor lie: the first, and the steps from row to row and from gate to gate; within a gate they are neighbours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) first: usize,
    pub(crate) row: usize,
    pub(crate) gate: usize,
}

/// Samples in `words` words.
pub(crate) fn samples_in(words: usize) -> usize {
    words * super::layout::TILE
}
