//! The dynamic cell: an Elman cell that reads `s_t h_{t−1}`, with `s_t = exp ‖x_t − x_{t−1}‖`.
//!
//! The state holds the scaled h, so that the forward product and `dW_hh` are Elman's; h itself is kept beside it.

use super::Float;
use super::bptt::{At, Pass};
use super::layout::{TILE, Tile};
use super::math::Vector;
use super::products::Products;
use super::rows::{self, mask};
use super::workspace::Workspace;
use fearless_simd::prelude::*;

/// One step forward: `s_t h_{t−1}` into its block of state, then `h_t` into the next block of h.
pub(super) fn forward<S: Simd, F: Float, P: Products<F>>(
    simd: S,
    pass: &Pass<'_, P, P::Weights>,
    tile: &Tile,
    at: At,
    ws: &mut Workspace<F>,
) {
    let inputs = at.inputs(tile);
    if at.t > 0 {
        let [a, b] = [&pass.batch.a, &pass.batch.b]
            .map(|bits| [at.t, at.t - 1].map(|step| &bits.column(step)[tile.words.clone()]));
        let scale = &mut ws.extra.scale[tile.rows(at.from, 1)];
        scales(simd, a, b, scale);
        multiply(simd, scale, &ws.extra.h[tile.plain(at.from)], &mut ws.state[tile.h(at.from)]);
    }
    let h = &mut ws.extra.h[tile.plain(at.to)];
    pass.products.product(simd, &pass.packed.forward, inputs.clone(), &ws.state[at.rows(tile, &inputs)], h);
    rows::activate(simd, pass.net.activation, h);
}

/// One step backward: `dz_t = (s_{t+1} dz_{t+1} W_hhᵀ + dz_o W_hoᵀ) ⊙ φ′`.
pub(super) fn backward<S: Simd, F: Float, P: Products<F>>(
    simd: S,
    pass: &Pass<'_, P, P::Weights>,
    tile: &Tile,
    t: usize,
    ws: &mut Workspace<F>,
) {
    let shape = tile.shape;
    let [dz, dz_next, dz_o] =
        ws.delta.get_disjoint_mut([tile.dz(t), tile.dz(t + 1), tile.dz_o(t + 1)]).expect("two blocks");
    let dh = &mut ws.extra.dh[tile.plain(0)];
    pass.products.product(simd, &pass.packed.backward, shape.wide..shape.wide + 1, dz_o, dh);
    if t + 1 < shape.steps {
        pass.products.product(simd, &pass.packed.backward, 0..shape.wide, dz_next, dz);
        scale_and_add(simd, &ws.extra.scale[tile.rows(t + 1, 1)], dh, dz);
    } else {
        dz.copy_from_slice(dh);
    }
    let h = if pass.net.noise.is_some() { &ws.extra.clean } else { &ws.extra.h };
    rows::derive(simd, pass.net.activation, &h[tile.plain(t + 1)], dz);
}

/// The scales of one step, from the bits of a and b now and before: 1, e or e^√2, for none, one or both changed.
fn scales<S: Simd, F: Float>(simd: S, a: [&[u64]; 2], b: [&[u64]; 2], row: &mut [F]) {
    let splat = |x: f64| Vector::<S, F>::splat(simd, F::of(x));
    let values = [1.0, 1_f64.exp(), 2_f64.sqrt().exp()];
    simd.vectorize(
        #[inline(always)]
        || {
            let [none, one, both] = values.map(splat);
            let (tiles, _) = row.as_chunks_mut::<TILE>();
            for (word, tile) in tiles.iter_mut().enumerate() {
                let (a, b) = (a[0][word] ^ a[1][word], b[0][word] ^ b[1][word]);
                for (i, out) in tile.chunks_exact_mut(Vector::<S, F>::LEN).enumerate() {
                    let (either, each) = (mask::<S, F>(simd, a | b, i), mask::<S, F>(simd, a & b, i));
                    each.select(both, either.select(one, none)).store_slice(out);
                }
            }
        },
    );
}

/// `out = scale ⊙ h`, row by row.
fn multiply<S: Simd, F: Float>(simd: S, scale: &[F], h: &[F], out: &mut [F]) {
    simd.vectorize(
        #[inline(always)]
        || {
            let len = Vector::<S, F>::LEN;
            for (h, out) in h.chunks_exact(scale.len()).zip(out.chunks_exact_mut(scale.len())) {
                for ((s, h), out) in scale.chunks_exact(len).zip(h.chunks_exact(len)).zip(out.chunks_exact_mut(len)) {
                    (Vector::<S, F>::from_slice(simd, s) * Vector::<S, F>::from_slice(simd, h)).store_slice(out);
                }
            }
        },
    );
}

/// `row = scale ⊙ row + dh`, row by row.
fn scale_and_add<S: Simd, F: Float>(simd: S, scale: &[F], dh: &[F], rows: &mut [F]) {
    simd.vectorize(
        #[inline(always)]
        || {
            let len = Vector::<S, F>::LEN;
            for (dh, row) in dh.chunks_exact(scale.len()).zip(rows.chunks_exact_mut(scale.len())) {
                for ((s, dh), out) in scale.chunks_exact(len).zip(dh.chunks_exact(len)).zip(row.chunks_exact_mut(len)) {
                    let [s, dh, dz] = [s, dh, &*out].map(
                        #[inline(always)]
                        |row| Vector::<S, F>::from_slice(simd, row),
                    );
                    s.mul_add(dz, dh).store_slice(out);
                }
            }
        },
    );
}
