//! The memory that work would take, before it takes any.

use super::engine::EngineKind;
use super::optimizer::Rule;
use super::settings::{Settings, Source};
use crate::error::{Error, Result};
use crate::model::{Cell, Config};
use std::fs;

/// What some work would need, in bytes, to some ten per cent: the large buffers and nothing else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Need {
    /// Weights, their copies for the kernel, and the optimizer's moments.
    pub weights: f64,
    /// A gradient for each shard of a minibatch, and their sum.
    pub gradients: f64,
    /// States and deltas of all steps, for each thread.
    pub states: f64,
    /// Minibatches, fixed sets and what is written.
    pub data: f64,
}

/// Bytes of an `f32`.
const FLOAT: f64 = 4.0;
/// Samples of a tile, of a shard.
const TILE: usize = 64;
const SHARD: usize = 512;
/// Samples of a large minibatch, as checks have them.
const MANY: usize = 1 << 16;
/// The program beside its large buffers: code, tables, a page with its charts.
const PROGRAM: f64 = 24e6;

impl Need {
    /// That of a training of some settings, in range or not; as `f64`, which no size overflows.
    pub fn of(settings: &Settings) -> Self {
        let Settings { config, bits, batch, threads, engine, .. } = settings;
        let steps = *bits as f64;
        // Adam has two moments. The kernel packs its weights for the way forward and back, once for training and, where that goes another
        // way, once for the larger minibatches of checks.
        let moments = if matches!(settings.rule, Rule::Adam { .. }) { 2.0 } else { 0.0 };
        let (one, other) = (engine.resolve(config, *batch), engine.resolve(config, MANY));
        let packed = if one == EngineKind::Reference || one == other { 0.0 } else { 2.0 };
        // A check goes through blas in one piece, with two blocks of states.
        let checked = match other {
            EngineKind::Blas => 4096.0 * 2.0 * states(config, 1.0) * FLOAT * shards(*batch).min(*threads as f64),
            _ => 0.0,
        };
        let set = match settings.source {
            Source::Stream => 0.0,
            // Sixteen draws for each pair held out, and every pair seen so far, a byte a bit.
            Source::Fixed { samples, .. } => samples as f64 * (18.0 * 3.0 * steps / 8.0 + 2.0 * (2.0 * steps + 48.0)),
        };
        let pass = Self::of_gradient(config, *bits, *batch, *engine, *threads, FLOAT);
        Self {
            weights: pass.weights + FLOAT * params(config) * (moments + packed),
            states: pass.states.max(checked),
            data: pass.data + set,
            ..pass
        }
    }

    /// That of the gradient of a net on a minibatch, with so many bytes a number.
    pub fn of_gradient(
        config: &Config,
        bits: usize,
        batch: usize,
        engine: EngineKind,
        threads: usize,
        float: f64,
    ) -> Self {
        let (params, shards, steps) = (params(config), shards(batch), bits as f64);
        let [h, g] = [config.hidden, config.cell.gates()].map(|n| n as f64);
        let engine = engine.resolve(config, batch);
        let packed = if engine == EngineKind::Reference { 0.0 } else { 2.0 };
        let (width, sums) = match engine {
            EngineKind::Fused | EngineKind::Auto => (TILE, 17.0),
            EngineKind::Units => (TILE, 1.0),
            EngineKind::Blas | EngineKind::Reference => (batch.min(SHARD).div_ceil(TILE) * TILE, 1.0),
        };
        let workspace = states(config, steps + 1.0) * width as f64 + (h + 3.0) * (g * h + 1.0) * sums;
        Self {
            weights: float * params * (2.0 + packed),
            gradients: float * params * (1.0 + shards),
            states: float * workspace * shards.min(threads as f64),
            data: 3.0 * (batch as f64).max(TILE as f64) * steps / 8.0,
        }
    }

    /// That of a gradient check: a gradient in `f64`, and beside it the net in both precisions,
    /// what is expected with how far it cancels, and the differences.
    pub fn of_gradcheck(config: &Config, bits: usize, batch: usize) -> Self {
        let engines = [EngineKind::Fused, EngineKind::Units, EngineKind::Blas];
        let pass = engines.map(|engine| Self::of_gradient(config, bits, batch, engine, 1, 2.0 * FLOAT));
        let most = pass.into_iter().max_by(|a, b| a.total().total_cmp(&b.total())).expect("three engines");
        Self { weights: most.weights + 15.0 * FLOAT * params(config), ..most }
    }

