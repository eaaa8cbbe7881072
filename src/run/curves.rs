//! The curves of a training: `metrics.jsonl`, JSON lines that are appended as it goes.
//!
//! Resuming from a checkpoint first drops the lines after it, and a line that a kill tore, since
//! the training makes them again. In the end the file is, but for times, the one of a training that
//! was never stopped.

use super::folder::CURVES;
use crate::error::{Error, Result};
use crate::files::{self, Appender};
use crate::train::{Row, Times};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum CurveLine {
    /// The training at an update.
    Update(Row),
    /// The check was tried.
    Check {
        /// Updates so far.
        update: u64,
        /// Whether it passed.
        passed: bool,
    },
    /// The training is over.
    End(RunEnd),
}

/// How a training ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEnd {
    /// Updates in all.
    pub update: u64,
    /// Additions in all.
    pub samples: u64,
    /// Training time.
    pub seconds: f64,
    /// Parts of the training time, and of what came after it.
    #[serde(default)]
    pub times: Times,
    /// `solved`, `proved`, `unsolved` or `diverged`.
    pub outcome: String,
    /// Wrong pairs of the check.
    pub pairs_wrong: u64,
    /// Pairs of the check.
    pub pairs_total: u64,
    /// Hash of the final net.
    pub weights_hash: String,
    /// The first number that was not finite, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// The curves in a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curves {
    /// Rows by update.
    pub rows: Vec<Row>,
    /// Updates at which the check was tried, and whether it passed.
    pub checks: Vec<(u64, bool)>,
    /// How the training ended, if it has.
    pub end: Option<RunEnd>,
}

impl Curves {
    /// The curves of a run so far.
    pub fn of(run: &Path) -> Result<Self> {
        Self::read(&run.join(CURVES))
    }

    /// Reads a file; a missing one counts as empty. A torn last line is left out.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::Data`] with the number of a line that is wrong.
    pub fn read(path: &Path) -> Result<Self> {
        let mut curves = Self::default();
        files::found(files::lines(path, |number, line| {
            match files::json(line) {
                Ok(CurveLine::Update(row)) => curves.rows.push(row),
                Ok(CurveLine::Check { update, passed }) => curves.checks.push((update, passed)),
                Ok(CurveLine::End(end)) => curves.end = Some(end),
                Err(_) if !line.ends_with(b"\n") && (line.len() as u64) < files::LINE => {}
                Err(problem) => {
                    return Err(Error::data(path, format!("line {number} is not one of a training: {problem}")));
                }
            }
            Ok(())
        }))?;
        Ok(curves)
    }
}

/// A file that is appended to.
#[derive(Debug)]
pub(super) struct Recorder {
    file: Appender,
    /// Updates at the last check. A training that resumes may repeat that check, and must not write
    /// its line twice.
    checked: Option<u64>,
}

impl Recorder {
    /// Opens a file for a training that has made `updates` updates, and drops the lines beyond
    /// them.
    pub(super) fn open(path: &Path, updates: u64) -> Result<Self> {
        let (mut kept, mut checked) = (Vec::new(), None);
        files::found(files::lines(path, |_, line| {
            match files::json(line) {
                Ok(CurveLine::Check { update, .. }) if update <= updates => checked = Some(update),
                Ok(CurveLine::Update(row)) if row.update <= updates => {}
                _ => return Ok(()),
            }
            kept.extend_from_slice(line);
            Ok(())
        }))?;
        files::write(path, &kept)?;
        Ok(Self { file: Appender::open(path)?, checked })
    }

    /// Adds a line.
    pub(super) fn add(&mut self, line: &CurveLine) -> Result<()> {
        if let CurveLine::Check { update, .. } = *line
            && self.checked.replace(update) == Some(update)
        {
            return Ok(());
        }
        let text = serde_json::to_string(line).expect("a line has a JSON form");
        self.file.add((text + "\n").as_bytes())
    }

    /// Waits until all lines are on the disk.
    pub(super) fn sync(&mut self) -> Result<()> {
        self.file.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn row(update: u64) -> CurveLine {
        CurveLine::Update(Row {
            update,
            samples: 64 * update,
            loss: 0.5,
            bit_error: 0.25,
            exact_rate: 0.1,
            bit_error_by_position: vec![0.1, 0.4],
            gradient_norm: 1.5,
            largest_weight: 2.0,
            learning_rate: 0.03,
            noise: 0.0,
            seconds: 1.0,
            samples_per_s: 64.0,
        })
    }

    #[test]
    fn what_is_beyond_a_checkpoint_and_torn_is_dropped() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("metrics.jsonl");
        let mut recorder = Recorder::open(&path, 0).expect("writable");
        let check = CurveLine::Check { update: 3, passed: false };
        for line in [row(1), row(2), row(3), check, row(4)] {
            recorder.add(&line).expect("writable");
        }
        recorder.sync().expect("writable");
        let whole = fs::read_to_string(&path).expect("readable");
        fs::write(&path, format!("{whole}{{\"type\":\"upd")).expect("writable");
        assert_eq!(Curves::read(&path).expect("a torn last line is no error").rows.len(), 4, "all whole lines");
        let mut again = Recorder::open(&path, 3).expect("writable");
        for line in [CurveLine::Check { update: 3, passed: false }, row(4)] {
            again.add(&line).expect("writable");
        }
        assert_eq!(fs::read_to_string(&path).expect("readable"), whole, "the same lines again");
        Recorder::open(&path, 0).expect("writable");
        assert_eq!(fs::read_to_string(&path).expect("readable"), "", "a new training begins with none");
    }

    #[test]
    fn a_line_of_something_else_is_refused_with_its_number() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("metrics.jsonl");
        fs::write(&path, "{}\n{\"type\":\"check\",\"update\":1,\"passed\":true}\n").expect("writable");
        let refusal = Curves::read(&path).expect_err("no line of a training").to_string();
        assert!(refusal.contains("line 1 is not"), "{refusal}");
        assert_eq!(Curves::read(&folder.path().join("none")).expect("no file"), Curves::default());
    }
}
