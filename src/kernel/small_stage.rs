//! A stage of a small net forward and back: rows of four nodes, their states in registers from one
//! step to the next.
//!
//! Four rows are 16 nodes, whose outputs are one line. In the trunk they are the children of one
//! row of parents; below it eight rows, 32 chains, go through all their steps before the next ones
//! do:
//!
//! ```text
//! forward:  z = h W_hh of the parents;  for each step: h = φ(z + x W_ih + b_h);  z = h W_hh;  outputs
//! back:     for each step: dh = S W_hhᵀ + dz_o w_ho;  dz = dh φ′;  S of the parents
//! ```

use super::math::{derivative, relu, sigmoid, tanh};
use super::output::Sums;
use super::rows::load_each;
use super::small::{BLOCK, LINE, Line, Shuffles, add_to, dots, planes_of, spread};
use super::stage::{Stage, Walk};
use super::step::Units;
use crate::model::{Activation, Tally};
use crate::task::zip;
use fearless_simd::prelude::*;

/// Rows whose outputs are a line.
const FOUR: usize = 4;
/// Rows of chains that go through together.
const EIGHT: usize = 8;

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

/// Stores φ of each line. The choice stands outside of the loops, so that the lines' functions
/// overlap.
#[inline(always)]
fn apply_each<S: Simd, const Q: usize, const R: usize>(
    simd: S,
    activation: Activation,
    z: &Planes<S, Q, R>,
    h: &mut [[f32; LINE]],
) {
    macro_rules! each {
        ($f:ident) => {
            for r in 0..R {
                for q in 0..Q {
                    $f::<S, f32>(simd, z[r][q]).store_slice(&mut h[r * Q + q]);
                }
            }
        };
    }
    match activation {
        Activation::Sigmoid => each!(sigmoid),
        Activation::Tanh => each!(tanh),
        Activation::Relu => each!(relu),
    }
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
        if stage.stride > 0 {
            let rows = stage.stride / BLOCK;
            let mut first = 0;
            // Eight rows of two planes would not stay in registers.
            while Q == 1 && rows - first >= EIGHT {
                self.chains_forward::<S, SCALED, Q, EIGHT>(simd, stage, (first, rows));
                first += EIGHT;
            }
            while first < rows {
                self.chains_forward::<S, SCALED, Q, FOUR>(simd, stage, (first, rows));
                first += FOUR;
            }
        } else {
            for level in 0..stage.levels.len() {
                let rows = stage.levels[level].start / BLOCK..stage.levels[level].end / BLOCK;
                for at in rows.clone().step_by(FOUR) {
                    let mut z = [[Line::<S>::splat(simd, 0.0); Q]; FOUR];
                    for r in 0..FOUR {
                        z[r] = load_each(simd, &stage.z[self.parent(stage, level, at + r) * Q * LINE..], LINE);
                    }
                    self.rows_forward::<S, SCALED, Q, FOUR>(simd, stage, (at, level, at - rows.start), &mut z);
                    for r in 0..FOUR {
                        for q in 0..Q {
                            z[r][q].store_slice(&mut stage.z[((1 + at + r) * Q + q) * LINE..][..LINE]);
                        }
                    }
                }
            }
        }
        let tally = self.outputs::<S, Q>(simd, stage, db_o);
        Tally { wrong_samples: stage.mark_chains(simd), ..tally }
    }

    /// The row of a row's parents in a trunk, whose rows begin with that of the root.
    #[inline(always)]
    fn parent(&self, stage: &Stage<f32>, level: usize, row: usize) -> usize {
        let above = if level == 0 { 0 } else { 1 + stage.levels[level - 1].start / BLOCK };
        above + self.walk.tree.parent[row * BLOCK] as usize / BLOCK
    }

    /// R rows of chains forward.
    #[inline(always)]
    fn chains_forward<S: Simd, const SCALED: bool, const Q: usize, const R: usize>(
        &self,
        simd: S,
        stage: &mut Stage<f32>,
        (first, rows): (usize, usize),
    ) {
        let zero = Line::<S>::splat(simd, 0.0);
        let mut z = [[zero; Q]; R];
        for r in 0..R {
            z[r] = load_each(simd, &stage.z[(first + r) * Q * LINE..], LINE);
        }
        for step in 0..stage.levels.len() {
            self.rows_forward::<S, SCALED, Q, R>(simd, stage, (step * rows + first, step, first), &mut z);
        }
        for r in 0..R {
            for q in 0..Q {
                z[r][q].store_slice(&mut stage.z[((first + r) * Q + q) * LINE..][..LINE]);
            }
        }
    }

    /// R rows of one level forward, `at` in the stage and `row` in the level: z of their parents
    /// becomes their own.
    #[inline(always)]
    fn rows_forward<S: Simd, const SCALED: bool, const Q: usize, const R: usize>(
        &self,
        simd: S,
        stage: &mut Stage<f32>,
        (at, step, row): (usize, usize, usize),
        z: &mut Planes<S, Q, R>,
    ) {
        let Units { w_a, w_b, b_h, .. } = self.walk.units;
        let (w_a, w_b) = (load_each::<S, f32, Q>(simd, w_a, LINE), load_each::<S, f32, Q>(simd, w_b, LINE));
        let b_h = load_each::<S, f32, Q>(simd, b_h, LINE);
        let first = stage.parents();
        let nodes = if stage.stride > 0 { &stage.nodes } else { &self.walk.tree.nodes };
        let place = at * BLOCK..(at + R) * BLOCK;
        let (a, b) = (nodes.a[place.clone()].as_chunks::<BLOCK>().0, nodes.b[place.clone()].as_chunks::<BLOCK>().0);
        let scale = if SCALED { stage.scale[place].as_chunks::<BLOCK>().0 } else { a };
        let children = stage.has_children(step);
        let h = &mut stage.h[(first + at) * Q * LINE..][..R * Q * LINE];
        let mut state = *z;
        for r in 0..R {
            let (a, b) = (spread(simd, &a[r]), spread(simd, &b[r]));
            for q in 0..Q {
                let x = a.mul_add(w_a[q], b.mul_add(w_b[q], b_h[q]));
                state[r][q] = if SCALED { spread(simd, &scale[r]).mul_add(z[r][q], x) } else { z[r][q] + x };
            }
        }
        apply_each(simd, self.walk.net.activation, &state, h.as_chunks_mut::<LINE>().0);
        if let Some((noise, key)) = self.walk.noise {
            let clean = &mut stage.clean[(first + at) * Q * LINE..][..R * Q * LINE];
            for r in 0..R {
                let line = r * Q * LINE..(r + 1) * Q * LINE;
                noise.disturb_row((key, step, row + r), &mut h[line.clone()], &mut clean[line]);
            }
        }
        if children {
            for r in 0..R {
                state[r] = load_each(simd, &h[r * Q * LINE..], LINE);
            }
            *z = product(simd, &planes_of(simd, self.weights), &state);
        }
    }

    /// `dz_o` of all nodes, and what is wrong.
    #[inline(always)]
    fn outputs<S: Simd, const Q: usize>(&self, simd: S, stage: &mut Stage<f32>, db_o: &mut f32) -> Tally {
        let (mut sums, output) = (Sums::new(simd), self.walk.output());
        let w_ho = load_each::<S, f32, Q>(simd, &self.walk.units.w_ho, LINE);
        let (len, first) = (stage.len(), stage.parents() * Q * LINE);
        let nodes = if stage.stride > 0 { &stage.nodes } else { &self.walk.tree.nodes };
        let (target, weight) = (nodes.target[..len].as_chunks::<LINE>().0, nodes.weight[..len].as_chunks::<LINE>().0);
        let (dz_o, wrong) = (&mut stage.dz_o[..len], &mut stage.wrong[..len]);
        let (dz_o, wrong) = (dz_o.as_chunks_mut::<LINE>().0, wrong.as_chunks_mut::<LINE>().0);
        for (i, h) in zip(0..target.len(), stage.h[first..].chunks_exact(FOUR * Q * LINE)) {
            let mut rows = [[Line::<S>::splat(simd, 0.0); Q]; FOUR];
            for r in 0..FOUR {
                rows[r] = load_each(simd, &h[r * Q * LINE..], LINE);
            }
            let (target, weight) = (Line::<S>::from_slice(simd, &target[i]), Line::<S>::from_slice(simd, &weight[i]));
            let (dz, off) = output.line(simd, &mut sums, dots::<S, Q>(rows, w_ho), target, weight);
            dz.store_slice(&mut dz_o[i]);
            off.store_slice(&mut wrong[i]);
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
                    dz = self.rows_backward::<S, SCALED, Q, FOUR>(simd, stage, at, (dz, !last), &mut sums);
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
                    let dz = self.rows_backward::<S, SCALED, Q, FOUR>(simd, stage, at, (flow, true), &mut sums);
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

    /// dz of R rows, from S if there is one.
    #[inline(always)]
    fn rows_backward<S: Simd, const SCALED: bool, const Q: usize, const R: usize>(
        &self,
        simd: S,
        stage: &Stage<f32>,
        at: usize,
        (flow, flows): (Planes<S, Q, R>, bool),
        [dw_a, dw_b, db_h, dw_ho]: &mut [[Line<S>; Q]; 4],
    ) -> Planes<S, Q, R> {
        let w_ho = load_each::<S, f32, Q>(simd, &self.walk.units.w_ho, LINE);
        let nodes = stage.known(self.walk.tree);
        let place = at * BLOCK..(at + R) * BLOCK;
        let (a, b) = (nodes.a[place.clone()].as_chunks::<BLOCK>().0, nodes.b[place.clone()].as_chunks::<BLOCK>().0);
        let scale = if SCALED { stage.scale[place.clone()].as_chunks::<BLOCK>().0 } else { a };
        let dz_o = stage.dz_o[place].as_chunks::<BLOCK>().0;
        let lines = (stage.parents() + at) * Q * LINE..(stage.parents() + at + R) * Q * LINE;
        let h = stage.h[lines.clone()].as_chunks::<LINE>().0;
        let y = if self.walk.noise.is_some() { stage.clean[lines].as_chunks::<LINE>().0 } else { h };
        let mut dz = if flows { product(simd, &planes_of(simd, self.weights), &flow) } else { flow };
        for r in 0..R {
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
