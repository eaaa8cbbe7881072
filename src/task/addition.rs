//! Minibatches of additions, made bit-sliced: 64 samples at a time, no integer ever formed.

use super::bits::{BitTensor, WORD, valid_bits};
use crate::words::words;
use rand_xoshiro::rand_core::Rng;

/// A minibatch of additions `c = a + b` of the same width.
///
/// The top bit of `a` and of `b` is 0, so that `c` fits the width: n bits hold 4^(n−1) pairs.
///
/// # Shapes
/// `a`, `b`, `c`: column-major `[sample, step]`, least significant bit first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Minibatch {
    /// First operands.
    pub a: BitTensor,
    /// Second operands.
    pub b: BitTensor,
    /// Sums.
    pub c: BitTensor,
}

/// Which additions to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// Independent fair bits.
    Uniform,
    /// Random additions with long carries, and long stretches without one: a kind of input lasts
    /// for some steps.
    Runs,
    /// Every pair, once.
    Exhaustive,
    /// Sums that break nets: long carry chains, all ones, constant inputs, alternating bits.
    Adversarial,
}

words!(Pattern "pattern": Uniform = "uniform", Runs = "runs", Exhaustive = "exhaustive", Adversarial = "adversarial");

/// The largest width that an exhaustive set is made for: 4^15 pairs, a gigabit.
pub const EXHAUSTIVE_BITS: usize = 16;

/// The number of pairs of `bits`-bit additions, 4^(bits−1), if it fits a `usize`.
pub fn pairs_of(bits: usize) -> Option<usize> {
    let log2 = u32::try_from(2 * bits.checked_sub(1)?).ok()?;
    1_usize.checked_shl(log2)
}

/// Samples in the adversarial set of a width: 64 patterns, and the same with a and b exchanged.
pub const ADVERSARIAL_SAMPLES: usize = 2 * WORD;

impl Minibatch {
    /// `samples` additions of zeros.
    pub fn new(samples: usize, bits: usize) -> Self {
        let mut batch = Self::default();
        batch.reset(samples, bits);
        batch
    }

    /// Takes a new shape and clears all bits; allocates only to grow.
    pub fn reset(&mut self, samples: usize, bits: usize) {
        for tensor in [&mut self.a, &mut self.b, &mut self.c] {
            tensor.reset(samples, bits);
        }
    }

    /// Number of additions.
    pub fn samples(&self) -> usize {
        self.a.samples()
    }

    /// Width in bits, which is the number of time steps.
    pub fn bits(&self) -> usize {
        self.a.steps()
    }

    /// Fills the minibatch with independent fair bits, and the sums.
    ///
    /// # Cost
    /// Two draws for 64 samples and a step.
    pub fn fill_uniform(&mut self, rng: &mut impl Rng) {
        self.fill(|_, _| (rng.next_u64(), rng.next_u64()));
    }

    /// Fills the minibatch with random runs, and the sums. A step begins a new run with a chance of
    /// ⅛.
    ///
    /// Four kinds of run are equally likely: fair bits; one pair of equal bits, repeated; one pair
    /// of unequal bits, repeated, which passes a carry on; unequal bits in either order, which do
    /// too.
    ///
    /// # Cost
    /// Eight draws for 64 samples and a step.
    pub fn fill_runs(&mut self, rng: &mut impl Rng) {
        // For each word, two bits of the kind of 64 runs, and the bit that some repeat.
        let mut kinds = vec![[0_u64; 3]; self.a.words()];
        self.fill(|step, word| {
            let [first, second, third, x, y] = [0; 5].map(|_: u64| rng.next_u64());
            let begins = if step == 0 { u64::MAX } else { first & second & third };
            let kind = kinds[word].map(|old| (old & !begins) | (rng.next_u64() & begins));
            kinds[word] = kind;
            let [unequal, fixed, bit] = kind;
            let a = (fixed & bit) | (!fixed & x);
            let other = (unequal & !a) | (!unequal & fixed & a) | (!unequal & !fixed & y);
            (a, other)
        });
    }

    /// Fills the minibatch with the pairs numbered from `first`: pair `p` has the low `bits − 1`
    /// bits of `p` as a, the next ones as b. Pairs past the last repeat from the first.
    pub fn fill_exhaustive(&mut self, first: usize) {
        assert!(first.is_multiple_of(WORD), "pairs start at a multiple of {WORD}, not at {first}");
        let operand_bits = self.bits() - 1;
        self.fill(|step, word| {
            let index = first + word * WORD;
            (pair_bits(index, step), pair_bits(index, step + operand_bits))
        });
    }

    /// Makes the minibatch the adversarial set of its width: [`ADVERSARIAL_SAMPLES`] additions.
    pub fn fill_adversarial(&mut self) {
        self.reset(ADVERSARIAL_SAMPLES, self.bits());
        let operand_bits = self.bits() - 1;
        let periods = std::array::from_fn::<_, WORD, _>(|pattern| adversarial_period(pattern, operand_bits));
        let (mut a, mut b) = (0, 0);
        self.fill(|step, word| {
            // The second word has a and b of the first one exchanged.
            if word > 0 {
                return (b, a);
            }
            (a, b) = (0, 0);
            for (pattern, &period) in periods.iter().enumerate() {
                let (bit_a, bit_b) = adversarial_bits(pattern, step, operand_bits, period);
                a |= u64::from(bit_a) << pattern;
                b |= u64::from(bit_b) << pattern;
            }
            (a, b)
        });
    }

