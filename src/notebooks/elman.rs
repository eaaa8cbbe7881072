//! The one network behind every replayed notebook: Elman's, with an optional scale on the recurrent
//! term.
//!
//! ```text
//! z_t = x_t W_ih + s_t (h_{t−1} W_hh) + b_h      h_t = φ(z_t)      y_t = ψ(h_t w_ho + b_o)      h_0 = 0
//! dy_t = (y_t − target_t) ψ′                     dz_t = (s_{t+1} dz_{t+1} W_hhᵀ + dy_t w_hoᵀ) ⊙ φ′
//! dw_ho = Σ h_tᵀ dy_t    dW_hh = Σ s_t h_{t−1}ᵀ dz_t    dW_ih = Σ x_tᵀ dz_t    db_h = Σ dz_t    db_o = Σ dy_t
//! ```
//! The loss is `L = ½ Σ_t (y_t − target_t)²`. Sums are plain and sequential in f64, to agree with
//! numpy. Time runs from 1 to T, so `h[0]` is the zero state.
//!
//! The factors of the backward pass are the fields of [`Rules`]. [`EXACT`] has the right ones; a
//! notebook's mistake is `Rules { the_factor: defects::its_mistake, ..EXACT }`.

use super::activation::Activation;
use super::numpy::Legacy;

/// Parameters, or their gradient, in one flat buffer: `w_ih` (2, H), `w_hh` (H, H), `w_ho` (H),
/// `b_h` (H), `b_o`.
#[derive(Clone, Debug)]
pub(crate) struct NotebookNet {
    pub(crate) hidden: usize,
    pub(crate) params: Vec<f64>,
}

/// Order in which a notebook draws its three matrices.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DrawOrder {
    /// Input, output, recurrent: notebooks 000 and 001.
    OutputSecond,
    /// Input, recurrent, output: notebooks 002, 003 and 004.
    OutputLast,
}

impl NotebookNet {
    /// All zeros.
    pub(crate) fn zeros(hidden: usize) -> Self {
        Self { hidden, params: vec![0.0; hidden * hidden + 4 * hidden + 1] }
    }

    /// Weights by `draw`, biases zero.
    pub(crate) fn draw(
        rng: &mut Legacy,
        hidden: usize,
        order: DrawOrder,
        mut draw: impl FnMut(&mut Legacy) -> f64,
    ) -> Self {
        let mut net = Self::zeros(hidden);
        let [w_ih, w_hh, w_ho, _, _] = net.split_mut();
        let matrices = match order {
            DrawOrder::OutputSecond => [w_ih, w_ho, w_hh],
            DrawOrder::OutputLast => [w_ih, w_hh, w_ho],
        };
        for w in matrices.into_iter().flatten() {
            *w = draw(rng);
        }
        net
    }

    /// Number of weights, which precede the biases.
    pub(crate) fn weights(&self) -> usize {
        self.hidden * self.hidden + 3 * self.hidden
    }

    /// `[w_ih, w_hh, w_ho, b_h, b_o]`.
    pub(crate) fn split(&self) -> [&[f64]; 5] {
        let h = self.hidden;
        let (w_ih, rest) = self.params.split_at(2 * h);
        let (w_hh, rest) = rest.split_at(h * h);
        let (w_ho, rest) = rest.split_at(h);
        let (b_h, b_o) = rest.split_at(h);
        [w_ih, w_hh, w_ho, b_h, b_o]
    }

    fn split_mut(&mut self) -> [&mut [f64]; 5] {
        let h = self.hidden;
        let (w_ih, rest) = self.params.split_at_mut(2 * h);
        let (w_hh, rest) = rest.split_at_mut(h * h);
        let (w_ho, rest) = rest.split_at_mut(h);
        let (b_h, b_o) = rest.split_at_mut(h);
        [w_ih, w_hh, w_ho, b_h, b_o]
    }

    /// One step down the gradient of the weights; biases stay.
    pub(crate) fn descend_weights(&mut self, gradient: &Self, rate: f64) {
        let weights = self.weights();
        descend(&mut self.params[..weights], &gradient.params[..weights], rate);
    }

