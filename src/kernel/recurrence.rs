//! Recurrences that are a product and no more at each step: Elman's way forward, and its way back.

use super::finish::Finish;
use super::layout::{Shape, Tile};
use super::math::Lane;
use super::products::Products;
use fearless_simd::Simd;

/// All steps of a recurrence: step t reads block t and writes the units of block t + 1, or back, from block t + 1 to block t.
#[derive(Debug)]
pub(crate) struct Recurrence<'a, F> {
    /// Blocks of rows: H units, then single rows.
    pub(crate) blocks: &'a mut [F],
    /// Rows in a block.
    pub(crate) rows: usize,
    /// Inputs that are single rows.
    pub(crate) rows_in: usize,
    /// Whether it goes back, from the last step to the first.
    pub(crate) back: bool,
    /// What becomes of the products; what it reads are blocks too, of which step t has block t + 1.
    pub(crate) finish: Finish<'a, F>,
    /// Rows in a block of what that reads, if it reads something.
    pub(crate) finish_rows: usize,
}

impl<F: Lane> Recurrence<'_, F> {
    /// Goes through it a product at a time. The first step has no units to read.
    #[inline(always)]
    pub(crate) fn by_products<S: Simd, P: Products<F>>(self, simd: S, products: P, tile: &Tile, weights: &P::Weights) {
        let Shape { hidden, steps, .. } = tile.shape;
        for i in 0..steps {
            let t = if self.back { steps - 1 - i } else { i };
            let (from, to) = if self.back { (t + 1, t) } else { (t, t + 1) };
            let k = if i == 0 { hidden } else { 0 }..hidden + self.rows_in;
            let [rows, out] = [tile.rows(from * self.rows + k.start, k.len()), tile.rows(to * self.rows, hidden)];
            let [rows, out] = self.blocks.get_disjoint_mut([rows, out]).expect("two blocks");
            let finish = self.finish.of(tile.rows((t + 1) * self.finish_rows, hidden));
            products.product(simd, tile, weights, k, rows, out, finish);
        }
    }
}
