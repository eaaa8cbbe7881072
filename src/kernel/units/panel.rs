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

    /// Packs `weight(k, gate, unit)` and `bias(gate, unit)`.
    pub(super) fn pack(&mut self, bias: impl Fn(usize, usize) -> F, weight: impl Fn(usize, usize, usize) -> F) {
        let size = self.size;
        if size.gates_out == 0 {
            self.data[0][0] = bias(0, 0);
            let weights = self.data[1..].as_flattened_mut();
            weights.iter_mut().take(size.inputs()).enumerate().for_each(|(k, w)| *w = weight(k, 0, 0));
            return;
        }
        let panels = size.hidden.div_ceil(LANES);
        for (index, panel) in self.data.chunks_exact_mut(1 + size.inputs()).enumerate() {
            let (gate, first) = (index / panels, index % panels * LANES);
            let (biases, weights) = panel.split_first_mut().expect("a row of biases");
            if size.hidden - first >= LANES {
                // Of a known length, so that the loop is one of whole vectors.
                biases.iter_mut().enumerate().for_each(|(i, b)| *b = bias(gate, first + i));
                for (k, row) in weights.iter_mut().enumerate() {
                    row.iter_mut().enumerate().for_each(|(i, w)| *w = weight(k, gate, first + i));
                }
            } else {
                let last = size.hidden - first;
                biases[..last].iter_mut().enumerate().for_each(|(i, b)| *b = bias(gate, first + i));
                for (k, row) in weights.iter_mut().enumerate() {
                    row[..last].iter_mut().enumerate().for_each(|(i, w)| *w = weight(k, gate, first + i));
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
