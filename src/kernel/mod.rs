//! The fast path: one source for every instruction set, every precision and both engines.

mod bptt;
mod dynamic;
mod elman;
mod gemm;
mod layout;
mod level;
mod lstm;
mod math;
mod outer;
mod peak;
mod products;
mod rows;
mod workspace;

pub use level::SimdLevel;
pub use peak::fma_peak;
pub use workspace::Workspace;

use crate::model::{Config, Layout, Tally};
use crate::task::{BitTensor, Minibatch};
use bptt::{Net, Packed, Pass};
use fearless_simd::dispatch;
use math::Lane;
use products::{Blas, Fused, Products};
use std::ops::Range;

/// A precision the kernel computes in: `f32` or `f64`.
#[expect(private_bounds, reason = "sealed: the kernel's own trait stays inside")]
pub trait Float: Lane {}
impl Float for f32 {}
impl Float for f64 {}

/// How the kernel multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Register tiles of this crate, everything of 64 samples in cache.
    Fused,
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

/// The packed weights of either engine.
#[derive(Debug, Clone)]
enum Weights<F: Float> {
    Fused(Packed<<Fused as Products<F>>::Weights>),
    Blas(Packed<<Blas as Products<F>>::Weights>),
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
        };
        let packed = match method {
            Method::Fused => Weights::Fused(Packed::zeros::<F>(Fused, &net)),
            Method::Blas => Weights::Blas(Packed::zeros::<F>(Blas, &net)),
        };
        Self { level, layout: Layout::of(config), net, packed }
    }

    /// Takes the parameters of an update, a flat buffer of [`Layout::of`] the config.
    ///
    /// # Cost
    /// Each weight is read and written twice.
    pub fn pack(&mut self, params: &[F]) {
        let weights = self.layout.weights(params);
        match &mut self.packed {
            Weights::Fused(packed) => packed.pack(Fused, &self.net, &weights),
            Weights::Blas(packed) => packed.pack(Blas, &self.net, &weights),
        }
    }

    /// Adds the gradient of the summed loss of some words of samples to `grad`, and returns what was counted.
    ///
    /// # Shapes
    /// `words` counts 64 samples each; `grad` is a flat buffer of [`Layout::of`] the config.
    ///
    /// # Cost
    /// See [`Cell::flops`](crate::model::Cell::flops); allocates only if `ws` never saw a pass as large.
    pub fn gradient(&self, batch: &Minibatch, words: Range<usize>, ws: &mut Workspace<F>, grad: &mut [F]) -> Tally {
        let level = self.level.token().expect("checked when made");
        let net = self.net;
        match &self.packed {
            Weights::Fused(packed) => {
                let pass = Pass { net, products: Fused, packed, batch, words };
                dispatch!(level, simd => pass.gradient(simd, ws, &self.layout, grad))
            }
            Weights::Blas(packed) => {
                let pass = Pass { net, products: Blas, packed, batch, words };
                dispatch!(level, simd => pass.gradient(simd, ws, &self.layout, grad))
            }
        }
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
        let level = self.level.token().expect("checked when made");
        let net = self.net;
        match &self.packed {
            Weights::Fused(packed) => {
                let pass = Pass { net, products: Fused, packed, batch, words };
                dispatch!(level, simd => pass.evaluate(simd, ws, predicted))
            }
            Weights::Blas(packed) => {
                let pass = Pass { net, products: Blas, packed, batch, words };
                dispatch!(level, simd => pass.evaluate(simd, ws, predicted))
            }
        }
    }
}
