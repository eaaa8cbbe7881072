//! A shard forward and back.
//!
//! ```text
//! trunk forward                            a level at a time
//! for each tile of chains:
//!     gather the products of their leaves
//!     all steps forward; outputs; all steps back
//!     scatter what flows back into the sums of their leaves
//!     dW_hh += Σ h ⊗ S
//! trunk back                               a level at a time
//! dW_hh += Σ h ⊗ S
//! ```

use super::cell::C;
use super::elman::Elman;
use super::lstm::Lstm;
use super::math::{Lane, Vector, scale};
use super::output::Output;
use super::rows::{Rows, Shape, lanes, load, store};
use super::stage::{Room, Stage};
use super::step::{Backward, Into, LevelOf, Units};
use super::{Method, Noise, What};
use crate::model::{Activation, Cell, Layout, Loss, LstmForm, Tally, Weights};
use crate::task::tree::{Number, Tree};
use crate::task::{BitTensor, Minibatch};
use fearless_simd::prelude::*;
use std::mem::swap;
use std::ops::Range;

/// What a kernel computes, apart from weights and samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Net {
    pub(crate) cell: Cell,
    pub(crate) lstm_form: LstmForm,
    pub(crate) activation: Activation,
    pub(crate) output: Activation,
    pub(crate) loss: Loss,
    /// Disturbs what is carried, in gradients alone.
    pub(crate) noise: Option<Noise>,
}

impl Net {
    /// φ of each gate.
    fn gates(&self) -> [Activation; 4] {
        match self.cell {
            Cell::Elman | Cell::Dynamic => [self.activation; 4],
            Cell::Lstm => [Activation::Sigmoid, Activation::Sigmoid, self.activation, Activation::Sigmoid],
        }
    }
}

/// The weights of one update.
#[derive(Debug, Clone)]
pub(crate) struct Packed<F, R> {
    pub(crate) rows: R,
    pub(crate) units: Units<F>,
}

impl<F: Lane, R: Rows<F>> Packed<F, R> {
    /// Room for the weights of a net.
    pub(crate) fn new(hidden: usize, cell: Cell, method: Method) -> (Self, Shape) {
        let shape = Shape::new::<F>(hidden, cell.gates(), R::lines(hidden));
        (Self { rows: R::new(shape, method), units: Units::default() }, shape)
    }

    /// Packs the weights of one update.
    pub(crate) fn pack<S: Simd>(&mut self, simd: S, shape: Shape, w: &Weights<'_, F>, net: &Net) {
        let scales = net.gates().map(scale::<F>);
        self.rows.pack(simd, w.w_hh, scales);
        let Shape { hidden, gates, wide, .. } = shape;
        let (units, all) = (&mut self.units, gates * wide);
        units.resize(shape);
        let (w_a, w_b) = w.w_ih.split_at(gates * hidden);
        for (to, from) in [(&mut units.w_a, w_a), (&mut units.w_b, w_b), (&mut units.b_h, w.b_h)] {
            for (to, from) in to.chunks_exact_mut(wide).zip(from.chunks_exact(hidden)) {
                R::lay(from, to);
            }
        }
        simd.vectorize(
            #[inline(always)]
            || {
                let Units { w_a, w_b, b_h, x, .. } = &mut *units;
                for at in (0..all).step_by(lanes::<F>()) {
                    let scale = Vector::<S, F>::splat(simd, scales[at / wide]);
                    let (a, b) = (load::<S, F>(simd, w_a, at) * scale, load::<S, F>(simd, w_b, at) * scale);
                    let none = load::<S, F>(simd, b_h, at) * scale;
                    let second = none + b;
                    for (line, to) in [(a, &mut *w_a), (b, &mut *w_b), (none, &mut *b_h)] {
                        store::<S, F>(line, to, at);
                    }
                    for (i, line) in [none, second, none + a, second + a].into_iter().enumerate() {
                        store::<S, F>(line, x, i * all + at);
                    }
                }
            },
        );
        R::lay(w.w_ho, &mut units.w_ho);
        units.b_o = w.b_o.first().copied().unwrap_or(F::zero());
    }
}

