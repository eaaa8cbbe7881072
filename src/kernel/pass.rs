//! A shard forward and back.
//!
//! ```text
//! trunk forward                            a level at a time
//! for each tile of chains:
//!     gather the products of their leaves
//!     all steps forward; outputs; all steps back, and of a few at a time dW_hh += Σ h ⊗ S
//!     scatter what flows back into the sums of their leaves
//! trunk back                               a level at a time
//! dW_hh += Σ h ⊗ S
//! ```

use super::cell::{C, Net};
use super::math::{Lane, Vector, scale};
use super::rows::{Rows, Shape, lanes, load, store};
use super::stage::{LINE, Room, Stage, Walk};
use super::step::Units;
use super::{Products, What, levels};
use crate::model::{Cell, Layout, Tally, Weights};
use crate::task::tree::{Number, Tree};
use crate::task::{BitTensor, Minibatch};
use fearless_simd::prelude::*;
use std::mem::take;
use std::ops::Range;

/// The weights of one update.
#[derive(Debug, Clone)]
pub(crate) struct Packed<F, R> {
    pub(crate) rows: R,
    pub(crate) units: Units<F>,
}

impl<F: Lane, R: Rows<F>> Packed<F, R> {
    /// Room for the weights of a net.
    pub(crate) fn new(hidden: usize, cell: Cell, method: Products) -> (Self, Shape) {
        let shape = R::shape(hidden, cell.gates());
        (Self { rows: R::new(shape, method), units: Units::default() }, shape)
    }

