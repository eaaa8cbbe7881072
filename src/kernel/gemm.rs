//! The fused engine's products: out = W · rows + bias, a register tile at a time.
//!
//! Weights are packed once an update into *panels*: for each run of MR outputs, first their biases, then for each k their MR weights,
//! so that the inner loop reads both operands in order. A register tile holds MR × NV vectors of sums; each sum adds its
//! products in the order of k, one fused multiply-add each, whatever the tile, so that tiles change speed and never bits.

use super::layout::{TILE, runs};
use super::math::{Lane, Vector};
use fearless_simd::prelude::*;
use std::ops::Range;

/// Packed weights of one product.
///
/// # Shapes
/// For each run of MR ≤ `most` outputs: `[1 + inputs][MR]`, the bias first.
#[derive(Debug, Clone)]
pub(crate) struct Panel<F> {
    inputs: usize,
    outputs: usize,
    most: usize,
    data: Vec<F>,
}

impl<F: Lane> Panel<F> {
    /// A panel of zeros for runs of at most `most` outputs.
    pub(crate) fn zeros(inputs: usize, outputs: usize, most: usize) -> Self {
        assert!((1..=MOST).contains(&most), "runs of {most}");
        Self { inputs, outputs, most, data: vec![F::zero(); (inputs + 1) * outputs] }
    }

    /// Packs `weight(k, m)` and `bias(m)`.
    pub(crate) fn pack(&mut self, bias: impl Fn(usize) -> F, weight: impl Fn(usize, usize) -> F) {
        let mut packed = self.data.iter_mut();
        for run in runs(self.outputs, self.most) {
            for row in 0..=self.inputs {
                for m in run.clone() {
                    let value = if row == 0 { bias(m) } else { weight(row - 1, m) };
                    *packed.next().expect("a panel holds its product") = value;
                }
            }
        }
    }
}

/// The most outputs of any register tile.
pub(super) const MOST: usize = 6;

/// Whether a level has 32 vector registers rather than 16.
#[inline(always)]
fn many_registers<S: Simd>() -> bool {
    S::f32s::LEN == 16 || cfg!(target_arch = "aarch64")
}

/// `out[m][s] = bias[m] + Σ_k W[k][m] rows[k][s]` for the inputs `k`.
///
/// # Shapes
/// `rows [k.len()][TILE]`, `out [outputs][TILE]`.
pub(crate) fn product<S: Simd, F: Lane>(simd: S, panel: &Panel<F>, k: Range<usize>, rows: &[F], out: &mut [F]) {
    simd.vectorize(
        #[inline(always)]
        || {
            let (rows, _) = rows.as_chunks::<TILE>();
            let (mut out, _) = out.as_chunks_mut::<TILE>();
            assert_eq!((rows.len(), out.len()), (k.len(), panel.outputs), "shapes of a product");
            let mut packed = panel.data.as_slice();
            for run in runs(panel.outputs, panel.most) {
                let mr = run.len();
                let (weights, rest) = packed.split_at(mr * (panel.inputs + 1));
                let (rows_out, rest_out) = out.split_at_mut(mr);
                (packed, out) = (rest, rest_out);
                if many_registers::<S>() {
                    match mr {
                        1 => tile::<S, F, 1, 4>(simd, weights, &k, rows, rows_out),
                        2 => tile::<S, F, 2, 4>(simd, weights, &k, rows, rows_out),
                        3 => tile::<S, F, 3, 4>(simd, weights, &k, rows, rows_out),
                        4 => tile::<S, F, 4, 4>(simd, weights, &k, rows, rows_out),
                        5 => tile::<S, F, 5, 4>(simd, weights, &k, rows, rows_out),
                        _ => tile::<S, F, 6, 4>(simd, weights, &k, rows, rows_out),
                    }
                } else {
                    match mr {
                        1 => tile::<S, F, 1, 8>(simd, weights, &k, rows, rows_out),
                        2 => tile::<S, F, 2, 4>(simd, weights, &k, rows, rows_out),
                        3 => tile::<S, F, 3, 4>(simd, weights, &k, rows, rows_out),
                        4 => tile::<S, F, 4, 2>(simd, weights, &k, rows, rows_out),
                        5 => tile::<S, F, 5, 2>(simd, weights, &k, rows, rows_out),
                        _ => tile::<S, F, 6, 2>(simd, weights, &k, rows, rows_out),
                    }
                }
            }
        },
    );
}

/// MR outputs of all samples, NV vectors of samples at a time.
#[inline(always)]
fn tile<S: Simd, F: Lane, const MR: usize, const NV: usize>(
    simd: S,
    weights: &[F],
    k: &Range<usize>,
    rows: &[[F; TILE]],
    out: &mut [[F; TILE]],
) {
    let len = Vector::<S, F>::LEN;
    let (weights, _) = weights.as_chunks::<MR>();
    let (bias, weights) = (&weights[0], &weights[1 + k.start..1 + k.end]);
    for first in (0..TILE).step_by(NV * len) {
        assert!(first + NV * len <= TILE, "vectors of a register tile divide a row");
        let mut sums = [[Vector::<S, F>::splat(simd, F::zero()); NV]; MR];
        for r in 0..MR {
            sums[r] = [Vector::<S, F>::splat(simd, bias[r]); NV];
        }
        for (w, row) in weights.iter().zip(rows) {
            let mut x = [Vector::<S, F>::splat(simd, F::zero()); NV];
            for v in 0..NV {
                x[v] = Vector::<S, F>::from_slice(simd, &row[first + v * len..][..len]);
            }
            for r in 0..MR {
                let w = Vector::<S, F>::splat(simd, w[r]);
                for v in 0..NV {
                    sums[r][v] = x[v].mul_add(w, sums[r][v]);
                }
            }
        }
        for (row, sums) in out.iter_mut().zip(&sums) {
            for v in 0..NV {
                sums[v].store_slice(&mut row[first + v * len..][..len]);
            }
        }
    }
}
