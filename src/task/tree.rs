//! The weighted prefix tree of a minibatch: what its samples share.
//!
//! Samples whose first t input pairs are equal have the same state, the same answer and the same
//! target at step t. They are one *node* of level t, with their number as its weight. A tree has
//! two parts:
//!
//! - the **trunk**, levels 1 to [`Tree::depth`]: first *complete* levels, which hold all 4^t nodes,
//!   absent ones with weight 0; then *compact* levels, which hold the nodes that exist;
//! - the **chains**, one for each sample that is left, from a leaf of the trunk to the last step.
//!   They branch no more.
//!
//! A minibatch of many samples is cut into shards, each with a tree of its own. Where its numbers
//! are so narrow that most samples occur more than once, samples are only counted: a chain is then
//! a distinct sample, and a shard holds those that begin alike.

use super::bits::WORD;
use super::{BitTensor, Minibatch};
use std::ops::Range;

/// A float that holds small whole numbers exactly.
pub trait Number: Copy + Default + std::ops::AddAssign + 'static {
    /// The float of a whole number below 2^24.
    fn whole(x: u32) -> Self;
}

impl Number for f32 {
    #[inline(always)]
    #[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
    fn whole(x: u32) -> Self {
        x as Self
    }
}

impl Number for f64 {
    #[inline(always)]
    fn whole(x: u32) -> Self {
        x.into()
    }
}

/// How nodes of a level are numbered, and which levels are compact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By their symbols, the first step's first. The last two levels of the trunk are compact.
    Natural,
    /// By their symbols, the first step's last, so that four neighbours differ in it alone and have
    /// neighbours as parents. All levels of the trunk are complete.
    FirstLast,
}

/// Samples of a shard that are not counted.
const SHARD: usize = 1024;

/// How a minibatch is cut into shards: a function of its size.
#[derive(Debug, Clone, Default)]
pub struct Cut {
    samples: usize,
    bits: usize,
    /// Symbols that all samples of a shard share, where samples are counted.
    path: usize,
    /// How often each sample occurs, by its key; empty where samples are not counted.
    counts: Vec<u32>,
}

impl Cut {
    /// Cuts a minibatch, and counts its samples where that pays.
    #[inline(always)]
    pub fn of(&mut self, batch: &Minibatch, order: Order) {
        (self.samples, self.bits, self.path) = (batch.samples(), batch.bits(), 0);
        self.counts.clear();
        let symbols = self.bits - 1;
        if symbols > 12 || 1 << (2 * symbols) > 4 * self.samples {
            return;
        }
        self.path = match self.samples {
            0..2048 => 0,
            2048..16_384 => 1,
            _ => 2,
        };
        self.path = self.path.min(symbols.saturating_sub(1));
        self.counts.resize(1 << (2 * symbols), 0);
        for word in 0..batch.a.words() {
            let keys = keys(batch, word, symbols, order);
            for &key in &keys[..(self.samples - word * WORD).min(WORD)] {
                self.counts[key as usize] += 1;
            }
        }
    }

    /// Number of shards.
    pub fn shards(&self) -> usize {
        if self.counted() { 1 << (2 * self.path) } else { self.samples.div_ceil(SHARD) }
    }

    fn counted(&self) -> bool {
        !self.counts.is_empty()
    }
}

/// What is known of nodes: inputs, targets, and how many samples they stand for, each as a number.
#[derive(Debug, Clone, Default)]
pub struct Nodes<F> {
    /// Bits of a.
    pub a: Vec<F>,
    /// Bits of b.
    pub b: Vec<F>,
    /// Bits of the sum.
    pub target: Vec<F>,
    /// Samples.
    pub weight: Vec<F>,
    /// Chains, steps and stride that `weight` has ones for, from [`Tree::fill`].
    ones: Option<(usize, usize, usize)>,
}

impl<F: Number> Nodes<F> {
    /// Room for `len` nodes; those that are new have weight 0.
    #[inline(always)]
    fn resize(&mut self, len: usize) {
        for values in [&mut self.a, &mut self.b, &mut self.target, &mut self.weight] {
            values.resize(len, F::default());
        }
    }
}

