//! The memory that work would need, estimated before it starts.

use super::engine::EngineKind;
use super::machine::available_memory;
use super::optimizer::Rule;
use super::settings::{Settings, Source, Until};
use super::worst::WorstSearch;
use crate::error::{Error, Result};
use crate::kernel::tile_of;
use crate::model::{Cell, Config};
use crate::task::addition::ADVERSARIAL_SAMPLES;
use crate::task::lanes::LANES;

/// The bytes that some work would need, to some twenty per cent: its large buffers alone.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MemoryNeed {
    /// Weights, their copies for the kernel, and the optimizer's moments.
    pub weights: f64,
    /// A gradient for each shard of a minibatch, and their sum.
    pub gradients: f64,
    /// States of all steps and deltas of some, for each thread.
    pub states: f64,
    /// Minibatches, fixed sets and what is written.
    pub data: f64,
    /// The search for the worst sum of a check, while it lasts.
    pub search: f64,
}

/// Bytes of an `f32`.
const FLOAT: f64 = 4.0;
/// Samples of a word, of a shard that does not count them, and of a chunk of a check of narrow
/// numbers.
const WORD: usize = 64;
const SHARD: usize = 1024;
const CHUNK: usize = 4096;
/// Samples of a large minibatch, as checks have them.
const MANY: usize = 1 << 16;
/// Bytes of a tree for each node of its trunk, with links and room to grow.
const NODE: f64 = 50.0;
/// The program beside its large buffers: code, tables, a page with its charts.
const PROGRAM: f64 = 24e6;

impl MemoryNeed {
    /// The need of a training. Settings may be out of range: no size overflows an `f64`.
    pub fn of(settings: &Settings) -> Self {
        let Settings { config, bits, batch, threads, engine, .. } = settings;
        let steps = *bits as f64;
        // Adam has two moments.
        let moments = if matches!(settings.rule, Rule::Adam { .. }) { 2.0 } else { 0.0 };
        let set = match settings.source {
            Source::Stream => 0.0,
            // Sixteen draws for each pair held out, and every pair seen so far, a byte a bit.
            Source::Fixed { samples, .. } => samples as f64 * (18.0 * 3.0 * steps / 8.0 + 2.0 * (2.0 * steps + 48.0)),
        };
        // Checks of wide numbers try them four times as wide, and search, by two more copies of the
        // weights.
        let wide = *bits > 9;
        let widest = if wide { bits.saturating_mul(4) } else { *bits };
        let chunk = if wide { ADVERSARIAL_SAMPLES } else { CHUNK };
        let copies = 2.0 * FLOAT * params(config);
        let search = if wide { WorstSearch::of(config, *bits).bytes(config) + copies } else { 0.0 };
        let learned = if matches!(settings.until, Until::Proved { .. }) { settings.proof_bits() } else { *bits };
        let pass = Self::of_passes(config, (learned, *batch), (widest, chunk), *engine, *threads, FLOAT);
        Self { weights: pass.weights + FLOAT * params(config) * moments, data: pass.data + set, search, ..pass }
    }

    /// The need of trainings in all lanes of a population, which share their passes.
    pub fn of_lanes(settings: &Settings) -> Self {
        let (all, one) = (Self::of(settings), Self::of(&Settings { engine: EngineKind::Fused, ..settings.clone() }));
        let others = (LANES - 1) as f64;
        let moments = if matches!(settings.rule, Rule::Adam { .. }) { 2.0 } else { 0.0 };
        let of_lanes = FLOAT * moments * LANES as f64 * params(&settings.config);
        Self {
            weights: all.weights + others * one.weights + of_lanes,
            gradients: all.gradients + others * one.gradients,
            data: all.data + others * minibatch(settings.bits, settings.batch),
            ..all
        }
    }

    /// The need of a net's gradient on a minibatch, with `float` bytes a number.
    pub fn of_gradient(
        config: &Config,
        bits: usize,
        batch: usize,
        engine: EngineKind,
        threads: usize,
        float: f64,
    ) -> Self {
        Self::of_passes(config, (bits, batch), (1, 0), engine, threads, float)
    }

