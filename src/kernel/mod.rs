//! The fast path: what samples share is computed once, in one source for every instruction set and
//! precision.
//!
//! # The method
//!
//! A minibatch is a weighted prefix tree ([`crate::task::tree`]). The unit of work is a node: a
//! state that one or more samples have at a step.
//!
//! ```text
//! forward, level by level:      z      = P[parent] + x W_ih + b_h         P[node] = h W_hh, once for each node with children
//!                               h      = φ(z)
//! output, all nodes at once:    y      = ψ(h · w_ho + b_o)
//!                               dz_o   = weight · ∂loss/∂y · ψ′           wrong bits and samples by weight
//! back, level by level:         dh     = S W_hhᵀ + dz_o w_ho              S[parent] = Σ_children dz: backward is linear, so children
//!                               dz     = dh ⊙ φ′                          are added up before the product, not after
//! weight gradients:             dW_hh += Σ_nodes h ⊗ S                    dW_ih, db_h, dw_ho, db_o from dz and dz_o
//! ```
//!
//! It is the exact gradient of the minibatch. A chain, where samples branch no more, goes through
//! the same code with one child each; so does noise, which is a function of the node, and so do
//! evaluations, forward alone. The dynamic cell scales `P[parent]` and dz by the child's s; the
//! LSTM's child reads its parent's c, and `dc ⊙ f` is added up beside dz.
//!
//! # Six tricks
//!
//! 1. **Nodes are rows, units are lanes.** A child's pre-activation is its parent's row and the
//!    rows of its inputs. Nothing is moved between lanes, one sample is a tree like any other, and
//!    levels of four nodes waste nothing.
//! 2. **Small nets put four nodes into a row** (`small`). A line has four blocks of 128 bits, a
//!    node each, with four units; a product spreads one unit over its block. Nodes are numbered so
//!    that the parents of a row's four nodes are a row, too. All else is done as for other rows.
//! 3. **The trunk, then the chains.** The first levels hold all possible nodes, so they need
//!    neither sorting nor searching; the next two hold those that exist, found through a bit for
//!    each possible one; below, each sample goes its own way in the order it came. Where numbers
//!    are so narrow that samples repeat, distinct samples are counted, and shards are ranges of
//!    them.
//! 4. **Children of a parent follow each other.** Their sum is
//!    `run = run · keep + dz; S[parent] = run`, with keep = 1 while the parent stays: no branch
//!    depends on data.
//! 5. **Register tiles that fill the register file** (`wide`): rows × two lines of sums, weights
//!    packed in the order the inner loop reads them, a panel of 128 inputs at a time. Weight
//!    gradients keep units × lines in registers over 128 rows. Chains keep S of so many rows only,
//!    of two levels at least, so that what flows back stays in the caches.
//! 6. **What flows through φ is scaled before.** The factor that makes e^x a power of two is packed
//!    into weights and inputs.
//!
//! # The same bits
//!
//! Every sum has one order that no level changes: products add their terms in the order of the
//! inputs, one multiply-add each; weight gradients add levels of chains from the last on, the nodes
//! of each in their order, in runs that sizes alone decide; lanes are added up in one fixed tree; a
//! line is 64 bytes on every level, and a narrower machine has it in several registers. e^x, σ and
//! tanh are this crate's own. Levels that round a multiply-add once agree with each other, and so
//! do levels that round it twice. Shards depend on the minibatch's size, never on threads.
//!
//! # The files
//!
//! | file | does | share of a gradient, 16 units, 8 bits, batch 1,024 |
//! |---|---|---|
//! | `wide`, `small`, `blas` | products: `h W_hh`, `S W_hhᵀ`, h ⊗ S; how rows lie | 42 % |
//! | `levels` | a stage: its levels in their order | 1 % |
//! | `step`, `elman`, `lstm`, `math` | a level line by line, forward and back | 29 % |
//! | [`crate::task::tree`] | the tree | 9 % |
//! | `output`, dots of `wide` | outputs, losses, wrong bits | 9 % |
//! | `pass`, `stage` | trunk and tiles in their order, rows gathered and scattered, buffers | 10 % |
//!
//! At minibatches of a few samples nothing is shared and one small net fills no line; there
//! [`Population`] trains nets side by side, a net to a lane (`population`, `population_pass`,
//! `population_gradients`), with the element-wise functions and σ of the others.
//!
//! Shares are of samples of a profiler on an AMD EPYC (Zen 4, AVX-512). The products alone would
//! take 42 % of the time at the peak of its multiply-adds. Figures of whole steps are in
//! `benches/record`.

