//! The fused engine's weight gradients: sums over samples and steps of products of two rows.
//!
//! `G[k][m] += Σ_t Σ_s a_t[k][s] b_t[m][s]`. Each entry keeps 16 logical lanes: lane l adds the samples whose number is l modulo 16, in
//! order. A level of narrower vectors walks the lanes in parts, so every lane adds the same numbers in the same order on every level;
//! the lanes are added up once for many tiles, in one fixed order.

use super::layout::{LANES, Shape, TILE, Tile, runs};
use super::math::{Lane, Vector};
use super::products::{Blocks, Place};
use crate::model::Cell;
use fearless_simd::prelude::*;
use std::ops::Range;

/// Two sequences of rows, one block a step, and the part of their products that is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Outer<'a, F> {
    /// Left rows, a block for each step.
    pub(crate) a: &'a [F],
    /// Right rows, a block for each step.
    pub(crate) b: &'a [F],
    /// Rows in a block of `a` and of `b`.
    pub(crate) blocks: [usize; 2],
    /// Steps to sum over.
    pub(crate) steps: Range<usize>,
    /// Left rows wanted: the rows of G.
    pub(crate) rows: Range<usize>,
    /// Right rows wanted: the columns of G.
    pub(crate) cols: Range<usize>,
}

/// Entries of `Σ_t state_t · delta_tᵀ`.
pub(crate) fn entries(shape: Shape) -> usize {
    shape.state_rows() * shape.delta_rows()
}

/// Where the gradients lie in it: `dW_hh`, `dW_ih`, `db_h` and `dW_ho`, `db_o` are parts of it.
pub(crate) fn place(shape: Shape, tensor: &str) -> Place {
    let Shape { hidden, wide, .. } = shape;
    let (row, col) = match tensor {
        "w_hh" => (0, 0),
        "w_ih" => (hidden, 0),
        "b_h" => (hidden + 2, 0),
        "w_ho" => (0, wide),
        _ => (hidden + 2, wide),
    };
    let cols = shape.delta_rows();
    Place { first: row * cols + col, row: cols, gate: hidden }
}

/// The parts of it that are gradients, and two rows of one column that are not, but cost less than leaving them out.
pub(crate) fn parts<'a, F>(tile: &Tile, blocks: Blocks<'a, F>) -> [Outer<'a, F>; 5] {
    let Shape { cell, hidden, wide, steps, .. } = tile.shape;
    let (all, cols) = (tile.shape.state_rows(), tile.shape.delta_rows());
    let part = |steps, rows, cols| Outer {
        a: blocks.state,
        b: blocks.delta,
        blocks: [all, tile.shape.delta_rows()],
        steps,
        rows,
        cols,
    };
    // The dynamic cell's state holds h scaled, which is not what its output reads.
    let columns = if cell == Cell::Dynamic { wide } else { cols };
    [
        // The step before the first has no h and no output: dW_ih and db_h alone, (a, b, 1) with dz.
        part(0..1, hidden..all, 0..wide),
        // dW_hh, dW_ih and db_h, and since h_{t−1} and dz_o of step t−1 are in the same blocks, dW_ho and db_o.
        part(1..steps, 0..all, 0..columns),
        // The last output.
        part(steps..steps + 1, 0..all, wide..columns),
        // dW_ho of the dynamic cell, and its db_o.
        Outer { a: blocks.h, blocks: [hidden, cols], ..part(1..steps + 1, 0..hidden, columns..cols) },
        part(1..steps + 1, all - 1..all, columns..cols),
    ]
}