    /// Copies the given samples, in their order, to `out`.
    pub fn gather(&self, samples: &[usize], out: &mut Self) {
        out.reset(samples.len(), self.bits());
        for (from, to) in [(&self.a, &mut out.a), (&self.b, &mut out.b), (&self.c, &mut out.c)] {
            from.gather(samples, to);
        }
    }

    /// Fills a and b from `source(step, word)`, keeps the top bit 0 and the last word masked, then
    /// adds.
    fn fill(&mut self, mut source: impl FnMut(usize, usize) -> (u64, u64)) {
        let mask = valid_bits(self.samples(), self.a.words().saturating_sub(1));
        let top = self.bits().saturating_sub(1);
        for (step, (a, b)) in self.a.columns_mut().zip(self.b.columns_mut()).enumerate() {
            if step == top {
                a.fill(0);
                b.fill(0);
                continue;
            }
            for (word, (a, b)) in a.iter_mut().zip(&mut *b).enumerate() {
                (*a, *b) = source(step, word);
            }
            for column in [a, b] {
                if let Some(word) = column.last_mut() {
                    *word &= mask;
                }
            }
        }
        self.add();
    }

    /// Computes c from a and b, one bit-sliced ripple-carry step for each column:
    /// `c = a ⊕ b ⊕ carry`, `carry = majority(a, b, carry)`.
    pub fn add(&mut self) {
        let shape = |tensor: &BitTensor| (tensor.samples(), tensor.steps());
        assert!(shape(&self.a) == shape(&self.b) && shape(&self.a) == shape(&self.c), "three tensors of one shape");
        for word in 0..self.a.words() {
            let mut carry = 0;
            for ((a, b), c) in self.a.words_of(word).zip(self.b.words_of(word)).zip(self.c.words_of_mut(word)) {
                *c = a ^ b ^ carry;
                carry = (a & b) | (carry & (a ^ b));
            }
        }
    }
}

/// Bit `place` of the 64 consecutive numbers that start at `first`, a multiple of 64.
fn pair_bits(first: usize, place: usize) -> u64 {
    /// Bit i of word k is bit k of the number i.
    const LOW: [u64; 6] = [
        0xaaaa_aaaa_aaaa_aaaa,
        0xcccc_cccc_cccc_cccc,
        0xf0f0_f0f0_f0f0_f0f0,
        0xff00_ff00_ff00_ff00,
        0xffff_0000_ffff_0000,
        0xffff_ffff_0000_0000,
    ];
    match LOW.get(place) {
        Some(&bits) => bits,
        None if place < usize::BITS as usize && first >> place & 1 == 1 => u64::MAX,
        None => 0,
    }
}

/// The first pattern with a period; each has three gaps.
const PERIODIC: usize = 10;

/// The period of an adversarial pattern. Periods grow from 2 towards the width in 18 steps, by a
/// quarter, a half or twice.
fn adversarial_period(pattern: usize, operand_bits: usize) -> usize {
    let quarters = match operand_bits {
        0..=80 => 1,
        81..=2_000 => 2,
        _ => 4,
    };
    let steps = pattern.saturating_sub(PERIODIC) / 3;
    (0..steps).fold(2, |p: usize, _| (p + (p * quarters / 4).max(1)).min(operand_bits.max(2)))
}

