//! Weights and biases on their way into a panel, in whose order an inner loop reads them.

use super::layout::LANES;
use super::math::{Lane, Vector};
use fearless_simd::prelude::*;
use std::ops::Range;

/// What is packed: weights and biases of all gates of outputs, times a scale for each gate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Linear<'a, F> {
    /// The weights, from the first input on.
    pub(crate) weights: &'a [Matrix<'a, F>],
    /// The biases, gate by gate; empty if they are zero.
    pub(crate) biases: &'a [F],
    /// The scales.
    pub(crate) scales: &'a [F],
}

impl<F: Lane> Linear<'_, F> {
    /// Writes the biases of some units of a gate of `size` units.
    pub(crate) fn write_biases(&self, gate: usize, size: usize, units: Range<usize>, out: &mut [F]) {
        if !self.biases.is_empty() {
            let biases = &self.biases[gate * size..][units];
            out.iter_mut().zip(biases).for_each(|(out, &b)| *out = b * self.scales[gate]);
        }
    }

    /// Writes the weights of some units of a gate: a row of `stride` numbers for each input, of which the first are those units'.
    ///
    /// # Cost
    /// A call, so that three engines have one copy.
    #[inline(never)]
    pub(crate) fn write_weights<S: Simd>(
        &self,
        simd: S,
        gate: usize,
        units: Range<usize>,
        stride: usize,
        rows: &mut [F],
    ) {
        simd.vectorize(
            #[inline(always)]
            || {
                let mut rows = rows;
                for matrix in self.weights {
                    let (first, scale) = (gate * matrix.per_gate, self.scales[gate]);
                    let part = Part { matrix, first, units: units.clone(), scale };
                    match (matrix.per_unit == 1, stride == LANES) {
                        (true, true) if units.len() == LANES => part.copy_lines(simd, rows),
                        (true, _) => part.copy(stride, rows),
                        (false, true) => {
                            let done = part.transpose_lines(simd, rows);
                            part.transpose(done, stride, rows);
                        }
                        (false, false) => part.transpose(0, stride, rows),
                    }
                    rows = rows.get_mut(matrix.inputs * stride..).unwrap_or_default();
                }
            },
        );
    }
}

/// Weights from some inputs to the units of all gates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a, F> {
    pub(crate) from: &'a [F],
    /// How many inputs there are.
    pub(crate) inputs: usize,
    /// From an input to the next; 1 unless units are neighbours.
    pub(crate) per_input: usize,
    /// From a gate to the next.
    pub(crate) per_gate: usize,
    /// From a unit to the next.
    pub(crate) per_unit: usize,
}

/// Some units of a gate, whose weights begin at `first`.
#[derive(Debug)]
struct Part<'a, F> {
    matrix: &'a Matrix<'a, F>,
    first: usize,
    units: Range<usize>,
    scale: F,
}

impl<F: Lane> Part<'_, F> {
    /// Units are neighbours: what is wanted, row by row.
    #[inline(always)]
    fn copy(&self, stride: usize, rows: &mut [F]) {
        let Matrix { from, inputs, per_input, .. } = *self.matrix;
        for (k, row) in rows.chunks_mut(stride).take(inputs).enumerate() {
            let weights = &from[self.first + k * per_input..][self.units.clone()];
            row.iter_mut().zip(weights).for_each(|(out, &w)| *out = w * self.scale);
        }
    }

    /// The same for whole lines of 16, as most are.
    #[inline(always)]
    fn copy_lines<S: Simd>(&self, simd: S, rows: &mut [F]) {
        let (len, Matrix { from, inputs, per_input, .. }) = (Vector::<S, F>::LEN, *self.matrix);
        let (rows, _) = rows.as_chunks_mut::<LANES>();
        for (k, row) in rows[..inputs].iter_mut().enumerate() {
            let from = &from[self.first + self.units.start + k * per_input..][..LANES];
            for v in (0..LANES).step_by(len) {
                (Vector::<S, F>::from_slice(simd, &from[v..][..len]) * self.scale).store_slice(&mut row[v..][..len]);
            }
        }
    }

    /// Inputs are neighbours: four units at a time, then one, but for those that are done.
    #[inline(always)]
    fn transpose(&self, done: usize, stride: usize, rows: &mut [F]) {
        let (units, scale) = (self.units.len(), self.scale);
        let fours = done + (units - done) / 4 * 4;
        for i in (done..fours).step_by(4) {
            let [a, b, c, d] = [0, 1, 2, 3].map(|j| self.line(i + j));
            for (row, (((&a, &b), &c), &d)) in rows.chunks_mut(stride).zip(a.iter().zip(b).zip(c).zip(d)) {
                row[i..i + 4].copy_from_slice(&[a * scale, b * scale, c * scale, d * scale]);
            }
        }
        for i in fours..units {
            rows.chunks_mut(stride).zip(self.line(i)).for_each(|(row, &w)| row[i] = w * scale);
        }
    }

    /// The same for rows that are whole lines of 16, through registers in squares of a vector's length: whole vectors of units, whose number it returns.
    #[inline(always)]
    fn transpose_lines<S: Simd>(&self, simd: S, rows: &mut [F]) -> usize {
        let (len, scale, inputs) = (Vector::<S, F>::LEN, self.scale, self.matrix.inputs);
        let (whole, done) = (inputs / len * len, self.units.len() / len * len);
        let (rows, _) = rows.as_chunks_mut::<LANES>();
        for i in (0..done).step_by(len) {
            let mut lines = [&[][..]; LANES];
            for j in 0..len {
                lines[j] = self.line(i + j);
            }
            for (k, rows) in (0..whole).step_by(len).zip(rows.chunks_exact_mut(len)) {
                let mut square = [Vector::<S, F>::splat(simd, F::zero()); LANES];
                for j in 0..len {
                    square[j] = Vector::<S, F>::from_slice(simd, &lines[j][k..][..len]) * scale;
                }
                transpose::<S, F>(&mut square);
                for j in 0..len {
                    square[j].store_slice(&mut rows[j][i..][..len]);
                }
            }
            for j in 0..len {
                (whole..inputs).for_each(|k| rows[k][i + j] = lines[j][k] * scale);
            }
        }
        done
    }

    /// The weights of one unit, where inputs are neighbours.
    #[inline(always)]
    fn line(&self, unit: usize) -> &[F] {
        let Matrix { from, inputs, per_unit, .. } = self.matrix;
        &from[self.first + (self.units.start + unit) * per_unit..][..*inputs]
    }
}

