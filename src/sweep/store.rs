//! The shard files: JSON lines that are only ever appended, each with a check of its own.
//!
//! A line is a [`TrialRecord`] with a last field `check`, a hash of all before it. A line that a
//! kill tore, or a disk spoiled, does not match its check: it is reported and left out, and its
//! trial is run again. No file is ever rewritten, so nothing finished is lost. No lock is needed:
//! shards have their own files, and two processes with one file add whole, equal lines.

use super::plan::{SHARDS, id_number};
use super::record::TrialRecord;
use crate::error::Result;
use crate::files::{self, Appender};
use crate::model::config_hash;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What separates a line's content from its check.
const CHECK: &str = ",\"check\":\"";

/// A line that is not whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedLine {
    /// The shard file.
    pub path: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with the line.
    pub problem: &'static str,
}

/// A record as a line.
pub(super) fn encode(record: &TrialRecord) -> String {
    let mut line = serde_json::to_string(record).expect("a record has a JSON form");
    let closing = line.pop();
    debug_assert_eq!(closing, Some('}'), "a record is an object");
    let check = config_hash(&line);
    line + CHECK + &check + "\"}\n"
}

/// The record of a line, and its id as a number.
fn decode(line: &[u8]) -> std::result::Result<(u64, TrialRecord), &'static str> {
    let text = std::str::from_utf8(line).map_err(|_| "not UTF-8")?;
    let torn = if text.starts_with("{\"form\":") { "torn" } else { "not a line of a sweep" };
    let (body, check) = text.rsplit_once(CHECK).ok_or(torn)?;
    let check = check.strip_suffix("\"}").ok_or(torn)?;
    if config_hash(&body) != check {
        return Err("its check does not match");
    }
    let record: TrialRecord =
        files::json(format!("{body}}}").as_bytes()).map_err(|_| "not a record of this version")?;
    Ok((id_number(&record.id).ok_or("its id is no hash")?, record))
}

/// The records of a sweep, the last attempt of each trial.
#[derive(Debug, Default)]
pub(super) struct Records {
    by_id: HashMap<u64, TrialRecord>,
    /// Lines that are not whole.
    pub(super) damaged: Vec<DamagedLine>,
}

impl Records {
    /// Reads every shard file of a sweep folder, in the order of their names. Lines that are not
    /// whole are no error.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let mut all = Self::default();
        // A folder or a device of such a name holds no lines, and a device may never end.
        let is_shard = |path: &PathBuf| path.extension().is_some_and(|end| end == "jsonl") && path.is_file();
        for path in files::list(&folder.join(SHARDS))?.into_iter().filter(is_shard) {
            files::lines(&path, |line, bytes| {
                let whole = bytes.strip_suffix(b"\n");
                match decode(whole.unwrap_or(bytes)) {
                    // A line without its end is whole, but may spoil the next one.
                    Ok((id, record)) => {
                        if all.get(id).is_none_or(|known| known.attempt < record.attempt) {
                            all.by_id.insert(id, record);
                        }
                    }
                    Err(_) if bytes == b"\n" => {}
                    Err(problem) => {
                        let problem = if whole.is_some() { problem } else { "torn" };
                        all.damaged.push(DamagedLine { path: path.clone(), line, problem });
                    }
                }
                Ok(())
            })?;
        }
        Ok(all)
    }

    /// The record of a trial, by its id as a number.
    pub(super) fn get(&self, id: u64) -> Option<&TrialRecord> {
        self.by_id.get(&id)
    }
}

/// Opens a shard file to add to, and ends a line that a kill left open.
pub(super) fn open(folder: &Path, name: &str) -> Result<Appender> {
    let shards = folder.join(SHARDS);
    files::make_folder(&shards)?;
    let mut shard = Appender::open(&shards.join(name))?;
    shard.end_line()?;
    Ok(shard)
}
