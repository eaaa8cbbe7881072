//! The Elman cell: `h_t = φ(z_t)`, `dz_t = dh_t ⊙ φ′`.

use super::Float;
use super::bptt::{At, Pass};
use super::finish::Finish;
use super::layout::Tile;
use super::products::Products;
use super::workspace::Workspace;
use fearless_simd::Simd;

/// One step forward: `h_t` into the next block of state.
pub(super) fn forward<S: Simd, F: Float, P: Products<F>>(
    simd: S,
    pass: &Pass<'_, P, P::Weights>,
    tile: &Tile,
    at: At,
    ws: &mut Workspace<F>,
) {
    let inputs = at.inputs(tile);
    let [state, h] = ws.state.get_disjoint_mut([at.rows(tile, &inputs), tile.h(at.to)]).expect("two blocks");
    let finish = Finish::Activate(&[pass.net.activation]);
    pass.products.product(simd, tile, &pass.packed.forward, inputs, state, h, finish);
}

/// One step backward: `dz_t` into its block of delta.
pub(super) fn backward<S: Simd, F: Float, P: Products<F>>(
    simd: S,
    pass: &Pass<'_, P, P::Weights>,
    tile: &Tile,
    t: usize,
    ws: &mut Workspace<F>,
) {
    let (inputs, later) = tile.flows_back(t);
    let [dz, later] = ws.delta.get_disjoint_mut([tile.dz(t), later]).expect("two blocks");
    let h = if pass.net.noise.is_some() { &ws.extra.clean[tile.plain(t + 1)] } else { &ws.state[tile.h(t + 1)] };
    pass.products.product(simd, tile, &pass.packed.backward, inputs, later, dz, Finish::Derive(pass.net.activation, h));
}
