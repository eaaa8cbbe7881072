//! Rows of four nodes, for nets of at most eight units.
//!
//! A line has four blocks of 128 bits, one a node, each with four units; a net of more units has two such *planes*. A product spreads
//! one unit over its block and multiplies it with four weights, the same in all blocks, so that no lane is idle. Four nodes of a row
//! differ in their first symbol alone: their parents are the four nodes of one row, too, and nothing is ever moved between blocks.

use super::Method;
use super::cell::Cell;
use super::math::{Vector, apply_scaled, derivative};
use super::rows::{Aligned, Rows, Shape, load, load_each, store};
use super::step::{Backward, Into, LevelOf};
use crate::model::Activation;
use fearless_simd::prelude::*;
use fearless_simd::{f32x4, u8x64};

/// Units of a block, and nodes of a row.
const BLOCK: usize = 4;
/// Floats of a line.
const LINE: usize = 16;
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

type Line<S> = Vector<S, f32>;

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
struct Shuffles<S: Simd>([u8x64<S>; BLOCK]);

impl<S: Simd> Shuffles<S> {
    #[inline(always)]
    fn new(simd: S) -> Self {
        let unit = |k: usize| u8x64::simd_from(simd, UNITS[k]);
        Self([unit(0), unit(1), unit(2), unit(3)])
    }

    #[inline(always)]
    fn unit(&self, line: Line<S>, k: usize) -> Line<S> {
        line.swizzle_dyn_within_blocks(self.0[k])
    }
}

/// `x W` for Q planes.
#[inline(always)]
fn product<S: Simd, const Q: usize>(simd: S, weights: &[f32], rows: usize, x: &[f32], out: &mut [f32]) {
    let shuffles = Shuffles::new(simd);
    let w = planes_of::<S, Q>(simd, weights);
    let (x, out) = (x.chunks_exact(Q * LINE), out.chunks_exact_mut(Q * LINE));
    for (x, out) in x.zip(out).take(rows) {
        let mut sums = [[Line::<S>::splat(simd, 0.0); Q]; 2];
        for q in 0..Q {
            let x = load(simd, x, q * LINE);
            for k in 0..BLOCK {
                let x = shuffles.unit(x, k);
                for o in 0..Q {
                    sums[k % 2][o] = x.mul_add(w[q][k][o], sums[k % 2][o]);
                }
            }
        }
        for o in 0..Q {
            store::<S, f32>(sums[0][o] + sums[1][o], out, o * LINE);
        }
    }
}

/// A level forward, row by row: h, and its products while it is in registers.
#[inline(always)]
fn level_forward<S: Simd, const SCALED: bool, const Q: usize>(
    simd: S,
    activation: Activation,
    level: &LevelOf<'_, f32>,
    weights: &[f32],
    z: &[f32],
    h: &mut [f32],
    products: Option<&mut [f32]>,
) {
    let shuffles = Shuffles::new(simd);
    let w = planes_of::<S, Q>(simd, weights);
    let units = level.units;
    let [w_a, w_b, b_h] = [&units.w_a, &units.w_b, &units.b_h];
    let (w_a, w_b, b_h) =
        (load_each(simd, w_a, LINE), load_each(simd, w_b, LINE), load_each::<S, f32, Q>(simd, b_h, LINE));
    let (w_a, w_b): ([Line<S>; Q], [Line<S>; Q]) = (w_a, w_b);
    let zero = Line::<S>::splat(simd, 0.0);
    let z = z.as_chunks::<LINE>().0;
    let (wanted, products) =
        products.map_or((false, &mut [][..]), |products| (true, products.as_chunks_mut::<LINE>().0));
    let rows = level.rows::<Small>().zip(h.as_chunks_mut::<LINE>().0.chunks_exact_mut(Q));
    for (row, ((parent, [a, b, scale]), h)) in rows.enumerate() {
        let (a, b) = (Small::spread(simd, a), Small::spread(simd, b));
        // Two sums of a product, which do not wait for each other.
        let mut sums = [[zero; Q]; 2];
        for q in 0..Q {
            let x = a.mul_add(w_a[q], b.mul_add(w_b[q], b_h[q]));
            let z = Line::<S>::from_slice(simd, &z[parent * Q + q]);
            let z = if SCALED { Small::spread(simd, scale).mul_add(z, x) } else { z + x };
            let out = apply_scaled::<S, f32>(simd, activation, z);
            out.store_slice(&mut h[q]);
            for k in 0..BLOCK {
                let x = shuffles.unit(out, k);
                for o in 0..Q {
                    sums[k % 2][o] = x.mul_add(w[q][k][o], sums[k % 2][o]);
                }
            }
        }
        if wanted {
            for o in 0..Q {
                (sums[0][o] + sums[1][o]).store_slice(&mut products[row * Q + o]);
            }
        }
    }
}

