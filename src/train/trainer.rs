//! The training loop.

use super::check::{Check, Score};
use super::dataset::Dataset;
use super::engine::Engine;
use super::optimizer::Optimizer;
use super::settings::{Settings, Source, Until};
use crate::error::Result;
use crate::kernel::Noise;
use crate::model::{Model, Tally};
use crate::task::Minibatch;
use crate::task::rng::{Purpose, stream};
use rand::Rng as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Something that happened in a training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// A minibatch was learned.
    Update {
        /// Updates so far.
        update: u64,
        /// Additions so far.
        samples: u64,
        /// Mean loss of the minibatch's additions, before the update.
        loss: f64,
        /// Share of its bits that were wrong, before the update.
        bit_error: f64,
        /// Training time so far.
        seconds: f64,
    },
    /// A pass over the fixed set is done.
    Epoch {
        /// Epochs so far.
        epoch: u64,
        /// Mean loss of the epoch's additions, each before its update.
        loss: f64,
        /// Share of its bits that were wrong, each before its update.
        bit_error: f64,
    },
    /// The check was tried after a clean stretch.
    Check {
        /// Updates so far.
        update: u64,
        /// Whether it passed.
        passed: bool,
    },
}

/// How a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The check passed.
    Solved,
    /// The budget, the updates or the time ran out, and some pairs are still wrong.
    Unsolved,
    /// The loss became infinite or NaN.
    Diverged,
    /// It was told to stop before its end (see [`Trainer::stop_on`]); the net was not counted on the check.
    Stopped,
}

/// The final net on a fixed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedSet {
    /// On the additions it was trained on.
    pub training: Score,
    /// On additions it was not trained on.
    pub held_out: Score,
}

/// What a training came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// The final net on the pairs of the check.
    pub score: Score,
    /// The final net on the fixed set, if there is one.
    pub fixed: Option<FixedSet>,
    /// Updates made.
    pub updates: u64,
    /// Additions learned from.
    pub samples: u64,
    /// Training time, checks included, start-up and the final count not.
    pub seconds: f64,
}

/// A training.
#[derive(Debug)]
pub struct Trainer {
    settings: Settings,
    model: Model<f32>,
    engine: Engine<f32>,
    optimizer: Optimizer,
    batch: Minibatch,
    dataset: Option<Dataset>,
    grad: Vec<f32>,
    /// Amplitude of the noise on carried states, 0 for none, and the limit of an LSTM's c.
    noise: (f32, f32),
    updates: u64,
    samples: u64,
    stop: Option<Arc<AtomicBool>>,
}

/// Clean additions in a row, without a wrong bit, before the check is tried.
const CLEAN: u64 = 512;

impl Trainer {
    /// A training at its start.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) as [`Settings::checked`] says.
    pub fn new(settings: Settings) -> Result<Self> {
        let settings = settings.checked()?;
        let model = settings.init.model(settings.config, settings.seed);
        let engine = Engine::new(&settings.config, settings.engine, settings.level, settings.threads)?;
        let len = model.params.len();
        let optimizer = Optimizer::new(settings.rule, len);
        let batch = Minibatch::new(settings.batch, settings.bits);
        let dataset = match settings.source {
            Source::Stream => None,
            Source::Fixed { samples, shuffle } => Some(Dataset::new(samples, settings.bits, shuffle, settings.seed)),
        };
        let grad = vec![0.0; len];
        let noise = (0.0, 0.0);
        Ok(Self { settings, model, engine, optimizer, batch, dataset, grad, noise, updates: 0, samples: 0, stop: None })
    }

    /// Has [`Trainer::run`] end with [`Outcome::Stopped`] at the first step boundary after the flag is set.
    pub fn stop_on(&mut self, flag: Arc<AtomicBool>) {
        self.stop = Some(flag);
    }

    /// Whether it was told to stop.
    pub fn stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// The settings it was made from.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The net as it is now.
    pub fn model(&self) -> &Model<f32> {
        &self.model
    }

    /// The engine, holding the net as it is now: for checks and answers between steps.
    pub fn engine(&mut self) -> &mut Engine<f32> {
        self.engine.set_params(&self.model.params);
        &mut self.engine
    }

    /// Sets the noise on carried states that the steps from here on are made with: its amplitude, 0 for none, and the limit it cuts an
    /// LSTM's c to. See [`Noise`]; the reference engine has none.
    pub fn set_noise(&mut self, amplitude: f32, cell_limit: f32) {
        self.noise = (amplitude, cell_limit);
    }

    /// Updates made.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Additions learned from.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Learns one minibatch. Allocates nothing after the first.
    pub fn step(&mut self) -> Tally {
        self.next_minibatch();
        self.engine.set_params(&self.model.params);
        let (amplitude, cell_limit) = self.noise;
        self.engine.set_noise((amplitude > 0.0).then(|| Noise {
            amplitude,
            cell_limit,
            key: stream(self.settings.seed, Purpose::Noise, self.updates).next_u64(),
        }));
        let tally = self.engine.gradient(&self.batch, &mut self.grad);
        #[expect(clippy::cast_precision_loss, reason = "a batch is at most 2^24, which an f32 holds exactly")]
        let scale = 1.0 / self.batch.samples() as f32;
        self.optimizer.update(&mut self.model.params, &self.grad, scale);
        self.updates += 1;
        self.samples += self.batch.samples() as u64;
        tally
    }