/// The tree of one shard.
#[derive(Debug, Clone, Default)]
pub struct Tree<F> {
    /// Nodes of the trunk, level after level.
    pub nodes: Nodes<F>,
    /// The nodes of each level of the trunk.
    pub levels: Vec<Range<usize>>,
    /// The parent of each node of the trunk, counted from where its level begins. The root is the
    /// only node of level 0.
    pub parent: Vec<u32>,
    /// The node of the trunk's last level where each chain begins, counted from where that level
    /// begins.
    pub leaf: Vec<u32>,
    /// Samples of each chain; empty where each is one.
    counts: Vec<u32>,
    /// The symbols of each chain, where samples are counted.
    keys: Vec<u32>,
    /// The carry out of each node of the trunk.
    carry: Vec<u8>,
    /// The minibatch's samples that are chains, where they are not counted.
    samples: Range<usize>,
    /// Width in bits.
    bits: usize,
    /// What the complete levels were made for.
    made: Option<(Order, usize, usize, usize)>,
    /// The weights of the trunk's nodes.
    weight: Vec<u32>,
    /// Parents and symbols of a level that is being made.
    fresh: Vec<(u32, u32)>,
    /// A bit for each possible node of the last compact level, and the nodes before each word.
    present: Vec<u64>,
    before: Vec<u32>,
}

impl<F: Number> Tree<F> {
    /// Makes the tree of a shard. Allocates only to grow.
    #[inline(always)]
    pub fn make(&mut self, batch: &Minibatch, cut: &Cut, shard: usize, order: Order) {
        self.bits = cut.bits;
        let (symbols, samples) = if cut.counted() {
            self.samples = 0..0;
            (cut.bits.saturating_sub(2), cut.samples)
        } else {
            self.samples = shard * SHARD..((shard + 1) * SHARD).min(cut.samples);
            (cut.bits - 1, self.samples.len())
        };
        let (complete, depth) = depths(samples, symbols, order);
        let made = Some((order, complete, cut.path, if cut.counted() { shard } else { 0 }));
        if self.made != made {
            self.complete_levels(order, complete, cut.path, shard);
            self.made = made;
        }
        self.levels.truncate(complete);
        if cut.counted() {
            self.count_chains(cut, shard, depth, order);
        } else {
            self.sample_chains(batch, depth, order);
        }
        if depth > complete {
            self.compact_levels(complete, depth, cut.path);
        }
        self.weigh(depth);
    }

    /// Complete levels of the trunk.
    pub fn complete(&self) -> usize {
        self.made.map_or(0, |(_, complete, ..)| complete)
    }

    /// Levels of the trunk.
    pub fn depth(&self) -> usize {
        self.levels.len()
    }

    /// Nodes with children: those a recurrent product is made for.
    pub fn parents(&self) -> usize {
        let trunk = self.levels.last().map_or(0, |level| level.end);
        trunk + self.chains() * (self.bits - self.depth() - 1)
    }

    /// Number of chains.
    pub fn chains(&self) -> usize {
        self.leaf.len()
    }

    /// The samples that are chains, in their order; empty where samples are counted.
    pub fn samples(&self) -> Range<usize> {
        self.samples.clone()
    }

    /// Makes a tree without a trunk, whose chains are some samples of a minibatch.
    pub fn plain(&mut self, samples: Range<usize>, bits: usize) {
        self.made = None;
        self.levels.clear();
        (self.bits, self.leaf, self.counts) = (bits, vec![0; samples.len()], Vec::new());
        self.samples = samples;
    }

