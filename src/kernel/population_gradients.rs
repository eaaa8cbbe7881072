//! Weight gradients of a population: added up over steps and samples, and taken to the weights
//! where they end.

use super::math::{Lane, Vector};
use super::population_pass::{INPUTS, Room, Sgd, Shape};
use super::rows::{lanes, load, load_each, store};
use fearless_simd::prelude::*;

impl<F: Lane> Room<F> {
    /// Gradients of all weights, in tiles of I × I.
    #[inline(always)]
    pub(super) fn gradients<S: Simd, const SCALED: bool, const N: usize, const I: usize>(
        &self,
        simd: S,
        shape: Shape,
        mut to: To<'_, F>,
    ) {
        let Shape { units, column, wide, bits, bias, .. } = shape;
        let l = lanes::<F>();
        let line = N * l;
        for k in (0..column).step_by(I) {
            // Before the first step there is no state.
            let first = usize::from(k >= INPUTS);
            for m in (0..wide).step_by(I) {
                let mut sums: [[_; I]; I] = to.begin(simd, k * wide + m, wide);
                for n in 0..N {
                    for t in first..bits {
                        let x = &self.x[(t * column + k) * line..][..I * line];
                        let dz = &self.dz[(t * wide + m) * line..][..I * line];
                        for i in 0..I {
                            let x = load::<S, F>(simd, x, i * line + n * l);
                            for j in 0..I {
                                sums[i][j] = x.mul_add(load(simd, dz, j * line + n * l), sums[i][j]);
                            }
                        }
                    }
                }
                to.end(simd, k * wide + m, wide, sums);
            }
        }
        let (h, rows) = if SCALED { (&self.h[..], units) } else { (&self.x[(column + INPUTS) * line..], column) };
        for u in (0..units).step_by(I) {
            let [mut sums]: [[_; I]; 1] = to.begin(simd, column * wide + u, 0);
            for n in 0..N {
                for t in 0..bits {
                    let h = &h[(t * rows + u) * line..][..I * line];
                    let dz_o = load::<S, F>(simd, &self.dz_o, t * line + n * l);
                    for i in 0..I {
                        sums[i] = dz_o.mul_add(load(simd, h, i * line + n * l), sums[i]);
                    }
                }
            }
            to.end(simd, column * wide + u, 0, [sums]);
        }
        if bias {
            let [[mut sum]]: [[_; 1]; 1] = to.begin(simd, column * wide + units, 0);
            for n in 0..N {
                for dz_o in self.dz_o.chunks_exact(line) {
                    sum += load::<S, F>(simd, dz_o, n * l);
                }
            }
            to.end(simd, column * wide + units, 0, [[sum]]);
        }
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
    /// What the gradients of a tile are so far; its rows begin `apart` lines from each other.
    #[inline(always)]
    fn begin<S: Simd, const I: usize, const J: usize>(
        &self,
        simd: S,
        line: usize,
        apart: usize,
    ) -> [[Vector<S, F>; J]; I] {
        let l = lanes::<F>();
        let mut sums = [[Vector::<S, F>::splat(simd, F::zero()); J]; I];
        if !self.first {
            for i in 0..I {
                sums[i] = load_each(simd, &self.grads[(line + i * apart) * l..][..J * l], l);
            }
        }
        sums
    }

    #[inline(always)]
    fn end<S: Simd, const I: usize, const J: usize>(
        &mut self,
        simd: S,
        line: usize,
        apart: usize,
        gradients: [[Vector<S, F>; J]; I],
    ) {
        let l = lanes::<F>();
        if let Some(Sgd { rate, scale }) = self.sgd {
            let (rate, scale) = (load::<S, F>(simd, rate, 0), Vector::<S, F>::splat(simd, *scale));
            for i in 0..I {
                let weights = &mut self.weights[(line + i * apart) * l..][..J * l];
                for j in 0..J {
                    let moved = load::<S, F>(simd, weights, j * l) - rate * (gradients[i][j] * scale);
                    store::<S, F>(moved, weights, j * l);
                }
            }
        } else {
            for i in 0..I {
                let grads = &mut self.grads[(line + i * apart) * l..][..J * l];
                for j in 0..J {
                    store::<S, F>(gradients[i][j], grads, j * l);
                }
            }
        }
    }
}
