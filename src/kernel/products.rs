//! The ways to multiply, behind one interface: samples as lanes (`fused`), hidden units as lanes (`units`), matrixmultiply (`blas`).

use super::finish::Finish;
use super::layout::{LANES, Shape, Tile};
use super::math::Lane;
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

    /// How much of H rows holds samples: what element-wise work must touch.
    fn live(self, tile: &Tile) -> usize {
        tile.shape.hidden * tile.width
    }

    /// Room for the weights of a product.
    fn weights(self, size: Size) -> Self::Weights;

    /// Packs weights and biases; the output unit alone is unit 0 of gate 0.
    fn pack(self, packed: &mut Self::Weights, linear: Linear<'_, F>);

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

    /// The output unit's pre-activations, `out = bias + Σ_k W[k] h[k]`, a row.
    fn output<S: Simd>(self, simd: S, tile: &Tile, weights: &Self::Weights, h: &[F], out: &mut [F]) {
        self.product(simd, tile, weights, 0..tile.shape.hidden, h, out, Finish::Plain);
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

/// What is packed: weights and biases of all gates of outputs, times a scale for each gate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Linear<'a, F> {
    /// The weights, from the first input on.
    pub(crate) weights: &'a [Matrix<'a, F>],
    /// The biases, gate by gate; empty if they are zero.
    pub(crate) biases: &'a [F],
    /// The scales.
    pub(crate) scales: &'a [F],
}

impl<F: Lane> Linear<'_, F> {
    /// Writes the biases of some units of a gate of `size` units.
    #[inline(always)]
    pub(crate) fn write_biases(&self, gate: usize, size: usize, units: Range<usize>, out: &mut [F]) {
        if !self.biases.is_empty() {
            let biases = &self.biases[gate * size..][units];
            out.iter_mut().zip(biases).for_each(|(out, &b)| *out = b * self.scales[gate]);
        }
    }

    /// Writes the weights of some units of a gate: a row of `stride` numbers for each input, of which the first are those units'.
    #[inline(always)]
    pub(crate) fn write_weights(&self, gate: usize, units: Range<usize>, stride: usize, mut rows: &mut [F]) {
        let scale = self.scales[gate];
        for matrix in self.weights {
            let from = &matrix.from[gate * matrix.per_gate..];
            if matrix.per_unit == 1 {
                for (k, row) in rows.chunks_mut(stride).take(matrix.inputs).enumerate() {
                    let weights = &from[k * matrix.per_input..][units.clone()];
                    // Lines of 16, as most are, without a loop, and in registers meanwhile.
                    if let (Ok(out), Ok(mut line)) =
                        (<&mut [F; LANES]>::try_from(&mut *row), <[F; LANES]>::try_from(weights))
                    {
                        line.iter_mut().for_each(|w| *w *= scale);
                        *out = line;
                    } else {
                        row.iter_mut().zip(weights).for_each(|(out, &w)| *out = w * scale);
                    }
                }
            } else {
                let line = |i: usize| &from[(units.start + i) * matrix.per_unit..][..matrix.inputs];
                let fours = units.len() / 4 * 4;
                for i in (0..fours).step_by(4) {
                    let lines = line(i).iter().zip(line(i + 1)).zip(line(i + 2)).zip(line(i + 3));
                    for (row, (((&a, &b), &c), &d)) in rows.chunks_mut(stride).zip(lines) {
                        row[i..i + 4].copy_from_slice(&[a * scale, b * scale, c * scale, d * scale]);
                    }
                }
                for i in fours..units.len() {
                    rows.chunks_mut(stride).zip(line(i)).for_each(|(row, &w)| row[i] = w * scale);
                }
            }
            rows = rows.get_mut(matrix.inputs * stride..).unwrap_or_default();
        }
    }
}

/// Weights from some inputs to the units of all gates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a, F> {
    pub(crate) from: &'a [F],
    /// How many inputs there are.
    pub(crate) inputs: usize,
    /// From an input to the next; 1 unless units are neighbours.
    pub(crate) per_input: usize,
    /// From a gate to the next.
    pub(crate) per_gate: usize,
    /// From a unit to the next.
    pub(crate) per_unit: usize,
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
