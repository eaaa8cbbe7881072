//! Bit tensors: a column per time step, 64 samples a word.

/// A bit matrix, column-major `[sample, step]`: the bits of all samples at one step are contiguous.
///
/// Sample `s` is bit `s % 64` of word `s / 64` of a column. Bits beyond the last sample are 0.
///
/// # Shapes
/// `steps` columns of `samples.div_ceil(64)` words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BitTensor {
    samples: usize,
    steps: usize,
    words: usize,
    data: Vec<u64>,
}

/// Samples in a word.
pub const WORD: usize = 64;

impl BitTensor {
    /// A tensor of zeros.
    pub fn new(samples: usize, steps: usize) -> Self {
        let mut tensor = Self::default();
        tensor.reset(samples, steps);
        tensor
    }

    /// Takes a new shape and clears all bits; allocates only to grow.
    pub fn reset(&mut self, samples: usize, steps: usize) {
        (self.samples, self.steps, self.words) = (samples, steps, samples.div_ceil(WORD));
        self.data.clear();
        self.data.resize(self.words * steps, 0);
    }

    /// Number of samples (rows).
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Number of steps (columns): the width of the numbers in bits.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Words in a column.
    pub fn words(&self) -> usize {
        self.words
    }

    /// A mask of the bits that stand for samples in the given word: all but in a ragged last word.
    pub fn valid(&self, word: usize) -> u64 {
        valid_bits(self.samples, word)
    }

    /// All samples at one step.
    pub fn column(&self, step: usize) -> &[u64] {
        &self.data[step * self.words..][..self.words]
    }

    /// All samples at one step, to write. Bits outside [`BitTensor::valid`] must be left 0.
    pub fn column_mut(&mut self, step: usize) -> &mut [u64] {
        &mut self.data[step * self.words..][..self.words]
    }

    /// One word of every column, in the order of steps: the same 64 samples.
    ///
    /// # Panics
    /// If columns are shorter.
    pub fn words_of(&self, word: usize) -> impl Iterator<Item = u64> {
        assert!(word < self.words, "word {word} of {}", self.words);
        self.data.iter().skip(word).step_by(self.words).copied()
    }

    /// One word of every column, to write. Bits outside [`BitTensor::valid`] must be left 0.
    ///
    /// # Panics
    /// If columns are shorter.
    pub fn words_of_mut(&mut self, word: usize) -> impl Iterator<Item = &mut u64> {
        assert!(word < self.words, "word {word} of {}", self.words);
        self.data.iter_mut().skip(word).step_by(self.words)
    }

    /// All columns, in the order of steps, to write. Bits outside [`BitTensor::valid`] must be left
    /// 0.
    pub fn columns_mut(&mut self) -> impl Iterator<Item = &mut [u64]> {
        self.data.chunks_exact_mut(self.words.max(1))
    }

    /// One bit.
    pub fn get(&self, sample: usize, step: usize) -> bool {
        assert!(sample < self.samples, "sample {sample} of {}", self.samples);
        self.column(step)[sample / WORD] >> (sample % WORD) & 1 == 1
    }

    /// Copies the given samples, in their order, to `out`, a tensor of as many samples.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn gather(&self, samples: &[usize], out: &mut Self) {
        assert_eq!((samples.len(), self.steps), (out.samples, out.steps), "shapes of a gather");
        for step in 0..self.steps {
            let from = self.column(step);
            for (word, samples) in out.column_mut(step).iter_mut().zip(samples.chunks(WORD)) {
                let bit = |&sample: &usize| from[sample / WORD] >> (sample % WORD) & 1;
                *word = samples.iter().rev().fold(0, |word, sample| word << 1 | bit(sample));
            }
        }
    }

    /// Writes one bit.
    pub fn set(&mut self, sample: usize, step: usize, bit: bool) {
        assert!(sample < self.samples, "sample {sample} of {}", self.samples);
        let word = &mut self.column_mut(step)[sample / WORD];
        let place = 1 << (sample % WORD);
        *word = if bit { *word | place } else { *word & !place };
    }
}

/// The bits of word `word` that stand for one of `samples` samples.
pub fn valid_bits(samples: usize, word: usize) -> u64 {
    match samples.saturating_sub(word * WORD) {
        0 => 0,
        left if left < WORD => (1 << left) - 1,
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_is_found_where_it_was_put() {
        let mut tensor = BitTensor::new(130, 3);
        tensor.set(129, 1, true);
        tensor.set(64, 2, true);
        assert!(tensor.get(129, 1) && tensor.get(64, 2), "both bits");
        assert_eq!(tensor.column(1), [0, 0, 2], "sample 129 is bit 1 of word 2");
        assert_eq!(tensor.column(2), [0, 1, 0], "sample 64 is bit 0 of word 1");
        tensor.set(129, 1, false);
        assert_eq!(tensor.column(1), [0, 0, 0], "cleared");
    }

    #[test]
    fn a_ragged_last_word_is_masked() {
        assert_eq!(valid_bits(64, 0), u64::MAX, "a full word");
        assert_eq!(valid_bits(65, 1), 1, "one sample");
        assert_eq!(valid_bits(63, 0), u64::MAX >> 1, "63 samples");
        assert_eq!(valid_bits(64, 1), 0, "past the end");
    }
}
