//! out = finish(W · h + bias): some samples times 16 outputs in registers, one input after the other.

use super::panel::Panel;
use super::registers;
use crate::kernel::finish::{Finish, Spans};
use crate::kernel::layout::{LANES, Tile, runs};
use crate::kernel::math::{Lane, Vector, sum_lanes};
use fearless_simd::prelude::*;
use std::ops::Range;

/// One product: the inputs `k`, gates first, and where they lie.
#[derive(Debug)]
pub(super) struct Product<'a, F> {
    pub(super) tile: &'a Tile,
    pub(super) panel: &'a Panel<F>,
    pub(super) k: Range<usize>,
    pub(super) rows: &'a [F],
}

impl<F: Lane> Product<'_, F> {
    /// `out[gate][sample][unit]`.
    pub(super) fn run<S: Simd>(self, simd: S, out: &mut [F], finish: Finish<'_, F>) {
        simd.vectorize(
            #[inline(always)]
            || {
                let gate_len = self.tile.shape.hidden * self.tile.width;
                if self.tile.samples == 1 {
                    self.one(simd, gate_len, out, finish);
                } else {
                    self.many(simd, gate_len, out, finish);
                }
            },
        );
    }

    /// Any number of samples.
    #[inline(always)]
    pub(super) fn many<S: Simd>(&self, simd: S, gate_len: usize, out: &mut [F], finish: Finish<'_, F>) {
        for gate in 0..self.panel.size.gates_out {
            let out = &mut out[gate * gate_len..][..gate_len];
            for (column, weights) in self.panel.panels(gate).enumerate() {
                let column = column * LANES;
                for inputs in self.stretches() {
                    for run in runs(self.tile.samples, registers::most::<S, F>()) {
                        let block = Block { product: self, inputs: inputs.clone(), weights, first: run.start, column };
                        registers::dispatch!(S, F, run.len(), block.multiply(simd, out));
                    }
                }
                if !matches!(finish, Finish::Plain) {
                    let (count, stride) = (self.tile.samples, self.tile.shape.hidden);
                    finish.spans(simd, gate, out, Spans { start: column, count, stride, len: LANES });
                }
            }
        }
    }

    /// The gates among the inputs, and the single rows.
    #[inline(always)]
    pub(super) fn inputs(&self) -> (&[F], &[F]) {
        let units = self.panel.size.gates_in * self.tile.shape.hidden;
        let gates = if self.k.start == 0 { units.min(self.k.end) } else { 0 };
        self.rows.split_at(gates * self.tile.width)
    }

    /// The inputs, so many at a time that their weights stay in the first cache for all samples.
    #[inline(always)]
    fn stretches(&self) -> impl Iterator<Item = Stretch> + use<F> {
        let (hidden, (gates, rows)) = (self.panel.size.hidden, self.inputs());
        let (gates, rows) = (if gates.is_empty() { 0 } else { self.panel.size.gates_in }, !rows.is_empty());
        let parts = hidden.div_ceil(STRETCH);
        let each = if parts > 1 { hidden.div_ceil(parts) } else { hidden };
        // Single rows alone are one stretch too.
        let last = (gates * parts).max(1) - 1;
        let (mut gate, mut start) = (0, 0);
        (0..=last).map(move |index| {
            let end = if gates > 0 { (start + each).min(hidden) } else { 0 };
            let stretch = Stretch { gate, units: start..end, first: index == 0, rows: rows && index == last };
            (gate, start) = if end == hidden { (gate + 1, 0) } else { (gate, end) };
            stretch
        })
    }
}

/// The output unit: a sum over units, 16 lanes added up in their fixed order.
#[derive(Debug)]
pub(super) struct OutputUnit<'a, F> {
    pub(super) panel: &'a Panel<F>,
    /// P units for each sum, and more.
    pub(super) h: &'a [F],
    /// From the units of a sum to those of the next.
    pub(super) stride: usize,
}

