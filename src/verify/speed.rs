//! How fast a gradient step is, and whether it is right.

use super::compare::{Against, Precision};
use super::gradcheck::{Grid, gradcheck};
use crate::error::Result;
use crate::kernel::{Float, SimdLevel, fma_peak};
use crate::model::{Config, Init, Model};
use crate::reference::Real;
use crate::task::Minibatch;
use crate::task::lanes::LANES;
use crate::task::rng::{Purpose, stream};
use crate::train::{Engine, EngineKind, MemoryNeed, Rule, Settings, TimedPopulation};
use serde::Serialize;
use std::time::{Duration, Instant};

/// A gradient step to be measured.
#[derive(Debug, Clone, Serialize)]
pub struct TimedStep {
    /// The net.
    #[serde(flatten)]
    pub config: Config,
    /// Width of the additions.
    pub bits: usize,
    /// Additions in the minibatch.
    pub batch: usize,
    /// Engine that computes it.
    pub engine: EngineKind,
    /// On which level.
    pub level: SimdLevel,
    /// In which precision.
    pub precision: Precision,
    /// Worker threads.
    pub threads: usize,
    /// Key of the random net and additions.
    pub seed: u64,
    /// Time of the measurement.
    #[serde(skip)]
    pub time: Duration,
    /// Nets that learn side by side, in whole updates by plain descent; `None` for the gradient
    /// step of one net.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub population: Option<usize>,
}

/// How fast a gradient step is. GFLOP/s are those of the recurrent products.
#[derive(Debug, Clone, Serialize)]
pub struct Speed {
    /// The step.
    #[serde(flatten)]
    pub step: TimedStep,
    /// Median over the parts of the measurement.
    pub samples_per_s: f64,
    /// GFLOP/s of the multiply-adds made.
    pub gflops: f64,
    /// GFLOP/s of the multiply-adds that a dense pass would have made.
    pub dense_gflops: f64,
    /// Peak GFLOP/s of a core, before and after.
    pub peak_gflops: f64,
    /// Share of the peak of all threads that `gflops` is.
    pub peak_share: f64,
    /// Samples a second of the reference in f32.
    pub reference_samples_per_s: f64,
    /// Ratio to the reference.
    pub ratio: f64,
    /// Samples a second in the fastest part of the measurement.
    pub best_samples_per_s: f64,
    /// Share of the peak in the fastest part.
    pub best_peak_share: f64,
}

/// How fast the parts of a measurement were.
#[derive(Debug, Clone, Copy)]
struct Rate {
    median: f64,
    best: f64,
    /// Share of a dense pass's recurrent products that the last minibatch took.
    shared: f64,
}

/// Parts of a measurement. A neighbour's burst of work does not move their median.
const PARTS: u32 = 9;
/// Minibatches that a measurement cycles through, so that branches and caches see new bits.
const BATCHES: u64 = 4;
/// How long the reference is measured; it is slow and steady.
const REFERENCE_TIME: Duration = Duration::from_millis(200);
/// Flop of a check or of a step of the reference.
const REFERENCE_FLOP: f64 = 1e7;
/// How long the peak is measured, before a row and after it.
const PEAK_TIME: Duration = Duration::from_millis(50);

impl TimedStep {
    /// Whether this machine has the memory for the step and its check.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if it has not.
    pub fn afforded(&self) -> Result<()> {
        MemoryNeed::of_gradcheck(&self.config, self.bits, self.few()).afforded()?;
        let float = if self.precision == Precision::F32 { 4.0 } else { 8.0 };
        let mut need = MemoryNeed::of_gradient(&self.config, self.bits, self.batch, self.engine, self.threads, float);
        need.data *= BATCHES as f64;
        need.times(self.population.map_or(1, |nets| nets.div_ceil(LANES))).afforded()
    }

    /// What is wrong with the row's gradient, if anything is.
    ///
    /// # Errors
    /// As for [`gradcheck`].
    pub fn check(&self) -> Result<Option<String>> {
        let batches = vec![self.few()];
        let (configs, bits, levels) = (vec![self.config], vec![self.bits], vec![self.level]);
        let mut wrong = None;
        gradcheck(&Grid { configs, bits, batches, levels, seed: self.seed }, |c| {
            let here = match c.against {
                Against::Differences => self.engine == EngineKind::Reference,
                Against::Reference => c.engine == self.engine && c.precision == self.precision,
            };
            if here && !c.ok() {
                wrong = Some(format!("error {:.1e} > {:.1e}", c.max_relative_error, c.tolerance));
            }
        })?;
        Ok(wrong)
    }

