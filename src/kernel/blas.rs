//! Rows of one node each, multiplied by matrixmultiply by way of ndarray's safe functions: an independent rung of the ladder.

use super::math::{Lane, Vector};
use super::rows::{Rows, Shape};
use super::wide::Wide;
use crate::task::tree::Order;
use fearless_simd::Simd;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder};

/// Through matrixmultiply. Its kernels differ by processor, so its bits do too; they do not depend on the number of threads.
#[derive(Debug, Clone)]
pub(crate) struct Blas<F> {
    shape: Shape,
    w_hh: Vec<F>,
    /// For the way forward.
    scaled: Vec<F>,
}

/// Rows of a matrix, `ld` floats apart.
fn view<F>(rows: usize, cols: usize, ld: usize, data: &[F]) -> ArrayView2<'_, F> {
    ArrayView2::from_shape((rows, cols).strides((ld, 1)), data).expect("rows of a matrix")
}

/// Rows of a matrix to write.
fn view_mut<F>(rows: usize, cols: usize, ld: usize, data: &mut [F]) -> ArrayViewMut2<'_, F> {
    ArrayViewMut2::from_shape((rows, cols).strides((ld, 1)), data).expect("rows of a matrix")
}

impl<F: Lane> Blas<F> {
    /// `W_hh` of a gate, `[H, H]`.
    fn gate<'a>(&self, weights: &'a [F], gate: usize) -> ArrayView2<'a, F> {
        let Shape { hidden, gates, .. } = self.shape;
        view(hidden, hidden, gates * hidden, &weights[gate * hidden..])
    }
}

impl<F: Lane> Rows<F> for Blas<F> {
    const NODES: usize = 1;
    const ORDER: Order = Order::Natural;

    fn new(shape: Shape) -> Self {
        let weights = vec![F::zero(); shape.hidden * shape.hidden * shape.gates];
        Self { shape, w_hh: weights.clone(), scaled: weights }
    }

    fn lines(hidden: usize) -> usize {
        Wide::<F>::lines(hidden)
    }

    fn pack<S: Simd>(&mut self, _simd: S, w_hh: &[F], scales: [F; 4]) {
        self.w_hh.copy_from_slice(w_hh);
        let scales =
            scales.iter().take(self.shape.gates).flat_map(|&scale| std::iter::repeat_n(scale, self.shape.hidden));
        for ((scaled, &w), scale) in self.scaled.iter_mut().zip(w_hh).zip(scales.cycle()) {
            *scaled = w * scale;
        }
    }

    fn forward<S: Simd>(&self, _simd: S, rows: usize, h: &[F], z: &mut [F]) {
        let Shape { hidden, gates, wide, ld, ldz, .. } = self.shape;
        for gate in 0..gates {
            let mut z = view_mut(rows, hidden, ldz, &mut z[gate * wide..]);
            general_mat_mul(F::one(), &view(rows, hidden, ld, h), &self.gate(&self.scaled, gate), F::zero(), &mut z);
        }
    }

    fn backward<S: Simd>(&self, _simd: S, rows: usize, s: &[F], dh: &mut [F]) {
        let Shape { hidden, gates, wide, ld, ldz, .. } = self.shape;
        for gate in 0..gates {
            let beta = if gate == 0 { F::zero() } else { F::one() };
            let s = view(rows, hidden, ldz, &s[gate * wide..]);
            general_mat_mul(F::one(), &s, &self.gate(&self.w_hh, gate).t(), beta, &mut view_mut(rows, hidden, ld, dh));
        }
    }

    fn outer<S: Simd>(&self, _simd: S, rows: usize, h: &[F], s: &[F], sums: &mut [F]) {
        let Shape { hidden, gates, wide, ld, ldz, .. } = self.shape;
        for gate in 0..gates {
            let s = view(rows, hidden, ldz, &s[gate * wide..]);
            let mut sums = view_mut(hidden, hidden, gates * wide, &mut sums[gate * wide..]);
            general_mat_mul(F::one(), &view(rows, hidden, ld, h).t(), &s, F::one(), &mut sums);
        }
    }

    fn sums(shape: Shape) -> usize {
        Wide::<F>::sums(shape)
    }

    fn direct(shape: Shape) -> bool {
        Wide::<F>::direct(shape)
    }

    fn add_weights(shape: Shape, sums: &[F], dw_hh: &mut [F]) {
        Wide::<F>::add_weights(shape, sums, dw_hh);
    }

    fn dots<S: Simd>(simd: S, shape: Shape, rows: usize, h: &[F], w: &[F], out: &mut [F]) {
        Wide::<F>::dots(simd, shape, rows, h, w, out);
    }

    #[inline(always)]
    fn spread<S: Simd>(simd: S, values: &[F]) -> Vector<S, F> {
        Wide::<F>::spread(simd, values)
    }

    fn lay(values: &[F], row: &mut [F]) {
        Wide::<F>::lay(values, row);
    }

    fn fold(row: &[F], sums: &mut [F]) {
        Wide::<F>::fold(row, sums);
    }

    #[inline(always)]
    fn gather<S: Simd>(
        simd: S,
        shape: Shape,
        nodes: &[u32],
        groups: usize,
        from: (&[F], usize),
        to: (&mut [F], usize),
    ) {
        Wide::<F>::gather(simd, shape, nodes, groups, from, to);
    }

    #[inline(always)]
    fn scatter_add<S: Simd>(
        simd: S,
        shape: Shape,
        nodes: &[u32],
        groups: usize,
        from: (&[F], usize),
        to: (&mut [F], usize),
    ) {
        Wide::<F>::scatter_add(simd, shape, nodes, groups, from, to);
    }
}
