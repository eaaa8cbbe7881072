//! The engines behind one interface, and the shards of a minibatch.

use crate::error::{Error, Result};
use crate::kernel::{Float, Kernel, Noise, Population, Products, SimdLevel, Workspace};
use crate::model::{Config, Layout, Tally};
use crate::reference::{self, Real};
use crate::task::number::to_uint;
use crate::task::tree::{Cut, Tree};
use crate::task::{BitTensor, LaneBits, Minibatch};
use crate::words::words;
use num_bigint::BigUint;
use rayon::prelude::*;
use std::mem::replace;

/// How gradients are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// This crate's kernel.
    Fused,
    /// The kernel with the products of matrixmultiply.
    Blas,
    /// The scalar oracle.
    Reference,
    /// The kernel whose lanes are nets, for small minibatches of many small nets; see
    /// [`population`](super::population()). A single net uses one lane, with the same bits.
    Population,
}

impl EngineKind {
    fn method(self) -> Option<Products> {
        match self {
            Self::Reference => None,
            // Populations only learn.
            Self::Fused | Self::Population => Some(Products::Fused),
            Self::Blas => Some(Products::Blas),
        }
    }
}

words!(EngineKind "engine": Fused = "fused", Blas = "blas", Reference = "reference", Population = "population");

/// Work below which a pass stays on one thread, in flop: some 100 µs, a few times what a rayon call
/// costs.
const SERIAL: f64 = 4e6;

/// The most samples of a small evaluation: all pairs of 8 bits, which most nets are checked on, are
/// more, and tests at other widths fewer.
const FEW: usize = 4096;

/// Computes gradients and answers of one net over whole minibatches.
#[derive(Debug)]
pub struct Engine<F: Float> {
    config: Config,
    kind: EngineKind,
    level: SimdLevel,
    params: Vec<F>,
    /// None for the reference, which reads `params`.
    kernel: Option<Kernel<F>>,
    /// The net in the first lane, once it has learned; for the population engine only.
    alone: Option<PopulationOfOne<F>>,
    noise: Option<Noise>,
    /// Whether the kernel holds the parameters of this update.
    fresh: bool,
    pool: Option<rayon::ThreadPool>,
    workers: Vec<Workspace<F>>,
    /// Gradients, and evaluations of few and of many samples, which differ in size.
    learning: BatchShards<F>,
    trying: [BatchShards<F>; 2],
    /// The tree of what is answered, bit by bit.
    answering: Tree<F>,
}

/// A population of one net.
#[derive(Debug)]
struct PopulationOfOne<F: Float> {
    nets: Population<F>,
    additions: LaneBits,
}

/// A minibatch in shards, and what each computes.
#[derive(Debug, Default)]
struct BatchShards<F> {
    /// The minibatch, of evaluations: nets are tried on the same pairs again, whose trees stay.
    batch: Minibatch,
    cut: Cut,
    all: Vec<BatchShard<F>>,
}

/// What one shard computes.
#[derive(Debug, Clone, Default)]
struct BatchShard<F> {
    tree: Tree<F>,
    /// Whether the tree is that of the minibatch.
    made: bool,
    grad: Vec<F>,
    tally: Tally,
}

/// What evaluations leave for the next engine of nets of one config. All else is freed: it may be
/// large, and has NaN in it where a net diverged.
#[derive(Debug)]
pub(crate) struct Trees<F> {
    of: (Config, EngineKind, SimdLevel),
    trying: [BatchShards<F>; 2],
}

impl<F: Float> BatchShards<F> {
    /// The shards of an evaluation's minibatch, which is cut if it is another one than before.
    fn trying<'a>(trying: &'a mut [Self; 2], kernel: &Kernel<F>, batch: &Minibatch) -> &'a mut Self {
        let shards = &mut trying[usize::from(batch.samples() > FEW)];
        if shards.batch != *batch {
            shards.batch.clone_from(batch);
            kernel.cut(batch, &mut shards.cut);
            shards.all.resize_with(shards.cut.shards(), BatchShard::default);
            shards.all.iter_mut().for_each(|shard| shard.made = false);
        }
        shards
    }
}

