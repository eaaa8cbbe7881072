//! A training between two updates, as a file from which it goes on with the same bits.
//!
//! A checkpoint is a safetensors file: the weights under their names, Adam's two moments as `mean.…` and `square.…`, and in its metadata
//! as JSON where the training is ([`Course`]), the positions of its random streams, and what must be the same for it to go on
//! ([`Identity`]), with a checksum over all of it. It is written to a temporary name, synced and renamed.

use super::course::{Course, exact};
use super::identity::Identity;
use super::settings::Settings;
use super::trainer::Trainer;
use crate::error::{Error, Result};
use crate::model::file::{checksum, write_atomic};
use crate::model::{Config, Layout, Model};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The version of the format that is written, and the only one read.
const FORMAT: &str = "carrylane-checkpoint-1";
/// Metadata keys.
const FORMAT_KEY: &str = "format";
const CONFIG_KEY: &str = "config";
const IDENTITY_KEY: &str = "identity";
const STATE_KEY: &str = "state";
const CHECKSUM_KEY: &str = "checksum";

/// Positions of the random streams: the indices of the next draws. All follow from the number of updates, and are held against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Streams {
    data: u64,
    noise: u64,
    /// The epoch, which is the index of its order, and the minibatches of it that are done.
    epoch: Option<(u64, u64)>,
}

/// What a checkpoint holds beside tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    course: Course,
    streams: Streams,
    /// β₁ᵗ and β₂ᵗ, as bits.
    powers: [u64; 2],
    #[serde(with = "exact")]
    seconds: f64,
    ended: Option<String>,
}

/// A training between two updates.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    config: Config,
    identity: Identity,
    state: State,
    /// Weights, and for Adam the mean gradient and its mean square: one to three flat buffers of the config's layout.
    buffers: Vec<Vec<f32>>,
}

/// Names of the buffers' tensors begin so.
const PREFIXES: [&str; 3] = ["", "mean.", "square."];

impl Trainer {
    /// What the training is now. `ended` names how it came to its end, if it is there.
    pub fn checkpoint(&self, identity: &Identity, ended: Option<&str>) -> Checkpoint {
        let (mean, square, powers) = self.optimizer().state();
        let buffers = [&self.model().params, mean, square].into_iter().filter(|buffer| !buffer.is_empty());
        let course = *self.course();
        let streams = Streams { data: course.updates, noise: course.updates, epoch: self.place() };
        let (powers, seconds) = (powers.map(f64::to_bits), self.seconds());
        Checkpoint {
            config: self.model().config,
            identity: identity.clone(),
            state: State { course, streams, powers, seconds, ended: ended.map(str::to_owned) },
            buffers: buffers.map(<[f32]>::to_vec).collect(),
        }
    }
}

impl Checkpoint {
    /// Where the training was.
    pub fn course(&self) -> &Course {
        &self.state.course
    }

    /// The net as it was.
    pub fn model(&self) -> Model<f32> {
        Model { config: self.config, params: self.buffers[0].clone() }
    }

    /// How the training ended, if it was at its end.
    pub fn ended(&self) -> Option<&str> {
        self.state.ended.as_deref()
    }

    /// The training again. With these settings it ends as if it had never been stopped.
    ///
    /// # Errors
    /// [`Error::Usage`] naming what is other than it was, but for threads and the end, which may be.
    pub fn resume(&self, settings: Settings, identity: &Identity) -> Result<Trainer> {
        let differences = self.identity.differences(identity);
        if let Some((name, was, is)) = differences.first() {
            return Err(Error::usage(format!(
                "the checkpoint is of a training with {name} {was}, and {name} {is} is asked for: resume with what it began with, or begin anew"
            )));
        }
        let mut trainer = Trainer::new(settings)?;
        let buffer = |index: usize| self.buffers.get(index).map_or(&[][..], Vec::as_slice);
        let moments = (buffer(1), buffer(2), self.state.powers.map(f64::from_bits));
        trainer.take_up(buffer(0), moments, self.state.course, self.state.seconds);
        Ok(trainer)
    }

