//! The Elman cell: `h_t = φ(z_t)`, and back `dz_t = dh_t ⊙ φ′`.

use super::{Real, Step};
use crate::model::Config;

/// `h_t` from `z_t`.
pub(super) fn step<F: Real>(config: &Config, z: &[F]) -> Step<F> {
    let h = z.iter().map(|&z| config.activation.apply(z)).collect();
    let output = (F::zero(), F::zero());
    Step { scale: F::one(), h, gates: Vec::new(), c: Vec::new(), squashed: Vec::new(), output }
}

/// `dz_t` from `dh_t`.
pub(super) fn back<F: Real>(config: &Config, step: &Step<F>, dh: &[F]) -> Vec<F> {
    dh.iter().zip(&step.h).map(|(&dh, &h)| dh * config.activation.derivative(h)).collect()
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

    /// A full adder written by hand: h = (a ∧ b ∧ c…) thresholds 1, 2, 3 of a + b + carry; the
    /// carry is "at least two".
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