    /// Packs the weights of one update.
    pub(crate) fn pack<S: Simd>(&mut self, simd: S, shape: Shape, w: &Weights<&[F]>, net: &Net) {
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
                for weights in [&mut units.w_a, &mut units.w_b, &mut units.b_h] {
                    for at in (0..all).step_by(lanes::<F>()) {
                        let scale = Vector::<S, F>::splat(simd, scales[at / wide]);
                        store::<S, F>(load::<S, F>(simd, weights, at) * scale, weights, at);
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
/// With N nodes in a shard's trunk, of at most 1,024 samples or as many distinct ones, L of them in
/// its largest level, and C chains in a tile (32, 64 or 256, by their states), for training:
/// `(N + C·(T + 1))·H` floats for states, for the LSTM eight times as many; `(N + 2 L + 4 C)·G·H`
/// for S and products, where 4 C is at least 128 + 2 C; and as many as the parameters for the sums
/// of the weight gradients. For evaluations chains have 64 steps at a time. A small net's H is 4 or
/// 8, any other's a multiple of 16. The packed weights are twice as large as the parameters.
#[derive(Debug, Clone, Default)]
pub struct Workspace<F: Number> {
    trunk: Stage<F>,
    tile: Stage<F>,
    sums: Vec<F>,
    units: Units<F>,
}

/// Steps of a tile that an evaluation holds at once.
const WINDOW: usize = 64;

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
        let Shape { hidden, gates, wide, .. } = self.shape;
        // Whether the sums of the weight gradient lie as `dw_hh [H, G·H]` does.
        let direct = hidden == wide;
        sums.clear();
        sums.resize(if direct { 0 } else { hidden.next_multiple_of(R::NODES) * gates * wide }, F::zero());
        let (dw_hh, sums) = if direct { (&mut [][..], parts.w_hh) } else { (parts.w_hh, &mut sums[..]) };
        units.reset(self.shape);
        let (depth, bits) = (self.tree.depth(), self.batch.bits());
        let mut tally = self.trunk(simd, trunk, true, units);
        for chains in self.tiles(bits - depth) {
            self.begin_tile(simd, &chains, depth..bits, trunk, tile, true);
            tally += self.forward(simd, tile, true, units);
            self.backward(simd, tile, (units, sums));
            if depth > 0 {
                self.end_tile(simd, &chains, trunk, tile);
            }
        }
        if depth > 0 {
            self.backward(simd, trunk, (units, sums));
        }
        for (grad, sums) in dw_hh.chunks_exact_mut(gates * hidden).zip(sums.chunks(gates * wide)) {
            fold::<F, R>(self.shape, sums, grad);
        }
        self.add_units(units, [parts.w_ih, parts.b_h, parts.w_ho, parts.b_o]);
        tally
    }

    /// Counts wrong bits and samples; `predicted` takes the answers of a tree without a trunk.
    fn evaluate<S: Simd>(&self, simd: S, ws: &mut Workspace<F>, mut predicted: Option<&mut BitTensor>) -> Tally {
        let Workspace { trunk, tile, units, .. } = ws;
        units.reset(self.shape);
        let (depth, bits) = (self.tree.depth(), self.batch.bits());
        let mut tally = self.trunk(simd, trunk, false, units);
        for chains in self.tiles(WINDOW.min(bits - depth)) {
            for start in (depth..bits).step_by(WINDOW) {
                let steps = start..(start + WINDOW).min(bits);
                self.begin_tile(simd, &chains, steps.clone(), trunk, tile, false);
                tally += self.forward(simd, tile, false, units);
                if let Some(predicted) = predicted.as_deref_mut() {
                    tile.answer(self.tree.samples().start + chains.start, steps, predicted);
                }
            }
        }
        Tally { loss: 0.0, ..tally }
    }

    /// The chains that go through so many steps together, a multiple of 32 but for the last.
    fn tiles(&self, steps: usize) -> impl Iterator<Item = Range<usize>> + use<F, R> {
        let (chains, Shape { hidden, ld, wide, .. }) = (self.tree.chains(), self.shape);
        let tile = tile_of(steps as f64 * (ld + self.net.kept() * wide) as f64 / R::NODES as f64, hidden);
        (0..chains).step_by(tile).map(move |start| start..(start + tile).min(chains))
    }

    /// The trunk forward, and its outputs. Its wrong nodes are marked, and so are those below them.
    fn trunk<S: Simd>(&self, simd: S, stage: &mut Stage<F>, training: bool, units: &mut Units<F>) -> Tally {
        let (tree, shape) = (self.tree, self.shape);
        let nodes = tree.levels.last().map_or(0, |level| level.end);
        let most = tree.levels.iter().map(Range::len).max().unwrap_or(0) / R::NODES;
        (stage.stride, stage.more, stage.key) = (0, true, 0);
        stage.levels.clone_from(&tree.levels);
        stage.reserve(
            shape,
            self.room(Room { parents: 1, rows: nodes / R::NODES, most, nodes, training, ..Room::default() }),
        );
        // The root's h and c are 0.
        stage.z[..shape.ldz].fill(F::zero());
        stage.kept[..self.net.kept() * shape.wide].fill(F::zero());
        stage.any_wrong = false;
        if nodes == 0 {
            return Tally::default();
        }
        if training {
            // What flows back comes from children and chains: none for nodes that no sample has,
            // and those of the last level take sums. Of small nets it may be none for whole rows.
            let bare = |level: &usize| R::NODES > 1 || [tree.complete(), tree.depth()].contains(&(level + 1));
            for level in (0..tree.depth()).filter(bare) {
                let rows = stage.rows(level, R::NODES);
                stage.s[rows.start * shape.ldz..rows.end * shape.ldz].fill(F::zero());
                if self.net.kept() > 0 {
                    stage.flow[rows.start * shape.wide..rows.end * shape.wide].fill(F::zero());
                }
            }
        }
        self.scales(stage);
        let tally = self.forward(simd, stage, training, units);
        stage.any_wrong = tally.wrong_bits > 0;
        if stage.any_wrong {
            stage.mark_below(tree);
        }
        tally
    }

    /// Room for a stage of this net.
    fn room(&self, room: Room) -> Room {
        Room { kept: self.net.kept(), noise: room.training && self.net.noise.is_some(), ..room }
    }

    /// Makes a tile ready for some steps: what is known of its nodes, and what their parents were.
    /// Those of the first steps are leaves of the trunk, those of later ones the last nodes of the
    /// tile.
    fn begin_tile<S: Simd>(
        &self,
        simd: S,
        chains: &Range<usize>,
        steps: Range<usize>,
        trunk: &Stage<F>,
        tile: &mut Stage<F>,
        training: bool,
    ) {
        let (tree, shape, kept_row) = (self.tree, self.shape, self.net.kept() * self.shape.wide);
        let stride = chains.len().next_multiple_of(if R::NODES > 1 { LINE } else { 1 });
        let (rows, nodes) = (stride / R::NODES, steps.len() * stride);
        // How much room it needs depends on them.
        (tile.stride, tile.more) = (stride, steps.end < self.batch.bits());
        tile.key = 1 << 32 | (chains.start as u64) << 16;
        simd.vectorize(
            #[inline(always)]
            || {
                if steps.start == tree.depth() {
                    let all = nodes / R::NODES;
                    tile.reserve(
                        shape,
                        self.room(Room { parents: rows, rows: all, nodes, training, ..Room::default() }),
                    );
                    // Absent chains have weight 0, and 0 · NaN is NaN: nothing of another net may
                    // stay.
                    let absent = chains.len() / R::NODES;
                    tile.z[absent * shape.ldz..rows * shape.ldz].fill(F::zero());
                    tile.kept[absent * kept_row..rows * kept_row].fill(F::zero());
                    let (leaves, last) = (&tree.leaf[chains.clone()], trunk.above(tree.depth(), R::NODES));
                    R::gather(simd, leaves, shape.gates * shape.wide, (&trunk.z, shape.ldz), (&mut tile.z, shape.ldz));
                    if kept_row > 0 {
                        let c = (&trunk.kept[last.start * kept_row + C * shape.wide..], kept_row);
                        R::gather(simd, leaves, shape.wide, c, (&mut tile.kept[C * shape.wide..], kept_row));
                    }
                    self.begin_chains(leaves, stride, trunk, tile);
                } else {
                    let last = tile.levels.last().cloned().unwrap_or(0..0);
                    let rows = tile.above(tile.levels.len(), R::NODES);
                    tile.kept.copy_within(rows.start * kept_row..rows.end * kept_row, 0);
                    let Stage { nodes, parents_ab, .. } = &mut *tile;
                    parents_ab.clear();
                    parents_ab.extend(last.map(|node| (nodes.a[node], nodes.b[node])));
                }
                tree.fill(self.batch, chains.clone(), steps.clone(), stride, &mut tile.nodes);
            },
        );
        tile.levels.clear();
        tile.levels.extend((0..steps.len()).map(|i| i * stride..(i + 1) * stride));
        while tile.same.len() < stride {
            tile.same.push(u32::try_from(tile.same.len()).expect("a tile is small"));
        }
        self.scales(tile);
    }

    /// What chains take over from their leaves: whether they are wrong so far and, for the dynamic
    /// cell, inputs.
    #[inline(always)]
    fn begin_chains(&self, leaves: &[u32], stride: usize, trunk: &Stage<F>, tile: &mut Stage<F>) {
        let last = self.tree.levels.last().cloned().unwrap_or(0..0);
        tile.bad.clear();
        tile.bad.resize(stride, F::zero());
        if trunk.any_wrong {
            let wrong = &trunk.wrong[last.clone()];
            tile.bad.iter_mut().zip(leaves).for_each(|(bad, &leaf)| *bad = wrong[leaf as usize]);
        }
        tile.parents_ab.clear();
        if self.net.cell == Cell::Dynamic && !last.is_empty() {
            let (a, b) = (&self.tree.nodes.a[last.clone()], &self.tree.nodes.b[last]);
            tile.parents_ab.extend(leaves.iter().map(|&leaf| (a[leaf as usize], b[leaf as usize])));
        }
    }

    /// Adds what flows back into a tile's leaves to their sums.
    fn end_tile<S: Simd>(&self, simd: S, chains: &Range<usize>, trunk: &mut Stage<F>, tile: &Stage<F>) {
        let (shape, leaves) = (self.shape, &self.tree.leaf[chains.clone()]);
        let last = trunk.above(self.tree.depth(), R::NODES);
        simd.vectorize(
            #[inline(always)]
            || {
                let s = (&mut trunk.s[last.start * shape.ldz..], shape.ldz);
                R::scatter_add(simd, leaves, shape.gates * shape.wide, (&tile.s, shape.ldz), s);
                if self.net.kept() > 0 {
                    let flow = (&mut trunk.flow[last.start * shape.wide..], shape.wide);
                    R::scatter_add(simd, leaves, shape.wide, (&tile.flow, shape.wide), flow);
                }
            },
        );
    }

    /// `s_t = exp ‖x_t − x_{t−1}‖` of the dynamic cell: 1, e or e^√2, for none, one or both bits
    /// changed.
    fn scales(&self, stage: &mut Stage<F>) {
        let mut scale = take(&mut stage.scale);
        scale.clear();
        let levels = if self.net.cell == Cell::Dynamic { &stage.levels[..] } else { &[] };
        let [none, one, both] = [1.0, 1_f64.exp(), 2_f64.sqrt().exp()].map(F::of);
        let nodes = stage.known(self.tree);
        for (i, level) in levels.iter().enumerate() {
            let before = if i > 0 { levels[i - 1].start } else { 0 };
            for (node, &parent) in level.clone().zip(stage.parents_of(self.tree, i)) {
                let parent = parent as usize;
                let (a, b) = match (i, stage.parents_ab.get(parent)) {
                    (0, Some(&before)) => before,
                    // Nothing is carried into the first step.
                    (0, None) => (nodes.a[node], nodes.b[node]),
                    _ => (nodes.a[before + parent], nodes.b[before + parent]),
                };
                let changed = usize::from(nodes.a[node] != a) + usize::from(nodes.b[node] != b);
                scale.push([none, one, both][changed]);
            }
        }
        stage.scale = scale;
    }

    /// A stage as its rows see it.
    fn walk(&self, stage: &Stage<F>, training: bool) -> Walk<'_, F> {
        let noise = self.net.noise.filter(|_| training).map(|noise| (noise, stage.key | (self.shard as u64) << 48));
        Walk { net: self.net, shape: self.shape, units: &self.packed.units, tree: self.tree, noise }
    }

    /// A stage forward, with its outputs.
    fn forward<S: Simd>(&self, simd: S, stage: &mut Stage<F>, training: bool, sums: &mut Units<F>) -> Tally {
        levels::forward(simd, &self.packed.rows, &self.walk(stage, training), stage, &mut sums.b_o)
    }

    /// A stage back, with the sums of its weight gradients.
    fn backward<S: Simd>(&self, simd: S, stage: &mut Stage<F>, (units, sums): (&mut Units<F>, &mut [F])) {
        levels::backward(simd, &self.packed.rows, &self.walk(stage, true), stage, (units, sums));
    }

    /// Adds the sums of units to the gradients of `w_ih`, `b_h`, `w_ho` and `b_o`.
    fn add_units(&self, units: &Units<F>, [w_ih, b_h, w_ho, b_o]: [&mut [F]; 4]) {
        let Shape { hidden, gates, .. } = self.shape;
        let add = |sums: &[F], grad: &mut [F]| fold::<F, R>(self.shape, sums, grad);
        let (of_a, of_b) = w_ih.split_at_mut(gates * hidden);
        add(&units.w_a, of_a);
        add(&units.w_b, of_b);
        add(&units.b_h, b_h);
        add(&units.w_ho, w_ho);
        b_o.iter_mut().for_each(|b_o| *b_o += units.b_o);
    }
}

/// Adds the sums of gates to their gradients, `[H]` each.
fn fold<F: Lane, R: Rows<F>>(shape: Shape, sums: &[F], grad: &mut [F]) {
    grad.chunks_exact_mut(shape.hidden).zip(sums.chunks(shape.wide)).for_each(|(grad, sums)| R::fold(sums, grad));
}

/// Chains of a tile, by the floats that each has for its states: so many that they stay in a cache,
/// or that weights which do not are read less often.
pub(crate) fn tile_of(floats: f64, hidden: usize) -> usize {
    match floats {
        _ if hidden >= 192 => 256,
        ..=512.0 => 256,
        ..=16_384.0 => 64,
        _ => 32,
    }
}