/// A level back, row by row, with its outer products.
#[inline(always)]
fn level_backward<S: Simd, const SCALED: bool, const Q: usize>(
    simd: S,
    activation: Activation,
    level: &LevelOf<'_, f32>,
    weights: &[f32],
    back: Backward<'_, f32>,
    to: Into<'_, f32>,
) {
    let shuffles = Shuffles::new(simd);
    let zero = Line::<S>::splat(simd, 0.0);
    let w = planes_of::<S, Q>(simd, weights);
    let w_ho = load_each::<S, f32, Q>(simd, &level.units.w_ho, LINE);
    let Into { s, units: sums, weights: outer, .. } = to;
    let [mut dw_a, mut dw_b, mut db_h, mut dw_ho, mut run] = [[zero; Q]; 5];
    let (mut last, children) = (usize::MAX, !back.s.is_empty());
    let s = s.as_chunks_mut::<LINE>().0;
    let rows = level.len / BLOCK * Q * LINE;
    let (h, y) = (&back.h[..rows], &back.y[..rows]);
    let lines = h.chunks_exact(Q * LINE).zip(y.chunks_exact(Q * LINE));
    let lines = lines.zip(if children { &back.s[..rows] } else { h }.chunks_exact(Q * LINE));
    let known = level.rows::<Small>().zip(back.dz_o.chunks_exact(BLOCK));
    for (((parent, [a, b, scale]), dz_o), ((h, y), flow)) in known.zip(lines) {
        let dz_o = Small::spread(simd, dz_o);
        let h = load_each::<S, f32, Q>(simd, h, LINE);
        let mut dh = [[zero; Q]; 2];
        if children {
            let flow = load_each::<S, f32, Q>(simd, flow, LINE);
            for q in 0..Q {
                for k in 0..BLOCK {
                    let x = shuffles.unit(flow[q], k);
                    for o in 0..Q {
                        dh[k % 2][o] = x.mul_add(w[q][k][o], dh[k % 2][o]);
                    }
                }
            }
        }
        let (a, b) = (Small::spread(simd, a), Small::spread(simd, b));
        let keep = Line::<S>::splat(simd, f32::from(u8::from(parent == last)));
        last = parent;
        for q in 0..Q {
            let dh = dz_o.mul_add(w_ho[q], dh[0][q] + dh[1][q]);
            let dz = dh * derivative::<S, f32>(simd, activation, load(simd, y, q * LINE));
            dw_ho[q] = dz_o.mul_add(h[q], dw_ho[q]);
            dw_a[q] = a.mul_add(dz, dw_a[q]);
            dw_b[q] = b.mul_add(dz, dw_b[q]);
            db_h[q] += dz;
            let dz = if SCALED { dz * Small::spread(simd, scale) } else { dz };
            run[q] = run[q].mul_add(keep, dz);
            run[q].store_slice(&mut s[parent * Q + q]);
        }
    }
    let add = |sum: Line<S>, to: &mut [f32], at: usize| store::<S, f32>(load::<S, f32>(simd, to, at) + sum, to, at);
    for q in 0..Q {
        for (sum, to) in [(dw_a, &mut sums.w_a), (dw_b, &mut sums.w_b), (db_h, &mut sums.b_h), (dw_ho, &mut sums.w_ho)]
        {
            add(sum[q], to, q * LINE);
        }
    }
    if children {
        outer_products::<S, Q>(simd, h, &back.s[..rows], outer);
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
                let at = ((q * BLOCK + k) * Q + o) * LINE;
                store::<S, f32>(load::<S, f32>(simd, sums, at) + tile[k], sums, at);
            }
        }
    }
}

/// The weights of Q planes.
#[inline(always)]
fn planes_of<S: Simd, const Q: usize>(simd: S, weights: &[f32]) -> [[[Line<S>; Q]; BLOCK]; Q] {
    let mut w = [[[Line::<S>::splat(simd, 0.0); Q]; BLOCK]; Q];
    for q in 0..Q {
        for k in 0..BLOCK {
            w[q][k] = load_each(simd, &weights[(q * BLOCK + k) * Q * LINE..], LINE);
        }
    }
    w
}

/// The block of a node's units of a plane, in rows that begin `ld` floats apart.
#[inline(always)]
fn block(node: usize, plane: usize, ld: usize) -> usize {
    node / BLOCK * (ld / BLOCK) + plane * BLOCK + node % BLOCK
}

/// Calls a function for one plane or two.
macro_rules! planes {
    ($simd:ident, $shape:expr, $f:ident($($argument:expr),*)) => {
        $simd.vectorize(
            #[inline(always)]
            || if $shape.lines == 1 { $f::<S, 1>($simd, $($argument),*) } else { $f::<S, 2>($simd, $($argument),*) },
        )
    };
}