    /// Lays out levels 1 to `depth` with all their nodes. The first symbols of a shard's nodes are
    /// `path` digits of its number.
    #[inline(always)]
    fn complete_levels(&mut self, order: Order, depth: usize, path: usize, shard: usize) {
        let first_last = usize::from(order == Order::FirstLast);
        self.levels.clear();
        for t in 1..=depth {
            let free = t.saturating_sub(path + first_last);
            // Four rows of four nodes have their outputs in one line.
            let len = (1_u32 << (2 * (free + first_last))).max(if first_last > 0 { 16 } else { 1 });
            #[expect(clippy::cast_possible_truncation, reason = "two bits")]
            let digit = |t: usize| (shard >> (2 * (path + first_last - t)) & 3) as u32;
            self.fresh.clear();
            self.fresh.extend((0..len).map(|i| match order {
                Order::FirstLast if t == 1 => (0, i & 3),
                _ if t <= path + first_last => (i, digit(t)),
                Order::FirstLast => (i >> 4 << 2 | i & 3, i >> 2 & 3),
                Order::Natural => (i >> 2, i & 3),
            }));
            self.add_level();
        }
    }

    /// Adds a level whose nodes have the parents and symbols in `fresh`.
    #[inline(always)]
    fn add_level(&mut self) {
        let before = self.levels.last().cloned().unwrap_or(0..0);
        let (start, end) = (before.end, before.end + self.fresh.len());
        if self.parent.len() < end {
            self.nodes.resize(end.next_multiple_of(16));
            self.parent.resize(end, 0);
            self.carry.resize(end, 0);
        }
        let (above, carry) = self.carry.split_at_mut(start);
        // Nothing is carried out of the root.
        let above = if before.is_empty() { &[0][..] } else { &above[before] };
        let Nodes { a, b, target, .. } = &mut self.nodes;
        let known = a[start..end].iter_mut().zip(&mut b[start..]).zip(&mut target[start..]);
        let links = self.parent[start..].iter_mut().zip(carry);
        for ((((a, b), target), (parent, carry)), &(from, symbol)) in known.zip(links).zip(&self.fresh) {
            let bits = (symbol >> 1 & 1, symbol & 1);
            let (sum, out) = add(bits.0, bits.1, u32::from(above[from as usize]));
            (*a, *b, *target) = (F::whole(bits.0), F::whole(bits.1), F::whole(sum));
            #[expect(clippy::cast_possible_truncation, reason = "a bit")]
            let out = out as u8;
            (*parent, *carry) = (from, out);
        }
        self.levels.push(start..end);
    }

    /// The chains of a shard whose samples are counted: its distinct samples.
    #[inline(always)]
    fn count_chains(&mut self, cut: &Cut, shard: usize, depth: usize, order: Order) {
        let symbols = cut.bits - 1;
        let len = cut.counts.len() >> (2 * cut.path);
        self.keys.resize(len, 0);
        self.counts.resize(len, 0);
        let mut chains = 0;
        #[expect(clippy::cast_possible_truncation, reason = "keys have at most 24 bits")]
        let (first, mask) = ((shard * len) as u32, len as u32 - 1);
        for (key, &count) in (first..).zip(&cut.counts[shard * len..][..len]) {
            (self.keys[chains], self.counts[chains]) = (key, count);
            chains += usize::from(count > 0);
        }
        self.keys.truncate(chains);
        self.counts.truncate(chains);
        // A chain's leaf has its first `depth` symbols. Without those of the path they number the
        // trunk's nodes.
        let below = 2 * symbols.saturating_sub(depth);
        let first_last = order == Order::FirstLast && symbols > 0;
        self.leaf.clear();
        self.leaf.extend(self.keys.iter().map(|&key| {
            let key = key & mask;
            if depth == 0 {
                0
            } else if first_last {
                key >> 2 >> below << 2 | key & 3
            } else {
                key >> below
            }
        }));
    }

    /// The chains of a shard whose samples are not counted: its samples.
    #[inline(always)]
    fn sample_chains(&mut self, batch: &Minibatch, depth: usize, order: Order) {
        self.counts.clear();
        self.leaf.clear();
        for start in self.samples.clone().step_by(WORD) {
            let keys = keys(batch, start / WORD, depth, order);
            self.leaf.extend_from_slice(&keys[..(self.samples.end - start).min(WORD)]);
        }
    }

