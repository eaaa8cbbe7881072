//! The folder of a run: the names of its files, and the one process that may train in it.

use super::checkpoints::{CHECKPOINTS, Checkpoints};
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

/// A folder that this process alone writes to.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
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
        if Checkpoints::of(path).latest().is_ok_and(|(checkpoint, _)| checkpoint.course().updates > 0) {
            return Err(Error::usage(format!(
                "{name} holds checkpoints of a run, though not its {CONFIG}: name another folder"
            )));
        }
        files::make_folder(path)?;
        Self::take(path)
    }

    /// Takes a writable folder for this process alone, and removes half-written files of a kill.
    pub(super) fn take(path: &Path) -> Result<Self> {
        let lock = File::options().create(true).append(true).open(path.join(LOCK));
        let lock = lock.map_err(|source| Error::io(path, "write to", source))?;
        // Systems without locks leave this to people.
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            let path = path.display();
            return Err(Error::usage(format!("another process is training in {path}: wait for it, or stop it")));
        }
        for folder in [path.to_owned(), path.join(CHECKPOINTS)] {
            for file in files::list(&folder)? {
                if file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(TEMPORARY)) {
                    fs::remove_file(file).ok();
                }
            }
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }
}
