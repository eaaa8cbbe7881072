//! The dynamic cell: an Elman cell that reads `s_t h_{t−1}`, with `s_t = exp ‖x_t − x_{t−1}‖`.
//!
//! The state holds the scaled h, so that the forward product and `dW_hh` are Elman's; h itself is kept beside it.

use super::Float;
use super::bptt::{At, Pass};
use super::finish::Finish;
use super::layout::{TILE, Tile};
use super::math::Vector;
use super::products::Products;
use super::rows::mask;
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
        let (h, scaled) = (&ws.extra.h[tile.plain(at.from)], &mut ws.state[tile.h(at.from)]);
        pass.products.multiply(simd, tile, scale, h, scaled);
    }
    let h = &mut ws.extra.h[tile.plain(at.to)];
    let (state, finish) = (&ws.state[at.rows(tile, &inputs)], Finish::Activate(&[pass.net.activation]));
    pass.products.product(simd, tile, &pass.packed.forward, inputs, state, h, finish);
}

/// One step backward: `dz_t = (s_{t+1} dz_{t+1} W_hhᵀ + dz_o W_hoᵀ) ⊙ φ′`.
pub(super) fn backward<S: Simd, F: Float, P: Products<F>>(
    simd: S,
    pass: &Pass<'_, P, P::Weights>,
    tile: &Tile,
    t: usize,
    ws: &mut Workspace<F>,
) {
    let (shape, live) = (tile.shape, pass.products.live(tile));
    let [dz, dz_next, dz_o] =
        ws.delta.get_disjoint_mut([tile.dz(t), tile.dz(t + 1), tile.dz_o(t + 1)]).expect("two blocks");
    let dh = &mut ws.extra.dh[tile.plain(0)];
    pass.products.product(simd, tile, &pass.packed.backward, shape.wide..shape.wide + 1, dz_o, dh, Finish::Plain);
    if t + 1 < shape.steps {
        pass.products.product(simd, tile, &pass.packed.backward, 0..shape.wide, dz_next, dz, Finish::Plain);
        pass.products.scale_and_add(simd, tile, &ws.extra.scale[tile.rows(t + 1, 1)], dh, dz);
    } else {
        dz[..live].copy_from_slice(&dh[..live]);
    }
    let h = if pass.net.noise.is_some() { &ws.extra.clean } else { &ws.extra.h };
    Finish::Derive(pass.net.activation, &h[tile.plain(t + 1)]).all(simd, dz, live);
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
