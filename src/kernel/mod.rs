//! The fast path: one source for every instruction set, every precision and three engines.
//!
//! **Samples are lanes.** A *row* holds one unit's value for 64 samples, contiguous (*batch-contiguous*), so gates, loss and errors need
//! neither shuffles nor tails. The rows that one step reads stand together as a block, and so do those that flow back into it; then
//! a step forward is one product, a step backward is one product with the transpose, and all weight gradients are one sum over
//! steps of outer products (`layout` has the blocks).
//!
//! **A tile stays in cache.** 64 samples go forward over all steps, backward over all steps, and into the weight gradients before the next
//! 64 begin. Weights are packed once an update, in the order the inner loop reads them.
//!
//! **The layout.** At step t the forward product reads one block of rows, and what flows back into them is another:
//!
//! ```text
//! state, block t     h_{t−1}  H rows │ a_t │ b_t │ 1           z_t = state_t · [W_hh; W_ih; b_h]
//! delta, block t     dz_t   G·H rows │ dz_o of step t−1        dh_t = delta_{t+1} · [W_hhᵀ; W_hoᵀ]
//!                    a row: 64 samples, contiguous             all weight gradients: Σ_t state_tᵀ · delta_t
//! ```
//!
//! **The same bits.** Every sum has one order that no level changes: a product adds its terms in the order of the inputs, one multiply-add
//! each, whatever its register tile; a weight gradient keeps 16 logical lanes, which a narrower level walks in parts; lanes are added
//! up in one fixed tree; e^x, σ and tanh are this crate's own. Levels that round a multiply-add once agree with each other, and so do
//! levels that round it twice.
//!
//! | file | does | share of the time at H = 16 | at best (AVX2) |
//! |---|---|---|---|
//! | `gemm` | z and dh: weights times rows, 6 × 2 vectors of sums at a time; φ′ | 49 % | 31 % |
//! | `outer` | weight gradients, 4 × 3 vectors at a time | 28 % | 16 % |
//! | `finish`, `math` | σ | 17 % | – |
//! | `rows` | output and errors, bits to numbers | 7 % | – |
//!
//! "At best" is the time the products' flop (6 H² (T−1) a sample) would take at the FMA peak; their sum, 47 %, is the share of the peak. The
//! rest of the first two rows goes to the inputs and biases, which count as rows of the products (19 rows for 16 units), to loading and
//! storing sums, and to waiting for the second cache: a weight gradient's register tile takes 1.2 times what it would from the first. A
//! σ takes 7 cycles a vector, of which its division alone would take 3. Large nets come closer: 64 % of the peak at 32
//! units, 74 % at 64, 87 % at 256, where the products are all there is, and 78 % at 1,024, where each step reads and writes matrices of 4 MB.
//!
//! **One sample alone**, 16 units, takes 3,700 cycles and 10,000 instructions with packing (`online`, `recurrence`, `units::one`). Its eight
//! steps are one chain of multiply-adds that wait for each other: 18 of them and a σ make 124 cycles a step forward, 17 and φ′ make 80 back, and the
//! two recurrences take no more than that, 900 and 640. What no step hands to the next is not in the chain: the inputs of all steps are
//! written before it, their outputs summed after it, their errors with steps as lanes. Packing takes 660 cycles, weight gradients 480, outputs 260,
//! adding sums to the gradient 240.
//!
//! All of these are least times of thousands of tiles on an AMD EPYC (Zen 3), in cycles, timers included.
//!
//! **Beside a neighbour.** On a shared machine the other thread of the core takes its half of what goes in order. A loop of 12 multiply-adds
//! takes 5.9 cycles with it and without, so the peak does not show it; with 24 no-ops more it takes 6.2 cycles alone and 9.7 to 11.6 beside a
//! neighbour, some 3.3 instructions a cycle instead of nearly six, and with 12 loads more 5.9 and 8.8 to 10.2. There everything that is not a
//! multiply-add costs time: inner loops look four inputs ahead without a check, operands are cut to one length so that one bound is that of all,
//! and a tile of 64 samples at 16 units takes 153,000 instructions, of which 57,000 are multiply-adds (170,000 before
//! that was known).
//!
//! AVX-512 could not be timed where this was written. For its inner loops, read from the compiled program with all operands in the first cache,
//! llvm-mca's model of Ice Lake gives 99 % of the peak to products of 4 to 6 outputs, 91 % to weight gradients 4 × 3, and 89 % to `units` with 12
//! samples.

