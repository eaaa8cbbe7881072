//! The fused engine's weight gradients: sums over samples and steps of products of two rows.
//!
//! `G[k][m] = Σ_t Σ_s a_t[k][s] b_t[m][s]`. Each entry keeps 16 logical lanes: lane l adds the samples whose number is l modulo 16, in
//! order. A level of narrower vectors walks the lanes in parts, so every lane adds the same numbers in the same order on every level;
//! the lanes are added up once for many tiles, in one fixed order.
//!
//! The lanes lie in the order in which register tiles visit them, one stream from the first to the last; [`totals`] alone knows
//! where in G they belong.

use super::layout::{LANES, Runs, Shape, TILE, runs};
use super::math::{Lane, Vector, sum_lanes};
use super::products::{Blocks, Place};
use crate::model::Cell;
use fearless_simd::prelude::*;
use std::ops::Range;

/// A rectangle of G, and the steps that add to it.
#[derive(Debug, Clone)]
pub(crate) struct Outer {
    /// Rows of G: those of a block on the left.
    pub(crate) rows: Range<usize>,
    /// Columns of G: those of a block on the right.
    pub(crate) cols: Range<usize>,
    /// Rows from here on begin at step 0, those before it at step 1: `h_{−1}` is nothing.
    early: usize,
    /// Columns from here on end with step T, those before it with step T − 1, the last that has a dz.
    late: usize,
    /// T.
    steps: usize,
    /// The blocks on the left are h itself, not the state.
    plain: bool,
}

impl Outer {
    /// What adds to it at step t, of 0 to T: some of its rows, and some of its columns.
    pub(crate) fn at(&self, t: usize) -> [Range<usize>; 2] {
        let (rows, cols) = (self.rows.clone(), self.cols.clone());
        [
            if t == 0 { self.early.max(rows.start)..rows.end } else { rows },
            if t == self.steps { self.late.max(cols.start)..cols.end } else { cols },
        ]
    }

    /// The blocks on the left, and the rows of each.
    #[inline(always)]
    pub(crate) fn left<'a, F>(&self, shape: Shape, blocks: Blocks<'a, F>) -> (&'a [F], usize) {
        if self.plain { (blocks.h, shape.hidden) } else { (blocks.state, shape.state_rows()) }
    }

    /// Calls `visit` with rows and columns of each register tile, 4 × 3 at most: a few rows, which stay in the first cache, with all columns.
    #[inline(always)]
    fn tiles(&self, mut visit: impl FnMut(Range<usize>, Range<usize>)) {
        let shift = |run: Range<usize>, by: usize| by + run.start..by + run.end;
        let rows = Runs::of(self.rows.len(), 4);
        for first in (0..rows.count).step_by(ROWS / 4) {
            for cols in runs(self.cols.len(), 3) {
                for i in first..(first + ROWS / 4).min(rows.count) {
                    visit(shift(rows.get(i), self.rows.start), shift(cols.clone(), self.cols.start));
                }
            }
        }
    }
}

/// Left rows and steps that go through together: their 64 samples, 24 KB, and a few right rows stay in the first cache.
const ROWS: usize = 12;
/// See [`ROWS`].
const STEPS: usize = 8;

/// All that is wanted of `Σ_t state_t · delta_tᵀ`.
pub(crate) fn outers(shape: Shape) -> [Outer; 3] {
    let Shape { cell, hidden, wide, steps, .. } = shape;
    let (all, cols) = (shape.state_rows(), shape.delta_rows());
    // The dynamic cell's state holds h scaled, which is not what its output reads.
    let columns = if cell == Cell::Dynamic { wide } else { cols };
    let main = Outer { rows: 0..all, cols: 0..columns, early: hidden, late: wide, steps, plain: false };
    [
        // dW_hh, dW_ih and db_h, and since h_{t−1} and dz_o of step t−1 are in the same blocks, dW_ho and db_o.
        main.clone(),
        // dW_ho of the dynamic cell, and its db_o.
        Outer { rows: 0..hidden, cols: columns..cols, plain: true, ..main.clone() },
        Outer { rows: all - 1..all, cols: columns..cols, early: all, ..main },
    ]
}

/// Entries of G.
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

/// Adds the lanes up into G, row by row.
///
/// # Shapes
/// `sums`: the lanes, `[entries][LANES]`, then room for G, which is returned.
pub(crate) fn totals<F: Lane>(shape: Shape, sums: &mut [F]) -> &[F] {
    let (width, entries) = (shape.delta_rows(), entries(shape));
    let (lanes, totals) = sums.split_at_mut(entries * LANES);
    let mut lanes = lanes.as_chunks::<LANES>().0.iter();
    for outer in outers(shape) {
        outer.tiles(|rows, cols| {
            for row in rows {
                for (total, lanes) in totals[row * width..][cols.clone()].iter_mut().zip(&mut lanes) {
                    *total = sum_lanes(lanes);
                }
            }
        });
    }
    totals
}

