//! Backpropagation through time over packed weights: what all cells and both engines share.
//!
//! For a tile of samples: all steps forward, all steps backward, then the weight gradients of all steps.

use super::Float;
use super::layout::Shape;
use super::outer::Outer;
use super::products::{Products, samples_in};
use super::rows::{self, Output};
use super::workspace::Workspace;
use crate::model::{Activation, Layout, Loss, Tally, Weights};
use crate::task::{BitTensor, Minibatch};
use fearless_simd::Simd;
use std::ops::Range;

/// What a kernel computes, apart from weights and samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Net {
    pub(crate) hidden: usize,
    pub(crate) activation: Activation,
    pub(crate) output: Activation,
    pub(crate) loss: Loss,
}

impl Net {
    fn shape(&self, steps: usize) -> Shape {
        Shape { hidden: self.hidden, wide: self.hidden, steps }
    }
}

/// The packed weights of one update.
#[derive(Debug, Clone)]
pub(crate) struct Packed<W> {
    /// (h, a, b) to z.
    forward: W,
    /// h to z_o.
    output: W,
    /// (dz, dz_o) to dh.
    backward: W,
}

impl<W> Packed<W> {
    /// Room for the weights of a net.
    pub(crate) fn zeros<F: Float>(products: impl Products<F, Weights = W>, net: &Net) -> Self {
        let (hidden, wide) = (net.hidden, net.hidden);
        Self {
            forward: products.weights(hidden + 2, wide),
            output: products.weights(hidden, 1),
            backward: products.weights(wide + 1, hidden),
        }
    }

    /// Packs the weights of one update.
    pub(crate) fn pack<F: Float>(&mut self, products: impl Products<F, Weights = W>, net: &Net, w: &Weights<'_, F>) {
        let (hidden, wide) = (net.hidden, net.hidden);
        let bias = |m: usize| w.b_h.get(m).copied().unwrap_or_else(F::zero);
        products.pack(&mut self.forward, bias, |k, m| {
            if k < hidden { w.w_hh[k * wide + m] } else { w.w_ih[(k - hidden) * wide + m] }
        });
        products.pack(&mut self.output, |_| w.b_o.first().copied().unwrap_or_else(F::zero), |k, _| w.w_ho[k]);
        products.pack(
            &mut self.backward,
            |_| F::zero(),
            |k, m| if k < wide { w.w_hh[m * wide + k] } else { w.w_ho[m] },
        );
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
        let shape = self.net.shape(self.batch.bits());
        ws.clear_sums(shape, P::SUMS);
        let mut tally = Tally::default();
        for words in self.together() {
            let width = samples_in(words.len());
            ws.lay_out(shape, width, shape.steps + 1, true);
            self.valid(ws, &words);
            for t in 0..shape.steps {
                self.forward(simd, ws, shape, width, &words, [t, t + 1], t);
                tally.wrong_bits += self.output(simd, ws, shape, width, &words, t);
            }
            for t in (0..shape.steps).rev() {
                self.backward(simd, ws, shape, width, t);
            }
            self.weight_gradients(simd, ws, shape, width);
            tally.wrong_samples += ws.wrong.iter().map(|w| u64::from(w.count_ones())).sum::<u64>();
            tally.loss += super::outer::sum_lanes(&ws.loss).widen();
        }
        self.scatter(ws, shape, layout, grad);
        tally
    }

    /// Forward only, with two blocks of states whatever the width; `predicted` takes the answers.
    pub(crate) fn evaluate<S: Simd, F: Float>(
        &self,
        simd: S,
        ws: &mut Workspace<F>,
        mut predicted: Option<&mut BitTensor>,
    ) -> Tally
    where
        P: Products<F, Weights = W>,
    {
        let shape = self.net.shape(self.batch.bits());
        let mut tally = Tally::default();
        let mut answered = Vec::new();
        for words in self.together() {
            let width = samples_in(words.len());
            ws.lay_out(shape, width, 2, false);
            self.valid(ws, &words);
            answered.resize(words.len(), 0);
            for t in 0..shape.steps {
                let next = (t + 1) % 2;
                self.forward(simd, ws, shape, width, &words, [t % 2, next], t);
                let h = &ws.state[next * shape.state_rows() * width..][..shape.hidden * width];
                let z = &mut ws.delta[..width];
                self.products.product(simd, &self.packed.output, 0..shape.hidden, h, z);
                rows::answer(simd, self.net.output, z, &mut answered);
                let target = &self.batch.c.column(t)[words.clone()];
                for (i, (&answer, &target)) in answered.iter().zip(target).enumerate() {
                    let wrong = (answer ^ target) & ws.valid[i];
                    ws.wrong[i] |= wrong;
                    tally.wrong_bits += u64::from(wrong.count_ones());
                }
                if let Some(predicted) = predicted.as_deref_mut() {
                    let column = &mut predicted.column_mut(t)[words.clone()];
                    for (i, word) in column.iter_mut().enumerate() {
                        *word = answered[i] & ws.valid[i];
                    }
                }
            }
            tally.wrong_samples += ws.wrong.iter().map(|w| u64::from(w.count_ones())).sum::<u64>();
        }
        tally
    }

    /// The words in the runs that go through together.
    fn together<F: Float>(&self) -> impl Iterator<Item = Range<usize>> + use<F, W, P>
    where
        P: Products<F, Weights = W>,
    {
        let (words, step) = (self.words.clone(), self.products.together(self.words.len()).max(1));
        words.clone().step_by(step).map(move |start| start..(start + step).min(words.end))
    }

    /// Notes which samples exist.
    fn valid<F: Float>(&self, ws: &mut Workspace<F>, words: &Range<usize>) {
        for (valid, word) in ws.valid.iter_mut().zip(words.clone()) {
            *valid = self.batch.a.valid(word);
        }
    }