mod blas;
mod bptt;
mod dynamic;
mod elman;
mod finish;
mod fused;
mod gemm;
mod layout;
mod level;
mod linear;
mod lstm;
mod math;
mod noise;
mod online;
mod outer;
mod peak;
mod products;
mod recurrence;
mod rows;
mod units;
mod workspace;

pub use level::SimdLevel;
pub(crate) use level::dispatch;
pub use noise::Noise;
pub use peak::fma_peak;
pub use workspace::Workspace;

use crate::model::{Config, Layout, Tally};
use crate::task::{BitTensor, Minibatch};
use blas::Blas;
use bptt::{Net, Packed, Pass};
use fused::Fused;
use math::Lane;
use products::Products;
use std::ops::Range;
use std::time::Duration;
use units::Units;

/// A precision the kernel computes in: `f32` or `f64`.
///
/// Its methods are the doors to the code of all levels: they are no generics, so that this code is compiled once, here, and not in
/// every crate that trains.
#[expect(private_bounds, reason = "sealed: the kernel's own trait stays inside")]
pub trait Float: Lane {
    /// [`Kernel::pack`].
    #[doc(hidden)]
    fn pack(kernel: &mut Kernel<Self>, params: &[Self]);
    /// [`Kernel::gradient`].
    #[doc(hidden)]
    fn gradient(kernel: &Kernel<Self>, samples: Samples<'_>, ws: &mut Workspace<Self>, grad: &mut [Self]) -> Tally;
    /// [`Kernel::evaluate`].
    #[doc(hidden)]
    fn evaluate(
        kernel: &Kernel<Self>,
        samples: Samples<'_>,
        ws: &mut Workspace<Self>,
        predicted: Option<&mut BitTensor>,
    ) -> Tally;
    /// [`fma_peak`].
    #[doc(hidden)]
    fn peak(level: SimdLevel, time: Duration) -> f64;
}

macro_rules! precision {
    ($float:ty) => {
        impl Float for $float {
            fn pack(kernel: &mut Kernel<Self>, params: &[Self]) {
                kernel.run_pack(params);
            }

            fn gradient(
                kernel: &Kernel<Self>,
                samples: Samples<'_>,
                ws: &mut Workspace<Self>,
                grad: &mut [Self],
            ) -> Tally {
                kernel.run_gradient(samples, ws, grad)
            }

            fn evaluate(
                kernel: &Kernel<Self>,
                samples: Samples<'_>,
                ws: &mut Workspace<Self>,
                predicted: Option<&mut BitTensor>,
            ) -> Tally {
                kernel.run_evaluate(samples, ws, predicted)
            }

            fn peak(level: SimdLevel, time: Duration) -> f64 {
                peak::measure::<Self>(level, time)
            }
        }
    };
}

precision!(f32);
precision!(f64);

/// Some words of a minibatch, 64 samples each.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct Samples<'a> {
    batch: &'a Minibatch,
    words: Range<usize>,
}

/// How the kernel multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Register tiles of this crate, samples as lanes, everything of 64 samples in cache.
    Fused,
    /// Register tiles of this crate, hidden units as lanes.
    Units,
    /// Through matrixmultiply, a shard at a time.
    Blas,
}

/// A kernel for one net: packed weights of the current parameters, and the way to multiply with them.
#[derive(Debug, Clone)]
pub struct Kernel<F: Float> {
    level: SimdLevel,
    layout: Layout,
    net: Net,
    packed: Weights<F>,
}

/// The packed weights of an engine.
#[derive(Debug, Clone)]
enum Weights<F: Float> {
    Fused(Packed<<Fused as Products<F>>::Weights>),
    Units(Packed<<Units as Products<F>>::Weights>),
    Blas(Packed<<Blas as Products<F>>::Weights>),
}

