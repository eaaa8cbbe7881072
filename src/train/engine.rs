//! The engines behind one interface, and the shards of a minibatch.

use crate::error::{Error, Result};
use crate::kernel::{Float, Kernel, Method, Noise, SimdLevel, Workspace};
use crate::model::{Config, Layout, Tally};
use crate::reference::{self, Real};
use crate::task::{BitTensor, Minibatch};
use rayon::prelude::*;
use std::fmt;

/// How gradients are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// The fastest for the sizes at hand.
    Auto,
    /// This crate's kernel, samples as lanes.
    Fused,
    /// This crate's kernel, hidden units as lanes.
    Units,
    /// Products through matrixmultiply.
    Blas,
    /// The scalar oracle.
    Reference,
}

impl EngineKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Fused, Self::Units, Self::Blas, Self::Reference];

    /// Hidden units from which they make better lanes than samples do: the 16 lanes of each weight gradient leave the cache.
    pub const WIDE: usize = 112;

    /// What `auto` means for a net and a number of samples, by measurement (`scripts/bench-grid.sh`); other kinds are what they are.
    pub fn resolve(self, config: &Config, samples: usize) -> Self {
        match self {
            Self::Auto if samples < Self::units_below(config.hidden) => Self::Units,
            Self::Auto => Self::Fused,
            kind => kind,
        }
    }

    /// Minibatches smaller than this go through `units` under `auto`: samples as lanes cost the same for one as for 64, units as lanes
    /// waste those that fill no vector.
    pub fn units_below(hidden: usize) -> usize {
        if hidden >= Self::WIDE { usize::MAX } else { 64 * hidden / (hidden + 12) }
    }

    fn method(self) -> Option<Method> {
        match self {
            Self::Auto | Self::Reference => None,
            Self::Fused => Some(Method::Fused),
            Self::Units => Some(Method::Units),
            Self::Blas => Some(Method::Blas),
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Fused => "fused",
            Self::Units => "units",
            Self::Blas => "blas",
            Self::Reference => "reference",
        })
    }
}

/// Words in a shard: 512 samples. Part of every result, since shards decide the order of sums.
const SHARD: usize = 8;

/// Work below which a pass stays on one thread, in flop: some 100 µs, a few times what a rayon call costs.
const SERIAL: f64 = 4e6;

/// Computes gradients and answers of one net over whole minibatches.
#[derive(Debug)]
pub struct Engine<F: Float> {
    config: Config,
    kind: EngineKind,
    level: SimdLevel,
    params: Vec<F>,
    /// The kernels in use so far, one of a kind; the reference has none and reads `params`.
    kernels: Vec<Prepared<F>>,
    noise: Option<Noise>,
    pool: Option<rayon::ThreadPool>,
    workers: Vec<Workspace<F>>,
    shards: Vec<Shard<F>>,
}

/// A kernel, and whether it holds the parameters of this update.
#[derive(Debug)]
struct Prepared<F: Float> {
    method: Method,
    kernel: Kernel<F>,
    fresh: bool,
}

/// What one shard computes.
#[derive(Debug, Clone)]
struct Shard<F> {
    grad: Vec<F>,
    tally: Tally,
}

impl<F: Float + Real> Engine<F> {
    /// An engine for a net; its weights are zero until [`Engine::set_params`].
    ///
    /// # Errors
    /// [`Error::Usage`] if the machine lacks the level or cannot start the threads.
    pub fn new(config: &Config, kind: EngineKind, level: SimdLevel, threads: usize) -> Result<Self> {
        let level = level.checked()?;
        let pool = (threads > 1).then(|| rayon::ThreadPoolBuilder::new().num_threads(threads).build()).transpose();
        let pool = pool.map_err(|e| Error::usage(format!("cannot start {threads} threads: {e}")))?;
        let params = vec![F::zero(); Layout::of(config).len()];
        let workers = vec![Workspace::default(); threads];
        Ok(Self {
            config: *config,
            kind,
            level,
            params,
            kernels: Vec::new(),
            noise: None,
            pool,
            workers,
            shards: Vec::new(),
        })
    }

    /// The engine that minibatches of so many samples go through, never `auto`.
    pub fn kind(&self, samples: usize) -> EngineKind {
        self.kind.resolve(&self.config, samples)
    }

    /// The instruction set in use.
    pub fn level(&self) -> SimdLevel {
        self.level
    }

    /// Takes the parameters of an update.
    pub fn set_params(&mut self, params: &[F]) {
        self.params.copy_from_slice(params);
        self.kernels.iter_mut().for_each(|prepared| prepared.fresh = false);
    }

