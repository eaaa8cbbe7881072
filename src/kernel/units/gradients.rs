//! Weight gradients where units are lanes: `G += stateᵀ · delta`, step by step, one sample after the other.

use super::registers;
use crate::kernel::layout::{EXTRA, LANES, Shape, Tile, runs};
use crate::kernel::math::{Lane, Vector};
use crate::kernel::products::Blocks;
use crate::model::Cell;
use fearless_simd::prelude::*;
use std::ops::Range;

/// The weight gradients of a tile.
#[derive(Debug)]
pub(super) struct Gradients<'a, F> {
    pub(super) tile: &'a Tile,
    pub(super) blocks: Blocks<'a, F>,
}

impl<F: Lane> Gradients<'_, F> {
    /// Adds them to `sums`, rows of P·G.
    pub(super) fn run<S: Simd>(self, simd: S, sums: &mut [F]) {
        simd.vectorize(
            #[inline(always)]
            || {
                let Tile { shape, samples, .. } = *self.tile;
                let Shape { cell, hidden, wide, steps, .. } = shape;
                // Small matrices are gone through once for all steps; of large ones, a step's states stay in cache meanwhile.
                let together = if hidden < LARGE { steps } else { 1 };
                for first in (0..steps).step_by(together) {
                    let steps = first..(first + together).min(steps);
                    for gate in 0..cell.gates() {
                        let outer = Outer { gradients: &self, steps: steps.clone(), gate: gate * hidden };
                        outer.units(simd, sums);
                        outer.rows(simd, &mut sums[hidden * wide..]);
                    }
                }
                for t in 1..=steps {
                    let h = match cell {
                        Cell::Dynamic => &self.blocks.h[self.tile.plain(t)],
                        Cell::Elman | Cell::Lstm => &self.blocks.state[self.tile.h(t)],
                    };
                    let dz_o = &self.blocks.delta[self.tile.dz_o(t)][..samples];
                    let (dw_ho, db_o) = sums[(hidden + EXTRA) * wide..].split_at_mut(wide);
                    output_unit(simd, h, dz_o, &mut dw_ho[..hidden]);
                    dz_o.iter().for_each(|&dz_o| db_o[0] += dz_o);
                }
            },
        );
    }
}

/// Hidden units from which the weight gradients are added step by step.
const LARGE: usize = 64;

/// One gate's weight gradients of some steps.
#[derive(Debug)]
struct Outer<'a, F> {
    gradients: &'a Gradients<'a, F>,
    steps: Range<usize>,
    /// The gate's first column of G.
    gate: usize,
}

