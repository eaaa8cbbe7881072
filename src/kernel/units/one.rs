//! One sample, as in online learning: products, recurrences and weight gradients without what is only worth its while for many.
//!
//! Every sum has the order that it has in `product` and `units::gradients`.

mod gradients;
mod recurrence;

pub(super) use gradients::gradients;
pub(super) use recurrence::recur;

use super::product::Product;
use super::registers;
use crate::kernel::finish::Finish;
use crate::kernel::layout::LANES;
use crate::kernel::math::{Lane, Vector};
use fearless_simd::prelude::*;

impl<F: Lane> Product<'_, F> {
    /// The product for a tile of one sample.
    #[inline(always)]
    pub(super) fn one<S: Simd>(&self, simd: S, gate_len: usize, out: &mut [F], finish: Finish<'_, F>) {
        registers::dispatch!(S, F, 1, self.lines(simd, gate_len, out, finish));
    }

    /// The same; R is 1, NV vectors a line of 16 outputs.
    #[inline(always)]
    fn lines<S: Simd, const R: usize, const NV: usize>(
        &self,
        simd: S,
        gate_len: usize,
        out: &mut [F],
        finish: Finish<'_, F>,
    ) {
        let (size, (gates, rows)) = (self.panel.size, self.inputs());
        let gates_in = if gates.is_empty() { 0 } else { size.gates_in };
        let each = self.tile.shape.hidden * self.tile.width;
        let mut packed = self.panel.lines();
        for gate in 0..size.gates_out {
            for column in (0..size.hidden).step_by(LANES) {
                let (bias, weights) = packed.split_first().expect("a row of biases");
                let (weights, rest) = weights.split_at(size.inputs());
                packed = rest;
                let mut line = Line::<S, F, NV>::new(simd, bias);
                let (of_gates, of_rows) = weights.split_at(size.gates_in * size.hidden);
                for gate in 0..gates_in {
                    line.add_units(
                        simd,
                        &gates[gate * each..][..size.hidden],
                        &of_gates[gate * size.hidden..][..size.hidden],
                    );
                }
                if !rows.is_empty() {
                    line.add_rows(simd, rows, self.tile.width, of_rows);
                }
                let at = gate * gate_len + column;
                line.finish(simd, finish, gate, at, &mut out[at..][..LANES]);
            }
        }
    }
}

/// 16 outputs of one sample.
struct Line<S: Simd, F: Lane, const NV: usize> {
    sums: [[Vector<S, F>; NV]; 1],
}

impl<S: Simd, F: Lane, const NV: usize> Line<S, F, NV> {
    /// They begin with their biases.
    #[inline(always)]
    fn new(simd: S, bias: &[F; LANES]) -> Self {
        Self { sums: registers::load(simd, bias, LANES) }
    }

    /// Adds inputs that lie together.
    #[inline(always)]
    fn add_units(&mut self, simd: S, units: &[F], weights: &[[F; LANES]]) {
        let (fours, last) = units.as_chunks::<4>();
        let (of_fours, of_last) = weights.as_chunks::<4>();
        for (x, w) in fours.iter().zip(of_fours) {
            for j in 0..4 {
                self.add(simd, x[j], &w[j]);
            }
        }
        for (&x, w) in last.iter().zip(of_last) {
            self.add(simd, x, w);
        }
    }

    /// Adds inputs that are each the first of a row.
    #[inline(always)]
    fn add_rows(&mut self, simd: S, rows: &[F], width: usize, weights: &[[F; LANES]]) {
        for (i, w) in weights.iter().enumerate() {
            self.add(simd, rows[i * width], w);
        }
    }

    #[inline(always)]
    fn add(&mut self, simd: S, x: F, w: &[F; LANES]) {
        registers::add(
            simd,
            &mut self.sums,
            #[inline(always)]
            |_| x,
            w,
        );
    }

