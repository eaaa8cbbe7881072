//! Populations: nets of one shape side by side, a net to a lane.
//!
//! A small net that learns one addition at a time cannot fill a processor. Sixteen of them can: a
//! line of 64 bytes holds one number of each net, and all that is done is done line by line. Lanes
//! never mix, so that a net gets the same bits in any lane, beside any others.
//!
//! # The method
//!
//! What a step reads is one column, `x_t = (0, a_t, b_t, 1, s_t h_{t−1})`, of K = 4 + H lines (0
//! for 1 without biases), so that input weights, biases and recurrent weights are one matrix W `[K,
//! G·H]`, and the sums of a step begin before the states they wait for are there:
//!
//! ```text
//! z_t = x_t W            dW += x_t ⊗ dz_t            dh_{t−1} = s_t (dz_t W_hhᵀ) + dz_o w_ho
//! ```
//!
//! There is no tree: at small batches samples share little. Where there are registers, four samples
//! of each net go through at once, and share the loads of weights. H is rounded up to whole tiles;
//! the units more have h = 0, so that their weights stay 0.
//!
//! # The same bits
//!
//! Every sum has one order, whatever the level and however many samples go at once: products add
//! their terms in the order of the inputs, gradients sample by sample, each in the order of its
//! steps. [`Sgd`] moves weights where their gradients end, with the operations of an optimizer that
//! is given the gradient.

use super::cell::{Back, C, Cell, KEPT};
use super::elman::Elman;
use super::lstm::Lstm;
use super::math::{Lane, Vector, register, scale};
use super::noise::LaneNoise;
use super::output::{Output, Sums, half};
use super::pass::Net;
use super::rows::{Aligned, lanes, load, load_each, store};
use super::{Float, Noise, SimdLevel};
use crate::model::{self, Activation, Config, Layout, Tally};
use crate::task::lanes::{LaneBits, PerLane, WORD};
use crate::task::tree::Number;
use fearless_simd::prelude::*;

/// Lines before the states of a column, the first one 0.
const INPUTS: usize = 4;
/// Samples of a net that go through at once where registers are as long as lines.
const MANY: usize = 4;

/// Nets of one shape side by side, and the gradients of their minibatches.
#[derive(Debug, Clone)]
pub struct Population<F: Number> {
    pub(super) level: SimdLevel,
    net: Net,
    shape: Shape,
    /// The line of each parameter.
    lines: Vec<usize>,
    weights: Aligned<F>,
    grads: Aligned<F>,
    noise: Option<Box<LaneNoise<F>>>,
    /// For one sample at once, and for [`MANY`].
    rooms: [Room<F>; 2],
    tallies: Tallies,
}

/// What each lane's minibatch counted: losses, wrong bits, wrong samples.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tallies([PerLane<f64>; 3]);

impl Tallies {
    /// That of a lane.
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
struct Shape {
    hidden: usize,
    /// H in whole tiles.
    units: usize,
    /// K, lines of a column.
    column: usize,
    /// Pre-activations, G times `units`.
    wide: usize,
    bits: usize,
    bias: bool,
}

impl Shape {
    /// Lines of all parameters: W, `w_ho`, `b_o`.
    fn parameters(self) -> usize {
        self.column * self.wide + self.units + 1
    }
}

/// Buffers of what some samples at once leave of a pass, `[step][unit][sample]` in lines. What the
/// cell or the noise does not need is empty.
#[derive(Debug, Clone, Default)]
struct Room<F: Number> {
    /// Columns; the last one only has states.
    x: Aligned<F>,
    dz: Aligned<F>,
    target: Aligned<F>,
    dz_o: Aligned<F>,
    /// Dynamic: s of each step, and h without it.
    scale: Aligned<F>,
    h: Aligned<F>,
    /// h before noise.
    clean: Aligned<F>,
    /// LSTM: what is kept of each unit, and dc.
    kept: Aligned<F>,
    flow: Aligned<F>,
    /// Whether there is room, and for noise.
    laid: Option<bool>,
}

/// Some samples of a minibatch.
#[derive(Debug, Clone, Copy)]
struct Part<'a, F> {
    additions: &'a LaneBits,
    from: usize,
    /// Whether gradients begin with it, and whether they end, and how.
    first: bool,
    sgd: Option<&'a Sgd<F>>,
}

