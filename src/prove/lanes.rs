//! The step of an integer network for many states at a time, under all four inputs: states are lanes.
//!
//! The recurrent product of a state is the same for every input, so it is made once; the four inputs add their row, and compare with
//! thresholds. A row holds one unit's value for [`LANES`] states, and every loop over lanes is of a fixed length, which the compiler turns
//! into vectors of the level it is asked for. Integers have one result whatever their order, so that all levels agree.

use super::fixed::GATE_BITS;
use super::net::IntegerNet;
use super::table::Table;
use crate::model::{Cell, LstmForm};
use fearless_simd::Simd;

/// States that go through together.
pub(super) const LANES: usize = 32;

/// One value for every lane.
pub(super) type Row = [i32; LANES];

/// Buffers of a batch of states, and what came out.
#[derive(Debug)]
pub(super) struct Lanes {
    /// The tables φ, σ and φ of the cell.
    tables: [Lookup; 3],
    /// Carried values, `[carried]`.
    from: Vec<Row>,
    /// Recurrent products, `[G·H]` for each number of changed bits.
    products: Vec<Vec<Row>>,
    /// Pre-activations of one input, `[G·H]`.
    z: Vec<Row>,
    /// Carried values after one input, `[carried]`.
    to: Vec<Row>,
    /// Carried values after each input, `[4][LANES][carried]`.
    pub(super) next: [Vec<i8>; 4],
    /// Distances of the outputs to their threshold after each input.
    pub(super) outputs: [Row; 4],
}

/// Rows of a product that are summed together.
const TOGETHER: usize = 2;

impl Lanes {
    pub(super) fn new(net: &IntegerNet) -> Self {
        let (carried, wide) = (net.carried(), net.recurrent[0].len() / net.hidden);
        let zeros = |n| vec![[0; LANES]; n];
        Self {
            tables: [&net.tables.phi, &net.tables.sigma, &net.tables.cell].map(Lookup::new),
            from: zeros(carried),
            products: net.recurrent.iter().map(|_| zeros(wide)).collect(),
            z: zeros(wide),
            to: zeros(carried),
            next: std::array::from_fn(|_| vec![0; LANES * carried]),
            outputs: [[0; LANES]; 4],
        }
    }

    /// Takes the carried values of a lane.
    pub(super) fn put(&mut self, lane: usize, values: &[i8]) {
        for (row, &value) in self.from.iter_mut().zip(values) {
            row[lane] = value.into();
        }
    }

    /// Moves all lanes under all inputs; `before` holds their inputs before, which only the dynamic cell reads.
    pub(super) fn step<S: Simd>(&mut self, simd: S, net: &IntegerNet, before: &[u8; LANES]) {
        simd.vectorize(
            #[inline(always)]
            || {
                for (matrix, products) in net.recurrent.iter().zip(&mut self.products) {
                    product(matrix, &self.from[..net.hidden], products);
                }
                for x in 0..4_u8 {
                    self.pre_activations(net, x, before);
                    match net.cell {
                        Cell::Elman | Cell::Dynamic => {
                            for (z, h) in self.z.iter().zip(&mut self.to) {
                                look_up(&self.tables[0], z, h);
                            }
                        }
                        Cell::Lstm => self.cells(net),
                    }
                    let x = usize::from(x);
                    let mut z_o = [net.output_bias - net.threshold; LANES];
                    for (&w, h) in net.output.iter().zip(&self.to) {
                        for lane in 0..LANES {
                            z_o[lane] += w * h[lane];
                        }
                    }
                    self.outputs[x] = z_o;
                    transpose(&self.to, &mut self.next[x]);
                }
            },
        );
    }

