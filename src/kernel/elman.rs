//! The Elman cell: `h_t = φ(z_t)`, `dz_t = dh_t ⊙ φ′`.

use super::Float;
use super::bptt::{At, Pass};
use super::finish::Finish;
use super::layout::Tile;
use super::products::Products;
use super::recurrence::Recurrence;
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

/// All steps forward, where nothing happens between them: all `h_t` into their blocks of state.
pub(super) fn all_forward<S: Simd, F: Float, P: Products<F>>(
    simd: S,
    pass: &Pass<'_, P, P::Weights>,
    tile: &Tile,
    ws: &mut Workspace<F>,
) {
    let recurrence = Recurrence {
        blocks: &mut ws.state,
        rows: tile.shape.state_rows(),
        rows_in: 2,
        back: false,
        finish: Finish::Activate(&[pass.net.activation]),
        finish_rows: 0,
    };
    pass.products.recur(simd, tile, &pass.packed.forward, recurrence);
}

/// All steps backward: all `dz_t` into their blocks of delta.
pub(super) fn all_backward<S: Simd, F: Float, P: Products<F>>(
    simd: S,
    pass: &Pass<'_, P, P::Weights>,
    tile: &Tile,
    ws: &mut Workspace<F>,
) {
    let shape = tile.shape;
    let (h, finish_rows) =
        if pass.net.noise.is_some() { (&ws.extra.clean, shape.hidden) } else { (&ws.state, shape.state_rows()) };
    let recurrence = Recurrence {
        blocks: &mut ws.delta,
        rows: shape.delta_rows(),
        rows_in: 1,
        back: true,
        finish: Finish::Derive(pass.net.activation, h),
        finish_rows,
    };
    pass.products.recur(simd, tile, &pass.packed.backward, recurrence);
}
