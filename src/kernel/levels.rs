//! A stage of rows of one node forward and back, a level at a time.

use super::elman::Elman;
use super::lstm::Lstm;
use super::math::{Lane, for_checks};
use super::rows::Shape;
use super::stage::{LINE, Stage, Walk};
use super::step::{self, Backward, Into, LevelOf, Units};
use super::wide::Wide;
use crate::model::{Cell, Tally};
use fearless_simd::prelude::*;
use std::mem::{swap, take};

/// Calls a function of a step with the cell of a net, and with whether products are scaled.
macro_rules! with_cell {
    ($simd:ident, $one:expr, $net:expr, $f:ident($($argument:expr),*)) => {
        match $net.cell {
            Cell::Elman if const { !for_checks::<F>() } && $one => $simd.vectorize(
                #[inline(always)]
                || step::$f::<S, F, _, false, true>($simd, Elman($net.activation), $($argument),*),
            ),
            Cell::Elman => $simd.vectorize(
                #[inline(always)]
                || step::$f::<S, F, _, false, false>($simd, Elman($net.activation), $($argument),*),
            ),
            Cell::Dynamic => $simd.vectorize(
                #[inline(always)]
                || step::$f::<S, F, _, true, false>($simd, Elman($net.activation), $($argument),*),
            ),
            Cell::Lstm => $simd.vectorize(
                #[inline(always)]
                || step::$f::<S, F, _, false, false>($simd, Lstm($net.lstm_form, $net.activation), $($argument),*),
            ),
        }
    };
}

impl<F: Lane> Walk<'_, F> {
    /// A level; `before` are the rows whose c is that of its parents.
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
pub(super) fn forward<S: Simd, F: Lane>(
    simd: S,
    weights: &Wide<F>,
    walk: &Walk<'_, F>,
    stage: &mut Stage<F>,
    db_o: &mut F,
) -> Tally {
    let Shape { wide, ld, .. } = walk.shape;
    let kept_row = walk.net.kept() * wide;
    // Apart from what is only read.
    let (mut h, mut kept, mut clean) = (take(&mut stage.h), take(&mut stage.kept), take(&mut stage.clean));
    let (mut z, mut next_z) = (take(&mut stage.z), take(&mut stage.next_z));
    for i in 0..stage.levels.len() {
        let (rows, above) = (stage.rows(i, 1), stage.above(i, 1));
        let (before, now) = kept.split_at_mut(rows.start * kept_row);
        let level = walk.level(stage, i, &before[above.start * kept_row..]);
        let h = &mut h[rows.start * ld..rows.end * ld];
        with_cell!(simd, walk.shape.lines == 1, walk.net, forward(&level, &z, h, now));
        if let Some((noise, key)) = walk.noise {
            let clean = if kept_row > 0 { &mut [][..] } else { &mut clean[rows.start * ld..] };
            noise.disturb_level(simd, (key, i), walk.shape, h, (clean, now));
        }
        if stage.has_children(i) {
            weights.product(simd, rows.len(), h, &mut next_z);
            swap(&mut z, &mut next_z);
        }
    }
    (stage.h, stage.kept, stage.clean, stage.z, stage.next_z) = (h, kept, clean, z, next_z);
    let (len, first) = (stage.len(), stage.parents() * ld);
    let dz_o = &mut stage.dz_o[..len.next_multiple_of(LINE)];
    weights.dots(simd, len, &stage.h[first..], &walk.units.w_ho, dz_o);
    let nodes = if stage.stride > 0 { &stage.nodes } else { &walk.tree.nodes };
    let tally = walk.output().run(simd, nodes, dz_o, &mut stage.wrong, db_o);
    Tally { wrong_samples: stage.mark_chains(simd), ..tally }
}

/// All levels back: S of each node, what flows into the parents of the first level, and the sums of
/// the gradients of units.
pub(super) fn backward<S: Simd, F: Lane>(
    simd: S,
    weights: &Wide<F>,
    walk: &Walk<'_, F>,
    stage: &mut Stage<F>,
    units: &mut Units<F>,
) {
    let Shape { wide, ld, ldz, .. } = walk.shape;
    let kept_row = walk.net.kept() * wide;
    let clean = walk.noise.is_some() && kept_row == 0;
    // Apart from what is only read.
    let (mut dh, mut s, mut flow) = (take(&mut stage.z), take(&mut stage.s), take(&mut stage.flow));
    for i in (0..stage.levels.len()).rev() {
        let (rows, above, children) = (stage.rows(i, 1), stage.above(i, 1), stage.has_children(i));
        let (s_above, s_now) = s.split_at_mut(rows.start * ldz);
        let (flow_above, flow_now) = flow.split_at_mut(walk.net.of_flow(&rows, wide).start);
        let level = walk.level(stage, i, &stage.kept[above.start * kept_row..]);
        let h = &stage.h[rows.start * ld..];
        let back = Backward {
            dz_o: &stage.dz_o[stage.levels[i].clone()],
            flow: if children { flow_now } else { &[] },
            h,
            y: if clean { &stage.clean[rows.start * ld..] } else { h },
            kept: &stage.kept[rows.start * kept_row..],
        };
        let to = Into {
            s: &mut s_above[above.start * ldz..],
            flow: &mut flow_above[walk.net.of_flow(&above, wide).start..],
            units: &mut *units,
        };
        if children {
            weights.product_back(simd, rows.len(), s_now, &mut dh);
        }
        let dh = if children { Some(&dh[..]) } else { None };
        with_cell!(simd, walk.shape.lines == 1, walk.net, backward(&level, back, dh, to));
    }
    (stage.z, stage.s, stage.flow) = (dh, s, flow);
}