    /// Measures the step, the peak and the reference.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) for a level the machine lacks.
    pub fn measure(&self) -> Result<Speed> {
        let before = self.peak();
        let Rate { median: samples_per_s, best, shared } = self.rate()?;
        let peak_gflops = f64::midpoint(before, self.peak());
        let reference = self.reference().rate()?.median;
        let dense_gflops = samples_per_s * self.config.cell.flops(self.config.hidden, self.bits) / 1e9;
        let gflops = shared * dense_gflops;
        let peak_share = gflops / (peak_gflops * self.threads as f64);
        Ok(Speed {
            step: self.clone(),
            samples_per_s,
            gflops,
            dense_gflops,
            peak_gflops,
            peak_share,
            reference_samples_per_s: reference,
            ratio: samples_per_s / reference,
            best_samples_per_s: best,
            best_peak_share: peak_share * best / samples_per_s,
        })
    }

    /// Samples a second of the f32 scalar reference on this net, from a small minibatch.
    fn reference(&self) -> Self {
        let (engine, level, precision) = (EngineKind::Reference, SimdLevel::Baseline, Precision::F32);
        let (batch, time) = (self.few(), REFERENCE_TIME.min(self.time));
        Self { engine, level, precision, batch, threads: 1, time, population: None, ..self.clone() }
    }

    /// Samples that the reference does in some 10 ms, from one up to the minibatch.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive count, and any will do")]
    fn few(&self) -> usize {
        let work = self.config.cell.flops(self.config.hidden, self.bits + 1);
        ((REFERENCE_FLOP / work) as usize).clamp(1, self.batch)
    }

    /// The peak of this core right now, in GFLOP/s.
    fn peak(&self) -> f64 {
        match self.precision {
            Precision::F32 => fma_peak::<f32>(self.level, PEAK_TIME),
            Precision::F64 => fma_peak::<f64>(self.level, PEAK_TIME),
        }
    }

    /// Samples a second, in each part of the measurement.
    fn rate(&self) -> Result<Rate> {
        if let Some(nets) = self.population {
            return self.time_population(nets);
        }
        match self.precision {
            Precision::F32 => self.time_steps::<f32>(),
            Precision::F64 => self.time_steps::<f64>(),
        }
    }

    fn time_steps<F: Float + Real>(&self) -> Result<Rate> {
        let mut engine = Engine::<F>::new(&self.config, self.engine, self.level, self.threads)?;
        let model: Model<F> = Init::Scaled.model(self.config, self.seed);
        let mut grad = vec![F::zero(); model.params.len()];
        let batches: Vec<Minibatch> = (0..BATCHES).map(|index| self.minibatch(index)).collect();
        let mut batches = batches.iter().cycle();
        let mut step = || {
            engine.set_params(&model.params);
            engine.gradient(batches.next().expect("a cycle does not end"), &mut grad);
        };
        let (median, best) = self.time_parts(|| {
            step();
            self.batch
        });
        let dense = self.batch * (self.bits - 1).max(1);
        let shared = engine.parents().map_or(1.0, |parents| parents as f64 / dense as f64);
        Ok(Rate { median, best, shared })
    }

    fn time_population(&self, nets: usize) -> Result<Rate> {
        let &Self { config, bits, batch, engine, level, seed, .. } = self;
        let rule = Rule::Sgd { lr: 0.1 };
        let mut drill = TimedPopulation::new(
            &Settings { config, bits, batch, engine, level, seed, rule, ..Settings::default() },
            nets,
        )?;
        let (median, best) =
            self.time_parts(|| usize::try_from(drill.learn()).expect("additions that fit into memory"));
        Ok(Rate { median, best, shared: 1.0 })
    }

    /// Median and best samples a second of a step that returns how many it took.
    fn time_parts(&self, mut step: impl FnMut() -> usize) -> (f64, f64) {
        // The first step fills the caches and allocates.
        step();
        let start = Instant::now();
        let mut rates = Vec::new();
        // A long step is a part by itself, so the reference may have fewer than nine parts.
        let least = if self.engine == EngineKind::Reference { 1 } else { PARTS as usize };
        while rates.len() < least || start.elapsed() < self.time {
            let (part, mut samples) = (Instant::now(), 0);
            while samples == 0 || part.elapsed() < self.time / PARTS {
                samples += step();
            }
            rates.push(samples as f64 / part.elapsed().as_secs_f64());
        }
        rates.sort_by(f64::total_cmp);
        (rates[rates.len() / 2], rates[rates.len() - 1])
    }

    fn minibatch(&self, index: u64) -> Minibatch {
        let mut batch = Minibatch::new(self.batch, self.bits);
        batch.fill_uniform(&mut stream(self.seed, Purpose::Data, index));
        batch
    }
}