    /// The need of gradients and evaluations, each given by its bits and samples.
    fn of_passes(
        config: &Config,
        (bits, batch): (usize, usize),
        (widest, chunk): (usize, usize),
        engine: EngineKind,
        threads: usize,
        float: f64,
    ) -> Self {
        let (params, hidden) = (params(config), config.hidden as f64);
        let small = engine == EngineKind::Fused && config.hidden <= 8;
        let wide = whole(config.hidden, if small { 4 } else { 16 });
        let (shards, tried) = (ShardSizes::of(batch, bits, small), ShardSizes::of(chunk, widest, small));
        let products = config.cell.gates() as f64 * hidden * if engine == EngineKind::Blas { hidden } else { wide };
        let (packed, states, trees) = match engine {
            EngineKind::Reference => (0.0, 0.0, 0.0),
            // Packed for the way forward and back.
            _ => (2.0 * products, workspace(config, wide, shards, tried), shards.trees() + tried.trees()),
        };
        // Sixteen lanes, empty ones too: weights, gradients, and columns and slopes of five
        // samples.
        let (lanes, gates) =
            (if engine == EngineKind::Population { LANES as f64 } else { 0.0 }, config.cell.gates() as f64);
        let columns = 5.0 * bits as f64 * hidden * if gates > 1.0 { 11.0 } else { 2.0 };
        Self {
            weights: float * (2.0 * params + packed + 2.0 * lanes * params),
            // One shard writes to the sum.
            gradients: float * params * if shards.count > 1.0 { 1.0 + shards.count } else { 1.0 },
            states: float * (states * shards.count.max(tried.count).min(threads as f64) + lanes * columns),
            // What is tried stays, with its trees.
            data: minibatch(bits, batch) + 2.0 * minibatch(widest, chunk) + trees,
            search: 0.0,
        }
    }

    /// The need of a gradient check: a gradient in `f64`, the net in both precisions, the expected
    /// gradient with its scales, and the differences.
    pub fn of_gradcheck(config: &Config, bits: usize, batch: usize) -> Self {
        let pass = Self::of_gradient(config, bits, batch, EngineKind::Fused, 1, 2.0 * FLOAT);
        Self { weights: pass.weights + 15.0 * FLOAT * params(config), ..pass }
    }

    /// The need of answers by a loaded net: its copies in an engine.
    pub fn of_answers(config: &Config) -> Self {
        Self { gradients: 0.0, ..Self::of_gradient(config, 1, MANY, EngineKind::Fused, 1, FLOAT) }
    }

    /// `n` times this need.
    #[must_use]
    pub fn times(self, n: usize) -> Self {
        let [weights, gradients, states, data, search] = self.parts().map(|(bytes, _)| bytes * n as f64);
        Self { weights, gradients, states, data, search }
    }

    /// The sum of all parts.
    pub fn total(&self) -> f64 {
        self.parts().iter().map(|(bytes, _)| bytes).sum()
    }

    fn parts(&self) -> [(f64, &'static str); 5] {
        [
            (self.weights, "weights"),
            (self.gradients, "gradients"),
            (self.states, "states of all steps"),
            (self.data, "data"),
            (self.search, "the search of its check"),
        ]
    }

    /// Whether this machine can meet the need now. A large one is allocated and freed untouched, so
    /// that limits which no file tells of count too.
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
        // Else the compiler drops the unused allocation.
        std::hint::black_box(&probe);
        if given { Ok(()) } else { Err(Error::Memory(format!("{}: the system refuses it", self.words()))) }
    }

    /// What would be needed, in words.
    fn words(&self) -> String {
        let (most, what) = self.parts().into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).expect("five parts");
        format!("this would need {} of memory, {} of them for {what}", bytes(self.total()), bytes(most))
    }

    /// Whether a machine with `available` bytes can meet the need.
    pub fn within(&self, available: u64) -> Result<()> {
        if self.total() + PROGRAM <= available as f64 {
            return Ok(());
        }
        let (words, available) = (self.words(), bytes(available as f64));
        Err(Error::usage(format!("{words}, and {available} are available: try smaller sizes, or fewer threads")))
    }
}

/// Bytes of a minibatch: a, b and their sums.
fn minibatch(bits: usize, samples: usize) -> f64 {
    3.0 * whole(samples, WORD) * bits as f64 / 8.0
}

/// The next multiple of `of`.
fn whole(n: usize, of: usize) -> f64 {
    n.div_ceil(of) as f64 * of as f64
}

/// Parameters of a net.
fn params(config: &Config) -> f64 {
    let [h, g] = [config.hidden, config.cell.gates()].map(|n| n as f64);
    g * h * (h + 3.0) + h + 1.0
}

