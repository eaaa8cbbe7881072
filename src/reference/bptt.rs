//! What all cells share: the loops over steps, the products, the weight gradients.
//!
//! `z_t = x_t W_ih + s_t h_{t−1} W_hh + b_h`, then the cell makes `h_t` of `z_t`, and
//! `y_t = ψ(h_t W_ho + b_o)`. Only the dynamic cell has an `s_t` that is not 1.

use super::{Real, Sample, Step, dynamic, elman, lstm};
use crate::model::{Cell, Config, Layout, Loss, Tally, Weights};

/// The forward pass: the step before the first, then all steps.
pub(super) fn forward<F: Real>(config: &Config, w: &Weights<&[F]>, input: &Sample<'_>) -> Vec<Step<F>> {
    let (hidden, wide) = (config.hidden, config.hidden * config.cell.gates());
    let mut steps = vec![Step::before_the_first(config)];
    for t in 0..input.steps() {
        let x = input.x::<F>(t);
        let scale = match config.cell {
            Cell::Dynamic => dynamic::scale(x, if t == 0 { [F::zero(); 2] } else { input.x(t - 1) }),
            Cell::Elman | Cell::Lstm => F::one(),
        };
        let prev = &steps[t];
        let mut z = vec![F::zero(); wide];
        for m in 0..wide {
            let mut sum = w.b_h.get(m).copied().unwrap_or_else(F::zero);
            for i in 0..2 {
                sum += x[i] * w.w_ih[i * wide + m];
            }
            for k in 0..hidden {
                sum += scale * prev.h[k] * w.w_hh[k * wide + m];
            }
            z[m] = sum;
        }
        let mut step = match config.cell {
            Cell::Elman | Cell::Dynamic => elman::step(config, &z),
            Cell::Lstm => lstm::step(config, &z, &prev.c),
        };
        step.scale = scale;
        let mut z_o = w.b_o.first().copied().unwrap_or_else(F::zero);
        for k in 0..hidden {
            z_o += step.h[k] * w.w_ho[k];
        }
        step.output = (z_o, config.output.apply(z_o));
        steps.push(step);
    }
    steps
}

/// Forward and backward pass; gives every step's part of every parameter's gradient to
/// `add(parameter, part)`.
///
/// `dh_t = s_{t+1} dz_{t+1} W_hhᵀ + dz_o W_hoᵀ`, then the cell makes `dz_t` of `dh_t`.
pub(super) fn gradient<F: Real>(
    config: &Config,
    layout: &Layout,
    params: &[F],
    input: &Sample<'_>,
    add: &mut impl FnMut(usize, F),
) -> Tally {
    let (hidden, wide) = (config.hidden, config.hidden * config.cell.gates());
    let w = layout.weights(params);
    let place = |name| layout.get(name).map(|tensor| tensor.offset);
    let weight = |name| place(name).expect("every net has this tensor");
    let (w_ih, w_hh, w_ho) = (weight("w_ih"), weight("w_hh"), weight("w_ho"));
    let biases = place("b_h").zip(place("b_o"));

    let steps = forward(config, &w, input);
    let mut dz_next = vec![F::zero(); wide];
    let mut carry = vec![F::zero(); hidden];
    let mut scale_next = F::one();
    for t in (0..input.steps()).rev() {
        let (prev, step) = (&steps[t], &steps[t + 1]);
        let (_, y) = step.output;
        let target = input.target(t);
        let dz_o = match config.loss {
            Loss::Mse => (y - target) * config.output.derivative(y),
            Loss::CrossEntropy => y - target,
        };
        let mut dh = vec![F::zero(); hidden];
        for k in 0..hidden {
            let mut sum = dz_o * w.w_ho[k];
            for m in 0..wide {
                sum += scale_next * dz_next[m] * w.w_hh[k * wide + m];
            }
            dh[k] = sum;
        }
        let dz = match config.cell {
            Cell::Elman | Cell::Dynamic => elman::back(config, step, &dh),
            Cell::Lstm => lstm::back(config, step, &prev.c, &dh, &mut carry),
        };
        let x = input.x::<F>(t);
        for m in 0..wide {
            for i in 0..2 {
                add(w_ih + i * wide + m, x[i] * dz[m]);
            }
            for k in 0..hidden {
                add(w_hh + k * wide + m, step.scale * prev.h[k] * dz[m]);
            }
        }
        for k in 0..hidden {
            add(w_ho + k, step.h[k] * dz_o);
        }
        if let Some((b_h, b_o)) = biases {
            for m in 0..wide {
                add(b_h + m, dz[m]);
            }
            add(b_o, dz_o);
        }
        (dz_next, scale_next) = (dz, step.scale);
    }
    input.tally(config, &steps[1..])
}
