//! One level of nodes, forward and back: all that is done line by line.
//!
//! Forward: `z_t = h_{t−1} W_hh + x_t W_ih + b_h`, where the product of a node's parent is read,
//! and the cell. Back: `dh_t = S W_hhᵀ + dz_o w_ho`, the cell, and dz into the sum S of the parent,
//! whose children follow each other.

use super::cell::{Back, C, Cell, KEPT};
use super::math::{Lane, Vector, apply_lines};
use super::rows::{Rows, Shape, lanes, load, load_each, store};
use fearless_simd::prelude::*;

/// The nodes of a level, and what the dynamic cell multiplies their parents' products with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LevelOf<'a, F> {
    pub(crate) shape: Shape,
    pub(crate) units: &'a Units<F>,
    /// The parent of each node among those of the level before.
    pub(crate) parent: &'a [u32],
    pub(crate) a: &'a [F],
    pub(crate) b: &'a [F],
    /// s of each node; anything for other cells.
    pub(crate) scale: &'a [F],
    /// What was kept of the level above, for its c.
    pub(crate) before: &'a [F],
}

impl<F: Lane> LevelOf<'_, F> {
    /// The row of the parents of each row, and a, b and s of its nodes.
    #[inline(always)]
    fn rows<R: Rows<F>>(&self) -> impl Iterator<Item = (usize, [&[F]; 3])> {
        let of = |values| <[F]>::chunks_exact(values, R::NODES);
        let known = of(self.a).zip(of(self.b)).zip(of(self.scale));
        let parents = self.parent.chunks_exact(R::NODES);
        parents.zip(known).map(|(parent, ((a, b), scale))| (parent[0] as usize / R::NODES, [a, b, scale]))
    }

    /// The shape, of constants where rows have so many lines.
    #[inline(always)]
    fn shape<C: Cell<F>, const LINES: usize>(&self) -> Shape {
        if LINES > 0 { Shape::dense::<F>(self.shape.hidden, C::GATES, LINES) } else { self.shape }
    }

    #[inline(always)]
    fn c_prev<S: Simd>(&self, simd: S, parent: usize, at: usize) -> Vector<S, F> {
        load(simd, self.before, (parent * KEPT + C) * self.shape.wide + at)
    }
}

/// Weights that are no products, as rows have them, or sums of their gradients.
#[derive(Debug, Clone, Default)]
pub(crate) struct Units<F> {
    /// Weights of a, weights of b, and biases, `[gates][wide]`, times the scale of their gate.
    pub(crate) w_a: Vec<F>,
    pub(crate) w_b: Vec<F>,
    pub(crate) b_h: Vec<F>,
    /// `[wide]`.
    pub(crate) w_ho: Vec<F>,
    /// `b_o`.
    pub(crate) b_o: F,
}

impl<F: Lane> Units<F> {
    /// Room for those of a net; what is new is 0.
    pub(crate) fn resize(&mut self, shape: Shape) {
        let all = shape.gates * shape.wide;
        for values in [&mut self.w_a, &mut self.w_b, &mut self.b_h] {
            values.resize(all, F::zero());
        }
        self.w_ho.resize(shape.wide, F::zero());
    }

    /// All sums 0 again.
    pub(crate) fn reset(&mut self, shape: Shape) {
        self.resize(shape);
        for values in [&mut self.w_a, &mut self.w_b, &mut self.b_h, &mut self.w_ho] {
            values.fill(F::zero());
        }
        self.b_o = F::zero();
    }
}

/// Lines of the gates.
#[inline(always)]
fn gates<S: Simd, F: Lane, C: Cell<F>>(simd: S, from: &[F], apart: usize, at: usize) -> [Vector<S, F>; 4] {
    let mut lines = [Vector::<S, F>::splat(simd, F::zero()); 4];
    for g in 0..C::GATES {
        lines[g] = load(simd, from, g * apart + at);
    }
    lines
}

/// h of a level, and what is kept, from the products of its parents.
#[inline(always)]
pub(crate) fn forward<S: Simd, F: Lane, R: Rows<F>, C: Cell<F>, const SCALED: bool, const LINES: usize>(
    simd: S,
    cell: C,
    level: &LevelOf<'_, F>,
    z: &[F],
    h: &mut [F],
    kept: &mut [F],
) {
    let units = level.units;
    let Shape { wide, ld, ldz, .. } = level.shape::<C, LINES>();
    let kept = &mut kept[..level.parent.len() / R::NODES * C::KEPT * wide];
    let all = C::GATES * wide;
    let (w_a, w_b, b_h) = (&units.w_a[..all], &units.w_b[..all], &units.b_h[..all]);
    for at in (0..wide).step_by(lanes::<F>()) {
        let (w_a, w_b) = (gates::<S, F, C>(simd, w_a, wide, at), gates::<S, F, C>(simd, w_b, wide, at));
        let b_h = gates::<S, F, C>(simd, b_h, wide, at);
        for (row, ((parent, [a, b, scale]), h)) in level.rows::<R>().zip(h.chunks_exact_mut(ld)).enumerate() {
            let (a, b) = (R::spread(simd, a), R::spread(simd, b));
            let mut z = gates::<S, F, C>(simd, z, wide, parent * ldz + at);
            for g in 0..C::GATES {
                let x = a.mul_add(w_a[g], b.mul_add(w_b[g], b_h[g]));
                z[g] = if SCALED { R::spread(simd, scale).mul_add(z[g], x) } else { z[g] + x };
            }
            if C::KEPT == 0 {
                store::<S, F>(z[0], h, at);
                continue;
            }
            let (out, lines) = cell.forward(simd, z, level.c_prev(simd, parent, at));
            store::<S, F>(out, h, at);
            for k in 0..C::KEPT {
                store::<S, F>(lines[k], kept, (row * C::KEPT + k) * wide + at);
            }
        }
    }
    if C::KEPT == 0 {
        apply_lines(simd, cell.activation(), h);
    }
}