    /// Replaces possible nodes of level `depth` by those that exist, and adds the compact levels
    /// down to it.
    #[inline(always)]
    fn compact_levels(&mut self, complete: usize, depth: usize, path: usize) {
        let words = (1_usize << (2 * (depth - path.min(depth)))).div_ceil(64);
        self.present.clear();
        self.present.resize(words, 0);
        for &key in &self.leaf {
            self.present[key as usize / 64] |= 1 << (key % 64);
        }
        self.before.resize(words, 0);
        let mut nodes = 0;
        for (before, word) in self.before.iter_mut().zip(&self.present) {
            *before = nodes;
            nodes += word.count_ones();
        }
        for key in &mut self.leaf {
            let word = *key as usize / 64;
            *key = self.before[word] + (self.present[word] & ((1 << (*key % 64)) - 1)).count_ones();
        }
        for t in complete + 1..=depth {
            self.compact_level(nodes as usize, 2 * (depth - t), t == complete + 1);
        }
    }

    /// Adds the compact level whose nodes are the present ones without their last `below` bits.
    #[inline(always)]
    fn compact_level(&mut self, nodes: usize, below: usize, parents_are_complete: bool) {
        self.fresh.resize(nodes, (0, 0));
        // A node is written again for each of its leaves: no branch depends on data.
        let (mut last, mut nodes, mut parents) = (u32::MAX, 0, 0_u32);
        for (first, &word) in (0_u32..).step_by(64).zip(&self.present) {
            let mut bits = word;
            while bits != 0 {
                let node = (first + bits.trailing_zeros()) >> below;
                bits &= bits - 1;
                parents = parents.wrapping_add(u32::from(node >> 2 != last >> 2));
                nodes += usize::from(node != last);
                last = node;
                let parent = if parents_are_complete { node >> 2 } else { parents.wrapping_sub(1) };
                self.fresh[nodes - 1] = (parent, node & 3);
            }
        }
        self.fresh.truncate(nodes);
        self.add_level();
    }

    /// Weights of the trunk, from its leaves up.
    #[inline(always)]
    fn weigh(&mut self, depth: usize) {
        let Some(leaves) = self.levels.last().cloned() else { return };
        self.weight.clear();
        self.weight.resize(leaves.end, 0);
        let last = &mut self.weight[leaves.clone()];
        if self.counts.is_empty() {
            self.leaf.iter().for_each(|&leaf| last[leaf as usize] += 1);
        } else {
            self.leaf.iter().zip(&self.counts).for_each(|(&leaf, &count)| last[leaf as usize] += count);
        }
        for t in (1..depth).rev() {
            let (parents, children) = (self.levels[t - 1].clone(), self.levels[t].clone());
            let (up, down) = self.weight.split_at_mut(children.start);
            let up = &mut up[parents];
            for (&parent, &weight) in self.parent[children.clone()].iter().zip(&down[..children.len()]) {
                up[parent as usize] += weight;
            }
        }
        for (to, &weight) in self.nodes.weight.iter_mut().zip(&self.weight) {
            *to = F::whole(weight);
        }
        self.nodes.weight[leaves.end..].fill(F::default());
    }

    /// Writes what is known of the nodes of some chains at some steps from [`Tree::depth`] on to
    /// `nodes`. The first chain is a multiple of 32.
    ///
    /// # Shapes
    /// `nodes [steps][stride]`, and up to a multiple of 16; those without a chain have weight 0.
    #[inline(always)]
    pub fn fill(
        &self,
        batch: &Minibatch,
        chains: Range<usize>,
        steps: Range<usize>,
        stride: usize,
        nodes: &mut Nodes<F>,
    ) {
        nodes.resize((steps.len() * stride).next_multiple_of(16));
        let ones = self.counts.is_empty().then_some((chains.len(), steps.len(), stride));
        if ones.is_none() || nodes.ones != ones {
            self.fill_weights(chains.clone(), steps.len(), stride, &mut nodes.weight);
            nodes.ones = ones;
        }
        if self.counts.is_empty() {
            let first = self.samples.start + chains.start;
            for (i, step) in steps.enumerate() {
                for (bits, to) in [(&batch.a, &mut nodes.a), (&batch.b, &mut nodes.b), (&batch.c, &mut nodes.target)] {
                    expand(bits, step, first, &mut to[i * stride..][..chains.len()]);
                }
            }
        } else {
            self.fill_counted(chains, steps, stride, nodes);
        }
    }

