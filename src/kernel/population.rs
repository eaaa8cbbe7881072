//! Populations: nets of one shape side by side, a net to a lane.
//!
//! A small net that learns one addition at a time cannot fill a processor. Sixteen of them can: a
//! line of 64 bytes holds one number of each net, and all that is done is done line by line. Lanes
//! never mix, so that a net gets the same bits in any lane, beside any others.
//!
//! # The method
//!
//! What a step reads is one column, `x_t = (a_t, b_t, 1, s_t h_{t−1})`, of K = 3 + H lines (0 for 1
//! without biases), so that input weights, biases and recurrent weights are one matrix W `[K,
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

use super::cell::{Cell, Net};
use super::elman::Elman;
use super::lstm::Lstm;
use super::math::{for_checks, register};
use super::noise::LaneNoise;
use super::population_gradients::To;
use super::population_pass::{INPUTS, ONE, Part, Room, Sgd, Shape, Tallies};
use super::rows::{Aligned, lanes};
use super::{Float, Noise, SimdLevel};
use crate::model::{self, Activation, Config, Layout};
use crate::task::lanes::{LaneBits, PerLane};
use crate::task::tree::Number;
use fearless_simd::prelude::*;

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
        // Each cell is a function of its own, and a constant φ leaves no branches in its inner
        // loops.
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
            (model::Cell::Elman, Activation::Sigmoid) if const { !brief::<S, F>() } => {
                minibatch!(false, Elman(Activation::Sigmoid))
            }
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
            // Where there are registers, eight sums or more, so that none waits for itself. The
            // gates of an LSTM are sums enough.
            if const { brief::<S, F>() } {
                self.part::<S, C, SCALED, 1, 2>(simd, cell, part);
            } else if const { !long::<S, F>() } {
                self.part::<S, C, SCALED, 1, 4>(simd, cell, part);
            } else if many {
                self.part::<S, C, SCALED, MANY, 2>(simd, cell, part);
            } else if const { C::GATES == 1 } && self.shape.units > 4 {
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
        room.forward::<S, C, SCALED, N, TILE>(simd, (*shape, net), cell, weights, (part, noise.as_deref()), tallies);
        room.backward::<S, C, SCALED, N, TILE>(simd, *shape, cell, weights, noise.is_some());
        let to = To { weights, grads, first: part.first, sgd: part.sgd };
        // A tile takes half of the registers for its sums.
        if const { register::<S>() == 16 } {
            room.gradients::<S, N, 4>(simd, *shape, to);
        } else {
            room.gradients::<S, N, 2>(simd, *shape, to);
        }
    }
}

impl Population<f32> {
    /// Gives the lines of each parameter and of its gradient to `f`, in the order of the
    /// parameters.
    #[inline(always)]
    pub(crate) fn each(&mut self, mut f: impl FnMut(usize, &mut PerLane<f32>, &PerLane<f32>)) {
        let (weights, grads) = (self.weights.as_chunks_mut().0, self.grads.as_chunks().0);
        for (index, &line) in self.lines.iter().enumerate() {
            f(index, &mut weights[line], &grads[line]);
        }
    }
}

/// Whether the compiler's time counts more than the program's: the baseline is for old machines.
const fn brief<S: Simd, F>() -> bool {
    for_checks::<F>() || register::<S>() < 8
}

/// Whether registers are as long as lines.
const fn long<S: Simd, F>() -> bool {
    !brief::<S, F>() && register::<S>() == 16
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
                "w_ih" => row * wide + place,
                "b_h" => ONE * wide + place,
                "w_ho" => column * wide + row,
                _ => column * wide + units,
            });
        }
    }
    lines
}
