//! A stage of a small net forward and back, rows of four nodes.
//!
//! Four rows are 16 nodes, whose outputs are one line; in the trunk they are the children of one
//! row of parents. Forward, two loops over the rows of a level are short programs, whose rows
//! overlap. Back, four rows of chains go through all their steps before the next ones do, their dz
//! in registers:
//!
//! ```text
//! forward:  for each level: h = φ(z of the parents + x W_ih + b_h);  z = h W_hh;  then all outputs
//! back:     for each step: dh = S W_hhᵀ + dz_o w_ho;  dz = dh φ′;  S of the parents
//! ```

use super::math::{derivative, with_phi};
use super::output::Sums;
use super::rows::{load, load_each, store};
use super::small::{BLOCK, LINE, Line, Shuffles, add_to, dots, planes_of, spread};
use super::stage::{Stage, Walk};
use super::step::Units;
use crate::model::Tally;
use fearless_simd::prelude::*;

/// Rows whose outputs are a line.
const FOUR: usize = 4;

/// A pass over a stage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass<'a> {
    pub(super) walk: Walk<'a, f32>,
    /// `[plane in][unit in][plane out]` lines, for the way forward or back.
    pub(super) weights: &'a [f32],
}

/// Lines of Q planes of R rows.
type Planes<S, const Q: usize, const R: usize> = [[Line<S>; Q]; R];

/// `x W`, row by row.
#[inline(always)]
fn product<S: Simd, const Q: usize, const R: usize>(
    simd: S,
    w: &[[[Line<S>; Q]; BLOCK]; Q],
    x: &Planes<S, Q, R>,
) -> Planes<S, Q, R> {
    let shuffles = Shuffles::new(simd);
    let mut out = [[Line::<S>::splat(simd, 0.0); Q]; R];
    for r in 0..R {
        for q in 0..Q {
            for k in 0..BLOCK {
                let x = shuffles.unit(x[r][q], k);
                for o in 0..Q {
                    out[r][o] = x.mul_add(w[q][k][o], out[r][o]);
                }
            }
        }
    }
    out
}

