//! Weight gradients of a population: added up over steps and samples, and taken to the weights
//! where they end.

use super::math::{Lane, Vector};
use super::population_pass::{INPUTS, ONE, Room, Sgd, Shape};
use super::rows::{lanes, load, load_each, store};
use fearless_simd::prelude::*;

impl<F: Lane> Room<F> {
    /// Gradients of all weights, in tiles of I × I. A function of its own, which all cells have in
    /// common.
    #[inline(never)]
    pub(super) fn gradients<S: Simd, const N: usize, const I: usize>(&self, simd: S, shape: Shape, mut to: To<'_, F>) {
        simd.vectorize(
            #[inline(always)]
            || self.tiles::<S, N, I>(simd, shape, &mut to),
        );
    }

    #[inline(always)]
    fn tiles<S: Simd, const N: usize, const I: usize>(&self, simd: S, shape: Shape, to: &mut To<'_, F>) {
        let Shape { units, column, wide, bits, .. } = shape;
        let line = N * lanes::<F>();
        // Before the first step there is no state.
        let recurrent = if bits > 1 { INPUTS..column } else { 0..0 };
        let (states, later) = (&self.x[column * line..], &self.dz[wide * line..]);
        for m in (0..wide).step_by(I) {
            to.tile::<S, N, INPUTS, I>(simd, (m, wide), bits, (&self.x, column), (&self.dz[m * line..], wide));
            for k in recurrent.clone().step_by(I) {
                let (x, dz) = ((&states[k * line..], column), (&later[m * line..], wide));
                to.tile::<S, N, I, I>(simd, (k * wide + m, wide), bits - 1, x, dz);
            }
        }
        // h without s, where there is an s.
        let (h, rows) = if self.h.is_empty() { (&states[INPUTS * line..], column) } else { (&self.h[..], units) };
        let (w_ho, dz_o) = (column * wide, (&self.dz_o[..], 1));
        for u in (0..units).step_by(I) {
            to.tile::<S, N, I, 1>(simd, (w_ho + u, 1), bits, (&h[u * line..], rows), dz_o);
        }
        to.tile::<S, N, 1, 1>(simd, (w_ho + units, 1), bits, (&self.x[ONE * line..], column), dz_o);
    }
}

/// Where gradients go.
pub(super) struct To<'a, F> {
    pub(super) weights: &'a mut [F],
    pub(super) grads: &'a mut [F],
    pub(super) first: bool,
    pub(super) sgd: Option<&'a Sgd<F>>,
}

impl<F: Lane> To<'_, F> {
    /// The sum of `x ⊗ dz` over samples and steps, of I and J lines. Its rows begin `apart` lines
    /// from each other, and the lines of a step as far from those of the next as is said beside
    /// them.
    #[inline(always)]
    fn tile<S: Simd, const N: usize, const I: usize, const J: usize>(
        &mut self,
        simd: S,
        (first, apart): (usize, usize),
        steps: usize,
        (x, x_apart): (&[F], usize),
        (dz, dz_apart): (&[F], usize),
    ) {
        let l = lanes::<F>();
        let line = N * l;
        let mut sums = [[Vector::<S, F>::splat(simd, F::zero()); J]; I];
        if !self.first {
            for i in 0..I {
                sums[i] = load_each(simd, &self.grads[(first + i * apart) * l..][..J * l], l);
            }
        }
        for n in 0..N {
            for t in 0..steps {
                let (x, dz) = (&x[t * x_apart * line..][..I * line], &dz[t * dz_apart * line..][..J * line]);
                for i in 0..I {
                    let x = load::<S, F>(simd, x, i * line + n * l);
                    for j in 0..J {
                        sums[i][j] = x.mul_add(load(simd, dz, j * line + n * l), sums[i][j]);
                    }
                }
            }
        }
        if let Some(Sgd { rate, scale }) = self.sgd {
            let (rate, scale) = (load::<S, F>(simd, rate, 0), Vector::<S, F>::splat(simd, *scale));
            for i in 0..I {
                let weights = &self.weights[(first + i * apart) * l..][..J * l];
                for j in 0..J {
                    sums[i][j] = load::<S, F>(simd, weights, j * l) - rate * (sums[i][j] * scale);
                }
            }
        }
        let to = if self.sgd.is_some() { &mut *self.weights } else { &mut *self.grads };
        for i in 0..I {
            let to = &mut to[(first + i * apart) * l..][..J * l];
            for j in 0..J {
                store::<S, F>(sums[i][j], to, j * l);
            }
        }
    }
}