impl<F: Lane> Outer<'_, F> {
    /// The gate's dz of step t.
    #[inline(always)]
    fn dz(&self, t: usize) -> &[F] {
        let Gradients { tile, blocks } = self.gradients;
        &blocks.delta[tile.dz(t)][self.gate * tile.width..]
    }

    /// Adds the rows of G for the units of h.
    #[inline(always)]
    fn units<S: Simd>(&self, simd: S, sums: &mut [F]) {
        let Shape { units, wide, .. } = self.gradients.tile.shape;
        for run in runs(units, registers::most::<S, F>()) {
            for column in (0..units).step_by(LANES) {
                let (row, sums) = (run.start, &mut sums[run.start * wide + self.gate + column..]);
                registers::dispatch!(S, F, run.len(), self.add(simd, row, column, sums));
            }
        }
    }

    /// R units' rows, 16 columns. A function of its own: all register tiles in one take the compiler minutes.
    #[inline(never)]
    fn add<S: Simd, const R: usize, const NV: usize>(&self, simd: S, row: usize, column: usize, sums: &mut [F]) {
        simd.vectorize(
            #[inline(always)]
            || self.add_tile::<S, R, NV>(simd, row, column, sums),
        );
    }

    #[inline(always)]
    fn add_tile<S: Simd, const R: usize, const NV: usize>(&self, simd: S, row: usize, column: usize, sums: &mut [F]) {
        let len = Vector::<S, F>::LEN;
        let Gradients { tile, blocks } = self.gradients;
        let Shape { hidden, wide, .. } = tile.shape;
        let mut acc = [[Vector::<S, F>::splat(simd, F::zero()); NV]; R];
        for r in 0..R {
            for v in 0..NV {
                acc[r][v] = Vector::<S, F>::from_slice(simd, &sums[r * wide + v * len..][..len]);
            }
        }
        // The step before the first has no h.
        for t in self.steps.start.max(1)..self.steps.end {
            let (h, dz) = (&blocks.state[tile.h(t)][row..], &self.dz(t)[column..]);
            for (h, dz) in h.chunks(hidden).zip(dz.chunks(hidden)).take(tile.samples) {
                let h = h.first_chunk::<R>().expect("units of a run");
                let dz = dz.first_chunk::<LANES>().expect("units of a line");
                let mut y = [Vector::<S, F>::splat(simd, F::zero()); NV];
                for v in 0..NV {
                    y[v] = Vector::<S, F>::from_slice(simd, &dz[v * len..][..len]);
                }
                for r in 0..R {
                    let x = Vector::<S, F>::splat(simd, h[r]);
                    for v in 0..NV {
                        acc[r][v] = y[v].mul_add(x, acc[r][v]);
                    }
                }
            }
        }
        for r in 0..R {
            for v in 0..NV {
                acc[r][v].store_slice(&mut sums[r * wide + v * len..][..len]);
            }
        }
    }

    /// Adds the rows of G for a, b and 1.
    #[inline(always)]
    fn rows<S: Simd>(&self, simd: S, sums: &mut [F]) {
        let len = Vector::<S, F>::LEN;
        let Gradients { tile, blocks } = self.gradients;
        let Tile { shape: Shape { hidden, units, wide, .. }, width, samples, .. } = **tile;
        for column in (0..units).step_by(len) {
            let mut acc = [Vector::<S, F>::splat(simd, F::zero()); EXTRA];
            for r in 0..EXTRA {
                acc[r] = Vector::<S, F>::from_slice(simd, &sums[r * wide + self.gate + column..][..len]);
            }
            for t in self.steps.clone() {
                let x = tile.rows(t * tile.shape.state_rows() + hidden, EXTRA);
                let (x, dz) = (&blocks.state[x], &self.dz(t)[column..]);
                let x: [&[F]; EXTRA] = std::array::from_fn(|r| &x[r * width..][..samples]);
                for (s, dz) in dz.chunks(hidden).take(samples).enumerate() {
                    let y = Vector::<S, F>::from_slice(simd, &dz[..len]);
                    for r in 0..EXTRA {
                        acc[r] = y.mul_add(Vector::<S, F>::splat(simd, x[r][s]), acc[r]);
                    }
                }
            }
            for r in 0..EXTRA {
                acc[r].store_slice(&mut sums[r * wide + self.gate + column..][..len]);
            }
        }
    }
}

/// `dw_ho += Σ_s dz_o h`, some vectors of units at a time.
#[inline(always)]
fn output_unit<S: Simd, F: Lane>(simd: S, h: &[F], dz_o: &[F], dw_ho: &mut [F]) {
    let hidden = dw_ho.len();
    let many = 8 * Vector::<S, F>::LEN;
    for first in (0..hidden / many * many).step_by(many) {
        output_units::<S, F, 8>(simd, first, h, dz_o, dw_ho);
    }
    for first in (hidden / many * many..hidden).step_by(Vector::<S, F>::LEN) {
        output_units::<S, F, 1>(simd, first, h, dz_o, dw_ho);
    }
}

/// NV vectors of it, from unit `first`.
#[inline(always)]
fn output_units<S: Simd, F: Lane, const NV: usize>(simd: S, first: usize, h: &[F], dz_o: &[F], dw_ho: &mut [F]) {
    let (len, hidden) = (Vector::<S, F>::LEN, dw_ho.len());
    let dw_ho = &mut dw_ho[first..][..NV * len];
    let mut acc = [Vector::<S, F>::splat(simd, F::zero()); NV];
    for v in 0..NV {
        acc[v] = Vector::<S, F>::from_slice(simd, &dw_ho[v * len..][..len]);
    }
    for (h, &dz_o) in h[first..].chunks(hidden).zip(dz_o) {
        let (h, dz_o) = (&h[..NV * len], Vector::<S, F>::splat(simd, dz_o));
        for v in 0..NV {
            acc[v] = dz_o.mul_add(Vector::<S, F>::from_slice(simd, &h[v * len..][..len]), acc[v]);
        }
    }
    for v in 0..NV {
        acc[v].store_slice(&mut dw_ho[v * len..][..len]);
    }
}
