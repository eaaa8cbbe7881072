//! The training loop.

use super::check::{Check, Score};
use super::clock::{Clock, Times};
use super::course::{Course, Pursuit};
use super::dataset::Dataset;
use super::engine::{Engine, Trees};
use super::event::{Event, FixedSet, Observer, Outcome, Report};
use super::fault::{Fault, Norms, Quantity, norm};
use super::optimizer::Optimizer;
use super::settings::{Settings, Source, Until};
use crate::error::Result;
use crate::kernel::{Noise, dispatch};
use crate::model::{Model, Tally};
use crate::task::Minibatch;
use crate::task::rng::{Purpose, stream};
use rand_xoshiro::rand_core::Rng as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A training.
#[derive(Debug)]
pub struct Trainer {
    settings: Settings,
    model: Model<f32>,
    engine: Engine<f32>,
    pub(super) optimizer: Optimizer,
    batch: Minibatch,
    dataset: Option<Dataset>,
    grad: Vec<f32>,
    /// Amplitudes of the noise on h and c, 0 for none; and the limit of an LSTM's c.
    noise: ([f32; 2], f32),
    course: Course,
    clock: Clock,
    times: Times,
    /// Norms of the last update in which all was finite.
    norms: Norms,
    fault: Option<Fault>,
    pub(super) stop: Option<Arc<AtomicBool>>,
}

/// Clean additions in a row, without a wrong bit, before the check is tried.
pub(super) const CLEAN: u64 = 512;

impl Trainer {
    /// A training at its start.
    pub fn new(settings: Settings) -> Result<Self> {
        let settings = settings.checked()?;
        let model = settings.init.model(settings.config, settings.seed);
        let engine = Engine::new(&settings.config, settings.engine, settings.level, settings.threads)?;
        let len = model.params.len();
        let optimizer = Optimizer::new(settings.rule, len);
        let batch = Minibatch::new(settings.batch, settings.bits);
        let dataset = match settings.source {
            Source::Stream => None,
            Source::Fixed { samples, shuffle } => {
                Some(Dataset::new(samples, settings.bits, settings.batch, shuffle, settings.seed))
            }
        };
        let grad = vec![0.0; len];
        Ok(Self {
            settings,
            model,
            engine,
            optimizer,
            batch,
            dataset,
            grad,
            noise: ([0.0; 2], 0.0),
            course: Course::default(),
            clock: Clock::default(),
            times: Times::default(),
            norms: Norms::default(),
            fault: None,
            stop: None,
        })
    }

    /// Moves to where another training of these settings was.
    ///
    /// # Panics
    /// If the buffers are of another net or rule.
    pub(super) fn take_up(
        &mut self,
        params: &[f32],
        (mean, square, powers): (&[f32], &[f32], [f64; 2]),
        course: Course,
        (seconds, times): (f64, Times),
    ) {
        self.model.params.copy_from_slice(params);
        self.optimizer.set_state(mean, square, powers);
        (self.course, self.clock.before, self.times) = (course, seconds, times);
    }

    /// Parameters, optimizer and course, for updates that were made elsewhere in `learning`
    /// seconds.
    pub(super) fn parts_mut(&mut self, learning: f64) -> (&mut [f32], &mut Optimizer, &mut Course) {
        self.times.learning += learning;
        self.clock.before += learning;
        (&mut self.model.params, &mut self.optimizer, &mut self.course)
    }

    /// Makes [`Trainer::run`] end with [`Outcome::Stopped`] after the update in which the flag is
    /// set.
    pub fn stop_on(&mut self, flag: Arc<AtomicBool>) {
        self.stop = Some(flag);
    }

    /// Whether the flag is set.
    pub fn stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The net as it is now.
    pub fn model(&self) -> &Model<f32> {
        &self.model
    }

    /// The engine with the net as it is now, for checks and answers between updates.
    pub fn engine(&mut self) -> &mut Engine<f32> {
        self.engine.set_params(&self.model.params);
        &mut self.engine
    }

    /// Takes over the trees of another training's checks and tests.
    pub(crate) fn take_trees(&mut self, trees: Trees<f32>) {
        self.engine.take_trees(trees);
    }

