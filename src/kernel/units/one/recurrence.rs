//! A recurrence of one sample: all its steps in one go, without a call or a range made for each.

use super::Line;
use crate::kernel::layout::{LANES, Tile};
use crate::kernel::math::{Lane, Vector};
use crate::kernel::recurrence::Recurrence;
use crate::kernel::units::panel::Panel;
use crate::kernel::units::registers;
use fearless_simd::prelude::*;

/// A recurrence of one sample: all its steps without a call.
pub(crate) fn recur<S: Simd, F: Lane>(simd: S, tile: &Tile, panel: &Panel<F>, recurrence: Recurrence<'_, F>) {
    let steps = Steps { tile, panel, recurrence };
    simd.vectorize(
        #[inline(always)]
        || registers::dispatch!(S, F, 1, steps.run(simd)),
    );
}

/// A recurrence of one sample.
struct Steps<'a, F> {
    tile: &'a Tile,
    panel: &'a Panel<F>,
    recurrence: Recurrence<'a, F>,
}

impl<F: Lane> Steps<'_, F> {
    /// R is 1, NV vectors a line of 16 outputs.
    #[inline(always)]
    fn run<S: Simd, const R: usize, const NV: usize>(self, simd: S) {
        let (size, &Tile { shape, width, .. }) = (self.panel.size, self.tile);
        let Recurrence { blocks, rows, back, finish, finish_rows, .. } = self.recurrence;
        let (steps, stride, finish_stride) = (shape.steps, rows * width, finish_rows * width);
        let panels = self.panel.lines().chunks_exact(1 + size.inputs());
        for i in 0..steps {
            let t = if back { steps - 1 - i } else { i };
            let (low, high) = blocks.split_at_mut((t + 1) * stride);
            let low = &mut low[t * stride..];
            let (from, to) = if back { (high, low) } else { (low, high) };
            let (units, singles) = from.split_at(shape.hidden * width);
            let units = &units[..if i == 0 { 0 } else { size.hidden }];
            for (column, weights) in panels.clone().enumerate() {
                let (bias, weights) = weights.split_first().expect("a row of biases");
                let (of_units, of_singles) = weights.split_at(size.hidden);
                let mut line = Line::<S, F, NV>::new(simd, bias);
                line.add_units(simd, units, &of_units[..units.len()]);
                line.add_rows(simd, singles, width, of_singles);
                let at = column * LANES;
                line.finish(simd, finish, 0, (t + 1) * finish_stride + at, &mut to[at..][..LANES]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::finish::Finish;
    use crate::kernel::linear::{Linear, Matrix};
    use crate::kernel::products::Size;
    use crate::kernel::units::Units;
    use crate::kernel::units::one::tests::{numbers, tiles};
    use crate::kernel::{SimdLevel, dispatch};
    use crate::model::{Activation, Cell};

    #[test]
    fn recurrences_of_one_sample_are_the_bits_of_a_product_at_a_time() {
        for (level, tile) in SimdLevel::available().into_iter().flat_map(|level| tiles().map(move |tile| (level, tile)))
        {
            let shape = tile.shape;
            if shape.cell != Cell::Elman {
                continue;
            }
            let h = numbers((shape.steps + 1) * shape.state_rows() * tile.width, 0);
            for (back, rows_in, finish, finish_rows) in [
                (false, 2, Finish::Activate(&[Activation::Tanh]), 0),
                (true, 1, Finish::Derive(Activation::Sigmoid, &h[..]), shape.state_rows()),
                (true, 1, Finish::Derive(Activation::Relu, &h[..]), shape.hidden),
            ] {
                let size = Size { hidden: shape.units, gates_in: 1, rows_in, gates_out: 1 };
                let weights = numbers(size.inputs() * shape.units, 1);
                let matrix =
                    Matrix { from: &weights, inputs: size.inputs(), per_input: shape.units, per_gate: 0, per_unit: 1 };
                let linear = Linear { weights: &[matrix], biases: &h, scales: &[0.5] };
                let rows = shape.hidden + rows_in;
                let before = numbers((shape.steps + 1) * rows * tile.width, 2);
                let [mut found, mut wanted] = [before.clone(), before];
                let recurrence = |blocks| Recurrence { blocks, rows, rows_in, back, finish, finish_rows };
                dispatch!(level.token().expect("available"), simd => {
                    let mut panel = Panel::zeros(size);
                    panel.pack(simd, linear);
                    recur(simd, &tile, &panel, recurrence(&mut found));
                    recurrence(&mut wanted).by_products(simd, Units, &tile, &panel);
                });
                // The rest of a row is other samples', and the rest of a line nobody's.
                for (block, unit) in (0..=shape.steps).flat_map(|block| (0..shape.units).map(move |unit| (block, unit)))
                {
                    let i = block * rows * tile.width + unit;
                    let same = found[i].to_bits() == wanted[i].to_bits();
                    assert!(same, "{level}, {} units, back: {back}, block {block}, unit {unit}", shape.units);
                }
                assert_ne!(found, numbers(found.len(), 2), "something was written");
            }
        }
    }
}
