//! Weight gradients of a population: added up over steps and samples, and taken to the weights
//! where they end.

use super::math::{Lane, Vector};
use super::population_pass::{INPUTS, ONE, Room, Sgd, Shape};
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
        let Shape { units, column, wide, bits, .. } = shape;
        let line = N * lanes::<F>();
        let x = Lines { of: &self.x, step: column };
        // What belongs to the states before each step begins with the second.
        let later = Lines { of: &self.dz[wide * line..], step: wide };
        let (dz, dz_o) = (Lines { of: &self.dz, step: wide }, Lines { of: &self.dz_o, step: 1 });
        for m in (0..wide).step_by(I) {
            let sums = to.begin(simd, m, wide);
            to.end(simd, m, wide, outer::<S, F, N, INPUTS, I>(simd, bits, x.from::<N>(0), dz.from::<N>(m), sums));
        }
        let states = Lines { of: &self.x[column * line..], step: column };
        for k in (INPUTS..column).step_by(I) {
            for m in (0..wide).step_by(I) {
                let sums = to.begin(simd, k * wide + m, wide);
                let sums = outer::<S, F, N, I, I>(simd, bits - 1, states.from::<N>(k), later.from::<N>(m), sums);
                to.end(simd, k * wide + m, wide, sums);
            }
        }
        let h = if SCALED { Lines { of: &self.h, step: units } } else { states.from::<N>(INPUTS) };
        for u in (0..units).step_by(I) {
            let sums = to.begin(simd, column * wide + u, 1);
            to.end(simd, column * wide + u, 1, outer::<S, F, N, I, 1>(simd, bits, h.from::<N>(u), dz_o, sums));
        }
        let b_o = column * wide + units;
        let sums = to.begin(simd, b_o, 1);
        to.end(simd, b_o, 1, outer::<S, F, N, 1, 1>(simd, bits, x.from::<N>(ONE), dz_o, sums));
    }
}

/// Lines of steps, `step` in each.
#[derive(Clone, Copy)]
struct Lines<'a, F> {
    of: &'a [F],
    step: usize,
}

impl<F> Lines<'_, F> {
    /// From another line on.
    #[inline(always)]
    fn from<const N: usize>(self, line: usize) -> Self {
        Self { of: &self.of[line * N * lanes::<F>()..], ..self }
    }
}

/// `sums += Σ_samples Σ_steps x ⊗ dz` of the first I lines of x and J lines of dz in each step.
#[inline(always)]
fn outer<S: Simd, F: Lane, const N: usize, const I: usize, const J: usize>(
    simd: S,
    steps: usize,
    x: Lines<'_, F>,
    dz: Lines<'_, F>,
    mut sums: [[Vector<S, F>; J]; I],
) -> [[Vector<S, F>; J]; I] {
    let l = lanes::<F>();
    let line = N * l;
    for n in 0..N {
        for t in 0..steps {
            let x = &x.of[t * x.step * line..][..I * line];
            let dz = &dz.of[t * dz.step * line..][..J * line];
            for i in 0..I {
                let x = load::<S, F>(simd, x, i * line + n * l);
                for j in 0..J {
                    sums[i][j] = x.mul_add(load(simd, dz, j * line + n * l), sums[i][j]);
                }
            }
        }
    }
    sums
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
