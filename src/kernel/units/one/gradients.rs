//! Weight gradients of one sample: no packing, no calls.

use crate::kernel::layout::{EXTRA, LANES, Shape, TILE, Tile, runs};
use crate::kernel::math::{Lane, Vector};
use crate::kernel::products::Blocks;
use crate::kernel::units::registers;
use crate::model::Cell;
use fearless_simd::prelude::*;
use std::ops::Range;

/// The weight gradients of a tile of one sample, added to `sums`, rows of P·G.
pub(crate) fn gradients<S: Simd, F: Lane>(simd: S, tile: &Tile, blocks: Blocks<'_, F>, sums: &mut [F]) {
    simd.vectorize(
        #[inline(always)]
        || {
            let Tile { shape, width, .. } = *tile;
            let Shape { cell, units, hidden, wide, steps, .. } = shape;
            let state = |first| Rows { blocks: blocks.state, stride: shape.state_rows() * width, first };
            let delta = |first| Rows { blocks: blocks.delta, stride: shape.delta_rows() * width, first };
            let most = registers::most::<S, F>();
            for (gate, unit) in (0..cell.gates()).flat_map(|gate| (0..units).step_by(LANES).map(move |u| (gate, u))) {
                let (column, right) = (gate * hidden + unit, delta(gate * hidden * width + unit));
                for rows in runs(units, most) {
                    let outer = Outer { steps: 1..steps, left: state(rows.start), apart: false, right };
                    let sums = &mut sums[rows.start * wide + column..];
                    registers::dispatch!(S, F, rows.len(), outer.add(simd, sums, wide));
                }
                for rows in runs(EXTRA, most) {
                    let left = state((hidden + rows.start) * width);
                    let outer = Outer { steps: 0..steps, left, apart: true, right };
                    let sums = &mut sums[(hidden + rows.start) * wide + column..];
                    registers::dispatch!(S, F, rows.len(), outer.add(simd, sums, wide));
                }
            }
            let (dw_ho, db_o) = sums[(hidden + EXTRA) * wide..].split_at_mut(wide);
            let dz_o = delta(wide * width);
            for first in (0..units).step_by(LANES) {
                let h = match cell {
                    Cell::Dynamic => Rows { blocks: blocks.h, stride: hidden * width, first },
                    Cell::Elman | Cell::Lstm => state(first),
                };
                let outer = Outer { steps: 1..steps + 1, left: dz_o, apart: false, right: h };
                registers::dispatch!(S, F, 1, outer.add(simd, &mut dw_ho[first..], wide));
            }
            dz_o.of(1..steps + 1).for_each(|dz_o| db_o[0] += dz_o[0]);
        },
    );
}

/// What lies at one place of each block.
#[derive(Debug, Clone, Copy)]
struct Rows<'a, F> {
    blocks: &'a [F],
    /// From a block to the next.
    stride: usize,
    /// The place.
    first: usize,
}

impl<'a, F> Rows<'a, F> {
    /// That of some blocks, and what follows there.
    #[inline(always)]
    fn of(self, steps: Range<usize>) -> impl Iterator<Item = &'a [F]> {
        let blocks = &self.blocks[steps.start * self.stride..steps.end * self.stride];
        blocks.chunks_exact(self.stride).map(move |block| &block[self.first..])
    }
}

/// Some rows and 16 columns of `Σ_t left_t right_tᵀ`.
#[derive(Debug)]
struct Outer<'a, F> {
    steps: Range<usize>,
    left: Rows<'a, F>,
    /// The rows on the left are rows of samples, of which there is one, not neighbours.
    apart: bool,
    right: Rows<'a, F>,
}

impl<F: Lane> Outer<'_, F> {
    /// Adds R rows to `sums`, each `wide` after the one before.
    #[inline(always)]
    fn add<S: Simd, const R: usize, const NV: usize>(&self, simd: S, sums: &mut [F], wide: usize) {
        let mut acc = registers::load::<S, F, R, NV>(simd, sums, wide);
        for (left, right) in self.left.of(self.steps.clone()).zip(self.right.of(self.steps.clone())) {
            let right = &right[..LANES];
            if self.apart {
                // Tiles of units are a word wide.
                let left = left.as_chunks::<TILE>().0.first_chunk::<R>().expect("rows");
                registers::add(
                    simd,
                    &mut acc,
                    #[inline(always)]
                    |r| left[r][0],
                    right,
                );
            } else {
                let left = left.first_chunk::<R>().expect("units");
                registers::add(
                    simd,
                    &mut acc,
                    #[inline(always)]
                    |r| left[r],
                    right,
                );
            }
        }
        registers::store::<S, F, R, NV>(&acc, sums, wide);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::products::Products;
    use crate::kernel::units::Units;
    use crate::kernel::units::gradients::{Gradients, packed};
    use crate::kernel::units::one::tests::{numbers, tiles};
    use crate::kernel::{SimdLevel, dispatch};

    #[test]
    fn weight_gradients_of_one_sample_are_the_bits_of_the_way_for_many() {
        for (level, tile) in SimdLevel::available().into_iter().flat_map(|level| tiles().map(move |tile| (level, tile)))
        {
            let Shape { cell, units, hidden, wide, steps, .. } = tile.shape;
            let blocks = (steps + 1) * tile.width;
            let (state, delta) =
                (numbers(blocks * tile.shape.state_rows(), 0), numbers(blocks * tile.shape.delta_rows(), 1));
            let h = numbers(blocks * hidden, 2);
            let blocks = Blocks { state: &state, delta: &delta, h: &h };
            let before = numbers(Products::<f32>::sums(Units, tile.shape), 3);
            let (mut found, mut wanted, mut room) = (before.clone(), before, vec![0.0; packed(tile.shape)]);
            dispatch!(level.token().expect("available"), simd => {
                gradients(simd, &tile, blocks, &mut found);
                Gradients { tile: &tile, blocks }.run(simd, &mut wanted, &mut room);
            });
            // The rest of a line is nobody's.
            let of_weights = (0..units).chain(hidden..hidden + EXTRA).flat_map(|row| {
                (0..cell.gates()).flat_map(move |gate| (0..units).map(move |unit| row * wide + gate * hidden + unit))
            });
            let of_output = (0..units).chain([wide]).map(|i| (hidden + EXTRA) * wide + i);
            for i in of_weights.chain(of_output) {
                assert_eq!(found[i].to_bits(), wanted[i].to_bits(), "{level}, {cell}, {units} units: {i}");
            }
        }
    }
}
