//! What must be the same for one training to go on where another was.

use super::engine::EngineKind;
use super::options::text;
use super::settings::{OPTIONS, Settings};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// All that decides a training's updates, name to value: of two trainings in which these are the same, one may go on where the other was.
/// The number of threads and the end are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity(BTreeMap<String, String>);

impl Identity {
    /// That of some settings.
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

    /// Each value that `other` has otherwise: its name, this one's value, the other's.
    pub fn differences<'a>(&'a self, other: &'a Self) -> Vec<(&'a str, &'a str, &'a str)> {
        let names: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let value = |of: &'a Self, name| of.0.get(name).map_or("none", String::as_str);
        let each = names.into_iter().map(|name| (name.as_str(), value(self, name), value(other, name)));
        each.filter(|(_, here, there)| here != there).collect()
    }
}