/// Sizes of a minibatch's shards, as [`crate::task::tree`] cuts it.
#[derive(Debug, Clone, Copy)]
struct ShardSizes {
    count: f64,
    /// Nodes of a trunk, and of its largest level.
    nodes: f64,
    most: f64,
    chains: f64,
    /// Steps that are left to the chains.
    steps: f64,
}

impl ShardSizes {
    fn of(samples: usize, bits: usize, small: bool) -> Self {
        let pairs = |symbols: usize| 4_f64.powf(symbols as f64);
        let symbols = bits.saturating_sub(1);
        let counted = symbols <= 12 && pairs(symbols) <= 4.0 * samples as f64;
        let path = usize::from(counted && samples >= 2048) + usize::from(counted && samples >= 16_384);
        let path = path.min(symbols.saturating_sub(1));
        let (count, chains) = match counted {
            true => (pairs(path), pairs(symbols - path)),
            false => (samples.div_ceil(SHARD) as f64, samples.min(SHARD) as f64),
        };
        let samples = if counted { samples } else { samples.min(SHARD) };
        let log2 = samples.max(2).ilog2() as usize;
        let log4 = log2 / 2;
        let depth = (if small { (log2 - 1) / 2 } else { log4 + 1 }).min(symbols.saturating_sub(usize::from(counted)));
        // All possible nodes; in the last two levels, those that random samples are expected to
        // have.
        let level = |t: usize| {
            let (all, first) = (pairs(t), pairs(path.min(t)));
            let expected = all * (1.0 - (1.0 - 1.0 / all).powf(samples as f64));
            (if small || t < log4 { all } else { expected }) / first
        };
        let nodes = (1..=depth).map(level).sum();
        Self { count, nodes, most: level(depth), chains, steps: bits as f64 - depth as f64 }
    }

    /// Bytes of their trees, and of the counts of samples.
    fn trees(&self) -> f64 {
        self.count * (NODE * self.nodes + 16.0 * self.chains)
    }
}

/// Numbers in a thread's [`Workspace`](crate::kernel::Workspace): for a trunk and a tile of chains
/// each, states, deltas of some levels, and the products of two.
fn workspace(config: &Config, wide: f64, shards: ShardSizes, tried: ShardSizes) -> f64 {
    let [hidden, g] = [config.hidden, config.cell.gates()].map(|n| n as f64);
    let padded = |floats: f64| floats + if floats >= 64.0 { 16.0 } else { 0.0 };
    let (ld, ldz) = (padded(wide), padded(g * wide));
    // What an LSTM keeps of a step, and dc.
    let (kept, flow) = if config.cell == Cell::Lstm { (6.0 * wide, wide) } else { (0.0, 0.0) };
    let tile = |shards: ShardSizes, steps: f64| shards.chains.min(tile_of(steps * (ld + kept), config.hidden) as f64);
    let (learning, trying) = (tile(shards, shards.steps), tile(tried, tried.steps.min(64.0)));
    // Rows that are kept, rows of S, of the largest level, of parents, and what is known of a node.
    let stage = |learned: f64, tried: f64, flows: f64, most: f64, parents: f64, known: f64| {
        learned.max(tried) * (ld + kept + 2.0 + known)
            + learned * flow
            + (flows + 2.0 * most) * ldz
            + parents * (ld + kept + flow)
    };
    let most = learning.max(trying);
    // Rows of small nets have four nodes.
    let held = (2.0 * learning).max(if wide <= 8.0 { 512.0 } else { 128.0 }).min(learning * (shards.steps + 1.0));
    stage(shards.nodes, tried.nodes, shards.nodes, shards.most.max(tried.most), 1.0, 0.0)
        + stage(learning * shards.steps, trying * tried.steps.min(64.0), held, most, most, 4.0)
        + if hidden == wide { 0.0 } else { g * hidden * wide }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Config;

    #[test]
    fn what_does_not_fit_is_refused_with_both_numbers() {
        let config = Config { hidden: 4_000_000_000, ..Config::default() };
        let need = MemoryNeed::of(&Settings { config, ..Settings::default() });
        let refusal = need.within(3 << 29).expect_err("more than there is").to_string();
        // 16e18 weights of 4 bytes, several times.
        assert!(need.total() > 6.0 * 64e18, "{need:?}");
        assert!(refusal.contains("and 1.5 GiB are available: try smaller sizes"), "{refusal}");
        let small = MemoryNeed::of(&Settings::default());
        assert!(small.within(1 << 26).is_ok() && small.within(1 << 10).is_err(), "{small:?}");
    }
}
