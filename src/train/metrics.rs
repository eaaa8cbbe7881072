//! The rows of a training's curves, each with wrong bits by place.

use super::engine::Engine;
use super::trainer::Trainer;
use crate::task::rng::{Purpose, stream};
use crate::task::{BitTensor, Minibatch};
use serde::{Deserialize, Serialize};

/// A training at one of its updates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Updates so far.
    pub update: u64,
    /// Additions so far.
    pub samples: u64,
    /// Mean loss of the minibatch, before the update.
    pub loss: f64,
    /// Share of the minibatch's bits that were wrong, before the update.
    pub bit_error: f64,
    /// Share of the probe's sums with every bit right, after the update.
    pub exact_rate: f64,
    /// Share of wrong bits at each place of the probe's sums, least significant first; above 64
    /// bits, at 64 groups of places or fewer.
    pub bit_error_by_position: Vec<f64>,
    /// Euclidean norm of the mean gradient, before clipping.
    pub gradient_norm: f64,
    /// Largest magnitude of a weight.
    pub largest_weight: f64,
    /// Learning rate.
    pub learning_rate: f64,
    /// Amplitude of the noise on carried states.
    pub noise: f64,
    /// Training time so far.
    pub seconds: f64,
    /// Additions a second since the row before.
    pub samples_per_s: f64,
}

impl Row {
    /// What is measured on the minibatch, by name.
    pub fn values(&self) -> [(&'static str, f64); 6] {
        [
            ("loss", self.loss),
            ("bit_error", self.bit_error),
            ("gradient_norm", self.gradient_norm),
            ("largest_weight", self.largest_weight),
            ("learning_rate", self.learning_rate),
            ("noise", self.noise),
        ]
    }
}

/// Whether an update has a row: each up to 64, then 32 to each doubling.
pub fn has_row(update: u64) -> bool {
    update > 0 && update.is_multiple_of(1 << update.ilog2().saturating_sub(5))
}

/// Most places that are told apart.
const PLACES: usize = 64;
/// Additions of a probe; fewer for small minibatches, so that probing stays cheap beside training.
const PROBE: usize = 512;

/// A fixed set of additions, a function of the seed, that a net is tried on as it learns.
#[derive(Debug, Clone)]
pub struct Probe {
    batch: Minibatch,
    predicted: BitTensor,
}

impl Probe {
    /// The probe of a training.
    pub fn of(trainer: &Trainer) -> Self {
        let settings = trainer.settings();
        let samples = PROBE.min(4 * settings.batch);
        let mut batch = Minibatch::new(samples, settings.bits);
        batch.fill_uniform(&mut stream(settings.seed, Purpose::Probe, 0));
        Self { predicted: BitTensor::new(samples, settings.bits), batch }
    }

    /// The share of sums with every bit right, and the share of wrong bits by place.
    pub fn run(&mut self, engine: &mut Engine<f32>) -> (f64, Vec<f64>) {
        let tally = engine.evaluate(&self.batch, Some(&mut self.predicted));
        let (samples, bits) = (self.batch.samples(), self.batch.bits());
        let width = bits.div_ceil(PLACES);
        let wrong_at = |step: usize| -> u32 {
            let columns = self.predicted.column(step).iter().zip(self.batch.c.column(step)).enumerate();
            columns.map(|(word, (y, c))| ((y ^ c) & self.batch.c.valid(word)).count_ones()).sum()
        };
        let by_place = (0..bits).step_by(width).map(|first| {
            let steps = first..(first + width).min(bits);
            let seen = (steps.len() * samples) as f64;
            steps.map(wrong_at).map(f64::from).sum::<f64>() / seen
        });
        (1.0 - tally.wrong_samples as f64 / samples as f64, by_place.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Settings;

    #[test]
    fn rows_grow_sparse() {
        let rows: Vec<u64> = (0..=300).filter(|&update| has_row(update)).collect();
        assert_eq!(rows[..64], (1..=64).collect::<Vec<_>>(), "each up to 64");
        assert_eq!(rows[64..68], [66, 68, 70, 72], "then every second");
        assert_eq!(rows.last(), Some(&296), "then every eighth");
    }

    #[test]
    fn places_add_up_to_what_is_counted() {
        for (bits, places) in [(8, 8), (64, 64), (100, 50)] {
            let settings = Settings { bits, batch: 33, ..Settings::default() };
            let mut trainer = Trainer::new(settings).expect("settings in range");
            let mut probe = Probe::of(&trainer);
            let tally = trainer.engine().evaluate(&probe.batch, None);
            let (exact, by_place) = probe.run(trainer.engine());
            let mean = by_place.iter().sum::<f64>() / by_place.len() as f64;
            let share = tally.wrong_bits as f64 / (probe.batch.samples() * bits) as f64;
            assert_eq!((by_place.len(), probe.batch.samples()), (places, 132), "{bits} bits");
            assert!((mean - share).abs() < 1e-12 && share > 0.0, "{bits} bits: {mean}, want {share}");
            assert!((exact - 1.0 + tally.wrong_samples as f64 / 132.0).abs() < 1e-12, "{bits} bits: {exact}");
        }
    }
}