    /// The trees of its checks and tests, for another training.
    pub(crate) fn into_trees(self) -> Trees<f32> {
        self.engine.into_trees()
    }

    /// Exchanges its engine for another of its kind and net, whose room is warm.
    pub(super) fn swap_engine(&mut self, engine: &mut Engine<f32>) {
        std::mem::swap(&mut self.engine, engine);
    }

    /// Sets the noise on carried states from here on: its amplitudes on h and on an LSTM's c, 0 for
    /// none, and the limit of c. See [`Noise`]; the reference engine has none.
    pub fn set_noise(&mut self, amplitude: [f32; 2], cell_limit: f32) {
        self.noise = (amplitude, cell_limit);
    }

    /// Updates made.
    pub fn updates(&self) -> u64 {
        self.course.updates
    }

    /// Whether the training is beyond the end that its settings name, in updates or in time.
    pub fn beyond_end(&self) -> bool {
        let (updates, seconds) = self.end();
        self.course.updates > updates || self.seconds() > seconds
    }

    /// Updates and seconds after which it ends at the latest.
    pub(super) fn end(&self) -> (u64, f64) {
        let in_epoch = self.dataset.as_ref().map_or(1, Dataset::minibatches);
        match self.settings.until {
            Until::Solved { budget: n } | Until::Proved { budget: n, .. } | Until::Updates(n) => (n, f64::INFINITY),
            Until::Epochs(epochs) => (epochs.saturating_mul(in_epoch), f64::INFINITY),
            Until::Time(time) => (u64::MAX, time.as_secs_f64()),
        }
    }

    /// How far the training has come.
    pub fn course(&self) -> &Course {
        &self.course
    }

    /// Training time so far, in seconds.
    pub fn seconds(&self) -> f64 {
        self.clock.seconds()
    }

    /// Parts of the training time that were measured; `rest` is 0.
    pub fn times(&self) -> Times {
        self.times
    }

    /// Counts the time since `start` as spent on proofs.
    pub(crate) fn proved_since(&mut self, start: Instant) {
        self.times.proofs += start.elapsed().as_secs_f64();
    }

    /// The norms of the last update in which all was finite.
    pub fn norms(&self) -> Norms {
        self.norms
    }

    /// Amplitude of the noise on h in the last update.
    pub fn noise(&self) -> f32 {
        self.noise.0[0]
    }

    /// The first number that was not finite. If there is one, the training has diverged.
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// Sets what the second stage of a training for a proof carries.
    pub(crate) fn set_pursuit(&mut self, pursuit: Pursuit) {
        self.course.pursuit = Some(pursuit);
    }

    /// Starts or pauses the clock.
    pub(crate) fn run_clock(&mut self, on: bool) {
        if on {
            self.clock.start();
        } else {
            self.clock.pause();
        }
    }

    /// Learns one minibatch. Only the first call allocates. [`Trainer::fault`] tells of a number
    /// that is not finite.
    pub fn step(&mut self) -> Tally {
        let start = Instant::now();
        let tally = self.learn();
        self.times.learning += start.elapsed().as_secs_f64();
        tally
    }

    fn learn(&mut self) -> Tally {
        self.next_minibatch();
        self.engine.set_params(&self.model.params);
        let (amplitude, cell_limit) = self.noise;
        self.engine.set_noise((amplitude[0] > 0.0).then(|| Noise {
            amplitude,
            cell_limit,
            key: stream(self.settings.seed, Purpose::Noise, self.course.updates).next_u64(),
        }));
        let tally = self.engine.gradient(&self.batch, &mut self.grad);
        self.course.updates += 1;
        self.course.samples += self.batch.samples() as u64;
        #[expect(clippy::cast_precision_loss, reason = "a batch is at most 2^24, which an f32 holds exactly")]
        let scale = 1.0 / self.batch.samples() as f32;
        let level = self.settings.level.token().expect("checked when made");
        let gradient = dispatch!(level, _ => norm(&self.grad)) * f64::from(scale);
        if !(gradient.is_finite() && tally.loss.is_finite()) {
            self.fault = Some(self.diagnose(&tally));
            return tally;
        }
        let scale = self.clipped(scale, gradient);
        let (optimizer, params) = (&mut self.optimizer, &mut self.model.params);
        let largest = dispatch!(level, _ => optimizer.update(params, &self.grad, scale));
        if largest.iter().all(|x| x.is_finite()) {
            self.norms = Norms { gradient, weight: largest[0] };
        } else {
            self.fault = Some(self.diagnose(&tally));
        }
        tally
    }