    /// That of answers alone, by a net that is there already: its copies in an engine.
    pub fn of_answers(config: &Config) -> Self {
        Self { gradients: 0.0, ..Self::of_gradient(config, 1, MANY, EngineKind::Auto, 1, FLOAT) }
    }

    /// The same so many times over.
    #[must_use]
    pub fn times(self, n: usize) -> Self {
        let Self { weights, gradients, states, data } = self;
        let [weights, gradients, states, data] = [weights, gradients, states, data].map(|part| part * n as f64);
        Self { weights, gradients, states, data }
    }

    /// All of it.
    pub fn total(&self) -> f64 {
        self.weights + self.gradients + self.states + self.data
    }

    /// Whether this machine can give it now. Large needs are asked of the system, and given back
    /// untouched, so that limits that no file tells of count too.
    ///
    /// # Errors
    /// [`Error::Usage`] with what is needed and what there is, [`Error::Memory`] if the system
    /// refuses all the same.
    pub fn afforded(&self) -> Result<()> {
        if let Some(available) = available_memory() {
            self.within(available)?;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size; large ones saturate")]
        let asked = (self.total() + PROGRAM) as usize;
        let mut probe = Vec::<u8>::new();
        let given = probe.try_reserve_exact(asked).is_ok();
        // Or the compiler sees that nobody uses it.
        std::hint::black_box(&probe);
        if given { Ok(()) } else { Err(Error::Memory(format!("{}: the system refuses it", self.words()))) }
    }

    /// What would be needed, in words.
    fn words(&self) -> String {
        let parts = [
            (self.weights, "weights"),
            (self.gradients, "gradients"),
            (self.states, "states of all steps"),
            (self.data, "data"),
        ];
        let (most, what) = parts.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).expect("four parts");
        format!("this would need {} of memory, {} of them for {what}", bytes(self.total()), bytes(most))
    }

    /// Whether a machine with so many bytes can give it.
    ///
    /// # Errors
    /// [`Error::Usage`] with both numbers, and what takes the most.
    pub fn within(&self, available: u64) -> Result<()> {
        if self.total() + PROGRAM <= available as f64 {
            return Ok(());
        }
        let (words, available) = (self.words(), bytes(available as f64));
        Err(Error::usage(format!("{words}, and {available} are available: try smaller sizes, or fewer threads")))
    }
}

/// Parameters of a net.
fn params(config: &Config) -> f64 {
    let [h, g] = [config.hidden, config.cell.gates()].map(|n| n as f64);
    g * h * (h + 3.0) + h + 1.0
}

/// Shards of a minibatch.
fn shards(batch: usize) -> f64 {
    batch.div_ceil(SHARD) as f64
}

/// Numbers that a sample keeps for so many blocks of states. The noise of a training for a proof
/// keeps another h.
fn states(config: &Config, blocks: f64) -> f64 {
    let [h, g] = [config.hidden, config.cell.gates()].map(|n| n as f64);
    blocks * (2.0 * h + g * h + 4.0)
        + match config.cell {
            Cell::Elman => 0.0,
            Cell::Dynamic => blocks * (h + 1.0) + h,
            Cell::Lstm => blocks * 6.0 * h + 2.0 * h,
        }
}

/// Bytes for people.
fn bytes(bytes: f64) -> String {
    let gib = bytes / f64::from(1 << 30);
    match gib {
        gib if gib < 0.1 => format!("{:.1} MiB", gib * 1024.0),
        gib if gib < 1e6 => format!("{gib:.1} GiB"),
        gib => format!("{gib:.1e} GiB"),
    }
}

/// Bytes this process may still take, where the system tells: the least of what is free, what its
/// control group allows, and what is left of its address space (`ulimit -v`).
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
    let space = || {
        let limits = fs::read_to_string("/proc/self/limits").ok()?;
        let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
        let most = line.split_whitespace().next()?.parse::<u64>().ok()?;
        // In pages of the smallest size there is; of larger ones it is a bound all the same.
        let taken = fs::read_to_string("/proc/self/statm").ok()?.split(' ').next()?.parse::<u64>().ok()?;
        Some(most.saturating_sub(taken.saturating_mul(4096)))
    };
    free.into_iter().chain(group).chain(space()).min()
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
        assert!(refusal.contains("and 1.5 GiB are available: try smaller sizes"), "{refusal}");
        let small = Need::of(&Settings::default());
        assert!(small.within(1 << 26).is_ok() && small.within(1 << 10).is_err(), "{small:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_tells_what_is_available() {
        let bytes = available_memory().expect("/proc/meminfo has it");
        assert!((1 << 20..1 << 50).contains(&bytes), "{bytes} bytes");
    }
}