impl<F: Float> Population<F> {
    /// Nets side by side.
    pub const NETS: usize = lanes::<F>();

    /// A population whose weights are all zero.
    ///
    /// # Panics
    /// If this machine lacks the level.
    pub fn new(config: &Config, bits: usize, level: SimdLevel) -> Self {
        assert!(level.token().is_some(), "this machine has no {level}");
        let units = if config.hidden <= 4 { 4 } else { config.hidden.next_multiple_of(8) };
        let wide = config.cell.gates() * units;
        let shape = Shape { hidden: config.hidden, units, column: INPUTS + units, wide, bits, bias: config.bias };
        let room = Aligned::zeros(shape.parameters() * lanes::<F>());
        Self {
            level,
            net: Net::of(config),
            shape,
            lines: lines(config, shape),
            weights: room.clone(),
            grads: room,
            noise: None,
            rooms: [Room::default(), Room::default()],
            tallies: Tallies::default(),
        }
    }

    /// Gives a lane the parameters of a net.
    pub fn set_params(&mut self, lane: usize, params: &[F]) {
        // What a net that diverged left in units of no net, too.
        self.weights.iter_mut().skip(lane).step_by(Self::NETS).for_each(|w| *w = F::zero());
        self.lines.iter().zip(params).for_each(|(line, &p)| self.weights[line * Self::NETS + lane] = p);
    }

    /// Writes the parameters of a lane's net to `params`.
    pub fn params(&self, lane: usize, params: &mut [F]) {
        self.lines.iter().zip(params).for_each(|(line, p)| *p = self.weights[line * Self::NETS + lane]);
    }

    /// Writes the last gradient of a lane to `grad`, the sum over its samples.
    pub fn grad(&self, lane: usize, grad: &mut [F]) {
        self.lines.iter().zip(grad).for_each(|(line, g)| *g = self.grads[line * Self::NETS + lane]);
    }

    /// Gives the lines of each parameter and of its gradient to `f`, in the order of the
    /// parameters.
    #[inline(always)]
    pub(crate) fn each(&mut self, mut f: impl FnMut(usize, &mut [F], &[F])) {
        for (index, line) in self.lines.iter().enumerate() {
            let at = line * Self::NETS;
            f(index, &mut self.weights[at..][..Self::NETS], &self.grads[at..][..Self::NETS]);
        }
    }

    /// Sets the noise of a lane's gradients from here on.
    pub fn set_noise(&mut self, lane: usize, noise: Option<Noise>) {
        if noise.is_some() || self.noise.is_some() {
            self.noise.get_or_insert_default().set(lane, noise);
        }
        if self.noise.as_ref().is_some_and(|noise| noise.is_silent()) {
            self.noise = None;
        }
    }

    /// What the last minibatches counted.
    pub fn tallies(&self) -> &Tallies {
        &self.tallies
    }

    /// Computes the gradients of the lanes' minibatches, and with `sgd` moves the weights; without,
    /// the gradients are kept.
    ///
    /// # Panics
    /// If the additions have another width.
    pub fn gradient(&mut self, additions: &LaneBits, sgd: Option<&Sgd<F>>) {
        assert_eq!(additions.bits(), self.shape.bits, "additions of another width");
        F::population(self, additions, sgd);
    }

    #[inline(always)]
    pub(super) fn run<S: Simd>(&mut self, simd: S, additions: &LaneBits, sgd: Option<&Sgd<F>>) {
        // Each cell is a function of its own, and a constant φ leaves no branches in its inner loops.
        macro_rules! minibatch {
            ($scaled:literal, $cell:expr) => {
                simd.vectorize(
                    #[inline(always)]
                    || self.minibatch::<S, _, $scaled>(simd, $cell, additions, sgd),
                )
            };
        }
        let Net { cell, lstm_form, activation, .. } = self.net;
        match (cell, activation) {
            (model::Cell::Elman, Activation::Sigmoid) => minibatch!(false, Elman(Activation::Sigmoid)),
            (model::Cell::Elman, _) => minibatch!(false, Elman(activation)),
            (model::Cell::Dynamic, _) => minibatch!(true, Elman(activation)),
            (model::Cell::Lstm, _) => minibatch!(false, Lstm(lstm_form, activation)),
        }
    }

