//! Recurrences that are a product and no more at each step: Elman's way forward, and its way back.

use super::finish::Finish;
use super::layout::Tile;
use super::math::Lane;
use super::products::Products;
use fearless_simd::Simd;
use std::ops::Range;

/// All steps of a recurrence: step t reads block t and writes the units of block t + 1, or back, from block t + 1 to block t.
#[derive(Debug)]
pub(crate) struct Recurrence<'a, F> {
    /// Blocks of rows: H units, then single rows.
    pub(crate) blocks: &'a mut [F],
    /// Rows in a block.
    pub(crate) rows: usize,
    /// Single rows that are inputs.
    pub(crate) singles: usize,
    /// Whether it goes back, from the last step to the first.
    pub(crate) back: bool,
    /// What becomes of the products; what it reads are blocks too, of `finish_rows`, of which step t has block t + 1.
    pub(crate) finish: Finish<'a, F>,
    pub(crate) finish_rows: usize,
}

impl<F: Lane> Recurrence<'_, F> {
    /// The steps in their order, and the blocks that each reads and writes.
    pub(crate) fn steps(&self, tile: &Tile) -> impl Iterator<Item = (usize, [usize; 2])> + use<F> {
        let (count, back) = (tile.shape.steps, self.back);
        (0..count).map(move |i| if back { (count - 1 - i, [count - i, count - 1 - i]) } else { (i, [i, i + 1]) })
    }

    /// Goes through it a product at a time. The first step has no units to read.
    #[inline(always)]
    pub(crate) fn by_products<S: Simd, P: Products<F>>(self, simd: S, products: P, tile: &Tile, weights: &P::Weights) {
        let hidden = tile.shape.hidden;
        let mut start = hidden;
        for (t, [from, to]) in self.steps(tile) {
            let k: Range<usize> = std::mem::take(&mut start)..hidden + self.singles;
            let [rows, out] = [tile.rows(from * self.rows + k.start, k.len()), tile.rows(to * self.rows, hidden)];
            let [rows, out] = self.blocks.get_disjoint_mut([rows, out]).expect("two blocks");
            let finish = self.finish.of(tile.rows((t + 1) * self.finish_rows, hidden));
            products.product(simd, tile, weights, k, rows, out, finish);
        }
    }
}
