//! Some levels of nodes: the trunk of a tree, or a tile of its chains, and their buffers.

use super::math::Lane;
use super::rows::{Aligned, Shape};
use crate::task::tree::{Nodes, Number};
use std::ops::Range;

/// The buffers of a stage. What depends on the cell is empty where it is not needed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stage<F: Number> {
    /// What is known of the nodes; the trunk's are in the tree.
    pub(crate) nodes: Nodes<F>,
    /// h of all nodes, `[rows][ld]`.
    pub(crate) h: Aligned<F>,
    /// With noise: h before it.
    pub(crate) clean: Aligned<F>,
    /// LSTM: what is kept, `[rows][6][wide]`.
    pub(crate) kept: Aligned<F>,
    /// `h W_hh` of the level that was last, `[rows][ldz]`.
    pub(crate) z: Aligned<F>,
    /// Room for that of the next level.
    pub(crate) next_z: Aligned<F>,
    /// S, the sum of the children's dz, `[rows][ldz]`.
    pub(crate) s: Aligned<F>,
    /// LSTM: the sum of the children's dc, `[rows][wide]`.
    pub(crate) flow: Aligned<F>,
    /// `dz_o` of all nodes, in whole lines.
    pub(crate) dz_o: Aligned<F>,
    /// 1 for wrong nodes.
    pub(crate) wrong: Aligned<F>,
    /// Dynamic: s of all nodes.
    pub(crate) scale: Vec<F>,
    /// What the parents of the first level were, `h W_hh` and c, `[rows][ldz]` and `[rows][wide]`; and then what flows back into them.
    pub(crate) parents_z: Aligned<F>,
    pub(crate) parents_c: Aligned<F>,
    pub(crate) parents_flow: Aligned<F>,
    /// Dynamic: inputs of the parents of the first level.
    pub(crate) parents_ab: Vec<(F, F)>,
    /// The parent of each node of a chain: the same one.
    pub(crate) same: Vec<u32>,
    /// Whether a node of a trunk is wrong.
    pub(crate) any_wrong: bool,
    /// 1 for chains with a wrong bit so far.
    pub(crate) bad: Vec<F>,
    /// The nodes of the last step.
    pub(crate) last: Range<usize>,
    /// What there is room for.
    laid: Option<(Shape, Room)>,
}

/// What a stage needs room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) rows: usize,
    /// Rows of the largest level.
    pub(crate) most: usize,
    pub(crate) nodes: usize,
    /// Rows of the first level's parents.
    pub(crate) parents: usize,
    pub(crate) training: bool,
    pub(crate) noise: bool,
}

impl<F: Lane> Stage<F> {
    /// Makes room, with `kept` lines of what is kept; allocates only to grow.
    pub(crate) fn reserve(&mut self, shape: Shape, room: Room, kept: usize) {
        if self.laid == Some((shape, room)) {
            return;
        }
        self.laid = Some((shape, room));
        let Room { rows, most, nodes, parents, training, noise } = room;
        self.h.reserve(rows * shape.ld);
        self.z.reserve(most * shape.ldz);
        self.next_z.reserve(most * shape.ldz);
        self.kept.reserve(rows * kept * shape.wide);
        self.dz_o.reserve(nodes.next_multiple_of(16));
        self.wrong.reserve(nodes.next_multiple_of(16));
        self.parents_z.reserve(parents * shape.ldz);
        let wide = if kept > 0 { shape.wide } else { 0 };
        self.parents_c.reserve(parents * wide);
        if training {
            self.parents_flow.reserve(parents * wide);
            self.s.reserve(rows * shape.ldz);
            self.flow.reserve(rows * wide);
            self.clean.reserve(if noise { rows * shape.ld } else { 0 });
        }
    }
}
