//! The program and machines that made a run. No result depends on them.

use super::folder::ENVIRONMENT;
use crate::error::Result;
use crate::files;
use crate::kernel::SimdLevel;
use crate::train::{Settings, available_memory, cores, processor};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Notes this machine in a run that begins, or that resumes after so many updates, and returns when
/// the run began, by the clock on the wall, in seconds since 1970.
pub(super) fn note(run: &Path, settings: &Settings, resumed: Option<u64>) -> Result<f64> {
    let name = run.join(ENVIRONMENT);
    let older = resumed.and_then(|_| files::read_text(&name, files::TEXT).ok());
    let older: Value = older.and_then(|text| files::json(text.as_bytes()).ok()).unwrap_or_default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let began = older["began_unix_s"].as_f64().unwrap_or(now);
    let mut resumed_at = older["resumed_at"].as_array().cloned().unwrap_or_default();
    resumed_at.extend(resumed.map(Value::from));
    let environment = json!({
        "version": env!("CARGO_PKG_VERSION"), "level": settings.level.name(),
        "levels": SimdLevel::available().iter().map(|level| level.name()).collect::<Vec<_>>(),
        "threads": settings.threads, "cores": cores(), "processor": processor(),
        "architecture": std::env::consts::ARCH, "system": std::env::consts::OS,
        "memory_available_bytes": available_memory(), "began_unix_s": began, "resumed_at": resumed_at
    });
    files::write(&name, format!("{environment:#}\n").as_bytes())?;
    Ok(began)
}
