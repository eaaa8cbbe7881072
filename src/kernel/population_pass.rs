//! Some samples of each net of a population, forward and back.

use super::cell::{Back, C, Cell, KEPT, Net};
use super::math::{Lane, Vector, scale};
use super::noise::LaneNoise;
use super::output::{Output, Sums, half};
use super::rows::{Aligned, lanes, load, load_each, store};
use crate::model::Tally;
use crate::task::lanes::{LaneBits, PerLane, WORD};
use crate::task::tree::Number;
use fearless_simd::prelude::*;

/// Lines before the states of a column: a, b, and 1, or 0 without biases.
pub(super) const INPUTS: usize = 3;
pub(super) const ONE: usize = 2;

/// What each lane's minibatch counted: losses, wrong bits, wrong samples.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tallies([PerLane<f64>; 3]);

impl Tallies {
    /// The numbers of one lane.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
    pub fn of(&self, lane: usize) -> Tally {
        let [loss, wrong_bits, wrong_samples] = self.0.map(|of| of[lane]);
        Tally { loss, wrong_bits: wrong_bits as u64, wrong_samples: wrong_samples as u64 }
    }

    /// Wrong samples of each lane.
    pub fn wrong_samples(&self) -> &PerLane<f64> {
        &self.0[2]
    }
}

/// Plain descent, done where gradients end: `w −= rate · (g · scale)`.
#[derive(Debug, Clone)]
pub struct Sgd<F> {
    /// Learning rate of each lane.
    pub rate: PerLane<F>,
    /// What the sum of the samples' gradients is multiplied with.
    pub scale: F,
}

/// Sizes, in lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) hidden: usize,
    /// H in whole tiles.
    pub(super) units: usize,
    /// K, lines of a column.
    pub(super) column: usize,
    /// Pre-activations, G times `units`.
    pub(super) wide: usize,
    pub(super) bits: usize,
    pub(super) bias: bool,
}

impl Shape {
    /// Lines of all parameters: W, `w_ho`, `b_o`.
    pub(super) fn parameters(self) -> usize {
        self.column * self.wide + self.units + 1
    }
}

/// Some samples of a minibatch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a, F> {
    pub(super) additions: &'a LaneBits,
    pub(super) from: usize,
    /// Whether gradients begin with it, and whether they end, and how.
    pub(super) first: bool,
    pub(super) sgd: Option<&'a Sgd<F>>,
}

impl<'a, F> Part<'a, F> {
    /// a, b and c of each step, and the place of the first sample in their words.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "below 32")]
    fn steps(self) -> impl Iterator<Item = (&'a [PerLane<u32>; 3], u32)> {
        let place = (self.from % WORD) as u32;
        self.additions.word(self.from / WORD).iter().map(move |words| (words, place))
    }
}

/// Buffers of what some samples at once leave of a pass, `[step][unit][sample]` in lines. What the
/// cell or the noise does not need is empty.
#[derive(Debug, Clone, Default)]
pub(super) struct Room<F: Number> {
    /// Columns; the last one only has states.
    pub(super) x: Aligned<F>,
    pub(super) dz: Aligned<F>,
    pub(super) dz_o: Aligned<F>,
    /// Dynamic: s of each step, and h without it.
    scale: Aligned<F>,
    pub(super) h: Aligned<F>,
    /// h before noise.
    clean: Aligned<F>,
    /// LSTM: what is kept of each unit, and dc.
    kept: Aligned<F>,
    flow: Aligned<F>,
    /// Whether there is room, and for noise.
    laid: Option<bool>,
}

impl<F: Lane> Room<F> {
    /// Makes room, zeros where it is new.
    pub(super) fn reserve<C: Cell<F>, const SCALED: bool, const N: usize>(&mut self, shape: Shape, noise: bool) {
        if self.laid == Some(noise) {
            return;
        }
        self.laid = Some(noise);
        let Shape { units, column, wide, bits, bias, .. } = shape;
        let lines = |n: usize| n * N * lanes::<F>();
        let only = |wanted: bool, n: usize| if wanted { lines(n) } else { 0 };
        self.x.reserve(lines((bits + 1) * column));
        for x in self.x.chunks_exact_mut(lines(column)) {
            x[lines(ONE)..lines(INPUTS)].fill(if bias { F::one() } else { F::zero() });
        }
        self.dz.reserve(lines(bits * wide));
        self.dz_o.reserve(lines(bits));
        self.scale.reserve(only(SCALED, bits + 1));
        self.h.reserve(only(SCALED, bits * units));
        self.clean.reserve(only(noise && C::KEPT == 0, bits * units));
        self.kept.reserve(only(C::KEPT > 0, bits * units * KEPT));
        self.flow.reserve(only(C::KEPT > 0, units));
    }

