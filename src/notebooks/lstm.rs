//! The LSTM that notebook 004 shows but never trains.
//!
//! ```text
//! i, f, o = σ(x W + h_{t−1} U)    g = tanh(x W + h_{t−1} U)    z_t = g·i + c_{t−1}·f    y_t = σ(h_t w_ho)
//! notebook: c_t = tanh(z_t), h_t = c_t·o        standard: c_t = z_t, h_t = tanh(c_t)·o
//! dh_t = dy_t w_hoᵀ + Σ_k dz^k_{t+1} U_kᵀ       k in i, f, g, o
//! notebook: dz = (dh·o + carry)(1−c²)           standard: dz = dh·o(1−tanh²c) + carry
//! dz^o = dh·(h/o)·o(1−o)   dz^g = dz·i(1−g²)   dz^i = dz·g·i(1−i)   dz^f = dz·c_{t−1}·f(1−f)   carry = dz·f
//! ```
//! Here h/o stands for c or tanh c. Sums are plain, and the factors that a notebook got wrong are
//! [`Rules`], as in `elman.rs`.

use super::activation::sigmoid;
use super::bits::lsb_first;
use super::numpy::Legacy;

/// Which of the two cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Notebook,
    Standard,
}

/// Gates in the field's order.
pub(crate) const I: usize = 0;
pub(crate) const F: usize = 1;
pub(crate) const G: usize = 2;
pub(crate) const O: usize = 3;

/// Parameters in one flat buffer: for each gate `w_ih` (2, H) and `w_hh` (H, H), then `w_ho` (H).
#[derive(Clone, Debug)]
pub(crate) struct Lstm {
    pub(crate) hidden: usize,
    pub(crate) params: Vec<f64>,
}

impl Lstm {
    pub(crate) fn zeros(hidden: usize) -> Self {
        Self { hidden, params: vec![0.0; 4 * (2 * hidden + hidden * hidden) + hidden] }
    }

    /// Drawn in 004's order: candidate, input, forget, output gate, each input before recurrent;
    /// then the output layer.
    pub(crate) fn draw(rng: &mut Legacy, hidden: usize, mut draw: impl FnMut(&mut Legacy) -> f64) -> Self {
        let mut net = Self::zeros(hidden);
        let block = net.block();
        let ranges = [G, I, F, O].map(|gate| gate * block..(gate + 1) * block);
        for range in ranges.into_iter().chain(std::iter::once(4 * block..4 * block + hidden)) {
            for w in &mut net.params[range] {
                *w = draw(rng);
            }
        }
        net
    }

    fn block(&self) -> usize {
        2 * self.hidden + self.hidden * self.hidden
    }

    pub(crate) fn w_ih(&self, gate: usize) -> &[f64] {
        &self.params[gate * self.block()..][..2 * self.hidden]
    }

    fn w_hh(&self, gate: usize) -> &[f64] {
        &self.params[gate * self.block() + 2 * self.hidden..][..self.hidden * self.hidden]
    }

    fn w_ho(&self) -> &[f64] {
        &self.params[4 * self.block()..]
    }

    /// Runs the net over the tape. `forget` may replace the forget gate of a step.
    pub(crate) fn forward(&self, tape: &mut LstmTape, tanh: fn(f64) -> f64, mut forget: impl FnMut(&mut [f64])) {
        for t in 1..=tape.bits {
            let x = tape.x[t - 1];
            let mut gates = [I, F, G, O].map(|gate| self.pre_activation(gate, x, &tape.steps[t - 1].h));
            for (gate, values) in gates.iter_mut().enumerate() {
                let phi = if gate == G { tanh } else { sigmoid };
                values.iter_mut().for_each(|v| *v = phi(*v));
            }
            forget(&mut gates[F]);
            let mut step = Step { c: vec![0.0; self.hidden], squashed: vec![0.0; self.hidden], h: vec![], gates };
            for j in 0..self.hidden {
                let z = step.gates[G][j] * step.gates[I][j] + tape.steps[t - 1].c[j] * step.gates[F][j];
                step.squashed[j] = tanh(z);
                step.c[j] = if tape.form == Form::Notebook { step.squashed[j] } else { z };
            }
            step.h = step.squashed.iter().zip(&step.gates[O]).map(|(c, o)| c * o).collect();
            tape.y[t - 1] = sigmoid(step.h.iter().zip(self.w_ho()).fold(0.0, |sum, (h, w)| sum + h * w));
            tape.steps[t] = step;
        }
    }

    fn pre_activation(&self, gate: usize, x: [f64; 2], h_prev: &[f64]) -> Vec<f64> {
        let (w_ih, w_hh, hidden) = (self.w_ih(gate), self.w_hh(gate), self.hidden);
        let mut z = vec![0.0; hidden];
        for (row, h) in w_hh.chunks_exact(hidden).zip(h_prev) {
            for (z, w) in z.iter_mut().zip(row) {
                *z += h * w;
            }
        }
        (0..hidden).map(|j| (x[0] * w_ih[j] + x[1] * w_ih[hidden + j]) + z[j]).collect()
    }