/// Calls a method of the [`Pass`] that a kernel's weights are packed for, on its level: a copy of the code for each of both.
macro_rules! pass {
    ($kernel:ident, $samples:ident, $method:ident($($argument:expr),*)) => {{
        let Samples { batch, words } = $samples;
        let (net, level) = ($kernel.net, $kernel.level.token().expect("checked when made"));
        match &$kernel.packed {
            Weights::Fused(packed) => {
                let pass = Pass { net, products: Fused, packed, batch, words };
                dispatch!(level, simd => pass.$method(simd, $($argument),*))
            }
            Weights::Units(packed) => {
                let pass = Pass { net, products: Units, packed, batch, words };
                dispatch!(level, simd => pass.$method(simd, $($argument),*))
            }
            Weights::Blas(packed) => {
                let pass = Pass { net, products: Blas, packed, batch, words };
                dispatch!(level, simd => pass.$method(simd, $($argument),*))
            }
        }
    }};
}

impl<F: Float> Kernel<F> {
    /// A kernel for a net, its weights all zero until [`Kernel::pack`].
    ///
    /// # Panics
    /// If this machine lacks the level; [`SimdLevel::checked`] asks first.
    pub fn new(config: &Config, method: Method, level: SimdLevel) -> Self {
        assert!(level.token().is_some(), "this machine has no {level}");
        let net = Net {
            cell: config.cell,
            lstm_form: config.lstm_form,
            hidden: config.hidden,
            activation: config.activation,
            output: config.output,
            loss: config.loss,
            noise: None,
        };
        let packed = match method {
            Method::Fused => Weights::Fused(Packed::zeros::<F>(Fused, &net)),
            Method::Units => Weights::Units(Packed::zeros::<F>(Units, &net)),
            Method::Blas => Weights::Blas(Packed::zeros::<F>(Blas, &net)),
        };
        Self { level, layout: Layout::of(config), net, packed }
    }

    /// Takes the parameters of an update, a flat buffer of [`Layout::of`] the config.
    ///
    /// # Cost
    /// Each weight is read and written twice.
    pub fn pack(&mut self, params: &[F]) {
        F::pack(self, params);
    }

    fn run_pack(&mut self, params: &[F]) {
        let (net, weights) = (&self.net, self.layout.weights(params));
        let level = self.level.token().expect("checked when made");
        match &mut self.packed {
            Weights::Fused(packed) => dispatch!(level, simd => packed.pack(simd, Fused, net, &weights)),
            Weights::Units(packed) => dispatch!(level, simd => packed.pack(simd, Units, net, &weights)),
            Weights::Blas(packed) => dispatch!(level, simd => packed.pack(simd, Blas, net, &weights)),
        }
    }

    /// Sets the noise of the gradients from here on; evaluations have none.
    pub fn set_noise(&mut self, noise: Option<Noise>) {
        self.net.noise = noise;
    }

    /// Adds the gradient of the summed loss of some words of samples to `grad`, and returns what was counted.
    ///
    /// # Shapes
    /// `words` counts 64 samples each; `grad` is a flat buffer of [`Layout::of`] the config.
    ///
    /// # Cost
    /// See [`Cell::flops`](crate::model::Cell::flops); allocates only if `ws` never saw a pass as large.
    pub fn gradient(&self, batch: &Minibatch, words: Range<usize>, ws: &mut Workspace<F>, grad: &mut [F]) -> Tally {
        F::gradient(self, Samples { batch, words }, ws, grad)
    }

    fn run_gradient(&self, samples: Samples<'_>, ws: &mut Workspace<F>, grad: &mut [F]) -> Tally {
        pass!(self, samples, gradient(ws, &self.layout, grad))
    }

    /// Counts wrong bits and samples with the forward pass alone; the loss is left 0. `predicted`, of the minibatch's shape, takes
    /// the answers.
    pub fn evaluate(
        &self,
        batch: &Minibatch,
        words: Range<usize>,
        ws: &mut Workspace<F>,
        predicted: Option<&mut BitTensor>,
    ) -> Tally {
        F::evaluate(self, Samples { batch, words }, ws, predicted)
    }

    fn run_evaluate(&self, samples: Samples<'_>, ws: &mut Workspace<F>, predicted: Option<&mut BitTensor>) -> Tally {
        pass!(self, samples, evaluate(ws, predicted))
    }
}
