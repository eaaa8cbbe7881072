//! Minibatches of many trainings side by side: a lane gets the bits that its training draws alone.

use super::addition::Minibatch;
use super::rng::{Eight, Purpose, keys};
use fearless_simd::prelude::*;
use fearless_simd::{u32x16, u64x8};

/// Trainings side by side.
pub const LANES: usize = 16;

/// A value of each lane.
pub type PerLane<T> = [T; LANES];

/// Samples in a word of a lane.
pub(crate) const WORD: usize = 32;

/// Additions of each lane, as many and as wide in all of them.
///
/// # Shapes
/// `[word][step]` of a, b and c, each a word of 32 samples of every lane. Bits beyond the last
/// sample are anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaneBits {
    samples: usize,
    bits: usize,
    words: Vec<[PerLane<u32>; 3]>,
}

impl LaneBits {
    /// `samples` additions of zeros in each lane.
    pub fn new(samples: usize, bits: usize) -> Self {
        let words = vec![[[0; LANES]; 3]; samples.div_ceil(2 * WORD) * 2 * bits];
        Self { samples, bits, words }
    }

    /// Additions of a lane.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Their width.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// a, b and c of the samples of a word, step by step.
    #[inline(always)]
    pub(crate) fn word(&self, word: usize) -> &[[PerLane<u32>; 3]] {
        &self.words[word * self.bits..][..self.bits]
    }

    /// Makes a lane's additions those of a minibatch of the same shape.
    ///
    /// # Panics
    /// If it has another shape.
    #[expect(clippy::cast_possible_truncation, reason = "a half of a word each")]
    pub fn set(&mut self, lane: usize, batch: &Minibatch) {
        assert_eq!((batch.samples(), batch.bits()), (self.samples, self.bits), "a minibatch of another shape");
        for (word, steps) in self.words.chunks_exact_mut(self.bits).enumerate() {
            for (step, row) in steps.iter_mut().enumerate() {
                for (row, tensor) in row.iter_mut().zip([&batch.a, &batch.b, &batch.c]) {
                    row[lane] = (tensor.column(step)[word / 2] >> (32 * (word % 2))) as u32;
                }
            }
        }
    }

    /// Fills each lane from its own streams, as [`Minibatch::fill_uniform`] fills a minibatch.
    #[inline(always)]
    pub(crate) fn fill_uniform<S: Simd>(&mut self, simd: S, data: &DataKeys, updates: &PerLane<u64>) {
        let [mut low, mut high] = [data.eight(simd, 0, updates), data.eight(simd, 8, updates)];
        let (bits, words) = (self.bits, self.samples.div_ceil(2 * WORD));
        for step in 0..bits - 1 {
            for word in 0..words {
                for tensor in 0..2 {
                    let [x, y]: [u32x16<S>; 2] = [low.next().bitcast(), high.next().bitcast()];
                    x.unzip_low(y).store_slice(&mut self.words[2 * word * bits + step][tensor]);
                    x.unzip_high(y).store_slice(&mut self.words[(2 * word + 1) * bits + step][tensor]);
                }
            }
        }
        for steps in self.words.chunks_exact_mut(bits).take(self.samples.div_ceil(WORD)) {
            let mut carry = u32x16::splat(simd, 0);
            for [a, b, c] in steps {
                let (a, b) = (u32x16::from_slice(simd, a), u32x16::from_slice(simd, b));
                let either = a ^ b;
                (either ^ carry).store_slice(c);
                carry = (a & b) | (carry & either);
            }
        }
    }
}

/// Where each lane's minibatches come from: the streams of its seed, by update.
#[derive(Debug, Clone, Default)]
pub struct DataKeys {
    keys: [PerLane<u64>; 4],
}

impl DataKeys {
    /// Gives a lane the data of a seed.
    pub fn set(&mut self, lane: usize, seed: u64) {
        self.keys.iter_mut().zip(keys(seed, Purpose::Data)).for_each(|(keys, key)| keys[lane] = key);
    }

    /// The streams of eight lanes.
    #[inline(always)]
    fn eight<S: Simd>(&self, simd: S, first: usize, updates: &PerLane<u64>) -> Eight<S> {
        let mut keys = [u64x8::splat(simd, 0); 4];
        for word in 0..4 {
            keys[word] = u64x8::from_slice(simd, &self.keys[word][first..][..8]);
        }
        Eight::new(keys, u64x8::from_slice(simd, &updates[first..][..8]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::rng::stream;
    use fearless_simd::{Level, dispatch};

    #[test]
    fn every_lane_draws_what_it_draws_alone() {
        for (samples, bits) in [(1, 2), (8, 8), (31, 20), (64, 8), (65, 9), (200, 3)] {
            let (mut data, updates) = (DataKeys::default(), std::array::from_fn(|lane| 1000 * lane as u64));
            (0..LANES).for_each(|lane| data.set(lane, 7 * lane as u64));
            let mut alone = LaneBits::new(samples, bits);
            for lane in 0..LANES {
                let mut batch = Minibatch::new(samples, bits);
                batch.fill_uniform(&mut stream(7 * lane as u64, Purpose::Data, updates[lane]));
                alone.set(lane, &batch);
            }
            for level in [Level::new(), Level::baseline()] {
                let mut found = LaneBits::new(samples, bits);
                dispatch!(level, simd => found.fill_uniform(simd, &data, &updates));
                for sample in 0..samples {
                    let bit = |of: &LaneBits, step: usize| {
                        of.word(sample / WORD)[step].map(|row| row.map(|word| word >> (sample % WORD) & 1))
                    };
                    for step in 0..bits {
                        let (found, wanted) = (bit(&found, step), bit(&alone, step));
                        assert_eq!(found, wanted, "{level:?}: sample {sample} of {samples}, step {step} of {bits}");
                    }
                }
            }
        }
    }
}
