//! The folder that `--out` keeps a training in.
//!
//! | file | holds |
//! |---|---|
//! | `config.toml` | the settings, for `--config` and `--resume` |
//! | `environment.json` | version, machine, threads |
//! | `metrics.jsonl` | the curves, added to as the training goes |
//! | `checkpoints/` | the last two states it can go on from |
//! | `model.safetensors` | the net, once it is trained |
//! | `report.html` | the curves as a page, once it ends or is interrupted |

use super::args::VERSION;
use super::config_file;
use super::environment::Environment;
use carrylane::files::{self, TEMPORARY};
use carrylane::model::file;
use carrylane::model::weights_hash;
use carrylane::prove::{Proof, Verdict};
use carrylane::report::run::{self, Curves};
use carrylane::sweep::Plan;
use carrylane::train::{Checkpoints, Outcome, Report, Trainer};
use carrylane::{Error, Result};
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// The trained net of a run.
pub(super) const MODEL: &str = "model.safetensors";

/// Notes of a proved model: what makes its integer network again, and that network's hash.
pub(super) const PROVED_Q: &str = "proved_q";
pub(super) const PROVED_CELL: &str = "proved_cell_limit";
pub(super) const PROVED_NETWORK: &str = "proved_network";

/// A folder that can be written to. If nothing is saved, the folders that were made for it go again.
#[derive(Debug)]
pub(super) struct RunFolder {
    path: PathBuf,
    /// What was made, innermost first.
    made: Vec<PathBuf>,
    /// Held by the one process that trains here; the system lets go of it however the process ends.
    lock: Option<File>,
}

impl RunFolder {
    /// Makes the folder if needed, before any work is done for it.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let name = path.display();
        if path.join(Plan::LOCK).exists() {
            return Err(Error::usage(format!("{name} holds a sweep: name another folder")));
        }
        if path.join(config_file::NAME).exists() {
            return Err(Error::usage(format!(
                "{name} holds a run already: go on with it by --resume {name}, or name another folder"
            )));
        }
        let left = Self::again(path).checkpoints().latest();
        if left.is_ok_and(|(checkpoint, _)| checkpoint.course().updates > 0) {
            let name = path.display();
            return Err(Error::usage(format!(
                "{name} holds checkpoints of a run, though not its {}: name another folder",
                config_file::NAME
            )));
        }
        let missing = path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
        let folder = Self { path: path.to_owned(), made: missing.map(Path::to_owned).collect(), lock: None };
        files::make_folder(path)?;
        Ok(folder)
    }

    /// The folder of a run that there is.
    pub(super) fn again(path: &Path) -> Self {
        Self { path: path.to_owned(), made: Vec::new(), lock: None }
    }

    /// Takes the folder for this process alone, if it can be written, and clears away what a kill
    /// left of half-written files.
    pub(super) fn take(&mut self) -> Result<()> {
        let name = self.file(".lock");
        let lock = File::options().create(true).append(true).open(&name);
        let lock = lock.map_err(|source| Error::io(&self.path, "write to", source))?;
        match lock.try_lock() {
            // Where the system has no locks, people must take care.
            Ok(()) | Err(TryLockError::Error(_)) => self.lock = Some(lock),
            Err(TryLockError::WouldBlock) => {
                let path = self.path.display();
                return Err(Error::usage(format!("another process is training in {path}: wait for it, or stop it")));
            }
        }
        for folder in [self.path.clone(), self.file("checkpoints")] {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                    fs::remove_file(entry.path()).ok();
                }
            }
        }
        Ok(())
    }

    /// A file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Itself.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its checkpoints.
    pub(super) fn checkpoints(&self) -> Checkpoints {
        Checkpoints::of(self.file("checkpoints"))
    }

    /// Its curves so far.
    pub(super) fn curves(&self) -> Result<Curves> {
        Curves::read(&self.metrics())
    }

    /// Where its curves are.
    pub(super) fn metrics(&self) -> PathBuf {
        self.file("metrics.jsonl")
    }

    /// Begins the run, or goes on with one after so many updates: from here on the folder stays. Settings come last, since a folder with
    /// settings is a run.
    pub(super) fn begin(
        &mut self,
        config: &str,
        mut environment: Environment,
        resumed: Option<u64>,
    ) -> Result<Environment> {
        let name = self.file("environment.json");
        if let Some(updates) = resumed {
            let older = files::read_text(&name, files::TEXT).ok();
            let older = older.and_then(|text| files::json::<Environment>(text.as_bytes()).ok());
            if let Some(older) = older {
                environment.began_unix_s = older.began_unix_s;
                environment.resumed_at = older.resumed_at;
            }
            environment.resumed_at.push(updates);
        }
        files::write(&name, environment.text().as_bytes())?;
        let name = self.file(config_file::NAME);
        if files::read_text(&name, files::TEXT).ok().as_deref() != Some(config) {
            files::write(&name, config.as_bytes())?;
        }
        self.made.clear();
        Ok(environment)
    }

    /// Saves a trained net and notes of its training, and returns the file's name.
    pub(super) fn save(&self, trainer: &Trainer, report: &Report, proof: Option<&Proof>) -> Result<PathBuf> {
        let (settings, model) = (trainer.settings(), trainer.model());
        let notes: [(&str, String); 13] = [
            ("version", VERSION.into()),
            ("bits", settings.bits.to_string()),
            ("batch", settings.batch.to_string()),
            ("seed", settings.seed.to_string()),
            ("init", settings.init.to_string()),
            ("optimizer", settings.rule.to_string()),
            ("lr", settings.rule.lr().to_string()),
            ("level", settings.level.to_string()),
            ("updates", report.updates.to_string()),
            ("samples", report.samples.to_string()),
            ("solved", (report.outcome == Outcome::Solved).to_string()),
            ("pairs_wrong", report.score.wrong.to_string()),
            ("weights_hash", weights_hash(&model.config, &model.params)),
        ];
        let proof = proof.filter(|proof| proof.verdict == Verdict::Proved).map(|proof| {
            let format = proof.net.format();
            [
                (PROVED_Q, format.q.to_string()),
                (PROVED_CELL, format.cell_limit.to_string()),
                (PROVED_NETWORK, proof.net.hash()),
                ("proved_states", proof.walk.states().to_string()),
            ]
        });
        let notes = notes.into_iter().chain(proof.into_iter().flatten());
        let notes: BTreeMap<String, String> = notes.map(|(name, value)| (name.into(), value)).collect();
        let path = self.file(MODEL);
        file::save(&path, model, &notes)?;
        Ok(path)
    }

    /// Writes the page of what the folder holds by now.
    pub(super) fn write_report(&self, bits: usize) -> Result<()> {
        let read = |name: &str| files::read_text(&self.file(name), files::TEXT);
        let (config, environment) = (read(config_file::NAME)?, read("environment.json")?);
        let title = self.path.display().to_string();
        run::write(&self.file("report.html"), &title, bits, &self.curves()?, &config, &environment)
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if !self.made.is_empty() {
            fs::remove_file(self.file(".lock")).ok();
            fs::remove_dir_all(self.file("checkpoints")).ok();
        }
        for folder in &self.made {
            // Only ever an empty one.
            fs::remove_dir(folder).ok();
        }
    }
}