    /// Bits as floats, and s.
    #[inline(always)]
    pub(super) fn inputs<S: Simd, const SCALED: bool, const N: usize>(
        &mut self,
        simd: S,
        shape: Shape,
        part: Part<'_, F>,
    ) {
        let Shape { column, bits, .. } = shape;
        let l = lanes::<F>();
        let line = N * l;
        for (([a, b, _], place), x) in part.steps().zip(self.x.chunks_exact_mut(column * line)) {
            for (n, place) in (0..N).zip(place..) {
                store::<S, F>(F::bits(simd, a, place), x, n * l);
                store::<S, F>(F::bits(simd, b, place), x, line + n * l);
            }
        }
        if !SCALED {
            return;
        }
        let [one, e, e_root_2] = [
            Vector::<S, F>::splat(simd, F::one()),
            Vector::<S, F>::splat(simd, F::of(1_f64.exp())),
            Vector::<S, F>::splat(simd, F::of(2_f64.sqrt().exp())),
        ];
        let half = Vector::<S, F>::splat(simd, F::of(0.5));
        for t in 0..=bits {
            for n in 0..N {
                // The first step has no state to be scaled, and the last one's goes nowhere.
                let mut s = one;
                if t > 0 && t < bits {
                    let at = t * column * line + n * l;
                    let [a, b]: [_; 2] = load_each(simd, &self.x[at..], line);
                    let [a_prev, b_prev]: [_; 2] = load_each(simd, &self.x[at - column * line..], line);
                    let changed = (a - a_prev).abs() + (b - b_prev).abs();
                    s = changed.simd_lt(half).select(one, changed.simd_gt(one).select(e_root_2, e));
                }
                store::<S, F>(s, &mut self.scale, t * line + n * l);
            }
        }
    }

