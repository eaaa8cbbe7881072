//! Weight gradients where units are lanes: `G += stateᵀ · delta`, step by step, one sample after the other.

use super::registers;
use crate::kernel::layout::{EXTRA, LANES, Shape, Tile, runs};
use crate::kernel::math::{Lane, Vector};
use crate::kernel::products::Blocks;
use crate::model::Cell;
use fearless_simd::prelude::*;

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
                let Tile { shape, width, samples, .. } = *self.tile;
                let Shape { cell, hidden, wide, steps, .. } = shape;
                for t in 0..=steps {
                    let state = &self.blocks.state[self.tile.rows(t * shape.state_rows(), shape.state_rows())];
                    let (h, x) = state.split_at(hidden * width);
                    let dz = &self.blocks.delta[self.tile.dz(t)];
                    if t < steps {
                        for (gate, dz) in dz.chunks_exact(hidden * width).enumerate() {
                            let outer = Outer { tile: self.tile, dz, gate: gate * hidden };
                            if t > 0 {
                                outer.units(simd, h, sums);
                            }
                            outer.rows(simd, x, &mut sums[hidden * wide..]);
                        }
                    }
                    if t > 0 {
                        let h = if cell == Cell::Dynamic { &self.blocks.h[self.tile.plain(t)] } else { h };
                        let dz_o = &self.blocks.delta[self.tile.dz_o(t)][..samples];
                        let (dw_ho, db_o) = sums[(hidden + EXTRA) * wide..].split_at_mut(wide);
                        output_unit(simd, h, dz_o, &mut dw_ho[..hidden]);
                        dz_o.iter().for_each(|&dz_o| db_o[0] += dz_o);
                    }
                }
            },
        );
    }
}

/// One gate's dz of one step.
#[derive(Debug)]
struct Outer<'a, F> {
    tile: &'a Tile,
    dz: &'a [F],
    /// The gate's first column of G.
    gate: usize,
}

impl<F: Lane> Outer<'_, F> {
    /// Adds the rows of G for the units of `h`.
    #[inline(always)]
    fn units<S: Simd>(&self, simd: S, h: &[F], sums: &mut [F]) {
        for run in runs(self.tile.shape.units, registers::most::<S, F>()) {
            for column in (0..self.tile.shape.units).step_by(LANES) {
                let h = &h[run.start..];
                let sums = &mut sums[run.start * self.tile.shape.wide + self.gate + column..];
                registers::dispatch!(S, F, run.len(), self.add(simd, h, column, sums));
            }
        }
    }

    /// R units' rows, 16 columns.
    #[inline(always)]
    fn add<S: Simd, const R: usize, const NV: usize>(&self, simd: S, h: &[F], column: usize, sums: &mut [F]) {
        let len = Vector::<S, F>::LEN;
        let Shape { hidden, wide, .. } = self.tile.shape;
        let mut acc = [[Vector::<S, F>::splat(simd, F::zero()); NV]; R];
        for r in 0..R {
            for v in 0..NV {
                acc[r][v] = Vector::<S, F>::from_slice(simd, &sums[r * wide + v * len..][..len]);
            }
        }
        let samples = h.chunks(hidden).zip(self.dz[column..].chunks(hidden));
        for (h, dz) in samples.take(self.tile.samples) {
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
        for r in 0..R {
            for v in 0..NV {
                acc[r][v].store_slice(&mut sums[r * wide + v * len..][..len]);
            }
        }
    }

    /// Adds the rows of G for a, b and 1.
    #[inline(always)]
    fn rows<S: Simd>(&self, simd: S, x: &[F], sums: &mut [F]) {
        let len = Vector::<S, F>::LEN;
        let Tile { shape: Shape { hidden, units, wide, .. }, width, samples, .. } = *self.tile;
        let x: [&[F]; EXTRA] = std::array::from_fn(|r| &x[r * width..][..samples]);
        for column in (0..units.next_multiple_of(LANES)).step_by(len) {
            let mut acc = [Vector::<S, F>::splat(simd, F::zero()); EXTRA];
            for r in 0..EXTRA {
                acc[r] = Vector::<S, F>::from_slice(simd, &sums[r * wide + self.gate + column..][..len]);
            }
            for s in 0..samples {
                let y = Vector::<S, F>::from_slice(simd, &self.dz[s * hidden + column..][..len]);
                for r in 0..EXTRA {
                    acc[r] = y.mul_add(Vector::<S, F>::splat(simd, x[r][s]), acc[r]);
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
    const VECTORS: usize = 8;
    let (len, hidden) = (Vector::<S, F>::LEN, dw_ho.len());
    for first in (0..hidden).step_by(VECTORS * len) {
        let vectors = VECTORS.min((hidden - first) / len);
        let mut acc = [Vector::<S, F>::splat(simd, F::zero()); VECTORS];
        for (v, dw) in dw_ho[first..].chunks_exact(len).take(vectors).enumerate() {
            acc[v] = Vector::<S, F>::from_slice(simd, dw);
        }
        for (h, &dz_o) in h[first..].chunks(hidden).zip(dz_o) {
            let dz_o = Vector::<S, F>::splat(simd, dz_o);
            if vectors == VECTORS {
                for v in 0..VECTORS {
                    acc[v] = dz_o.mul_add(Vector::<S, F>::from_slice(simd, &h[v * len..][..len]), acc[v]);
                }
            } else {
                for (acc, h) in acc.iter_mut().zip(h.chunks_exact(len)).take(vectors) {
                    *acc = dz_o.mul_add(Vector::<S, F>::from_slice(simd, h), *acc);
                }
            }
        }
        for (v, dw) in dw_ho[first..].chunks_exact_mut(len).take(vectors).enumerate() {
            acc[v].store_slice(dw);
        }
    }
}