    /// Adds the gradient of the tape's loss `½ Σ (y − target)²`, by these rules, to `gradient`.
    pub(crate) fn backward_acc(&self, tape: &LstmTape, rules: &Rules, gradient: &mut Self) {
        let (hidden, block) = (self.hidden, self.block());
        let mut dz_later: [Vec<f64>; 4] = std::array::from_fn(|_| vec![0.0; hidden]);
        let mut carry = vec![0.0; hidden];
        for t in (1..=tape.bits).rev() {
            let (now, before) = (&tape.steps[t], &tape.steps[t - 1]);
            let y = tape.y[t - 1];
            let dy = (y - tape.target[t - 1]) * (y * (1.0 - y));
            let mut dh: Vec<f64> = self.w_ho().iter().map(|w| dy * w).collect();
            for gate in [I, F, G, O] {
                (rules.dh_from_gate)(&dz_later[gate], self.w_hh(gate), &mut dh);
            }
            let [i, f, g, o] = &now.gates;
            for j in 0..hidden {
                let slope = (rules.tanh_slope)(now.squashed[j]);
                let dz = match tape.form {
                    Form::Notebook => (dh[j] * o[j] + carry[j]) * slope,
                    Form::Standard => dh[j] * o[j] * slope + carry[j],
                };
                dz_later[I][j] = dz * g[j] * i[j] * (1.0 - i[j]);
                dz_later[F][j] = dz * before.c[j] * f[j] * (1.0 - f[j]);
                dz_later[G][j] = dz * i[j] * (rules.tanh_slope)(g[j]);
                dz_later[O][j] = dh[j] * now.squashed[j] * o[j] * (1.0 - o[j]);
                carry[j] = (rules.carry)(dz, f[j]);
                gradient.params[4 * block + j] += now.h[j] * dy;
            }
            for gate in [I, F, G, O] {
                let rows = tape.x[t - 1].into_iter().chain(before.h.iter().copied());
                let dw = &mut gradient.params[gate * block..][..block];
                for (dw, input) in dw.chunks_exact_mut(hidden).zip(rows) {
                    for (dw, dz) in dw.iter_mut().zip(&dz_later[gate]) {
                        *dw += input * dz;
                    }
                }
            }
        }
    }
}

/// One time step: gates after their activation, cell, `tanh` of the cell's sum, state.
#[derive(Clone, Debug)]
struct Step {
    gates: [Vec<f64>; 4],
    c: Vec<f64>,
    squashed: Vec<f64>,
    h: Vec<f64>,
}

/// One sample on its way through the LSTM; step 0 is the zero state.
#[derive(Clone, Debug)]
pub(crate) struct LstmTape {
    bits: usize,
    form: Form,
    x: Vec<[f64; 2]>,
    target: Vec<f64>,
    steps: Vec<Step>,
    pub(crate) y: Vec<f64>,
}

impl LstmTape {
    pub(crate) fn new(bits: usize, hidden: usize, form: Form) -> Self {
        let zeros = || vec![0.0; hidden];
        let zero = Step { gates: std::array::from_fn(|_| zeros()), c: zeros(), squashed: zeros(), h: zeros() };
        let steps = vec![zero; bits + 1];
        Self { bits, form, x: vec![[0.0; 2]; bits], target: vec![0.0; bits], steps, y: vec![0.0; bits] }
    }

    pub(crate) fn load(&mut self, a: u32, b: u32) {
        let (a_bits, b_bits) = (lsb_first(a, self.bits), lsb_first(b, self.bits));
        self.x = a_bits.into_iter().zip(b_bits).map(|(a, b)| [a, b]).collect();
        self.target = lsb_first(a + b, self.bits);
    }

    /// `½ Σ_t (y_t − target_t)²`.
    pub(crate) fn loss(&self) -> f64 {
        self.target.iter().zip(&self.y).map(|(target, y)| 0.5 * (y - target) * (y - target)).sum()
    }
}

/// The factors of the backward pass that 004 got wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Adds the error that a later gate passes back to `h_t`: `dz U_kᵀ`.
    pub(crate) dh_from_gate: fn(&[f64], &[f64], &mut [f64]),
    /// tanh′ from the value of tanh.
    pub(crate) tanh_slope: fn(f64) -> f64,
    /// What flows back through the cell: `dz·f`.
    pub(crate) carry: fn(f64, f64) -> f64,
}

/// The gradient of the loss.
pub(crate) const EXACT: Rules = Rules { dh_from_gate, tanh_slope: |tanh| 1.0 - tanh * tanh, carry: |dz, f| dz * f };

fn dh_from_gate(dz: &[f64], w_hh: &[f64], dh: &mut [f64]) {
    for (row, dh) in w_hh.chunks_exact(dz.len()).zip(dh) {
        *dh += row.iter().zip(dz).fold(0.0, |sum, (w, dz)| sum + dz * w);
    }
}
