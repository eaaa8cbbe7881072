//! The memory a training would take, before it takes any.

use super::engine::EngineKind;
use super::optimizer::Rule;
use super::settings::{Settings, Source};
use crate::error::{Error, Result};
use crate::model::Cell;
use std::fs;

/// What a training would need, in bytes, to some ten per cent: the large buffers and nothing else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Need {
    /// Weights, their copies for the kernel, and the optimizer's moments.
    pub weights: f64,
    /// A gradient for each shard of a minibatch, and their sum.
    pub gradients: f64,
    /// States and deltas of all steps, for each thread.
    pub states: f64,
    /// Minibatches and fixed sets.
    pub data: f64,
}

/// Bytes of an `f32`.
const FLOAT: f64 = 4.0;
/// Samples of a tile, of a shard.
const TILE: usize = 64;
const SHARD: usize = 512;

impl Need {
    /// That of some settings, in range or not; as `f64`, which no size overflows.
    pub fn of(settings: &Settings) -> Self {
        let Settings { config, bits, batch, threads, .. } = settings;
        let [h, steps, g] = [config.hidden, *bits, config.cell.gates()].map(|n| n as f64);
        let blocks = steps + 1.0;
        let params = g * h * (h + 3.0) + h + 1.0;
        let shards = batch.div_ceil(SHARD) as f64;
        // Adam has two moments. The kernel packs its weights for the way forward and back, once for training and, where that goes another
        // way, once for the larger minibatches of checks.
        let moments = if matches!(settings.rule, Rule::Adam { .. }) { 2.0 } else { 0.0 };
        let kind = |samples| settings.engine.resolve(config, samples);
        let packed = match (kind(*batch), kind(1 << 16)) {
            (EngineKind::Reference, _) => 0.0,
            (one, other) if one == other => 2.0,
            _ => 4.0,
        };
        let (width, sums) = match kind(*batch) {
            EngineKind::Fused | EngineKind::Auto => (TILE, 17.0),
            EngineKind::Units => (TILE, 1.0),
            EngineKind::Blas | EngineKind::Reference => ((*batch).min(SHARD).div_ceil(TILE) * TILE, 1.0),
        };
        // The noise of a training for a proof keeps another h.
        let per_sample = blocks * (2.0 * h + g * h + 4.0)
            + match config.cell {
                Cell::Elman => 0.0,
                Cell::Dynamic => blocks * (h + 1.0) + h,
                Cell::Lstm => blocks * 6.0 * h + 2.0 * h,
            };
        // A check goes through blas in one piece, with two blocks of states.
        let checked = match kind(1 << 16) {
            EngineKind::Blas => 4096.0 * 2.0 * per_sample / blocks,
            _ => 0.0,
        };
        let workspace = per_sample * width as f64 + (h + 3.0) * (g * h + 1.0) * sums;
        let set = match settings.source {
            Source::Stream => 0.0,
            // Sixteen draws for each pair held out, and every pair seen so far, a byte a bit.
            Source::Fixed { samples, .. } => samples as f64 * (18.0 * 3.0 * steps / 8.0 + 2.0 * (2.0 * steps + 48.0)),
        };
        Self {
            weights: FLOAT * params * (2.0 + moments + packed),
            gradients: FLOAT * params * (1.0 + shards),
            states: FLOAT * (workspace.max(checked)) * shards.min(*threads as f64),
            data: 3.0 * (*batch as f64).max(TILE as f64) * steps / 8.0 + set,
        }
    }

    /// All of it.
    pub fn total(&self) -> f64 {
        self.weights + self.gradients + self.states + self.data
    }

    /// What would be needed and what there is, in words.
    pub fn beside(&self, available: Option<u64>) -> String {
        let parts = [
            (self.weights, "weights"),
            (self.gradients, "gradients"),
            (self.states, "states of all steps"),
            (self.data, "data"),
        ];
        let (most, what) = parts.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).expect("four parts");
        let available = available.map_or(String::new(), |bytes| format!(", and {} are available", gib(bytes as f64)));
        format!("this training would need {} of memory, {} of them for {what}{available}", gib(self.total()), gib(most))
    }

    /// Whether a machine with so many bytes can give it.
    ///
    /// # Errors
    /// [`Error::Usage`] with both numbers, and what takes the most.
    pub fn within(&self, available: u64) -> Result<()> {
        if self.total() <= available as f64 {
            return Ok(());
        }
        let words = self.beside(Some(available));
        Err(Error::usage(format!("{words}: try a smaller --hidden, --batch, --bits or --dataset, or fewer --threads")))
    }
}

/// Bytes for people.
fn gib(bytes: f64) -> String {
    let gib = bytes / f64::from(1 << 30);
    if gib < 1e6 { format!("{gib:.1} GiB") } else { format!("{gib:.1e} GiB") }
}

/// Bytes this process may still take, where the system tells: the least of what is free and what its control group allows.
pub fn available_memory() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok();
    let free = meminfo.as_deref().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    });
    let number = |name: &str| fs::read_to_string(name).ok()?.trim().parse::<u64>().ok();
    let group = number("/sys/fs/cgroup/memory.max")
        .zip(number("/sys/fs/cgroup/memory.current"))
        .map(|(most, taken)| most.saturating_sub(taken));
    free.into_iter().chain(group).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Config;

    #[test]
    fn what_does_not_fit_is_refused_with_both_numbers() {
        let config = Config { hidden: 4_000_000_000, ..Config::default() };
        let need = Need::of(&Settings { config, ..Settings::default() });
        let refusal = need.within(3 << 29).expect_err("more than there is").to_string();
        // 16e18 weights of 4 bytes, several times.
        assert!(need.total() > 6.0 * 64e18, "{need:?}");
        assert!(refusal.contains("and 1.5 GiB are available") && refusal.contains("--hidden"), "{refusal}");
        let small = Need::of(&Settings::default());
        assert!(small.within(1 << 20).is_ok() && small.within(1 << 10).is_err(), "{small:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_tells_what_is_available() {
        let bytes = available_memory().expect("/proc/meminfo has it");
        assert!((1 << 20..1 << 50).contains(&bytes), "{bytes} bytes");
    }
}
