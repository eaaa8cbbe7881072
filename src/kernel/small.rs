//! Rows of four nodes, for nets of at most eight units.
//!
//! A line has four blocks of 128 bits, one a node, each with four units; a net of more units has
//! two such *planes*. A product spreads one unit over its block and multiplies it with four
//! weights, the same in all blocks, so that no lane is idle. Four nodes of a row differ in their
//! first symbol alone: their parents are the four nodes of one row, too, and nothing is ever moved
//! between blocks.

use super::Products;
use super::math::{Vector, register};
use super::rows::{Aligned, Rows, Shape, load, load_each, store};
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
/// Weights: `[line in][unit in][line out]` lines, where a gate has a line for each of its planes.
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

/// `out = x W`, row by row, of I and O lines.
#[inline(always)]
fn product<S: Simd, const I: usize, const O: usize>(simd: S, weights: &[f32], x: &[f32], out: &mut [f32]) {
    let shuffles = Shuffles::new(simd);
    let weights = &weights[..I * BLOCK * O * LINE];
    let line = |i, k, o| load::<S, f32>(simd, weights, ((i * BLOCK + k) * O + o) * LINE);
    // Few weights stay in registers.
    let mut w = [[[Line::<S>::splat(simd, 0.0); O]; BLOCK]; I];
    if I * O <= 4 {
        for i in 0..I {
            for k in 0..BLOCK {
                for o in 0..O {
                    w[i][k][o] = line(i, k, o);
                }
            }
        }
    }
    for (x, out) in x.chunks_exact(I * LINE).zip(out.chunks_exact_mut(O * LINE)) {
        let x: [Line<S>; I] = load_each(simd, x, LINE);
        let mut sums = [Line::<S>::splat(simd, 0.0); O];
        for i in 0..I {
            for k in 0..BLOCK {
                let x = shuffles.unit(x[i], k);
                for o in 0..O {
                    let w = if I * O > 4 { line(i, k, o) } else { w[i][k][o] };
                    sums[o] = x.mul_add(w, sums[o]);
                }
            }
        }
        for o in 0..O {
            store::<S, f32>(sums[o], out, o * LINE);
        }
    }
}

/// `sums += Σ_rows h ⊗ s`, of I and O lines, P of them at a time.
#[inline(always)]
fn outer<S: Simd, const I: usize, const O: usize, const P: usize>(simd: S, h: &[f32], s: &[f32], sums: &mut [f32]) {
    let shuffles = Shuffles::new(simd);
    for i in 0..I {
        for o in (0..O).step_by(P) {
            let mut tile = [[Line::<S>::splat(simd, 0.0); P]; BLOCK];
            for (h, s) in h.chunks_exact(I * LINE).zip(s.chunks_exact(O * LINE)) {
                let (h, s): (_, [Line<S>; P]) = (load(simd, h, i * LINE), load_each(simd, &s[o * LINE..], LINE));
                for k in 0..BLOCK {
                    let h = shuffles.unit(h, k);
                    for p in 0..P {
                        tile[k][p] = h.mul_add(s[p], tile[k][p]);
                    }
                }
            }
            for k in 0..BLOCK {
                for p in 0..P {
                    let at = ((i * BLOCK + k) * O + o + p) * LINE;
                    store::<S, f32>(load::<S, f32>(simd, sums, at) + tile[k][p], sums, at);
                }
            }
        }
    }
}

/// `h · w` of the nodes of rows of Q lines, a line for four rows.
#[inline(always)]
fn dots<S: Simd, const Q: usize>(simd: S, h: &[f32], w: &[f32], out: &mut [f32]) {
    let w: [Line<S>; Q] = load_each(simd, w, LINE);
    for (h, out) in h.chunks_exact(4 * Q * LINE).zip(out.chunks_exact_mut(LINE)) {
        let mut x = [w[0]; 4];
        for r in 0..4 {
            let h: [Line<S>; Q] = load_each(simd, &h[r * Q * LINE..], LINE);
            x[r] = h[0] * w[0];
            for q in 1..Q {
                x[r] = h[q].mul_add(w[q], x[r]);
            }
        }
        let (x, y) = (pairs::<S>(x[0], x[1]), pairs::<S>(x[2], x[3]));
        pairs::<S>(x, y).store_slice(out);
    }
}

/// Sums of neighbours.
#[inline(always)]
fn pairs<S: Simd>(a: Line<S>, b: Line<S>) -> Line<S> {
    a.unzip_low(b) + a.unzip_high(b)
}

/// Copies the blocks of some nodes, of L lines.
#[inline(always)]
fn gather<S: Simd, const L: usize>(
    simd: S,
    nodes: &[u32],
    (from, ld): (&[f32], usize),
    (to, ld_to): (&mut [f32], usize),
) {
    for (nodes, to) in nodes.chunks(BLOCK).zip(to.chunks_mut(ld_to)) {
        for (b, &node) in nodes.iter().enumerate() {
            let from = &from[block(node, ld)..];
            for l in 0..L {
                f32x4::from_slice(simd, &from[l * LINE..][..BLOCK])
                    .store_slice(&mut to[l * LINE + b * BLOCK..][..BLOCK]);
            }
        }
    }
}

