//! How fast a gradient step is, and whether it is right.

use carrylane::Result;
use carrylane::kernel::{Float, SimdLevel, fma_peak};
use carrylane::model::{Config, Init, Model};
use carrylane::reference::Real;
use carrylane::task::Minibatch;
use carrylane::task::rng::{Purpose, stream};
use carrylane::train::{Engine, EngineKind, Need};
use carrylane::verify::{Against, Grid, Precision, gradcheck};
use std::time::{Duration, Instant};

/// One thing to measure.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) config: Config,
    pub(super) bits: usize,
    pub(super) batch: usize,
    pub(super) engine: EngineKind,
    pub(super) level: SimdLevel,
    pub(super) threads: usize,
    pub(super) seed: u64,
    pub(super) time: Duration,
}

/// How fast the parts of a measurement were.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) median: f64,
    /// The part that a neighbour disturbed least.
    pub(super) best: f64,
    /// Recurrent products made, of those that a dense pass makes; of the last minibatch.
    pub(super) shared: f64,
}

/// Parts of a measurement; their median is not moved by a neighbour's burst of work.
const PARTS: u32 = 9;
/// Minibatches that a measurement goes round and round, so that branches and caches see new bits.
const BATCHES: u64 = 4;
/// How long the reference is measured; it is slow and steady.
const REFERENCE_TIME: Duration = Duration::from_millis(200);
/// Flop of a check or of a step of the reference.
const REFERENCE_FLOP: f64 = 1e7;
/// How long the peak is measured, before a row and after it.
const PEAK_TIME: Duration = Duration::from_millis(50);

impl Row {
    /// Whether this machine has the memory for it, and for its check.
    pub(super) fn afforded(&self, precision: Precision) -> Result<()> {
        Need::of_gradcheck(&self.config, self.bits, self.few()).afforded()?;
        let float = if precision == Precision::F32 { 4.0 } else { 8.0 };
        let mut need = Need::of_gradient(&self.config, self.bits, self.batch, self.engine, self.threads, float);
        need.data *= BATCHES as f64;
        need.afforded()
    }

    /// What is wrong with the row's gradient, if anything is.
    pub(super) fn check(&self, precision: Precision) -> Result<Option<String>> {
        let batches = vec![self.few()];
        let (configs, bits, levels) = (vec![self.config], vec![self.bits], vec![self.level]);
        let mut wrong = None;
        gradcheck(&Grid { configs, bits, batches, levels, seed: self.seed }, |c| {
            let here = match c.against {
                Against::Differences => self.engine == EngineKind::Reference,
                Against::Reference => c.engine == self.engine && c.precision == precision,
            };
            if here && !c.ok() {
                wrong = Some(format!("error {:.1e} > {:.1e}", c.max_relative_error, c.tolerance));
            }
        })?;
        Ok(wrong)
    }

    /// The f32 scalar reference on the same net, with as many samples as it does in no time.
    pub(super) fn reference(&self) -> Self {
        let (engine, level, time) = (EngineKind::Reference, SimdLevel::Scalar, REFERENCE_TIME.min(self.time));
        Self { engine, level, batch: self.few(), threads: 1, time, ..self.clone() }
    }

    /// Samples that the reference does in some 10 ms, at least one and at most the minibatch.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive count, and any will do")]
    fn few(&self) -> usize {
        let work = self.config.cell.flops(self.config.hidden, self.bits + 1);
        ((REFERENCE_FLOP / work) as usize).clamp(1, self.batch)
    }

    /// The peak of this core right now, in GFLOP/s.
    pub(super) fn peak(&self, precision: Precision) -> f64 {
        match precision {
            Precision::F32 => fma_peak::<f32>(self.level, PEAK_TIME),
            Precision::F64 => fma_peak::<f64>(self.level, PEAK_TIME),
        }
    }

    /// Samples a second, of all parts of the time.
    pub(super) fn samples_per_s(&self, precision: Precision) -> Result<Rate> {
        match precision {
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
        // The first step fills the caches and allocates.
        step();
        let start = Instant::now();
        let mut rates = Vec::new();
        // Steps that take long count as a part each; the reference may then have fewer parts than nine.
        let least = if self.engine == EngineKind::Reference { 1 } else { PARTS as usize };
        while rates.len() < least || start.elapsed() < self.time {
            let (part, mut samples) = (Instant::now(), 0);
            while samples == 0 || part.elapsed() < self.time / PARTS {
                step();
                samples += self.batch;
            }
            rates.push(samples as f64 / part.elapsed().as_secs_f64());
        }
        rates.sort_by(f64::total_cmp);
        let dense = self.batch * (self.bits - 1).max(1);
        let shared = engine.parents().map_or(1.0, |parents| parents as f64 / dense as f64);
        Ok(Rate { median: rates[rates.len() / 2], best: rates[rates.len() - 1], shared })
    }

    fn minibatch(&self, index: u64) -> Minibatch {
        let mut batch = Minibatch::new(self.batch, self.bits);
        batch.fill_uniform(&mut stream(self.seed, Purpose::Data, index));
        batch
    }
}
