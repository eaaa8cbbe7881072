//! Hidden units as lanes: for nets too large, or minibatches too small, for samples to be lanes.
//!
//! What the other engines call H rows of 64 samples is here 64 rows of P units, one for each sample: P is H rounded up to whole cache lines,
//! an odd number of them where there are many, so that the same unit of neighbouring samples does not fall into the same
//! set of the cache. Rows of one value a sample (a, b, 1, `dz_o`) stay as they are. All three products read both operands in
//! this order, and a weight gradient is one sum, not 16 lanes: the large matrices are passed over once for two steps, whose dz are packed
//! into one stream.
//!
//! A tile of one sample, as in online learning, goes a shorter way to the same bits (`one`).
//!
//! The recurrent products add in the order of `fused`, so states are the same bits; the output unit adds its weights' products in 16 lanes,
//! and weight gradients are added sample by sample instead of lane by lane.

mod gradients;
mod one;
mod panel;
mod product;
mod registers;

use super::finish::Finish;
use super::layout::{EXTRA, LANES, Shape, Tile};
use super::linear::Linear;
use super::math::{Lane, Vector};
use super::products::{Blocks, Place, Products, Size};
use super::recurrence::Recurrence;
use fearless_simd::prelude::*;
use panel::Panel;
use std::ops::Range;

/// A tile of up to 64 samples, whose hidden units are lanes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Units;

/// Cache lines of a row of units from which their number is made odd.
const MANY: usize = 4;

impl<F: Lane> Products<F> for Units {
    type Weights = Panel<F>;

    fn padded(self, hidden: usize) -> usize {
        let lines = hidden.div_ceil(LANES);
        LANES * if lines < MANY { lines } else { lines | 1 }
    }

    fn together(self, _words: usize) -> usize {
        1
    }

    fn one_sample(self, tile: &Tile) -> bool {
        tile.samples == 1
    }

    fn live(self, tile: &Tile) -> usize {
        tile.samples * tile.shape.hidden
    }

    fn read<S: Simd>(self, tile: &Tile) -> usize {
        tile.samples.next_multiple_of(Vector::<S, F>::LEN)
    }

    fn weights(self, size: Size) -> Panel<F> {
        Panel::zeros(size)
    }

    fn pack<S: Simd>(self, simd: S, packed: &mut Panel<F>, linear: Linear<'_, F>) {
        packed.pack(simd, linear);
    }

    fn product<S: Simd>(
        self,
        simd: S,
        tile: &Tile,
        weights: &Panel<F>,
        k: Range<usize>,
        rows: &[F],
        out: &mut [F],
        finish: Finish<'_, F>,
    ) {
        product::Product { tile, panel: weights, k, rows }.run(simd, out, finish);
    }

    fn recur<S: Simd>(self, simd: S, tile: &Tile, weights: &Panel<F>, recurrence: Recurrence<'_, F>) {
        if tile.samples == 1 {
            one::recur(simd, tile, weights, recurrence);
        } else {
            recurrence.by_products(simd, self, tile, weights);
        }
    }

    #[inline(always)]
    fn output<S: Simd>(self, simd: S, tile: &Tile, weights: &Panel<F>, h: &[F], out: &mut [F]) {
        let stride = tile.shape.hidden;
        product::OutputUnit { panel: weights, h, stride }.run(simd, &mut out[..tile.samples]);
    }

    #[inline(always)]
    fn outputs<S: Simd>(self, simd: S, weights: &Panel<F>, h: &[F], stride: usize, out: &mut [F]) {
        product::OutputUnit { panel: weights, h, stride }.run(simd, out);
    }

    fn multiply<S: Simd>(self, simd: S, tile: &Tile, scale: &[F], h: &[F], out: &mut [F]) {
        let units = tile.shape.hidden;
        simd.vectorize(
            #[inline(always)]
            || {
                let len = Vector::<S, F>::LEN;
                let samples = h.chunks_exact(units).zip(out.chunks_exact_mut(units)).zip(scale);
                for ((h, out), &s) in samples.take(tile.samples) {
                    for (h, out) in h.chunks_exact(len).zip(out.chunks_exact_mut(len)) {
                        (Vector::<S, F>::from_slice(simd, h) * Vector::<S, F>::splat(simd, s)).store_slice(out);
                    }
                }
            },
        );
    }

    fn scale_and_add<S: Simd>(self, simd: S, tile: &Tile, scale: &[F], dh: &[F], rows: &mut [F]) {
        let units = tile.shape.hidden;
        simd.vectorize(
            #[inline(always)]
            || {
                let len = Vector::<S, F>::LEN;
                let samples = dh.chunks_exact(units).zip(rows.chunks_exact_mut(units)).zip(scale);
                for ((dh, row), &s) in samples.take(tile.samples) {
                    let s = Vector::<S, F>::splat(simd, s);
                    for (dh, out) in dh.chunks_exact(len).zip(row.chunks_exact_mut(len)) {
                        let dz = Vector::<S, F>::from_slice(simd, &*out);
                        s.mul_add(dz, Vector::<S, F>::from_slice(simd, dh)).store_slice(out);
                    }
                }
            },
        );
    }

    /// A row of P·G for each unit, for a, b and 1, for the output's weights and for its bias.
    fn sums(self, shape: Shape) -> usize {
        (shape.hidden + EXTRA + 2) * shape.wide
    }

    fn room(self, shape: Shape) -> usize {
        gradients::packed(shape)
    }

    fn place(self, shape: Shape, tensor: &str) -> Place {
        let Shape { hidden, wide, .. } = shape;
        let row = match tensor {
            "w_hh" => 0,
            "w_ih" => hidden,
            "b_h" => hidden + 2,
            // A column of H weights, which lies along a row.
            "w_ho" => return Place { first: (hidden + EXTRA) * wide, row: 1, gate: hidden },
            _ => hidden + EXTRA + 1,
        };
        Place { first: row * wide, row: wide, gate: hidden }
    }

    fn weight_gradients<S: Simd>(self, simd: S, tile: &Tile, blocks: Blocks<'_, F>, sums: &mut [F]) {
        let (sums, room) = sums.split_at_mut(Products::<F>::sums(self, tile.shape));
        if tile.samples == 1 {
            one::gradients(simd, tile, blocks, sums);
        } else {
            gradients::Gradients { tile, blocks }.run(simd, sums, room);
        }
    }
}
