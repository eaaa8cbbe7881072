//! What a result depends on, printed beside it.

use crate::kernel::SimdLevel;
use crate::model::{Cell, Model, config_hash, weights_hash};
use crate::task::people::plural;
use serde::Serialize;

/// Net, machine and seed.
#[derive(Debug, Clone, Serialize)]
pub struct Provenance {
    cell: Cell,
    hidden: usize,
    level: SimdLevel,
    threads: usize,
    seed: u64,
    config_hash: String,
    weights_hash: String,
}

impl Provenance {
    /// The stamp of a result with a net.
    pub fn of(model: &Model<f32>, level: SimdLevel, threads: usize, seed: u64) -> Self {
        let Model { config, params } = model;
        let (config_hash, weights_hash) = (config_hash(config), weights_hash(config, params));
        Self { cell: config.cell, hidden: config.hidden, level, threads, seed, config_hash, weights_hash }
    }

    /// The net, in a few words.
    pub fn net(&self) -> String {
        format!("{}, {} hidden", self.cell, self.hidden)
    }

    /// What computed, and the net's hashes, in a line.
    pub fn line(&self) -> String {
        let Self { level, threads, config_hash, weights_hash, .. } = self;
        let (threads, version) = (plural(*threads as u64, "thread"), env!("CARGO_PKG_VERSION"));
        format!("config {config_hash} · weights {weights_hash} · {level}, {threads} · carrylane {version}")
    }
}
