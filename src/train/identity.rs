//! What must be the same for one training to go on where another was.

use super::engine::EngineKind;
use super::settings::{Settings, Source};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// All that decides a training's updates, name to value: of two trainings in which these are the same, one may go on where the other was.
/// The number of threads and the end are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity(BTreeMap<String, String>);

impl Identity {
    /// That of some settings.
    pub fn of(settings: &Settings) -> Self {
        let Settings { config, bits, batch, source, seed, init, rule, clip_norm, engine, level, .. } = settings;
        let config = serde_json::to_value(config).expect("a config has a JSON form");
        let config = config.as_object().expect("a config is an object").iter();
        let mut all = Self(config.map(|(name, value)| (name.clone(), value.to_string().replace('"', ""))).collect());
        let (dataset, shuffle) = match source {
            Source::Stream => ("none".to_owned(), false),
            Source::Fixed { samples, shuffle } => (samples.to_string(), *shuffle),
        };
        // Levels of a kind round alike, but the blas engine's kernels are each level's own.
        let rounding = match engine {
            EngineKind::Blas => format!("that of blas on {level}"),
            EngineKind::Reference => "plain".into(),
            _ if level.fused_multiply_add() => "fused multiply-add".into(),
            _ => "multiply, then add".into(),
        };
        let clip_norm = clip_norm.map_or("none".into(), |norm| format!("{norm:?}"));
        for (name, value) in [
            ("bits", bits.to_string()),
            ("batch", batch.to_string()),
            ("dataset", dataset),
            ("shuffle", shuffle.to_string()),
            ("seed", seed.to_string()),
            ("init", init.to_string()),
            ("optimizer", rule.to_string()),
            ("lr", format!("{:?}", rule.lr())),
            ("clip norm", clip_norm),
            ("engine", engine.to_string()),
            ("rounding", rounding),
        ] {
            all = all.with(name, value);
        }
        all
    }

    /// The same with one more value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// Each value that `other` has otherwise: its name, this one's value, the other's.
    pub fn differences<'a>(&'a self, other: &'a Self) -> Vec<(&'a str, &'a str, &'a str)> {
        let names: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let value = |of: &'a Self, name| of.0.get(name).map_or("none", String::as_str);
        let each = names.into_iter().map(|name| (name.as_str(), value(self, name), value(other, name)));
        each.filter(|(_, here, there)| here != there).collect()
    }
}