/// Adds blocks to those of some nodes, of L lines.
#[inline(always)]
fn scatter_add<S: Simd, const L: usize>(
    simd: S,
    nodes: &[u32],
    (from, ld): (&[f32], usize),
    (to, ld_to): (&mut [f32], usize),
) {
    for (nodes, from) in nodes.chunks(BLOCK).zip(from.chunks(ld)) {
        for (b, &node) in nodes.iter().enumerate() {
            let to = &mut to[block(node, ld_to)..];
            for l in 0..L {
                let (to, from) = (&mut to[l * LINE..][..BLOCK], &from[l * LINE + b * BLOCK..][..BLOCK]);
                (f32x4::from_slice(simd, to) + f32x4::from_slice(simd, from)).store_slice(to);
            }
        }
    }
}

/// Where the first block of a node begins.
#[inline(always)]
fn block(node: u32, ld: usize) -> usize {
    let node = node as usize;
    node / BLOCK * ld + node % BLOCK * BLOCK
}

/// Calls a function of constants: those for gates of one line and of two, then the same of LSTMs.
macro_rules! for_shapes {
    (
        $simd:ident, $shape:expr, $f:ident $arguments:tt,
        [$($one:literal),+] [$($two:literal),+] [$($lstm_one:literal),+] [$($lstm_two:literal),+]
    ) => {
        $simd.vectorize(
            #[inline(always)]
            || match ($shape.lines, $shape.gates) {
                (1, 1) => $f::<S, $($one),+> $arguments,
                (_, 1) => $f::<S, $($two),+> $arguments,
                (1, _) => $f::<S, $($lstm_one),+> $arguments,
                _ => $f::<S, $($lstm_two),+> $arguments,
            },
        )
    };
}

/// Calls a function for so many lines.
macro_rules! for_lines {
    ($simd:ident, $lines:expr, $f:ident $arguments:tt) => {
        $simd.vectorize(
            #[inline(always)]
            || match $lines {
                1 => $f::<S, 1> $arguments,
                2 => $f::<S, 2> $arguments,
                4 => $f::<S, 4> $arguments,
                _ => $f::<S, 8> $arguments,
            },
        )
    };
}

impl Rows<f32> for Small {
    const NODES: usize = BLOCK;

    fn new(shape: Shape, _method: Products) -> Self {
        assert!(shape.hidden <= MOST, "a small net, not {shape:?}");
        let weights = || Aligned::zeros(shape.lines * BLOCK * shape.gates * shape.wide);
        Self { shape, forward: weights(), backward: weights() }
    }

    fn shape(hidden: usize, gates: usize) -> Shape {
        Shape::dense::<f32>(hidden, gates, hidden.div_ceil(BLOCK))
    }

    fn pack<S: Simd>(&mut self, _simd: S, w_hh: &[f32], scales: [f32; 4]) {
        let Shape { hidden, gates, lines, .. } = self.shape;
        for (i, row) in w_hh.chunks_exact(gates * hidden).enumerate() {
            for (j, &w) in row.iter().enumerate() {
                // The unit of a gate, where gates begin new lines.
                let (gate, o) = (j / hidden, j / hidden * lines * BLOCK + j % hidden);
                put(&mut self.forward, gates * lines, (i, o), w * scales[gate]);
                put(&mut self.backward, lines, (o, i), w);
            }
        }
    }

    fn product<S: Simd>(&self, simd: S, rows: usize, h: &[f32], z: &mut [f32]) {
        let (w, h) = (&self.forward[..], &h[..rows * self.shape.ld]);
        for_shapes!(simd, self.shape, product(simd, w, h, z), [1, 1] [2, 2] [1, 4] [2, 8]);
    }

    fn product_back<S: Simd>(&self, simd: S, rows: usize, s: &[f32], dh: &mut [f32]) {
        let (w, s) = (&self.backward[..], &s[..rows * self.shape.ldz]);
        for_shapes!(simd, self.shape, product(simd, w, s, dh), [1, 1] [2, 2] [4, 1] [8, 2]);
    }

    fn outer<S: Simd>(&self, simd: S, rows: usize, h: &[f32], s: &[f32], sums: &mut [f32]) {
        let (h, s) = (&h[..rows * self.shape.ld], &s[..rows * self.shape.ldz]);
        // As many sums as there are registers for.
        if const { register::<S>() == LINE } {
            for_shapes!(simd, self.shape, outer(simd, h, s, sums), [1, 1, 1] [2, 2, 2] [1, 4, 4] [2, 8, 4]);
        } else {
            for_shapes!(simd, self.shape, outer(simd, h, s, sums), [1, 1, 1] [2, 2, 1] [1, 4, 1] [2, 8, 1]);
        }
    }

    fn dots<S: Simd>(&self, simd: S, rows: usize, h: &[f32], w: &[f32], out: &mut [f32]) {
        let h = &h[..rows * self.shape.ld];
        for_shapes!(simd, self.shape, dots(simd, h, w, out), [1][2][1][2]);
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
    fn gather<S: Simd>(simd: S, nodes: &[u32], floats: usize, from: (&[f32], usize), to: (&mut [f32], usize)) {
        for_lines!(simd, floats / LINE, gather(simd, nodes, from, to));
    }

    #[inline(always)]
    fn scatter_add<S: Simd>(simd: S, nodes: &[u32], floats: usize, from: (&[f32], usize), to: (&mut [f32], usize)) {
        for_lines!(simd, floats / LINE, scatter_add(simd, nodes, from, to));
    }
}

/// Puts a weight into all blocks of its line.
fn put(weights: &mut [f32], lines: usize, (i, o): (usize, usize), w: f32) {
    let line = &mut weights[(i * lines + o / BLOCK) * LINE..][..LINE];
    line.chunks_exact_mut(BLOCK).for_each(|block| block[o % BLOCK] = w);
}