/// The buffers of one thread; made once, grown when a larger pass comes, never allocated in a step.
///
/// # Cost
/// With N nodes in a shard's trunk, of at most 1,024 samples or as many distinct ones, and C chains in a tile (64, or 256 from 192 hidden
/// units on), for training: `(N + C·T)·(1 + 2 G)·H` floats, for the LSTM `(N + C·T)·7 H` more, and as many as the parameters for the
/// sums of the weight gradients. For evaluations chains have 64 steps at a time. A small net's H is 4 or 8, any other's a multiple of
/// 16. The packed weights are twice as large as the parameters.
#[derive(Debug, Clone, Default)]
pub struct Workspace<F: Number> {
    trunk: Stage<F>,
    tile: Stage<F>,
    sums: Vec<F>,
    units: Units<F>,
}

/// The levels of a stage: those of the trunk, or the steps of a tile.
#[derive(Debug, Clone, Copy)]
struct Levels {
    steps: usize,
    /// Nodes of each step of a tile; 0 for the trunk.
    stride: usize,
    /// Whether the last level has children.
    more: bool,
    /// Key of the noise.
    key: u64,
}

impl Levels {
    fn at<F: Lane>(self, tree: &Tree<F>, i: usize) -> Range<usize> {
        if self.stride > 0 { i * self.stride..(i + 1) * self.stride } else { tree.levels[i].clone() }
    }

    fn parents<'a, F: Lane>(self, tree: &'a Tree<F>, same: &'a [u32], i: usize) -> &'a [u32] {
        if self.stride > 0 { &same[..self.stride] } else { &tree.parent[tree.levels[i].clone()] }
    }

    fn nodes<F: Lane>(self, tree: &Tree<F>) -> usize {
        self.at(tree, self.steps - 1).end
    }
}

/// Floats of a tile that stay in the second cache beside others.
const SECOND_CACHE: usize = 1 << 17;
/// Steps of a tile that an evaluation holds at once.
const WINDOW: usize = 64;
/// What buffers of nodes are rounded up to: whole lines.
const LINE: usize = 16;

/// One pass over a shard.
#[derive(Debug)]
pub(crate) struct Pass<'a, F, R> {
    pub(crate) net: Net,
    pub(crate) shape: Shape,
    pub(crate) packed: &'a Packed<F, R>,
    pub(crate) batch: &'a Minibatch,
    pub(crate) tree: &'a Tree<F>,
    /// The number of the shard.
    pub(crate) shard: usize,
}

/// Calls a method with the cell of a net, and with whether products are scaled.
macro_rules! with_cell {
    ($net:expr, $weights:ident.$f:ident($simd:ident; $($argument:expr),*)) => {
        match $net.cell {
            Cell::Elman => $weights.$f::<S, _, false>($simd, Elman($net.activation), $($argument),*),
            Cell::Dynamic => $weights.$f::<S, _, true>($simd, Elman($net.activation), $($argument),*),
            Cell::Lstm => $weights.$f::<S, _, false>($simd, Lstm($net.lstm_form, $net.activation), $($argument),*),
        }
    };
}

