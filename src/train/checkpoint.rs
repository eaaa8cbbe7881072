//! A training between two updates, as a file from which it goes on with the same bits.
//!
//! A checkpoint is a safetensors file: the weights under their names, Adam's two moments as
//! `mean.…` and `square.…`, and in its metadata as JSON where the training is ([`Course`]), which
//! is also where its random streams are, and what must be the same for it to go on ([`Identity`]),
//! with a checksum over all of it.

use super::clock::Times;
use super::course::Course;
use super::engine::EngineKind;
use super::options::text;
use super::settings::{OPTIONS, Settings};
use super::trainer::Trainer;
use crate::error::{Error, Result};
use crate::files;
use crate::model::sealed::{FileKind, Sealed, part};
use crate::model::{Config, Model};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Weights, and for Adam the mean gradient and its mean square.
const KIND: FileKind = FileKind {
    format: "carrylane-checkpoint-3",
    name: "checkpoint",
    prefixes: &["", "mean.", "square."],
    counts: &[1, 3],
};
/// Metadata keys.
const IDENTITY_KEY: &str = "identity";
const STATE_KEY: &str = "state";

/// What a checkpoint holds beside tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointState {
    course: Course,
    /// β₁ᵗ and β₂ᵗ.
    powers: [f64; 2],
    seconds: f64,
    /// Where they went.
    times: Times,
    ended: Option<String>,
}

/// A training between two updates.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    config: Config,
    identity: Identity,
    state: CheckpointState,
    /// Weights, and for Adam the mean gradient and its mean square: one or three flat buffers of
    /// the config's layout.
    buffers: Vec<Vec<f32>>,
}

impl Trainer {
    /// A checkpoint of a training now. `ended` says how it ended, if it has.
    pub fn checkpoint(&self, ended: Option<&str>) -> Checkpoint {
        let (mean, square, powers) = self.optimizer.state();
        let buffers = [&self.model().params, mean, square].into_iter().filter(|buffer| !buffer.is_empty());
        let (course, seconds, times) = (*self.course(), self.seconds(), self.times());
        Checkpoint {
            config: self.model().config,
            identity: Identity::of(self.settings()),
            state: CheckpointState { course, powers, seconds, times, ended: ended.map(str::to_owned) },
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

    /// Resumes the training. With these settings it ends as if it had never been stopped.
    ///
    /// # Errors
    /// [`Error::Usage`] naming a setting that has changed; threads and the end may change.
    pub fn resume(&self, settings: Settings) -> Result<Trainer> {
        if let Some([name, was, is]) = self.identity.difference(&settings) {
            return Err(Error::usage(format!(
                "the checkpoint is of a training with {name} {was}, and {name} {is} is asked for: resume with what it began with, or begin anew"
            )));
        }
        let mut trainer = Trainer::new(settings)?;
        let buffer = |index: usize| self.buffers.get(index).map_or(&[][..], Vec::as_slice);
        let &CheckpointState { course, powers, seconds, times, .. } = &self.state;
        trainer.take_up(buffer(0), (buffer(1), buffer(2), powers), course, (seconds, times));
        Ok(trainer)
    }

    /// Writes a file that holds either the old content or this, whatever happens.
    pub fn save(&self, path: &Path) -> Result<()> {
        files::write(path, &self.to_bytes())
    }

    /// Reads a file and checks all of it.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = files::read(path, &|bytes| KIND.size(bytes))?;
        Self::from_bytes(&bytes).map_err(|problem| Error::data(path, problem))
    }

    fn to_bytes(&self) -> Vec<u8> {
        let json = |value: serde_json::Result<String>| value.expect("it has a JSON form");
        let text = BTreeMap::from([
            (IDENTITY_KEY.to_owned(), json(serde_json::to_string(&self.identity))),
            (STATE_KEY.to_owned(), json(serde_json::to_string(&self.state))),
        ]);
        let buffers: Vec<&[f32]> = self.buffers.iter().map(Vec::as_slice).collect();
        KIND.bytes(&self.config, &text, &buffers)
    }

    fn from_bytes(bytes: &[u8]) -> std::result::Result<Self, String> {
        let Sealed { config, text, buffers } = KIND.read(bytes)?;
        Ok(Self { config, identity: part(&text, IDENTITY_KEY)?, state: part(&text, STATE_KEY)?, buffers })
    }
}

/// All that decides a training's updates, name to value. A training may resume another one with an
/// equal identity. The number of threads and the end are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity(BTreeMap<String, String>);

impl Identity {
    /// The identity of some settings.
    pub fn of(settings: &Settings) -> Self {
        // Levels of a kind round alike, but the blas engine's kernels are each level's own.
        let rounding = match settings.engine {
            EngineKind::Blas => format!("that of blas on {}", settings.level),
            EngineKind::Reference => "plain".into(),
            _ if settings.level.fused_multiply_add() => "fused multiply-add".into(),
            _ => "multiply, then add".into(),
        };
        let lasting = OPTIONS.iter().filter(|option| !option.key.is_length());
        let all = lasting.map(|option| (option.key.name.to_owned(), text(&(option.get)(settings))));
        Self(all.chain([("rounding".to_owned(), rounding)]).collect())
    }

    /// The first option that differs in some settings: its name, the value here, the value there.
    /// An option that is younger than this identity had its default here.
    pub fn difference(&self, settings: &Settings) -> Option<[String; 3]> {
        let (now, unusual) = (Self::of(settings), settings.unusual());
        let was = |name| self.0.get(name).map_or("none", String::as_str);
        let known = now.0.iter().filter(|(name, _)| self.0.contains_key(*name) || unusual.get(name).is_some());
        let (name, is) = known.into_iter().find(|(name, is)| was(name.as_str()) != *is)?;
        Some([name.clone(), was(name).to_owned(), is.clone()])
    }
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
        trainer.checkpoint(None)
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
        let resume = |settings| whole.resume(settings);
        assert!(resume(Settings { threads: 2, ..settings.clone() }).is_ok(), "another number of threads");
        for (name, other) in [
            ("lr", Settings { rule: Rule::adam(0.2), ..settings.clone() }),
            ("seed", Settings { seed: 9, ..settings.clone() }),
            ("clip-norm", Settings { clip_norm: Some(1.0), ..settings.clone() }),
            ("hidden", Settings { config: Config { hidden: 3, ..config }, ..settings.clone() }),
        ] {
            let refusal = resume(other).expect_err("another training").to_string();
            assert!(refusal.contains(&format!("with {name} ")), "{refusal}");
        }
    }
}