    /// Writes a file that holds either the old content or this, whatever happens.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written; an older file then stays as it was.
    pub fn save(&self, path: &Path) -> Result<()> {
        write_atomic(path, &self.to_bytes())
    }

    /// Reads a file and checks all of it.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::Data`] if it is not a whole checkpoint.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|source| Error::io(path, "read", source))?;
        Self::from_bytes(&bytes).map_err(|problem| Error::data(path, problem))
    }

    fn to_bytes(&self) -> Vec<u8> {
        let layout = Layout::of(&self.config);
        let blob: Vec<u8> = self.buffers.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
        let json = |value: serde_json::Result<String>| value.expect("it has a JSON form");
        let mut metadata = BTreeMap::from([
            (FORMAT_KEY.to_owned(), FORMAT.to_owned()),
            (CONFIG_KEY.to_owned(), json(serde_json::to_string(&self.config))),
            (IDENTITY_KEY.to_owned(), json(serde_json::to_string(&self.identity))),
            (STATE_KEY.to_owned(), json(serde_json::to_string(&self.state))),
        ]);
        metadata.insert(CHECKSUM_KEY.into(), checksum(&metadata, &blob));
        let tensors = (0..self.buffers.len()).zip(PREFIXES).flat_map(|(buffer, prefix)| {
            let (layout, blob) = (&layout, &blob);
            layout.tensors().iter().map(move |tensor| {
                let start = 4 * (buffer * layout.len() + tensor.offset);
                let bytes = &blob[start..start + 4 * tensor.len()];
                let view = TensorView::new(Dtype::F32, shape(tensor.rows, tensor.cols), bytes);
                (format!("{prefix}{}", tensor.name), view.expect("shape and bytes agree"))
            })
        });
        let metadata: HashMap<String, String> = metadata.into_iter().collect();
        safetensors::serialize(tensors, Some(metadata)).expect("names are distinct")
    }

    fn from_bytes(bytes: &[u8]) -> std::result::Result<Self, String> {
        let broken = |e: safetensors::SafeTensorError| format!("not a whole safetensors file: {e}");
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(broken)?;
        let mut metadata: BTreeMap<String, String> =
            header.metadata().clone().unwrap_or_default().into_iter().collect();
        match metadata.get(FORMAT_KEY) {
            Some(format) if format == FORMAT => {}
            Some(format) => return Err(format!("its format is '{format}', want '{FORMAT}'")),
            None => return Err("a safetensors file, but not a checkpoint: its metadata names no format".into()),
        }
        let stored = metadata.remove(CHECKSUM_KEY).ok_or("its metadata has no checksum")?;
        let config: Config = part(&metadata, CONFIG_KEY)?;
        let config = config.checked().map_err(|e| format!("its config is impossible: {e}"))?;
        let layout = Layout::of(&config);
        let buffers = tensors.len() / layout.tensors().len();
        if ![1, 3].contains(&buffers) || tensors.len() % layout.tensors().len() != 0 {
            return Err(format!(
                "it has {} tensors, want {} or three times as many",
                tensors.len(),
                layout.tensors().len()
            ));
        }
        let mut blob = Vec::new();
        for prefix in &PREFIXES[..buffers] {
            for tensor in layout.tensors() {
                let name = format!("{prefix}{}", tensor.name);
                let view = tensors.tensor(&name).map_err(|_| format!("tensor {name} is missing"))?;
                if view.dtype() != Dtype::F32 || view.shape() != shape(tensor.rows, tensor.cols) {
                    return Err(format!(
                        "tensor {name} is {:?} {:?}, not what its config wants",
                        view.dtype(),
                        view.shape()
                    ));
                }
                blob.extend_from_slice(view.data());
            }
        }
        if checksum(&metadata, &blob) != stored {
            return Err("its checksum does not match: the file was changed or damaged after it was written".into());
        }
        let (chunks, _) = blob.as_chunks();
        let values: Vec<f32> = chunks.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect();
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(format!("value {index} of its tensors is {}", values[index]));
        }
        let state: State = part(&metadata, STATE_KEY)?;
        if state.streams.data != state.course.updates || state.streams.noise != state.course.updates {
            return Err(format!("its streams are not where {} updates leave them", state.course.updates));
        }
        let identity = part(&metadata, IDENTITY_KEY)?;
        Ok(Self { config, identity, state, buffers: values.chunks(layout.len()).map(<[f32]>::to_vec).collect() })
    }
}