    /// z of one input.
    #[inline(always)]
    fn pre_activations(&mut self, net: &IntegerNet, x: u8, before: &[u8; LANES]) {
        let input = &net.input[usize::from(x)];
        if net.cell == Cell::Dynamic {
            let changed = before.map(|before| (before ^ x).count_ones().cast_signed());
            let [none, one, both] = &self.products[..] else { unreachable!("three scales") };
            for m in 0..input.len() {
                for lane in 0..LANES {
                    let changed = changed[lane];
                    let some = if changed == 1 { one[m][lane] } else { both[m][lane] };
                    self.z[m][lane] = input[m] + if changed == 0 { none[m][lane] } else { some };
                }
            }
        } else {
            for (z, (product, &input)) in self.z.iter_mut().zip(self.products[0].iter().zip(input)) {
                for lane in 0..LANES {
                    z[lane] = product[lane] + input;
                }
            }
        }
    }

    /// h and c of an LSTM.
    #[inline(always)]
    fn cells(&mut self, net: &IntegerNet) {
        let hidden = net.hidden;
        let (h_rows, c_rows) = self.to.split_at_mut(hidden);
        for unit in 0..hidden {
            let mut gates = [[0; LANES]; 4];
            for (gate, row) in gates.iter_mut().enumerate() {
                let table = &self.tables[usize::from(gate != 2)];
                look_up(table, &self.z[gate * hidden + unit], row);
            }
            let [i, f, g, o] = &gates;
            let (c_prev, h, c) = (&self.from[hidden + unit], &mut h_rows[unit], &mut c_rows[unit]);
            let mut z = [0; LANES];
            for lane in 0..LANES {
                z[lane] = g[lane] * i[lane] + ((c_prev[lane] * f[lane]) << (GATE_BITS - net.q));
            }
            let mut p = [0; LANES];
            match net.form {
                LstmForm::Standard => {
                    let shift = 2 * GATE_BITS - net.q;
                    for lane in 0..LANES {
                        c[lane] = ((z[lane] + (1 << shift >> 1)) >> shift).clamp(-net.cell_most, net.cell_most);
                    }
                    look_up(&self.tables[2], c, &mut p);
                    for lane in 0..LANES {
                        h[lane] = (p[lane] * o[lane] + (1 << shift >> 1)) >> shift;
                    }
                }
                LstmForm::Notebook => {
                    look_up(&self.tables[2], &z, c);
                    for lane in 0..LANES {
                        h[lane] = (c[lane] * o[lane] + (1 << GATE_BITS >> 1)) >> GATE_BITS;
                    }
                }
            }
        }
    }
}

/// `out[m] = Σ_k matrix[m][k] h[k]`.
#[inline(always)]
fn product(matrix: &[i32], h: &[Row], out: &mut [Row]) {
    let hidden = h.len();
    for (rows, out) in matrix.chunks(TOGETHER * hidden).zip(out.chunks_mut(TOGETHER)) {
        if let [first, second] = out {
            let (one, two) = rows.split_at(hidden);
            let mut sums = [[0; LANES]; TOGETHER];
            for ((&one, &two), h) in one.iter().zip(two).zip(h) {
                for lane in 0..LANES {
                    sums[0][lane] += one * h[lane];
                    sums[1][lane] += two * h[lane];
                }
            }
            [*first, *second] = sums;
        } else {
            let mut sum = [0; LANES];
            for (&w, h) in rows.iter().zip(h) {
                for lane in 0..LANES {
                    sum[lane] += w * h[lane];
                }
            }
            out[0] = sum;
        }
    }
}

/// A table, made for many lookups.
#[derive(Debug)]
struct Lookup {
    table: Table,
    /// For tables of many thresholds.
    buckets: Option<Buckets>,
}

/// z cut into buckets of 2^shift from `low` on, with at most one threshold in each.
#[derive(Debug)]
struct Buckets {
    low: i32,
    high: i32,
    shift: u32,
    /// The value at a bucket's start, and the threshold inside.
    all: Box<[(i32, i32); BUCKETS]>,
}

