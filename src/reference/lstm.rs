//! The LSTM in its two forms.
//!
//! `i, f, o = σ(z_i, z_f, z_o)`, `g = φ(z_g)`, `z = g i + c_{t−1} f`, p = φ(z); standard:
//! `c_t = z`, `h_t = p o`; notebook: `c_t = p`, `h_t = c_t o`.

use super::{Real, Step};
use crate::model::{Activation, Config, LstmForm};

/// `h_t` and `c_t` from `z_t` and c_{t−1}.
pub(super) fn step<F: Real>(config: &Config, z: &[F], c_prev: &[F]) -> Step<F> {
    let hidden = config.hidden;
    let activation = |m: usize| if m / hidden == 2 { config.activation } else { Activation::Sigmoid };
    let gates: Vec<F> = z.iter().enumerate().map(|(m, &z)| activation(m).apply(z)).collect();
    let (mut h, mut c, mut squashed) = (Vec::new(), Vec::new(), Vec::new());
    for k in 0..hidden {
        let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates[gate * hidden + k]);
        let z = g * i + c_prev[k] * f;
        let p = config.activation.apply(z);
        h.push(p * o);
        c.push(match config.lstm_form {
            LstmForm::Standard => z,
            LstmForm::Notebook => p,
        });
        squashed.push(p);
    }
    Step { scale: F::one(), h, gates, c, squashed, output: (F::zero(), F::zero()) }
}

/// `dz_t` from `dh_t`; `carry` is what flows back through the cell state, ∂`L/∂c_t` before and
/// ∂L/∂c_{t−1} after.
///
/// Standard: `dz = dh o φ′ + carry`; notebook: `dz = (dh o + carry) φ′`. Then `dz_i = dz g i(1−i)`,
/// `dz_f = dz c_{t−1} f(1−f)`, `dz_g = dz i φ′(g)`, `dz_o = dh p o(1−o)`, `carry = dz f`.
pub(super) fn back<F: Real>(config: &Config, step: &Step<F>, c_prev: &[F], dh: &[F], carry: &mut [F]) -> Vec<F> {
    let hidden = config.hidden;
    let mut dz_all = vec![F::zero(); 4 * hidden];
    let sigma = Activation::Sigmoid;
    for k in 0..hidden {
        let [i, f, g, o] = [0, 1, 2, 3].map(|gate| step.gates[gate * hidden + k]);
        let p = step.squashed[k];
        let slope = config.activation.derivative(p);
        let dz = match config.lstm_form {
            LstmForm::Standard => dh[k] * o * slope + carry[k],
            LstmForm::Notebook => (dh[k] * o + carry[k]) * slope,
        };
        dz_all[k] = dz * g * sigma.derivative(i);
        dz_all[hidden + k] = dz * c_prev[k] * sigma.derivative(f);
        dz_all[2 * hidden + k] = dz * i * config.activation.derivative(g);
        dz_all[3 * hidden + k] = dh[k] * p * sigma.derivative(o);
        carry[k] = dz * f;
    }
    dz_all
}
