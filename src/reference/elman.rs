//! The Elman cell, one sample at a time.
//!
//! `z_t = x_t W_ih + h_{t−1} W_hh + b_h`, `h_t = φ(z_t)`, `y_t = ψ(h_t W_ho + b_o)`.

use super::{Real, Sample, output_delta};
use crate::model::{Config, Layout, Tally, Weights};

/// All states of one sample.
pub(super) struct Steps<F> {
    /// Hidden states, `[T+1][H]`: `h[t+1]` is h_t, and `h[0]` is zero.
    h: Vec<Vec<F>>,
    /// Output pre-activations and outputs, `[T]`.
    outputs: Vec<(F, F)>,
}

impl<F: Real> Steps<F> {
    /// (z, y) of every step.
    pub(super) fn outputs(&self) -> impl Iterator<Item = (F, F)> + '_ {
        self.outputs.iter().copied()
    }
}

/// The forward pass.
pub(super) fn forward<F: Real>(config: &Config, w: &Weights<'_, F>, input: &Sample<'_>) -> Steps<F> {
    let hidden = config.hidden;
    let mut h = vec![vec![F::zero(); hidden]];
    let mut outputs = Vec::with_capacity(input.steps());
    for t in 0..input.steps() {
        let x = input.x::<F>(t);
        let h_prev = &h[t];
        let mut h_t = vec![F::zero(); hidden];
        for m in 0..hidden {
            let mut z = w.b_h.get(m).copied().unwrap_or_else(F::zero);
            for i in 0..2 {
                z += x[i] * w.w_ih[i * hidden + m];
            }
            for k in 0..hidden {
                z += h_prev[k] * w.w_hh[k * hidden + m];
            }
            h_t[m] = config.activation.apply(z);
        }
        let mut z = w.b_o.first().copied().unwrap_or_else(F::zero);
        for k in 0..hidden {
            z += h_t[k] * w.w_ho[k];
        }
        outputs.push((z, config.output.apply(z)));
        h.push(h_t);
    }
    Steps { h, outputs }
}

/// Forward and backward pass; adds to `grad`.
///
/// `dh_t = dz_{t+1} W_hhᵀ + dz_o W_hoᵀ`, `dz_t = dh_t ⊙ φ′`.
pub(super) fn gradient<F: Real>(
    config: &Config,
    layout: &Layout,
    params: &[F],
    input: &Sample<'_>,
    grad: &mut [F],
) -> Tally {
    let hidden = config.hidden;
    let w = layout.weights(params);
    let place = |name| layout.get(name).map(|tensor| tensor.offset);
    let weight = |name| place(name).expect("every net has this tensor");
    let (w_ih, w_hh, w_ho) = (weight("w_ih"), weight("w_hh"), weight("w_ho"));
    let biases = place("b_h").zip(place("b_o"));

    let steps = forward(config, &w, input);
    let mut dz_next = vec![F::zero(); hidden];
    for t in (0..input.steps()).rev() {
        let (_, y) = steps.outputs[t];
        let (h_prev, h_t) = (&steps.h[t], &steps.h[t + 1]);
        let dz_o = output_delta(config, y, input.target(t));
        let mut dz = vec![F::zero(); hidden];
        for k in 0..hidden {
            let mut dh = dz_o * w.w_ho[k];
            for m in 0..hidden {
                dh += dz_next[m] * w.w_hh[k * hidden + m];
            }
            dz[k] = dh * config.activation.derivative(h_t[k]);
        }
        let x = input.x::<F>(t);
        for m in 0..hidden {
            for i in 0..2 {
                grad[w_ih + i * hidden + m] += x[i] * dz[m];
            }
            for k in 0..hidden {
                grad[w_hh + k * hidden + m] += h_prev[k] * dz[m];
            }
            grad[w_ho + m] += h_t[m] * dz_o;
        }
        if let Some((b_h, b_o)) = biases {
            for m in 0..hidden {
                grad[b_h + m] += dz[m];
            }
            grad[b_o] += dz_o;
        }
        dz_next = dz;
    }
    input.tally(config, steps.outputs())
}

#[cfg(test)]
mod tests {
    use crate::model::{Config, Layout, Loss};
    use crate::reference::{evaluate, gradient};
    use crate::task::Minibatch;
    use num_bigint::BigUint;

    /// One unit, two steps, 1 + 1 = 2, worked by hand.
    #[test]
    fn one_unit_by_hand() {
        let config = Config { hidden: 1, ..Config::default() };
        // w_ih, w_hh, b_h, w_ho, b_o
        let params = [0.5, -0.25, 0.75, 0.1, -1.5, 0.3];
        let batch = Minibatch::from_pairs(&[(BigUint::from(1_u8), BigUint::from(1_u8))], 2).expect("fits");
        let s = |z: f64| 1.0 / (1.0 + (-z).exp());
        let (h0, y0) = {
            let h = s(0.5 - 0.25 + 0.1);
            (h, s(-1.5 * h + 0.3))
        };
        let (h1, y1) = {
            let h = s(0.75 * h0 + 0.1);
            (h, s(-1.5 * h + 0.3))
        };
        // Targets are 0 then 1.
        let (d0, d1) = (y0 * y0 * (1.0 - y0), (y1 - 1.0) * y1 * (1.0 - y1));
        let dz1 = -1.5 * d1 * h1 * (1.0 - h1);
        let dz0 = (-1.5 * d0 + 0.75 * dz1) * h0 * (1.0 - h0);
        let expected = [dz0, dz0, h0 * dz1, dz0 + dz1, h0 * d0 + h1 * d1, d0 + d1];
        let mut grad = [0.0; 6];
        let tally = gradient(&config, &params, &batch, 0..1, &mut grad);
        for (found, wanted) in grad.iter().zip(expected) {
            assert!((found - wanted).abs() < 1e-15, "{grad:?} is not {expected:?}");
        }
        let loss = 0.5 * (y0 * y0 + (y1 - 1.0) * (y1 - 1.0));
        assert!((tally.loss - loss).abs() < 1e-15, "loss {} is not {loss}", tally.loss);
        assert_eq!(tally, evaluate(&config, &params, &batch, 0..1, None), "evaluate counts the same");
    }

    /// A full adder written by hand: h = (a ∧ b ∧ c…) thresholds 1, 2, 3 of a + b + carry; the carry is "at least two".
    #[test]
    fn a_hand_made_adder_adds_every_pair() {
        let config = Config { hidden: 3, ..Config::default() };
        let layout = Layout::of(&config);
        let mut params = vec![0.0_f64; layout.len()];
        let gain = 40.0;
        let mut put = |name: &str, values: &[f64]| {
            params[layout.get(name).expect(name).range()].copy_from_slice(values);
        };
        put("w_ih", &[gain; 6]);
        put("w_hh", &[0.0, 0.0, 0.0, gain, gain, gain, 0.0, 0.0, 0.0]);
        put("b_h", &[-0.5 * gain, -1.5 * gain, -2.5 * gain]);
        put("w_ho", &[gain, -gain, gain]);
        put("b_o", &[-0.5 * gain]);
        let mut batch = Minibatch::new(16_384, 8);
        batch.fill_exhaustive(0);
        for loss in [Loss::Mse, Loss::CrossEntropy] {
            let tally = evaluate(&Config { loss, ..config }, &params, &batch, 0..16_384, None);
            assert_eq!((tally.wrong_bits, tally.wrong_samples), (0, 0), "{loss}: {tally:?}");
            assert!(tally.loss < 1e-3, "{loss}: {tally:?}");
        }
    }
}
