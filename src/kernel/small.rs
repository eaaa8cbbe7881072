//! Rows of four nodes, for nets of at most eight units.
//!
//! A line has four blocks of 128 bits, one a node, each with four units; a net of more units has
//! two such *planes*. A product spreads one unit over its block and multiplies it with four
//! weights, the same in all blocks, so that no lane is idle. Four nodes of a row differ in their
//! first symbol alone: their parents are the four nodes of one row, too, and nothing is ever moved
//! between blocks.

use super::Products;
use super::math::Vector;
use super::rows::{Aligned, Rows, Shape, load, load_each, store};
use super::small_stage::Pass;
use super::stage::{Stage, Walk};
use super::step::Units;
use crate::model::{Cell, Tally};
use fearless_simd::prelude::*;
use fearless_simd::{f32x4, u8x64};

/// Units of a block, and nodes of a row.
pub(super) const BLOCK: usize = 4;
/// Floats of a line.
pub(super) const LINE: usize = 16;
/// The most units.
pub(crate) const MOST: usize = 8;

/// Rows of four nodes.
///
/// # Shapes
/// Weights: `[plane in][unit in][plane out]` lines.
#[derive(Debug, Clone)]
pub(crate) struct Small {
    shape: Shape,
    forward: Aligned<f32>,
    backward: Aligned<f32>,
}

pub(super) type Line<S> = Vector<S, f32>;

/// The bytes of unit k, for each lane of each block.
const UNITS: [[u8; 64]; BLOCK] = {
    let mut bytes = [[0; 64]; BLOCK];
    let mut i = 0;
    while i < 64 * BLOCK {
        #[expect(clippy::cast_possible_truncation, reason = "below 16")]
        let byte = (4 * (i / 64) + i % 4) as u8;
        bytes[i / 64][i % 64] = byte;
        i += 1;
    }
    bytes
};

/// The bytes of unit b, for each lane of block b.
const OWN: [u8; 64] = {
    let mut bytes = [0; 64];
    let mut i = 0;
    while i < 64 {
        bytes[i] = UNITS[i / 16][i];
        i += 1;
    }
    bytes
};

/// Shuffles within blocks: unit k of each block to all its lanes.
#[derive(Clone, Copy)]
pub(super) struct Shuffles<S: Simd>([u8x64<S>; BLOCK]);

impl<S: Simd> Shuffles<S> {
    #[inline(always)]
    pub(super) fn new(simd: S) -> Self {
        let unit = |k: usize| u8x64::simd_from(simd, UNITS[k]);
        Self([unit(0), unit(1), unit(2), unit(3)])
    }

    #[inline(always)]
    pub(super) fn unit(&self, line: Line<S>, k: usize) -> Line<S> {
        line.swizzle_dyn_within_blocks(self.0[k])
    }
}

/// `sums += Σ_rows h ⊗ s`, one plane of each at a time.
#[inline(always)]
fn outer_products<S: Simd, const Q: usize>(simd: S, h: &[f32], s: &[f32], sums: &mut [f32]) {
    let shuffles = Shuffles::new(simd);
    for q in 0..Q {
        for o in 0..Q {
            let mut tile = [Line::<S>::splat(simd, 0.0); BLOCK];
            for (h, s) in h.chunks_exact(Q * LINE).zip(s.chunks_exact(Q * LINE)) {
                let (h, s) = (load(simd, h, q * LINE), load::<S, f32>(simd, s, o * LINE));
                for k in 0..BLOCK {
                    tile[k] = shuffles.unit(h, k).mul_add(s, tile[k]);
                }
            }
            for k in 0..BLOCK {
                add_to(simd, tile[k], sums, ((q * BLOCK + k) * Q + o) * LINE);
            }
        }
    }
}

/// Adds a line at a place.
#[inline(always)]
pub(super) fn add_to<S: Simd>(simd: S, line: Line<S>, to: &mut [f32], at: usize) {
    store::<S, f32>(load::<S, f32>(simd, to, at) + line, to, at);
}

