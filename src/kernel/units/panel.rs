//! Packed weights where units are lanes.

use crate::kernel::layout::LANES;
use crate::kernel::math::Lane;
use crate::kernel::products::{Line, Size};
use std::slice::from_mut;

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

    /// Packs `bias(gate, unit)` and `weights(k, gate)`.
    pub(super) fn pack<'a>(
        &mut self,
        bias: impl Fn(usize, usize) -> F,
        weights_of: impl Fn(usize, usize) -> Line<'a, F>,
    ) {
        let size = self.size;
        if size.gates_out == 0 {
            self.data[0][0] = bias(0, 0);
            let weights = self.data[1..].as_flattened_mut();
            weights
                .iter_mut()
                .take(size.inputs())
                .enumerate()
                .for_each(|(k, w)| weights_of(k, 0).write(0, from_mut(w)));
            return;
        }
        let panels = size.hidden.div_ceil(LANES);
        for (index, panel) in self.data.chunks_exact_mut(1 + size.inputs()).enumerate() {
            let (gate, first) = (index / panels, index % panels * LANES);
            let (biases, weights) = panel.split_first_mut().expect("a row of biases");
            let last = LANES.min(size.hidden - first);
            biases[..last].iter_mut().enumerate().for_each(|(i, b)| *b = bias(gate, first + i));
            for (k, row) in weights.iter_mut().enumerate() {
                let line = weights_of(k, gate);
                // Of a known length where it can be, so that the loop is one of whole vectors.
                if last == LANES { line.write(first, row) } else { line.write(first, &mut row[..last]) }
            }
        }
    }

    /// The weights of the panels of one gate's outputs, 16 at a time.
    pub(super) fn panels(&self, gate: usize) -> impl Iterator<Item = &[[F; LANES]]> {
        let (rows, panels) = (1 + self.size.inputs(), self.size.hidden.div_ceil(LANES));
        (gate * panels..(gate + 1) * panels).map(move |panel| &self.data[panel * rows..][..rows])
    }
}