/// Adds the products of all steps to the lanes.
///
/// # Shapes
/// Blocks of `[T+1][rows][TILE]`, of which `h_{−1}`, the `dz_o` before step 0 and dz after the last step are zero: a register tile over them
/// and others goes on as if they were something. `sums`: lanes first.
pub(crate) fn outer<S: Simd, F: Lane>(simd: S, shape: Shape, blocks: Blocks<'_, F>, sums: &mut [F]) {
    simd.vectorize(
        #[inline(always)]
        || {
            let inner = Runs::of(shape.steps.max(2) - 1, STEPS);
            for i in 0..inner.count {
                let steps = inner.get(i);
                let start = if i == 0 { 0 } else { steps.start + 1 };
                let end = if i + 1 == inner.count { shape.steps + 1 } else { steps.end + 1 };
                let mut sums = sums.as_chunks_mut::<LANES>().0;
                for outer in outers(shape) {
                    let (a, height) = outer.left(shape, blocks);
                    let heights = [height, shape.delta_rows()];
                    outer.tiles(
                        #[inline(always)]
                        |rows, cols| {
                            let (tile, rest) = std::mem::take(&mut sums).split_at_mut(rows.len() * cols.len());
                            sums = rest;
                            let from = if rows.end > outer.early { start } else { start.max(1) };
                            let to = if cols.end > outer.late { end } else { end.min(shape.steps) };
                            let part =
                                Part { a, b: blocks.delta, heights, steps: from..to, at: [rows.start, cols.start] };
                            match (rows.len(), cols.len()) {
                                (1, 1) => part.add::<S, 1, 1>(simd, tile),
                                (1, 2) => part.add::<S, 1, 2>(simd, tile),
                                (1, 3) => part.add::<S, 1, 3>(simd, tile),
                                (2, 1) => part.add::<S, 2, 1>(simd, tile),
                                (2, 2) => part.add::<S, 2, 2>(simd, tile),
                                (2, 3) => part.add::<S, 2, 3>(simd, tile),
                                (3, 1) => part.add::<S, 3, 1>(simd, tile),
                                (3, 2) => part.add::<S, 3, 2>(simd, tile),
                                (3, 3) => part.add::<S, 3, 3>(simd, tile),
                                (4, 1) => part.add::<S, 4, 1>(simd, tile),
                                (4, 2) => part.add::<S, 4, 2>(simd, tile),
                                _ => part.add::<S, 4, 3>(simd, tile),
                            }
                        },
                    );
                }
            }
        },
    );
}

/// A register tile's part of the products.
#[derive(Debug)]
struct Part<'a, F> {
    a: &'a [F],
    b: &'a [F],
    /// Rows in a block of `a` and of `b`.
    heights: [usize; 2],
    steps: Range<usize>,
    /// First row and column of G.
    at: [usize; 2],
}

impl<F: Lane> Part<'_, F> {
    /// RA × RB entries of G, a vector of lanes at a time: 4 × 3 fill 16 registers.
    #[inline(always)]
    fn add<S: Simd, const RA: usize, const RB: usize>(self, simd: S, sums: &mut [[F; LANES]]) {
        let len = Vector::<S, F>::LEN;
        let (a, b) = (self.a.as_chunks::<TILE>().0, self.b.as_chunks::<TILE>().0);
        let (sums, _) = sums.as_chunks_mut::<RB>();
        let sums = sums.first_chunk_mut::<RA>().expect("lanes of a register tile");
        for part in (0..LANES).step_by(len) {
            assert!(part + len <= LANES, "vectors divide the lanes");
            let mut acc = [[Vector::<S, F>::splat(simd, F::zero()); RB]; RA];
            for i in 0..RA {
                for j in 0..RB {
                    acc[i][j] = Vector::<S, F>::from_slice(simd, &sums[i][j][part..][..len]);
                }
            }
            let Range { start, end } = self.steps;
            let a = a[start * self.heights[0]..end * self.heights[0]].chunks_exact(self.heights[0]);
            let b = b[start * self.heights[1]..end * self.heights[1]].chunks_exact(self.heights[1]);
            for (a, b) in a.zip(b) {
                let a = a[self.at[0]..].first_chunk::<RA>().expect("rows of a");
                let b = b[self.at[1]..].first_chunk::<RB>().expect("rows of b");
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
                    acc[i][j].store_slice(&mut sums[i][j][part..][..len]);
                }
            }
        }
    }
}
