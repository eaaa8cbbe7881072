//! One sample, as in online learning: products and weight gradients without what is only worth its while for many.
//!
//! Every sum has the order that it has in `product` and `gradients`.

use super::product::Product;
use super::registers;
use crate::kernel::finish::Finish;
use crate::kernel::layout::{EXTRA, LANES, Shape, Tile, runs};
use crate::kernel::math::{Lane, Vector};
use crate::kernel::products::Blocks;
use crate::model::Cell;
use fearless_simd::prelude::*;
use std::ops::Range;

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
        let len = Vector::<S, F>::LEN;
        let (size, (gates, rows)) = (self.panel.size, self.inputs());
        let mut packed = self.panel.lines();
        for gate in 0..size.gates_out {
            for column in (0..size.hidden).step_by(LANES) {
                let (bias, weights) = packed.split_first().expect("a row of biases");
                let (weights, rest) = weights.split_at(size.inputs());
                packed = rest;
                let mut sums = [[Vector::<S, F>::splat(simd, F::zero()); NV]; 1];
                for v in 0..NV {
                    sums[0][v] = Vector::<S, F>::from_slice(simd, &bias[v * len..][..len]);
                }
                let (of_gates, of_rows) = weights.split_at(size.gates_in * size.hidden);
                if !gates.is_empty() {
                    self.add_gates(simd, gates, of_gates, &mut sums);
                }
                if !rows.is_empty() {
                    for (i, w) in of_rows.iter().enumerate() {
                        add_one(simd, &mut sums, rows[i * self.tile.width], w);
                    }
                }
                let at = gate * gate_len + column;
                let out = &mut out[at..][..LANES];
                for v in 0..NV {
                    finish.vector(simd, gate, at + v * len, sums[0][v]).store_slice(&mut out[v * len..][..len]);
                }
            }
        }
    }

    /// Adds the inputs that are units of gates.
    #[inline(always)]
    fn add_gates<S: Simd, const NV: usize>(
        &self,
        simd: S,
        mut gates: &[F],
        mut weights: &[[F; LANES]],
        sums: &mut [[Vector<S, F>; NV]; 1],
    ) {
        let hidden = self.panel.size.hidden;
        while !weights.is_empty() {
            let (of_gate, rest) = weights.split_at(hidden);
            weights = rest;
            let (fours, last) = gates[..hidden].as_chunks::<4>();
            let (of_fours, of_last) = of_gate.as_chunks::<4>();
            for (x, w) in fours.iter().zip(of_fours) {
                for j in 0..4 {
                    add_one(simd, sums, x[j], &w[j]);
                }
            }
            for (&x, w) in last.iter().zip(of_last) {
                add_one(simd, sums, x, w);
            }
            gates = gates.get(self.tile.shape.hidden * self.tile.width..).unwrap_or_default();
        }
    }
}

/// [`registers::add`] for one sample.
#[inline(always)]
fn add_one<S: Simd, F: Lane, const NV: usize>(simd: S, sums: &mut [[Vector<S, F>; NV]; 1], x: F, w: &[F]) {
    registers::add(
        simd,
        sums,
        #[inline(always)]
        |_| x,
        w,
    );
}

/// The weight gradients of a tile of one sample, added to `sums`, rows of P·G.
pub(super) fn gradients<S: Simd, F: Lane>(simd: S, tile: &Tile, blocks: Blocks<'_, F>, sums: &mut [F]) {
    simd.vectorize(
        #[inline(always)]
        || {
            let Tile { shape, width, .. } = *tile;
            let Shape { cell, units, hidden, wide, steps, .. } = shape;
            let (state_step, delta_step) = (shape.state_rows() * width, shape.delta_rows() * width);
            let most = registers::most::<S, F>();
            for column in (0..cell.gates()).flat_map(|gate| (0..units).step_by(LANES).map(move |u| gate * hidden + u)) {
                let (gate, unit) = (column / hidden, column % hidden);
                let right = (&blocks.delta[gate * hidden * width + unit..], delta_step);
                for rows in runs(units, most) {
                    let left = (&blocks.state[rows.start..], [state_step, 1]);
                    let outer = Outer { steps: 1..steps, left, right };
                    let sums = &mut sums[rows.start * wide + column..];
                    registers::dispatch!(S, F, rows.len(), outer.add(simd, sums, wide));
                }
                for rows in runs(EXTRA, most) {
                    let left = (&blocks.state[(hidden + rows.start) * width..], [state_step, width]);
                    let outer = Outer { steps: 0..steps, left, right };
                    let sums = &mut sums[(hidden + rows.start) * wide + column..];
                    registers::dispatch!(S, F, rows.len(), outer.add(simd, sums, wide));
                }
            }
            let (h, h_step) =
                if cell == Cell::Dynamic { (blocks.h, hidden * width) } else { (blocks.state, state_step) };
            let dz_o = &blocks.delta[wide * width..];
            let (dw_ho, db_o) = sums[(hidden + EXTRA) * wide..].split_at_mut(wide);
            for unit in (0..units).step_by(LANES) {
                let outer = Outer { steps: 1..steps + 1, left: (dz_o, [delta_step, 1]), right: (&h[unit..], h_step) };
                registers::dispatch!(S, F, 1, outer.add(simd, &mut dw_ho[unit..], wide));
            }
            (1..=steps).for_each(|t| db_o[0] += dz_o[t * delta_step]);
        },
    );
}

