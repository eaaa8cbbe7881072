//! Writes a training to its folder: rows of its curves, events and checkpoints, and in the end the
//! net.

use super::checkpoints::Checkpoints;
use super::curves::{CurveLine, Curves, Recorder, RunEnd};
use super::events::EventLog;
use super::folder::{CURVES, MODEL};
use super::model;
use crate::error::Result;
use crate::files;
use crate::model::weights_hash;
use crate::prove::Learned;
use crate::train::{Event, Observer, Outcome, Probe, Row, Trainer, has_row};
use std::path::Path;

/// How often a checkpoint is taken. No result depends on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CheckpointEvery {
    /// Every so many updates.
    Updates(u64),
    /// Every so many seconds of training, and after each long update.
    Seconds(f64),
}

/// Keeps a training in its folder, where another observer looks on too.
pub(super) struct Keeper<'a> {
    other: &'a mut dyn Observer,
    path: &'a Path,
    recorder: Recorder,
    events: Option<EventLog>,
    probe: Probe,
    every: CheckpointEvery,
    /// Training time at the last checkpoint, and the time to write it.
    saved: (f64, f64),
    /// Training time at the end of the last update.
    updated: f64,
    /// Additions and training time at the last row.
    row: (u64, f64),
    /// Loss and bit error of the last update.
    told: (f64, f64),
}

impl<'a> Keeper<'a> {
    /// A keeper for a training that starts or resumes, with events if `began` says when it began.
    pub(super) fn new(
        path: &'a Path,
        trainer: &Trainer,
        every: CheckpointEvery,
        began: Option<f64>,
        other: &'a mut dyn Observer,
    ) -> Result<Self> {
        let recorder = Recorder::open(&path.join(CURVES), trainer.updates())?;
        let events = began.map(|began| EventLog::open(path, &Curves::of(path)?, began)).transpose()?;
        Ok(Self {
            other,
            path,
            recorder,
            events,
            probe: Probe::of(trainer),
            every,
            saved: (trainer.seconds(), 0.0),
            updated: trainer.seconds(),
            row: (trainer.course().samples, trainer.seconds()),
            told: (f64::NAN, f64::NAN),
        })
    }

    /// Whether a checkpoint is due.
    ///
    /// A signal cannot wait for the end of a long update, so what is not on the disk by then is
    /// lost. Long updates therefore get a checkpoint each, while those take less than a tenth of
    /// the time.
    fn due(&self, trainer: &Trainer) -> bool {
        const LONG: f64 = 0.5;
        let (now, (saved, cost)) = (trainer.seconds(), self.saved);
        match self.every {
            CheckpointEvery::Updates(updates) => trainer.updates().is_multiple_of(updates),
            CheckpointEvery::Seconds(seconds) if now - self.updated > LONG => now - saved >= seconds.min(10.0 * cost),
            CheckpointEvery::Seconds(seconds) => now - saved >= seconds,
        }
    }

    /// The row of an update.
    fn row_of(&mut self, trainer: &mut Trainer) -> Row {
        let (samples, seconds) = (trainer.course().samples, trainer.seconds());
        let (exact_rate, bit_error_by_position) = self.probe.run(trainer.engine());
        let ((loss, bit_error), norms) = (self.told, trainer.norms());
        let row = Row {
            update: trainer.updates(),
            samples,
            loss,
            bit_error,
            exact_rate,
            bit_error_by_position,
            gradient_norm: norms.gradient,
            largest_weight: norms.weight.into(),
            learning_rate: trainer.settings().rule.lr().into(),
            noise: trainer.noise().into(),
            seconds,
            samples_per_s: (samples - self.row.0) as f64 / (seconds - self.row.1).max(1e-9),
        };
        self.row = (samples, seconds);
        row
    }

    /// Writes a checkpoint, after the curves up to it are on the disk.
    fn checkpoint(&mut self, trainer: &Trainer, ended: Option<&str>) -> Result<()> {
        let start = trainer.seconds();
        self.recorder.sync()?;
        Checkpoints::of(self.path).add(&trainer.checkpoint(ended))?;
        self.saved = (start, trainer.seconds() - start);
        Ok(())
    }

    /// Writes how the training ended, and the net. The last checkpoint says that nothing is left to
    /// do, so it comes last. A training that diverged gets none, and resumes from before that.
    pub(super) fn end(&mut self, trainer: &Trainer, learned: &Learned) -> Result<()> {
        let report = &learned.report;
        let lost = report.outcome == Outcome::Diverged || trainer.fault().is_some();
        if report.outcome == Outcome::Stopped {
            return if lost { Ok(()) } else { self.checkpoint(trainer, None) };
        }
        if !lost {
            files::write(&self.path.join(MODEL), &model::to_bytes(trainer, learned))?;
        }
        let model = trainer.model();
        self.recorder.add(&CurveLine::End(RunEnd {
            update: report.updates,
            samples: report.samples,
            seconds: report.seconds,
            times: report.times,
            outcome: learned.outcome().to_owned(),
            pairs_wrong: report.score.wrong,
            pairs_total: report.score.total,
            weights_hash: weights_hash(&model.config, &model.params),
            fault: report.fault.map(|fault| fault.to_string()),
        }))?;
        self.recorder.sync()?;
        if lost { Ok(()) } else { self.checkpoint(trainer, Some(learned.outcome())) }
    }
}

impl Observer for Keeper<'_> {
    fn event(&mut self, event: &Event) -> Result<()> {
        self.other.event(event)?;
        match *event {
            Event::Update { loss, bit_error, .. } => self.told = (loss, bit_error),
            Event::Check { update, passed } => self.recorder.add(&CurveLine::Check { update, passed })?,
            Event::Epoch { .. } => {}
        }
        Ok(())
    }

    fn checking(&mut self, done: u64, pairs: u64) {
        self.other.checking(done, pairs);
    }

    fn update_done(&mut self, trainer: &mut Trainer) -> Result<()> {
        self.other.update_done(trainer)?;
        if has_row(trainer.updates()) {
            let row = self.row_of(trainer);
            if let Some(events) = &mut self.events {
                events.add(&row)?;
            }
            self.recorder.add(&CurveLine::Update(row))?;
        }
        if self.due(trainer) {
            self.checkpoint(trainer, None)?;
        }
        self.updated = trainer.seconds();
        Ok(())
    }
}
