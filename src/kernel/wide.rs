//! Rows of one node each, for nets of any size: register tiles of rows × lines.
//!
//! A register tile holds R rows of V lines of sums. Each sum adds its products in the order of the
//! inputs, one multiply-add each, whatever the tile, so that tiles change speed and never bits.
//! Weights are packed once an update in the order the inner loop reads them: a *panel* is V lines
//! of all inputs.

use super::Products;
use super::blas::Blas;
use super::math::{Lane, Vector, for_checks, register, sum_lanes};
use super::rows::{Aligned, Rows, Shape, lanes, load, load_each, store};
use crate::task::tree::Number;
use fearless_simd::prelude::*;

/// Rows of one node.
#[derive(Debug, Clone)]
pub(crate) struct Wide<F: Number> {
    shape: Shape,
    multiply: Multiply<F>,
}

/// How they are multiplied.
#[derive(Debug, Clone)]
enum Multiply<F: Number> {
    /// By register tiles, with weights for the way forward and back.
    Tiles(Panels<F>, Panels<F>),
    /// By matrixmultiply.
    Blas(Blas<F>),
}

/// The weights of one product.
///
/// # Shapes
/// For each panel: `[inputs][V lines]`.
#[derive(Debug, Clone)]
struct Panels<F: Number> {
    inputs: usize,
    /// Lines of outputs.
    lines: usize,
    data: Aligned<F>,
}

/// Lines of the widest panel.
const V: usize = 2;
/// Inputs that go through before the next rows do: their panel stays in the first cache.
const BLOCK: usize = 128;

impl<F: Lane> Panels<F> {
    fn new(inputs: usize, lines: usize) -> Self {
        Self { inputs, lines, data: Aligned::zeros(inputs * lines * lanes::<F>()) }
    }

    /// The panels: first line, lines, and where the data begin.
    fn each(lines: usize, inputs: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        (0..lines).step_by(V).map(move |line| (line, V.min(lines - line), line * lanes::<F>() * inputs))
    }

    /// `out = x W`, where x has `inputs / run` groups of `run` inputs, `apart` floats apart. A
    /// function of its own, for both ways.
    #[inline(never)]
    fn product<S: Simd>(&self, simd: S, rows: usize, x: Inputs<'_, F>, out: &mut [F], ldo: usize) {
        simd.vectorize(
            #[inline(always)]
            || self.tiles(simd, rows, x, out, ldo),
        );
    }

    #[inline(always)]
    fn tiles<S: Simd>(&self, simd: S, rows: usize, x: Inputs<'_, F>, out: &mut [F], ldo: usize) {
        if const { register::<S>() >= 8 } && self.lines == 1 && x.ld == lanes::<F>() {
            // Strides that are constants cost nothing.
            let (x, ldo) = (Inputs { ld: lanes::<F>(), groups: 1, ..x }, lanes::<F>());
            return Tiles { rows, x, ldo, first: 0, width: 1 }.panel::<S, 1>(simd, &self.data, out);
        }
        for (line, width, at) in Self::each(self.lines, self.inputs) {
            let weights = &self.data[at..][..self.inputs * width * lanes::<F>()];
            let tiles = Tiles { rows, x, ldo, first: line * lanes::<F>(), width };
            if const { register::<S>() == 16 } && width == V {
                tiles.panel::<S, V>(simd, weights, out);
            } else {
                for v in 0..width {
                    tiles.line(v).panel::<S, 1>(simd, &weights[v * lanes::<F>()..], out);
                }
            }
        }
    }
}

/// What a product reads.
#[derive(Debug, Clone, Copy)]
struct Inputs<'a, F> {
    data: &'a [F],
    /// From row to row.
    ld: usize,
    /// Groups of inputs: how many, their length, and how far apart they begin.
    groups: usize,
    run: usize,
    apart: usize,
}

/// The register tiles of a panel.
#[derive(Debug, Clone, Copy)]
struct Tiles<'a, F> {
    rows: usize,
    x: Inputs<'a, F>,
    ldo: usize,
    /// The first float of the panel in a row of outputs.
    first: usize,
    /// Lines from one input's weights to the next.
    width: usize,
}

