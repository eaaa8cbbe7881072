//! Backpropagation through time over packed weights: what all cells and engines share.
//!
//! For a tile of samples: all steps forward, all steps backward, then the weight gradients of all steps. What differs is in
//! one file per cell: how `h_t` comes from `z_t`, and `dz_t` from `dh_t`.

use super::layout::{Shape, Tile};
use super::linear::{Linear, Matrix};
use super::math::{self, sum_lanes};
use super::products::{Blocks, Products, Size, samples_in};
use super::rows::{self, Output};
use super::workspace::{Extra, Workspace};
use super::{Float, Noise, dynamic, elman, lstm};
use crate::model::{Activation, Cell, Layout, Loss, LstmForm, Tally, Weights};
use crate::task::{BitTensor, Minibatch};
use fearless_simd::Simd;
use std::ops::Range;

/// What a kernel computes, apart from weights and samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Net {
    pub(crate) cell: Cell,
    pub(crate) lstm_form: LstmForm,
    pub(crate) hidden: usize,
    pub(crate) activation: Activation,
    pub(crate) output: Activation,
    pub(crate) loss: Loss,
    /// Disturbs what is carried, in gradients alone.
    pub(crate) noise: Option<Noise>,
}

impl Net {
    /// The activation of each gate; Elman and dynamic cells have one.
    pub(super) fn gates(&self) -> [Activation; 4] {
        match self.cell {
            Cell::Elman | Cell::Dynamic => [self.activation; 4],
            Cell::Lstm => [Activation::Sigmoid, Activation::Sigmoid, self.activation, Activation::Sigmoid],
        }
    }

    /// The shape of its buffers, with as many hidden units as `products` makes room for.
    fn shape<F: Float>(&self, products: impl Products<F>, steps: usize) -> Shape {
        let hidden = products.padded(self.hidden);
        Shape { cell: self.cell, units: self.hidden, hidden, wide: hidden * self.cell.gates(), steps }
    }
}

/// The packed weights of one update.
#[derive(Debug, Clone)]
pub(crate) struct Packed<W> {
    /// (h, a, b) to z times [`math::scale`].
    pub(super) forward: W,
    /// h to `z_o`.
    pub(super) output: W,
    /// (dz, `dz_o`) to dh.
    pub(super) backward: W,
}

impl<W> Packed<W> {
    /// Room for the weights of a net.
    pub(crate) fn zeros<F: Float>(products: impl Products<F, Weights = W>, net: &Net) -> Self {
        let (hidden, gates) = (net.hidden, net.cell.gates());
        Self {
            forward: products.weights(Size { hidden, gates_in: 1, rows_in: 2, gates_out: gates }),
            output: products.weights(Size { hidden, gates_in: 1, rows_in: 0, gates_out: 0 }),
            backward: products.weights(Size { hidden, gates_in: gates, rows_in: 1, gates_out: 1 }),
        }
    }

    /// Packs the weights of one update.
    pub(crate) fn pack<S: Simd, F: Float>(
        &mut self,
        simd: S,
        products: impl Products<F, Weights = W>,
        net: &Net,
        w: &Weights<'_, F>,
    ) {
        let (hidden, wide) = (net.hidden, net.hidden * net.cell.gates());
        let all_gates = |from, inputs| Matrix { from, inputs, per_input: wide, per_gate: hidden, per_unit: 1 };
        let forward = [all_gates(w.w_hh, hidden), all_gates(w.w_ih, 2)];
        let scales = net.gates().map(math::scale);
        products.pack(simd, &mut self.forward, Linear { weights: &forward, biases: w.b_h, scales: &scales });
        let (h, one) = (Matrix { from: w.w_ho, inputs: hidden, per_input: 1, per_gate: 0, per_unit: 0 }, [F::one()]);
        products.pack(simd, &mut self.output, Linear { weights: &[h], biases: w.b_o, scales: &one });
        let dz = Matrix { from: w.w_hh, inputs: wide, per_input: 1, per_gate: 0, per_unit: wide };
        let dz_o = Matrix { from: w.w_ho, inputs: 1, per_input: 1, per_gate: 0, per_unit: 1 };
        products.pack(simd, &mut self.backward, Linear { weights: &[dz, dz_o], biases: &[], scales: &one });
    }
}

/// Where a step forward reads and writes: blocks t and t + 1 in training, two blocks in turn in an evaluation.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) t: usize,
    pub(super) from: usize,
    pub(super) to: usize,
}

impl At {
    /// The inputs of the forward product: all rows of the state but the ones, without h at the first step.
    pub(super) fn inputs(self, tile: &Tile) -> Range<usize> {
        let hidden = tile.shape.hidden;
        if self.t == 0 { hidden..hidden + 2 } else { 0..hidden + 2 }
    }

    /// Those rows.
    pub(super) fn rows(self, tile: &Tile, inputs: &Range<usize>) -> Range<usize> {
        tile.rows(self.from * tile.shape.state_rows() + inputs.start, inputs.len())
    }
}

