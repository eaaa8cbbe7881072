//! Some levels of nodes: the trunk of a tree, or a tile of its chains, and their buffers.

use super::Noise;
use super::cell::Net;
use super::math::Lane;
use super::output::Output;
use super::rows::{Aligned, OUTER_ROWS, Shape};
use super::step::Units;
use crate::task::BitTensor;
use crate::task::tree::{Nodes, Number, Tree};
use fearless_simd::Simd;
use std::ops::Range;

/// What buffers of nodes are rounded up to: whole lines.
pub(crate) const LINE: usize = 16;

/// The levels of a stage and their buffers. What depends on the cell is empty where it is not
/// needed.
///
/// The first rows are those of the first level's parents: the root, or what the steps before left.
/// Of them c is read, and S and dc are written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stage<F: Number> {
    /// The nodes of each level.
    pub(crate) levels: Vec<Range<usize>>,
    /// Nodes of each step of a tile; 0 for the trunk.
    pub(crate) stride: usize,
    /// Whether the last level has children.
    pub(crate) more: bool,
    /// Key of the noise.
    pub(crate) key: u64,
    /// What is known of the nodes; the trunk's are in the tree.
    pub(crate) nodes: Nodes<F>,
    /// h, `[rows][ld]`.
    pub(crate) h: Aligned<F>,
    /// With noise: h before it.
    pub(crate) clean: Aligned<F>,
    /// LSTM: what is kept, `[rows][6][wide]`.
    pub(crate) kept: Aligned<F>,
    /// `h W_hh` of the level that was last, `[rows][ldz]`.
    pub(crate) z: Aligned<F>,
    /// Room for that of the next level.
    pub(crate) next_z: Aligned<F>,
    /// S, the sum of the children's dz, `[rows][ldz]`; of a tile, some levels at a time.
    pub(crate) s: Aligned<F>,
    /// LSTM: the sum of the children's dc, `[rows][wide]`.
    pub(crate) flow: Aligned<F>,
    /// `dz_o` of all nodes, in whole lines.
    pub(crate) dz_o: Aligned<F>,
    /// 1 for wrong nodes.
    pub(crate) wrong: Aligned<F>,
    /// Dynamic: s of all nodes, and inputs of the parents of the first level.
    pub(crate) scale: Vec<F>,
    pub(crate) parents_ab: Vec<(F, F)>,
    /// The parent of each node of a chain: the same one.
    pub(crate) same: Vec<u32>,
    /// Whether a node of a trunk is wrong.
    pub(crate) any_wrong: bool,
    /// 1 for chains with a wrong bit so far.
    pub(crate) bad: Vec<F>,
    /// What there is room for.
    laid: Option<(Shape, Room)>,
}

/// What the nodes of a stage have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk<'a, F> {
    pub(crate) net: Net,
    pub(crate) shape: Shape,
    pub(crate) units: &'a Units<F>,
    pub(crate) tree: &'a Tree<F>,
    /// And the stage's key.
    pub(crate) noise: Option<(Noise, u64)>,
}

impl<F: Lane> Walk<'_, F> {
    /// The output unit.
    pub(crate) fn output(&self) -> Output<F> {
        Output { activation: self.net.output, loss: self.net.loss, bias: self.units.b_o }
    }
}

/// What a stage needs room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Room {
    /// Rows of the first level's parents.
    pub(crate) parents: usize,
    /// Rows of the nodes.
    pub(crate) rows: usize,
    /// Rows of the largest level.
    pub(crate) most: usize,
    pub(crate) nodes: usize,
    /// Lines kept for each line of h.
    pub(crate) kept: usize,
    pub(crate) training: bool,
    pub(crate) noise: bool,
}

impl<F: Lane> Stage<F> {
    /// Makes room; allocates only to grow.
    pub(crate) fn reserve(&mut self, shape: Shape, room: Room) {
        if self.laid == Some((shape, room)) {
            return;
        }
        self.laid = Some((shape, room));
        let Room { parents, rows, most, nodes, kept, training, noise } = room;
        let (rows, most) = (parents + rows, most.max(parents));
        self.h.reserve(rows * shape.ld);
        self.z.reserve(most * shape.ldz);
        self.next_z.reserve(most * shape.ldz);
        self.kept.reserve(rows * kept * shape.wide);
        self.dz_o.reserve(nodes.next_multiple_of(LINE));
        self.wrong.reserve(nodes.next_multiple_of(LINE));
        if training {
            self.s.reserve(rows.min(self.held().saturating_mul(parents)) * shape.ldz);
            self.flow.reserve(if kept > 0 { rows * shape.wide } else { 0 });
            self.clean.reserve(if noise { rows * shape.ld } else { 0 });
        }
    }

