//! The shard files: JSON lines that are only ever appended, each with a check of its own.
//!
//! A line is a [`TrialRecord`] with a last field `check`, a hash of all before it. A line that a
//! kill tore, or a disk spoiled, does not match its check: it is reported and left out, and its
//! trial is run again. No file is ever rewritten, so nothing finished is lost. No lock is needed:
//! shards have their own files, and two processes with one file add whole, equal lines.

use super::plan::{SHARDS, id_number};
use super::record::TrialRecord;
use crate::error::{Error, Result};
use crate::files;
use crate::model::config_hash;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
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

/// A record as a line, without its end.
pub(super) fn encode(record: &TrialRecord) -> String {
    let mut line = serde_json::to_string(record).expect("a record has a JSON form");
    let closing = line.pop();
    debug_assert_eq!(closing, Some('}'), "a record is an object");
    let check = config_hash(&line);
    line.push_str(CHECK);
    line.push_str(&check);
    line.push_str("\"}");
    line
}

/// The record of a line.
pub(super) fn decode(line: &[u8]) -> std::result::Result<TrialRecord, &'static str> {
    let text = std::str::from_utf8(line).map_err(|_| "not UTF-8")?;
    let torn = if text.starts_with("{\"form\":") { "torn" } else { "not a line of a sweep" };
    let (body, check) = text.rsplit_once(CHECK).ok_or(torn)?;
    let check = check.strip_suffix("\"}").ok_or(torn)?;
    if config_hash(&body) != check {
        return Err("its check does not match");
    }
    let mut whole = body.to_owned();
    whole.push('}');
    let record: TrialRecord = files::json(whole.as_bytes()).map_err(|_| "not a record of this version")?;
    if id_number(&record.id).is_none() { Err("its id is no hash") } else { Ok(record) }
}

/// Reads every shard file of a sweep, in the order of their names.
///
/// # Errors
/// [`Error::Io`] if a file cannot be read. Lines that are not whole are no error; they are
/// returned.
pub(super) fn read(folder: &Path, mut on_record: impl FnMut(TrialRecord)) -> Result<Vec<DamagedLine>> {
    let mut damaged = Vec::new();
    for path in shards(folder)? {
        files::lines(&path, |line, bytes| {
            let whole = bytes.strip_suffix(b"\n");
            match decode(whole.unwrap_or(bytes)) {
                // A line without its end is whole, but may spoil the next one.
                Ok(record) => on_record(record),
                Err(_) if bytes == b"\n" => {}
                Err(problem) => {
                    let problem = if whole.is_some() { problem } else { "torn" };
                    damaged.push(DamagedLine { path: path.clone(), line, problem });
                }
            }
            Ok(())
        })?;
    }
    Ok(damaged)
}

fn shards(folder: &Path) -> Result<Vec<PathBuf>> {
    let shards = folder.join(SHARDS);
    let entries = match fs::read_dir(&shards) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(Error::io(&shards, "read", source)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| Error::io(&shards, "read", source))?.path();
        // A folder or a device of such a name holds no lines, and a device may never end.
        if path.extension().is_some_and(|extension| extension == "jsonl") && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The records of a sweep, the last attempt of each trial.
#[derive(Debug, Default)]
pub struct Records {
    by_id: HashMap<u64, TrialRecord>,
    /// Lines that are not whole.
    pub damaged: Vec<DamagedLine>,
}

impl Records {
    /// Reads a sweep folder.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be read.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut by_id: HashMap<u64, TrialRecord> = HashMap::new();
        let damaged = read(folder, |record| {
            let id = id_number(&record.id).expect("decoded");
            match by_id.get(&id) {
                Some(known) if known.attempt >= record.attempt => {}
                _ => {
                    by_id.insert(id, record);
                }
            }
        })?;
        Ok(Self { by_id, damaged })
    }

    /// The record of a trial, by its id as a number.
    pub(super) fn get(&self, id: u64) -> Option<&TrialRecord> {
        self.by_id.get(&id)
    }
}

/// A shard file, to be added to.
#[derive(Debug)]
pub(super) struct Appender {
    path: PathBuf,
    file: File,
}

impl Appender {
    /// Opens a shard file, and ends a line that a kill left open.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be written.
    pub(super) fn open(folder: &Path, name: &str) -> Result<Self> {
        let shards = folder.join(SHARDS);
        fs::create_dir_all(&shards).map_err(|source| Error::io(&shards, "create", source))?;
        let path = shards.join(name);
        let failed = |source| Error::io(&path, "write", source);
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(&path).map_err(failed)?;
        let mut last = [b'\n'];
        if file.seek(SeekFrom::End(0)).map_err(failed)? > 0 {
            file.seek(SeekFrom::End(-1)).and_then(|_| file.read_exact(&mut last)).map_err(failed)?;
        }
        if last != [b'\n'] {
            file.write_all(b"\n").map_err(failed)?;
        }
        Ok(Self { path, file })
    }

    /// Adds records and waits until the disk has them.
    ///
    /// # Errors
    /// [`Error::Io`] if the disk is full or gone; earlier records are kept.
    pub(super) fn append(&mut self, records: &[TrialRecord]) -> Result<()> {
        let failed = |source| Error::io(&self.path, "write", source);
        for record in records {
            let mut line = encode(record);
            line.push('\n');
            // One write a line, so that lines of two processes do not mix.
            self.file.write_all(line.as_bytes()).map_err(failed)?;
        }
        self.file.sync_data().map_err(failed)
    }
}
