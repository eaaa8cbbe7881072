//! The LSTM: four pre-activations a unit in one product, in the order i, f, g, o, then element by element.
//!
//! `i, f, o = σ(z_i, z_f, z_o)`, `g = φ(z_g)`, `z = g i + c_{t−1} f`, p = φ(z); standard: `c_t = z`, `h_t = p o`; notebook: `c_t = p`,
//! `h_t = c_t o`.

use super::Float;
use super::bptt::{At, Pass};
use super::finish::Finish;
use super::layout::Tile;
use super::math::Vector;
use super::products::Products;
use super::rows::{apply, derivative};
use super::workspace::Workspace;
use crate::model::{Activation, LstmForm};
use fearless_simd::prelude::*;

/// One step forward: gates, `c_t` and `h_t`.
pub(super) fn forward<S: Simd, F: Float, P: Products<F>>(
    simd: S,
    pass: &Pass<'_, P, P::Weights>,
    tile: &Tile,
    at: At,
    ws: &mut Workspace<F>,
) {
    let (inputs, live) = (at.inputs(tile), pass.products.live(tile));
    let wide = tile.shape.wide;
    let [state, h] = ws.state.get_disjoint_mut([at.rows(tile, &inputs), tile.h(at.to)]).expect("two blocks");
    let gates = &mut ws.extra.gates[tile.rows(at.from * wide, wide)];
    pass.products.product(simd, tile, &pass.packed.forward, inputs, state, gates, Finish::Activate(&pass.net.gates()));
    let [c_prev, c] = ws.extra.c.get_disjoint_mut([tile.plain(at.from), tile.plain(at.to)]).expect("two blocks");
    if at.t == 0 {
        c_prev[..live].fill(F::zero());
    }
    let squashed = &mut ws.extra.squashed[tile.plain(at.from)];
    simd.vectorize(
        #[inline(always)]
        || {
            let len = Vector::<S, F>::LEN;
            let load = |row: &[F], at: usize| Vector::<S, F>::from_slice(simd, &row[at..][..len]);
            let [i, f, g, o] = quarters(gates);
            for at in (0..live).step_by(len) {
                let [i_t, f_t, g_t, o_t] = [load(i, at), load(f, at), load(g, at), load(o, at)];
                let z = g_t.mul_add(i_t, load(c_prev, at) * f_t);
                let p = apply::<S, F>(simd, pass.net.activation, z);
                let c_t = match pass.net.lstm_form {
                    LstmForm::Standard => z,
                    LstmForm::Notebook => p,
                };
                c_t.store_slice(&mut c[at..][..len]);
                p.store_slice(&mut squashed[at..][..len]);
                (p * o_t).store_slice(&mut h[at..][..len]);
            }
        },
    );
}

/// One step backward: `dh_t`, then `dz_t` of all gates and what flows on through the cell state.
///
/// Standard: `dz = dh o φ′ + carry`; notebook: `dz = (dh o + carry) φ′`. Then `dz_i = dz g i(1−i)`, `dz_f = dz c_{t−1} f(1−f)`,
/// `dz_g = dz i φ′(g)`, `dz_o = dh p o(1−o)`, `carry = dz f`.
pub(super) fn backward<S: Simd, F: Float, P: Products<F>>(
    simd: S,
    pass: &Pass<'_, P, P::Weights>,
    tile: &Tile,
    t: usize,
    ws: &mut Workspace<F>,
) {
    let (wide, live) = (tile.shape.wide, pass.products.live(tile));
    let (inputs, later) = tile.flows_back(t);
    let [dz, later] = ws.delta.get_disjoint_mut([tile.dz(t), later]).expect("two blocks");
    let (dh, carry) = (&mut ws.extra.dh[tile.plain(0)], &mut ws.extra.carry[tile.plain(0)]);
    pass.products.product(simd, tile, &pass.packed.backward, inputs, later, dh, Finish::Plain);
    if t + 1 == tile.shape.steps {
        carry[..live].fill(F::zero());
    }
    let (gates, c_prev) = (&ws.extra.gates[tile.rows(t * wide, wide)], &ws.extra.c[tile.plain(t)]);
    let squashed = &ws.extra.squashed[tile.plain(t)];
    simd.vectorize(
        #[inline(always)]
        || {
            let len = Vector::<S, F>::LEN;
            let load = |row: &[F], at: usize| Vector::<S, F>::from_slice(simd, &row[at..][..len]);
            let [dz_i, dz_f, dz_g, dz_o] = quarters(dz);
            let rows = dh.len();
            let slope = |y| derivative::<S, F>(simd, Activation::Sigmoid, y);
            for at in (0..live).step_by(len) {
                let gate = |gate| load(gates, gate * rows + at);
                let [i, f, g, o] = [gate(0), gate(1), gate(2), gate(3)];
                let (p, dh, flows) = (load(squashed, at), load(dh, at), load(carry, at));
                let slope_p = derivative::<S, F>(simd, pass.net.activation, p);
                let dz = match pass.net.lstm_form {
                    LstmForm::Standard => (dh * o).mul_add(slope_p, flows),
                    LstmForm::Notebook => dh.mul_add(o, flows) * slope_p,
                };
                (dz * g * slope(i)).store_slice(&mut dz_i[at..][..len]);
                (dz * load(c_prev, at) * slope(f)).store_slice(&mut dz_f[at..][..len]);
                (dz * i * derivative::<S, F>(simd, pass.net.activation, g)).store_slice(&mut dz_g[at..][..len]);
                (dh * p * slope(o)).store_slice(&mut dz_o[at..][..len]);
                (dz * f).store_slice(&mut carry[at..][..len]);
            }
        },
    );
}

/// Rows of four gates, a gate each.
#[inline(always)]
fn quarters<F>(rows: &mut [F]) -> [&mut [F]; 4] {
    let (front, back) = rows.split_at_mut(rows.len() / 2);
    let (i, f) = front.split_at_mut(front.len() / 2);
    let (g, o) = back.split_at_mut(back.len() / 2);
    [i, f, g, o]
}
