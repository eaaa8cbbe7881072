//! Random streams keyed by (seed, purpose, index).
//!
//! A stream is a function of its key alone, never of a thread or of what was drawn before, so that
//! a minibatch can be made again at any time, in any order, on any machine.

use fearless_simd::prelude::*;
use fearless_simd::u64x8;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

/// What a stream is for. The numbers are part of every stored result; they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum Purpose {
    /// Initial parameters.
    Init = 1,
    /// Training minibatches; the index is the update.
    Data = 2,
    /// Pairs that decide whether a net has solved its task.
    Check = 3,
    /// Pairs of an evaluation asked for by a person.
    Eval = 4,
    /// Sample sums shown to a person.
    Show = 5,
    /// Nets and pairs of gradient checks.
    Gradcheck = 6,
    /// A fixed training set, and its order in each epoch.
    Dataset = 7,
    /// Noise on carried states in training; the index is the update.
    Noise = 8,
    /// Random points of a sweep; the index is the point.
    Sweep = 9,
    /// The pairs that curves of a training are made with.
    Probe = 10,
}

/// The stream of a key. For a given seed and purpose, different indices never share a state.
///
/// # Source
/// Xoshiro256++ (Blackman and Vigna 2019); its 256-bit state is filled by the finaliser of
/// `SplitMix64` over the key.
pub fn stream(seed: u64, purpose: Purpose, index: u64) -> Xoshiro256PlusPlus {
    let mut state = [0_u8; 32];
    for (key, bytes) in keys(seed, purpose).into_iter().zip(state.chunks_exact_mut(8)) {
        bytes.copy_from_slice(&mix(key ^ index).to_le_bytes());
    }
    Xoshiro256PlusPlus::from_seed(state)
}

/// What the states of the streams of a seed and purpose are made of, whatever their index.
#[inline(always)]
pub(super) fn keys(seed: u64, purpose: Purpose) -> [u64; 4] {
    [1_u64, 2, 3, 4].map(|word| mix(mix(seed ^ word.wrapping_mul(GOLDEN)) ^ purpose as u64))
}

/// A number in `[0, 1)` with 53 random bits.
pub fn unit(rng: &mut impl rand_xoshiro::rand_core::Rng) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
    let bits = (rng.next_u64() >> 11) as f64;
    bits * f64::EPSILON / 2.0
}

/// A number in `0..n`, without bias: draws are rejected above the largest multiple of `n`.
///
/// # Panics
/// If `n` is 0.
pub fn below(rng: &mut impl rand_xoshiro::rand_core::Rng, n: u64) -> u64 {
    assert!(n > 0, "an empty range has no number to draw");
    let limit = u64::MAX - u64::MAX % n;
    loop {
        let draw = rng.next_u64();
        if draw < limit {
            return draw % n;
        }
    }
}

/// 2^64 divided by the golden ratio, the increment of `SplitMix64`.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of `SplitMix64` after one increment: a bijection of 64-bit words.
#[inline(always)]
pub(crate) fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(GOLDEN);
    let x = (x ^ (x >> 30)).wrapping_mul(MIX[0]);
    let x = (x ^ (x >> 27)).wrapping_mul(MIX[1]);
    x ^ (x >> 31)
}

const MIX: [u64; 2] = [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];

/// Eight streams side by side: each gives the numbers that its [`stream`] gives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Eight<S: Simd>([u64x8<S>; 4]);

impl<S: Simd> Eight<S> {
    /// The streams of some [`keys`] and indices.
    #[inline(always)]
    pub(super) fn new(keys: [u64x8<S>; 4], indices: u64x8<S>) -> Self {
        let mut state = keys;
        for word in 0..4 {
            let x = (keys[word] ^ indices) + GOLDEN;
            let x = (x ^ (x >> 30)) * MIX[0];
            let x = (x ^ (x >> 27)) * MIX[1];
            state[word] = x ^ (x >> 31);
        }
        Self(state)
    }

    /// The next number of each.
    #[inline(always)]
    pub(super) fn next(&mut self) -> u64x8<S> {
        let [mut s0, mut s1, mut s2, mut s3] = self.0;
        let sum = s0 + s3;
        let next = ((sum << 23) | (sum >> 41)) + s0;
        let t = s1 << 17;
        s2 ^= s0;
        s3 ^= s1;
        s1 ^= s2;
        s0 ^= s3;
        s2 ^= t;
        self.0 = [s0, s1, s2, (s3 << 45) | (s3 >> 19)];
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_xoshiro::rand_core::Rng as _;

    #[test]
    fn a_stream_depends_on_every_part_of_its_key() {
        let first = |seed, purpose, index| stream(seed, purpose, index).next_u64();
        let base = first(0, Purpose::Data, 0);
        assert_eq!(base, first(0, Purpose::Data, 0), "the same key gives the same stream");
        assert_ne!(base, first(1, Purpose::Data, 0), "seed");
        assert_ne!(base, first(0, Purpose::Init, 0), "purpose");
        assert_ne!(base, first(0, Purpose::Data, 1), "index");
    }

    #[test]
    fn streams_never_change() {
        // Stored results depend on these numbers: a change here is a change of every result.
        let mut rng = stream(32, Purpose::Init, 7);
        let drawn: Vec<u64> = (0..3).map(|_| rng.next_u64()).collect();
        assert_eq!(drawn, STORED, "first three draws of (32, Init, 7)");
    }

    const STORED: [u64; 3] = [2_813_809_225_338_441_639, 9_234_368_085_933_420_418, 17_870_943_606_743_096_382];

    #[test]
    fn unit_and_below_stay_in_range() {
        let mut rng = stream(1, Purpose::Check, 0);
        let mut seen = [0_u32; 7];
        for _ in 0..7_000 {
            let x = unit(&mut rng);
            assert!((0.0..1.0).contains(&x), "unit gave {x}");
            seen[usize::try_from(below(&mut rng, 7)).expect("below 7")] += 1;
        }
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "uneven draws below 7: {seen:?}");
    }
}