    #[inline(always)]
    fn minibatch<S: Simd, C: Cell<F>, const SCALED: bool>(
        &mut self,
        simd: S,
        cell: C,
        additions: &LaneBits,
        sgd: Option<&Sgd<F>>,
    ) {
        self.tallies = Tallies::default();
        let samples = additions.samples();
        let mut from = 0;
        while from < samples {
            let many = const { long::<S, F>() } && samples - from >= MANY;
            let next = from + if many { MANY } else { 1 };
            let part = Part { additions, from, first: from == 0, sgd: sgd.filter(|_| next == samples) };
            // Where there are registers, eight sums or more, so that none waits for itself.
            if const { !long::<S, F>() } {
                self.part::<S, C, SCALED, 1, 4>(simd, cell, part);
            } else if many {
                self.part::<S, C, SCALED, MANY, 4>(simd, cell, part);
            } else if self.shape.units > 4 {
                self.part::<S, C, SCALED, 1, 8>(simd, cell, part);
            } else {
                self.part::<S, C, SCALED, 1, 4>(simd, cell, part);
            }
            from = next;
        }
    }

    /// N samples of each net, forward and back.
    #[inline(always)]
    fn part<S: Simd, C: Cell<F>, const SCALED: bool, const N: usize, const TILE: usize>(
        &mut self,
        simd: S,
        cell: C,
        part: Part<'_, F>,
    ) {
        let Self { net, shape, weights, grads, noise, rooms, tallies, .. } = self;
        let room = &mut rooms[usize::from(N > 1)];
        room.reserve::<C, SCALED, N>(*shape, noise.is_some());
        room.inputs::<S, SCALED, N>(simd, *shape, part);
        let noise = noise.as_deref().map(|noise| (noise, part.from));
        room.forward::<S, C, SCALED, N, TILE>(simd, (*shape, net), cell, weights, noise, tallies);
        room.backward::<S, C, SCALED, N, TILE>(simd, *shape, cell, weights, noise.is_some());
        let to = To { weights, grads, first: part.first, sgd: part.sgd };
        // A tile takes half of the registers for its sums.
        if const { register::<S>() == 16 } {
            room.gradients::<S, SCALED, N, 4>(simd, *shape, to);
        } else {
            room.gradients::<S, SCALED, N, 2>(simd, *shape, to);
        }
    }
}

/// Whether registers are as long as lines. Double precision is for checks, and has one way through.
const fn long<S: Simd, F>() -> bool {
    size_of::<F>() == 4 && register::<S>() == 16
}

/// The line of each parameter, in the order of the layout.
fn lines(config: &Config, shape: Shape) -> Vec<usize> {
    let Shape { hidden, units, column, wide, .. } = shape;
    let mut lines = Vec::new();
    for tensor in Layout::of(config).tensors() {
        for (row, col) in (0..tensor.rows).flat_map(|row| (0..tensor.cols).map(move |col| (row, col))) {
            // The unit of a column, in its gate.
            let place = col / hidden * units + col % hidden;
            lines.push(match tensor.name {
                "w_hh" => (INPUTS + row) * wide + place,
                "w_ih" => (1 + row) * wide + place,
                "b_h" => 3 * wide + place,
                "w_ho" => column * wide + row,
                _ => column * wide + units,
            });
        }
    }
    lines
}

