//! Noise on what a net carries from step to step, while it learns: a net that adds correctly in
//! spite of it keeps its states far from where rounding them would matter.
//!
//! Uniform, added to h after each step, and to c of an LSTM, which is then cut to a limit: a cell
//! that counts on without end has no finite set of states, and one that has learned to do without
//! is as good. Much noise on c teaches a net to keep nothing there. Slopes are those of the values
//! without it. The noise of a place in the states of a step and 64 samples is a function of the
//! update's key alone, so it is the same on every level and for any number of threads.

use super::cell::{C, KEPT};
use super::math::Lane;
use super::rows::{Shape, lanes};
use crate::task::lanes::{LANES, PerLane};
use crate::task::rng::mix;
use fearless_simd::Simd;

/// The noise of one update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// It is uniform in ± this, for h and for c.
    pub amplitude: [f32; 2],
    /// The largest magnitude of an LSTM's c.
    pub cell_limit: f32,
    /// What it is a function of.
    pub key: u64,
}

impl Noise {
    /// Adds noise to the rows of a level and, where c is kept, to c; h without it goes to `clean`
    /// else, for the way back, where the slope is taken of h.
    ///
    /// # Shapes
    /// `h`, `clean`: `[rows][ld]`; `kept [rows][6][wide]`.
    pub(super) fn disturb_level<S: Simd, F: Lane>(
        self,
        simd: S,
        (key, step): (u64, usize),
        Shape { wide, ld, .. }: Shape,
        h: &mut [F],
        (clean, kept): (&mut [F], &mut [F]),
    ) {
        simd.vectorize(
            #[inline(always)]
            || {
                let limit = F::of(f64::from(self.cell_limit));
                for (row, h) in h.chunks_exact_mut(ld).enumerate() {
                    let h = &mut h[..wide];
                    let key = self.key((key, step, row));
                    if kept.is_empty() {
                        clean[row * ld..][..wide].copy_from_slice(h);
                    } else {
                        let c = &mut kept[(row * KEPT + C) * wide..][..wide];
                        disturb(key ^ 1 << 63, self.amplitude[1], c);
                        c.iter_mut().for_each(|c| *c = c.max(-limit).min(limit));
                    }
                    disturb(key, self.amplitude[0], h);
                }
            },
        );
    }

    /// The key of a row of a step.
    #[inline(always)]
    fn key(self, (key, step, row): (u64, usize, usize)) -> u64 {
        mix(mix(mix(self.key ^ key) ^ step as u64) ^ row as u64)
    }
}

/// Adds noise to a row.
#[inline(always)]
fn disturb<F: Lane>(key: u64, amplitude: f32, row: &mut [F]) {
    let amplitude = F::of(f64::from(amplitude));
    for (line, x) in (0_u64..).zip(row.chunks_exact_mut(LINE)) {
        uniform(mix(key ^ line), amplitude, x);
    }
}

/// Floats that have a key in common.
const LINE: usize = 8;

/// Adds numbers uniform in ±amplitude.
#[inline(always)]
fn uniform<F: Lane>(key: u64, amplitude: F, row: &mut [F]) {
    let [low, high] = halves(key);
    let unit = unit(amplitude);
    for (lane, x) in (0_u32..).zip(row) {
        *x += unit * F::signed(draw([low, high], lane));
    }
}

/// What a [`draw`] is multiplied with: its 23 bits and sign are exact in both precisions, as is the
/// product with a power of two.
#[inline(always)]
fn unit<F: Lane>(amplitude: F) -> F {
    amplitude * F::of(f64::from(f32::EPSILON))
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "a half of the key each")]
fn halves(key: u64) -> [u32; 2] {
    [key as u32, (key >> 32) as u32]
}

/// 23 bits and a sign of a place under a key.
///
/// # Source
/// The finaliser of `MurmurHash3` (Appleby), over the place and the key.
#[inline(always)]
fn draw([low, high]: [u32; 2], place: u32) -> i32 {
    let mut bits = place.wrapping_mul(0x9e37_79b9) ^ low;
    bits = (bits ^ bits >> 16).wrapping_mul(0x85eb_ca6b) ^ high;
    bits = (bits ^ bits >> 13).wrapping_mul(0xc2b2_ae35);
    bits ^= bits >> 16;
    bits.cast_signed() >> 8
}

/// The noise of nets that are lanes. That of a place is a function of the lane's key, the sample,
/// the step and the unit.
#[derive(Debug, Clone)]
pub(super) struct LaneNoise<F> {
    /// What a [`draw`] is multiplied with, for h and for c; 0 for a lane without noise.
    units: [PerLane<F>; 2],
    /// ∞ for a lane without noise.
    limits: PerLane<F>,
    keys: PerLane<u64>,
}

impl<F: Lane> Default for LaneNoise<F> {
    fn default() -> Self {
        Self { units: [[F::zero(); LANES]; 2], limits: [F::infinity(); LANES], keys: [0; LANES] }
    }
}

impl<F: Lane> LaneNoise<F> {
    /// Sets that of a lane.
    pub(super) fn set(&mut self, lane: usize, noise: Option<Noise>) {
        let of = |x: f32| F::of(f64::from(x));
        for (i, units) in self.units.iter_mut().enumerate() {
            units[lane] = noise.map_or(F::zero(), |noise| unit(of(noise.amplitude[i])));
        }
        self.limits[lane] = noise.map_or(F::infinity(), |noise| of(noise.cell_limit));
        self.keys[lane] = noise.map_or(0, |noise| noise.key);
    }

    /// Whether no lane has any.
    pub(super) fn is_silent(&self) -> bool {
        self.units.as_flattened().iter().all(|&unit| unit == F::zero())
    }

    /// Adds noise to h of a step, N samples beside each other from the given one on.
    ///
    /// # Shapes
    /// `h [unit][sample]`, in lines.
    #[inline(always)]
    pub(super) fn disturb<const N: usize>(&self, place: (usize, usize), h: &mut [F]) {
        for (unit, lines) in h.chunks_exact_mut(N * lanes::<F>()).enumerate() {
            self.disturb_unit(0, place, unit, lines);
        }
    }

    /// Adds noise to c of each unit, and cuts it to its limit.
    #[inline(always)]
    pub(super) fn disturb_cells<'a>(&self, place: (usize, usize), c: impl Iterator<Item = &'a mut [F]>) {
        for (unit, lines) in c.enumerate() {
            self.disturb_unit(1, place, unit, lines);
            for (at, c) in lines.iter_mut().enumerate() {
                let limit = self.limits[at % lanes::<F>()];
                *c = if *c > limit {
                    limit
                } else if *c < -limit {
                    -limit
                } else {
                    *c
                };
            }
        }
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "units are at most 2^15")]
    fn disturb_unit(&self, of: usize, (first, step): (usize, usize), unit: usize, lines: &mut [F]) {
        for (sample, line) in (first..).zip(lines.chunks_exact_mut(lanes::<F>())) {
            for (lane, x) in line.iter_mut().enumerate() {
                let key = mix(mix(self.keys[lane] ^ sample as u64) ^ (2 * step + of) as u64);
                let moved = *x + self.units[of][lane] * F::signed(draw(halves(key), unit as u32));
                // Without noise not even the sign of a zero changes.
                *x = if self.units[of][lane] > F::zero() { moved } else { *x };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_uniform_and_a_function_of_its_key() {
        let mut all = Vec::new();
        for key in 0..500 {
            let mut row = [0.0_f32; 64];
            uniform(mix(key), 0.3, &mut row);
            let mut again = [0.0_f32; 64];
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