    /// Writes what becomes of them; what `finish` reads for them lies at `at`.
    #[inline(always)]
    fn finish(self, simd: S, finish: Finish<'_, F>, gate: usize, at: usize, out: &mut [F]) {
        let len = Vector::<S, F>::LEN;
        for v in 0..NV {
            finish.vector(simd, gate, at + v * len, self.sums[0][v]).store_slice(&mut out[v * len..][..len]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Units;
    use super::super::panel::Panel;
    use super::*;
    use crate::kernel::layout::{Shape, Tile};
    use crate::kernel::linear::{Linear, Matrix};
    use crate::kernel::products::{Products, Size};
    use crate::kernel::{SimdLevel, dispatch};
    use crate::model::{Activation, Cell};
    use crate::task::rng::{Purpose, stream, unit};

    /// Numbers in (−1, 1).
    #[expect(clippy::cast_possible_truncation, reason = "any f32 will do")]
    pub(super) fn numbers(count: usize, index: u64) -> Vec<f32> {
        let mut rng = stream(1, Purpose::Gradcheck, index);
        (0..count).map(|_| (2.0 * unit(&mut rng) - 1.0) as f32).collect()
    }

    /// A tile of every cell and of different widths.
    pub(super) fn tiles() -> impl Iterator<Item = Tile> {
        let cells = [Cell::Elman, Cell::Dynamic, Cell::Lstm];
        cells.into_iter().flat_map(|cell| {
            [1, 3, 16, 21, 70].map(|units| {
                let hidden = Products::<f32>::padded(Units, units);
                let shape = Shape { cell, units, hidden, wide: hidden * cell.gates(), steps: 19 };
                Tile { shape, width: 64, samples: 1, words: 0..1 }
            })
        })
    }

    #[test]
    fn products_of_one_sample_are_the_bits_of_the_way_for_many() {
        for (level, tile) in SimdLevel::available().into_iter().flat_map(|level| tiles().map(move |tile| (level, tile)))
        {
            let Shape { cell, units, hidden, wide, .. } = tile.shape;
            let gates = cell.gates();
            let gate_len = hidden * tile.width;
            let (weights, outputs) = (numbers(units * gates * (gates * units + 2), 0), numbers(gates * gate_len, 1));
            let forward = (
                Size { hidden: units, gates_in: 1, rows_in: 2, gates_out: gates },
                [0..hidden + 2, hidden..hidden + 2],
            );
            let backward =
                (Size { hidden: units, gates_in: gates, rows_in: 1, gates_out: 1 }, [0..wide + 1, wide..wide + 1]);
            for (size, inputs) in [forward, backward] {
                let (inputs_all, per_input) = (size.inputs(), size.gates_out * units);
                let matrix = Matrix { from: &weights, inputs: inputs_all, per_input, per_gate: units, per_unit: 1 };
                let mut panel = Panel::zeros(size);
                let linear = Linear { weights: &[matrix], biases: &outputs, scales: &[1.0; 4] };
                dispatch!(level.token().expect("available"), simd => panel.pack(simd, linear));
                for k in inputs {
                    let rows = numbers(k.len() * tile.width, 2);
                    let product = Product { tile: &tile, panel: &panel, k, rows: &rows };
                    for finish in [
                        Finish::Plain,
                        Finish::Activate(&[
                            Activation::Sigmoid,
                            Activation::Tanh,
                            Activation::Relu,
                            Activation::Sigmoid,
                        ]),
                        Finish::Derive(Activation::Tanh, &outputs),
                    ] {
                        if size.gates_out > 1 && matches!(finish, Finish::Derive(..)) {
                            continue;
                        }
                        let [mut found, mut wanted] = [(); 2].map(|()| vec![0.0; size.gates_out * gate_len]);
                        dispatch!(level.token().expect("available"), simd => {
                            product.one(simd, gate_len, &mut found, finish);
                            product.many(simd, gate_len, &mut wanted, finish);
                        });
                        for i in (0..size.gates_out).flat_map(|gate| (0..units).map(move |unit| gate * gate_len + unit))
                        {
                            let same = found[i].to_bits() == wanted[i].to_bits();
                            assert!(same, "{level}, {cell}, {units} units, {size:?}, {finish:?}: {i}");
                        }
                    }
                }
            }
        }
    }
}