    /// The weights of [`Tree::fill`].
    fn fill_weights(&self, chains: Range<usize>, steps: usize, stride: usize, weights: &mut [F]) {
        let (of_chains, rest) = weights.split_at_mut(steps * stride);
        rest.fill(F::default());
        for weights in of_chains.chunks_exact_mut(stride) {
            let (of_chains, rest) = weights.split_at_mut(chains.len());
            rest.fill(F::default());
            match self.counts.get(chains.clone()) {
                Some(counts) if !self.counts.is_empty() => {
                    of_chains.iter_mut().zip(counts).for_each(|(weight, &count)| *weight = F::whole(count));
                }
                _ => of_chains.fill(F::whole(1)),
            }
        }
    }

    /// [`Tree::fill`] for distinct samples, from their keys.
    #[inline(always)]
    fn fill_counted(&self, chains: Range<usize>, steps: Range<usize>, stride: usize, nodes: &mut Nodes<F>) {
        let (depth, symbols) = (self.depth(), self.bits - 1);
        let first_last = matches!(self.made, Some((Order::FirstLast, ..)));
        let last = self.levels.last().map_or(0, |level| level.start);
        let mut carries = [0_u32; WORD];
        for start in chains.clone().step_by(WORD) {
            let some = start..(start + WORD).min(chains.end);
            for (carry, &leaf) in carries.iter_mut().zip(&self.leaf[some.clone()]) {
                *carry = if depth == 0 { 0 } else { self.carry[last + leaf as usize].into() };
            }
            for step in depth..steps.end {
                // The top bits are 0.
                let (place, mask) = match (step, first_last) {
                    _ if step == symbols => (0, 0),
                    (0, true) => (0, 3),
                    (_, true) => (2 * (symbols - step), 3),
                    (_, false) => (2 * (symbols - 1 - step), 3),
                };
                let at = step.saturating_sub(steps.start) * stride + some.start - chains.start;
                let Nodes { a, b, target, .. } = &mut *nodes;
                let to = a[at..].iter_mut().zip(&mut b[at..]).zip(&mut target[at..]);
                for (((a, b), target), (&key, carry)) in to.zip(self.keys[some.clone()].iter().zip(&mut carries)) {
                    let symbol = key >> place & mask;
                    let (sum, out) = add(symbol >> 1, symbol & 1, *carry);
                    *carry = out;
                    (*a, *b, *target) = (F::whole(symbol >> 1), F::whole(symbol & 1), F::whole(sum));
                }
            }
        }
    }
}

/// One step of the adder: its sum bit, and the carry out.
#[inline(always)]
fn add(a: u32, b: u32, carry: u32) -> (u32, u32) {
    let sum = a + b + carry;
    (sum & 1, sum >> 1)
}

/// How many levels of a trunk are complete, and how many it has: as many as save more nodes than
/// they add.
fn depths(samples: usize, symbols: usize, order: Order) -> (usize, usize) {
    let log4 = samples.max(1).ilog2() as usize / 2;
    match order {
        Order::Natural => {
            let complete = log4.saturating_sub(1).min(symbols);
            (complete, if samples > 4 { (complete + 2).min(symbols) } else { complete })
        }
        Order::FirstLast => {
            let depth = ((samples.max(2).ilog2() as usize - 1) / 2).min(symbols);
            (depth, depth)
        }
    }
}

/// The first `symbols` input pairs of the 64 samples of a word, as numbers.
#[inline(always)]
fn keys(batch: &Minibatch, word: usize, symbols: usize, order: Order) -> [u32; WORD] {
    let mut keys = [0_u32; WORD];
    for step in 0..symbols {
        let place = match order {
            Order::Natural => 2 * (symbols - 1 - step),
            Order::FirstLast if step == 0 => 0,
            Order::FirstLast => 2 * (symbols - step),
        };
        let (a, b) = (batch.a.column(step)[word], batch.b.column(step)[word]);
        for half in 0..2 {
            #[expect(clippy::cast_possible_truncation, reason = "a half each")]
            let (a, b) = ((a >> (32 * half)) as u32, (b >> (32 * half)) as u32);
            for (i, key) in (0_u32..).zip(&mut keys[32 * half..][..32]) {
                *key |= ((a >> i & 1) << 1 | b >> i & 1) << place;
            }
        }
    }
    keys
}

