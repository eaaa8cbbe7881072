//! The folder that `--out` keeps a training in.

use super::args::VERSION;
use carrylane::model::{file, weights_hash};
use carrylane::prove::{Proof, Verdict};
use carrylane::train::{Outcome, Report, Trainer};
use carrylane::{Error, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

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
}

impl RunFolder {
    /// Makes the folder if needed, and finds out whether it can be written, before any work is done for it.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let missing = path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
        let folder = Self { path: path.to_owned(), made: missing.map(Path::to_owned).collect() };
        fs::create_dir_all(path).map_err(|source| Error::io(path, "create", source))?;
        tempfile::tempfile_in(path).map_err(|source| Error::io(path, "write to", source))?;
        Ok(folder)
    }

    /// Saves a trained net and notes of its training, and returns the file's name.
    pub(super) fn save(mut self, trainer: &Trainer, report: &Report, proof: Option<&Proof>) -> Result<String> {
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
        let path = self.path.join("model.safetensors");
        file::save(&path, model, &notes)?;
        self.made.clear();
        Ok(path.display().to_string())
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        for folder in &self.made {
            // Only ever an empty one.
            fs::remove_dir(folder).ok();
        }
    }
}
