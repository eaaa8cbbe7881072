//! numpy's legacy random generator, from which the notebooks drew after `numpy.random.seed(s)`.
//!
//! The bits come from the 32-bit Mersenne Twister, seeded as `init_genrand(seed)`. numpy has frozen
//! what it makes of them; each method below names the function that it follows.
//!
//! # Source
//! Matsumoto and Nishimura, *Mersenne Twister* (1998), through the crate `rand_mt`; Marsaglia's
//! polar method for normals.

use rand_mt::Mt;

/// The stream after `numpy.random.seed(seed)`.
#[derive(Clone, Debug)]
pub struct Legacy {
    words: Mt,
    /// The second value of the last polar pair. Other draws keep it, as in numpy.
    waiting_normal: Option<f64>,
}

impl Legacy {
    /// The stream after `numpy.random.seed(seed)`.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        Self { words: Mt::new(seed), waiting_normal: None }
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        self.words.next_u32()
    }

    /// The next 64 bits: the word drawn first is the upper half.
    pub fn next_u64(&mut self) -> u64 {
        let upper = u64::from(self.next_u32());
        (upper << 32) | u64::from(self.next_u32())
    }

    /// A double in [0, 1) of 53 random bits: `(2²⁶ a + b) / 2⁵³` with 27 bits of a first word and
    /// 26 of a second.
    pub fn random_sample(&mut self) -> f64 {
        let a = f64::from(self.next_u32() >> 5);
        let b = f64::from(self.next_u32() >> 6);
        (a * 67_108_864.0 + b) / 9_007_199_254_740_992.0
    }

    /// `numpy.random.rand(len)`: [`random_sample`](Self::random_sample), row by row for a matrix of
    /// `len` entries.
    pub fn rand(&mut self, len: usize) -> Vec<f64> {
        (0..len).map(|_| self.random_sample()).collect()
    }

    /// A uniform integer in `[0, max]` by masked rejection; words of 64 bits only where `max` needs
    /// them.
    ///
    /// The mask is the smallest `2ᵏ − 1 ≥ max`. `max = 0` draws nothing.
    pub fn interval(&mut self, max: u64) -> u64 {
        if max == 0 {
            return 0;
        }
        let mask = u64::MAX >> max.leading_zeros();
        loop {
            let word = if max <= u64::from(u32::MAX) { u64::from(self.next_u32()) } else { self.next_u64() };
            if word & mask <= max {
                return word & mask;
            }
        }
    }

    /// `numpy.random.randint(low, high)` in numpy's 64-bit default type.
    ///
    /// # Panics
    /// If `low >= high`, which numpy refuses too.
    pub fn randint(&mut self, low: i64, high: i64) -> i64 {
        assert!(low < high, "randint: low {low} is not below high {high}");
        // The span of any two i64 fits a u64, and adding it back wraps to the right i64.
        let span = high.wrapping_sub(1).wrapping_sub(low).cast_unsigned();
        low.wrapping_add(self.interval(span).cast_signed())
    }

    /// `numpy.random.randint(high)` for the notebooks' small operands.
    pub fn below(&mut self, high: u32) -> u32 {
        assert!(high > 0, "randint: high is 0");
        u32::try_from(self.interval(u64::from(high - 1))).unwrap_or(high - 1)
    }

    /// A standard normal by the polar method. Every second call returns the kept value of a pair.
    pub fn standard_normal(&mut self) -> f64 {
        if let Some(kept) = self.waiting_normal.take() {
            return kept;
        }
        loop {
            let x1 = 2.0 * self.random_sample() - 1.0;
            let x2 = 2.0 * self.random_sample() - 1.0;
            let r2 = x1 * x1 + x2 * x2;
            if r2 < 1.0 && r2 != 0.0 {
                let f = (-2.0 * r2.ln() / r2).sqrt();
                self.waiting_normal = Some(f * x1);
                return f * x2;
            }
        }
    }

    /// `numpy.random.shuffle`: Fisher–Yates from the end.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.interval(i as u64);
            items.swap(i, usize::try_from(j).unwrap_or(i));
        }
    }
}

/// Eight numbers in the order numpy adds them: a tree of pairs.
///
/// # Source
/// numpy's pairwise summation, whose smallest unrolled block is eight.
pub(crate) fn numpy_sum(x: &[f64]) -> f64 {
    match x {
        [a, b, c, d, e, f, g, h] => ((a + b) + (c + d)) + ((e + f) + (g + h)),
        _ => x.iter().sum(),
    }
}
