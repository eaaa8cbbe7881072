//! The two ways to multiply, behind one interface: `fused` (this crate's register tiles) and `blas` (matrixmultiply).

use super::finish::Finish;
use super::gemm::{self, Panel};
use super::layout::{LANES, TILE};
use super::math::Lane;
use super::outer::{self, Outer};
use fearless_simd::Simd;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, Axis, Slice};
use std::ops::Range;

/// Matrix products over rows of samples.
pub(crate) trait Products<F: Lane>: Copy + Send + Sync {
    /// Packed weights.
    type Weights: Clone + std::fmt::Debug + Send + Sync;

    /// Partial sums kept for each weight gradient.
    const SUMS: usize;

    /// Words of samples that go through together, of `words` at most.
    fn together(self, words: usize) -> usize;

    /// Room for the weights of a product, whose outputs are `groups` gates.
    fn weights(self, inputs: usize, outputs: usize, groups: usize) -> Self::Weights;

    /// Packs `weight(k, m)` and `bias(m)`.
    fn pack(self, packed: &mut Self::Weights, bias: impl Fn(usize) -> F, weight: impl Fn(usize, usize) -> F);

    /// `out[m] = finish(bias[m] + Σ_k W[k][m] rows[k])` for the inputs `k`.
    fn product<S: Simd>(
        self,
        simd: S,
        weights: &Self::Weights,
        k: Range<usize>,
        rows: &[F],
        out: &mut [F],
        finish: Finish<'_, F>,
    );

    /// Adds `outer` to `sums`, a matrix of `width` columns of [`Products::SUMS`] partial sums.
    fn outer<S: Simd>(self, simd: S, outer: &Outer<'_, F>, width: usize, sums: &mut [F]);

    /// One weight's gradient from its partial sums.
    fn sum(self, sums: &[F]) -> F;
}

/// This crate's own products: a tile of 64 samples at a time, everything of it in cache.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fused;

impl<F: Lane> Products<F> for Fused {
    type Weights = Panel<F>;
    const SUMS: usize = LANES;

    fn together(self, _words: usize) -> usize {
        1
    }

    fn weights(self, inputs: usize, outputs: usize, groups: usize) -> Panel<F> {
        Panel::zeros(inputs, outputs, groups)
    }

    fn pack(self, packed: &mut Panel<F>, bias: impl Fn(usize) -> F, weight: impl Fn(usize, usize) -> F) {
        packed.pack(bias, weight);
    }

    fn product<S: Simd>(
        self,
        simd: S,
        weights: &Panel<F>,
        k: Range<usize>,
        rows: &[F],
        out: &mut [F],
        finish: Finish<'_, F>,
    ) {
        gemm::product(simd, weights, k, rows, out, finish);
    }

    fn outer<S: Simd>(self, simd: S, outer: &Outer<'_, F>, width: usize, sums: &mut [F]) {
        outer::outer(simd, outer, width, sums);
    }

    #[inline(always)]
    fn sum(self, sums: &[F]) -> F {
        outer::sum_lanes(sums.first_chunk().expect("16 lanes"))
    }
}

/// Products through matrixmultiply, by way of ndarray's safe functions: all samples of a shard at a time.
///
/// Its kernels differ by processor, so its bits do too; they do not depend on the number of threads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blas;

/// A weight matrix `[inputs, outputs]` and its biases, as they are.
#[derive(Debug, Clone)]
pub(crate) struct Dense<F> {
    outputs: usize,
    weight: Vec<F>,
    bias: Vec<F>,
}

impl<F: Lane> Products<F> for Blas {
    type Weights = Dense<F>;
    const SUMS: usize = 1;

    fn together(self, words: usize) -> usize {
        words
    }

    fn weights(self, inputs: usize, outputs: usize, _groups: usize) -> Dense<F> {
        Dense { outputs, weight: vec![F::zero(); inputs * outputs], bias: vec![F::zero(); outputs] }
    }

    fn pack(self, packed: &mut Dense<F>, bias: impl Fn(usize) -> F, weight: impl Fn(usize, usize) -> F) {
        let outputs = packed.outputs;
        for (k, row) in packed.weight.chunks_exact_mut(outputs).enumerate() {
            row.iter_mut().enumerate().for_each(|(m, w)| *w = weight(k, m));
        }
        packed.bias.iter_mut().enumerate().for_each(|(m, b)| *b = bias(m));
    }

    fn product<S: Simd>(
        self,
        simd: S,
        weights: &Dense<F>,
        k: Range<usize>,
        rows: &[F],
        out: &mut [F],
        finish: Finish<'_, F>,
    ) {
        let width = rows.len() / k.len();
        for (row, &bias) in out.chunks_exact_mut(width).zip(&weights.bias) {
            row.fill(bias);
        }
        let m = weights.outputs;
        let weight = view(&weights.weight[k.start * m..k.end * m], k.len(), m);
        let mut sums = ArrayViewMut2::from_shape((m, width), &mut *out).expect("rows of outputs");
        general_mat_mul(F::one(), &weight.t(), &view(rows, k.len(), width), F::one(), &mut sums);
        finish.rows(simd, out);
    }

    fn outer<S: Simd>(self, _simd: S, outer: &Outer<'_, F>, width: usize, sums: &mut [F]) {
        let [block_a, block_b] = outer.blocks;
        let samples = outer.width;
        let (rows, cols) = (outer.rows.clone(), outer.cols.clone());
        let mut part = ArrayViewMut2::from_shape((sums.len() / width, width), sums).expect("a matrix of sums");
        part.slice_axis_inplace(Axis(0), Slice::from(rows.clone()));
        part.slice_axis_inplace(Axis(1), Slice::from(cols.clone()));
        for t in outer.steps.clone() {
            let a = &outer.a[(t * block_a + rows.start) * samples..][..rows.len() * samples];
            let b = &outer.b[(t * block_b + cols.start) * samples..][..cols.len() * samples];
            let (a, b) = (view(a, rows.len(), samples), view(b, cols.len(), samples));
            general_mat_mul(F::one(), &a, &b.t(), F::one(), &mut part);
        }
    }

    #[inline(always)]
    fn sum(self, sums: &[F]) -> F {
        sums[0]
    }
}

/// A slice as a matrix.
fn view<F>(data: &[F], rows: usize, cols: usize) -> ArrayView2<'_, F> {
    ArrayView2::from_shape((rows, cols), data).expect("rows times columns")
}

/// Samples in `words` words.
pub(crate) fn samples_in(words: usize) -> usize {
    words * TILE
}
