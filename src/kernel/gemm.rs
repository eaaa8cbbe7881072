//! The fused engine's products: out = finish(W · rows + bias), a register tile at a time.
//!
//! Weights are packed once an update into *panels*: for each run of MR outputs, first their biases, then for each k their MR weights,
//! so that the inner loop reads both operands in order. A register tile holds MR × NV vectors of sums; each sum adds its
//! products in the order of k, one fused multiply-add each, whatever the tile, so that tiles change speed and never bits. What
//! becomes of a sum (φ, or times φ′) is done while it is in the first cache and the next tile's multiply-adds are under way.

use super::finish::{Finish, Spans};
use super::layout::{TILE, runs};
use super::linear::Linear;
use super::math::{Lane, Vector};
use super::rows;
use crate::model::Activation;
use fearless_simd::prelude::*;
use std::ops::Range;

/// Packed weights of one product.
///
/// # Shapes
/// For each run of MR ≤ [`MOST`] outputs: `[1 + inputs][MR]`, the bias first. No run crosses from one of the `groups` of outputs, the gates
/// of a cell, into the next.
#[derive(Debug, Clone)]
pub(crate) struct Panel<F> {
    inputs: usize,
    outputs: usize,
    groups: usize,
    /// The runs of outputs, each with its group.
    runs: Vec<(usize, Range<usize>)>,
    data: Vec<F>,
}

impl<F: Lane> Panel<F> {
    /// A panel of zeros for `groups` equal groups of outputs.
    pub(crate) fn zeros(inputs: usize, outputs: usize, groups: usize) -> Self {
        assert_eq!(outputs % groups, 0, "{outputs} outputs in {groups} groups");
        let size = outputs / groups;
        let runs = (0..groups)
            .flat_map(|g| runs(size, MOST).map(move |run| (g, g * size + run.start..g * size + run.end)))
            .collect();
        Self { inputs, outputs, groups, runs, data: vec![F::zero(); (inputs + 1) * outputs] }
    }

    /// Packs weights and biases.
    pub(crate) fn pack<S: Simd>(&mut self, simd: S, linear: Linear<'_, F>) {
        let (mut packed, size) = (self.data.as_mut_slice(), self.outputs / self.groups);
        for &(gate, ref run) in &self.runs {
            let (rows, rest) = packed.split_at_mut(run.len() * (self.inputs + 1));
            packed = rest;
            let units = run.start - gate * size..run.end - gate * size;
            let (biases, weights) = rows.split_at_mut(run.len());
            linear.write_biases(gate, size, units.clone(), biases);
            linear.write_weights(simd, gate, units, run.len(), weights);
        }
    }
}

/// The most outputs of any register tile.
const MOST: usize = 6;

/// `out[m][s] = finish(bias[m] + Σ_k W[k][m] rows[k][s])` for the inputs `k`.
///
/// # Shapes
/// `rows [k.len()][TILE]`, `out [outputs][TILE]`.
pub(crate) fn product<S: Simd, F: Lane>(
    simd: S,
    panel: &Panel<F>,
    k: Range<usize>,
    rows: &[F],
    out: &mut [F],
    finish: Finish<'_, F>,
) {
    simd.vectorize(
        #[inline(always)]
        || {
            let (rows, _) = rows.as_chunks::<TILE>();
            assert_eq!((rows.len(), out.len()), (k.len(), panel.outputs * TILE), "shapes of a product");
            let mut packed = panel.data.as_slice();
            for &(group, ref outputs) in &panel.runs {
                let (weights, rest) = packed.split_at(outputs.len() * (panel.inputs + 1));
                packed = rest;
                let run = Run { weights, k: &k, rows, group, first: outputs.start, finish };
                // As many sums as leave room for the operands in 32 vector registers, or in 16.
                if const { Vector::<S, F>::LEN * size_of::<F>() == 64 || cfg!(target_arch = "aarch64") } {
                    match outputs.len() {
                        1 => run.tiles::<S, 1, 4>(simd, out),
                        2 => run.tiles::<S, 2, 4>(simd, out),
                        3 => run.tiles::<S, 3, 4>(simd, out),
                        4 => run.tiles::<S, 4, 4>(simd, out),
                        5 => run.tiles::<S, 5, 4>(simd, out),
                        _ => run.tiles::<S, 6, 4>(simd, out),
                    }
                } else {
                    match outputs.len() {
                        1 => run.tiles::<S, 1, 8>(simd, out),
                        2 => run.tiles::<S, 2, 4>(simd, out),
                        3 => run.tiles::<S, 3, 2>(simd, out),
                        4 => run.tiles::<S, 4, 2>(simd, out),
                        5 => run.tiles::<S, 5, 2>(simd, out),
                        _ => run.tiles::<S, 6, 2>(simd, out),
                    }
                }
            }
        },
    );
}

