//! Nets for other programs, and back: PyTorch, numpy and ONNX.
//!
//! | format | holds | for |
//! |---|---|---|
//! | [`FileFormat::SafetensorsTorch`] | the state dict of a module with `self.rnn = nn.RNN(2, H)` or `nn.LSTM(2, H)` and `self.out = nn.Linear(H, 1)` | PyTorch, or any reader of safetensors |
//! | [`FileFormat::Npz`] | the tensors of [`Layout`](crate::model::Layout) by name, the config as JSON; [`Evidence`] if wanted | numpy |
//! | [`FileFormat::Onnx`] | the whole net as a graph, additions `[batch, bits, 2]` to outputs `[batch, bits]`, both sizes free | any runtime of ONNX |
//!
//! The first two can be read back, to the last bit of every weight. Files of this crate carry the
//! config. For files of other programs it follows from the shapes, PyTorch's defaults and
//! [`ImportOptions`].

mod evidence;
mod meaning;
mod npy;
mod npz;
mod onnx;
mod torch;

use crate::error::{Error, Result};
use crate::files;
use crate::model::file::Saved;
use crate::model::weights_hash;
use crate::words::words;
use std::collections::BTreeMap;
use std::path::Path;

pub use evidence::Evidence;
pub use meaning::ImportOptions;

/// A kind of file that other programs read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileFormat {
    /// Safetensors with PyTorch's names and shapes.
    SafetensorsTorch,
    /// An archive of numpy arrays.
    Npz,
    /// A graph of the Open Neural Network Exchange, operator set 17.
    Onnx,
}

impl FileFormat {
    /// Formats that can be read back.
    pub const READ: [Self; 2] = [Self::SafetensorsTorch, Self::Npz];
}

words!(FileFormat "format": SafetensorsTorch = "safetensors-torch", Npz = "npz", Onnx = "onnx");

/// The bytes of a net's file for other programs. Equal nets give equal bytes.
///
/// # Errors
/// [`Error::Usage`] for evidence in a format other than npz, or an npz beyond 4 GiB.
pub fn to_bytes(format: FileFormat, saved: &Saved, evidence: Option<&Evidence>) -> Result<Vec<u8>> {
    match (format, evidence) {
        (FileFormat::Npz, evidence) => npz::to_bytes(saved, |file| evidence.map_or(Ok(()), |more| more.write(file))),
        (format, Some(_)) => {
            Err(Error::usage(format!("gradients go into npz files, not into {format}: use the format npz")))
        }
        (FileFormat::SafetensorsTorch, None) => Ok(torch::to_bytes(saved)),
        (FileFormat::Onnx, None) => Ok(onnx::to_bytes(saved)),
    }
}

/// Writes a net for other programs to a file.
///
/// # Errors
/// As for [`to_bytes`]; [`Error::Io`] if the file cannot be written.
pub fn export(path: &Path, format: FileFormat, saved: &Saved, evidence: Option<&Evidence>) -> Result<()> {
    files::write(path, &to_bytes(format, saved, evidence)?)
}

/// Reads a net that another program, or [`export`], wrote.
///
/// Notes of the training are kept if the weights are still those that were trained.
///
/// # Errors
/// [`Error::Usage`] for a format that is not read; [`Error::Io`] if the file cannot be read;
/// [`Error::Data`] if it holds no net that this crate can run, or another than `said`.
pub fn import(path: &Path, format: FileFormat, said: &ImportOptions) -> Result<Saved> {
    let mut saved = match format {
        FileFormat::SafetensorsTorch => torch::from_bytes(&files::read(path, &torch::size)?, said),
        FileFormat::Npz => npz::from_bytes(&files::read(path, &npz::size)?, said),
        FileFormat::Onnx => {
            let problem =
                "onnx files are written, not read: export the net as safetensors-torch or npz and import that";
            return Err(Error::usage(problem));
        }
    }
    .map_err(|problem| Error::data(path, problem))?;
    if saved.notes.get("weights_hash") != Some(&weights_hash(&saved.model.config, &saved.model.params)) {
        saved.notes = BTreeMap::new();
    }
    Ok(saved)
}