impl<F: Lane, R: Rows<F>> Pass<'_, F, R> {
    /// Does what is to be done.
    pub(crate) fn run<S: Simd>(&self, simd: S, ws: &mut Workspace<F>, layout: &Layout, what: What<'_, F>) -> Tally {
        match what {
            What::Gradient(grad) => self.gradient(simd, ws, layout, grad),
            What::Evaluate(predicted) => self.evaluate(simd, ws, predicted),
        }
    }

    /// Adds the gradient of the summed loss to `grad`, a flat buffer of `layout`.
    fn gradient<S: Simd>(&self, simd: S, ws: &mut Workspace<F>, layout: &Layout, grad: &mut [F]) -> Tally {
        let Workspace { trunk, tile, sums, units } = ws;
        let parts = layout.weights_mut(grad);
        let direct = R::direct(self.shape);
        sums.clear();
        sums.resize(if direct { 0 } else { R::sums(self.shape) }, F::zero());
        let (dw_hh, sums) = if direct { (&mut [][..], parts.w_hh) } else { (parts.w_hh, &mut sums[..]) };
        units.reset(self.shape);
        let (depth, bits) = (self.tree.depth(), self.batch.bits());
        let mut tally = self.trunk(simd, trunk, true, units);
        for chains in self.tiles() {
            let levels = self.begin_tile(simd, &chains, depth..bits, trunk, tile, true);
            self.forward(simd, levels, tile, true);
            tally += self.output(simd, levels, tile, units);
            self.mark_chains(levels, tile);
            tally.wrong_samples += wrong_samples(tile, levels.stride);
            self.backward(simd, levels, tile, (units, sums));
            if depth > 0 {
                self.end_tile(simd, &chains, trunk, tile);
            }
        }
        if depth > 0 {
            let levels = self.trunk_levels();
            self.backward(simd, levels, trunk, (units, sums));
        }
        R::add_weights(self.shape, sums, dw_hh);
        self.add_units(units, [parts.w_ih, parts.b_h, parts.w_ho, parts.b_o]);
        tally
    }

    /// Counts wrong bits and samples; `predicted` takes the answers of a tree without a trunk.
    fn evaluate<S: Simd>(&self, simd: S, ws: &mut Workspace<F>, mut predicted: Option<&mut BitTensor>) -> Tally {
        let Workspace { trunk, tile, units, .. } = ws;
        units.reset(self.shape);
        let (depth, bits) = (self.tree.depth(), self.batch.bits());
        let mut tally = self.trunk(simd, trunk, false, units);
        for chains in self.tiles() {
            for start in (depth..bits).step_by(WINDOW) {
                let steps = start..(start + WINDOW).min(bits);
                let levels = self.begin_tile(simd, &chains, steps.clone(), trunk, tile, false);
                self.forward(simd, levels, tile, false);
                tally += self.output(simd, levels, tile, units);
                self.mark_chains(levels, tile);
                if let Some(predicted) = predicted.as_deref_mut() {
                    answer(tile, levels.stride, self.tree.samples().start + chains.start, steps, predicted);
                }
            }
            tally.wrong_samples += wrong_samples(tile, chains.len().next_multiple_of(R::NODES));
        }
        Tally { loss: 0.0, ..tally }
    }

    /// The chains that go through together, a multiple of 64 but for the last: many where their states stay in the second cache, or where
    /// the weights do not.
    fn tiles(&self) -> impl Iterator<Item = Range<usize>> + use<F, R> {
        let (chains, steps) = (self.tree.chains(), self.batch.bits() - self.tree.depth());
        let many = steps * self.shape.ldz * 256 <= SECOND_CACHE || self.shape.hidden >= 192;
        let tile = if many { 256 } else { 64 };
        (0..chains).step_by(tile).map(move |start| start..(start + tile).min(chains))
    }

    fn trunk_levels(&self) -> Levels {
        Levels { steps: self.tree.depth(), stride: 0, more: true, key: 0 }
    }

    /// The sizes of rows, and the weights of units.
    fn packed_as(&self) -> (Shape, &Units<F>) {
        (self.shape, &self.packed.units)
    }

    fn kept(&self) -> usize {
        if self.net.cell == Cell::Lstm { 6 } else { 0 }
    }

    /// The trunk forward, and its outputs. Its wrong nodes are marked, and so are those below them.
    fn trunk<S: Simd>(&self, simd: S, stage: &mut Stage<F>, training: bool, units: &mut Units<F>) -> Tally {
        let (levels, tree) = (self.trunk_levels(), self.tree);
        let most = tree.levels.iter().map(Range::len).max().unwrap_or(0).max(R::NODES) / R::NODES;
        let nodes = tree.levels.last().map_or(0, |level| level.end);
        let room = Room { rows: nodes / R::NODES, most, nodes, parents: 1, training, noise: self.noise(training) };
        stage.reserve(self.shape, room, self.kept());
        // The root's h and c are 0.
        stage.parents_z[..self.shape.ldz].fill(F::zero());
        stage.z[..self.shape.ldz].fill(F::zero());
        stage.parents_c.fill(F::zero());
        stage.any_wrong = false;
        if levels.steps == 0 {
            return Tally::default();
        }
        if training {
            // What flows back comes from children and chains: none for nodes that no sample has, and those of the last level take sums.
            for level in [tree.complete(), levels.steps].into_iter().filter_map(|level| level.checked_sub(1)) {
                let rows = levels.at(tree, level);
                let (start, end) = (rows.start / R::NODES, rows.end / R::NODES);
                stage.s[start * self.shape.ldz..end * self.shape.ldz].fill(F::zero());
                if self.kept() > 0 {
                    stage.flow[start * self.shape.wide..end * self.shape.wide].fill(F::zero());
                }
            }
        }
        self.scales(levels, stage);
        self.forward(simd, levels, stage, training);
        let tally = self.output(simd, levels, stage, units);
        stage.any_wrong = tally.wrong_bits > 0;
        if stage.any_wrong {
            for level in tree.levels.windows(2) {
                let (above, below) = stage.wrong.split_at_mut(level[1].start);
                let (above, parents) = (&above[level[0].clone()], &tree.parent[level[1].clone()]);
                for (wrong, &parent) in below.iter_mut().zip(parents) {
                    *wrong = larger(*wrong, above[parent as usize]);
                }
            }
        }
        tally
    }

    fn noise(&self, training: bool) -> bool {
        training && self.net.noise.is_some()
    }

    /// Makes a tile ready for some steps: what is known of its nodes, and what their parents were. Those of the first steps are leaves of
    /// the trunk, those of later ones the last nodes of the tile.
    fn begin_tile<S: Simd>(
        &self,
        simd: S,
        chains: &Range<usize>,
        steps: Range<usize>,
        trunk: &Stage<F>,
        tile: &mut Stage<F>,
        training: bool,
    ) -> Levels {
        let (tree, shape) = (self.tree, self.shape);
        let stride = chains.len().next_multiple_of(R::NODES);
        let (first, more) = (steps.start == tree.depth(), steps.end < self.batch.bits());
        let levels = Levels { steps: steps.len(), stride, more, key: 1 << 32 | (chains.start as u64) << 16 };
        let before = tile.last.clone();
        let rows = stride / R::NODES;
        let nodes = steps.len() * stride;
        let room =
            Room { rows: nodes / R::NODES, most: rows, nodes, parents: rows, training, noise: self.noise(training) };
        simd.vectorize(
            #[inline(always)]
            || {
                if first {
                    tile.reserve(shape, room, self.kept());
                    let leaves = &tree.leaf[chains.clone()];
                    R::gather(
                        simd,
                        shape,
                        leaves,
                        shape.gates,
                        (&trunk.z, shape.ldz),
                        (&mut tile.parents_z, shape.ldz),
                    );
                    let last = tree.levels.last().cloned().unwrap_or(0..0);
                    if self.kept() > 0 {
                        let (c, ld) = c_of(trunk, shape, last.start / R::NODES, tree.depth() == 0);
                        R::gather(simd, shape, leaves, 1, (c, ld), (&mut tile.parents_c, shape.wide));
                    }
                    tile.bad.clear();
                    tile.bad.resize(stride, F::zero());
                    if trunk.any_wrong {
                        let wrong = &trunk.wrong[last.clone()];
                        tile.bad.iter_mut().zip(leaves).for_each(|(bad, &leaf)| *bad = wrong[leaf as usize]);
                    }
                    if self.net.cell == Cell::Dynamic && !last.is_empty() {
                        let [a, b] = [&tree.nodes.a, &tree.nodes.b].map(|x| &x[last.clone()]);
                        tile.parents_ab.clear();
                        tile.parents_ab.extend(leaves.iter().map(|&leaf| (a[leaf as usize], b[leaf as usize])));
                    } else {
                        tile.parents_ab.clear();
                    }
                } else {
                    swap(&mut tile.z, &mut tile.parents_z);
                    if self.kept() > 0 {
                        let (c, ld) = c_of(&*tile, shape, before.start / R::NODES, false);
                        let (c, to) = (c.to_vec(), &mut tile.parents_c);
                        for row in 0..rows {
                            to[row * shape.wide..][..shape.wide].copy_from_slice(&c[row * ld..][..shape.wide]);
                        }
                    }
                    let Stage { nodes, parents_ab, .. } = &mut *tile;
                    parents_ab.clear();
                    parents_ab.extend(before.clone().map(|node| (nodes.a[node], nodes.b[node])));
                }
                tree.fill(self.batch, chains.clone(), steps.clone(), stride, &mut tile.nodes);
            },
        );
        while tile.same.len() < stride {
            tile.same.push(u32::try_from(tile.same.len()).expect("a tile is small"));
        }
        tile.last = levels.at(tree, levels.steps - 1);
        self.scales(levels, tile);
        levels
    }

    /// Adds what flows back into a tile's leaves to their sums.
    fn end_tile<S: Simd>(&self, simd: S, chains: &Range<usize>, trunk: &mut Stage<F>, tile: &Stage<F>) {
        let (shape, last) = (self.shape, self.tree.levels.last().expect("a trunk"));
        let (leaves, row) = (&self.tree.leaf[chains.clone()], last.start / R::NODES);
        simd.vectorize(
            #[inline(always)]
            || {
                let s = (&mut trunk.s[row * shape.ldz..], shape.ldz);
                R::scatter_add(simd, shape, leaves, shape.gates, (&tile.parents_z, shape.ldz), s);
                if self.kept() > 0 {
                    let flow = (&mut trunk.flow[row * shape.wide..], shape.wide);
                    R::scatter_add(simd, shape, leaves, 1, (&tile.parents_flow, shape.wide), flow);
                }
            },
        );
    }

    /// `s_t = exp ‖x_t − x_{t−1}‖` of the dynamic cell: 1, e or e^√2, for none, one or both bits changed.
    fn scales(&self, levels: Levels, stage: &mut Stage<F>) {
        stage.scale.clear();
        if self.net.cell != Cell::Dynamic {
            return;
        }
        let [none, one, both] = [1.0, 1_f64.exp(), 2_f64.sqrt().exp()].map(F::of);
        let nodes = if levels.stride > 0 { &stage.nodes } else { &self.tree.nodes };
        for i in 0..levels.steps {
            let at = levels.at(self.tree, i);
            let parents = levels.parents(self.tree, &stage.same, i);
            let before = if i > 0 { levels.at(self.tree, i - 1) } else { 0..0 };
            for (node, &parent) in at.zip(parents) {
                let parent = parent as usize;
                let (a, b) = match (i, stage.parents_ab.get(parent)) {
                    (0, Some(&before)) if levels.stride > 0 => before,
                    // Nothing is carried into the first step.
                    (0, _) => (nodes.a[node], nodes.b[node]),
                    _ => (nodes.a[before.start + parent], nodes.b[before.start + parent]),
                };
                let changed = usize::from(nodes.a[node] != a) + usize::from(nodes.b[node] != b);
                stage.scale.push([none, one, both][changed]);
            }
        }
    }

    /// All levels forward.
    fn forward<S: Simd>(&self, simd: S, levels: Levels, stage: &mut Stage<F>, training: bool) {
        let (shape, kept_row) = (self.shape, self.kept() * self.shape.wide);
        for i in 0..levels.steps {
            let at = levels.at(self.tree, i);
            let rows = at.start / R::NODES..at.end / R::NODES;
            let Stage { nodes, h, kept, z, next_z, parents_z, parents_c, scale, same, .. } = &mut *stage;
            let nodes = if levels.stride > 0 { &*nodes } else { &self.tree.nodes };
            let (above, kept) = kept.split_at_mut(rows.start * kept_row);
            let mut level = LevelOf::new(self.packed_as(), nodes, at, levels.parents(self.tree, same, i), scale);
            level.before = match i.checked_sub(1) {
                None => (parents_c, shape.wide, 0),
                Some(i) => (&above[levels.at(self.tree, i).start / R::NODES * kept_row..], kept_row, C * shape.wide),
            };
            let products: &[F] = if i == 0 { parents_z } else { z };
            let now = &mut h[rows.start * shape.ld..][..rows.len() * shape.ld];
            let weights = &self.packed.rows;
            let children = levels.more || i + 1 < levels.steps;
            let noise = self.net.noise.filter(|_| training);
            let out = if children && noise.is_none() { Some(&mut next_z[..]) } else { None };
            with_cell!(self.net, weights.level_forward(simd; &level, products, (now, kept), out));
            if let Some(noise) = noise {
                let key = levels.key | (self.shard as u64) << 48;
                noise.disturb_level(simd, (key, i), shape, &rows, stage, self.kept());
                if children {
                    weights.forward(simd, rows.len(), &stage.h[rows.start * shape.ld..], &mut stage.next_z);
                }
            }
            if children {
                swap(&mut stage.z, &mut stage.next_z);
            }
        }
    }

    /// Outputs of all nodes.
    fn output<S: Simd>(&self, simd: S, levels: Levels, stage: &mut Stage<F>, sums: &mut Units<F>) -> Tally {
        let nodes = if levels.stride > 0 { &stage.nodes } else { &self.tree.nodes };
        let count = levels.nodes(self.tree);
        let units = &self.packed.units;
        let dz_o = &mut stage.dz_o[..count.next_multiple_of(LINE)];
        R::dots(simd, self.shape, count / R::NODES, &stage.h, &units.w_ho, dz_o);
        let output = Output { activation: self.net.output, loss: self.net.loss, bias: units.b_o };
        output.run(simd, nodes, dz_o, &mut stage.wrong, &mut sums.b_o)
    }

    /// All levels back: S of each node, what flows into the parents of the first level, and the sums of weight gradients.
    fn backward<S: Simd>(&self, simd: S, levels: Levels, stage: &mut Stage<F>, sums: (&mut Units<F>, &mut [F])) {
        let (shape, kept_row) = (self.shape, self.kept() * self.shape.wide);
        let clean = self.net.noise.is_some() && self.net.cell != Cell::Lstm;
        for i in (0..levels.steps).rev() {
            let at = levels.at(self.tree, i);
            let rows = at.start / R::NODES..at.end / R::NODES;
            let Stage {
                nodes,
                h,
                clean: kept_clean,
                kept,
                z,
                s,
                flow,
                dz_o,
                parents_z,
                parents_c,
                parents_flow,
                scale,
                same,
                ..
            } = &mut *stage;
            let (s_above, s) = s.split_at_mut(rows.start * shape.ldz);
            let nodes = if levels.stride > 0 { &*nodes } else { &self.tree.nodes };
            let children = levels.more || i + 1 < levels.steps;
            let mut level =
                LevelOf::new(self.packed_as(), nodes, at.clone(), levels.parents(self.tree, same, i), scale);
            let above = i.checked_sub(1).map(|i| levels.at(self.tree, i).start / R::NODES);
            level.before = match above {
                None => (parents_c, shape.wide, 0),
                Some(row) => (&kept[row * kept_row..], kept_row, C * shape.wide),
            };
            let (flow_above, flow) = flow.split_at_mut(if self.kept() > 0 { rows.start * shape.wide } else { 0 });
            let (s_into, flow_into): (&mut [F], &mut [F]) = match above {
                None => (parents_z, parents_flow),
                Some(row) => (
                    &mut s_above[row * shape.ldz..],
                    if self.kept() > 0 { &mut flow_above[row * shape.wide..] } else { flow_above },
                ),
            };
            let h = &h[rows.start * shape.ld..];
            let back = Backward {
                dz_o: &dz_o[at],
                s: if children { s } else { &[] },
                flow: if children { flow } else { &[] },
                h,
                y: if clean { &kept_clean[rows.start * shape.ld..] } else { h },
                kept: &kept[rows.start * kept_row..],
            };
            let to = Into { s: s_into, flow: flow_into, units: sums.0, weights: sums.1 };
            let weights = &self.packed.rows;
            with_cell!(self.net, weights.level_backward(simd; &level, back, z, to));
        }
        if !R::FUSED {
            let rows = (levels.nodes(self.tree) - if levels.more { 0 } else { levels.stride }) / R::NODES;
            self.packed.rows.outer(simd, rows, &stage.h, &stage.s, sums.1);
        }
    }

    /// Marks the chains that were wrong at a step.
    fn mark_chains(&self, levels: Levels, tile: &mut Stage<F>) {
        for wrong in tile.wrong.chunks_exact(levels.stride).take(levels.steps) {
            tile.bad.iter_mut().zip(wrong).for_each(|(bad, &wrong)| *bad = larger(*bad, wrong));
        }
    }

    /// Adds the sums of units to the gradients of `w_ih`, `b_h`, `w_ho` and `b_o`.
    fn add_units(&self, units: &Units<F>, [w_ih, b_h, w_ho, b_o]: [&mut [F]; 4]) {
        let Shape { hidden, gates, wide, .. } = self.shape;
        let add = |sums: &[F], grad: &mut [F]| {
            grad.chunks_exact_mut(hidden).zip(sums.chunks(wide)).for_each(|(grad, sums)| R::fold(sums, grad));
        };
        let (of_a, of_b) = w_ih.split_at_mut(gates * hidden);
        add(&units.w_a, of_a);
        add(&units.w_b, of_b);
        add(&units.b_h, b_h);
        add(&units.w_ho, w_ho);
        b_o.iter_mut().for_each(|b_o| *b_o += units.b_o);
    }
}

