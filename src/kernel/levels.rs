//! A stage forward and back, a level at a time.

use super::cell;
use super::elman::Elman;
use super::lstm::Lstm;
use super::math::{Lane, for_checks};
use super::rows::{OUTER_ROWS, Rows, Shape, lanes};
use super::stage::{Stage, Walk};
use super::step::{self, Backward, LevelOf, To, Units};
use crate::model::{Cell, Tally};
use fearless_simd::prelude::*;
use std::mem::{swap, take};

/// Calls a function with the cell of a net, whether products are scaled, and the lines of a row
/// where they are a constant, or 0.
macro_rules! with_cell {
    ($simd:ident, $walk:ident, $f:ident($($argument:expr),*)) => {{
        let (activation, lstm_form) = ($walk.net.activation, $walk.net.lstm_form);
        match $walk.net.cell {
            Cell::Elman if const { !for_checks::<F>() } && $walk.shape.lines == 1 => {
                with_cell!(false, 1, $f($simd, Elman(activation), $($argument),*))
            }
            Cell::Elman if const { R::NODES > 1 } => with_cell!(false, 2, $f($simd, Elman(activation), $($argument),*)),
            Cell::Elman => with_cell!(false, 0, $f($simd, Elman(activation), $($argument),*)),
            Cell::Dynamic => with_cell!(true, 0, $f($simd, Elman(activation), $($argument),*)),
            Cell::Lstm => with_cell!(false, 0, $f($simd, Lstm(lstm_form, activation), $($argument),*)),
        }
    }};
    ($scaled:literal, $lines:literal, $f:ident($simd:ident, $($argument:expr),*)) => {
        $simd.vectorize(
            #[inline(always)]
            || $f::<S, F, R, _, $scaled, $lines>($simd, $($argument),*),
        )
    };
}

impl<F: Lane> Walk<'_, F> {
    /// A level; `before` are the rows whose c is that of its parents.
    #[inline(always)]
    fn level<'a>(&'a self, stage: &'a Stage<F>, i: usize, before: &'a [F]) -> LevelOf<'a, F> {
        let (at, nodes) = (stage.levels[i].clone(), stage.known(self.tree));
        LevelOf {
            shape: self.shape,
            units: self.units,
            parent: stage.parents_of(self.tree, i),
            a: &nodes.a[at.clone()],
            b: &nodes.b[at.clone()],
            scale: if stage.scale.is_empty() { &nodes.a[at] } else { &stage.scale[at] },
            before,
        }
    }
}

/// All levels forward, then all outputs.
pub(super) fn forward<S: Simd, F: Lane, R: Rows<F>>(
    simd: S,
    weights: &R,
    walk: &Walk<'_, F>,
    stage: &mut Stage<F>,
    db_o: &mut F,
) -> Tally {
    with_cell!(simd, walk, states(weights, walk, stage));
    let (len, first) = (stage.len(), stage.parents() * walk.shape.ld);
    let dz_o = &mut stage.dz_o[..len.next_multiple_of(lanes::<F>())];
    weights.dots(simd, len / R::NODES, &stage.h[first..], &walk.units.w_ho, dz_o);
    let nodes = if stage.stride > 0 { &stage.nodes } else { &walk.tree.nodes };
    let tally = walk.output().run(simd, nodes, dz_o, &mut stage.wrong, db_o);
    Tally { wrong_samples: stage.mark_chains(simd), ..tally }
}