/// Bits of one step as numbers, from a sample on that is a multiple of 32.
#[inline(always)]
fn expand<F: Number>(bits: &BitTensor, step: usize, first: usize, out: &mut [F]) {
    let words = bits.column(step);
    for (half, out) in (first / 32..).zip(out.chunks_mut(32)) {
        #[expect(clippy::cast_possible_truncation, reason = "a half each")]
        let word = (words[half / 2] >> (32 * (half % 2))) as u32;
        if let Ok(out) = <&mut [F; 32]>::try_from(&mut *out) {
            for (i, out) in (0_u32..).zip(out) {
                *out = F::whole(word >> i & 1);
            }
        } else {
            for (i, out) in (0_u32..).zip(out) {
                *out = F::whole(word >> i & 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::rng::{Purpose, stream};
    use std::iter::repeat_n;

    /// All trees of a minibatch.
    struct Forest<'a> {
        what: &'a str,
        batch: &'a Minibatch,
        order: Order,
        cut: &'a Cut,
        trees: &'a [Tree<f64>],
    }

    /// What is known of a node: inputs, target and samples.
    type Node = (f64, f64, f64, f64);

    fn node(nodes: &Nodes<f64>, at: usize) -> Node {
        (nodes.a[at], nodes.b[at], nodes.target[at], nodes.weight[at])
    }

    /// Tells of the trees of random, equal and exhaustive minibatches in both orders. Buffers are
    /// used again, as an engine does.
    fn forests(mut on: impl FnMut(&Forest<'_>)) {
        let widths = (1..=9).chain([14, 21]);
        let sizes = [1, 5, 63, 64, 65, 700, 1024, 1500, 2048, 3000, 16_384];
        let mut batches = Vec::new();
        for bits in widths {
            for samples in sizes {
                let mut random = Minibatch::new(samples, bits);
                random.fill_uniform(&mut stream(7, Purpose::Check, bits as u64));
                let mut equal = Minibatch::default();
                random.gather(&vec![samples / 2; samples], &mut equal);
                batches.extend([("random", random), ("equal", equal)]);
            }
            if bits <= 9 {
                let mut every = Minibatch::new(1 << (2 * (bits - 1)), bits);
                every.fill_exhaustive(0);
                batches.push(("exhaustive", every));
            }
        }
        for order in [Order::Natural, Order::FirstLast] {
            let (mut cut, mut trees) = (Cut::default(), Vec::new());
            for (kind, batch) in &batches {
                cut.of(batch, order);
                trees.resize_with(cut.shards(), Tree::default);
                trees.iter_mut().enumerate().for_each(|(shard, tree)| tree.make(batch, &cut, shard, order));
                let what = format!("{order:?}, {} {kind} samples of {} bits", batch.samples(), batch.bits());
                on(&Forest { what: &what, batch, order, cut: &cut, trees: &trees });
            }
        }
    }

    /// The nodes of each chain from the first step to the last, with their places in the levels of
    /// the trunk.
    fn chains(tree: &Tree<f64>, batch: &Minibatch) -> Vec<(Vec<usize>, Vec<Node>)> {
        let (depth, bits) = (tree.depth(), batch.bits());
        let mut all = vec![(vec![0; depth], vec![(0.0, 0.0, 0.0, 0.0); bits]); tree.chains()];
        let mut nodes = Nodes::default();
        for start in (0..tree.chains()).step_by(128) {
            let tile = start..(start + 128).min(tree.chains());
            let stride = tile.len().next_multiple_of(4);
            // In two parts, as windows of an evaluation are.
            let middle = (depth + bits).div_ceil(2);
            for steps in [depth..middle, middle..bits].into_iter().filter(|steps| !steps.is_empty()) {
                tree.fill(batch, tile.clone(), steps.clone(), stride, &mut nodes);
                let beyond =
                    (0..nodes.weight.len()).filter(|at| at / stride >= steps.len() || at % stride >= tile.len());
                assert!(beyond.into_iter().all(|at| nodes.weight[at] == 0.0), "a weight without a chain");
                for (i, step) in steps.enumerate() {
                    for (k, chain) in tile.clone().enumerate() {
                        all[chain].1[step] = node(&nodes, i * stride + k);
                    }
                }
            }
        }
        for ((places, nodes), &leaf) in all.iter_mut().zip(&tree.leaf) {
            let mut at = leaf as usize;
            for t in (0..depth).rev() {
                assert!(at < tree.levels[t].len(), "node {at} of {} in level {t}", tree.levels[t].len());
                let place = tree.levels[t].start + at;
                (places[t], nodes[t]) = (place, node(&tree.nodes, place));
                at = tree.parent[place] as usize;
            }
            assert_eq!(at, 0, "the root is the only node of level 0");
        }
        all
    }

    /// Bits of a, b and c at all steps as a number.
    fn number(steps: impl Iterator<Item = [bool; 3]>) -> u64 {
        steps.fold(0, |number, bits| bits.iter().fold(number, |number, &bit| number << 1 | u64::from(bit)))
    }

    fn of_sample(batch: &Minibatch, sample: usize) -> u64 {
        number((0..batch.bits()).map(|t| [&batch.a, &batch.b, &batch.c].map(|bits| bits.get(sample, t))))
    }

    #[test]
    fn weights_of_every_step_sum_up_to_the_samples() {
        forests(|Forest { what, batch, trees, .. }| {
            let mut sums = vec![0.0; batch.bits()];
            for tree in *trees {
                assert!(tree.depth() < batch.bits(), "{what}: no step is left to the chains");
                tree.levels
                    .iter()
                    .zip(&mut sums)
                    .for_each(|(level, sum)| *sum += tree.nodes.weight[level.clone()].iter().sum::<f64>());
                for (_, nodes) in chains(tree, batch) {
                    (tree.depth()..batch.bits()).for_each(|t| sums[t] += nodes[t].3);
                }
                let beyond = tree.levels.last().map_or(&[][..], |level| &tree.nodes.weight[level.end..]);
                assert!(beyond.iter().all(|&weight| weight == 0.0), "{what}: weights beyond the nodes");
            }
            assert!(sums.iter().all(|&sum| sum == batch.samples() as f64), "{what}: {sums:?}");
        });
    }

    #[test]
    fn a_chain_and_the_nodes_above_it_are_the_inputs_and_sums_of_its_samples() {
        forests(|Forest { what, batch, cut, trees, .. }| {
            let (mut found, mut wanted) = (Vec::new(), Vec::new());
            for tree in *trees {
                let is_one = |x: f64| {
                    assert!(x == 0.0 || x == 1.0, "{what}: {x} is no bit");
                    x == 1.0
                };
                for (_, nodes) in chains(tree, batch) {
                    let weight = nodes.last().expect("a step").3;
                    assert!(weight >= 1.0 && (cut.counted() || weight == 1.0), "{what}: a chain of {weight} samples");
                    let bits = nodes.iter().map(|&(a, b, target, _)| [is_one(a), is_one(b), is_one(target)]);
                    #[expect(clippy::cast_possible_truncation, reason = "a small count")]
                    found.extend(repeat_n(number(bits), weight as usize));
                }
            }
            wanted.extend((0..batch.samples()).map(|sample| of_sample(batch, sample)));
            if cut.counted() {
                found.sort_unstable();
                wanted.sort_unstable();
            }
            assert!(found == wanted, "{what}: {} chains' samples, want {}", found.len(), wanted.len());
        });
    }

    #[test]
    fn a_node_weighs_as_much_as_the_chains_below_it() {
        forests(|Forest { what, batch, trees, .. }| {
            for tree in *trees {
                let mut sums = vec![0.0; tree.levels.last().map_or(0, |level| level.end)];
                for (places, nodes) in chains(tree, batch) {
                    places.iter().for_each(|&place| sums[place] += nodes.last().expect("a step").3);
                }
                assert!(tree.nodes.weight[..sums.len()] == sums, "{what}");
            }
        });
    }

    #[test]
    fn parents_of_a_level_ascend() {
        forests(|Forest { what, order, trees, .. }| {
            // Of the order for small nets, rows of four nodes have rows of four parents, in their
            // order.
            let row = if *order == Order::FirstLast { 4 } else { 1 };
            for tree in *trees {
                for (t, level) in tree.levels.iter().enumerate() {
                    let above = if t == 0 { 1 } else { tree.levels[t - 1].len() };
                    let start = if t == 0 { 0 } else { tree.levels[t - 1].end };
                    let parents = &tree.parent[level.clone()];
                    assert_eq!((level.start, level.len() % row), (start, 0), "{what}: level {}", t + 1);
                    assert!(parents.iter().all(|&parent| (parent as usize) < above), "{what}: level {}", t + 1);
                    let rows: Vec<_> = parents.chunks(row).map(|parents| parents[0]).collect();
                    assert!(rows.is_sorted(), "{what}: parents of level {} are {rows:?}", t + 1);
                    for parents in parents.chunks(row).filter(|_| t > 0) {
                        assert!((0..).zip(parents).all(|(i, &p)| p == parents[0] + i), "{what}: a row has {parents:?}");
                    }
                }
            }
        });
    }

    #[test]
    fn narrow_numbers_are_counted_and_their_chains_are_distinct() {
        let mut seen = [0; 2];
        forests(|Forest { what, batch, cut, trees, .. }| {
            seen[usize::from(cut.counted())] += 1;
            // Few enough that most samples occur more than once.
            let bits = u32::try_from(batch.bits()).expect("a small width");
            let distinct = 1_usize.checked_shl(2 * (bits - 1)).unwrap_or(usize::MAX);
            assert_eq!(cut.counted(), distinct <= 4 * batch.samples() && batch.bits() <= 13, "{what}");
            if cut.counted() {
                let mut chains: Vec<u64> = trees
                    .iter()
                    .flat_map(|tree| chains(tree, batch))
                    .map(|(_, nodes)| number(nodes.iter().map(|&(a, b, ..)| [a, b, 0.0].map(|x| x == 1.0))))
                    .collect();
                let (all, samples) = (chains.len(), trees.iter().map(|tree| tree.samples().len()).sum::<usize>());
                chains.sort_unstable();
                chains.dedup();
                assert_eq!((chains.len(), samples), (all, 0), "{what}: a sample has two chains");
            } else {
                let samples: Vec<usize> = trees.iter().flat_map(Tree::samples).collect();
                assert!(samples.into_iter().eq(0..batch.samples()), "{what}: samples in their order");
            }
        });
        assert!(seen.iter().all(|&seen| seen > 20), "both kinds: {seen:?}");
    }

    #[test]
    fn a_plain_tree_has_the_samples_as_chains() {
        let mut batch = Minibatch::new(130, 19);
        batch.fill_uniform(&mut stream(3, Purpose::Check, 0));
        let (mut cut, mut tree) = (Cut::default(), Tree::<f64>::default());
        let wanted: Vec<u64> = (0..130).map(|sample| of_sample(&batch, sample)).collect();
        for order in [Order::Natural, Order::FirstLast] {
            // After a tree with a trunk, whose buffers it takes over, and before one.
            for _ in 0..2 {
                cut.of(&batch, order);
                tree.make(&batch, &cut, 0, order);
                assert!(tree.depth() > 0, "a trunk");
                tree.plain(0..130, 19);
                let bits = |nodes: &Vec<Node>| number(nodes.iter().map(|&(a, b, c, _)| [a, b, c].map(|x| x == 1.0)));
                let found: Vec<u64> = chains(&tree, &batch).iter().map(|(_, nodes)| bits(nodes)).collect();
                assert!(tree.depth() == 0 && found == wanted, "{order:?}");
            }
        }
    }
}
