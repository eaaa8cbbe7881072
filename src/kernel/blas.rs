//! Products through matrixmultiply, by way of ndarray's safe functions: all samples of a shard at a time.

use super::finish::Finish;
use super::layout::Tile;
use super::linear::Linear;
use super::math::Lane;
use super::outer;
use super::products::{Blocks, Products, Size};
use fearless_simd::Simd;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, Axis, Slice};
use std::ops::Range;

/// Through matrixmultiply. Its kernels differ by processor, so its bits do too; they do not depend on the number of threads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blas;

/// A weight matrix `[inputs, outputs]` and its biases, as they are.
#[derive(Debug, Clone)]
pub(crate) struct Dense<F> {
    outputs: usize,
    /// Outputs of one gate.
    group: usize,
    weight: Vec<F>,
    bias: Vec<F>,
}

impl<F: Lane> Products<F> for Blas {
    type Weights = Dense<F>;

    fn together(self, words: usize) -> usize {
        words
    }

    fn weights(self, size: Size) -> Dense<F> {
        let (inputs, outputs) = (size.inputs(), size.outputs());
        Dense {
            outputs,
            group: outputs / size.gates_out.max(1),
            weight: vec![F::zero(); inputs * outputs],
            bias: vec![F::zero(); outputs],
        }
    }

    fn pack<S: Simd>(self, simd: S, packed: &mut Dense<F>, linear: Linear<'_, F>) {
        let Dense { outputs, group, weight, bias } = packed;
        for gate in 0..*outputs / *group {
            linear.write_biases(gate, *group, 0..*group, &mut bias[gate * *group..]);
            linear.write_weights(simd, gate, 0..*group, *outputs, &mut weight[gate * *group..]);
        }
    }

    fn product<S: Simd>(
        self,
        simd: S,
        tile: &Tile,
        weights: &Dense<F>,
        k: Range<usize>,
        rows: &[F],
        out: &mut [F],
        finish: Finish<'_, F>,
    ) {
        let (width, m) = (tile.width, weights.outputs);
        for (row, &bias) in out.chunks_exact_mut(width).zip(&weights.bias) {
            row.fill(bias);
        }
        let weight = view(&weights.weight[k.start * m..k.end * m], k.len(), m);
        let mut sums = ArrayViewMut2::from_shape((m, width), &mut *out).expect("rows of outputs");
        general_mat_mul(F::one(), &weight.t(), &view(rows, k.len(), width), F::one(), &mut sums);
        let len = out.len();
        finish.all(simd, out, len);
    }

    fn weight_gradients<S: Simd>(self, _simd: S, tile: &Tile, blocks: Blocks<'_, F>, sums: &mut [F]) {
        let (width, samples) = (tile.shape.delta_rows(), tile.width);
        for outer in outer::outers(tile.shape) {
            let (a, height) = outer.left(tile.shape, blocks);
            for t in 0..=tile.shape.steps {
                let [rows, cols] = outer.at(t);
                if rows.is_empty() || cols.is_empty() {
                    continue;
                }
                let mut gradient =
                    ArrayViewMut2::from_shape((sums.len() / width, width), &mut *sums).expect("a matrix of sums");
                gradient.slice_axis_inplace(Axis(0), Slice::from(rows.clone()));
                gradient.slice_axis_inplace(Axis(1), Slice::from(cols.clone()));
                let a = &a[(t * height + rows.start) * samples..][..rows.len() * samples];
                let b = &blocks.delta[(t * width + cols.start) * samples..][..cols.len() * samples];
                let (a, b) = (view(a, rows.len(), samples), view(b, cols.len(), samples));
                general_mat_mul(F::one(), &a, &b.t(), F::one(), &mut gradient);
            }
        }
    }
}

/// A slice as a matrix.
fn view<F>(data: &[F], rows: usize, cols: usize) -> ArrayView2<'_, F> {
    ArrayView2::from_shape((rows, cols), data).expect("rows times columns")
}
