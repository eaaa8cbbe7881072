//! Weights and text in one safetensors file under a checksum: what model files and checkpoints have
//! in common.

use super::{Config, Layout, digits};
use crate::files::{self, Size};
use safetensors::tensor::{Dtype, Metadata, SafeTensors, TensorView};
use std::collections::BTreeMap;

/// Metadata keys of the format itself.
const FORMAT_KEY: &str = "format";
const CONFIG_KEY: &str = "config";
const CHECKSUM_KEY: &str = "checksum";

/// A kind of file: one `f32` tensor for each name of [`Layout`] in each flat buffer, `[rows, cols]`
/// or `[cols]` for a bias, and in its metadata the config as JSON, other text, and a checksum over
/// all of it.
#[derive(Debug)]
pub(crate) struct FileKind {
    /// The version of the format that is written, and the only one read.
    pub(crate) format: &'static str,
    /// What such a file is called.
    pub(crate) name: &'static str,
    /// How the names of each buffer's tensors begin.
    pub(crate) prefixes: &'static [&'static str],
    /// How many of the buffers a file may have.
    pub(crate) counts: &'static [usize],
}

/// What such a file holds.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) config: Config,
    /// The metadata, without what belongs to the format.
    pub(crate) text: BTreeMap<String, String>,
    /// Flat buffers of the config's layout, all finite.
    pub(crate) buffers: Vec<Vec<f32>>,
}

impl FileKind {
    /// The bytes of a file.
    pub(crate) fn bytes(&self, config: &Config, text: &BTreeMap<String, String>, buffers: &[&[f32]]) -> Vec<u8> {
        let layout = Layout::of(config);
        let blob: Vec<u8> = buffers.iter().flat_map(|buffer| buffer.iter()).flat_map(|x| x.to_le_bytes()).collect();
        let mut metadata = text.clone();
        metadata.insert(FORMAT_KEY.into(), self.format.into());
        metadata.insert(CONFIG_KEY.into(), serde_json::to_string(config).expect("a config has a JSON form"));
        metadata.insert(CHECKSUM_KEY.into(), checksum(&metadata, &blob));
        let whole = blob.chunks(4 * layout.len()).zip(self.prefixes);
        let tensors = whole.flat_map(|(buffer, prefix)| {
            layout.tensors().iter().map(move |tensor| {
                let bytes = &buffer[4 * tensor.range().start..4 * tensor.range().end];
                let view = TensorView::new(Dtype::F32, shape(tensor.rows, tensor.cols), bytes);
                (format!("{prefix}{}", tensor.name), view.expect("shape and bytes agree"))
            })
        });
        safetensors::serialize(tensors, Some(metadata.into_iter().collect())).expect("names are distinct")
    }

    /// How far a file is read: its header is judged before its data.
    pub(crate) fn size(&self, bytes: &[u8]) -> Result<Size, String> {
        size(bytes, |header| self.judged(header).map(|_| ()))
    }

    /// Config, metadata and number of buffers of a file, if its header is consistent.
    fn judged(&self, header: &Metadata) -> Result<(Config, BTreeMap<String, String>, usize), String> {
        let text: BTreeMap<String, String> = header.metadata().clone().unwrap_or_default().into_iter().collect();
        match text.get(FORMAT_KEY) {
            Some(format) if format == self.format => {}
            Some(format) => return Err(format!("its format is '{format}', want '{}'", self.format)),
            None => return Err(format!("a safetensors file, but not a {}: its metadata names no format", self.name)),
        }
        let config: Config = part(&text, CONFIG_KEY)?;
        let config = config.checked().map_err(|e| format!("its config is impossible: {e}"))?;
        let layout = Layout::of(&config);
        let (found, each) = (header.tensors().len(), layout.tensors().len());
        let Some(&count) = self.counts.iter().find(|&&count| found == count * each) else {
            let want: Vec<String> = self.counts.iter().map(|count| (count * each).to_string()).collect();
            return Err(format!("it has {found} tensors, its config wants {}", want.join(" or ")));
        };
        for prefix in &self.prefixes[..count] {
            for tensor in layout.tensors() {
                let name = format!("{prefix}{}", tensor.name);
                let info = header.info(&name).ok_or_else(|| format!("tensor {name} is missing"))?;
                let shape = shape(tensor.rows, tensor.cols);
                if info.dtype != Dtype::F32 || info.shape != shape {
                    let (dtype, found) = (info.dtype, &info.shape);
                    return Err(format!("tensor {name} is {dtype:?} {found:?}, its config wants F32 {shape:?}"));
                }
            }
        }
        Ok((config, text, count))
    }

