//! All shard files as one: CSV, Parquet or JSON lines, sorted by id.
//!
//! The result is a function of the trials alone: the same bytes for any number of shards, threads
//! and kills. Times, and all else that depends on the machine, are left out unless asked for.

use super::parquet;
use super::plan::Plan;
use super::progress::Progress;
use super::record::TrialRecord;
use super::store::{DamagedLine, Records};
use super::table::columns;
use crate::error::{Error, Result};
use crate::files;
use crate::task::number::shorten;
use crate::words::words;
use serde_json::Value;
use std::path::Path;

/// A file format, told by the end of a file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// Comma-separated values with a header.
    Csv,
    /// Parquet, without compression.
    Parquet,
    /// A JSON object a line, curves included.
    JsonLines,
}

impl TableFormat {
    /// The format of a file name.
    pub fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        ending.parse().map_err(|_| {
            let path = shorten(&path.display().to_string());
            Error::usage(format!("'{path}' names no format: want a name that ends in .csv, .parquet or .jsonl"))
        })
    }
}

words!(TableFormat "format": Csv = "csv", Parquet = "parquet", JsonLines = "jsonl");

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
    let mut writer = csv::Writer::from_writer(Vec::new());
    let grown = "a vector grows";
    writer.write_record(columns.iter().map(|column| column.name.as_str())).expect(grown);
    for row in 0..records.len() {
        let cells = columns.iter().map(|column| match &column.values[row] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        });
        writer.write_record(cells).expect(grown);
    }
    writer.into_inner().expect(grown)
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
