//! A training that is kept in a folder. After any stop it resumes from there, with the bits that it
//! would have had without the stop.
//!
//! [The chapter](crate::book::runs) has its files.
//!
//! ```
//! use carrylane::run::{RunOptions, Run, SavedRun, compare};
//! use carrylane::train::{Settings, Until};
//!
//! # let folder = tempfile::tempdir().expect("a temporary folder");
//! # let [x, y] = ["x", "y"].map(|name| folder.path().join(name));
//! let settings = |updates| Settings { until: Until::Updates(updates), ..Settings::default() };
//! // Twenty updates; then on to fifty from the last checkpoint, by whoever finds the folder.
//! Run::begin(&x, &RunOptions::of(&settings(20)))?.train(&mut ())?;
//! Run::resume(&x, &RunOptions::of(&settings(50)))?.train(&mut ())?;
//! // Fifty at once.
//! Run::begin(&y, &RunOptions::of(&settings(50)))?.train(&mut ())?;
//! assert!(compare(&SavedRun::read(&x)?, &SavedRun::read(&y)?).same());
//! # Ok::<(), carrylane::Error>(())
//! ```

mod checkpoints;
mod compare;
mod config;
mod curves;
mod environment;
mod events;
mod folder;
mod keeper;
mod model;

pub use checkpoints::{CHECKPOINTS, Checkpoints};
pub use compare::{Comparison, CurveDifference, SavedRun, TensorDifference, compare};
pub use config::read_config;
pub use curves::{Curves, RunEnd};
pub use events::EventLog;
pub use folder::{CONFIG, CURVES, ENVIRONMENT, MODEL, REPORT, is_run, model_path};
pub use keeper::CheckpointEvery;
pub use model::{proved_network, tells_of_proof};

use crate::error::{Error, Result};
use crate::files;
use crate::kernel::SimdLevel;
use crate::prove::{self, Learned};
use crate::task::people::{duration, plural};
use crate::task::whole::count;
use crate::train::{Observer, Settings, Trainer, Until};
use folder::Folder;
use keeper::Keeper;
use std::path::Path;

/// What a run trains, and how it is kept.
#[derive(Debug, Clone)]
pub struct RunOptions<'a> {
    /// What is trained.
    pub settings: &'a Settings,
    /// The instruction set that `config.toml` asks for [default: the machine's best].
    pub level: Option<SimdLevel>,
    /// How often a checkpoint is taken.
    pub every: CheckpointEvery,
    /// Whether the curves are written as TensorBoard events too. A run that has them keeps them.
    pub tensorboard: bool,
}

/// A training, and the folder that keeps it, if there is one.
#[derive(Debug)]
pub struct Run {
    /// The training.
    pub trainer: Trainer,
    /// What is wrong with newer checkpoints than the one it resumes from.
    pub damaged: Vec<Error>,
    /// How the training ended, if it had reached its goal before.
    pub ended: Option<RunEnd>,
    every: CheckpointEvery,
    /// When the training began, if its curves are written as events too.
    events: Option<f64>,
    folder: Option<Folder>,
}

impl<'a> RunOptions<'a> {
    /// A checkpoint every ten seconds.
    pub fn of(settings: &'a Settings) -> Self {
        Self { settings, level: None, every: CheckpointEvery::Seconds(10.0), tensorboard: false }
    }

    /// The text of `config.toml`.
    fn config(&self) -> String {
        config::text(self.settings, self.level)
    }

    /// Whether this end is the goal, after which there are no updates.
    fn is_over(&self, ended: Option<&str>) -> bool {
        match self.settings.until {
            Until::Proved { .. } => ended == Some("proved"),
            Until::Solved { .. } => matches!(ended, Some("solved" | "proved")),
            _ => false,
        }
    }
}

impl Run {
    /// A training that nothing keeps.
    pub fn unkept(options: &RunOptions) -> Result<Self> {
        Ok(Self::new(None, Trainer::new(options.settings.clone())?, options))
    }

