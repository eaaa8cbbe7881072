//! Archives of numpy arrays: the tensors of [`Layout`](crate::model::Layout) by name, biases as vectors, all else as matrices; `config` and
//! `notes`, bytes of JSON; and what [`Evidence`] adds.

use super::evidence::Evidence;
use super::meaning::{Array, Arrays, Said, config_of};
use super::npy;
use crate::error::{Error, Result};
use crate::model::file::Saved;
use std::io::{Cursor, Read, Write};
use zip::result::ZipResult;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const CONFIG: &str = "config";
const NOTES: &str = "notes";
/// The longest config or notes read.
const LONGEST: u64 = 1 << 20;

/// An archive in the making.
pub(super) struct Writer(ZipWriter<Cursor<Vec<u8>>>);

impl Writer {
    /// Adds an array.
    pub(super) fn add<E: npy::Element>(&mut self, name: &str, shape: &[usize], values: &[E]) -> ZipResult<()> {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        self.0.start_file(format!("{name}.npy"), options)?;
        Ok(self.0.write_all(&npy::to_bytes(shape, values))?)
    }
}

/// The bytes of a file.
pub(super) fn to_bytes(saved: &Saved, evidence: Option<&Evidence>) -> Result<Vec<u8>> {
    let write = || {
        let mut file = Writer(ZipWriter::new(Cursor::new(Vec::new())));
        for tensor in saved.model.layout().tensors() {
            let shape = if tensor.name.starts_with('b') { vec![tensor.cols] } else { vec![tensor.rows, tensor.cols] };
            file.add(tensor.name, &shape, &saved.model.params[tensor.range()])?;
        }
        let config = serde_json::to_vec(&saved.model.config).expect("a config has a JSON form");
        file.add(CONFIG, &[config.len()], &config)?;
        if !saved.notes.is_empty() {
            let notes = serde_json::to_vec(&saved.notes).expect("strings have a JSON form");
            file.add(NOTES, &[notes.len()], &notes)?;
        }
        if let Some(evidence) = evidence {
            evidence.write(&mut file)?;
        }
        file.0.finish()
    };
    write().map(Cursor::into_inner).map_err(|error| Error::usage(format!("this net makes no npz file: {error}")))
}

/// A net from the bytes of a file, or what is wrong with them.
pub(super) fn from_bytes(bytes: &[u8], said: &Said) -> std::result::Result<Saved, String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    let mut file = ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("not a whole npz file: {error}"))?;
    let names: Vec<String> = file.file_names().flatten().map(|name| name.trim_end_matches(".npy").to_owned()).collect();
    let config = text(&mut file, CONFIG)?.map(|json| config_of(&json)).transpose()?;
    let notes = text(&mut file, NOTES)?.map(|json| serde_json::from_slice(&json)).transpose();
    let notes = notes.map_err(|e| format!("its notes do not parse: {e}"))?.unwrap_or_default();
    let mut get = |name: &str| match entry(&mut file, name, u64::MAX)? {
        Some(bytes) => npy::array(&bytes).map(Some).map_err(|problem| format!("array {name}: {problem}")),
        None => Ok(None),
    };
    let need = |array: Option<Array>, name: &str| {
        array.ok_or_else(|| format!("array {name} is missing; it holds {}", names.join(", ")))
    };
    let arrays = Arrays {
        w_hh: need(get("w_hh")?, "w_hh")?,
        w_ih: need(get("w_ih")?, "w_ih")?,
        w_ho: need(get("w_ho")?, "w_ho")?,
        b_h: get("b_h")?,
        b_o: get("b_o")?,
    };
    Ok(Saved { model: arrays.model(config, said)?, notes })
}

/// The bytes of an array's file, if there is one. They are as many as there are, whatever the archive says of them.
fn entry(file: &mut ZipArchive<Cursor<&[u8]>>, name: &str, most: u64) -> std::result::Result<Option<Vec<u8>>, String> {
    let broken = |error: &dyn std::fmt::Display| format!("array {name} cannot be read: {error}");
    let found = match file.by_name(&format!("{name}.npy")) {
        Ok(found) => found,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(broken(&error)),
    };
    let mut bytes = Vec::new();
    let read = found.take(most).read_to_end(&mut bytes).map_err(|error| broken(&error))?;
    if read as u64 == most {
        return Err(format!("array {name} has more than {most} bytes"));
    }
    Ok(Some(bytes))
}

/// The text in an array of bytes, if there is one.
fn text(file: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> std::result::Result<Option<Vec<u8>>, String> {
    let Some(bytes) = entry(file, name, LONGEST)? else { return Ok(None) };
    let (header, data) = npy::split(&bytes).map_err(|problem| format!("array {name}: {problem}"))?;
    match header.word {
        "|u1" => Ok(Some(data.to_vec())),
        word => Err(format!("array {name} is of '{word}', want bytes of JSON, '|u1'")),
    }
}