/// What flows back into a level, and what it was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backward<'a, F> {
    /// `dz_o` of each node.
    pub(crate) dz_o: &'a [F],
    /// dc of each row, `[rows][wide]`; empty for the last level.
    pub(crate) flow: &'a [F],
    /// h, and h before noise.
    pub(crate) h: &'a [F],
    pub(crate) y: &'a [F],
    pub(crate) kept: &'a [F],
}

/// Where a level's way back leads.
#[derive(Debug)]
pub(crate) struct To<'a, F> {
    /// S of the parents' rows, and dc.
    pub(crate) s: &'a mut [F],
    pub(crate) flow: &'a mut [F],
    /// Sums of the gradients of units.
    pub(crate) units: &'a mut Units<F>,
}

/// dz of a level, into the sums of its parents and into those of the weight gradients. `dh` is
/// `S W_hhᵀ`, row by row, of nodes with children.
#[inline(always)]
pub(crate) fn backward<S: Simd, F: Lane, R: Rows<F>, C: Cell<F>, const SCALED: bool, const LINES: usize>(
    simd: S,
    cell: C,
    level: &LevelOf<'_, F>,
    back: Backward<'_, F>,
    dh: Option<&[F]>,
    to: To<'_, F>,
) {
    let units = level.units;
    let Shape { wide, ld, ldz, .. } = level.shape::<C, LINES>();
    let To { s, flow, units: sums } = to;
    let zero = Vector::<S, F>::splat(simd, F::zero());
    let len = level.parent.len() / R::NODES * ld;
    let (children, h, y) = (dh.is_some(), &back.h[..len], &back.y[..len]);
    let dh = dh.map_or(h, |dh| &dh[..len]);
    for at in (0..wide).step_by(lanes::<F>()) {
        let w_ho = load::<S, F>(simd, &units.w_ho, at);
        let [mut dw_a, mut dw_b, mut db_h] = [[zero; 4]; 3];
        let (mut dw_ho, mut run, mut run_flow, mut last) = (zero, [zero; 4], zero, usize::MAX);
        let lines = h.chunks_exact(ld).zip(y.chunks_exact(ld).zip(dh.chunks_exact(ld)));
        let known = level.rows::<R>().zip(back.dz_o.chunks_exact(R::NODES));
        for (row, (((parent, [a, b, scale]), dz_o), (h, (y, dh)))) in known.zip(lines).enumerate() {
            let dz_o = R::spread(simd, dz_o);
            let h = load::<S, F>(simd, h, at);
            let dh = if children { dz_o.mul_add(w_ho, load(simd, dh, at)) } else { dz_o * w_ho };
            let mut into = Back { dh, flow: zero, y: h, kept: [zero; 6], c_prev: zero };
            if C::KEPT > 0 {
                if children {
                    into.flow = load(simd, back.flow, row * wide + at);
                }
                into.kept = load_each(simd, &back.kept[row * C::KEPT * wide + at..], wide);
                into.c_prev = level.c_prev(simd, parent, at);
            } else {
                into.y = load(simd, y, at);
            }
            let (dz, dc) = cell.backward(simd, into);
            dw_ho = dz_o.mul_add(h, dw_ho);
            let (a, b) = (R::spread(simd, a), R::spread(simd, b));
            // 1 while the parent is that of the row before, then 0: a choice without a branch.
            let keep = Vector::<S, F>::splat(simd, [F::zero(), F::one()][usize::from(parent == last)]);
            last = parent;
            for g in 0..C::GATES {
                dw_a[g] = a.mul_add(dz[g], dw_a[g]);
                dw_b[g] = b.mul_add(dz[g], dw_b[g]);
                db_h[g] += dz[g];
                let dz = if SCALED { dz[g] * R::spread(simd, scale) } else { dz[g] };
                run[g] = run[g].mul_add(keep, dz);
                store::<S, F>(run[g], s, parent * ldz + g * wide + at);
            }
            if C::KEPT > 0 {
                run_flow = run_flow.mul_add(keep, dc);
                store::<S, F>(run_flow, flow, parent * wide + at);
            }
        }
        for (sum, lines) in [(&mut sums.w_a, dw_a), (&mut sums.w_b, dw_b), (&mut sums.b_h, db_h)] {
            for g in 0..C::GATES {
                let place = g * wide + at;
                store::<S, F>(load::<S, F>(simd, sum, place) + lines[g], sum, place);
            }
        }
        let sum = load::<S, F>(simd, &sums.w_ho, at) + dw_ho;
        store::<S, F>(sum, &mut sums.w_ho, at);
    }
}
