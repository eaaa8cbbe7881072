//! Products through matrixmultiply, by way of ndarray's safe functions: an independent rung of the
//! ladder.

use super::math::Lane;
use super::rows::Shape;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder};

/// Weights for matrixmultiply, as they are and times their gates' scales. Its kernels differ by
/// processor, so its bits do too; they do not depend on the number of threads.
#[derive(Debug, Clone)]
pub(crate) struct Blas<F> {
    shape: Shape,
    w_hh: Vec<F>,
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
    /// Room for the weights of a net.
    pub(crate) fn new(shape: Shape) -> Self {
        let weights = vec![F::zero(); shape.hidden * shape.hidden * shape.gates];
        Self { shape, w_hh: weights.clone(), scaled: weights }
    }

    pub(crate) fn pack(&mut self, w_hh: &[F], scales: [F; 4]) {
        let Shape { hidden, gates, .. } = self.shape;
        self.w_hh.copy_from_slice(w_hh);
        self.scaled.copy_from_slice(w_hh);
        for row in self.scaled.chunks_exact_mut(gates * hidden) {
            for (gate, &scale) in row.chunks_exact_mut(hidden).zip(&scales) {
                gate.iter_mut().for_each(|w| *w = scale * *w);
            }
        }
    }

    /// Weights of a gate, `[H, H]`.
    fn gate<'a>(&self, weights: &'a [F], gate: usize) -> ArrayView2<'a, F> {
        let Shape { hidden, gates, .. } = self.shape;
        view(hidden, hidden, gates * hidden, &weights[gate * hidden..])
    }

    /// `z = h W_hh`.
    pub(crate) fn forward(&self, rows: usize, h: &[F], z: &mut [F]) {
        let Shape { hidden, gates, wide, ld, ldz, .. } = self.shape;
        if hidden < wide {
            // The buffer has held other rows: NaN in units of no net would reach all sums.
            z[..rows * ldz].fill(F::zero());
        }
        for gate in 0..gates {
            let mut z = view_mut(rows, hidden, ldz, &mut z[gate * wide..]);
            general_mat_mul(F::one(), &view(rows, hidden, ld, h), &self.gate(&self.scaled, gate), F::zero(), &mut z);
        }
    }

    /// `dh = s W_hhᵀ`.
    pub(crate) fn backward(&self, rows: usize, s: &[F], dh: &mut [F]) {
        let Shape { hidden, gates, wide, ld, ldz, .. } = self.shape;
        for gate in 0..gates {
            let beta = if gate == 0 { F::zero() } else { F::one() };
            let s = view(rows, hidden, ldz, &s[gate * wide..]);
            let weights = self.gate(&self.w_hh, gate);
            general_mat_mul(F::one(), &s, &weights.t(), beta, &mut view_mut(rows, hidden, ld, dh));
        }
    }

    /// `sums += Σ h ⊗ s`.
    pub(crate) fn outer(&self, rows: usize, h: &[F], s: &[F], sums: &mut [F]) {
        let Shape { hidden, gates, wide, ld, ldz, .. } = self.shape;
        for gate in 0..gates {
            let s = view(rows, hidden, ldz, &s[gate * wide..]);
            let mut sums = view_mut(hidden, hidden, gates * wide, &mut sums[gate * wide..]);
            general_mat_mul(F::one(), &view(rows, hidden, ld, h).t(), &s, F::one(), &mut sums);
        }
    }
}