/// c of a stage's rows from `row` on, and floats from one to the next; zeros for the root.
fn c_of<F: Lane>(stage: &Stage<F>, shape: Shape, row: usize, root: bool) -> (&[F], usize) {
    let kept_row = 6 * shape.wide;
    if root { (&stage.parents_c, shape.wide) } else { (&stage.kept[row * kept_row + C * shape.wide..], kept_row) }
}

#[inline(always)]
fn larger<F: Lane>(a: F, b: F) -> F {
    if b > a { b } else { a }
}

/// Samples of the chains that are marked.
fn wrong_samples<F: Lane>(tile: &Stage<F>, stride: usize) -> u64 {
    let wrong = tile.bad.iter().zip(&tile.nodes.weight[..stride]).map(|(bad, weight)| (*bad * *weight).widen());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let wrong = wrong.sum::<f64>() as u64;
    wrong
}

/// Writes the answers of a tile at some steps.
fn answer<F: Lane>(tile: &Stage<F>, stride: usize, first: usize, steps: Range<usize>, predicted: &mut BitTensor) {
    let samples = predicted.samples();
    for (i, step) in steps.enumerate() {
        let (wrong, target) = (&tile.wrong[i * stride..][..stride], &tile.nodes.target[i * stride..][..stride]);
        for (sample, (wrong, target)) in (first..samples).zip(wrong.iter().zip(target)) {
            predicted.set(sample, step, wrong != target);
        }
    }
}