/// Adds `outer` to `sums`, a matrix of `width` columns of lanes.
///
/// # Shapes
/// `a`, `b`: `[steps][block][TILE]`; `sums [·][width][LANES]`.
pub(crate) fn outer<S: Simd, F: Lane>(simd: S, outer: &Outer<'_, F>, width: usize, sums: &mut [F]) {
    simd.vectorize(
        #[inline(always)]
        || {
            let (sums, _) = sums.as_chunks_mut::<LANES>();
            for first in outer.steps.clone().step_by(STEPS) {
                let steps = first..(first + STEPS).min(outer.steps.end);
                for block in runs(outer.rows.len(), ROWS) {
                    for cols in runs(outer.cols.len(), 3) {
                        for rows in runs(block.len(), 4) {
                            let at = [outer.rows.start + block.start + rows.start, outer.cols.start + cols.start];
                            let part = Part { outer, steps: steps.clone(), at, width };
                            match (rows.len(), cols.len()) {
                                (1, 1) => part.add::<S, 1, 1>(simd, sums),
                                (1, 2) => part.add::<S, 1, 2>(simd, sums),
                                (1, 3) => part.add::<S, 1, 3>(simd, sums),
                                (2, 1) => part.add::<S, 2, 1>(simd, sums),
                                (2, 2) => part.add::<S, 2, 2>(simd, sums),
                                (2, 3) => part.add::<S, 2, 3>(simd, sums),
                                (3, 1) => part.add::<S, 3, 1>(simd, sums),
                                (3, 2) => part.add::<S, 3, 2>(simd, sums),
                                (3, 3) => part.add::<S, 3, 3>(simd, sums),
                                (4, 1) => part.add::<S, 4, 1>(simd, sums),
                                (4, 2) => part.add::<S, 4, 2>(simd, sums),
                                _ => part.add::<S, 4, 3>(simd, sums),
                            }
                        }
                    }
                }
            }
        },
    );
}

/// Left rows and steps that go through together: their 64 samples, 24 KB, and a few right rows stay in the first cache.
const ROWS: usize = 12;
/// See [`ROWS`].
const STEPS: usize = 8;

/// A register tile's part of the products.
#[derive(Debug)]
struct Part<'a, F> {
    outer: &'a Outer<'a, F>,
    steps: Range<usize>,
    /// First row and column of G.
    at: [usize; 2],
    /// Columns of G.
    width: usize,
}

impl<F: Lane> Part<'_, F> {
    /// RA × RB entries of G, a vector of lanes at a time: 4 × 3 fill 16 registers.
    #[inline(always)]
    fn add<S: Simd, const RA: usize, const RB: usize>(self, simd: S, sums: &mut [[F; LANES]]) {
        let len = Vector::<S, F>::LEN;
        let ([row, col], width, outer) = (self.at, self.width, self.outer);
        let (a, _) = outer.a.as_chunks::<TILE>();
        let (b, _) = outer.b.as_chunks::<TILE>();
        for part in (0..LANES).step_by(len) {
            assert!(part + len <= LANES, "vectors divide the lanes");
            let mut acc = [[Vector::<S, F>::splat(simd, F::zero()); RB]; RA];
            for i in 0..RA {
                for j in 0..RB {
                    let lanes = &sums[(row + i) * width + col + j];
                    acc[i][j] = Vector::<S, F>::from_slice(simd, &lanes[part..][..len]);
                }
            }
            for t in self.steps.clone() {
                let a = a[t * outer.blocks[0] + row..].first_chunk::<RA>().expect("rows of a");
                let b = b[t * outer.blocks[1] + col..].first_chunk::<RB>().expect("rows of b");
                for group in (0..TILE).step_by(LANES) {
                    let at = group + part;
                    assert!(at + len <= TILE, "lanes divide a row");
                    let mut y = [Vector::<S, F>::splat(simd, F::zero()); RB];
                    for j in 0..RB {
                        y[j] = Vector::<S, F>::from_slice(simd, &b[j][at..][..len]);
                    }
                    for i in 0..RA {
                        let x = Vector::<S, F>::from_slice(simd, &a[i][at..][..len]);
                        for j in 0..RB {
                            acc[i][j] = x.mul_add(y[j], acc[i][j]);
                        }
                    }
                }
            }
            for i in 0..RA {
                for j in 0..RB {
                    let lanes = &mut sums[(row + i) * width + col + j];
                    acc[i][j].store_slice(&mut lanes[part..][..len]);
                }
            }
        }
    }
}
