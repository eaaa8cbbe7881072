//! What happens to rows element by element: bits to numbers, activations, their derivatives, the output unit.
//!
//! Rows are of any multiple of 64 samples, so there are no tails.

use super::layout::{LANES, TILE};
use super::math::{self, Lane, Vector};
use crate::model::{Activation, Loss};
use fearless_simd::prelude::*;

/// Writes the bits of `words` as zeros and ones.
///
/// # Shapes
/// `words [n]`, `row`: whole vectors, at most 64 n.
#[inline(always)]
pub(crate) fn expand<S: Simd, F: Lane>(simd: S, words: &[u64], row: &mut [F]) {
    let len = Vector::<S, F>::LEN;
    let (zero, one) = (Vector::<S, F>::splat(simd, F::zero()), Vector::<S, F>::splat(simd, F::one()));
    for (&word, tile) in words.iter().zip(row.chunks_mut(TILE)) {
        for (i, out) in tile.chunks_exact_mut(len).enumerate() {
            mask::<S, F>(simd, word, i).select(one, zero).store_slice(out);
        }
    }
}

/// `out = scale ⊙ h`, row by row.
pub(crate) fn multiply<S: Simd, F: Lane>(simd: S, scale: &[F], h: &[F], out: &mut [F]) {
    simd.vectorize(
        #[inline(always)]
        || {
            let len = Vector::<S, F>::LEN;
            for (h, out) in h.chunks_exact(scale.len()).zip(out.chunks_exact_mut(scale.len())) {
                for ((s, h), out) in scale.chunks_exact(len).zip(h.chunks_exact(len)).zip(out.chunks_exact_mut(len)) {
                    (Vector::<S, F>::from_slice(simd, s) * Vector::<S, F>::from_slice(simd, h)).store_slice(out);
                }
            }
        },
    );
}

/// `row = scale ⊙ row + dh`, row by row.
pub(crate) fn scale_and_add<S: Simd, F: Lane>(simd: S, scale: &[F], dh: &[F], rows: &mut [F]) {
    simd.vectorize(
        #[inline(always)]
        || {
            let len = Vector::<S, F>::LEN;
            for (dh, row) in dh.chunks_exact(scale.len()).zip(rows.chunks_exact_mut(scale.len())) {
                for ((s, dh), out) in scale.chunks_exact(len).zip(dh.chunks_exact(len)).zip(row.chunks_exact_mut(len)) {
                    let load = |row| Vector::<S, F>::from_slice(simd, row);
                    load(s).mul_add(load(out), load(dh)).store_slice(out);
                }
            }
        },
    );
}

/// φ′ from the output y of φ.
#[inline(always)]
pub(super) fn derivative<S: Simd, F: Lane>(simd: S, activation: Activation, y: Vector<S, F>) -> Vector<S, F> {
    let splat = |value| Vector::<S, F>::splat(simd, value);
    match activation {
        Activation::Sigmoid => y * (splat(F::one()) - y),
        Activation::Tanh => splat(F::one()) - y * y,
        Activation::Relu => y.simd_gt(splat(F::zero())).select(splat(F::one()), splat(F::zero())),
    }
}

/// Calls `f` with an activation that its inlined body knows: one choice for all its loops, which then are short enough to be unrolled. With
/// a choice in each turn, the sums of a register tile would live in memory.
#[inline(always)]
pub(super) fn known(activation: Activation, f: impl FnOnce(Activation)) {
    match activation {
        Activation::Sigmoid => f(Activation::Sigmoid),
        Activation::Tanh => f(Activation::Tanh),
        Activation::Relu => f(Activation::Relu),
    }
}

/// The output unit at one step, for training: what it counts and what flows back.
#[derive(Debug)]
pub(crate) struct Output<'a, F> {
    /// ψ.
    pub(crate) activation: Activation,
    /// The loss.
    pub(crate) loss: Loss,
    /// Target bits.
    pub(crate) target: &'a [u64],
    /// Which samples exist.
    pub(crate) valid: &'a [u64],
    /// Sums of losses, a lane each.
    pub(crate) lanes: &'a mut [F; LANES],
}

