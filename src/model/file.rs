//! Model files: safetensors with the config inside.
//!
//! A file is one `f32` tensor for each name of [`Layout`](super::Layout), `[rows, cols]` or
//! `[cols]` for a bias, and in its metadata the config as JSON, notes of the training, and a
//! checksum over all of it.

use super::Model;
use super::sealed::{FileKind, Sealed};
use crate::error::{Error, Result};
use crate::files;
use std::collections::BTreeMap;
use std::path::Path;

const KIND: FileKind = FileKind { format: "carrylane-model-1", name: "carrylane model", prefixes: &[""], counts: &[1] };

/// A model and the notes that were stored with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// The net.
    pub model: Model<f32>,
    /// Free notes, name to value: the seed, the width it was trained at, and the like.
    pub notes: BTreeMap<String, String>,
}

/// Writes a model file.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be written; then nothing is left behind and an older file
/// stays as it was.
pub fn save(path: &Path, model: &Model<f32>, notes: &BTreeMap<String, String>) -> Result<()> {
    files::write(path, &to_bytes(model, notes))
}

/// Reads a model file and checks all of it.
///
/// # Errors
/// [`Error::Io`] if it cannot be read; [`Error::Data`] if it is not a whole model file of this
/// format with finite weights.
pub fn load(path: &Path) -> Result<Saved> {
    let bytes = files::found(files::read(path, &|bytes| KIND.size(bytes)))?;
    let bytes = bytes.ok_or_else(|| Error::data(path, "no such model file; `carrylane train --out DIR` writes one"))?;
    from_bytes(&bytes).map_err(|problem| Error::data(path, problem))
}

/// The bytes of a model file.
pub fn to_bytes(model: &Model<f32>, notes: &BTreeMap<String, String>) -> Vec<u8> {
    KIND.bytes(&model.config, notes, &[&model.params])
}

/// A model from the bytes of a file, or what is wrong with them.
fn from_bytes(bytes: &[u8]) -> std::result::Result<Saved, String> {
    let Sealed { config, text: notes, mut buffers } = KIND.read(bytes)?;
    Ok(Saved { model: Model { config, params: buffers.swap_remove(0) }, notes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Config, Init};
    use std::fs;

    fn sample() -> (Model<f32>, BTreeMap<String, String>) {
        let model = Init::Uniform.model(Config { hidden: 3, ..Config::default() }, 7);
        (model, BTreeMap::from([("seed".to_owned(), "7".to_owned())]))
    }

    #[test]
    fn a_model_comes_back_whole() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (model, notes) = sample();
        let path = folder.path().join("model.safetensors");
        save(&path, &model, &notes).expect("writable");
        assert_eq!(load(&path).expect("just written"), Saved { model, notes });
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1, "no temporary file is left");
    }

    #[test]
    fn any_flipped_byte_is_noticed() {
        let (model, notes) = sample();
        let bytes = to_bytes(&model, &notes);
        let whole = from_bytes(&bytes).expect("a whole file");
        for index in 0..bytes.len() {
            for flip in [0x01, 0x20, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[index] ^= flip;
                // A flip inside JSON can leave the same meaning (the case of an escape, say), never
                // another net.
                if let Ok(read) = from_bytes(&damaged) {
                    assert_eq!(read, whole, "byte {index} flipped by {flip:#x} gave another net");
                }
            }
        }
        for length in 0..bytes.len() {
            assert!(from_bytes(&bytes[..length]).is_err(), "cut to {length} bytes");
        }
    }

    #[test]
    fn a_nan_weight_is_refused_by_name() {
        let (mut model, notes) = sample();
        model.params[6 + 4] = f32::NAN;
        let problem = from_bytes(&to_bytes(&model, &notes)).expect_err("NaN");
        assert_eq!(problem, "weight 4 of w_hh is NaN");
    }

    #[test]
    fn wrong_shapes_are_refused_by_name() {
        let (mut model, notes) = sample();
        let bytes = {
            let mut other = model.clone();
            other.config.hidden = 3;
            to_bytes(&other, &notes)
        };
        model.config.hidden = 4;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(text.contains("\\\"hidden\\\":3"), "the config is in the header");
        let at = bytes.windows(12).position(|w| w == b"\\\"hidden\\\":3").expect("just seen") + 11;
        let mut wrong = bytes;
        wrong[at] = b'4';
        let problem = from_bytes(&wrong).expect_err("shapes of another size");
        assert_eq!(problem, "tensor w_ih is F32 [2, 3], its config wants F32 [2, 4]");
    }
}