impl<F: Lane> Tiles<'_, F> {
    /// A line of the panel alone.
    fn line(self, v: usize) -> Self {
        Self { first: self.first + v * lanes::<F>(), ..self }
    }

    #[inline(always)]
    fn panel<S: Simd, const V: usize>(self, simd: S, weights: &[F], out: &mut [F]) {
        for group in 0..self.x.groups {
            for k in (0..self.x.run).step_by(BLOCK) {
                let len = BLOCK.min(self.x.run - k);
                let weights = &weights[(group * self.x.run + k) * self.width * lanes::<F>()..];
                let at = group * self.x.apart + k;
                let (mut row, fresh) = (0, group + k == 0);
                if self.rows == 1 {
                    self.single::<S, V>(simd, weights, (at, len), fresh, out);
                    continue;
                }
                macro_rules! rows_of {
                    ($($r:literal)+) => {{$(
                        while self.rows - row >= $r {
                            self.tile::<S, $r, V>(simd, weights, (row, at, len), fresh, out);
                            row += $r;
                        }
                    )+}};
                }
                // As many sums as leave room for the operands in 32 registers, or in 16.
                match const { if for_checks::<F>() { 0 } else { register::<S>() } } {
                    0 => rows_of!(4 1),
                    16 => rows_of!(12 4 1),
                    8 => rows_of!(6 4 2 1),
                    _ => rows_of!(2 1),
                }
            }
        }
    }

    /// A row alone, over some inputs: four sums a line, which do not wait for each other.
    #[inline(always)]
    fn single<S: Simd, const V: usize>(
        self,
        simd: S,
        weights: &[F],
        (at, len): (usize, usize),
        fresh: bool,
        out: &mut [F],
    ) {
        const SUMS: usize = 4;
        let mut sums = [[Vector::<S, F>::splat(simd, F::zero()); V]; SUMS];
        let apart = self.width * lanes::<F>();
        let x = &self.x.data[at..][..len];
        for start in (0..len).step_by(SUMS) {
            for i in 0..SUMS.min(len - start) {
                let x = Vector::<S, F>::splat(simd, x[start + i]);
                let w = load_each::<S, F, V>(simd, &weights[(start + i) * apart..], lanes::<F>());
                for v in 0..V {
                    sums[i][v] = x.mul_add(w[v], sums[i][v]);
                }
            }
        }
        for v in 0..V {
            let place = self.first + v * lanes::<F>();
            let sum = (sums[0][v] + sums[2][v]) + (sums[1][v] + sums[3][v]);
            store::<S, F>(if fresh { sum } else { load::<S, F>(simd, out, place) + sum }, out, place);
        }
    }

    /// One register tile, over some inputs.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(
        self,
        simd: S,
        weights: &[F],
        (row, at, len): (usize, usize, usize),
        fresh: bool,
        out: &mut [F],
    ) {
        let mut x = [&[][..]; R];
        for r in 0..R {
            x[r] = &self.x.data[(row + r) * self.x.ld + at..][..len];
        }
        let place = |r: usize, v: usize| (row + r) * self.ldo + self.first + v * lanes::<F>();
        let mut sums = [[Vector::<S, F>::splat(simd, F::zero()); V]; R];
        if !fresh {
            for r in 0..R {
                for v in 0..V {
                    sums[r][v] = load(simd, out, place(r, v));
                }
            }
        }
        for (k, w) in weights.chunks(self.width * lanes::<F>()).enumerate().take(len) {
            let w = load_each::<S, F, V>(simd, w, lanes::<F>());
            for r in 0..R {
                let x = Vector::<S, F>::splat(simd, x[r][k]);
                for v in 0..V {
                    sums[r][v] = x.mul_add(w[v], sums[r][v]);
                }
            }
        }
        for r in 0..R {
            for v in 0..V {
                store::<S, F>(sums[r][v], out, place(r, v));
            }
        }
    }
}

impl<F: Lane> Rows<F> for Wide<F> {
    const NODES: usize = 1;

    fn new(shape: Shape, method: Products) -> Self {
        let multiply = match method {
            Products::Fused => Multiply::Tiles(
                Panels::new(shape.hidden, shape.gates * shape.lines),
                Panels::new(shape.gates * shape.hidden, shape.lines),
            ),
            Products::Blas => Multiply::Blas(Blas::new(shape)),
        };
        Self { shape, multiply }
    }

    fn shape(hidden: usize, gates: usize) -> Shape {
        Shape::long::<F>(hidden, gates)
    }

    fn pack<S: Simd>(&mut self, simd: S, w_hh: &[F], scales: [F; 4]) {
        let (Shape { hidden, gates, lines, .. }, lane) = (self.shape, lanes::<F>());
        let all = gates * hidden;
        let (forward, backward) = match &mut self.multiply {
            Multiply::Tiles(forward, backward) => (forward, backward),
            Multiply::Blas(blas) => return blas.pack(w_hh, scales),
        };
        simd.vectorize(
            #[inline(always)]
            || {
                for (line, width, at) in Panels::<F>::each(forward.lines, hidden) {
                    for v in 0..width {
                        let (gate, unit) = ((line + v) / lines, (line + v) % lines * lane);
                        let len = lane.min(hidden - unit);
                        let rows = forward.data[at..].chunks_mut(width * lane);
                        for (to, from) in rows.zip(w_hh.chunks_exact(all)) {
                            let (to, from) = (&mut to[v * lane..], &from[gate * hidden + unit..]);
                            if len == lane {
                                store::<S, F>(load::<S, F>(simd, from, 0) * scales[gate], to, 0);
                            } else {
                                to[..len].iter_mut().zip(from).for_each(|(to, &w)| *to = w * scales[gate]);
                            }
                        }
                    }
                }
                for (line, width, at) in Panels::<F>::each(lines, all) {
                    for v in 0..width {
                        let to = &mut backward.data[at + v * lane..];
                        transpose(simd, &w_hh[(line + v) * lane * all..], all, width * lane, to);
                    }
                }
            },
        );
    }