    /// The factor that clips a gradient.
    pub(super) fn clipped(&self, scale: f32, norm: f64) -> f32 {
        match self.settings.clip_norm {
            #[expect(clippy::cast_possible_truncation, reason = "a scale computed in f64 and applied in f32")]
            Some(most) if norm > f64::from(most) => (f64::from(scale) * f64::from(most) / norm) as f32,
            _ => scale,
        }
    }

    /// The first number that is not finite, after an update that made one.
    #[cold]
    fn diagnose(&self, tally: &Tally) -> Fault {
        let layout = self.model.layout();
        let (_, square, _) = self.optimizer.state();
        let loss = (!tally.loss.is_finite()).then_some((Quantity::Loss, ("loss", 0, tally.loss)));
        let parts = [
            (Quantity::Gradient, &self.grad[..]),
            (Quantity::Weight, &self.model.params),
            (Quantity::MeanSquare, square),
        ];
        let found = parts.into_iter().filter_map(|(of, values)| Some((of, Fault::find(&layout, values)?)));
        let (quantity, (tensor, index, value)) =
            loss.into_iter().chain(found).next().expect("a norm is finite if every value is");
        let (update, lr) = (self.course.updates, self.settings.rule.lr());
        Fault { update, quantity, tensor, index, value, last_finite: self.norms, lr }
    }

    /// Makes `batch` the next minibatch: a function of the number of updates.
    fn next_minibatch(&mut self) {
        let Settings { seed, batch, .. } = self.settings;
        if let Some(dataset) = &mut self.dataset {
            return dataset.minibatch(self.course.updates, &mut self.batch);
        }
        let bits = if self.course.pursuit.is_some() { self.settings.proof_bits() } else { self.settings.bits };
        if self.batch.bits() != bits {
            self.batch.reset(batch, bits);
        }
        self.batch.fill_uniform(&mut stream(seed, Purpose::Data, self.course.updates));
    }

    /// Trains to the end that the settings name, with an observer.
    pub fn run(&mut self, watch: &mut dyn Observer) -> Result<Report> {
        let mut check = Check::of(&self.settings);
        self.clock.start();
        let outcome = self.run_to_end(&mut check, watch);
        self.clock.pause();
        Ok(self.report(&check, outcome?, watch))
    }

    /// The report of a training that ends here. It tries every pair of the check, unless they were
    /// just right or the training was stopped. Only a net with all pairs right counts as solved.
    pub(crate) fn report(&mut self, check: &Check, outcome: Outcome, watch: &mut dyn Observer) -> Report {
        let start = Instant::now();
        let score = match outcome {
            Outcome::Solved => Some(Score { wrong: 0, total: check.pairs() }),
            Outcome::Stopped => None,
            Outcome::Unsolved | Outcome::Diverged => {
                let go_on = self.go_on(check, watch);
                check.run(self.engine(), go_on)
            }
        };
        self.times.checks += start.elapsed().as_secs_f64();
        let outcome = match score {
            None => Outcome::Stopped,
            Some(Score { wrong: 0, .. }) if outcome == Outcome::Unsolved => Outcome::Solved,
            Some(_) => outcome,
        };
        let testing = Instant::now();
        let counted = self.dataset.as_ref().filter(|_| outcome != Outcome::Stopped);
        let fixed = counted.map(|dataset| {
            let mut on = |batch: &Minibatch| Score {
                wrong: self.engine.evaluate(batch, None).wrong_samples,
                total: batch.samples() as u64,
            };
            FixedSet { training: on(dataset.training()), held_out: on(dataset.held_out()) }
        });
        self.times.tests += testing.elapsed().as_secs_f64();
        let (Course { updates, samples, .. }, score) = (self.course, score.unwrap_or_default());
        let (seconds, count_seconds) = (self.seconds(), start.elapsed().as_secs_f64());
        let times = self.times.within(seconds + count_seconds);
        Report { outcome, score, fixed, updates, samples, seconds, count_seconds, times, fault: self.fault }
    }

