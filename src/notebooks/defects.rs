//! The notebooks' mistakes, one small function each, to replace a right one of [`Rules`] or of the
//! data.
//!
//! Nothing here is used by a corrected replay.

use super::activation::{Activation, sigmoid};
use super::elman::{EXACT, Later, NotebookNet, Rules, Tape, times_transposed};

/// 000 dynamic: the step's length is that of a difference of unsigned bytes, where 0 − 1 is 255.
/// The exponential reaches 4e156, and the sigmoids after it are 0 or 1.
pub(crate) fn scale_of_byte_difference(x: [f64; 2], x_prev: [f64; 2]) -> f64 {
    let byte = |now: f64, before: f64| if now < before { 255.0 } else { now - before };
    let (da, db) = (byte(x[0], x_prev[0]), byte(x[1], x_prev[1]));
    (da * da + db * db).sqrt().exp()
}

/// 000 dynamic: `s_{t+1}` is missing from the error of the later step.
pub(crate) fn later_without_scale(later: &Later<'_>, dh: &mut [f64]) {
    times_transposed(later.dz, later.w_hh, dh);
}

/// 000 dynamic: `s_t` is missing from the gradient of the recurrent weights.
pub(crate) fn no_scale(_: &Tape, _: usize) -> f64 {
    1.0
}

/// 000 dynamic: Elman's backward pass under the dynamic forward pass.
pub(crate) const WITHOUT_SCALES: Rules = Rules { dh_from_later: later_without_scale, scale_of_w_hh: no_scale, ..EXACT };

/// 002, the derivation: only the part of `dz_{t+1}` that comes from its own output, which cuts BPTT
/// after one step: `(dy_{t+1} w_hoᵀ ⊙ φ′_{t+1}) W_hhᵀ`.
pub(crate) fn explicit_part_only(later: &Later<'_>, dh: &mut [f64]) {
    let explicit: Vec<f64> =
        later.h.iter().zip(later.w_ho).map(|(&h, w)| later.dy * w * later.phi.slope_at_output(h)).collect();
    times_transposed(&explicit, later.w_hh, dh);
}

/// 002, the code: multiplied by the slope of the later hidden state, which `dz_{t+1}` holds
/// already.
pub(crate) fn later_slope_twice(later: &Later<'_>, dh: &mut [f64]) {
    times_transposed(later.dz, later.w_hh, dh);
    for (dh, &h) in dh.iter_mut().zip(later.h) {
        *dh *= later.phi.slope_at_output(h);
    }
}

/// 003: the slope as a function of the pre-activation, called with the output. It never vanishes.
pub(crate) fn slope_of_squashed(activation: Activation, y: f64) -> f64 {
    match activation {
        Activation::Sigmoid => sigmoid(y) * (1.0 - sigmoid(y)),
        Activation::Tanh => 4.0 / ((2.0 * y).exp() + 2.0 + (-2.0 * y).exp()),
        Activation::Relu => f64::from(u8::from(y > 0.0)),
    }
}

/// 003: the output weights learn from the output instead of the hidden layer, all by the same
/// amount.
pub(crate) fn output_for_hidden(tape: &Tape, t: usize, dy: f64, dw_ho: &mut [f64]) {
    for dw in dw_ho {
        *dw += tape.y[t - 1] * dy;
    }
}

/// 003: both defects of the backward pass, as the notebook ran.
pub(crate) const AS_003: Rules = Rules { slope: slope_of_squashed, output_weights: output_for_hidden, ..EXACT };

/// 003: the squared error subtracts outputs in one order of bits from targets in the other. (It is
/// divided by the ten rows of a table that was not measured.)
pub(crate) fn misordered_error(tape: &Tape, _: f64) -> f64 {
    let squares: Vec<f64> = tape.target.iter().rev().zip(&tape.y).map(|(c, y)| (y - c) * (y - c)).collect();
    super::numpy::numpy_sum(&squares)
}

/// 004: the recurrent matrix is not transposed, `dz_{t+1} W_hh`.
pub(crate) fn untransposed(later: &Later<'_>, dh: &mut [f64]) {
    dh.fill(0.0);
    gate_untransposed(later.dz, later.w_hh, dh);
}

/// 004: the list of states was reversed, so that one entry *before* is one step *later*; before the
/// first entry Python takes the last one, the zero state.
pub(crate) fn later_state(tape: &Tape, t: usize) -> &[f64] {
    tape.state(if t == tape.bits { 0 } else { t + 1 })
}

/// 004: both defects of the backward pass, as the notebook's earlier net ran.
pub(crate) const AS_004: Rules = Rules { dh_from_later: untransposed, state_of_w_hh: later_state, ..EXACT };

/// 004's LSTM: no recurrent matrix is transposed.
pub(crate) fn gate_untransposed(dz: &[f64], w_hh: &[f64], dh: &mut [f64]) {
    for (row, dz) in w_hh.chunks_exact(dz.len()).zip(dz) {
        for (dh, w) in dh.iter_mut().zip(row) {
            *dh += dz * w;
        }
    }
}

/// 004's LSTM: tanh′ called with the value of tanh, as if it were its argument.
pub(crate) fn tanh_slope_of_tanh(tanh: f64) -> f64 {
    1.0 - tanh.tanh() * tanh.tanh()
}

/// 004's LSTM: nothing flows back through the cell.
pub(crate) fn no_carry(_: f64, _: f64) -> f64 {
    0.0
}

/// 002, the last version: a recursion of gradients, multiplied entry by entry where a matrix
/// product is meant: `R_t[i,j] = h_t[j](1−h_t[j]) (h_{t−1}[j] + R_{t−1}[i,j] W_hh[i,j])`,
/// `R_1 = 0`, and `dW_hh = Σ_t dy_t w_ho[i] R_t`.
///
/// Adds only `dw_hh`, row-major: the notebook never wrote the recursion for the input weights.
pub(crate) fn entrywise_recursion(net: &NotebookNet, tape: &Tape, dw_hh: &mut [f64]) {
    let hidden = net.hidden;
    let [_, w_hh, w_ho, _, _] = net.split();
    let mut r = vec![0.0; hidden * hidden];
    for t in 1..=tape.bits {
        let y = tape.y[t - 1];
        let dy = (y - tape.target[t - 1]) * tape.psi.slope_at_output(y);
        for i in 0..hidden {
            for j in 0..hidden {
                let k = i * hidden + j;
                let slope = tape.phi.slope_at_output(tape.state(t)[j]);
                r[k] = if t == 1 { 0.0 } else { slope * (tape.state(t - 1)[j] + r[k] * w_hh[k]) };
                dw_hh[k] += dy * w_ho[i] * r[k];
            }
        }
    }
}
