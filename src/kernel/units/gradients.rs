//! Weight gradients where units are lanes: `G += stateᵀ · delta`, a few steps at a time, one sample after the other.

use super::registers;
use crate::kernel::layout::{EXTRA, LANES, Shape, TILE, Tile, runs};
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
    /// Adds them to `sums`, rows of P·G; `room` is for [`packed`] floats.
    pub(super) fn run<S: Simd>(self, simd: S, sums: &mut [F], room: &mut [F]) {
        simd.vectorize(
            #[inline(always)]
            || {
                let Shape { cell, hidden, wide, steps, .. } = self.tile.shape;
                let together = together(hidden, steps);
                for first in (0..steps).step_by(together) {
                    let steps = first..(first + together).min(steps);
                    for gate in 0..cell.gates() {
                        let outer = Outer { gradients: &self, steps: steps.clone(), gate: gate * hidden };
                        outer.pack(room);
                        outer.units(simd, room, sums);
                        outer.rows(simd, &mut sums[hidden * wide..]);
                    }
                }
                for first in (1..=steps).step_by(together) {
                    let (dw_ho, db_o) = sums[(hidden + EXTRA) * wide..].split_at_mut(wide);
                    self.output_unit(
                        simd,
                        first..(first + together).min(steps + 1),
                        &mut dw_ho[..hidden],
                        &mut db_o[0],
                    );
                }
            },
        );
    }

    /// `dw_ho += Σ_t Σ_s dz_o h` over some steps, some vectors of units at a time, and `db_o`.
    #[inline(always)]
    fn output_unit<S: Simd>(&self, simd: S, steps: Range<usize>, dw_ho: &mut [F], db_o: &mut F) {
        let (hidden, many) = (dw_ho.len(), 8 * Vector::<S, F>::LEN);
        for first in (0..hidden / many * many).step_by(many) {
            self.output_units::<S, 8>(simd, steps.clone(), first, dw_ho);
        }
        for first in (hidden / many * many..hidden).step_by(Vector::<S, F>::LEN) {
            self.output_units::<S, 1>(simd, steps.clone(), first, dw_ho);
        }
        steps.for_each(|t| self.dz_o(t).iter().for_each(|&dz_o| *db_o += dz_o));
    }

    /// NV vectors of it, from unit `first`.
    #[inline(always)]
    fn output_units<S: Simd, const NV: usize>(&self, simd: S, steps: Range<usize>, first: usize, dw_ho: &mut [F]) {
        let (len, hidden) = (Vector::<S, F>::LEN, dw_ho.len());
        let dw_ho = &mut dw_ho[first..][..NV * len];
        let mut acc = [Vector::<S, F>::splat(simd, F::zero()); NV];
        for v in 0..NV {
            acc[v] = Vector::<S, F>::from_slice(simd, &dw_ho[v * len..][..len]);
        }
        for t in steps {
            let h = match self.tile.shape.cell {
                Cell::Dynamic => &self.blocks.h[self.tile.plain(t)],
                Cell::Elman | Cell::Lstm => &self.blocks.state[self.tile.h(t)],
            };
            for (s, &dz_o) in self.dz_o(t).iter().enumerate() {
                let (h, dz_o) = (&h[s * hidden + first..][..NV * len], Vector::<S, F>::splat(simd, dz_o));
                for v in 0..NV {
                    acc[v] = dz_o.mul_add(Vector::<S, F>::from_slice(simd, &h[v * len..][..len]), acc[v]);
                }
            }
        }
        for v in 0..NV {
            acc[v].store_slice(&mut dw_ho[v * len..][..len]);
        }
    }

    /// `dz_o` of a block, of the samples that exist.
    #[inline(always)]
    fn dz_o(&self, block: usize) -> &[F] {
        &self.blocks.delta[self.tile.dz_o(block)][..self.tile.samples]
    }
}

/// Hidden units from which the weight gradients are added a few steps at a time.
const LARGE: usize = 64;

/// Steps that go through together: of small matrices, many, so that these are gone through once; of large ones, as many as stay in cache
/// meanwhile.
fn together(hidden: usize, steps: usize) -> usize {
    steps.min(if hidden < LARGE { 16 } else { 2 })
}

