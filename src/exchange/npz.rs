//! Archives of numpy arrays: the tensors of [`Layout`](crate::model::Layout) by name, biases as
//! vectors; `config` and `notes` as bytes of JSON; and what [`Evidence`](super::Evidence) adds. No
//! array is compressed, as `numpy.savez` has it.

use super::meaning::{Array, Arrays, ImportOptions, config_of};
use super::npy::{self, Header};
use crate::error::{Error, Result};
use crate::files::{self, Size};
use crate::model::file::Saved;
use std::io::{Cursor, Read, Write};
use zip::result::{ZipError, ZipResult};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const CONFIG: &str = "config";
const NOTES: &str = "notes";
/// The longest config or notes read.
const LONGEST: usize = 1 << 20;
/// What an archive begins with.
const MAGIC: &[u8] = b"PK";

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

/// The bytes of a file, with what `more` adds.
pub(super) fn to_bytes(saved: &Saved, more: impl FnOnce(&mut Writer) -> ZipResult<()>) -> Result<Vec<u8>> {
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
        more(&mut file)?;
        file.0.finish()
    };
    write().map(Cursor::into_inner).map_err(|error| Error::usage(format!("this net makes no npz file: {error}")))
}

/// How far a file is read: archives end at 4 GiB without the extension for large ones, which is not
/// used here.
pub(super) fn size(bytes: &[u8]) -> std::result::Result<Size, String> {
    match bytes.get(..MAGIC.len()) {
        None => Ok(Size::ToldBy(MAGIC.len() as u64)),
        Some(MAGIC) => Ok(Size::AtMost(u32::MAX.into())),
        Some(_) => Err("not a whole npz file: it does not begin as an archive does".into()),
    }
}

/// A net from the bytes of a file, or what is wrong with them. Headers are checked before elements
/// are read.
pub(super) fn from_bytes(bytes: &[u8], said: &ImportOptions) -> std::result::Result<Saved, String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    let mut file = ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("not a whole npz file: {error}"))?;
    if file.has_duplicate_names() {
        return Err("two of its arrays have one name".into());
    }
    let names: Vec<String> = file.file_names().flatten().map(|name| name.trim_end_matches(".npy").to_owned()).collect();
    let text = |from: &mut dyn Read| Header::read(from)?.text(from, LONGEST);
    let config = entry(&mut file, CONFIG, text)?.map(|json| config_of(&json)).transpose()?;
    let notes = entry(&mut file, NOTES, text)?.map(|json| files::json(&json)).transpose();
    let notes = notes.map_err(|e| format!("its notes do not parse: {e}"))?.unwrap_or_default();
    let mut outline = |name: &str| entry(&mut file, name, |from| Header::read(from)?.outline());
    let need = |array: Option<Array>, name: &str| {
        array.ok_or_else(|| format!("array {name} is missing; it holds {}", names.join(", ")))
    };
    let mut arrays = Arrays {
        w_hh: need(outline("w_hh")?, "w_hh")?,
        w_ih: need(outline("w_ih")?, "w_ih")?,
        w_ho: need(outline("w_ho")?, "w_ho")?,
        b_h: outline("b_h")?,
        b_o: outline("b_o")?,
    };
    if arrays.b_h.is_some() != arrays.b_o.is_some() {
        return Err("it holds one of b_h and b_o: want both, or none for a net without biases".into());
    }
    let config = arrays.judged(config, said)?;
    for (name, array) in arrays.named() {
        if let Some(array) = array {
            *array = need(entry(&mut file, name, |from| Header::read(from)?.array(from))?, name)?;
        }
    }
    Ok(Saved { model: arrays.model(config)?, notes })
}

/// What `read` makes of an array's file; `None` if there is no such file.
fn entry<T>(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    name: &str,
    read: impl FnOnce(&mut dyn Read) -> std::result::Result<T, String>,
) -> std::result::Result<Option<T>, String> {
    match archive.by_name(&format!("{name}.npy")) {
        Ok(mut found) if found.compression() == CompressionMethod::Stored => read(&mut found).map(Some),
        Err(ZipError::FileNotFound) => return Ok(None),
        Ok(_) | Err(ZipError::UnsupportedArchive(_)) => {
            Err("it is compressed or encrypted; save the archive with numpy.savez".into())
        }
        Err(error) => Err(format!("it cannot be read: {error}")),
    }
    .map_err(|problem| format!("array {name}: {problem}"))
}