/// Some metadata, read.
fn part<'a, T: Deserialize<'a>>(metadata: &'a BTreeMap<String, String>, key: &str) -> std::result::Result<T, String> {
    let text = metadata.get(key).ok_or_else(|| format!("its metadata has no {key}"))?;
    serde_json::from_str(text).map_err(|e| format!("its {key} does not parse: {e}"))
}

/// A tensor's shape in the file.
fn shape(rows: usize, cols: usize) -> Vec<usize> {
    if rows == 1 { vec![cols] } else { vec![rows, cols] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Rule;

    fn sample(rule: Rule) -> Checkpoint {
        let config = Config { hidden: 2, ..Config::default() };
        let settings = Settings { config, rule, batch: 3, bits: 2, ..Settings::default() };
        let mut trainer = Trainer::new(settings.clone()).expect("settings in range");
        for _ in 0..5 {
            trainer.step();
        }
        trainer.checkpoint(&Identity::of(&settings).with("until", "solved"), None)
    }

    #[test]
    fn a_checkpoint_comes_back_whole() {
        for rule in [Rule::adam(0.1), Rule::Sgd { lr: 0.5 }] {
            let whole = sample(rule);
            assert_eq!(Checkpoint::from_bytes(&whole.to_bytes()).as_ref(), Ok(&whole), "{rule}");
        }
    }

    #[test]
    fn any_flipped_byte_or_cut_is_noticed() {
        let whole = sample(Rule::adam(0.1));
        let bytes = whole.to_bytes();
        for index in 0..bytes.len() {
            for flip in [0x01, 0x20, 0x80] {
                let mut damaged = bytes.clone();
                damaged[index] ^= flip;
                // A flip inside JSON can leave the same meaning, never another one.
                if let Ok(read) = Checkpoint::from_bytes(&damaged) {
                    assert_eq!(read, whole, "byte {index} flipped by {flip:#x}");
                }
            }
            assert!(Checkpoint::from_bytes(&bytes[..index]).is_err(), "cut to {index} bytes");
        }
    }

    #[test]
    fn other_settings_are_refused_by_name_and_other_threads_are_not() {
        let whole = sample(Rule::adam(0.1));
        let config = Config { hidden: 2, ..Config::default() };
        let settings = Settings { config, rule: Rule::adam(0.1), batch: 3, bits: 2, ..Settings::default() };
        let resume = |settings: Settings| {
            let identity = Identity::of(&settings).with("until", "solved");
            whole.resume(settings, &identity)
        };
        assert!(resume(Settings { threads: 2, ..settings.clone() }).is_ok(), "another number of threads");
        for (name, other) in [
            ("lr", Settings { rule: Rule::adam(0.2), ..settings.clone() }),
            ("seed", Settings { seed: 9, ..settings.clone() }),
            ("clip norm", Settings { clip_norm: Some(1.0), ..settings.clone() }),
            ("hidden", Settings { config: Config { hidden: 3, ..config }, ..settings.clone() }),
        ] {
            let refusal = resume(other).expect_err("another training").to_string();
            assert!(refusal.contains(&format!("with {name} ")), "{refusal}");
        }
    }
}
