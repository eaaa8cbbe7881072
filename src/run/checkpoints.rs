//! The checkpoints of a run: from before the first update on, their folder always holds a whole
//! one.

use crate::error::{Error, Result};
use crate::files;
use crate::train::Checkpoint;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Folder of the checkpoints.
pub const CHECKPOINTS: &str = "checkpoints";

/// How many of the newest checkpoints are kept: one more, should the disk spoil the last.
const KEPT: usize = 2;

/// A folder of checkpoints, each named after its number of updates.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    /// The checkpoints of a run, whose folder is made with the first one.
    pub fn of(run: &Path) -> Self {
        Self { folder: run.join(CHECKPOINTS) }
    }

    /// Adds a checkpoint, and removes all but the newest.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be written; older checkpoints then stay.
    pub fn add(&self, checkpoint: &Checkpoint) -> Result<()> {
        // Not the folders above it: a run that vanished stays so.
        if let Err(source) = fs::create_dir(&self.folder)
            && source.kind() != ErrorKind::AlreadyExists
        {
            return Err(Error::io(&self.folder, "create", source));
        }
        checkpoint.save(&self.folder.join(format!("{:012}.safetensors", checkpoint.course().updates)))?;
        let names = self.names()?;
        for old in &names[..names.len().saturating_sub(KEPT)] {
            // An old checkpoint that stays does no harm.
            fs::remove_file(old).ok();
        }
        Ok(())
    }

    /// The newest checkpoint that is whole, and what is wrong with newer ones.
    ///
    /// # Errors
    /// [`Error::Data`] if none is whole, with what is wrong with the newest; [`Error::Io`] if the
    /// folder or a checkpoint cannot be read.
    pub fn latest(&self) -> Result<(Checkpoint, Vec<Error>)> {
        let mut damaged = Vec::new();
        for path in self.names()?.into_iter().rev() {
            match Checkpoint::load(&path) {
                Ok(checkpoint) => return Ok((checkpoint, damaged)),
                Err(error @ Error::Data { .. }) => damaged.push(error),
                Err(error) => return Err(error),
            }
        }
        let found = damaged.first().map_or_else(|| "there is none".into(), ToString::to_string);
        Err(Error::data(&self.folder, format!("no checkpoint is whole, {found}")))
    }

    /// The files, oldest first.
    fn names(&self) -> Result<Vec<PathBuf>> {
        let mut paths = files::list(&self.folder)?;
        paths.retain(|path| is_checkpoint(path));
        Ok(paths)
    }
}

/// Whether a file has the name of a checkpoint; temporary files have not.
fn is_checkpoint(path: &Path) -> bool {
    let stem = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".safetensors"));
    stem.is_some_and(|stem| !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{Settings, Trainer};

    #[test]
    fn the_newest_whole_one_is_found_and_old_ones_go() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let checkpoints = Checkpoints::of(folder.path());
        let none = checkpoints.latest().expect_err("none yet").to_string();
        assert!(none.contains("there is none"), "{none}");
        let settings = Settings::default();
        let mut trainer = Trainer::new(settings.clone()).expect("settings in range");
        for _ in 0..4 {
            trainer.step();
            checkpoints.add(&trainer.checkpoint(None)).expect("writable");
        }
        let names = checkpoints.names().expect("readable");
        assert_eq!(names.len(), KEPT, "{names:?}");
        fs::write(checkpoints.folder.join(".carrylane-x.safetensors"), "half").expect("writable");
        fs::write(&names[1], &fs::read(&names[1]).expect("readable")[..500]).expect("writable");
        let (found, damaged) = checkpoints.latest().expect("readable");
        assert_eq!((found.course().updates, damaged.len()), (3, 1), "{damaged:?}");
        fs::write(&names[0], "spoiled").expect("writable");
        let gone = Checkpoints::of(&folder.path().join("gone"));
        assert!(gone.add(&trainer.checkpoint(None)).is_err(), "no run, no checkpoint");
        let none = checkpoints.latest().expect_err("both are damaged").to_string();
        assert!(none.contains("no checkpoint is whole") && none.contains("000000000004.safetensors"), "{none}");
    }
}
