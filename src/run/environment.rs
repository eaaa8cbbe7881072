//! The program and machines that made a run. No result depends on them.

use super::folder::ENVIRONMENT;
use crate::error::Result;
use crate::files;
use crate::kernel::SimdLevel;
use crate::train::{Settings, available_memory, cores, processor};
use serde::{Deserialize, Serialize};
use std::path::Path;
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
    /// Updates after which the run was resumed, one for each time.
    resumed_at: Vec<u64>,
}

impl Environment {
    /// Notes this machine in a run that begins, or resumes after `updates` updates.
    pub(super) fn note(run: &Path, settings: &Settings, resumed: Option<u64>) -> Result<Self> {
        let name = run.join(ENVIRONMENT);
        let mut now = Self {
            version: env!("CARGO_PKG_VERSION").into(),
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
        };
        if let Some(updates) = resumed {
            let older = files::read_text(&name, files::TEXT).ok();
            if let Some(older) = older.and_then(|text| files::json::<Self>(text.as_bytes()).ok()) {
                (now.began_unix_s, now.resumed_at) = (older.began_unix_s, older.resumed_at);
            }
            now.resumed_at.push(updates);
        }
        let text = serde_json::to_string_pretty(&now).expect("it has a JSON form");
        files::write(&name, format!("{text}\n").as_bytes())?;
        Ok(now)
    }
}
