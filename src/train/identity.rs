//! What must be equal for one training to resume another.

use super::engine::EngineKind;
use super::options::text;
use super::settings::{OPTIONS, Settings};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
