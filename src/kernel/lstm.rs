//! The LSTM: four pre-activations a unit in one product, in the order i, f, g, o, then element by element.
//!
//! `i, f, o = σ(z_i, z_f, z_o)`, `g = φ(z_g)`, `z = g i + c_{t−1} f`, p = φ(z); standard: `c_t = z`, `h_t = p o`; notebook: `c_t = p`,
//! `h_t = c_t o`.

use super::Float;
use super::bptt::{At, Pass};
use super::finish::Finish;
use super::layout::{LANES, Tile};
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
            let count = live / LANES;
            let [i, f, g, o] = quarters(gates, count);
            let c_prev = lines(c_prev, count);
            let [c, squashed, h] = [lines_mut(c, count), lines_mut(squashed, count), lines_mut(h, count)];
            for line in 0..count {
                for part in (0..LANES).step_by(len) {
                    let load = |row: &[[F; LANES]]| Vector::<S, F>::from_slice(simd, &row[line][part..][..len]);
                    let z = load(g).mul_add(load(i), load(c_prev) * load(f));
                    let p = apply::<S, F>(simd, pass.net.activation, z);
                    let c_t = match pass.net.lstm_form {
                        LstmForm::Standard => z,
                        LstmForm::Notebook => p,
                    };
                    c_t.store_slice(&mut c[line][part..][..len]);
                    p.store_slice(&mut squashed[line][part..][..len]);
                    (p * load(o)).store_slice(&mut h[line][part..][..len]);
                }
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
            let slope = |y| derivative::<S, F>(simd, Activation::Sigmoid, y);
            let count = live / LANES;
            let [dz_i, dz_f, dz_g, dz_o] = quarters(dz, count);
            let gate = |gate| lines(&gates[gate * dh.len()..], count);
            let [i, f, g, o] = [gate(0), gate(1), gate(2), gate(3)];
            let (c_prev, squashed, dh) = (lines(c_prev, count), lines(squashed, count), lines(dh, count));
            let carry = lines_mut(carry, count);
            for line in 0..count {
                for part in (0..LANES).step_by(len) {
                    let load = |row: &[[F; LANES]]| Vector::<S, F>::from_slice(simd, &row[line][part..][..len]);
                    let ([i, f], [g, o]) = ([load(i), load(f)], [load(g), load(o)]);
                    let (p, dh, flows) = (load(squashed), load(dh), load(carry));
                    let slope_p = derivative::<S, F>(simd, pass.net.activation, p);
                    let dz = match pass.net.lstm_form {
                        LstmForm::Standard => (dh * o).mul_add(slope_p, flows),
                        LstmForm::Notebook => dh.mul_add(o, flows) * slope_p,
                    };
                    (dz * g * slope(i)).store_slice(&mut dz_i[line][part..][..len]);
                    (dz * load(c_prev) * slope(f)).store_slice(&mut dz_f[line][part..][..len]);
                    let slope_g = derivative::<S, F>(simd, pass.net.activation, g);
                    (dz * i * slope_g).store_slice(&mut dz_g[line][part..][..len]);
                    (dh * p * slope(o)).store_slice(&mut dz_o[line][part..][..len]);
                    (dz * f).store_slice(&mut carry[line][part..][..len]);
                }
            }
        },
    );
}

/// The first `count` stretches of 16, which are whole vectors on every level: as many of each operand, so that one bound is that of all.
#[inline(always)]
fn lines<F>(rows: &[F], count: usize) -> &[[F; LANES]] {
    &rows.as_chunks().0[..count]
}

/// The same, to write.
#[inline(always)]
fn lines_mut<F>(rows: &mut [F], count: usize) -> &mut [[F; LANES]] {
    &mut rows.as_chunks_mut().0[..count]
}

/// Rows of four gates, the first `count` stretches of each.
#[inline(always)]
fn quarters<F>(rows: &mut [F], count: usize) -> [&mut [[F; LANES]]; 4] {
    let (front, back) = rows.split_at_mut(rows.len() / 2);
    let (i, f) = front.split_at_mut(front.len() / 2);
    let (g, o) = back.split_at_mut(back.len() / 2);
    [lines_mut(i, count), lines_mut(f, count), lines_mut(g, count), lines_mut(o, count)]
}
