//! One sample, as in online learning: what no step hands to the next goes over all its steps at once, errors with steps as lanes.

use super::bptt::{At, Net, Pass, hidden_blocks};
use super::layout::{LANES, Tile};
use super::products::Products;
use super::rows::Output;
use super::workspace::Workspace;
use super::{Float, elman};
use crate::model::Cell;
use fearless_simd::Simd;

impl<W, P> Pass<'_, P, W> {
    /// All steps of one sample forward, without noise, and their outputs; returns the wrong bits.
    #[inline(always)]
    pub(super) fn forward_of_one<S: Simd, F: Float>(&self, simd: S, tile: &Tile, ws: &mut Workspace<F>) -> u64
    where
        P: Products<F, Weights = W>,
    {
        self.all_inputs(tile, ws);
        if self.net.cell == Cell::Elman {
            elman::all_forward(simd, self, tile, ws);
        } else {
            (0..tile.shape.steps).for_each(|t| self.forward(simd, tile, At { t, from: t, to: t + 1 }, ws));
        }
        self.all_outputs(simd, tile, ws)
    }

    /// `x_t` of all steps into the state.
    #[inline(always)]
    fn all_inputs<F: Float>(&self, tile: &Tile, ws: &mut Workspace<F>) {
        let (first, word) = (tile.x(0).start, tile.words.start);
        let blocks = ws.state[first..].chunks_mut(tile.shape.state_rows() * tile.width);
        for (block, (a, b)) in blocks.zip(self.batch.a.words_of(word).zip(self.batch.b.words_of(word))) {
            // Computed, not chosen: of branches on random bits, every second is guessed wrong.
            let bit = |bits: u64| F::whole(i32::from(bits & 1 == 1));
            (block[0], block[tile.width]) = (bit(a), bit(b));
        }
    }

    /// The output of all steps: `z_o = h_t W_ho + b_o`, counted, and `dz_o` into the blocks of delta; returns the wrong bits.
    #[inline(always)]
    fn all_outputs<S: Simd, F: Float>(&self, simd: S, tile: &Tile, ws: &mut Workspace<F>) -> u64
    where
        P: Products<F, Weights = W>,
    {
        let steps = tile.shape.steps;
        let (h, rows) = hidden_blocks(tile, &ws.state, &ws.extra);
        let stride = rows * tile.width;
        let whole = steps.next_multiple_of(LANES);
        ws.outputs.reserve(whole);
        self.products.outputs(simd, &self.packed.output, &h[stride..], stride, &mut ws.outputs[..steps]);
        let mut targets = self.batch.c.words_of(tile.words.start);
        let mut deltas = ws.delta[tile.dz_o(1).start..].chunks_mut(tile.shape.delta_rows() * tile.width);
        let mut wrong_bits = 0;
        for line in ws.outputs[..whole].as_chunks_mut::<LANES>().0 {
            let (mut target, mut count, mut losses) = (0, 0, [F::zero(); LANES]);
            for bits in targets.by_ref().take(LANES) {
                target |= (bits & 1) << count;
                count += 1;
            }
            let Net { output: activation, loss, .. } = self.net;
            let output = Output { activation, loss, target: &[target], valid: &[(1 << count) - 1], lanes: &mut losses };
            output.run(simd, line, |_, wrong| wrong_bits += u64::from(wrong.count_ones()));
            // One step after the other, as they are added where samples are the lanes.
            losses[..count].iter().for_each(|&loss| ws.loss[0] += loss);
            line[..count].iter().zip(&mut deltas).for_each(|(&dz_o, delta)| delta[0] = dz_o);
        }
        ws.wrong[0] = u64::from(wrong_bits > 0);
        wrong_bits
    }
}
