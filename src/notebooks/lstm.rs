//! The LSTM that notebook 004 shows but never trains.
//!
//! ```text
//! i, f, o = σ(x W + h_{t−1} U)    g = tanh(x W + h_{t−1} U)    c_t = tanh(g·i + c_{t−1}·f)    h_t = c_t·o    y_t = σ(h_t w_ho)
//! dh_t = dy_t w_hoᵀ + Σ_k dz^k_{t+1} U_kᵀ       k in i, f, g, o
//! dz = (dh·o + carry)(1−c²)                     carry = dz·f
//! dz^o = dh·c·o(1−o)   dz^g = dz·i(1−g²)   dz^i = dz·g·i(1−i)   dz^f = dz·c_{t−1}·f(1−f)
//! ```
//! Sums are plain, and the factors that the notebook got wrong are [`Rules`], as in `elman.rs`. Its
//! text is read with the forget gate where it has that gate's weights.

use super::activation::sigmoid;
use super::elman::Tape;
use super::numpy::Legacy;

/// Gates in the field's order.
const I: usize = 0;
const F: usize = 1;
const G: usize = 2;
const O: usize = 3;

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

    /// Drawn as in 004, from normals: candidate, input, forget, output gate, each input before
    /// recurrent; then the output layer.
    pub(crate) fn draw(rng: &mut Legacy, hidden: usize) -> Self {
        let mut net = Self::zeros(hidden);
        let block = net.block();
        let ranges = [G, I, F, O].map(|gate| gate * block..(gate + 1) * block);
        for range in ranges.into_iter().chain(std::iter::once(4 * block..4 * block + hidden)) {
            for w in &mut net.params[range] {
                *w = rng.standard_normal();
            }
        }
        net
    }

    fn block(&self) -> usize {
        2 * self.hidden + self.hidden * self.hidden
    }

    fn w_ih(&self, gate: usize) -> &[f64] {
        &self.params[gate * self.block()..][..2 * self.hidden]
    }

    fn w_hh(&self, gate: usize) -> &[f64] {
        &self.params[gate * self.block() + 2 * self.hidden..][..self.hidden * self.hidden]
    }

    fn w_ho(&self) -> &[f64] {
        &self.params[4 * self.block()..]
    }

    /// Runs the net over the tape's inputs, filling its outputs. Returns the steps, the zero state
    /// first.
    pub(crate) fn forward(&self, tape: &mut Tape) -> Vec<Step> {
        let zeros = || vec![0.0; self.hidden];
        let mut steps = vec![Step { gates: std::array::from_fn(|_| zeros()), c: zeros(), h: zeros() }];
        for (&x, y) in tape.x.iter().zip(&mut tape.y) {
            let before = &steps[steps.len() - 1];
            let mut gates = [I, F, G, O].map(|gate| self.pre_activation(gate, x, &before.h));
            for (gate, values) in gates.iter_mut().enumerate() {
                let phi = if gate == G { f64::tanh } else { sigmoid };
                values.iter_mut().for_each(|v| *v = phi(*v));
            }
            let [i, f, g, o] = &gates;
            let c: Vec<f64> = (0..self.hidden).map(|j| (g[j] * i[j] + before.c[j] * f[j]).tanh()).collect();
            let h: Vec<f64> = c.iter().zip(o).map(|(c, o)| c * o).collect();
            *y = sigmoid(h.iter().zip(self.w_ho()).fold(0.0, |sum, (h, w)| sum + h * w));
            steps.push(Step { gates, c, h });
        }
        steps
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
    pub(crate) fn backward_acc(&self, tape: &Tape, steps: &[Step], rules: &Rules, gradient: &mut Self) {
        let (hidden, block) = (self.hidden, self.block());
        let mut dz_later: [Vec<f64>; 4] = std::array::from_fn(|_| vec![0.0; hidden]);
        let mut carry = vec![0.0; hidden];
        for t in (1..steps.len()).rev() {
            let (now, before) = (&steps[t], &steps[t - 1]);
            let y = tape.y[t - 1];
            let dy = (y - tape.target[t - 1]) * (y * (1.0 - y));
            let mut dh: Vec<f64> = self.w_ho().iter().map(|w| dy * w).collect();
            for gate in [I, F, G, O] {
                (rules.dh_from_gate)(&dz_later[gate], self.w_hh(gate), &mut dh);
            }
            let [i, f, g, o] = &now.gates;
            for j in 0..hidden {
                let dz = (dh[j] * o[j] + carry[j]) * (rules.tanh_slope)(now.c[j]);
                dz_later[I][j] = dz * g[j] * i[j] * (1.0 - i[j]);
                dz_later[F][j] = dz * before.c[j] * f[j] * (1.0 - f[j]);
                dz_later[G][j] = dz * i[j] * (rules.tanh_slope)(g[j]);
                dz_later[O][j] = dh[j] * now.c[j] * o[j] * (1.0 - o[j]);
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

/// One time step: gates after their activation, cell, state.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    gates: [Vec<f64>; 4],
    c: Vec<f64>,
    h: Vec<f64>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notebooks::activation::Activation::{Sigmoid, Tanh};

    #[test]
    fn outputs_are_those_of_the_notebooks_lstm_in_numpy() {
        let path = format!("{}/tests/data/004_lstm_forward_seed0.json", env!("CARGO_MANIFEST_DIR"));
        let trace: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(path).expect("readable")).expect("JSON");
        let mut rng = Legacy::new(0);
        let net = Lstm::draw(&mut rng, 16);
        let mut tape = Tape::new(8, 16, Tanh, Sigmoid);
        for sample in trace.as_array().expect("samples") {
            let (a, b) = (rng.below(128), rng.below(128));
            assert_eq!((Some(a.into()), Some(b.into())), (sample["a_int"].as_u64(), sample["b_int"].as_u64()));
            tape.load(a, b, |_, _| 1.0);
            net.forward(&mut tape);
            for (t, &y) in tape.y.iter().enumerate() {
                let theirs = sample["intended_output"][t].as_f64().expect("an output");
                assert!((y - theirs).abs() <= 1e-12, "{a} + {b}, step {t}: {y}, numpy's {theirs}");
            }
        }
    }
}