    /// All steps forward, and what flows back from their outputs.
    #[inline(always)]
    pub(super) fn forward<S: Simd, C: Cell<F>, const SCALED: bool, const N: usize, const TILE: usize>(
        &mut self,
        simd: S,
        (shape, net): (Shape, &Net),
        cell: C,
        weights: &[F],
        (part, noise): (Part<'_, F>, Option<&LaneNoise<F>>),
        tallies: &mut Tallies,
    ) {
        let Shape { hidden, units, column, wide, bits, .. } = shape;
        let l = lanes::<F>();
        let line = N * l;
        let (w, out) = weights.split_at(column * wide * l);
        let (w_ho, b_o) = out.split_at(units * l);
        let output = Output { activation: net.output, loss: net.loss, bias: F::zero() };
        let b_o = load::<S, F>(simd, b_o, 0);
        let zero = Vector::<S, F>::splat(simd, F::zero());
        let (activations, mut scales) = (net.gates(), [zero; 4]);
        for g in 0..C::GATES {
            scales[g] = Vector::<S, F>::splat(simd, scale(activations[g]));
        }
        for t in 0..bits {
            let (x, next) = self.x[t * column * line..][..2 * column * line].split_at_mut(column * line);
            // Before the first step there is no state.
            let x = &x[..if t == 0 { INPUTS } else { column } * line];
            let (before, kept) = self.kept.split_at_mut(if C::KEPT > 0 { t * units * KEPT * line } else { 0 });
            let mut z_o = [b_o; N];
            for u in (0..units).step_by(TILE) {
                let w_ho = &w_ho[u * l..][..TILE * l];
                let mut z = [[[zero; N]; TILE]; 4];
                for g in 0..C::GATES {
                    z[g] = product::<S, F, N, TILE>(simd, &w[(g * units + u) * l..], wide, x);
                }
                let mut h = [[zero; N]; TILE];
                for i in 0..TILE {
                    for n in 0..N {
                        let mut of_unit = [zero; 4];
                        for g in 0..C::GATES {
                            of_unit[g] = z[g][i][n] * scales[g];
                        }
                        let mut c_prev = zero;
                        if C::KEPT > 0 && t > 0 {
                            c_prev = load(simd, before, (((t - 1) * units + u + i) * KEPT + C) * line + n * l);
                        }
                        let lines;
                        (h[i][n], lines) = cell.forward(simd, of_unit, c_prev);
                        for k in 0..C::KEPT {
                            store::<S, F>(lines[k], kept, ((u + i) * KEPT + k) * line + n * l);
                        }
                    }
                }
                let next = &mut next[(INPUTS + u) * line..][..TILE * line];
                for i in 0..TILE {
                    let w_ho = load::<S, F>(simd, w_ho, i * l);
                    for n in 0..N {
                        z_o[n] = w_ho.mul_add(h[i][n], z_o[n]);
                        store::<S, F>(h[i][n], next, i * line + n * l);
                    }
                }
            }
            let next = &mut next[INPUTS * line..];
            if hidden < units {
                next[hidden * line..].fill(F::zero());
            }
            if let Some(noise) = noise {
                let step = t * units * line;
                if C::KEPT > 0 {
                    let c = kept.chunks_exact_mut(KEPT * line).take(hidden);
                    noise.disturb_cells((part.from, t), c.map(|kept| &mut kept[C * line..][..line]));
                } else {
                    self.clean[step..][..units * line].copy_from_slice(next);
                }
                noise.disturb::<N>((part.from, t), &mut next[..hidden * line]);
                z_o = [b_o; N];
                for (h, w_ho) in next.chunks_exact(line).zip(w_ho.chunks_exact(l)) {
                    for n in 0..N {
                        z_o[n] = load::<S, F>(simd, w_ho, 0).mul_add(load(simd, h, n * l), z_o[n]);
                    }
                }
            }
            if SCALED {
                self.h[t * units * line..][..units * line].copy_from_slice(next);
                for h in next.chunks_exact_mut(line) {
                    for n in 0..N {
                        let s = load::<S, F>(simd, &self.scale, (t + 1) * line + n * l);
                        store::<S, F>(load::<S, F>(simd, h, n * l) * s, h, n * l);
                    }
                }
            }
            for n in 0..N {
                store::<S, F>(z_o[n], &mut self.dz_o, t * line + n * l);
            }
        }
        // Apart, so that no step waits for an output.
        let mut sums = [Sums::new(simd); N];
        let one = Vector::<S, F>::splat(simd, F::one());
        for (([_, _, c], place), z_o) in part.steps().zip(self.dz_o.chunks_exact_mut(line)) {
            for (n, place) in (0..N).zip(place..) {
                let (z, target) = (load(simd, z_o, n * l), F::bits(simd, c, place));
                let (dz, _off) = output.line(simd, &mut sums[n], z, target, one);
                store::<S, F>(dz, z_o, n * l);
            }
        }
        let [loss, wrong_bits, wrong_samples] = &mut tallies.0;
        for sums in &sums {
            for lane in 0..l {
                loss[lane] += half(net.loss) * sums.losses.as_slice()[lane].widen();
                let wrong = sums.wrongs.as_slice()[lane].widen();
                wrong_bits[lane] += wrong;
                wrong_samples[lane] += wrong.min(1.0);
            }
        }
    }

    /// dz of all steps.
    #[inline(always)]
    pub(super) fn backward<S: Simd, C: Cell<F>, const SCALED: bool, const N: usize, const TILE: usize>(
        &mut self,
        simd: S,
        shape: Shape,
        cell: C,
        weights: &[F],
        noise: bool,
    ) {
        let Shape { units, column, wide, bits, .. } = shape;
        let l = lanes::<F>();
        let line = N * l;
        let zero = Vector::<S, F>::splat(simd, F::zero());
        let (w, out) = weights.split_at(column * wide * l);
        for t in (0..bits).rev() {
            let last = t + 1 == bits;
            let (now, later) = self.dz.split_at_mut((t + 1) * wide * line);
            let dz = &mut now[t * wide * line..];
            let later = if last { &later[..0] } else { &later[..wide * line] };
            let dz_o: [_; N] = load_each(simd, &self.dz_o[t * line..], l);
            // h before noise and s.
            let y = if noise && C::KEPT == 0 {
                &self.clean[t * units * line..]
            } else if SCALED {
                &self.h[t * units * line..]
            } else {
                &self.x[((t + 1) * column + INPUTS) * line..]
            };
            for u in (0..units).step_by(TILE) {
                let w_ho = &out[u * l..][..TILE * l];
                let mut dh = [[zero; N]; TILE];
                if !last {
                    dh = product_back::<S, F, N, TILE>(
                        simd,
                        &w[(INPUTS + u) * wide * l..][..TILE * wide * l],
                        wide,
                        later,
                    );
                }
                let y = &y[u * line..][..TILE * line];
                let mut gates = [[[zero; N]; TILE]; 4];
                for i in 0..TILE {
                    let w_ho = load::<S, F>(simd, w_ho, i * l);
                    for n in 0..N {
                        if SCALED {
                            dh[i][n] *= load::<S, F>(simd, &self.scale, (t + 1) * line + n * l);
                        }
                        let dh = dz_o[n].mul_add(w_ho, dh[i][n]);
                        let mut back = Back { dh, flow: zero, y: zero, kept: [zero; KEPT], c_prev: zero };
                        if C::KEPT > 0 {
                            let kept = (t * units + u + i) * KEPT * line + n * l;
                            back.kept = load_each(simd, &self.kept[kept..], line);
                            if t > 0 {
                                back.c_prev = load(simd, &self.kept, kept - (units * KEPT - C) * line);
                            }
                            if !last {
                                back.flow = load(simd, &self.flow, (u + i) * line + n * l);
                            }
                        } else {
                            back.y = load(simd, y, i * line + n * l);
                        }
                        let (of_unit, flow) = cell.backward(simd, back);
                        for g in 0..C::GATES {
                            gates[g][i][n] = of_unit[g];
                        }
                        if C::KEPT > 0 {
                            store::<S, F>(flow, &mut self.flow, (u + i) * line + n * l);
                        }
                    }
                }
                for g in 0..C::GATES {
                    let dz = &mut dz[(g * units + u) * line..][..TILE * line];
                    for i in 0..TILE {
                        for n in 0..N {
                            store::<S, F>(gates[g][i][n], dz, i * line + n * l);
                        }
                    }
                }
            }
        }
    }
}

/// TILE columns of `x W`, from the first of `w` on: `x [K][N]`, `w [K][wide]`, in lines.
#[inline(always)]
fn product<S: Simd, F: Lane, const N: usize, const TILE: usize>(
    simd: S,
    w: &[F],
    wide: usize,
    x: &[F],
) -> [[Vector<S, F>; N]; TILE] {
    let l = lanes::<F>();
    let mut sums = [[Vector::<S, F>::splat(simd, F::zero()); N]; TILE];
    // By index: iterators of chunks would divide for their lengths.
    for k in 0..x.len() / (N * l) {
        let (w, x) = (&w[k * wide * l..][..TILE * l], &x[k * N * l..][..N * l]);
        for i in 0..TILE {
            let w = load::<S, F>(simd, w, i * l);
            for n in 0..N {
                sums[i][n] = w.mul_add(load(simd, x, n * l), sums[i][n]);
            }
        }
    }
    sums
}

/// TILE units of `dz Wᵀ`, whose rows are `w [TILE][wide]`; `dz [wide][N]`, in lines.
#[inline(always)]
fn product_back<S: Simd, F: Lane, const N: usize, const TILE: usize>(
    simd: S,
    w: &[F],
    wide: usize,
    dz: &[F],
) -> [[Vector<S, F>; N]; TILE] {
    let l = lanes::<F>();
    let mut rows = [w; TILE];
    for i in 0..TILE {
        rows[i] = &w[i * wide * l..][..wide * l];
    }
    let mut sums = [[Vector::<S, F>::splat(simd, F::zero()); N]; TILE];
    for (m, dz) in dz.chunks_exact(N * l).enumerate() {
        for i in 0..TILE {
            let w = load::<S, F>(simd, rows[i], m * l);
            for n in 0..N {
                sums[i][n] = w.mul_add(load(simd, dz, n * l), sums[i][n]);
            }
        }
    }
    sums
}
