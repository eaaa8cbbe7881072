//! Samples as lanes: this crate's register tiles, 64 samples at a time, everything of them in cache.

use super::finish::Finish;
use super::gemm::{self, Panel};
use super::layout::{LANES, Shape, Tile};
use super::linear::Linear;
use super::math::Lane;
use super::outer;
use super::products::{Blocks, Products, Size};
use fearless_simd::Simd;
use std::ops::Range;

/// A tile of 64 samples, a lane each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fused;

impl<F: Lane> Products<F> for Fused {
    type Weights = Panel<F>;
    fn together(self, _words: usize) -> usize {
        1
    }

    fn weights(self, size: Size) -> Panel<F> {
        Panel::zeros(size.inputs(), size.outputs(), size.gates_out.max(1))
    }

    fn pack<S: Simd>(self, simd: S, packed: &mut Panel<F>, linear: Linear<'_, F>) {
        packed.pack(simd, linear);
    }

    fn product<S: Simd>(
        self,
        simd: S,
        _tile: &Tile,
        weights: &Panel<F>,
        k: Range<usize>,
        rows: &[F],
        out: &mut [F],
        finish: Finish<'_, F>,
    ) {
        gemm::product(simd, weights, k, rows, out, finish);
    }

    fn weight_gradients<S: Simd>(self, simd: S, tile: &Tile, blocks: Blocks<'_, F>, sums: &mut [F]) {
        outer::outer(simd, tile.shape, blocks, sums);
    }

    /// All lanes.
    fn sums(self, shape: Shape) -> usize {
        outer::entries(shape) * LANES
    }

    /// Their totals.
    fn room(self, shape: Shape) -> usize {
        outer::entries(shape)
    }

    fn totals(self, shape: Shape, sums: &mut [F]) -> &[F] {
        outer::totals(shape, sums)
    }
}