/// `h · w` of the nodes of four rows.
#[inline(always)]
pub(super) fn dots<S: Simd, const Q: usize>(h: [[Line<S>; Q]; 4], w: [Line<S>; Q]) -> Line<S> {
    let mut x = [h[0][0]; 4];
    for v in 0..4 {
        x[v] = h[v][0] * w[0];
        for q in 1..Q {
            x[v] = h[v][q].mul_add(w[q], x[v]);
        }
    }
    let (x, y) = (pairs::<S>(x[0], x[1]), pairs::<S>(x[2], x[3]));
    pairs::<S>(x, y)
}

/// Sums of neighbours.
#[inline(always)]
fn pairs<S: Simd>(a: Line<S>, b: Line<S>) -> Line<S> {
    a.unzip_low(b) + a.unzip_high(b)
}

/// The weights of Q planes.
#[inline(always)]
pub(super) fn planes_of<S: Simd, const Q: usize>(simd: S, weights: &[f32]) -> [[[Line<S>; Q]; BLOCK]; Q] {
    let mut w = [[[Line::<S>::splat(simd, 0.0); Q]; BLOCK]; Q];
    for q in 0..Q {
        for k in 0..BLOCK {
            w[q][k] = load_each(simd, &weights[(q * BLOCK + k) * Q * LINE..], LINE);
        }
    }
    w
}

/// The block of a node's units of the first plane.
#[inline(always)]
fn block<const Q: usize>(node: u32) -> usize {
    let node = node as usize;
    node / BLOCK * BLOCK * Q + node % BLOCK
}

/// Copies the blocks of some nodes.
#[inline(always)]
fn gather<S: Simd, const Q: usize>(simd: S, nodes: &[u32], from: &[f32], to: &mut [f32]) {
    let (from, to) = (from.as_chunks::<BLOCK>().0, to.as_chunks_mut::<BLOCK>().0);
    for (nodes, row) in nodes.chunks(BLOCK).zip(to.chunks_exact_mut(BLOCK * Q)) {
        for (b, &node) in nodes.iter().enumerate() {
            for q in 0..Q {
                f32x4::from_slice(simd, &from[block::<Q>(node) + q * BLOCK]).store_slice(&mut row[q * BLOCK + b]);
            }
        }
    }
}

/// Adds blocks to those of some nodes.
#[inline(always)]
fn scatter_add<S: Simd, const Q: usize>(simd: S, nodes: &[u32], from: &[f32], to: &mut [f32]) {
    let (from, to) = (from.as_chunks::<BLOCK>().0, to.as_chunks_mut::<BLOCK>().0);
    for (nodes, row) in nodes.chunks(BLOCK).zip(from.chunks_exact(BLOCK * Q)) {
        for (b, &node) in nodes.iter().enumerate() {
            for q in 0..Q {
                let to = &mut to[block::<Q>(node) + q * BLOCK];
                (f32x4::from_slice(simd, to) + f32x4::from_slice(simd, &row[q * BLOCK + b])).store_slice(to);
            }
        }
    }
}

/// Calls a function for one plane or two; a method also for products that are scaled, or not.
macro_rules! planes {
    ($simd:ident, $shape:expr, $f:ident($($argument:expr),*)) => {
        $simd.vectorize(
            #[inline(always)]
            || if $shape.lines == 1 { $f::<S, 1>($simd, $($argument),*) } else { $f::<S, 2>($simd, $($argument),*) },
        )
    };
    ($simd:ident, $walk:ident, $pass:ident.$f:ident($($argument:expr),*)) => {
        $simd.vectorize(
            #[inline(always)]
            || match ($walk.net.cell, $walk.shape.lines) {
                (Cell::Dynamic, 1) => $pass.$f::<S, true, 1>($simd, $($argument),*),
                (Cell::Dynamic, _) => $pass.$f::<S, true, 2>($simd, $($argument),*),
                (_, 1) => $pass.$f::<S, false, 1>($simd, $($argument),*),
                _ => $pass.$f::<S, false, 2>($simd, $($argument),*),
            },
        )
    };
}

