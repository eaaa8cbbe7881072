//! The LSTM, gates in the order i, f, g, o.
//!
//! `i, f, o = σ(z_i, z_f, z_o)`, `g = φ(z_g)`, `z = g i + c_{t−1} f`, p = φ(z); standard:
//! `c_t = z`, `h_t = p o`; notebook: `c_t = p`, `h_t = c_t o`.
//!
//! Back, standard: `dz = dh o φ′ + flow`; notebook: `dz = (dh o + flow) φ′`. Then
//! `dz_i = dz g i(1−i)`, `dz_f = dz c_{t−1} f(1−f)`, `dz_g = dz i φ′(g)`, `dz_o = dh p o(1−o)`, and
//! `dz f` flows on.

use super::cell::{Back, Cell, Kept};
use super::math::{Lane, Vector, apply, apply_scaled, derivative};
use crate::model::{Activation, LstmForm};
use fearless_simd::prelude::*;

/// What it keeps, and φ.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lstm(pub(crate) LstmForm, pub(crate) Activation);

impl<F: Lane> Cell<F> for Lstm {
    const GATES: usize = 4;
    const KEPT: usize = 6;

    fn activation(self) -> Activation {
        self.1
    }

    #[inline(always)]
    fn forward<S: Simd>(self, simd: S, z: [Vector<S, F>; 4], c_prev: Vector<S, F>) -> (Vector<S, F>, Kept<S, F>) {
        let Self(form, activation) = self;
        let gate = |z| apply_scaled::<S, F>(simd, Activation::Sigmoid, z);
        let (i, f, o) = (gate(z[0]), gate(z[1]), gate(z[3]));
        let g = apply_scaled::<S, F>(simd, activation, z[2]);
        let z = g.mul_add(i, c_prev * f);
        let p = apply::<S, F>(simd, activation, z);
        let c = match form {
            LstmForm::Standard => z,
            LstmForm::Notebook => p,
        };
        (p * o, [i, f, g, o, p, c])
    }

    #[inline(always)]
    fn backward<S: Simd>(self, simd: S, back: Back<S, F>) -> ([Vector<S, F>; 4], Vector<S, F>) {
        let (Self(form, activation), Back { dh, flow, kept: [i, f, g, o, p, _], c_prev, .. }) = (self, back);
        let slope = |y| derivative::<S, F>(simd, Activation::Sigmoid, y);
        let slope_p = derivative::<S, F>(simd, activation, p);
        let dz = match form {
            LstmForm::Standard => (dh * o).mul_add(slope_p, flow),
            LstmForm::Notebook => dh.mul_add(o, flow) * slope_p,
        };
        let slope_g = derivative::<S, F>(simd, activation, g);
        ([dz * g * slope(i), dz * c_prev * slope(f), dz * i * slope_g, dh * p * slope(o)], dz * f)
    }
}
