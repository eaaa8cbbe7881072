//! The folder of a run: the names of its files, and the one process that may train in it.

use super::checkpoints::Checkpoints;
use crate::error::{Error, Result};
use crate::files::{self, TEMPORARY};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// File of the settings. A folder with this file is a run.
pub const CONFIG: &str = "config.toml";
/// File of the program and the machines.
pub const ENVIRONMENT: &str = "environment.json";
/// File of the curves.
pub const CURVES: &str = "metrics.jsonl";
/// Folder of the checkpoints.
pub const CHECKPOINTS: &str = "checkpoints";
/// File of the trained net.
pub const MODEL: &str = "model.safetensors";
/// Page of the curves.
pub const REPORT: &str = "report.html";
/// File that the training process locks.
const LOCK: &str = ".lock";

/// Whether a folder holds a run.
pub fn is_run(path: &Path) -> bool {
    path.join(CONFIG).exists()
}

/// The model file that a path means: the net of a run for its folder, else the path itself.
pub fn model_path(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(MODEL) } else { path.to_owned() }
}

/// The checkpoints of a run.
pub fn checkpoints(path: &Path) -> Checkpoints {
    Checkpoints::of(path.join(CHECKPOINTS))
}

/// A folder that this process alone writes to. Folders made for it are removed if nothing is kept.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Folders that were made, innermost first.
    made: Vec<PathBuf>,
    /// Lock that the system releases however the process ends.
    _lock: File,
}

impl Folder {
    /// Makes the folder of a new run if needed, and takes it.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let name = path.display();
        if is_run(path) {
            return Err(Error::usage(format!(
                "{name} holds a run already: go on with it by --resume {name}, or name another folder"
            )));
        }
        if checkpoints(path).latest().is_ok_and(|(checkpoint, _)| checkpoint.course().updates > 0) {
            return Err(Error::usage(format!(
                "{name} holds checkpoints of a run, though not its {CONFIG}: name another folder"
            )));
        }
        let missing = path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
        let made: Vec<PathBuf> = missing.map(Path::to_owned).collect();
        files::make_folder(path)?;
        Self::lock(path, made)
    }

    /// Takes the folder of an existing run.
    pub(super) fn take(path: &Path) -> Result<Self> {
        Self::lock(path, Vec::new())
    }

    /// Takes a writable folder for this process alone, and removes half-written files of a kill.
    fn lock(path: &Path, made: Vec<PathBuf>) -> Result<Self> {
        let lock = File::options().create(true).append(true).open(path.join(LOCK));
        let lock = lock.map_err(|source| Error::io(path, "write to", source)).inspect_err(|_| remove(&made))?;
        // Systems without locks leave this to people.
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            let path = path.display();
            return Err(Error::usage(format!("another process is training in {path}: wait for it, or stop it")));
        }
        for folder in [path.to_owned(), path.join(CHECKPOINTS)] {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                    fs::remove_file(entry.path()).ok();
                }
            }
        }
        Ok(Self { path: path.to_owned(), made, _lock: lock })
    }

    /// Path of the folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the folder from here on.
    pub(super) fn keep(&mut self) {
        self.made.clear();
    }
}

/// Removes folders that are empty, innermost first.
fn remove(folders: &[PathBuf]) {
    for folder in folders {
        fs::remove_dir(folder).ok();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.made.is_empty() {
            fs::remove_file(self.path.join(LOCK)).ok();
            fs::remove_dir_all(self.path.join(CHECKPOINTS)).ok();
        }
        remove(&self.made);
    }
}
