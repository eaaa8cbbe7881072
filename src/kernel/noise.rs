//! Noise on what a net carries from step to step, while it learns: a net that adds correctly in spite of it keeps its states far
//! from where rounding them would matter.
//!
//! Uniform, added to h after each step, and to c of an LSTM, which is then cut to a limit: a cell that counts on without end has no
//! finite set of states, and one that has learned to do without is as good. Slopes are those of the values without it. The noise of a place in
//! the states of a step and 64 samples is a function of the update's key alone, so it is the same on every level and for any number of threads.

use super::Float;
use super::bptt::At;
use super::layout::{TILE, Tile};
use super::math::Lane;
use super::workspace::Workspace;
use crate::model::Cell;
use crate::task::rng::mix;
use fearless_simd::Simd;

/// The noise of one update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// It is uniform in ± this.
    pub amplitude: f32,
    /// The largest magnitude of an LSTM's c.
    pub cell_limit: f32,
    /// What it is a function of.
    pub key: u64,
}

impl Noise {
    /// Adds noise to what step `at.t` made; h without it is kept for the way back, where the slope is taken of h.
    pub(super) fn add<S: Simd, F: Float>(self, simd: S, tile: &Tile, at: At, ws: &mut Workspace<F>) {
        let (h, c) = (tile.h(at.to), tile.plain(at.to));
        match tile.shape.cell {
            Cell::Elman => {
                ws.extra.clean[c.clone()].copy_from_slice(&ws.state[h.clone()]);
                self.disturb(simd, tile, at.t, 0, &mut ws.state[h]);
            }
            Cell::Dynamic => {
                ws.extra.clean[c.clone()].copy_from_slice(&ws.extra.h[c.clone()]);
                self.disturb(simd, tile, at.t, 0, &mut ws.extra.h[c]);
            }
            Cell::Lstm => {
                self.disturb(simd, tile, at.t, 0, &mut ws.state[h]);
                self.disturb(simd, tile, at.t, tile.shape.hidden, &mut ws.extra.c[c.clone()]);
                let limit = F::of(f64::from(self.cell_limit));
                simd.vectorize(
                    #[inline(always)]
                    || ws.extra.c[c].iter_mut().for_each(|c| *c = c.max(-limit).min(limit)),
                );
            }
        }
    }

    /// Adds noise to H rows, the first of them `unit`.
    fn disturb<S: Simd, F: Float>(self, simd: S, tile: &Tile, t: usize, unit: usize, rows: &mut [F]) {
        let amplitude = F::of(f64::from(self.amplitude));
        for (place, row) in rows.chunks_exact_mut(tile.width).enumerate() {
            let (tiles, _) = row.as_chunks_mut::<TILE>();
            for (word, tile) in tile.words.clone().zip(tiles) {
                let key = mix(mix(mix(self.key ^ word as u64) ^ t as u64) ^ (unit + place) as u64);
                simd.vectorize(
                    #[inline(always)]
                    || uniform(key, amplitude, tile),
                );
            }
        }
    }
}

/// Adds numbers uniform in ±amplitude.
///
/// # Source
/// The finaliser of `MurmurHash3` (Appleby), over the lane and the key.
#[inline(always)]
fn uniform<F: Lane>(key: u64, amplitude: F, row: &mut [F; TILE]) {
    let [low, high] = [key, key >> 32].map(
        #[expect(clippy::cast_possible_truncation, reason = "a half of the key each")]
        |half| half as u32,
    );
    // 23 bits and a sign: exact in both precisions, as is the product with a power of two.
    let unit = amplitude * F::of(f64::from(f32::EPSILON));
    for (lane, x) in (0_u32..).zip(row) {
        let mut bits = lane.wrapping_mul(0x9e37_79b9) ^ low;
        bits = (bits ^ bits >> 16).wrapping_mul(0x85eb_ca6b) ^ high;
        bits = (bits ^ bits >> 13).wrapping_mul(0xc2b2_ae35);
        bits ^= bits >> 16;
        *x += unit * F::whole(bits.cast_signed() >> 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_uniform_and_a_function_of_its_key() {
        let mut all = Vec::new();
        for key in 0..500 {
            let mut row = [0.0_f32; TILE];
            uniform(mix(key), 0.3, &mut row);
            let mut again = [0.0_f32; TILE];
            uniform(mix(key), 0.3, &mut again);
            assert_eq!(row, again, "the same key");
            all.extend(row);
        }
        let n = all.len() as f64;
        let moment = |power: i32| all.iter().map(|&x| f64::from(x).powi(power)).sum::<f64>() / n;
        assert!(all.iter().all(|x| (-0.3..=0.3).contains(x)), "bounds");
        // Four standard errors of mean and variance.
        assert!(moment(1).abs() < 4.0 * 0.3 / (3.0 * n).sqrt(), "mean {}", moment(1));
        assert!((moment(2) - 0.03).abs() < 4.0 * 0.09 * (4.0 / 45.0 / n).sqrt(), "variance {}", moment(2));
        let lag = all.windows(2).map(|w| f64::from(w[0] * w[1])).sum::<f64>() / n;
        assert!(lag.abs() < 4.0 * 0.03 / n.sqrt(), "neighbours correlate: {lag}");
    }
}