/// Floats of one gate's dz, packed for the steps that go through together.
pub(super) fn packed(shape: Shape) -> usize {
    together(shape.hidden, shape.steps) * TILE * shape.hidden
}

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

    /// The steps that have an h: all but the one before the first.
    fn later(&self) -> Range<usize> {
        self.steps.start.max(1)..self.steps.end
    }

    /// Packs dz so that 16 units of one sample after the other are one stream.
    ///
    /// # Shapes
    /// `room [P/16][steps][samples][16]`.
    #[inline(always)]
    fn pack(&self, room: &mut [F]) {
        let Tile { shape: Shape { hidden, .. }, samples, .. } = *self.gradients.tile;
        let (room, _) = room.as_chunks_mut::<LANES>();
        let stream = self.later().len() * samples;
        let mut at = 0;
        for t in self.later() {
            let mut dz = self.dz(t);
            for _ in 0..samples {
                let (units, rest) = dz.split_at(hidden);
                dz = rest;
                for (line, units) in units.as_chunks::<LANES>().0.iter().enumerate() {
                    room[line * stream + at] = *units;
                }
                at += 1;
            }
        }
    }

    /// Adds the rows of G for the units of h.
    #[inline(always)]
    fn units<S: Simd>(&self, simd: S, packed: &[F], sums: &mut [F]) {
        let Shape { units, wide, .. } = self.gradients.tile.shape;
        for run in runs(units, registers::most::<S, F>()) {
            let (row, sums) = (run.start, &mut sums[run.start * wide + self.gate..]);
            registers::dispatch!(S, F, run.len(), self.add(simd, row, packed, sums));
        }
    }

    /// R units' rows. A function of its own: all register tiles in one take the compiler minutes.
    #[inline(never)]
    fn add<S: Simd, const R: usize, const NV: usize>(&self, simd: S, row: usize, packed: &[F], sums: &mut [F]) {
        simd.vectorize(
            #[inline(always)]
            || {
                let (mut packed, _) = packed.as_chunks::<LANES>();
                let stream = self.later().len() * self.gradients.tile.samples;
                for column in (0..self.gradients.tile.shape.units).step_by(LANES) {
                    let (dz, rest) = packed.split_at(stream);
                    packed = rest;
                    self.add_tile::<S, R, NV>(simd, row, dz, &mut sums[column..]);
                }
            },
        );
    }

    /// Its part in 16 columns.
    #[inline(always)]
    fn add_tile<S: Simd, const R: usize, const NV: usize>(
        &self,
        simd: S,
        row: usize,
        mut stream: &[[F; LANES]],
        sums: &mut [F],
    ) {
        let Gradients { tile, blocks } = self.gradients;
        let Shape { hidden, wide, .. } = tile.shape;
        let mut acc = registers::load::<S, F, R, NV>(simd, sums, wide);
        for t in self.later() {
            let (dz, rest) = stream.split_at(tile.samples);
            stream = rest;
            let h = blocks.state[tile.h(t)].chunks_exact(hidden);
            for (h, dz) in h.zip(dz) {
                let h = h[row..].first_chunk::<R>().expect("units of a run");
                registers::add(
                    simd,
                    &mut acc,
                    #[inline(always)]
                    |r| h[r],
                    dz,
                );
            }
        }
        registers::store::<S, F, R, NV>(&acc, sums, wide);
    }

    /// Adds the rows of G for a, b and 1.
    #[inline(always)]
    fn rows<S: Simd>(&self, simd: S, sums: &mut [F]) {
        let (len, units) = (Vector::<S, F>::LEN, self.gradients.tile.shape.units);
        let mut column = 0;
        while column < units {
            let (vectors, sums) = ((units - column) / len, &mut *sums);
            column += len
                * match vectors {
                    0 | 1 => self.row_vectors::<S, 1>(simd, column, sums),
                    2 | 3 => self.row_vectors::<S, 2>(simd, column, sums),
                    _ => self.row_vectors::<S, 4>(simd, column, sums),
                };
        }
    }

    /// NV vectors of them; returns NV.
    #[inline(always)]
    fn row_vectors<S: Simd, const NV: usize>(&self, simd: S, column: usize, sums: &mut [F]) -> usize {
        let len = Vector::<S, F>::LEN;
        let Gradients { tile, blocks } = self.gradients;
        let Tile { shape: Shape { hidden, wide, .. }, width, samples, .. } = **tile;
        let sums = &mut sums[self.gate + column..];
        let mut acc = registers::load::<S, F, EXTRA, NV>(simd, sums, wide);
        for t in self.steps.clone() {
            let x = tile.rows(t * tile.shape.state_rows() + hidden, EXTRA);
            let (x, dz) = (&blocks.state[x], &self.dz(t)[column..]);
            let x: [&[F]; EXTRA] = std::array::from_fn(|r| &x[r * width..][..samples]);
            for s in 0..samples {
                let dz = &dz[s * hidden..][..NV * len];
                registers::add(
                    simd,
                    &mut acc,
                    #[inline(always)]
                    |r| x[r][s],
                    dz,
                );
            }
        }
        registers::store::<S, F, EXTRA, NV>(&acc, sums, wide);
        NV
    }
}