mod blas;
mod cell;
mod elman;
mod level;
mod levels;
mod lstm;
mod math;
mod noise;
mod output;
mod pass;
mod peak;
mod population;
mod population_gradients;
mod population_pass;
mod rows;
mod small;
mod stage;
mod step;
mod wide;

pub use level::SimdLevel;
pub(crate) use level::dispatch;
pub use noise::Noise;
pub use pass::Workspace;
pub(crate) use pass::tile_of;
pub use peak::fma_peak;
pub use population::Population;
pub use population_pass::{Sgd, Tallies};

use crate::model::{Config, Layout, Tally};
use crate::task::tree::{Cut, Number, Order, Tree};
use crate::task::{BitTensor, LaneBits, Minibatch};
use cell::Net;
use math::Lane;
use pass::{Packed, Pass};
use rows::Shape;
use small::Small;
use std::time::Duration;
use wide::Wide;

/// A precision the kernel computes in: `f32` or `f64`.
///
/// Its methods are the doors to the code of all levels: they are no generics, so that this code is
/// compiled once, here, and not in every crate that trains.
#[expect(private_bounds, reason = "sealed: the kernel's own trait stays inside")]
pub trait Float: Lane {
    /// Does a job.
    #[doc(hidden)]
    fn run(kernel: &Kernel<Self>, job: Job<'_, Self>) -> Tally;
    /// [`Kernel::pack`].
    #[doc(hidden)]
    fn pack(kernel: &mut Kernel<Self>, params: &[Self]);
    /// [`Population::gradient`].
    #[doc(hidden)]
    fn population(population: &mut Population<Self>, additions: &LaneBits, sgd: Option<&Sgd<Self>>);
    /// [`fma_peak`].
    #[doc(hidden)]
    fn peak(level: SimdLevel, time: Duration) -> f64;
}

/// A shard of a minibatch: its tree, and the cut that it is made by, if it is not there.
#[doc(hidden)]
#[derive(Debug)]
pub struct Job<'a, F: Number> {
    batch: &'a Minibatch,
    cut: Option<&'a Cut>,
    shard: usize,
    tree: &'a mut Tree<F>,
    ws: &'a mut Workspace<F>,
    what: What<'a, F>,
}

/// What is to be done with it.
#[derive(Debug)]
pub(crate) enum What<'a, F> {
    Gradient(&'a mut [F]),
    Evaluate(Option<&'a mut BitTensor>),
}

/// How the kernel multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Products {
    /// Register tiles of this crate.
    Fused,
    /// Through matrixmultiply.
    Blas,
}

/// A kernel for one net: packed weights of the current parameters, and the way to multiply with
/// them.
#[derive(Debug, Clone)]
pub struct Kernel<F: Number> {
    level: SimdLevel,
    layout: Layout,
    shape: Shape,
    net: Net,
    packed: Weights<F>,
}

/// The packed weights of a layout of rows.
#[derive(Debug, Clone)]
enum Weights<F: Number> {
    Small(Packed<f32, Small>),
    Wide(Packed<F, Wide<F>>),
}

macro_rules! precision {
    ($float:ty; $populations:expr $(, $baseline:ident)?; $($rows:ident $($fused:ident)?),+) => {
        impl Float for $float {
            fn run(kernel: &Kernel<Self>, job: Job<'_, Self>) -> Tally {
                let Job { batch, cut, shard, tree, ws, what } = job;
                let level = kernel.level.token().expect("checked when made");
                if let Some(cut) = cut {
                    dispatch!(level, _ => tree.make(batch, cut, shard, kernel.order()));
                }
                if tree.chains() == 0 {
                    return Tally::default();
                }
                let (net, shape) = (kernel.net, kernel.shape);
                match &kernel.packed {
                    $(Weights::$rows(packed) => dispatch!($($fused)? level, simd => {
                        Pass { net, shape, packed, batch, tree, shard }.run(simd, ws, &kernel.layout, what)
                    }),)+
                    #[allow(unreachable_patterns, reason = "f64 has no small rows")]
                    _ => unreachable!("rows of another precision"),
                }
            }

            fn pack(kernel: &mut Kernel<Self>, params: &[Self]) {
                let (weights, shape, net) = (kernel.layout.weights(params), kernel.shape, kernel.net);
                let level = kernel.level.token().expect("checked when made");
                match &mut kernel.packed {
                    $(Weights::$rows(packed) => {
                        dispatch!($($fused)? level, simd => packed.pack(simd, shape, &weights, &net));
                    })+
                    #[allow(unreachable_patterns, reason = "f64 has no small rows")]
                    _ => unreachable!("rows of another precision"),
                }
            }

            fn population(population: &mut Population<Self>, additions: &LaneBits, sgd: Option<&Sgd<Self>>) {
                let level = $populations(population.level).token().expect("checked when made");
                dispatch!($($baseline)? level, simd => population.run(simd, additions, sgd));
            }

            fn peak(level: SimdLevel, time: Duration) -> f64 {
                peak::measure::<Self>(level, time)
            }
        }
    };
}

