//! The Elman cell: `h_t = φ(z_t)`, `dz_t = dh_t ⊙ φ′`. The dynamic cell is the same with
//! `z_t = s_t h_{t−1} W_hh + …`.

use super::cell::{Back, Cell, Kept};
use super::math::{Lane, Vector, apply_scaled, derivative};
use crate::model::Activation;
use fearless_simd::prelude::*;

/// φ.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Elman(pub(crate) Activation);

impl<F: Lane> Cell<F> for Elman {
    const GATES: usize = 1;
    const KEPT: usize = 0;

    fn activation(self) -> Activation {
        self.0
    }

    #[inline(always)]
    fn forward<S: Simd>(self, simd: S, z: [Vector<S, F>; 4], c_prev: Vector<S, F>) -> (Vector<S, F>, Kept<S, F>) {
        (apply_scaled::<S, F>(simd, self.0, z[0]), [c_prev; 6])
    }

    #[inline(always)]
    fn backward<S: Simd>(self, simd: S, back: Back<S, F>) -> ([Vector<S, F>; 4], Vector<S, F>) {
        ([back.dh * derivative::<S, F>(simd, self.0, back.y); 4], back.flow)
    }
}