/// One pass over words of samples.
#[derive(Debug)]
pub(crate) struct Pass<'a, P, W> {
    pub(crate) net: Net,
    pub(crate) products: P,
    pub(crate) packed: &'a Packed<W>,
    pub(crate) batch: &'a Minibatch,
    /// Words of the minibatch's samples.
    pub(crate) words: Range<usize>,
}

impl<W, P> Pass<'_, P, W> {
    /// Forward and backward; adds the gradient of the summed loss to `grad`, a flat buffer of `layout`.
    #[inline(always)]
    pub(crate) fn gradient<S: Simd, F: Float>(
        &self,
        simd: S,
        ws: &mut Workspace<F>,
        layout: &Layout,
        grad: &mut [F],
    ) -> Tally
    where
        P: Products<F, Weights = W>,
    {
        let shape = self.net.shape(self.products, self.batch.bits());
        let (sums, room) = (self.products.sums(shape), self.products.room(shape));
        ws.clear_sums(sums, room);
        let mut tally = Tally::default();
        for tile in self.tiles() {
            ws.lay_out(shape, tile.width, shape.steps + 1, true);
            if self.net.noise.is_some() {
                ws.extra.clean.reserve((shape.steps + 1) * shape.hidden * tile.width);
            }
            self.note_valid(&tile, ws);
            tally.wrong_bits += if self.products.one_sample(&tile) && self.net.noise.is_none() {
                self.forward_of_one(simd, &tile, ws)
            } else {
                self.forward_by_steps(simd, &tile, ws)
            };
            self.backward(simd, &tile, ws);
            let blocks = Blocks { state: &ws.state, delta: &ws.delta, h: &ws.extra.h };
            self.products.weight_gradients(simd, &tile, blocks, &mut ws.sums[..sums + room]);
            tally.wrong_samples += ws.wrong_samples();
            tally.loss += sum_lanes(&ws.loss).widen();
        }
        self.scatter(self.products.totals(shape, &mut ws.sums[..sums + room]), shape, layout, grad);
        tally
    }

    /// All steps forward, and their outputs; returns the wrong bits.
    #[inline(always)]
    fn forward_by_steps<S: Simd, F: Float>(&self, simd: S, tile: &Tile, ws: &mut Workspace<F>) -> u64
    where
        P: Products<F, Weights = W>,
    {
        let mut wrong_bits = 0;
        for t in 0..tile.shape.steps {
            let at = At { t, from: t, to: t + 1 };
            self.inputs(simd, tile, at, ws);
            self.forward(simd, tile, at, ws);
            if let Some(noise) = self.net.noise {
                noise.add(simd, tile, at, ws);
            }
            wrong_bits += self.output(simd, tile, t, ws);
        }
        wrong_bits
    }

    /// Forward only, with two blocks of states whatever the width; `predicted` takes the answers.
    #[inline(always)]
    pub(crate) fn evaluate<S: Simd, F: Float>(
        &self,
        simd: S,
        ws: &mut Workspace<F>,
        mut predicted: Option<&mut BitTensor>,
    ) -> Tally
    where
        P: Products<F, Weights = W>,
    {
        let shape = self.net.shape(self.products, self.batch.bits());
        let mut tally = Tally::default();
        for tile in self.tiles() {
            ws.lay_out(shape, tile.width, 2, false);
            self.note_valid(&tile, ws);
            for t in 0..shape.steps {
                let at = At { t, from: t % 2, to: (t + 1) % 2 };
                self.inputs(simd, &tile, at, ws);
                self.forward(simd, &tile, at, ws);
                let z_o = &mut ws.delta[..tile.width];
                let h = hidden_rows(&tile, &ws.state, &ws.extra, at.to);
                self.products.output(simd, &tile, &self.packed.output, h, z_o);
                rows::answer(simd, self.net.output, z_o, &mut ws.answer);
                let targets = &self.batch.c.column(t)[tile.words.clone()];
                for (i, (&answer, &target)) in ws.answer.iter().zip(targets).enumerate() {
                    let wrong = (answer ^ target) & ws.valid[i];
                    ws.wrong[i] |= wrong;
                    tally.wrong_bits += u64::from(wrong.count_ones());
                }
                if let Some(predicted) = predicted.as_deref_mut() {
                    let column = &mut predicted.column_mut(t)[tile.words.clone()];
                    for ((word, answer), valid) in column.iter_mut().zip(&ws.answer).zip(&ws.valid) {
                        *word = answer & valid;
                    }
                }
            }
            tally.wrong_samples += ws.wrong_samples();
        }
        tally
    }

    /// The samples in the runs that go through together.
    fn tiles<F: Float>(&self) -> impl Iterator<Item = Tile> + use<F, W, P>
    where
        P: Products<F, Weights = W>,
    {
        let (words, shape) = (self.words.clone(), self.net.shape(self.products, self.batch.bits()));
        let samples = self.batch.samples();
        let step = self.products.together(words.len()).max(1);
        words.clone().step_by(step).map(move |start| {
            let words = start..(start + step).min(words.end);
            let width = samples_in(words.len());
            Tile { shape, width, samples: width.min(samples - samples_in(words.start)), words }
        })
    }

    /// Notes which samples exist.
    fn note_valid<F: Float>(&self, tile: &Tile, ws: &mut Workspace<F>) {
        for (valid, word) in ws.valid.iter_mut().zip(tile.words.clone()) {
            *valid = self.batch.a.valid(word);
        }
    }

    /// `x_t` of step t into the state.
    #[inline(always)]
    fn inputs<S: Simd, F: Float>(&self, simd: S, tile: &Tile, at: At, ws: &mut Workspace<F>)
    where
        P: Products<F, Weights = W>,
    {
        let ((a, b), read) = (ws.state[tile.x(at.from)].split_at_mut(tile.width), self.products.read::<S>(tile));
        rows::expand(simd, &self.batch.a.column(at.t)[tile.words.clone()], &mut a[..read]);
        rows::expand(simd, &self.batch.b.column(at.t)[tile.words.clone()], &mut b[..read]);
    }

    /// Step t: `h_t` from `h_{t−1}` and `x_t`.
    #[inline(always)]
    pub(super) fn forward<S: Simd, F: Float>(&self, simd: S, tile: &Tile, at: At, ws: &mut Workspace<F>)
    where
        P: Products<F, Weights = W>,
    {
        match self.net.cell {
            Cell::Elman => elman::forward(simd, self, tile, at, ws),
            Cell::Dynamic => dynamic::forward(simd, self, tile, at, ws),
            Cell::Lstm => lstm::forward(simd, self, tile, at, ws),
        }
    }

    /// Output of step t: `z_o = h_t W_ho + b_o`, counted, and `dz_o` into the next block of delta.
    #[inline(always)]
    fn output<S: Simd, F: Float>(&self, simd: S, tile: &Tile, t: usize, ws: &mut Workspace<F>) -> u64
    where
        P: Products<F, Weights = W>,
    {
        let dz_o = &mut ws.delta[tile.dz_o(t + 1)];
        let h = hidden_rows(tile, &ws.state, &ws.extra, t + 1);
        self.products.output(simd, tile, &self.packed.output, h, dz_o);
        let output = Output {
            activation: self.net.output,
            loss: self.net.loss,
            target: &self.batch.c.column(t)[tile.words.clone()],
            valid: &ws.valid,
            lanes: &mut ws.loss,
        };
        let (mut wrong_bits, seen) = (0, &mut ws.wrong);
        output.run(simd, &mut dz_o[..self.products.read::<S>(tile)], |word, wrong| {
            wrong_bits += u64::from(wrong.count_ones());
            seen[word] |= wrong;
        });
        wrong_bits
    }

    /// All steps backward: `dh_t = dz_{t+1} W_hhᵀ + dz_o W_hoᵀ`, then the cell.
    #[inline(always)]
    fn backward<S: Simd, F: Float>(&self, simd: S, tile: &Tile, ws: &mut Workspace<F>)
    where
        P: Products<F, Weights = W>,
    {
        let steps = (0..tile.shape.steps).rev();
        match self.net.cell {
            Cell::Elman => elman::all_backward(simd, self, tile, ws),
            Cell::Dynamic => steps.for_each(|t| dynamic::backward(simd, self, tile, t, ws)),
            Cell::Lstm => steps.for_each(|t| lstm::backward(simd, self, tile, t, ws)),
        }
    }

    /// Adds finished sums to the flat gradient.
    #[inline(always)]
    fn scatter<F: Float>(&self, totals: &[F], shape: Shape, layout: &Layout, grad: &mut [F])
    where
        P: Products<F, Weights = W>,
    {
        for tensor in layout.tensors() {
            let (place, hidden) = (self.products.place(shape, tensor.name), self.net.hidden.min(tensor.cols));
            let (gates, grad) = (tensor.cols / hidden, &mut grad[tensor.range()]);
            let add = |first: usize, grad: &mut [F]| {
                grad.iter_mut().zip(&totals[first..]).for_each(|(grad, &total)| *grad += total);
            };
            if gates == 1 && place.row == hidden {
                add(place.first, grad);
                continue;
            }
            for r in 0..tensor.rows {
                for g in 0..gates {
                    let first = place.first + r * place.row + g * place.gate;
                    add(first, &mut grad[r * tensor.cols + g * hidden..][..hidden]);
                }
            }
        }
    }
}

/// h of a block.
fn hidden_rows<'a, F>(tile: &Tile, state: &'a [F], extra: &'a Extra<F>, block: usize) -> &'a [F] {
    let (blocks, rows) = hidden_blocks(tile, state, extra);
    &blocks[tile.rows(block * rows, tile.shape.hidden)]
}

/// The blocks that begin with h, and the rows of each: the state, but for the dynamic cell, whose state holds h scaled.
pub(super) fn hidden_blocks<'a, F>(tile: &Tile, state: &'a [F], extra: &'a Extra<F>) -> (&'a [F], usize) {
    match tile.shape.cell {
        Cell::Elman | Cell::Lstm => (state, tile.shape.state_rows()),
        Cell::Dynamic => (&extra.h, tile.shape.hidden),
    }
}