precision!(f32; |level: SimdLevel| level; Small fused, Wide);
// Populations in f64 are there to be checked alone: one level is enough to compile.
precision!(f64; |_| SimdLevel::Baseline, baseline; Wide);

impl<F: Float> Kernel<F> {
    /// A kernel for a net, its weights all zero until [`Kernel::pack`].
    ///
    /// # Panics
    /// If this machine lacks the level; [`SimdLevel::checked`] asks first.
    pub fn new(config: &Config, method: Products, level: SimdLevel) -> Self {
        assert!(level.token().is_some(), "this machine has no {level}");
        let small = config.hidden <= small::MOST && method == Products::Fused;
        let f32_fused = size_of::<F>() == size_of::<f32>() && level.fused_multiply_add();
        let (packed, shape) = if small && f32_fused {
            of(Packed::new(config.hidden, config.cell, method), Weights::Small)
        } else {
            of(Packed::new(config.hidden, config.cell, method), Weights::Wide)
        };
        Self { level, layout: Layout::of(config), shape, net: Net::of(config), packed }
    }

    /// Takes the parameters of an update, a flat buffer of [`Layout::of`] the config.
    ///
    /// # Cost
    /// Each weight is read and written twice.
    pub fn pack(&mut self, params: &[F]) {
        F::pack(self, params);
    }

    /// Sets the noise of the gradients from here on; evaluations have none.
    pub fn set_noise(&mut self, noise: Option<Noise>) {
        self.net.noise = noise;
    }

    /// Cuts a minibatch into shards.
    pub fn cut(&self, batch: &Minibatch, cut: &mut Cut) {
        let (order, level) = (self.order(), self.level.token().expect("checked when made"));
        dispatch!(level, _ => cut.of(batch, order));
    }

    /// Adds the gradient of the summed loss of a shard to `grad`, and returns what was counted. The
    /// shard's tree is made in `tree`.
    ///
    /// # Shapes
    /// `grad` is a flat buffer of [`Layout::of`] the config.
    ///
    /// # Cost
    /// See [`Cell::flops`](crate::model::Cell::flops) for what a dense pass would take; allocates
    /// only if `ws` and `tree` never saw a pass as large.
    pub fn gradient(
        &self,
        batch: &Minibatch,
        cut: &Cut,
        shard: usize,
        (tree, ws): (&mut Tree<F>, &mut Workspace<F>),
        grad: &mut [F],
    ) -> Tally {
        F::run(self, Job { batch, cut: Some(cut), shard, tree, ws, what: What::Gradient(grad) })
    }

    /// Counts wrong bits and samples of a shard with the forward pass alone; the loss is left 0.
    /// Without a cut, `tree` is that of the shard already.
    pub fn evaluate(
        &self,
        batch: &Minibatch,
        cut: Option<&Cut>,
        shard: usize,
        (tree, ws): (&mut Tree<F>, &mut Workspace<F>),
    ) -> Tally {
        F::run(self, Job { batch, cut, shard, tree, ws, what: What::Evaluate(None) })
    }

    /// Writes the answers of a whole minibatch to `predicted`, of its shape, and counts wrong bits
    /// and samples.
    pub fn answer(
        &self,
        batch: &Minibatch,
        (tree, ws): (&mut Tree<F>, &mut Workspace<F>),
        predicted: &mut BitTensor,
    ) -> Tally {
        tree.plain(0..batch.samples(), batch.bits());
        F::run(self, Job { batch, cut: None, shard: 0, tree, ws, what: What::Evaluate(Some(predicted)) })
    }

    /// How the trees of minibatches number their nodes.
    fn order(&self) -> Order {
        if matches!(self.packed, Weights::Small(_)) { Order::FirstLast } else { Order::Natural }
    }
}

/// Packed weights as those of their layout.
fn of<F: Number, P>((packed, shape): (P, Shape), weights: fn(P) -> Weights<F>) -> (Weights<F>, Shape) {
    (weights(packed), shape)
}