/// Transposes a square, of as many vectors as each has lanes: a shuffle of rows and lanes for each bit of their numbers.
#[inline(always)]
fn transpose<S: Simd, F: Lane>(square: &mut [Vector<S, F>; LANES]) {
    let half = Vector::<S, F>::LEN / 2;
    for _ in 0..Vector::<S, F>::LEN.ilog2() {
        let from = *square;
        for i in 0..half {
            (square[2 * i], square[2 * i + 1]) = from[i].interleave(from[i + half]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{SimdLevel, dispatch};

    /// A number of its own for each weight.
    fn weight<F: Lane>(gate: usize, unit: usize, input: usize) -> F {
        F::of((gate * 4000 + unit * 100 + input) as f64)
    }

    /// Packs two gates of so many units and inputs on a level, with a unit before and after them and an input more than are wanted.
    fn packs_every_weight_once<F: Lane>(
        level: SimdLevel,
        units: usize,
        inputs: usize,
        stride: usize,
        inputs_first: bool,
    ) {
        let (wide, long) = (units + 2, inputs + 1);
        let [per_input, per_unit] = if inputs_first { [1, long] } else { [wide, 1] };
        let mut from = vec![F::nan(); 2 * wide * long];
        for (gate, unit) in [0, 1].into_iter().flat_map(|gate| (1..=units).map(move |unit| (gate, unit))) {
            for input in 0..inputs {
                from[gate * wide * long + unit * per_unit + input * per_input] = weight(gate, unit, input);
            }
        }
        let matrix = Matrix { from: &from, inputs, per_input, per_gate: wide * long, per_unit };
        let linear = Linear { weights: &[matrix], biases: &[], scales: &[F::one(), F::of(0.5)] };
        for gate in [0, 1] {
            let mut rows = vec![-F::one(); inputs * stride];
            dispatch!(level.token().expect("available"), simd => {
                linear.write_weights(simd, gate, 1..units + 1, stride, &mut rows);
            });
            for (i, &found) in rows.iter().enumerate() {
                let (input, unit) = (i / stride, i % stride);
                let wanted =
                    if unit < units { linear.scales[gate] * weight::<F>(gate, unit + 1, input) } else { -F::one() };
                assert!(found == wanted, "{level}, {units} units of {inputs} inputs, {stride} apart: {unit}, {input}");
            }
        }
    }

    #[test]
    fn every_way_to_pack_writes_every_weight_once() {
        let sizes = [(1, 1), (3, 7), (4, 16), (8, 24), (7, 9), (16, 16), (16, 5), (16, 37), (13, 33), (33, 20)];
        for (level, (units, inputs)) in
            SimdLevel::available().into_iter().flat_map(|level| sizes.map(move |sizes| (level, sizes)))
        {
            for stride in [units + 3, LANES] {
                for inputs_first in [false, true] {
                    if units <= stride {
                        packs_every_weight_once::<f32>(level, units, inputs, stride, inputs_first);
                        packs_every_weight_once::<f64>(level, units, inputs, stride, inputs_first);
                    }
                }
            }
        }
    }
}