/// h of all levels.
#[inline(always)]
fn states<S: Simd, F: Lane, R: Rows<F>, C: cell::Cell<F>, const SCALED: bool, const LINES: usize>(
    simd: S,
    cell: C,
    weights: &R,
    walk: &Walk<'_, F>,
    stage: &mut Stage<F>,
) {
    let Shape { wide, ld, .. } = walk.shape;
    let kept_row = C::KEPT * wide;
    // Apart from what is only read.
    let (mut h, mut kept, mut clean) = (take(&mut stage.h), take(&mut stage.kept), take(&mut stage.clean));
    let (mut z, mut next_z) = (take(&mut stage.z), take(&mut stage.next_z));
    for i in 0..stage.levels.len() {
        let (rows, above) = (stage.rows(i, R::NODES), stage.above(i, R::NODES));
        let (before, now) = kept.split_at_mut(rows.start * kept_row);
        let level = walk.level(stage, i, &before[above.start * kept_row..]);
        let h = &mut h[rows.start * ld..rows.end * ld];
        step::forward::<S, F, R, C, SCALED, LINES>(simd, cell, &level, &z, h, now);
        if let Some((noise, key)) = walk.noise {
            let (clean, now) =
                if C::KEPT > 0 { (&mut [][..], now) } else { (&mut clean[rows.start * ld..], &mut [][..]) };
            noise.disturb_level(simd, (key, i), walk.shape, h, (clean, now));
        }
        if stage.has_children(i) {
            weights.product(simd, rows.len(), h, &mut next_z);
            swap(&mut z, &mut next_z);
        }
    }
    (stage.h, stage.kept, stage.clean, stage.z, stage.next_z) = (h, kept, clean, z, next_z);
}

/// All levels back: S of each node and of the parents of the first level, and the sums of the
/// gradients of units and of the weights between them.
pub(super) fn backward<S: Simd, F: Lane, R: Rows<F>>(
    simd: S,
    weights: &R,
    walk: &Walk<'_, F>,
    stage: &mut Stage<F>,
    sums: (&mut Units<F>, &mut [F]),
) {
    with_cell!(simd, walk, flows(weights, walk, stage, sums));
}

#[inline(always)]
fn flows<S: Simd, F: Lane, R: Rows<F>, C: cell::Cell<F>, const SCALED: bool, const LINES: usize>(
    simd: S,
    cell: C,
    weights: &R,
    walk: &Walk<'_, F>,
    stage: &mut Stage<F>,
    (units, sums): (&mut Units<F>, &mut [F]),
) {
    let Shape { wide, ld, ldz, .. } = walk.shape;
    let (kept_row, flow_row) = (C::KEPT * wide, if C::KEPT > 0 { wide } else { 0 });
    let clean = walk.noise.is_some() && kept_row == 0;
    // Apart from what is only read.
    let (mut dh, mut s, mut flow) = (take(&mut stage.z), take(&mut stage.s), take(&mut stage.flow));
    // Outer products are made of the parents of levels below this one.
    let mut due = stage.levels.len() + usize::from(stage.more);
    for i in (0..stage.levels.len()).rev() {
        let (rows, above, children) = (stage.rows(i, R::NODES), stage.above(i, R::NODES), stage.has_children(i));
        let (flow_above, flow_now) = flow.split_at_mut(rows.start * flow_row);
        let level = walk.level(stage, i, &stage.kept[above.start * kept_row..]);
        let h = &stage.h[rows.start * ld..];
        let back = Backward {
            dz_o: &stage.dz_o[stage.levels[i].clone()],
            flow: if children { flow_now } else { &[] },
            h,
            y: if clean { &stage.clean[rows.start * ld..] } else { h },
            kept: &stage.kept[rows.start * kept_row..],
        };
        if children {
            weights.product_back(simd, rows.len(), &s[stage.flows_to(i + 1, R::NODES) * ldz..], &mut dh);
        }
        let to = To {
            s: &mut s[stage.flows_to(i, R::NODES) * ldz..],
            flow: &mut flow_above[above.start * flow_row..],
            units: &mut *units,
        };
        let dh = if children { Some(&dh[..]) } else { None };
        step::backward::<S, F, R, C, SCALED, LINES>(simd, cell, &level, back, dh, to);
        if i % stage.held() == 0 {
            // Those of the parents of the first level are made elsewhere.
            let from = i.max(1);
            let (first, end) = (stage.above(from, R::NODES).start, stage.above(due, R::NODES).start);
            for start in (first..end).step_by(OUTER_ROWS) {
                let (h, at) = (&stage.h[start * ld..], stage.flows_to(from, R::NODES) + start - first);
                weights.outer(simd, OUTER_ROWS.min(end - start), h, &s[at * ldz..], sums);
            }
            due = i;
        }
    }
    (stage.z, stage.s, stage.flow) = (dh, s, flow);
}