/// Some rows and 16 columns of `Σ_t left_t right_tᵀ`.
#[derive(Debug)]
struct Outer<'a, F> {
    steps: Range<usize>,
    /// From a step to the next, and from a row to the next.
    left: (&'a [F], [usize; 2]),
    /// From a step to the next.
    right: (&'a [F], usize),
}

impl<F: Lane> Outer<'_, F> {
    /// Adds R rows to `sums`, each `wide` after the one before.
    #[inline(always)]
    fn add<S: Simd, const R: usize, const NV: usize>(&self, simd: S, sums: &mut [F], wide: usize) {
        let len = Vector::<S, F>::LEN;
        let mut acc = [[Vector::<S, F>::splat(simd, F::zero()); NV]; R];
        for r in 0..R {
            for v in 0..NV {
                acc[r][v] = Vector::<S, F>::from_slice(simd, &sums[r * wide + v * len..][..len]);
            }
        }
        let ((left, [left_step, row]), (right, right_step)) = (self.left, self.right);
        for t in self.steps.clone() {
            let left = &left[t * left_step..][..(R - 1) * row + 1];
            registers::add(
                simd,
                &mut acc,
                #[inline(always)]
                |r| left[r * row],
                &right[t * right_step..][..LANES],
            );
        }
        for r in 0..R {
            for v in 0..NV {
                acc[r][v].store_slice(&mut sums[r * wide + v * len..][..len]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Units;
    use super::super::gradients::{Gradients, packed};
    use super::super::panel::Panel;
    use super::*;
    use crate::kernel::products::{Linear, Matrix, Products, Size};
    use crate::kernel::{SimdLevel, dispatch};
    use crate::model::Activation;
    use crate::task::rng::{Purpose, stream, unit};

    /// Numbers in (−1, 1).
    #[expect(clippy::cast_possible_truncation, reason = "any f32 will do")]
    fn numbers(count: usize, index: u64) -> Vec<f32> {
        let mut rng = stream(1, Purpose::Gradcheck, index);
        (0..count).map(|_| (2.0 * unit(&mut rng) - 1.0) as f32).collect()
    }

    fn tiles() -> impl Iterator<Item = Tile> {
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
    fn weight_gradients_of_one_sample_are_the_bits_of_the_way_for_many() {
        for (level, tile) in SimdLevel::available().into_iter().flat_map(|level| tiles().map(move |tile| (level, tile)))
        {
            let Shape { cell, units, hidden, wide, steps, .. } = tile.shape;
            let blocks = (steps + 1) * tile.width;
            let (state, delta) =
                (numbers(blocks * tile.shape.state_rows(), 0), numbers(blocks * tile.shape.delta_rows(), 1));
            let h = numbers(blocks * hidden, 2);
            let blocks = Blocks { state: &state, delta: &delta, h: &h };
            let before = numbers(Products::<f32>::sums(Units, tile.shape), 3);
            let (mut found, mut wanted, mut room) = (before.clone(), before, vec![0.0; packed(tile.shape)]);
            dispatch!(level.token().expect("available"), simd => {
                gradients(simd, &tile, blocks, &mut found);
                Gradients { tile: &tile, blocks }.run(simd, &mut wanted, &mut room);
            });
            // The rest of a line is nobody's.
            let of_weights = (0..units).chain(hidden..hidden + EXTRA).flat_map(|row| {
                (0..cell.gates()).flat_map(move |gate| (0..units).map(move |unit| row * wide + gate * hidden + unit))
            });
            let of_output = (0..units).chain([wide]).map(|i| (hidden + EXTRA) * wide + i);
            for i in of_weights.chain(of_output) {
                assert_eq!(found[i].to_bits(), wanted[i].to_bits(), "{level}, {cell}, {units} units: {i}");
            }
        }
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
                panel.pack(Linear { weights: &[matrix], biases: &outputs, scales: &[1.0; 4] });
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