    /// Rows of the first level's parents.
    pub(crate) fn parents(&self) -> usize {
        self.laid.map_or(0, |(_, room)| room.parents)
    }

    /// The first row of the parents of level i, of `nodes` nodes each.
    fn first(&self, i: usize, nodes: usize) -> usize {
        let Some(above) = i.checked_sub(1) else { return 0 };
        self.parents() + self.levels.get(above).map_or(self.len(), |level| level.start) / nodes
    }

    /// The rows of a level.
    pub(crate) fn rows(&self, i: usize, nodes: usize) -> Range<usize> {
        self.above(i + 1, nodes)
    }

    /// The rows of the parents of a level.
    pub(crate) fn above(&self, i: usize, nodes: usize) -> Range<usize> {
        self.first(i, nodes)..self.first(i + 1, nodes)
    }

    /// Levels whose S is there at once: of a tile two at least, and as many as make a run of outer
    /// products, so that what flows back stays in the caches.
    pub(crate) fn held(&self) -> usize {
        if self.stride > 0 { OUTER_ROWS.div_ceil(self.parents()).max(2) } else { usize::MAX }
    }

    /// Where S of the parents of a level begins, in rows.
    pub(crate) fn flows_to(&self, i: usize, nodes: usize) -> usize {
        if self.stride > 0 { i % self.held() * self.parents() } else { self.first(i, nodes) }
    }

    /// Whether a level has children.
    pub(crate) fn has_children(&self, i: usize) -> bool {
        self.more || i + 1 < self.levels.len()
    }

    /// Number of nodes.
    pub(crate) fn len(&self) -> usize {
        self.levels.last().map_or(0, |level| level.end)
    }

    /// The parent of each node of a level, among those of the level above.
    pub(crate) fn parents_of<'a>(&'a self, tree: &'a Tree<F>, i: usize) -> &'a [u32] {
        if self.stride > 0 { &self.same[..self.stride] } else { &tree.parent[self.levels[i].clone()] }
    }

    /// What is known of the nodes.
    pub(crate) fn known<'a>(&'a self, tree: &'a Tree<F>) -> &'a Nodes<F> {
        if self.stride > 0 { &self.nodes } else { &tree.nodes }
    }

    /// Marks the nodes of a trunk that stand below a wrong one.
    pub(crate) fn mark_below(&mut self, tree: &Tree<F>) {
        for level in self.levels.windows(2) {
            let (above, below) = self.wrong.split_at_mut(level[1].start);
            let above = &above[level[0].clone()];
            for (wrong, &parent) in below.iter_mut().zip(&tree.parent[level[1].clone()]) {
                *wrong = larger(*wrong, above[parent as usize]);
            }
        }
    }

    /// Marks the chains of a tile that were wrong at a step. Returns the samples of those that are,
    /// after the last step.
    #[inline(always)]
    pub(crate) fn mark_chains<S: Simd>(&mut self, simd: S) -> u64 {
        if self.stride == 0 {
            return 0;
        }
        simd.vectorize(
            #[inline(always)]
            || {
                for wrong in self.wrong.chunks_exact(self.stride).take(self.levels.len()) {
                    for (bad, &wrong) in self.bad.iter_mut().zip(wrong) {
                        *bad = larger(*bad, wrong);
                    }
                }
                if self.more {
                    return 0;
                }
                // Counts are exact in any order; sixteen sums do not wait for each other.
                let mut sums = [F::zero(); 16];
                for (bad, weight) in self.bad.chunks(16).zip(self.nodes.weight.chunks(16)) {
                    for ((sum, &bad), &weight) in sums.iter_mut().zip(bad).zip(weight) {
                        *sum += bad * weight;
                    }
                }
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
                let wrong = sums.iter().map(|sum| sum.widen()).sum::<f64>() as u64;
                wrong
            },
        )
    }

    /// Writes the answers of a tile, whose first chain is sample `first`, at some steps.
    pub(crate) fn answer(&self, first: usize, steps: Range<usize>, predicted: &mut BitTensor) {
        let samples = predicted.samples();
        for (step, level) in steps.zip(&self.levels) {
            let (wrong, target) = (&self.wrong[level.clone()], &self.nodes.target[level.clone()]);
            for (sample, (wrong, target)) in (first..samples).zip(wrong.iter().zip(target)) {
                predicted.set(sample, step, wrong != target);
            }
        }
    }
}

#[inline(always)]
fn larger<F: Lane>(a: F, b: F) -> F {
    if b > a { b } else { a }
}