    /// What the bytes of a file hold, or what is wrong with them.
    pub(crate) fn read(&self, bytes: &[u8]) -> Result<Sealed, String> {
        let (header, tensors) = opened(bytes)?;
        let (config, mut text, count) = self.judged(&header)?;
        let stored = text.remove(CHECKSUM_KEY).ok_or("its metadata has no checksum")?;
        let layout = Layout::of(&config);
        let mut blob = Vec::new();
        for prefix in &self.prefixes[..count] {
            for tensor in layout.tensors() {
                let view = tensors.tensor(&format!("{prefix}{}", tensor.name)).expect("its header was judged");
                blob.extend_from_slice(view.data());
            }
        }
        if checksum(&text, &blob) != stored {
            return Err("its checksum does not match: the file was changed or damaged after it was written".into());
        }
        let (chunks, _) = blob.as_chunks();
        let values: Vec<f32> = chunks.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect();
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            let (buffer, index) = (index / layout.len(), index % layout.len());
            let (tensor, place) = layout.locate(index).expect("an index of the buffer");
            let value = values[buffer * layout.len() + index];
            return Err(format!("weight {place} of {}{} is {value}", self.prefixes[buffer], tensor.name));
        }
        for key in [FORMAT_KEY, CONFIG_KEY] {
            text.remove(key);
        }
        Ok(Sealed { config, text, buffers: values.chunks(layout.len()).map(<[f32]>::to_vec).collect() })
    }
}

/// The longest header read; a net's has a few thousand bytes.
const HEADER: u64 = 1 << 20;

/// How far a safetensors file is read: 8 bytes with the length of the header, the header, and if
/// that is as it should be, the data.
pub(crate) fn size(bytes: &[u8], judge: impl FnOnce(&Metadata) -> Result<(), String>) -> Result<Size, String> {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return Ok(Size::ToldBy(8)) };
    let length = u64::from_le_bytes(*length);
    if length > HEADER {
        return Err(broken(format!("its header has {length} bytes, want at most {HEADER}")));
    }
    if (rest.len() as u64) < length {
        return Ok(Size::ToldBy(8 + length));
    }
    let header = header(&rest[..usize::try_from(length).expect("at most 2^20")])?;
    judge(&header)?;
    Ok(Size::AtMost(8 + length + header.data_len() as u64))
}

/// Header and tensors of a whole safetensors file.
pub(crate) fn opened(bytes: &[u8]) -> Result<(Metadata, SafeTensors<'_>), String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    let tensors = SafeTensors::deserialize(bytes).map_err(broken)?;
    let (length, _) = SafeTensors::read_metadata(bytes).map_err(broken)?;
    Ok((header(&bytes[8..8 + length])?, tensors))
}

fn header(json: &[u8]) -> Result<Metadata, String> {
    files::json(json).map_err(broken)
}

fn broken(problem: impl std::fmt::Display) -> String {
    format!("not a whole safetensors file: {problem}")
}

/// Some metadata, read from JSON.
pub(crate) fn part<'a, T: serde::Deserialize<'a>>(text: &'a BTreeMap<String, String>, key: &str) -> Result<T, String> {
    let text = text.get(key).ok_or_else(|| format!("its metadata has no {key}"))?;
    files::json(text.as_bytes()).map_err(|e| format!("its {key} does not parse: {e}"))
}

/// A tensor's shape in the file.
fn shape(rows: usize, cols: usize) -> Vec<usize> {
    if rows == 1 { vec![cols] } else { vec![rows, cols] }
}

/// The checksum over all metadata but itself, and the bytes of the tensors.
fn checksum(metadata: &BTreeMap<String, String>, blob: &[u8]) -> String {
    let mut bytes = serde_json::to_vec(metadata).expect("a map of strings has a JSON form");
    bytes.extend_from_slice(blob);
    digits(&bytes)
}