    /// Begins a run in a folder, which is made if needed.
    ///
    /// # Errors
    /// [`Error::Usage`] if it holds a run, or the settings cannot be trained.
    pub fn begin(path: &Path, options: &RunOptions) -> Result<Self> {
        // The trainer comes first: settings that cannot be trained leave nothing behind.
        let trainer = Trainer::new(options.settings.clone())?;
        let folder = Folder::create(path)?;
        // The checkpoint comes before the settings that make the folder a run: a run always has
        // one.
        Checkpoints::of(path).add(&trainer.checkpoint(None))?;
        Self::kept(folder, trainer, options, None)
    }

    /// Resumes a run from its last checkpoint.
    ///
    /// # Errors
    /// [`Error::Usage`] if the run has other settings, or is beyond their end; [`Error::Data`] if
    /// no checkpoint is whole.
    pub fn resume(path: &Path, options: &RunOptions) -> Result<Self> {
        let folder = Folder::take(path)?;
        let (checkpoint, damaged) = Checkpoints::of(path).latest()?;
        let trainer = checkpoint.resume(options.settings.clone())?;
        if trainer.beyond_end() && !has_config(path, options) {
            return Err(beyond(&trainer, path));
        }
        let ended = if options.is_over(checkpoint.ended()) { Curves::of(path)?.end } else { None };
        let run = Self::kept(folder, trainer, options, ended)?;
        Ok(Self { damaged, ..run })
    }

    fn kept(folder: Folder, trainer: Trainer, options: &RunOptions, ended: Option<RunEnd>) -> Result<Self> {
        let path = &folder.path;
        let mut events = None;
        if ended.is_none() {
            let began = environment::note(path, options.settings, is_run(path).then(|| trainer.updates()))?;
            let wanted = options.tensorboard || path.join(EventLog::NAME).exists();
            events = wanted.then_some(began);
            // The settings come last, since a folder with settings is a run.
            if !has_config(path, options) {
                files::write(&path.join(CONFIG), options.config().as_bytes())?;
            }
        }
        Ok(Self { ended, events, ..Self::new(Some(folder), trainer, options) })
    }

    fn new(folder: Option<Folder>, trainer: Trainer, options: &RunOptions) -> Self {
        Self { trainer, damaged: Vec::new(), ended: None, every: options.every, events: None, folder }
    }

    /// Trains to the end or until it is stopped, and keeps the result.
    ///
    /// # Errors
    /// The observer's, and [`Error::Io`] if the disk is full or gone; the last checkpoint is whole.
    pub fn train(&mut self, watch: &mut dyn Observer) -> Result<Learned> {
        let Some(Folder { path, .. }) = &self.folder else { return prove::train(&mut self.trainer, watch) };
        let mut keeper = Keeper::new(path, &self.trainer, self.every, self.events, watch)?;
        let learned = prove::train(&mut self.trainer, &mut keeper)?;
        keeper.end(&self.trainer, &learned)?;
        Ok(learned)
    }
}

/// Whether a run has exactly these settings.
fn has_config(path: &Path, options: &RunOptions) -> bool {
    files::read_text(&path.join(CONFIG), files::TEXT).is_ok_and(|text| text == options.config())
}

/// The error for a new end that the run is already beyond.
fn beyond(trainer: &Trainer, run: &Path) -> Error {
    let (flag, end) = match trainer.settings().until {
        Until::Solved { budget } | Until::Proved { budget, .. } => ("budget", count(budget)),
        Until::Updates(updates) => ("updates", count(updates)),
        Until::Epochs(epochs) => ("epochs", count(epochs)),
        Until::Time(time) => ("time", duration(time.as_secs_f64())),
    };
    let (run, updates, time) = (run.display(), plural(trainer.updates(), "update"), duration(trainer.seconds()));
    Error::usage(format!("--{flag} is {end}, and {run} is beyond it, at {updates} and {time}: want more"))
}
