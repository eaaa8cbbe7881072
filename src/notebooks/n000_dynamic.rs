//! Notebook 000, second program: the recurrent term scaled by `s_t = exp‖x_t − x_{t−1}‖`.
//!
//! The printed program subtracts unsigned bytes, and its backward pass ignores the scale. In the
//! corrected one the difference is signed, so that `s_t` is 1, e or e^√2, and the gradient is
//! exact.

use super::defects::{WITHOUT_SCALES, scale_of_byte_difference};
use super::elman::{DrawOrder, EXACT};
use super::names::Edition;
use super::online::Online;

pub(crate) fn program(seed: u32, hidden: usize, edition: Edition) -> Online {
    let order = DrawOrder::OutputSecond;
    match edition {
        Edition::Printed => Online::new(seed, hidden, order, scale_of_byte_difference, WITHOUT_SCALES),
        Edition::Corrected => Online::new(seed, hidden, order, scale, EXACT),
    }
}

/// `exp‖x_t − x_{t−1}‖₂`.
pub(crate) fn scale(x: [f64; 2], x_prev: [f64; 2]) -> f64 {
    let (da, db) = (x[0] - x_prev[0], x[1] - x_prev[1]);
    (da * da + db * db).sqrt().exp()
}
