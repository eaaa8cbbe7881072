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

    /// A double in [0, 1) of 53 random bits: `(2²⁶ a + b) / 2⁵³` with 27 bits of a first word and
    /// 26 of a second.
    pub fn random_sample(&mut self) -> f64 {
        let a = f64::from(self.next_u32() >> 5);
        let b = f64::from(self.next_u32() >> 6);
        (a * 67_108_864.0 + b) / 9_007_199_254_740_992.0
    }

    /// `numpy.random.randint(high)`: a uniform integer below `high`, by masked rejection.
    ///
    /// The mask is the smallest `2ᵏ − 1 ≥ high − 1`. `high` = 1 draws nothing.
    ///
    /// # Panics
    /// If `high` is 0, which numpy refuses too.
    pub fn below(&mut self, high: u32) -> u32 {
        assert!(high > 0, "randint: high is 0");
        let mask = u32::MAX.checked_shr((high - 1).leading_zeros()).unwrap_or(0);
        loop {
            let word = if high == 1 { 0 } else { self.next_u32() & mask };
            if word < high {
                return word;
            }
        }
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
            let below = u32::try_from(i + 1).expect("at most 2^32 items");
            items.swap(i, self.below(below) as usize);
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
