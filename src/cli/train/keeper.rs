//! What looks on while a net is trained: shows it line by line, and for a run folder adds to its curves and its checkpoints.

use crate::cli::environment::Environment;
use crate::cli::format::{count, plural};
use crate::cli::output::Output;
use crate::cli::run_folder::RunFolder;
use crate::cli::trace::Trace;
use carrylane::Result;
use carrylane::model::weights_hash;
use carrylane::report::run::{End, Events, Line, Recorder};
use carrylane::train::{Checkpoints, Event, Identity, Outcome, Probe, Report, Row, Settings, Trainer, Watch, has_row};

/// How often a checkpoint is taken. When, changes no result.
#[derive(Debug, Clone, Copy)]
pub(super) enum Every {
    /// After so many updates.
    Updates(u64),
    /// After so many seconds of training, and sooner where a signal would find the run in the
    /// middle of an update, see [`Keeper::due`].
    Seconds(f64),
}

/// Keeps a run in its folder.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) folder: RunFolder,
    identity: Identity,
    recorder: Recorder,
    events: Option<Events>,
    checkpoints: Checkpoints,
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
    /// One for a training at its start or resumed, whose folder is begun.
    pub(super) fn new(
        folder: RunFolder,
        trainer: &Trainer,
        identity: Identity,
        every: Every,
        tensorboard: Option<&Environment>,
    ) -> Result<Self> {
        let recorder = Recorder::open(&folder.metrics(), trainer.updates())?;
        let began =
            |environment: &Environment| Events::open(folder.path(), &folder.curves()?, environment.began_unix_s);
        let events = tensorboard.map(began).transpose()?;
        Ok(Self {
            identity,
            recorder,
            events,
            checkpoints: folder.checkpoints(),
            probe: Probe::of(trainer),
            every,
            saved: (trainer.seconds(), 0.0),
            updated: trainer.seconds(),
            row: (trainer.samples(), trainer.seconds()),
            told: (f64::NAN, f64::NAN),
            folder,
        })
    }

    /// Keeps what happened.
    fn event(&mut self, event: &Event) -> Result<()> {
        match *event {
            Event::Update { loss, bit_error, .. } => self.told = (loss, bit_error),
            Event::Check { update, passed } => self.recorder.add(&Line::Check { update, passed })?,
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
            self.recorder.add(&Line::Update(row))?;
        }
        if self.due(trainer) {
            self.checkpoint(trainer, None)?;
        }
        self.updated = trainer.seconds();
        Ok(())
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

    /// Keeps where the training is. Its curves up to here go to the disk first: a checkpoint never stands without them.
    pub(super) fn checkpoint(&mut self, trainer: &Trainer, ended: Option<&str>) -> Result<()> {
        let start = trainer.seconds();
        self.recorder.sync()?;
        self.checkpoints.add(&trainer.checkpoint(&self.identity, ended))?;
        self.saved = (start, trainer.seconds() - start);
        Ok(())
    }

    /// The run is over: its end and its page. The net is saved before, and the last checkpoint, which says that there is nothing left to
    /// do, comes after all else.
    pub(super) fn end(&mut self, trainer: &Trainer, report: &Report, outcome: &str) -> Result<()> {
        let model = trainer.model();
        self.recorder.add(&Line::End(End {
            update: report.updates,
            samples: report.samples,
            seconds: report.seconds,
            times: report.times,
            outcome: outcome.to_owned(),
            pairs_wrong: report.score.wrong,
            pairs_total: report.score.total,
            weights_hash: weights_hash(&model.config, &model.params),
            fault: report.fault.map(|fault| fault.to_string()),
        }))?;
        self.recorder.sync()?;
        self.folder.write_report(trainer.settings().bits)?;
        // A training that diverged can be looked at, and gone on with from before it did.
        if report.outcome == Outcome::Diverged { Ok(()) } else { self.checkpoint(trainer, Some(outcome)) }
    }

    /// The run is interrupted: where it is, and its page so far.
    pub(super) fn interrupt(&mut self, trainer: &Trainer) -> Result<()> {
        // One that diverged, and is not counted yet, goes on from before it did.
        if trainer.fault().is_none() {
            self.checkpoint(trainer, None)?;
        }
        self.folder.write_report(trainer.settings().bits)
    }
}

/// Shows a training, and keeps it if there is where.
#[derive(Debug)]
pub(super) struct Onlooker<'a> {
    pub(super) trace: Trace,
    pub(super) settings: &'a Settings,
    pub(super) out: &'a mut Output,
    pub(super) keeper: Option<Keeper>,
    /// The first failure to print or to keep.
    pub(super) failed: Result<()>,
}

impl Watch for Onlooker<'_> {
    fn event(&mut self, event: &Event) {
        if self.failed.is_ok() {
            self.failed = self.trace.show(event, self.settings, self.out);
        }
        if let Some(keeper) = &mut self.keeper
            && self.failed.is_ok()
        {
            self.failed = keeper.event(event);
        }
    }

    fn checking(&mut self, done: u64, pairs: u64) {
        self.out.progress(done, pairs, || format!("check, {} of {} tried", count(done), plural(pairs, "pair")));
    }

    fn update_done(&mut self, trainer: &mut Trainer) -> Result<()> {
        match &mut self.keeper {
            None => Ok(()),
            Some(keeper) => {
                std::mem::replace(&mut self.failed, Ok(()))?;
                keeper.update_done(trainer)
            }
        }
    }
}