    /// Whether every pair of the check is right; `None` if the training was stopped meanwhile.
    pub(crate) fn passes(&mut self, check: &mut Check, watch: &mut dyn Observer) -> Option<bool> {
        let (start, go_on) = (Instant::now(), self.go_on(check, watch));
        let passed = check.passes(self.engine(), go_on);
        self.times.checks += start.elapsed().as_secs_f64();
        passed
    }

    /// Reports a check's progress between chunks, and continues it until the training is stopped.
    fn go_on<'w>(&self, check: &Check, watch: &'w mut dyn Observer) -> impl FnMut(u64) -> bool + use<'w> {
        let (stop, pairs) = (self.stop.clone(), check.pairs());
        move |done| {
            watch.checking(done, pairs);
            !stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
        }
    }

    /// What is due before the next update: the check, once enough additions in a row were right, or
    /// the end.
    pub(super) fn due(&mut self, check: &mut Check, watch: &mut dyn Observer) -> Result<Option<Outcome>> {
        let (updates, seconds) = self.end();
        // The check comes first: a training that was stopped in a check resumes with it.
        let solve = matches!(self.settings.until, Until::Solved { .. } | Until::Proved { .. });
        if solve && self.course.clean >= CLEAN {
            let Some(passed) = self.passes(check, watch) else { return Ok(Some(Outcome::Stopped)) };
            watch.event(&Event::Check { update: self.course.updates, passed })?;
            if passed {
                return Ok(Some(Outcome::Solved));
            }
            self.course.clean = 0;
        }
        // After every update the clock is read only where it can end the training.
        if self.course.updates >= updates || seconds < f64::INFINITY && self.seconds() >= seconds {
            return Ok(Some(Outcome::Unsolved));
        }
        Ok(self.stopped().then_some(Outcome::Stopped))
    }

    fn run_to_end(&mut self, check: &mut Check, watch: &mut dyn Observer) -> Result<Outcome> {
        let in_epoch = self.dataset.as_ref().map(Dataset::minibatches);
        loop {
            if let Some(outcome) = self.due(check, watch)? {
                return Ok(outcome);
            }
            let tally = self.step();
            let samples = self.batch.samples() as u64;
            let update = self.course.updates;
            watch.event(&self.told(&tally))?;
            if self.fault.is_some() {
                return Ok(Outcome::Diverged);
            }
            if let Some(in_epoch) = in_epoch {
                self.course.epoch += tally;
                if update.is_multiple_of(in_epoch) {
                    let Tally { loss, wrong_bits, .. } = std::mem::take(&mut self.course.epoch);
                    let (loss, bit_error) = self.means(loss, wrong_bits, self.settings.set_samples());
                    watch.event(&Event::Epoch { epoch: update / in_epoch, loss, bit_error })?;
                }
            }
            let clean = &mut self.course.clean;
            *clean = if tally.wrong_samples == 0 { *clean + samples } else { 0 };
            watch.update_done(self)?;
        }
    }

    /// The event of the last step.
    pub fn told(&self, tally: &Tally) -> Event {
        let (loss, bit_error) = self.means(tally.loss, tally.wrong_bits, self.batch.samples() as u64);
        let Course { updates: update, samples, .. } = self.course;
        Event::Update { update, samples, loss, bit_error, seconds: self.seconds() }
    }

    /// Mean loss of some samples, and the share of their bits that were wrong.
    pub(super) fn means(&self, loss: f64, wrong_bits: u64, samples: u64) -> (f64, f64) {
        let samples = samples as f64;
        (loss / samples, wrong_bits as f64 / (samples * self.batch.bits() as f64))
    }
}