    fn product<S: Simd>(&self, simd: S, rows: usize, h: &[F], z: &mut [F]) {
        let Shape { hidden, ld, ldz, .. } = self.shape;
        let x = Inputs { data: h, ld, groups: 1, run: hidden, apart: 0 };
        match &self.multiply {
            Multiply::Tiles(weights, _) => weights.product(simd, rows, x, z, ldz),
            Multiply::Blas(blas) => blas.forward(rows, h, z),
        }
    }

    fn product_back<S: Simd>(&self, simd: S, rows: usize, s: &[F], dh: &mut [F]) {
        let Shape { hidden, gates, wide, ld, ldz, .. } = self.shape;
        let x = Inputs { data: s, ld: ldz, groups: gates, run: hidden, apart: wide };
        match &self.multiply {
            Multiply::Tiles(_, weights) => weights.product(simd, rows, x, dh, ld),
            Multiply::Blas(blas) => blas.backward(rows, s, dh),
        }
    }

    fn dots<S: Simd>(&self, simd: S, rows: usize, h: &[F], w: &[F], out: &mut [F]) {
        let shape = self.shape;
        simd.vectorize(
            #[inline(always)]
            || {
                let blocks = h[..rows * shape.ld].chunks(lanes::<F>() * shape.ld);
                for (h, out) in blocks.zip(out.chunks_exact_mut(lanes::<F>())) {
                    let count = h.len() / shape.ld;
                    let mut x = [Vector::<S, F>::splat(simd, F::zero()); 16];
                    for at in (0..shape.wide).step_by(lanes::<F>()) {
                        let w = load::<S, F>(simd, w, at);
                        for i in 0..lanes::<F>() {
                            if i < count {
                                x[i] = load::<S, F>(simd, h, i * shape.ld + at).mul_add(w, x[i]);
                            }
                        }
                    }
                    add_up::<S, F>(&mut x, out);
                }
            },
        );
    }

    fn outer<S: Simd>(&self, simd: S, rows: usize, h: &[F], s: &[F], sums: &mut [F]) {
        let Shape { hidden, gates, lines, wide, ld, ldz } = self.shape;
        if let Multiply::Blas(blas) = &self.multiply {
            return blas.outer(rows, h, s, sums);
        }
        simd.vectorize(
            #[inline(always)]
            || {
                let outer = Outer { h: &h[..rows * ld], s: &s[..rows * ldz], ld, ldz, ld_sums: gates * wide };
                for (line, width, _) in Panels::<F>::each(gates * lines, 1) {
                    if const { register::<S>() == 16 } && width == V {
                        outer.panel::<S, V>(simd, hidden, line * lanes::<F>(), sums);
                    } else {
                        for line in line..line + width {
                            outer.panel::<S, 1>(simd, hidden, line * lanes::<F>(), sums);
                        }
                    }
                }
            },
        );
    }

    #[inline(always)]
    fn spread<S: Simd>(simd: S, values: &[F]) -> Vector<S, F> {
        Vector::<S, F>::splat(simd, values[0])
    }

    fn lay(values: &[F], row: &mut [F]) {
        row[..values.len()].copy_from_slice(values);
    }

    fn fold(row: &[F], sums: &mut [F]) {
        sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x);
    }

    #[inline(always)]
    fn gather<S: Simd>(simd: S, nodes: &[u32], floats: usize, from: (&[F], usize), to: (&mut [F], usize)) {
        for (to, &node) in to.0.chunks_mut(to.1).zip(nodes) {
            let from = &from.0[node as usize * from.1..][..floats];
            for at in (0..from.len()).step_by(lanes::<F>()) {
                store::<S, F>(load(simd, from, at), to, at);
            }
        }
    }

    #[inline(always)]
    fn scatter_add<S: Simd>(simd: S, nodes: &[u32], floats: usize, from: (&[F], usize), to: (&mut [F], usize)) {
        for (from, &node) in from.0.chunks(from.1).zip(nodes) {
            let to = &mut to.0[node as usize * to.1..][..floats];
            for at in (0..to.len()).step_by(lanes::<F>()) {
                store::<S, F>(load::<S, F>(simd, to, at) + load::<S, F>(simd, from, at), to, at);
            }
        }
    }
}