impl<F: Lane> Output<'_, F> {
    /// Replaces `z_o` by `dz_o` = (y − target) ψ′, 0 for samples that do not exist, and gives the wrong bits of each word to `wrong`.
    #[inline(always)]
    pub(crate) fn run<S: Simd>(self, simd: S, row: &mut [F], mut wrong: impl FnMut(usize, u64)) {
        let len = Vector::<S, F>::LEN;
        let splat = |value| Vector::<S, F>::splat(simd, value);
        let half = F::one() / (F::one() + F::one());
        let (zero, one) = (splat(F::zero()), splat(F::one()));
        for (word, tile) in row.chunks_mut(TILE).enumerate() {
            let (target, valid) = (self.target[word], self.valid[word]);
            let mut answered = 0;
            for (i, chunk) in tile.chunks_exact_mut(len).enumerate() {
                // Valid samples come first.
                if valid >> (i * len) == 0 {
                    chunk.fill(F::zero());
                    continue;
                }
                let z = Vector::<S, F>::from_slice(simd, chunk);
                let y = apply::<S, F>(simd, self.activation, z);
                let target = mask::<S, F>(simd, target, i).select(one, zero);
                let valid = mask::<S, F>(simd, valid, i);
                let error = y - target;
                let (loss, dz) = match self.loss {
                    Loss::Mse => (error * error * half, error * derivative::<S, F>(simd, self.activation, y)),
                    Loss::CrossEntropy => {
                        let positive = z.simd_gt(zero).select(z, zero);
                        (math::ln_1p_exp_neg::<S, F>(simd, z) + positive - target * z, error)
                    }
                };
                let lanes = &mut self.lanes[i * len % LANES..][..len];
                (Vector::<S, F>::from_slice(simd, lanes) + valid.select(loss, zero)).store_slice(lanes);
                valid.select(dz, zero).store_slice(chunk);
                answered |= y.simd_gt(splat(half)).to_bitmask() << (i * len);
            }
            wrong(word, (answered ^ target) & valid);
        }
    }
}

/// The bits that outputs stand for, from their `z_o`: a word for each 64 samples.
#[inline(always)]
pub(crate) fn answer<S: Simd, F: Lane>(simd: S, activation: Activation, row: &[F], words: &mut [u64]) {
    let len = Vector::<S, F>::LEN;
    let half = Vector::<S, F>::splat(simd, F::one() / (F::one() + F::one()));
    let (tiles, _) = row.as_chunks::<TILE>();
    for (word, tile) in words.iter_mut().zip(tiles) {
        *word = 0;
        for (i, chunk) in tile.chunks_exact(len).enumerate() {
            let y = apply::<S, F>(simd, activation, Vector::<S, F>::from_slice(simd, chunk));
            *word |= y.simd_gt(half).to_bitmask() << (i * len);
        }
    }
}

/// φ(z), of a z not yet scaled.
#[inline(always)]
pub(super) fn apply<S: Simd, F: Lane>(simd: S, activation: Activation, z: Vector<S, F>) -> Vector<S, F> {
    let u = z * Vector::<S, F>::splat(simd, math::scale(activation));
    match activation {
        Activation::Sigmoid => math::sigmoid::<S, F>(simd, u),
        Activation::Tanh => math::tanh::<S, F>(simd, u),
        Activation::Relu => math::relu::<S, F>(simd, z),
    }
}

/// The i-th vector's part of a word as a lane mask.
#[inline(always)]
pub(super) fn mask<S: Simd, F: Lane>(simd: S, word: u64, i: usize) -> <Vector<S, F> as SimdBase<S>>::Mask {
    SimdMask::from_bitmask(simd, word >> (i * Vector::<S, F>::LEN))
}
