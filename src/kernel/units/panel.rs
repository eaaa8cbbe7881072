//! Packed weights where units are lanes.

use crate::kernel::layout::LANES;
use crate::kernel::math::Lane;
use crate::kernel::products::Size;

/// Packed weights of one product.
///
/// # Shapes
/// For each 16 outputs of a gate: `[1 + inputs][16]`, the biases first; outputs beyond the last are zero. For the output unit alone: its
/// bias, then its weights in a row.
#[derive(Debug, Clone)]
pub(crate) struct Panel<F> {
    pub(super) size: Size,
    pub(super) data: Vec<[F; LANES]>,
}

impl<F: Lane> Panel<F> {
    /// A panel of zeros.
    pub(super) fn zeros(size: Size) -> Self {
        let rows = if size.gates_out == 0 {
            1 + size.hidden.div_ceil(LANES)
        } else {
            size.gates_out * size.hidden.div_ceil(LANES) * (1 + size.inputs())
        };
        Self { size, data: vec![[F::zero(); LANES]; rows] }
    }

    /// Packs `weight(k, m)` and `bias(m)`.
    pub(super) fn pack(&mut self, bias: impl Fn(usize) -> F, weight: impl Fn(usize, usize) -> F) {
        let size = self.size;
        if size.gates_out == 0 {
            self.data[0][0] = bias(0);
            for k in 0..size.inputs() {
                self.data[1 + k / LANES][k % LANES] = weight(k, 0);
            }
            return;
        }
        let mut rows = self.data.iter_mut();
        for gate in 0..size.gates_out {
            for first in (0..size.hidden).step_by(LANES) {
                let outputs = gate * size.hidden + first..gate * size.hidden + size.hidden.min(first + LANES);
                let mut pack = |value: &dyn Fn(usize) -> F| {
                    let row = rows.next().expect("a panel holds its product");
                    row.iter_mut().zip(outputs.clone()).for_each(|(w, m)| *w = value(m));
                };
                pack(&bias);
                for k in 0..size.inputs() {
                    pack(&|m| weight(k, m));
                }
            }
        }
    }

    /// The weights of the panels of one gate's outputs, 16 at a time.
    pub(super) fn panels(&self, gate: usize) -> impl Iterator<Item = &[[F; LANES]]> {
        let (rows, panels) = (1 + self.size.inputs(), self.size.hidden.div_ceil(LANES));
        self.data.chunks_exact(rows).skip(gate * panels).take(panels)
    }
}
