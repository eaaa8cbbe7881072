//! What a run was made with and on, for who looks at it later; no result depends on it.

use super::args::{VERSION, cores};
use super::info::processor;
use carrylane::train::{Settings, available_memory};
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

/// `environment.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Environment {
    version: String,
    level: String,
    levels: Vec<String>,
    threads: usize,
    cores: usize,
    processor: String,
    architecture: String,
    system: String,
    memory_available_bytes: Option<u64>,
    /// When the run began, by the clock on the wall, in seconds since 1970.
    pub(super) began_unix_s: f64,
    /// Updates after which it was gone on with, one for each time.
    pub(super) resumed_at: Vec<u64>,
}

impl Environment {
    /// This machine, now.
    pub(super) fn now(settings: &Settings) -> Self {
        use carrylane::kernel::SimdLevel;
        Self {
            version: VERSION.into(),
            level: settings.level.to_string(),
            levels: SimdLevel::available().iter().map(SimdLevel::to_string).collect(),
            threads: settings.threads,
            cores: cores(),
            processor: processor(),
            architecture: std::env::consts::ARCH.into(),
            system: std::env::consts::OS.into(),
            memory_available_bytes: available_memory(),
            began_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            resumed_at: Vec::new(),
        }
    }

    /// As the file holds it.
    pub(super) fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("it has a JSON form");
        text.push('\n');
        text
    }
}