/// The most buckets.
const BUCKETS: usize = 512;
/// Thresholds up to which counting is faster.
const COUNTED: usize = 12;

impl Lookup {
    fn new(table: &Table) -> Self {
        Self { table: table.clone(), buckets: Buckets::of(table) }
    }
}

impl Buckets {
    fn of(table: &Table) -> Option<Self> {
        let thresholds = &table.thresholds;
        let gap = thresholds.windows(2).map(|pair| i64::from(pair[1]) - i64::from(pair[0])).min()?;
        if thresholds.len() <= COUNTED || gap < 1 {
            return None;
        }
        let shift = gap.ilog2();
        // The first bucket ends where the first threshold is, the last one begins after the last.
        let low = i64::from(thresholds[0]) - (1 << shift);
        let count = ((i64::from(*thresholds.last()?) - low) >> shift) + 2;
        let count = usize::try_from(count).ok().filter(|&count| count <= BUCKETS)?;
        let mut all = Box::new([(0, i32::MAX); BUCKETS]);
        for (bucket, (value, inside)) in (0_i64..).zip(&mut all[..count]) {
            let start = low + (bucket << shift);
            let reached = thresholds.partition_point(|&threshold| i64::from(threshold) <= start);
            *value = table.first + i32::try_from(reached).ok()?;
            *inside =
                thresholds.get(reached).copied().filter(|&t| i64::from(t) < start + (1 << shift)).unwrap_or(i32::MAX);
        }
        let high = low + (i64::try_from(count).ok()? << shift) - 1;
        Some(Self { low: i32::try_from(low).ok()?, high: i32::try_from(high).ok()?, shift, all })
    }
}

/// The table's value for each lane: by the bucket it is in, or by counting the thresholds it reaches.
#[inline(always)]
fn look_up(lookup: &Lookup, z: &Row, out: &mut Row) {
    if let Some(Buckets { low, high, shift, all }) = &lookup.buckets {
        let (mut cut, mut places) = ([0; LANES], [0; LANES]);
        for lane in 0..LANES {
            cut[lane] = z[lane].clamp(*low, *high);
            places[lane] = (cut[lane] - low) >> shift;
        }
        for lane in 0..LANES {
            let (value, inside) = all[places[lane].cast_unsigned() as usize % BUCKETS];
            out[lane] = value + i32::from(cut[lane] >= inside);
        }
        return;
    }
    let table = &lookup.table;
    let mut sum = [table.first; LANES];
    for &threshold in &table.thresholds {
        for lane in 0..LANES {
            sum[lane] += i32::from(z[lane] >= threshold);
        }
    }
    *out = sum;
}

/// Rows of values to the bytes of states.
#[inline(always)]
fn transpose(rows: &[Row], bytes: &mut [i8]) {
    let carried = rows.len();
    for (place, row) in rows.iter().enumerate() {
        for lane in 0..LANES {
            #[expect(clippy::cast_possible_truncation, reason = "carried values are cut to ±127")]
            let byte = row[lane] as i8;
            bytes[lane * carried + place] = byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Activation;

    #[test]
    fn lookups_are_the_table_around_every_threshold() {
        let mut bucketed = 0;
        for activation in Activation::ALL {
            for bits in 0..=6 {
                let table = Table::of(activation, 12 + bits, bits, 127);
                let lookup = Lookup::new(&table);
                bucketed += usize::from(lookup.buckets.is_some());
                let ends = [i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX - 1, i32::MAX];
                let near = table.thresholds.iter().flat_map(|&threshold| [threshold - 1, threshold, threshold + 1]);
                for z in ends.into_iter().chain(near) {
                    let mut out = [0; LANES];
                    look_up(&lookup, &[z; LANES], &mut out);
                    assert_eq!(out, [table.at(z); LANES], "{activation}, {bits} bits, z = {z}");
                }
            }
        }
        assert!(bucketed >= 8, "large tables have buckets: {bucketed}");
    }
}