/// One run of outputs of a product.
#[derive(Debug)]
struct Run<'a, F> {
    weights: &'a [F],
    k: &'a Range<usize>,
    rows: &'a [[F; TILE]],
    group: usize,
    /// The first output.
    first: usize,
    finish: Finish<'a, F>,
}

impl<F: Lane> Run<'_, F> {
    /// MR outputs of all samples, NV vectors of samples at a time.
    #[inline(always)]
    fn tiles<S: Simd, const MR: usize, const NV: usize>(self, simd: S, out: &mut [F]) {
        let len = Vector::<S, F>::LEN;
        let (weights, _) = self.weights.as_chunks::<MR>();
        let (bias, weights) = (&weights[0], &weights[1 + self.k.start..1 + self.k.end]);
        for at in (0..TILE).step_by(NV * len) {
            assert!(at + NV * len <= TILE, "vectors of a register tile divide a row");
            let mut sums = [[Vector::<S, F>::splat(simd, F::zero()); NV]; MR];
            for r in 0..MR {
                sums[r] = [Vector::<S, F>::splat(simd, bias[r]); NV];
            }
            let ((several, rest), (rows, last)) = (weights.as_chunks::<UNROLLED>(), self.rows.as_chunks::<UNROLLED>());
            for (w, rows) in several.iter().zip(rows) {
                for i in 0..UNROLLED {
                    add(simd, &w[i], &rows[i], at, &mut sums);
                }
            }
            for (w, row) in rest.iter().zip(last) {
                add(simd, w, row, at, &mut sums);
            }
            if let Finish::Derive(activation, y) = self.finish {
                let (y, _) = y[self.first * TILE..].as_chunks::<TILE>();
                derive::<S, F, MR, NV>(simd, activation, y, at, &mut sums);
            }
            let (rows, _) = out[self.first * TILE..].as_chunks_mut::<TILE>();
            let rows = rows.first_chunk_mut::<MR>().expect("a row for each output");
            for r in 0..MR {
                for v in 0..NV {
                    sums[r][v].store_slice(&mut rows[r][at + v * len..][..len]);
                }
            }
        }
        if matches!(self.finish, Finish::Activate(_)) {
            let spans = Spans { start: self.first * TILE, count: 1, stride: 0, len: MR * TILE };
            self.finish.spans(simd, self.group, out, spans);
        }
    }
}

/// Inputs that go through without a look at whether there are more: where two threads share a core, each instruction counts.
const UNROLLED: usize = 4;

/// `sums += w · row`: one input of a register tile, whose samples begin at `at`.
#[inline(always)]
fn add<S: Simd, F: Lane, const MR: usize, const NV: usize>(
    simd: S,
    w: &[F; MR],
    row: &[F; TILE],
    at: usize,
    sums: &mut [[Vector<S, F>; NV]; MR],
) {
    let len = Vector::<S, F>::LEN;
    let mut x = [Vector::<S, F>::splat(simd, F::zero()); NV];
    for v in 0..NV {
        x[v] = Vector::<S, F>::from_slice(simd, &row[at + v * len..][..len]);
    }
    for r in 0..MR {
        let w = Vector::<S, F>::splat(simd, w[r]);
        for v in 0..NV {
            sums[r][v] = x[v].mul_add(w, sums[r][v]);
        }
    }
}

/// A register tile's sums times φ′, from the outputs of φ in `y`, rows of samples, from sample `at` on.
#[inline(always)]
fn derive<S: Simd, F: Lane, const MR: usize, const NV: usize>(
    simd: S,
    activation: Activation,
    y: &[[F; TILE]],
    at: usize,
    sums: &mut [[Vector<S, F>; NV]; MR],
) {
    let len = Vector::<S, F>::LEN;
    let y = y.first_chunk::<MR>().expect("an output of φ for each sum");
    rows::known(
        activation,
        #[inline(always)]
        |activation| {
            for r in 0..MR {
                for v in 0..NV {
                    let y = Vector::<S, F>::from_slice(simd, &y[r][at + v * len..][..len]);
                    sums[r][v] *= rows::derivative::<S, F>(simd, activation, y);
                }
            }
        },
    );
}
