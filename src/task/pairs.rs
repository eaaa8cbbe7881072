//! Sets of additions too large to hold at once: a chunk at a time, each a function of its index.

use super::addition::{ADVERSARIAL_SAMPLES, EXHAUSTIVE_BITS, Minibatch, Pattern, pairs_of};
use super::rng::{Purpose, stream};
use crate::error::{Error, Result};

/// A set of additions of one width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairSet {
    pattern: Pattern,
    bits: usize,
    pairs: usize,
    seed: u64,
    purpose: Purpose,
}

/// Additions in a chunk: enough to keep a kernel busy, few enough to stay in cache. Chunks of wide
/// numbers are smaller.
const CHUNK: usize = 4096;
/// Additions in a chunk of all pairs, which share the more the more they are: all of 8 bits.
const EVERY: usize = 1 << 14;

impl PairSet {
    /// Every pair of `bits`-bit additions.
    ///
    /// # Errors
    /// [`Error::Usage`] above [`EXHAUSTIVE_BITS`].
    pub fn exhaustive(bits: usize) -> Result<Self> {
        match pairs_of(bits) {
            Some(pairs) if bits <= EXHAUSTIVE_BITS => {
                Ok(Self { pattern: Pattern::Exhaustive, bits, pairs, seed: 0, purpose: Purpose::Eval })
            }
            _ => Err(Error::usage(format!(
                "every pair of {bits}-bit additions is 4^{} of them; exhaustive sets go to {EXHAUSTIVE_BITS} bits, use random pairs",
                bits.saturating_sub(1)
            ))),
        }
    }

    /// `pairs` random additions, from the stream of a seed and purpose.
    pub fn uniform(bits: usize, pairs: usize, seed: u64, purpose: Purpose) -> Self {
        Self { pattern: Pattern::Uniform, bits, pairs, seed, purpose }
    }

    /// `pairs` random additions with long carries, from the stream of a seed and purpose; see
    /// [`Pattern::Runs`].
    pub fn runs(bits: usize, pairs: usize, seed: u64, purpose: Purpose) -> Self {
        Self { pattern: Pattern::Runs, bits, pairs, seed, purpose }
    }

    /// The adversarial set.
    pub fn adversarial(bits: usize) -> Self {
        Self { pattern: Pattern::Adversarial, bits, pairs: ADVERSARIAL_SAMPLES, seed: 0, purpose: Purpose::Eval }
    }

    /// The pattern of its additions.
    pub fn pattern(&self) -> Pattern {
        self.pattern
    }

    /// Width of its additions, in bits.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// How many additions it holds.
    pub fn pairs(&self) -> usize {
        self.pairs
    }

    /// Number of chunks.
    pub fn chunks(&self) -> usize {
        self.pairs.div_ceil(self.chunk_pairs())
    }

    /// Makes `batch` the chunk of an index.
    pub fn fill(&self, index: usize, batch: &mut Minibatch) {
        let first = index * self.chunk_pairs();
        batch.reset(self.chunk_pairs().min(self.pairs - first), self.bits);
        match self.pattern {
            Pattern::Uniform => batch.fill_uniform(&mut stream(self.seed, self.purpose, index as u64)),
            Pattern::Runs => batch.fill_runs(&mut stream(self.seed, self.purpose, index as u64)),
            Pattern::Exhaustive => batch.fill_exhaustive(first),
            Pattern::Adversarial => batch.fill_adversarial(),
        }
    }

    /// Additions in a chunk: a multiple of 64, at most 32 Mbit of each operand.
    fn chunk_pairs(&self) -> usize {
        match self.pattern {
            Pattern::Adversarial => ADVERSARIAL_SAMPLES,
            Pattern::Exhaustive => EVERY,
            _ => ((1 << 25) / self.bits / 64 * 64).clamp(64, CHUNK),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_make_up_the_set() {
        for set in [
            PairSet::exhaustive(8).expect("small"),
            PairSet::exhaustive(2).expect("small"),
            PairSet::uniform(64, 10_000, 1, Purpose::Check),
            PairSet::uniform(65_536, 700, 1, Purpose::Check),
            PairSet::adversarial(12),
        ] {
            let mut batch = Minibatch::default();
            let total: usize = (0..set.chunks())
                .map(|i| {
                    set.fill(i, &mut batch);
                    batch.samples()
                })
                .sum();
            assert_eq!((total, batch.bits()), (set.pairs(), set.bits()), "{set:?}");
        }
        assert!(PairSet::exhaustive(17).is_err(), "too many pairs");
    }
}