impl Rows<f32> for Small {
    const NODES: usize = BLOCK;

    fn new(shape: Shape, _method: Method) -> Self {
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

    fn forward<S: Simd>(&self, simd: S, rows: usize, h: &[f32], z: &mut [f32]) {
        planes!(simd, self.shape, product(&self.forward, rows, h, z));
    }

    fn outer<S: Simd>(&self, _simd: S, _rows: usize, _h: &[f32], _s: &[f32], _sums: &mut [f32]) {}

    fn level_forward<S: Simd, C: Cell<f32>, const SCALED: bool>(
        &self,
        simd: S,
        cell: C,
        level: &LevelOf<'_, f32>,
        z: &[f32],
        (h, _): (&mut [f32], &mut [f32]),
        products: Option<&mut [f32]>,
    ) {
        simd.vectorize(
            #[inline(always)]
            || match self.shape.lines {
                1 => level_forward::<S, SCALED, 1>(simd, cell.activation(), level, &self.forward, z, h, products),
                _ => level_forward::<S, SCALED, 2>(simd, cell.activation(), level, &self.forward, z, h, products),
            },
        );
    }

    fn level_backward<S: Simd, C: Cell<f32>, const SCALED: bool>(
        &self,
        simd: S,
        cell: C,
        level: &LevelOf<'_, f32>,
        back: Backward<'_, f32>,
        _dh: &mut [f32],
        to: Into<'_, f32>,
    ) {
        simd.vectorize(
            #[inline(always)]
            || match self.shape.lines {
                1 => level_backward::<S, SCALED, 1>(simd, cell.activation(), level, &self.backward, back, to),
                _ => level_backward::<S, SCALED, 2>(simd, cell.activation(), level, &self.backward, back, to),
            },
        );
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

    fn dots<S: Simd>(simd: S, shape: Shape, rows: usize, h: &[f32], w: &[f32], out: &mut [f32]) {
        simd.vectorize(
            #[inline(always)]
            || {
                let zero = Line::<S>::splat(simd, 0.0);
                for (h, out) in h[..rows * shape.ld].chunks(BLOCK * shape.ld).zip(out.chunks_exact_mut(LINE)) {
                    let mut x = [zero; BLOCK];
                    for (x, h) in x.iter_mut().zip(h.chunks_exact(shape.ld)) {
                        *x = load::<S, f32>(simd, h, 0) * load::<S, f32>(simd, w, 0);
                        if shape.wide > LINE {
                            *x = load::<S, f32>(simd, h, LINE).mul_add(load::<S, f32>(simd, w, LINE), *x);
                        }
                    }
                    let pairs = |a: Line<S>, b: Line<S>| a.unzip_low(b) + a.unzip_high(b);
                    pairs(pairs(x[0], x[1]), pairs(x[2], x[3])).store_slice(out);
                }
            },
        );
    }

    #[inline(always)]
    fn spread<S: Simd>(simd: S, values: &[f32]) -> Line<S> {
        let four = f32x4::from_slice(simd, values);
        Line::<S>::block_splat(four).swizzle_dyn_within_blocks(u8x64::simd_from(simd, OWN))
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
    fn gather<S: Simd>(
        simd: S,
        shape: Shape,
        nodes: &[u32],
        _groups: usize,
        from: (&[f32], usize),
        to: (&mut [f32], usize),
    ) {
        let (blocks, to_blocks) = (from.0.as_chunks::<BLOCK>().0, to.0.as_chunks_mut::<BLOCK>().0);
        for plane in 0..shape.lines {
            for (i, &node) in nodes.iter().enumerate() {
                let (of, at) = (block(node as usize, plane, from.1), block(i, plane, to.1));
                f32x4::from_slice(simd, &blocks[of]).store_slice(&mut to_blocks[at]);
            }
        }
    }

    #[inline(always)]
    fn scatter_add<S: Simd>(
        simd: S,
        shape: Shape,
        nodes: &[u32],
        _groups: usize,
        from: (&[f32], usize),
        to: (&mut [f32], usize),
    ) {
        let (blocks, to_blocks) = (from.0.as_chunks::<BLOCK>().0, to.0.as_chunks_mut::<BLOCK>().0);
        for plane in 0..shape.lines {
            for (i, &node) in nodes.iter().enumerate() {
                let to = &mut to_blocks[block(node as usize, plane, to.1)];
                let sum = f32x4::from_slice(simd, to) + f32x4::from_slice(simd, &blocks[block(i, plane, from.1)]);
                sum.store_slice(to);
            }
        }
    }
}