impl<F: Lane> Room<F> {
    /// Makes room, zeros where it is new.
    fn reserve<C: Cell<F>, const SCALED: bool, const N: usize>(&mut self, shape: Shape, noise: bool) {
        if self.laid == Some(noise) {
            return;
        }
        self.laid = Some(noise);
        let Shape { units, column, wide, bits, .. } = shape;
        let lines = |n: usize| n * N * lanes::<F>();
        let only = |wanted: bool, n: usize| if wanted { lines(n) } else { 0 };
        self.x.reserve(lines((bits + 1) * column));
        self.dz.reserve(lines(bits * wide));
        self.target.reserve(lines(bits));
        self.dz_o.reserve(lines(bits));
        self.scale.reserve(only(SCALED, bits + 1));
        self.h.reserve(only(SCALED, bits * units));
        self.clean.reserve(only(noise && C::KEPT == 0, bits * units));
        self.kept.reserve(only(C::KEPT > 0, bits * units * KEPT));
        self.flow.reserve(only(C::KEPT > 0, units));
    }

    /// Bits as floats, and s.
    #[inline(always)]
    fn inputs<S: Simd, const SCALED: bool, const N: usize>(&mut self, simd: S, shape: Shape, part: Part<'_, F>) {
        let Shape { column, bits, bias, .. } = shape;
        let l = lanes::<F>();
        let line = N * l;
        let one = Vector::<S, F>::splat(simd, if bias { F::one() } else { F::zero() });
        let (word, first) = (part.from / WORD, part.from % WORD);
        for (t, [a, b, c]) in part.additions.word(word).iter().enumerate() {
            let x = &mut self.x[(t * column + 1) * line..][..3 * line];
            let target = &mut self.target[t * line..][..line];
            for n in 0..N {
                #[expect(clippy::cast_possible_truncation, reason = "below 32")]
                let place = (first + n) as u32;
                store::<S, F>(F::bits(simd, a, place), x, n * l);
                store::<S, F>(F::bits(simd, b, place), x, (N + n) * l);
                store::<S, F>(one, x, (2 * N + n) * l);
                store::<S, F>(F::bits(simd, c, place), target, n * l);
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
                    let at = (t * column + 1) * line + n * l;
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
    fn forward<S: Simd, C: Cell<F>, const SCALED: bool, const N: usize, const TILE: usize>(
        &mut self,
        simd: S,
        (shape, net): (Shape, &Net),
        cell: C,
        weights: &[F],
        noise: Option<(&LaneNoise<F>, usize)>,
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
            let x = &x[line..if t == 0 { INPUTS } else { column } * line];
            let (before, kept) = self.kept.split_at_mut(if C::KEPT > 0 { t * units * KEPT * line } else { 0 });
            let mut z_o = [b_o; N];
            for u in (0..units).step_by(TILE) {
                let w_ho = &w_ho[u * l..][..TILE * l];
                let mut z = [[[zero; N]; TILE]; 4];
                for g in 0..C::GATES {
                    z[g] = product::<S, F, N, TILE>(simd, &w[(wide + g * units + u) * l..], wide, x);
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
            if let Some((noise, from)) = noise {
                let step = t * units * line;
                if C::KEPT > 0 {
                    let c = kept.chunks_exact_mut(KEPT * line).take(hidden);
                    noise.disturb_cells((from, t), c.map(|kept| &mut kept[C * line..][..line]));
                } else {
                    self.clean[step..][..units * line].copy_from_slice(next);
                }
                noise.disturb::<N>((from, t), &mut next[..hidden * line]);
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
        for (target, z_o) in self.target.chunks_exact(line).zip(self.dz_o.chunks_exact_mut(line)) {
            for n in 0..N {
                let (z, target) = (load(simd, z_o, n * l), load(simd, target, n * l));
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
    fn backward<S: Simd, C: Cell<F>, const SCALED: bool, const N: usize, const TILE: usize>(
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

    /// Gradients of all weights, in tiles of I × I.
    #[inline(always)]
    fn gradients<S: Simd, const SCALED: bool, const N: usize, const I: usize>(
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
struct To<'a, F> {
    weights: &'a mut [F],
    grads: &'a mut [F],
    first: bool,
    sgd: Option<&'a Sgd<F>>,
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