    /// Makes the kernel for so many samples ready, and says where it is; none for the reference.
    fn prepare(&mut self, samples: usize) -> Option<usize> {
        let method = self.kind(samples).method()?;
        let found = self.kernels.iter().position(|prepared| prepared.method == method);
        let index = found.unwrap_or_else(|| {
            let kernel = Kernel::new(&self.config, method, self.level);
            self.kernels.push(Prepared { method, kernel, fresh: false });
            self.kernels.len() - 1
        });
        let prepared = &mut self.kernels[index];
        prepared.kernel.set_noise(self.noise);
        if !prepared.fresh {
            prepared.kernel.pack(&self.params);
            prepared.fresh = true;
        }
        Some(index)
    }

    /// Sets the noise of the gradients from here on. The reference has none, and stays as it is.
    pub fn set_noise(&mut self, noise: Option<Noise>) {
        self.noise = noise;
    }

    /// Writes the gradient of the samples' summed loss to `grad`, and returns what was counted.
    ///
    /// # Shapes
    /// `grad`: a flat buffer of [`Layout::of`] the config.
    pub fn gradient(&mut self, batch: &Minibatch, grad: &mut [F]) -> Tally {
        let prepared = self.prepare(batch.samples());
        let shards = batch.a.words().div_ceil(SHARD);
        let work = batch.samples() as f64 * self.work(batch.bits());
        let (config, params) = (&self.config, &self.params);
        let kernel = prepared.map(|index| &self.kernels[index].kernel);
        let part = |index: usize, ws: &mut Workspace<F>, grad: &mut [F]| {
            grad.fill(F::zero());
            let words = index * SHARD..((index + 1) * SHARD).min(batch.a.words());
            match kernel {
                Some(kernel) => kernel.gradient(batch, words, ws, grad),
                None => {
                    let samples = words.start * 64..(words.end * 64).min(batch.samples());
                    reference::gradient(config, params, batch, samples, grad)
                }
            }
        };
        if shards == 1 {
            return part(0, &mut self.workers[0], grad);
        }
        let len = grad.len();
        self.shards.truncate(shards);
        self.shards.resize_with(shards, || Shard { grad: vec![F::zero(); len], tally: Tally::default() });
        let each = |index: usize, shard: &mut Shard<F>, ws: &mut Workspace<F>| {
            shard.tally = part(index, ws, &mut shard.grad);
        };
        match &self.pool {
            Some(pool) if work > SERIAL => {
                let run = shards.div_ceil(self.workers.len());
                let (all, workers) = (&mut self.shards, &mut self.workers);
                pool.install(|| {
                    all.par_chunks_mut(run).zip(workers).enumerate().for_each(|(i, (shards, ws))| {
                        for (j, shard) in shards.iter_mut().enumerate() {
                            each(i * run + j, shard, ws);
                        }
                    });
                });
            }
            _ => {
                for (index, shard) in self.shards.iter_mut().enumerate() {
                    each(index, shard, &mut self.workers[0]);
                }
            }
        }
        self.collect(grad)
    }

    /// Adds up the shards in index order.
    fn collect(&self, grad: &mut [F]) -> Tally {
        let mut tally = Tally::default();
        grad.fill(F::zero());
        for shard in &self.shards {
            tally += shard.tally;
            for (sum, &part) in grad.iter_mut().zip(&shard.grad) {
                *sum += part;
            }
        }
        tally
    }

    /// Counts wrong bits and samples, by the forward pass alone; `predicted`, of the minibatch's shape, takes the answers.
    pub fn evaluate(&mut self, batch: &Minibatch, predicted: Option<&mut BitTensor>) -> Tally {
        let words = batch.a.words();
        let Some(prepared) = self.prepare(batch.samples()) else {
            return reference::evaluate(&self.config, &self.params, batch, 0..batch.samples(), predicted);
        };
        let kernel = &self.kernels[prepared].kernel;
        let work = batch.samples() as f64 * self.work(batch.bits()) / 3.0;
        match &self.pool {
            Some(pool) if predicted.is_none() && words > 1 && work > SERIAL => {
                let run = words.div_ceil(self.workers.len());
                let workers = &mut self.workers;
                let tallies: Vec<Tally> = pool.install(|| {
                    let runs = (0..words).into_par_iter().step_by(run).zip(workers);
                    runs.map(|(start, ws)| kernel.evaluate(batch, start..(start + run).min(words), ws, None)).collect()
                });
                let mut total = Tally::default();
                tallies.into_iter().for_each(|tally| total += tally);
                total
            }
            _ => kernel.evaluate(batch, 0..words, &mut self.workers[0], predicted),
        }
    }

    /// Flop of a sample, counting element-wise work too.
    fn work(&self, bits: usize) -> f64 {
        let (hidden, steps) = (self.config.hidden as f64, bits as f64);
        self.config.cell.gates() as f64 * steps * hidden * (6.0 * hidden + 100.0)
    }
}