/// Bit `step` of a and b of an adversarial pattern, where the operands have `operand_bits` bits.
///
/// Patterns 0–9 are the classic ones. From 10 on, a carry is born every `period` steps (both bits
/// 1), unequal bits pass it on, and it dies `gap` steps before the next birth (both bits 0).
fn adversarial_bits(pattern: usize, step: usize, operand_bits: usize, period: usize) -> (bool, bool) {
    let even = step.is_multiple_of(2);
    match pattern {
        0 => (false, false),
        1 => (true, false),
        2 => (true, true),
        3 => (true, step == 0),
        4 => (even, !even),
        5 => (even, even),
        6 => (!even, !even),
        7 => (true, even),
        8 => (even, false),
        // One birth in the middle, carried to the top.
        9 => (true, step == operand_bits / 2),
        _ => {
            let gap = [0, 1, period / 2][(pattern - PERIODIC) % 3];
            let phase = step % period;
            let birth = phase == 0;
            let alive = phase + gap < period;
            // The bit that passes the carry on is a's in even periods and b's in odd ones.
            let side = (step / period).is_multiple_of(2);
            (birth || alive && side, birth || alive && !side)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::rng::{Purpose, stream};

    /// Adds one sample the slow way.
    fn sum_is_right(batch: &Minibatch, sample: usize) -> bool {
        let mut carry = 0;
        (0..batch.bits()).all(|step| {
            let total = u8::from(batch.a.get(sample, step)) + u8::from(batch.b.get(sample, step)) + carry;
            carry = total >> 1;
            batch.c.get(sample, step) == (total & 1 == 1)
        }) && carry == 0
    }

    #[test]
    fn every_generator_adds_right_at_every_width_and_keeps_the_last_word_masked() {
        for bits in [1, 2, 3, 8, 63, 64, 65, 130] {
            for samples in [1, 63, 64, 65, 200] {
                let mut uniform = Minibatch::new(samples, bits);
                uniform.fill_uniform(&mut stream(1, Purpose::Data, 0));
                let mut exhaustive = Minibatch::new(samples, bits);
                exhaustive.fill_exhaustive(64);
                let mut adversarial = Minibatch::new(samples, bits);
                adversarial.fill_adversarial();
                let mut runs = Minibatch::new(samples, bits);
                runs.fill_runs(&mut stream(1, Purpose::Data, 0));
                for batch in [&uniform, &runs, &exhaustive, &adversarial] {
                    assert!((0..batch.samples()).all(|s| sum_is_right(batch, s)), "{bits} bits, {samples} samples");
                    for tensor in [&batch.a, &batch.b, &batch.c] {
                        let last = tensor.words() - 1;
                        let stray = (0..bits).any(|t| tensor.column(t)[last] & !tensor.valid(last) != 0);
                        assert!(!stray, "{bits} bits, {samples} samples: bits beyond the last sample");
                    }
                    assert!(batch.a.column(bits - 1).iter().all(|&w| w == 0), "top bit of a");
                }
            }
        }
    }

    #[test]
    fn exhaustive_pairs_are_all_pairs_once() {
        for bits in [1, 2, 4, 5, 8] {
            let pairs = pairs_of(bits).expect("small");
            let mut batch = Minibatch::new(pairs, bits);
            batch.fill_exhaustive(0);
            let number = |tensor: &BitTensor, s| (0..bits).fold(0, |n, t| n | usize::from(tensor.get(s, t)) << t);
            let mut seen: Vec<_> = (0..pairs).map(|s| (number(&batch.a, s), number(&batch.b, s))).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), pairs, "{bits} bits");
        }
        assert_eq!(pairs_of(8), Some(16_384), "8 bits");
        assert_eq!(pairs_of(40), None, "too many to count");
    }

    #[test]
    fn the_adversarial_set_holds_what_it_promises() {
        let bits = 32;
        let mut batch = Minibatch::new(1, bits);
        batch.fill_adversarial();
        let row = |tensor: &BitTensor, s: usize| (0..bits).fold(0_u64, |n, t| n | u64::from(tensor.get(s, t)) << t);
        let pairs: Vec<_> = (0..ADVERSARIAL_SAMPLES).map(|s| (row(&batch.a, s), row(&batch.b, s))).collect();
        let ones = (1 << 31) - 1;
        for wanted in [(ones, 1), (1, ones), (ones, 0), (0, 0), (ones, ones), (0x5555_5555, 0x2aaa_aaaa)] {
            assert!(pairs.contains(&wanted), "{wanted:?}");
        }
        let mut distinct = pairs;
        distinct.sort_unstable();
        distinct.dedup();
        assert!(distinct.len() > 80, "only {} distinct pairs", distinct.len());
    }

    #[test]
    fn uniform_bits_are_fair() {
        let mut batch = Minibatch::new(64 * 100, 9);
        batch.fill_uniform(&mut stream(3, Purpose::Data, 5));
        let ones: u32 = (0..8).flat_map(|t| batch.a.column(t)).map(|w| w.count_ones()).sum();
        // 51,200 fair bits: five standard deviations are 566.
        assert!(ones.abs_diff(25_600) < 566, "{ones} ones of 51200");
    }

    #[test]
    fn runs_last_eight_steps_and_all_four_kinds_are_as_likely() {
        let mut batch = Minibatch::new(6400, 41);
        batch.fill_runs(&mut stream(3, Purpose::Data, 5));
        let (mut inputs, mut longest) = ([0_u32; 4], [0_u32; 3]);
        for sample in 0..6400 {
            let mut chains = [0; 3];
            for t in 0..40 {
                let (a, b) = (batch.a.get(sample, t), batch.b.get(sample, t));
                inputs[usize::from(a) + 2 * usize::from(b)] += 1;
                for (chain, goes_on) in chains.iter_mut().zip([a != b, a && b, !a && !b]) {
                    *chain = if goes_on { *chain + 1 } else { 0 };
                }
                longest = std::array::from_fn(|i| longest[i].max(chains[i]));
            }
        }
        // Of 256,000 inputs, in runs of eight, two kinds and half of a third carry on; five
        // standard deviations are some 3,000.
        let likely = [48_000, 80_000, 80_000, 48_000];
        assert!(inputs.iter().zip(likely).all(|(n, likely)| n.abs_diff(likely) < 3_000), "{inputs:?}");
        // Uniform ones would last 16, 9 and 9 steps at the most likely longest.
        assert!(longest.iter().all(|&n| n >= 30), "{longest:?}");
    }
}