impl<F: Lane> OutputUnit<'_, F> {
    /// A number for each sum.
    #[inline(always)]
    pub(super) fn run<S: Simd>(&self, simd: S, out: &mut [F]) {
        registers::dispatch!(S, F, 1, self.sums(simd, out));
    }

    /// The same; R is 1, NV vectors 16 lanes.
    #[inline(always)]
    fn sums<S: Simd, const R: usize, const NV: usize>(&self, simd: S, out: &mut [F]) {
        let len = Vector::<S, F>::LEN;
        let (bias, weights) = self.panel.lines().split_first().expect("a bias");
        for (i, out) in out.iter_mut().enumerate() {
            let h = &self.h[i * self.stride..].as_chunks::<LANES>().0[..weights.len()];
            let mut sums = [Vector::<S, F>::splat(simd, F::zero()); NV];
            for (h, w) in h.iter().zip(weights) {
                for v in 0..NV {
                    let [h, w] = [h, w].map(
                        #[inline(always)]
                        |line| Vector::<S, F>::from_slice(simd, &line[v * len..][..len]),
                    );
                    sums[v] = h.mul_add(w, sums[v]);
                }
            }
            let mut lanes = [F::zero(); LANES];
            for v in 0..NV {
                sums[v].store_slice(&mut lanes[v * len..][..len]);
            }
            *out = bias[0] + sum_lanes(&lanes);
        }
    }
}

/// The most inputs that go through together: 16 outputs' weights are 24 KB in `f32`.
const STRETCH: usize = 384;

/// Some of the inputs.
#[derive(Debug, Clone)]
struct Stretch {
    gate: usize,
    units: Range<usize>,
    /// Whether the sums begin here, with the biases.
    first: bool,
    /// Whether the single rows come here too.
    rows: bool,
}

/// 16 outputs of some samples of a product.
#[derive(Debug)]
struct Block<'a, F> {
    product: &'a Product<'a, F>,
    inputs: Stretch,
    weights: &'a [[F; LANES]],
    first: usize,
    column: usize,
}

impl<F: Lane> Block<'_, F> {
    /// R samples, NV vectors of outputs. A function of its own: all register tiles in one take the compiler minutes.
    #[inline(never)]
    fn multiply<S: Simd, const R: usize, const NV: usize>(&self, simd: S, out: &mut [F]) {
        simd.vectorize(
            #[inline(always)]
            || self.multiply_tile::<S, R, NV>(simd, out),
        );
    }

    #[inline(always)]
    fn multiply_tile<S: Simd, const R: usize, const NV: usize>(&self, simd: S, out: &mut [F]) {
        let len = Vector::<S, F>::LEN;
        let (hidden, first) = (self.product.panel.size.hidden, self.first);
        let Tile { shape, width, .. } = self.product.tile;
        let (gates, rows) = self.product.inputs();
        let (bias, weights) = self.weights.split_first().expect("a row of biases");
        let row = |w: &[F; LANES]| -> [Vector<S, F>; NV] {
            std::array::from_fn(|v| Vector::<S, F>::from_slice(simd, &w[v * len..][..len]))
        };
        let mut sums = [row(bias); R];
        if !self.inputs.first {
            for r in 0..R {
                sums[r] = row(out[(first + r) * shape.hidden + self.column..].first_chunk().expect("units of a line"));
            }
        }
        let Range { start, end } = self.inputs.units;
        if start < end {
            let h = &gates[self.inputs.gate * shape.hidden * width..];
            let (fours, last) = weights[self.inputs.gate * hidden..][start..end].as_chunks::<4>();
            let mut of_fours = [&[][..]; R];
            let mut of_last = [&[][..]; R];
            for r in 0..R {
                let (h, rest) = h[(first + r) * shape.hidden..][start..end].as_chunks::<4>();
                (of_fours[r], of_last[r]) = (&h[..fours.len()], &rest[..last.len()]);
            }
            for (i, weights) in fours.iter().enumerate() {
                for j in 0..4 {
                    registers::add(
                        simd,
                        &mut sums,
                        #[inline(always)]
                        |r| of_fours[r][i][j],
                        &weights[j],
                    );
                }
            }
            for (i, weights) in last.iter().enumerate() {
                registers::add(
                    simd,
                    &mut sums,
                    #[inline(always)]
                    |r| of_last[r][i],
                    weights,
                );
            }
        }
        let single = &weights[self.product.panel.size.gates_in * hidden..];
        for (i, w) in single[..if self.inputs.rows { single.len() } else { 0 }].iter().enumerate() {
            let x = &rows[i * width + first..][..R];
            registers::add(
                simd,
                &mut sums,
                #[inline(always)]
                |r| x[r],
                w,
            );
        }
        for r in 0..R {
            let out = &mut out[(first + r) * shape.hidden + self.column..][..LANES];
            for v in 0..NV {
                sums[r][v].store_slice(&mut out[v * len..][..len]);
            }
        }
    }
}
