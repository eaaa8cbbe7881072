//! All shard files as one: CSV, Parquet or JSON lines, sorted by id.
//!
//! The result is a function of the trials alone: the same bytes for any number of shards, threads
//! and kills. Times, and all else that depends on the machine, are left out unless asked for.

#[cfg(feature = "parquet")]
use super::parquet;
use super::plan::Plan;
use super::progress::Progress;
use super::record::TrialRecord;
use super::store::{DamagedLine, Records};
use super::table::columns;
use crate::error::{Error, Result};
use crate::files;
use crate::task::number::shorten;
use serde_json::Value;
use std::path::Path;

/// A file format, told by the end of a file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// Comma-separated values with a header.
    Csv,
    /// Parquet, without compression; for the feature `parquet`.
    #[cfg(feature = "parquet")]
    Parquet,
    /// A JSON object a line, curves included.
    JsonLines,
}

impl TableFormat {
    /// The end of a file's name, and the format it tells.
    pub const ENDINGS: &[(&str, Self)] = &[
        ("csv", Self::Csv),
        #[cfg(feature = "parquet")]
        ("parquet", Self::Parquet),
        ("jsonl", Self::JsonLines),
    ];

    /// The format of a file name.
    ///
    /// # Errors
    /// [`Error::Usage`] for an end that tells none, or one that this build lacks.
    pub fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let format = Self::ENDINGS.iter().find(|(known, _)| *known == ending).map(|(_, format)| *format);
        format.ok_or_else(|| {
            let path = shorten(&path.display().to_string());
            Error::usage(match &ending[..] {
                "parquet" => format!(
                    "'{path}': this carrylane was built without Parquet; \
                     build it with `cargo build --release --features parquet`, or name a .csv file"
                ),
                _ => format!("'{path}' names no format: want a name that ends in .csv, .parquet or .jsonl"),
            })
        })
    }
}

/// The results of a sweep.
#[derive(Debug)]
pub struct Results {
    records: Records,
    /// Ids of the plan's trials that have a record, ascending.
    ids: Vec<u64>,
    planned: usize,
}

impl Results {
    /// Reads the results of a sweep folder.
    pub fn read(folder: &Path) -> Result<Self> {
        let plan = Plan::load(folder)?;
        let records = Records::read(folder)?;
        let all = (0..plan.len()).map(|place| plan.number(place));
        let mut ids: Vec<u64> = all.filter(|id| records.get(*id).is_some()).collect();
        ids.sort_unstable();
        Ok(Self { records, ids, planned: plan.len() })
    }

    /// The records, sorted by id.
    pub fn records(&self) -> Vec<&TrialRecord> {
        self.ids.iter().filter_map(|id| self.records.get(*id)).collect()
    }

    /// Trials of the plan without a record.
    pub fn missing(&self) -> usize {
        self.planned - self.ids.len()
    }

    /// Lines that are not whole.
    pub fn damaged(&self) -> &[DamagedLine] {
        &self.records.damaged
    }

    /// How far the sweep has come.
    pub fn progress(&self) -> Progress {
        Progress::of(self.planned, &self.records(), self.damaged())
    }

    /// The bytes of a file of the results; `times` adds what depends on the machine.
    pub fn to_bytes(&self, format: TableFormat, times: bool) -> Vec<u8> {
        let records = self.records();
        match format {
            TableFormat::Csv => csv(&records, times),
            #[cfg(feature = "parquet")]
            TableFormat::Parquet => parquet::bytes(&columns(&records, times)),
            TableFormat::JsonLines => json_lines(&records, times),
        }
    }

    /// Writes the results to a file, whole or not at all, in the format of its name; `times` adds
    /// what depends on the machine.
    pub fn write(&self, path: &Path, times: bool) -> Result<()> {
        files::write(path, &self.to_bytes(TableFormat::of(path)?, times))
    }
}

fn csv(records: &[&TrialRecord], times: bool) -> Vec<u8> {
    let columns = columns(records, times);
    let mut text = line(columns.iter().map(|column| column.name.clone()));
    for row in 0..records.len() {
        text += &line(columns.iter().map(|column| match &column.values[row] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        }));
    }
    text.into_bytes()
}

/// Cells as a line of CSV: in quotes where they need them (RFC 4180).
fn line(cells: impl Iterator<Item = String>) -> String {
    let quoted = |cell: String| {
        if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
    };
    cells.map(quoted).collect::<Vec<_>>().join(",") + "\n"
}

fn json_lines(records: &[&TrialRecord], times: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        let mut value = serde_json::to_value(record).expect("a record has a JSON form");
        let object = value.as_object_mut().expect("a record is an object");
        if !times {
            for key in ["seconds", "machine", "attempt"] {
                object.remove(key);
            }
        }
        serde_json::to_writer(&mut bytes, &value).expect("a vector grows");
        bytes.push(b'\n');
    }
    bytes
}
