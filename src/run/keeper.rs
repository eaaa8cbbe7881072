//! What keeps a training in its folder while it goes: rows of its curves, events, checkpoints; and
//! at its end the net.

use super::curves::{CurveLine, Curves, Recorder, RunEnd};
use super::events::Events;
use super::folder::{CURVES, MODEL, checkpoints};
use super::model;
use crate::error::Result;
use crate::files;
use crate::model::weights_hash;
use crate::prove::Learned;
use crate::train::{Event, Outcome, Probe, Row, Trainer, Watch, has_row};
use std::path::{Path, PathBuf};

/// How often a checkpoint is taken. When, changes no result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Every {
    /// After so many updates.
    Updates(u64),
    /// After so many seconds of training, and sooner where a signal would find the run in the
    /// middle of a long update.
    Seconds(f64),
}

/// Keeps a training in its folder.
#[derive(Debug)]
pub(super) struct Keeper {
    path: PathBuf,
    recorder: Recorder,
    events: Option<Events>,
    probe: Probe,
    every: Every,
    /// Training time at the last checkpoint, and what it took to write.
    saved: (f64, f64),
    /// Training time at the end of the last update.
    updated: f64,
    /// Additions and training time at the last row.
    row: (u64, f64),
    /// Loss and bit error of the last update.
    told: (f64, f64),
}

impl Keeper {
    /// One for a training at its start or resumed, with events where it is known when it `began`.
    pub(super) fn new(path: &Path, trainer: &Trainer, every: Every, began: Option<f64>) -> Result<Self> {
        let recorder = Recorder::open(&path.join(CURVES), trainer.updates())?;
        let events = began.map(|began| Events::open(path, &Curves::of(path)?, began)).transpose()?;
        Ok(Self {
            path: path.to_owned(),
            recorder,
            events,
            probe: Probe::of(trainer),
            every,
            saved: (trainer.seconds(), 0.0),
            updated: trainer.seconds(),
            row: (trainer.samples(), trainer.seconds()),
            told: (f64::NAN, f64::NAN),
        })
    }

    /// Whether a checkpoint is due. A signal in the middle of a long update finds no time to wait
    /// for its end, so that what is not on the disk by then is lost: long updates get a checkpoint
    /// each, as long as those take less than a tenth of the time.
    fn due(&self, trainer: &Trainer) -> bool {
        const LONG: f64 = 0.5;
        let (now, (saved, cost)) = (trainer.seconds(), self.saved);
        match self.every {
            Every::Updates(updates) => trainer.updates().is_multiple_of(updates),
            Every::Seconds(seconds) if now - self.updated > LONG => now - saved >= seconds.min(10.0 * cost),
            Every::Seconds(seconds) => now - saved >= seconds,
        }
    }

    /// The row of an update.
    fn row_of(&mut self, trainer: &mut Trainer) -> Row {
        let (samples, seconds) = (trainer.samples(), trainer.seconds());
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

    /// Keeps where the training is. Its curves up to here go to the disk first: a checkpoint never
    /// stands without them.
    fn checkpoint(&mut self, trainer: &Trainer, ended: Option<&str>) -> Result<()> {
        let start = trainer.seconds();
        self.recorder.sync()?;
        checkpoints(&self.path).add(&trainer.checkpoint(ended))?;
        self.saved = (start, trainer.seconds() - start);
        Ok(())
    }

    /// Keeps how the training ended, and the net. The last checkpoint, which says that there is
    /// nothing left to do, comes after all else. One that diverged has none, and goes on from
    /// before it did.
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

impl Watch for Keeper {
    fn event(&mut self, event: &Event) -> Result<()> {
        match *event {
            Event::Update { loss, bit_error, .. } => self.told = (loss, bit_error),
            Event::Check { update, passed } => self.recorder.add(&CurveLine::Check { update, passed })?,
            Event::Epoch { .. } => {}
        }
        Ok(())
    }

    fn update_done(&mut self, trainer: &mut Trainer) -> Result<()> {
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