/// A line with the value of each node of a row in the node's lanes.
#[inline(always)]
pub(super) fn spread<S: Simd>(simd: S, values: &[f32; BLOCK]) -> Line<S> {
    let four = f32x4::from_slice(simd, values);
    Line::<S>::block_splat(four).swizzle_dyn_within_blocks(u8x64::simd_from(simd, OWN))
}

impl Rows<f32> for Small {
    const NODES: usize = BLOCK;

    fn new(shape: Shape, _method: Products) -> Self {
        assert!(shape.gates == 1 && shape.hidden <= MOST, "a small net, not {shape:?}");
        let weights = || Aligned::zeros(Self::sums(shape));
        Self { shape, forward: weights(), backward: weights() }
    }

    fn lines(hidden: usize) -> usize {
        hidden.div_ceil(BLOCK)
    }

    fn pack<S: Simd>(&mut self, _simd: S, w_hh: &[f32], scales: [f32; 4]) {
        let hidden = self.shape.hidden;
        for (i, row) in w_hh.chunks_exact(hidden).enumerate() {
            for (j, &w) in row.iter().enumerate() {
                for (weights, k, o, w) in [(&mut self.forward, i, j, w * scales[0]), (&mut self.backward, j, i, w)] {
                    let line = &mut weights[(k * self.shape.lines + o / BLOCK) * LINE..][..LINE];
                    line.chunks_exact_mut(BLOCK).for_each(|block| block[o % BLOCK] = w);
                }
            }
        }
    }

    fn forward<S: Simd>(&self, simd: S, walk: &Walk<'_, f32>, stage: &mut Stage<f32>, db_o: &mut f32) -> Tally {
        let pass = Pass { walk: *walk, weights: &self.forward };
        planes!(simd, walk, pass.forward(stage, db_o))
    }

    fn backward<S: Simd>(&self, simd: S, walk: &Walk<'_, f32>, stage: &mut Stage<f32>, sums: &mut Units<f32>) {
        let pass = Pass { walk: *walk, weights: &self.backward };
        planes!(simd, walk, pass.backward(stage, sums));
    }

    fn outer<S: Simd>(&self, simd: S, rows: usize, h: &[f32], s: &[f32], sums: &mut [f32]) {
        let len = rows * self.shape.ld;
        planes!(simd, self.shape, outer_products(&h[..len], &s[..len], sums));
    }

    fn sums(shape: Shape) -> usize {
        shape.lines * BLOCK * shape.lines * LINE
    }

    fn direct(_shape: Shape) -> bool {
        false
    }

    fn add_weights(shape: Shape, sums: &[f32], dw_hh: &mut [f32]) {
        for (grad, sums) in dw_hh.chunks_exact_mut(shape.hidden).zip(sums.chunks(shape.wide)) {
            Self::fold(sums, grad);
        }
    }

    fn lay(values: &[f32], row: &mut [f32]) {
        for (i, x) in row.iter_mut().enumerate() {
            *x = values.get(i / LINE * BLOCK + i % BLOCK).copied().unwrap_or(0.0);
        }
    }

    fn fold(row: &[f32], sums: &mut [f32]) {
        for (i, sum) in sums.iter_mut().enumerate() {
            let line = &row[i / BLOCK * LINE..][..LINE];
            let of = |node: usize| line[node * BLOCK + i % BLOCK];
            *sum += (of(0) + of(2)) + (of(1) + of(3));
        }
    }

    #[inline(always)]
    fn gather<S: Simd>(simd: S, shape: Shape, nodes: &[u32], _: usize, from: (&[f32], usize), to: (&mut [f32], usize)) {
        planes!(simd, shape, gather(nodes, from.0, to.0));
    }

    #[inline(always)]
    fn scatter_add<S: Simd>(
        simd: S,
        shape: Shape,
        nodes: &[u32],
        _: usize,
        from: (&[f32], usize),
        to: (&mut [f32], usize),
    ) {
        planes!(simd, shape, scatter_add(nodes, from.0, to.0));
    }
}