    /// Step t: `z_t = h_{t−1} W_hh + x_t W_ih + b_h`, `h_t = φ(z_t)`, from one block of states to another.
    fn forward<S: Simd, F: Float>(
        &self,
        simd: S,
        ws: &mut Workspace<F>,
        shape: Shape,
        width: usize,
        words: &Range<usize>,
        [from, to]: [usize; 2],
        t: usize,
    ) where
        P: Products<F, Weights = W>,
    {
        let (hidden, block) = (shape.hidden, shape.state_rows() * width);
        let x = &mut ws.state[from * block + hidden * width..][..2 * width];
        rows::expand(simd, &self.batch.a.column(t)[words.clone()], &mut x[..width]);
        rows::expand(simd, &self.batch.b.column(t)[words.clone()], &mut x[width..]);
        let [state, next] = ws
            .state
            .get_disjoint_mut([from * block..(from + 1) * block, to * block..(to + 1) * block])
            .expect("two blocks");
        let inputs = if t == 0 { hidden..hidden + 2 } else { 0..hidden + 2 };
        let h = &mut next[..hidden * width];
        let rows = &state[inputs.start * width..inputs.end * width];
        self.products.product(simd, &self.packed.forward, inputs, rows, h);
        rows::activate(simd, self.net.activation, h);
    }

    /// Output of step t: `z_o = h_t W_ho + b_o`, counted, and dz_o into the next block of delta.
    fn output<S: Simd, F: Float>(
        &self,
        simd: S,
        ws: &mut Workspace<F>,
        shape: Shape,
        width: usize,
        words: &Range<usize>,
        t: usize,
    ) -> u64
    where
        P: Products<F, Weights = W>,
    {
        let h = &ws.state[(t + 1) * shape.state_rows() * width..][..shape.hidden * width];
        let dz_o = &mut ws.delta[((t + 1) * shape.delta_rows() + shape.wide) * width..][..width];
        self.products.product(simd, &self.packed.output, 0..shape.hidden, h, dz_o);
        let output = Output {
            activation: self.net.output,
            loss: self.net.loss,
            target: &self.batch.c.column(t)[words.clone()],
            valid: &ws.valid,
            lanes: &mut ws.loss,
        };
        let (mut wrong_bits, seen) = (0, &mut ws.wrong);
        output.run(simd, dz_o, |word, wrong| {
            wrong_bits += u64::from(wrong.count_ones());
            seen[word] |= wrong;
        });
        wrong_bits
    }

    /// Step t backward: `dh_t = dz_{t+1} W_hhᵀ + dz_o W_hoᵀ`, `dz_t = dh_t ⊙ φ′`.
    fn backward<S: Simd, F: Float>(&self, simd: S, ws: &mut Workspace<F>, shape: Shape, width: usize, t: usize)
    where
        P: Products<F, Weights = W>,
    {
        let (wide, block) = (shape.wide, shape.delta_rows() * width);
        let (earlier, later) = ws.delta.split_at_mut((t + 1) * block);
        let inputs = if t + 1 == shape.steps { wide..wide + 1 } else { 0..wide + 1 };
        let dz = &mut earlier[t * block..][..wide * width];
        let rows = &later[inputs.start * width..inputs.end * width];
        self.products.product(simd, &self.packed.backward, inputs, rows, dz);
        let h = &ws.state[(t + 1) * shape.state_rows() * width..][..shape.hidden * width];
        rows::derive(simd, self.net.activation, h, dz);
    }

    /// `Σ_t state_t · delta_tᵀ`, the parts of it that are gradients.
    fn weight_gradients<S: Simd, F: Float>(&self, simd: S, ws: &mut Workspace<F>, shape: Shape, width: usize)
    where
        P: Products<F, Weights = W>,
    {
        let (hidden, wide, steps) = (shape.hidden, shape.wide, shape.steps);
        let sums = &mut ws.sums[..shape.state_rows() * shape.delta_rows() * P::SUMS];
        let parts = [
            // dW_hh: h_{t−1} with dz_t; h_{−1} is zero.
            (1..steps, 0..hidden, 0..wide),
            // dW_ih and db_h: a_t, b_t, 1 with dz_t.
            (0..steps, hidden..hidden + 3, 0..wide),
            // dW_ho: h_{t−1} with dz_o of step t−1; the same blocks.
            (1..steps + 1, 0..hidden, wide..wide + 1),
            // db_o: 1 with dz_o of step t−1.
            (1..steps + 1, hidden + 2..hidden + 3, wide..wide + 1),
        ];
        for (steps, rows, cols) in parts {
            let blocks = [shape.state_rows(), shape.delta_rows()];
            let outer = Outer { a: &ws.state, b: &ws.delta, blocks, width, steps, rows, cols };
            self.products.outer(simd, &outer, shape.delta_rows(), sums);
        }
    }

    /// Adds the finished sums to the flat gradient.
    fn scatter<F: Float>(&self, ws: &Workspace<F>, shape: Shape, layout: &Layout, grad: &mut [F])
    where
        P: Products<F, Weights = W>,
    {
        let (hidden, wide, cols) = (shape.hidden, shape.wide, shape.delta_rows());
        for tensor in layout.tensors() {
            let (row, col) = match tensor.name {
                "w_hh" => (0, 0),
                "w_ih" => (hidden, 0),
                "b_h" => (hidden + 2, 0),
                "w_ho" => (0, wide),
                _ => (hidden + 2, wide),
            };
            for (i, g) in grad[tensor.range()].iter_mut().enumerate() {
                let entry = (row + i / tensor.cols) * cols + col + i % tensor.cols;
                *g += self.products.sum(&ws.sums[entry * P::SUMS..][..P::SUMS]);
            }
        }
    }
}