    /// Makes `batch` the next minibatch: a function of the number of updates.
    fn next_minibatch(&mut self) {
        let Settings { seed, batch, bits, .. } = self.settings;
        let Some(dataset) = &mut self.dataset else {
            self.batch.reset(batch, bits);
            self.batch.fill_uniform(&mut stream(seed, Purpose::Data, self.updates));
            return;
        };
        let in_epoch = dataset.minibatches(batch) as u64;
        let (epoch, index) = (self.updates / in_epoch, self.updates % in_epoch);
        if index == 0 {
            dataset.begin(epoch);
        }
        dataset.minibatch(usize::try_from(index).expect("below a usize"), batch, &mut self.batch);
    }

    /// Trains to the end its settings name.
    ///
    /// # Errors
    /// None today; a result for what training may come to need from the system.
    pub fn run(&mut self, mut on_event: impl FnMut(&Event)) -> Result<Report> {
        let check = Check::new(self.settings.bits, self.settings.seed)?;
        let start = Instant::now();
        let outcome = self.run_to_end(&check, start, &mut on_event);
        let seconds = start.elapsed().as_secs_f64();
        let score = match outcome {
            // Every pair has just been right.
            Outcome::Solved => Score { wrong: 0, total: check.pairs() },
            Outcome::Stopped => Score::default(),
            Outcome::Unsolved | Outcome::Diverged => check.run(self.engine()),
        };
        Ok(self.ended(outcome, score, seconds))
    }

    /// What the training came to, if it ends here like this: tries every pair of the check, unless it was stopped, and counts as solved
    /// only if all are right.
    pub fn report(&mut self, check: &Check, outcome: Outcome, seconds: f64) -> Report {
        let score = if outcome == Outcome::Stopped { Score::default() } else { check.run(self.engine()) };
        self.ended(outcome, score, seconds)
    }

    /// The report of a training that ended so, with the score of its net.
    fn ended(&mut self, outcome: Outcome, score: Score, seconds: f64) -> Report {
        let outcome = match outcome {
            Outcome::Diverged | Outcome::Stopped => outcome,
            _ if score.wrong == 0 => Outcome::Solved,
            _ => Outcome::Unsolved,
        };
        let fixed = self.dataset.as_ref().map(|dataset| {
            let mut on = |batch: &Minibatch| Score {
                wrong: self.engine.evaluate(batch, None).wrong_samples,
                total: batch.samples() as u64,
            };
            FixedSet { training: on(dataset.training()), held_out: on(dataset.held_out()) }
        });
        Report { outcome, score, fixed, updates: self.updates, samples: self.samples, seconds }
    }

    fn run_to_end(&mut self, check: &Check, start: Instant, on_event: &mut impl FnMut(&Event)) -> Outcome {
        let in_epoch = self.dataset.as_ref().map(|dataset| dataset.minibatches(self.settings.batch) as u64);
        let (updates, time, solve) = match self.settings.until {
            Until::Solved { budget } => (budget, Duration::MAX, true),
            Until::Updates(updates) => (updates, Duration::MAX, false),
            Until::Epochs(epochs) => (epochs.saturating_mul(in_epoch.unwrap_or(1)), Duration::MAX, false),
            Until::Time(time) => (u64::MAX, time, false),
        };
        let mut clean = 0;
        let mut epoch = Tally::default();
        let mut epoch_samples = 0;
        while self.updates < updates && start.elapsed() < time {
            if self.stopped() {
                return Outcome::Stopped;
            }
            let tally = self.step();
            let samples = self.batch.samples() as u64;
            let update = self.updates;
            on_event(&self.told(&tally, start.elapsed().as_secs_f64()));
            if !tally.loss.is_finite() {
                return Outcome::Diverged;
            }
            epoch += tally;
            epoch_samples += samples;
            if let Some(in_epoch) = in_epoch.filter(|&in_epoch| update.is_multiple_of(in_epoch)) {
                let (loss, bit_error) = self.means(&epoch, epoch_samples);
                on_event(&Event::Epoch { epoch: update / in_epoch, loss, bit_error });
                (epoch, epoch_samples) = (Tally::default(), 0);
            }
            clean = if tally.wrong_samples == 0 { clean + samples } else { 0 };
            if solve && clean >= CLEAN {
                let passed = check.passes(self.engine());
                on_event(&Event::Check { update, passed });
                if passed {
                    return Outcome::Solved;
                }
                clean = 0;
            }
        }
        Outcome::Unsolved
    }

    /// The event of the last step, after so many seconds of training.
    pub fn told(&self, tally: &Tally, seconds: f64) -> Event {
        let (loss, bit_error) = self.means(tally, self.batch.samples() as u64);
        Event::Update { update: self.updates, samples: self.samples, loss, bit_error, seconds }
    }

    /// Mean loss of some samples, and the share of their bits that were wrong.
    fn means(&self, tally: &Tally, samples: u64) -> (f64, f64) {
        let samples = samples as f64;
        (tally.loss / samples, tally.wrong_bits as f64 / (samples * self.settings.bits as f64))
    }
}