    /// One step down the gradient of the biases; weights stay.
    pub(crate) fn descend_biases(&mut self, gradient: &Self, rate: f64) {
        let weights = self.weights();
        descend(&mut self.params[weights..], &gradient.params[weights..], rate);
    }

    /// Runs the net over the tape's inputs, filling its states and outputs.
    pub(crate) fn forward(&self, tape: &mut Tape) {
        let hidden = self.hidden;
        let [w_ih, w_hh, w_ho, b_h, b_o] = self.split();
        for t in 1..=tape.bits {
            let [a, b] = tape.x[t - 1];
            let (h_prev, h) = tape.h[(t - 1) * hidden..(t + 1) * hidden].split_at_mut(hidden);
            h.fill(0.0);
            for i in 0..hidden {
                for j in 0..hidden {
                    h[j] += h_prev[i] * w_hh[i * hidden + j];
                }
            }
            let mut z_o = 0.0;
            for j in 0..hidden {
                let z = (a * w_ih[j] + b * w_ih[hidden + j]) + tape.scale[t - 1] * h[j] + b_h[j];
                h[j] = tape.phi.of(z);
                z_o += h[j] * w_ho[j];
            }
            tape.y[t - 1] = tape.psi.of(z_o + b_o[0]);
        }
    }

    /// Adds the gradient of the tape's loss, by these rules, to `gradient`.
    pub(crate) fn backward_acc(&self, tape: &Tape, rules: &Rules, gradient: &mut Self) {
        let hidden = self.hidden;
        let [_, w_hh, w_ho, _, _] = self.split();
        let [dw_ih, dw_hh, dw_ho, db_h, db_o] = gradient.split_mut();
        let zeros = vec![0.0; hidden];
        let (mut dz, mut dz_later) = (vec![0.0; hidden], vec![0.0; hidden]);
        let mut dy_later = 0.0;
        for t in (1..=tape.bits).rev() {
            let y = tape.y[t - 1];
            let dy = (y - tape.target[t - 1]) * (rules.slope)(tape.psi, y);
            let last = t == tape.bits;
            let later = Later {
                w_hh,
                w_ho,
                phi: tape.phi,
                dz: &dz_later,
                dy: dy_later,
                h: if last { &zeros } else { tape.state(t + 1) },
                scale: if last { 1.0 } else { tape.scale[t] },
            };
            (rules.dh_from_later)(&later, &mut dz);
            let h = tape.state(t);
            for i in 0..hidden {
                dz[i] = (dz[i] + dy * w_ho[i]) * (rules.slope)(tape.phi, h[i]);
            }
            (rules.output_weights)(tape, t, dy, dw_ho);
            let scale = (rules.scale_of_w_hh)(tape, t);
            let state = (rules.state_of_w_hh)(tape, t);
            for i in 0..hidden {
                for j in 0..hidden {
                    dw_hh[i * hidden + j] += scale * state[i] * dz[j];
                }
            }
            for (k, x) in tape.x[t - 1].into_iter().enumerate() {
                for j in 0..hidden {
                    dw_ih[k * hidden + j] += x * dz[j];
                }
            }
            for j in 0..hidden {
                db_h[j] += dz[j];
            }
            db_o[0] += dy;
            std::mem::swap(&mut dz, &mut dz_later);
            dy_later = dy;
        }
    }
}

fn descend(params: &mut [f64], gradient: &[f64], rate: f64) {
    for (p, g) in params.iter_mut().zip(gradient) {
        *p -= rate * g;
    }
}

/// `s_t` from `x_t` and `x_{t−1}`.
pub(crate) type Scale = fn([f64; 2], [f64; 2]) -> f64;

/// One sample on its way through a net: inputs and targets, then the states and outputs of
/// [`NotebookNet::forward`].
#[derive(Clone, Debug)]
pub(crate) struct Tape {
    pub(crate) bits: usize,
    hidden: usize,
    pub(crate) phi: Activation,
    pub(crate) psi: Activation,
    /// Inputs `(a_t, b_t)`, least significant first.
    pub(crate) x: Vec<[f64; 2]>,
    pub(crate) target: Vec<f64>,
    /// `s_t`, 1 but for the dynamic net.
    pub(crate) scale: Vec<f64>,
    /// `h_0 … h_T`, one after the other.
    h: Vec<f64>,
    pub(crate) y: Vec<f64>,
}

