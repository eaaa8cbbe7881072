//! Packed weights where units are lanes.

use crate::kernel::layout::{Aligned, LANES};
use crate::kernel::linear::Linear;
use crate::kernel::math::Lane;
use crate::kernel::products::Size;
use fearless_simd::Simd;

/// Packed weights of one product.
///
/// # Shapes
/// For each 16 outputs of a gate: `[1 + inputs][16]`, the biases first; outputs beyond the last are zero. For the output unit alone: its
/// bias, then its weights in a row.
#[derive(Debug, Clone)]
pub(crate) struct Panel<F> {
    pub(super) size: Size,
    data: Aligned<F>,
}

impl<F: Lane> Panel<F> {
    /// A panel of zeros.
    pub(super) fn zeros(size: Size) -> Self {
        let rows = if size.gates_out == 0 {
            1 + size.hidden.div_ceil(LANES)
        } else {
            size.gates_out * size.hidden.div_ceil(LANES) * (1 + size.inputs())
        };
        Self { size, data: Aligned::zeros(rows * LANES) }
    }

    /// Packs weights and biases.
    pub(super) fn pack<S: Simd>(&mut self, simd: S, linear: Linear<'_, F>) {
        let (size, (data, _)) = (self.size, self.data.as_chunks_mut::<LANES>());
        if size.gates_out == 0 {
            linear.write_biases(0, 1, 0..1, &mut data[0]);
            linear.write_weights(simd, 0, 0..1, 1, data[1..].as_flattened_mut());
            return;
        }
        let panels = size.hidden.div_ceil(LANES);
        for (index, panel) in data.chunks_exact_mut(1 + size.inputs()).enumerate() {
            let (gate, first) = (index / panels, index % panels * LANES);
            let units = first..(first + LANES).min(size.hidden);
            let (biases, weights) = panel.split_first_mut().expect("a row of biases");
            linear.write_biases(gate, size.hidden, units.clone(), biases);
            linear.write_weights(simd, gate, units, LANES, weights.as_flattened_mut());
        }
    }

    /// All rows.
    pub(super) fn lines(&self) -> &[[F; LANES]] {
        self.data.as_chunks().0
    }

    /// The weights of the panels of one gate's outputs, 16 at a time.
    pub(super) fn panels(&self, gate: usize) -> impl Iterator<Item = &[[F; LANES]]> {
        let (rows, panels) = (1 + self.size.inputs(), self.size.hidden.div_ceil(LANES));
        (gate * panels..(gate + 1) * panels).map(move |panel| &self.lines()[panel * rows..][..rows])
    }
}