/// The sums of lines, in the order of [`sum_lanes`].
#[inline(always)]
fn add_up<S: Simd, F: Lane>(x: &mut [Vector<S, F>; 16], out: &mut [F]) {
    if const { register::<S>() < 8 } {
        // Shuffles of lines in many registers are long programs.
        out.iter_mut().zip(x).for_each(|(out, line)| *out = sum_lanes::<F>(line.as_slice()));
        return;
    }
    // Each round adds up halves of all lines and puts two lines into one.
    if const { lanes::<F>() == 16 } {
        halves::<S, F, 8>(x);
    }
    halves::<S, F, 4>(x);
    halves::<S, F, 2>(x);
    halves::<S, F, 1>(x);
    x[0].store_slice(out);
}

/// Adds up the halves of 2 N lines, and puts those of lines i and i + N into line i, in turns.
#[inline(always)]
fn halves<S: Simd, F: Lane, const N: usize>(x: &mut [Vector<S, F>; 16]) {
    for i in 0..N {
        let (low, high) = x[i].interleave(x[i + N]);
        x[i] = low + high;
    }
}

/// Some rows of an outer product.
#[derive(Debug, Clone, Copy)]
struct Outer<'a, F> {
    h: &'a [F],
    s: &'a [F],
    ld: usize,
    ldz: usize,
    ld_sums: usize,
}

impl<F: Lane> Outer<'_, F> {
    /// All units times V lines.
    #[inline(always)]
    fn panel<S: Simd, const V: usize>(self, simd: S, hidden: usize, at: usize, sums: &mut [F]) {
        let mut unit = 0;
        macro_rules! units_of {
            ($($r:literal)+) => {{$(
                while hidden - unit >= $r {
                    self.tile::<S, $r, V>(simd, unit, at, sums);
                    unit += $r;
                }
            )+}};
        }
        match const { register::<S>() } {
            16 => units_of!(8 4 2 1),
            8 => units_of!(4 2 1),
            _ => units_of!(2 1),
        }
    }

    /// R units times V lines.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(self, simd: S, unit: usize, at: usize, sums: &mut [F]) {
        let mut tile = [[Vector::<S, F>::splat(simd, F::zero()); V]; R];
        for (h, s) in self.h.chunks_exact(self.ld).zip(self.s.chunks_exact(self.ldz)) {
            let s = load_each::<S, F, V>(simd, &s[at..][..V * lanes::<F>()], lanes::<F>());
            let h = &h[unit..][..R];
            for r in 0..R {
                let h = Vector::<S, F>::splat(simd, h[r]);
                for v in 0..V {
                    tile[r][v] = h.mul_add(s[v], tile[r][v]);
                }
            }
        }
        for r in 0..R {
            for v in 0..V {
                let place = (unit + r) * self.ld_sums + at + v * lanes::<F>();
                store::<S, F>(load::<S, F>(simd, sums, place) + tile[r][v], sums, place);
            }
        }
    }
}

/// Writes the first rows of a matrix `[rows, cols]`, a line of them at most, as columns of
/// `[cols, width]`: squares of a line's length, through registers.
#[inline(always)]
fn transpose<S: Simd, F: Lane>(simd: S, from: &[F], cols: usize, width: usize, to: &mut [F]) {
    if const { register::<S>() < 8 } {
        for (i, row) in from.chunks_exact(cols).take(lanes::<F>()).enumerate() {
            to.chunks_mut(width).zip(row).for_each(|(to, &x)| to[i] = x);
        }
        return;
    }
    let mut square = [Vector::<S, F>::splat(simd, F::zero()); 16];
    for start in (0..cols).step_by(lanes::<F>()) {
        let len = lanes::<F>().min(cols - start);
        for (line, row) in square.iter_mut().zip(from.chunks_exact(cols)).take(lanes::<F>()) {
            *line = if len == lanes::<F>() {
                load(simd, row, start)
            } else {
                let mut part = [F::zero(); 16];
                part[..len].copy_from_slice(&row[start..]);
                load(simd, &part, 0)
            };
        }
        // A shuffle of rows and lanes for each bit of their numbers.
        let half = lanes::<F>() / 2;
        for _ in 0..lanes::<F>().ilog2() {
            let from = square;
            for i in 0..half {
                (square[2 * i], square[2 * i + 1]) = from[i].interleave(from[i + half]);
            }
        }
        for (line, to) in square.iter().zip(to[start * width..].chunks_mut(width)).take(len) {
            line.store_slice(&mut to[..lanes::<F>()]);
        }
    }
}