impl Tape {
    pub(crate) fn new(bits: usize, hidden: usize, phi: Activation, psi: Activation) -> Self {
        let x = vec![[0.0; 2]; bits];
        let h = vec![0.0; (bits + 1) * hidden];
        Self { bits, hidden, phi, psi, x, target: vec![0.0; bits], scale: vec![1.0; bits], h, y: vec![0.0; bits] }
    }

    /// Puts the addition `a + b` on the tape, with its scales; `x_0` is 0.
    pub(crate) fn load(&mut self, a: u32, b: u32, scale: Scale) {
        let digit = |n: u32, k: usize| f64::from((n >> k) & 1);
        let mut x_prev = [0.0; 2];
        for k in 0..self.bits {
            let x = [digit(a, k), digit(b, k)];
            (self.x[k], self.target[k], self.scale[k]) = (x, digit(a + b, k), scale(x, x_prev));
            x_prev = x;
        }
    }

    /// `h_t`, t from 0 to T.
    pub(crate) fn state(&self, t: usize) -> &[f64] {
        &self.h[t * self.hidden..(t + 1) * self.hidden]
    }

    /// `Σ_t |target_t − y_t|`: what the notebooks print.
    pub(crate) fn l1(&self) -> f64 {
        self.target.iter().zip(&self.y).fold(0.0, |sum, (target, y)| sum + (target - y).abs())
    }

    /// `½ Σ_t (y_t − target_t)²`: the loss whose gradient is taken.
    pub(crate) fn loss(&self) -> f64 {
        self.target.iter().zip(&self.y).map(|(target, y)| 0.5 * (y - target) * (y - target)).sum()
    }
}

/// What step t + 1 passes back to step t: zeros and a scale of 1 after the last step.
#[derive(Debug)]
pub(crate) struct Later<'a> {
    pub(crate) w_hh: &'a [f64],
    pub(crate) w_ho: &'a [f64],
    pub(crate) phi: Activation,
    pub(crate) dz: &'a [f64],
    pub(crate) dy: f64,
    pub(crate) h: &'a [f64],
    pub(crate) scale: f64,
}

/// The factors of the backward pass, each of which some notebook got wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// `φ′` or `ψ′` from the unit's output.
    pub(crate) slope: fn(Activation, f64) -> f64,
    /// The error that reaches `h_t` from the later steps.
    pub(crate) dh_from_later: fn(&Later<'_>, &mut [f64]),
    /// Adds step t's part of `dw_ho`.
    pub(crate) output_weights: fn(&Tape, usize, f64, &mut [f64]),
    /// The state that multiplies `dz_t` in `dW_hh`.
    pub(crate) state_of_w_hh: fn(&Tape, usize) -> &[f64],
    /// The scale of that product.
    pub(crate) scale_of_w_hh: fn(&Tape, usize) -> f64,
}

/// The gradient of the loss.
pub(crate) const EXACT: Rules = Rules {
    slope: Activation::slope_at_output,
    dh_from_later,
    output_weights,
    state_of_w_hh: |tape, t| tape.state(t - 1),
    scale_of_w_hh: |tape, t| tape.scale[t - 1],
};

/// `s_{t+1} dz_{t+1} W_hhᵀ`.
fn dh_from_later(later: &Later<'_>, dh: &mut [f64]) {
    times_transposed(later.dz, later.w_hh, dh);
    for dh in dh {
        *dh *= later.scale;
    }
}

/// `h_tᵀ dy_t`.
fn output_weights(tape: &Tape, t: usize, dy: f64, dw_ho: &mut [f64]) {
    for (dw, h) in dw_ho.iter_mut().zip(tape.state(t)) {
        *dw += h * dy;
    }
}

/// `out = v Wᵀ` for a square W, row-major.
pub(crate) fn times_transposed(v: &[f64], w: &[f64], out: &mut [f64]) {
    for (row, out) in w.chunks_exact(v.len()).zip(out) {
        *out = row.iter().zip(v).fold(0.0, |sum, (w, v)| sum + v * w);
    }
}