impl Pass<'_> {
    /// All levels forward, with outputs. `stage.z` has the products of the parents of the first
    /// level before, and those of the last level, or of all levels of a trunk, afterwards; chains
    /// with a wrong bit are marked.
    #[inline(always)]
    pub(super) fn forward<S: Simd, const SCALED: bool, const Q: usize>(
        self,
        simd: S,
        stage: &mut Stage<f32>,
        db_o: &mut f32,
    ) -> Tally {
        for level in 0..stage.levels.len() {
            self.level_forward::<S, SCALED, Q>(simd, stage, level);
        }
        let tally = self.outputs::<S, Q>(simd, stage, db_o);
        Tally { wrong_samples: stage.mark_chains(simd), ..tally }
    }

    /// The row of a row's parents in a trunk.
    #[inline(always)]
    fn parent(&self, stage: &Stage<f32>, level: usize, row: usize) -> usize {
        let above = if level == 0 { 0 } else { 1 + stage.levels[level - 1].start / BLOCK };
        above + self.walk.tree.parent[row * BLOCK] as usize / BLOCK
    }

    /// A level forward, from the products of its parents to its own.
    #[inline(always)]
    fn level_forward<S: Simd, const SCALED: bool, const Q: usize>(
        &self,
        simd: S,
        stage: &mut Stage<f32>,
        level: usize,
    ) {
        let Units { w_a, w_b, b_h, .. } = self.walk.units;
        let (w_a, w_b) = (load_each::<S, f32, Q>(simd, w_a, LINE), load_each::<S, f32, Q>(simd, w_b, LINE));
        let b_h = load_each::<S, f32, Q>(simd, b_h, LINE);
        let (place, chains, children) = (stage.levels[level].clone(), stage.stride > 0, stage.has_children(level));
        let (rows, above) = (stage.rows(level, BLOCK), stage.above(level, BLOCK));
        // The products of chains lie where those of their parents did.
        let (from, to) = if chains { (0, 0) } else { (above.start, rows.start) };
        let lines = rows.start * Q * LINE..rows.end * Q * LINE;
        let h = &mut stage.h[lines.clone()];
        let nodes = if chains { &stage.nodes } else { &self.walk.tree.nodes };
        let scale = if SCALED { &stage.scale[place.clone()] } else { &nodes.a[place.clone()] };
        let (a, b) = (nodes.a[place.clone()].as_chunks::<BLOCK>().0, nodes.b[place.clone()].as_chunks::<BLOCK>().0);
        let parents = if chains { &stage.same[..place.len()] } else { &self.walk.tree.parent[place] };
        let known = parents.as_chunks::<BLOCK>().0.iter().zip(a.iter().zip(b).zip(scale.as_chunks::<BLOCK>().0));
        let known = known.zip(h.chunks_exact_mut(Q * LINE));
        with_phi!(self.walk.net.activation, phi => for ((parents, ((a, b), scale)), h) in known {
            let z = &stage.z[(from + parents[0] as usize / BLOCK) * Q * LINE..][..Q * LINE];
            let (a, b) = (spread(simd, a), spread(simd, b));
            for q in 0..Q {
                let (x, z) = (a.mul_add(w_a[q], b.mul_add(w_b[q], b_h[q])), load::<S, f32>(simd, z, q * LINE));
                let z = if SCALED { spread(simd, scale).mul_add(z, x) } else { z + x };
                store::<S, f32>(phi::<S, f32>(simd, z), h, q * LINE);
            }
        });
        if let Some((noise, key)) = self.walk.noise {
            let clean = stage.clean[lines].chunks_exact_mut(Q * LINE);
            for (row, (h, clean)) in h.chunks_exact_mut(Q * LINE).zip(clean).enumerate() {
                noise.disturb_row((key, level, row), h, clean);
            }
        }
        if children {
            let w = planes_of::<S, Q>(simd, self.weights);
            for (h, z) in h.chunks_exact(Q * LINE).zip(stage.z[to * Q * LINE..].chunks_exact_mut(Q * LINE)) {
                let [out] = product::<S, Q, 1>(simd, &w, &[load_each(simd, h, LINE)]);
                for q in 0..Q {
                    store::<S, f32>(out[q], z, q * LINE);
                }
            }
        }
    }

    /// `dz_o` of all nodes, and what is wrong.
    #[inline(always)]
    fn outputs<S: Simd, const Q: usize>(&self, simd: S, stage: &mut Stage<f32>, db_o: &mut f32) -> Tally {
        let (mut sums, output) = (Sums::new(simd), self.walk.output());
        let w_ho = load_each::<S, f32, Q>(simd, &self.walk.units.w_ho, LINE);
        let (len, first) = (stage.len(), stage.parents() * Q * LINE);
        let nodes = if stage.stride > 0 { &stage.nodes } else { &self.walk.tree.nodes };
        let targets = nodes.target[..len].as_chunks::<LINE>().0.iter().zip(nodes.weight[..len].as_chunks::<LINE>().0);
        let results = stage.dz_o[..len].as_chunks_mut::<LINE>().0.iter_mut().zip(stage.wrong.as_chunks_mut::<LINE>().0);
        for (h, ((target, weight), (dz_o, wrong))) in
            stage.h[first..].chunks_exact(FOUR * Q * LINE).zip(targets.zip(results))
        {
            let mut rows = [[Line::<S>::splat(simd, 0.0); Q]; FOUR];
            for r in 0..FOUR {
                rows[r] = load_each(simd, &h[r * Q * LINE..], LINE);
            }
            let (target, weight) = (Line::<S>::from_slice(simd, target), Line::<S>::from_slice(simd, weight));
            let (dz, off) = output.line(simd, &mut sums, dots::<S, Q>(rows, w_ho), target, weight);
            dz.store_slice(dz_o);
            off.store_slice(wrong);
        }
        sums.tally(output.loss, db_o)
    }

    /// All levels back: S of each node with children and of the parents of the first level, and
    /// sums of the gradients of units. S of a trunk begins with what flows back from its chains,
    /// and with 0.
    #[inline(always)]
    pub(super) fn backward<S: Simd, const SCALED: bool, const Q: usize>(
        self,
        simd: S,
        stage: &mut Stage<f32>,
        units: &mut Units<f32>,
    ) {
        let zero = Line::<S>::splat(simd, 0.0);
        let mut sums = [[zero; Q]; 4];
        if stage.stride > 0 {
            let rows = stage.stride / BLOCK;
            for first in (0..rows).step_by(FOUR) {
                let mut dz = [[zero; Q]; FOUR];
                for step in (0..stage.levels.len()).rev() {
                    let (at, last) = (step * rows + first, step + 1 == stage.levels.len());
                    dz = self.rows_backward::<S, SCALED, Q>(simd, stage, at, (dz, !last), &mut sums);
                    for r in 0..FOUR {
                        for q in 0..Q {
                            dz[r][q].store_slice(&mut stage.s[((at + r) * Q + q) * LINE..][..LINE]);
                        }
                    }
                }
            }
        } else {
            for level in (0..stage.levels.len()).rev() {
                for at in (stage.levels[level].start / BLOCK..stage.levels[level].end / BLOCK).step_by(FOUR) {
                    let mut flow = [[zero; Q]; FOUR];
                    for r in 0..FOUR {
                        flow[r] = load_each(simd, &stage.s[(1 + at + r) * Q * LINE..], LINE);
                    }
                    let dz = self.rows_backward::<S, SCALED, Q>(simd, stage, at, (flow, true), &mut sums);
                    for r in 0..FOUR {
                        let parent = self.parent(stage, level, at + r);
                        for q in 0..Q {
                            add_to(simd, dz[r][q], &mut stage.s, (parent * Q + q) * LINE);
                        }
                    }
                }
            }
        }
        let [w_a, w_b, b_h, w_ho] = sums;
        for (sums, to) in [(w_a, &mut units.w_a), (w_b, &mut units.w_b), (b_h, &mut units.b_h), (w_ho, &mut units.w_ho)]
        {
            for q in 0..Q {
                add_to(simd, sums[q], to, q * LINE);
            }
        }
    }

    /// dz of four rows, from S if there is one.
    #[inline(always)]
    fn rows_backward<S: Simd, const SCALED: bool, const Q: usize>(
        &self,
        simd: S,
        stage: &Stage<f32>,
        at: usize,
        (flow, flows): (Planes<S, Q, FOUR>, bool),
        [dw_a, dw_b, db_h, dw_ho]: &mut [[Line<S>; Q]; 4],
    ) -> Planes<S, Q, FOUR> {
        let w_ho = load_each::<S, f32, Q>(simd, &self.walk.units.w_ho, LINE);
        let nodes = stage.known(self.walk.tree);
        let place = at * BLOCK..(at + FOUR) * BLOCK;
        let (a, b) = (nodes.a[place.clone()].as_chunks::<BLOCK>().0, nodes.b[place.clone()].as_chunks::<BLOCK>().0);
        let scale = if SCALED { stage.scale[place.clone()].as_chunks::<BLOCK>().0 } else { a };
        let dz_o = stage.dz_o[place].as_chunks::<BLOCK>().0;
        let lines = (stage.parents() + at) * Q * LINE..(stage.parents() + at + FOUR) * Q * LINE;
        let h = stage.h[lines.clone()].as_chunks::<LINE>().0;
        let y = if self.walk.noise.is_some() { stage.clean[lines].as_chunks::<LINE>().0 } else { h };
        let mut dz = if flows { product(simd, &planes_of(simd, self.weights), &flow) } else { flow };
        for r in 0..FOUR {
            let (a, b) = (spread(simd, &a[r]), spread(simd, &b[r]));
            let dz_o = spread(simd, &dz_o[r]);
            for q in 0..Q {
                let (h, y) = (Line::<S>::from_slice(simd, &h[r * Q + q]), Line::<S>::from_slice(simd, &y[r * Q + q]));
                let now = dz_o.mul_add(w_ho[q], dz[r][q]) * derivative::<S, f32>(simd, self.walk.net.activation, y);
                dw_ho[q] = dz_o.mul_add(h, dw_ho[q]);
                dw_a[q] = a.mul_add(now, dw_a[q]);
                dw_b[q] = b.mul_add(now, dw_b[q]);
                db_h[q] += now;
                dz[r][q] = now;
                if SCALED {
                    dz[r][q] = now * spread(simd, &scale[r]);
                }
            }
        }
        dz
    }
}
