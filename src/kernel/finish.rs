//! What becomes of a product's sums.

use super::layout::LANES;
use super::math::{self, Lane, Vector};
use super::rows::{derivative, known};
use crate::model::Activation;
use fearless_simd::prelude::*;
use std::ops::Range;

/// What becomes of a product's sums before the next product reads them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Finish<'a, F> {
    /// They stay as they are.
    Plain,
    /// They are pre-activations times [`math::scale`]: φ of them, one for each group of outputs.
    Activate(&'a [Activation]),
    /// They flow back, dh: times φ′, from the outputs of φ, which lie as the product's do.
    Derive(Activation, &'a [F]),
}

/// Some equal stretches of a product's outputs: a run of outputs, or a whole group of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spans {
    /// Where the first begins.
    pub(crate) start: usize,
    /// How many there are.
    pub(crate) count: usize,
    /// From one to the next.
    pub(crate) stride: usize,
    /// Values in each, whole lines of 16.
    pub(crate) len: usize,
}

impl<F: Lane> Finish<'_, F> {
    /// The same, reading only a part.
    pub(crate) fn of(self, part: Range<usize>) -> Self {
        match self {
            Self::Derive(activation, y) => Self::Derive(activation, &y[part]),
            other => other,
        }
    }

    /// Finishes some stored sums, all of one group.
    ///
    /// # Cost
    /// A call, so that not every register tile has a copy of each φ: once for all samples of a few outputs, whose sums come back from the
    /// first cache.
    #[inline(never)]
    pub(crate) fn spans<S: Simd>(self, simd: S, group: usize, out: &mut [F], spans: Spans) {
        simd.vectorize(
            #[inline(always)]
            || match self {
                Self::Plain => {}
                Self::Activate(gates) => match gates[group] {
                    Activation::Sigmoid => spans.map::<S, F>(simd, out, math::sigmoid::<S, F>),
                    Activation::Tanh => spans.map::<S, F>(simd, out, math::tanh::<S, F>),
                    Activation::Relu => spans.map::<S, F>(simd, out, math::relu::<S, F>),
                },
                Self::Derive(activation, y) => known(
                    activation,
                    #[inline(always)]
                    |activation| spans.derive(simd, activation, y, out),
                ),
            },
        );
    }

    /// Finishes one vector of sums of a group; what is read for it lies at `at`.
    #[inline(always)]
    pub(crate) fn vector<S: Simd>(self, simd: S, group: usize, at: usize, sums: Vector<S, F>) -> Vector<S, F> {
        match self {
            Self::Plain => sums,
            Self::Activate(gates) => match gates[group] {
                Activation::Sigmoid => math::sigmoid::<S, F>(simd, sums),
                Activation::Tanh => math::tanh::<S, F>(simd, sums),
                Activation::Relu => math::relu::<S, F>(simd, sums),
            },
            Self::Derive(activation, y) => {
                let y = Vector::<S, F>::from_slice(simd, &y[at..][..Vector::<S, F>::LEN]);
                sums * derivative::<S, F>(simd, activation, y)
            }
        }
    }

    /// Finishes the stored sums of a whole product, or of the first `live` of it.
    pub(crate) fn all<S: Simd>(self, simd: S, out: &mut [F], live: usize) {
        let groups = if let Self::Activate(gates) = self { gates.len() } else { 1 };
        let stride = out.len() / groups;
        for group in 0..groups {
            let len = live.min(stride);
            self.spans(simd, group, out, Spans { start: group * stride, count: 1, stride, len });
        }
    }
}

impl Spans {
    #[inline(always)]
    fn map<S: Simd, F: Lane>(self, simd: S, out: &mut [F], f: impl Fn(S, Vector<S, F>) -> Vector<S, F>) {
        for i in 0..self.count {
            for line in out[self.start + i * self.stride..][..self.len].as_chunks_mut::<LANES>().0 {
                for chunk in line.chunks_exact_mut(Vector::<S, F>::LEN) {
                    f(simd, Vector::<S, F>::from_slice(simd, chunk)).store_slice(chunk);
                }
            }
        }
    }

    /// `out *= φ′`, from the outputs `y` of φ.
    #[inline(always)]
    fn derive<S: Simd, F: Lane>(self, simd: S, activation: Activation, y: &[F], out: &mut [F]) {
        let len = Vector::<S, F>::LEN;
        for start in (0..self.count).map(|i| self.start + i * self.stride) {
            let (y, out) = (&y[start..][..self.len], &mut out[start..][..self.len]);
            for (y, out) in y.as_chunks::<LANES>().0.iter().zip(out.as_chunks_mut::<LANES>().0) {
                for (y, out) in y.chunks_exact(len).zip(out.chunks_exact_mut(len)) {
                    let (y, dh) = (Vector::<S, F>::from_slice(simd, y), Vector::<S, F>::from_slice(simd, out));
                    (dh * derivative::<S, F>(simd, activation, y)).store_slice(out);
                }
            }
        }
    }
}