impl<F: Float> BatchShard<F> {
    fn evaluate(
        &mut self,
        kernel: &Kernel<F>,
        (batch, cut): (&Minibatch, &Cut),
        index: usize,
        ws: &mut Workspace<F>,
    ) -> Tally {
        let cut = (!replace(&mut self.made, true)).then_some(cut);
        kernel.evaluate(batch, cut, index, (&mut self.tree, ws))
    }
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
        Ok(Self {
            config: *config,
            kind,
            level,
            params: vec![F::zero(); Layout::of(config).len()],
            kernel: kind.method().map(|method| Kernel::new(config, method, level)),
            alone: None,
            noise: None,
            fresh: false,
            pool,
            workers: vec![Workspace::default(); threads],
            learning: BatchShards::default(),
            trying: [BatchShards::default(), BatchShards::default()],
            answering: Tree::default(),
        })
    }

    /// How the engine computes.
    pub fn kind(&self) -> EngineKind {
        self.kind
    }

    /// The instruction set in use.
    pub fn level(&self) -> SimdLevel {
        self.level
    }

    /// The net.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The net's parameters.
    pub fn params(&self) -> &[F] {
        &self.params
    }

    /// The trees of its evaluations, for another engine.
    pub(super) fn into_trees(self) -> Trees<F> {
        Trees { of: (self.config, self.kind, self.level), trying: self.trying }
    }

    /// Takes over the trees of an engine for nets of the same config.
    pub(super) fn take_trees(&mut self, Trees { of, trying }: Trees<F>) {
        if of == (self.config, self.kind, self.level) {
            self.trying = trying;
        }
    }

    /// Takes the parameters of an update.
    pub fn set_params(&mut self, params: &[F]) {
        self.params.copy_from_slice(params);
        self.fresh = false;
    }

    /// Sets the noise of the gradients from here on. The reference engine ignores it.
    pub fn set_noise(&mut self, noise: Option<Noise>) {
        self.noise = noise;
        if let Some(kernel) = &mut self.kernel {
            kernel.set_noise(noise);
        }
    }

    /// Packs the parameters for the kernel, if that is not done.
    fn prepare(&mut self) {
        if let Some(kernel) = self.kernel.as_mut().filter(|_| !self.fresh) {
            kernel.pack(&self.params);
            self.fresh = true;
        }
    }

    /// Writes the gradient of the samples' summed loss to `grad`, and returns what was counted.
    ///
    /// # Shapes
    /// `grad`: a flat buffer of [`Layout::of`] the config.
    pub fn gradient(&mut self, batch: &Minibatch, grad: &mut [F]) -> Tally {
        if self.kind == EngineKind::Population {
            return self.gradient_alone(batch, grad);
        }
        self.prepare();
        grad.fill(F::zero());
        let Some(kernel) = &self.kernel else {
            return reference::gradient(&self.config, &self.params, batch, 0..batch.samples(), grad);
        };
        let BatchShards { cut, all, .. } = &mut self.learning;
        kernel.cut(batch, cut);
        all.resize_with(cut.shards(), BatchShard::default);
        if let [BatchShard { tree, .. }] = &mut all[..] {
            return kernel.gradient(batch, cut, 0, (tree, &mut self.workers[0]), grad);
        }
        let work = batch.samples() as f64 * self.config.work(batch.bits());
        each(self.pool.as_ref().filter(|_| work > SERIAL), all, &mut self.workers, |index, shard, ws| {
            shard.grad.clear();
            shard.grad.resize(grad.len(), F::zero());
            shard.tally = kernel.gradient(batch, cut, index, (&mut shard.tree, ws), &mut shard.grad);
        });
        let mut tally = Tally::default();
        for shard in all {
            tally += shard.tally;
            grad.iter_mut().zip(&shard.grad).for_each(|(sum, &part)| *sum += part);
        }
        tally
    }

    /// The gradient in the first lane of a population.
    fn gradient_alone(&mut self, batch: &Minibatch, grad: &mut [F]) -> Tally {
        let (samples, bits) = (batch.samples(), batch.bits());
        if self.alone.as_ref().is_none_or(|alone| alone.additions.bits() != bits) {
            let nets = Population::new(&self.config, bits, self.level);
            self.alone = Some(PopulationOfOne { nets, additions: LaneBits::new(samples, bits) });
        }
        let PopulationOfOne { nets, additions } = self.alone.as_mut().expect("just made");
        if additions.samples() != samples {
            *additions = LaneBits::new(samples, bits);
        }
        additions.set(0, batch);
        nets.set_params(0, &self.params);
        nets.set_noise(0, self.noise);
        nets.gradient(additions, None);
        nets.grad(0, grad);
        nets.tallies().of(0)
    }

    /// Nodes for which the last gradient made recurrent products, 6 G H² flop each; a dense pass
    /// makes them for every sample and every step but the last. None for the reference and
    /// populations, which are dense.
    pub fn parents(&self) -> Option<usize> {
        let all = self.kernel.as_ref().filter(|_| self.alone.is_none()).map(|_| self.learning.all.iter());
        all.map(|shards| shards.map(|shard| shard.tree.parents()).sum())
    }

    /// Whether all answers are right, by the forward pass alone: on one thread, shards are tried up
    /// to a wrong one.
    pub fn all_right(&mut self, batch: &Minibatch) -> bool {
        self.prepare();
        let (Some(kernel), None) = (&self.kernel, &self.pool) else {
            return self.evaluate(batch, None).wrong_samples == 0;
        };
        let BatchShards { cut, all, .. } = BatchShards::trying(&mut self.trying, kernel, batch);
        // The last shards begin with carries.
        let mut shards = all.iter_mut().enumerate().rev();
        shards.all(|(i, shard)| shard.evaluate(kernel, (batch, cut), i, &mut self.workers[0]).wrong_samples == 0)
    }

    /// Counts wrong bits and samples, by the forward pass alone; `predicted`, of the minibatch's
    /// shape, takes the answers.
    pub fn evaluate(&mut self, batch: &Minibatch, predicted: Option<&mut BitTensor>) -> Tally {
        self.prepare();
        let Some(kernel) = &self.kernel else {
            return reference::evaluate(&self.config, &self.params, batch, 0..batch.samples(), predicted);
        };
        if let Some(predicted) = predicted {
            return kernel.answer(batch, (&mut self.answering, &mut self.workers[0]), predicted);
        }
        let BatchShards { cut, all, .. } = BatchShards::trying(&mut self.trying, kernel, batch);
        let work = batch.samples() as f64 * self.config.work(batch.bits()) / 3.0;
        each(self.pool.as_ref().filter(|_| work > SERIAL), all, &mut self.workers, |index, shard, ws| {
            shard.tally = shard.evaluate(kernel, (batch, cut), index, ws);
        });
        let mut total = Tally::default();
        all.iter().for_each(|shard| total += shard.tally);
        total
    }

    /// The net's answer to `a + b`, right or wrong, in so many bits.
    ///
    /// # Panics
    /// If the sum needs more.
    pub fn add(&mut self, a: &BigUint, b: &BigUint, bits: usize) -> BigUint {
        let batch = Minibatch::from_pairs(&[(a.clone(), b.clone())], bits).expect("wide enough");
        let mut predicted = BitTensor::new(1, bits);
        self.evaluate(&batch, Some(&mut predicted));
        to_uint(&predicted, 0)
    }
}

/// Does a job for each shard, on a pool's threads or on this one, with a workspace for each.
fn each<F: Float>(
    pool: Option<&rayon::ThreadPool>,
    shards: &mut [BatchShard<F>],
    workers: &mut [Workspace<F>],
    job: impl Fn(usize, &mut BatchShard<F>, &mut Workspace<F>) + Sync,
) {
    let run = if pool.is_some() { shards.len().div_ceil(workers.len()) } else { shards.len() };
    let some = |(first, (shards, ws)): (usize, (&mut [BatchShard<F>], &mut Workspace<F>))| {
        shards.iter_mut().enumerate().for_each(|(i, shard)| job(first * run + i, shard, ws));
    };
    match pool {
        Some(pool) => pool.install(|| shards.par_chunks_mut(run).zip(workers).enumerate().for_each(some)),
        None => shards.chunks_mut(run.max(1)).zip(workers).enumerate().for_each(some),
    }
}
