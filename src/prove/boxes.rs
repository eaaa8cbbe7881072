//! The search for boxes of the float net: one for each carry and the last k inputs, grown until
//! every step leads from box to box.
//!
//! Words of fewer than k inputs from the start have boxes of their own, else the start, all zero,
//! would widen another box. A box becomes the hull of what it was and of all that leads into it. A
//! box that keeps growing is widened by more and more, so that it comes to an end. The first answer
//! that may be wrong ends the search: boxes never shrink.
//!
//! No theorem rests on this file: [`check_float`](super::check_float()) checks what it finds. It
//! computes in plain `f64`, with a little more than ε so that roundings do not matter. It uses no
//! mathematical library, so that a net has the same boxes everywhere.

use crate::model::{Activation, Cell, Layout, LstmForm, Model};

/// An interval for each carried value, h and then an LSTM's c.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Region {
    /// The carry that is true there.
    pub(super) carry: u8,
    /// The input before, which only the dynamic cell reads.
    pub(super) before: u8,
    /// The boxes that the inputs lead to.
    pub(super) next: [usize; 4],
    pub(super) lo: Vec<f64>,
    pub(super) hi: Vec<f64>,
}

/// Why no boxes were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// An answer may be wrong in a box.
    Answer,
    /// A carried value grows without bound.
    Unbounded,
    /// Boxes still grew when the work allowed was done.
    Work,
}

/// The largest carried value: larger numbers have errors as large as everything else.
const BOUND: f64 = 1e4;
/// Rounds over all boxes that grew.
const ROUNDS: i32 = 200;
/// How much a growing box is widened: at first, the factor of each round, and the most where
/// activations bound it.
const WIDEN: [f64; 3] = [1e-5, 1.3, 1e-3];

/// The boxes of a net, told apart by `memory` inputs. `work` is how many products of weights and
/// interval ends may still be made.
pub(super) fn boxes(model: &Model<f32>, epsilon: f64, memory: u32, work: &mut usize) -> Result<Vec<Region>, Open> {
    let mut search = BoxSearch::new(model, epsilon);
    let mut all = keys(memory, &search);
    let mut due = vec![false; all.len()];
    due[0] = true;
    let [mut wider, factor, most] = WIDEN;
    for _ in 0..ROUNDS {
        if !due.contains(&true) {
            return Ok(reached(all));
        }
        for from in 0..all.len() {
            if !std::mem::take(&mut due[from]) {
                continue;
            }
            *work = work.checked_sub(search.cost()).ok_or(Open::Work)?;
            search.take(&all[from]);
            for x in 0..4_u8 {
                search.step(all[from].before, x);
                if !search.answers(x & 1 ^ x >> 1 ^ all[from].carry == 1) {
                    return Err(Open::Answer);
                }
                let to = all[from].next[usize::from(x)];
                due[to] |= search.join(&mut all[to], [wider.min(most), wider])?;
            }
        }
        wider *= factor;
    }
    Err(Open::Work)
}

/// Empty boxes for all keys, but for the start: words shorter than `memory`, then carry by carry
/// all words as long.
fn keys(memory: u32, search: &BoxSearch) -> Vec<Region> {
    let length = memory.max(1);
    // Words of a length begin behind all shorter ones: 1 + 4 + … + 4^(n − 1).
    let first = |length: u32| (4_usize.pow(length) - 1) / 3;
    let keys = 4_usize.pow(memory);
    let after = |carry: u8, x: u8| u8::from(x & 1 == 1 && x >> 1 == 1) | u8::from(x > 0) & carry;
    let mut all = Vec::new();
    let empty = |carry, before, next| Region {
        carry,
        before: if search.cell == Cell::Dynamic { before } else { 0 },
        next,
        lo: vec![f64::INFINITY; search.carried],
        hi: vec![f64::NEG_INFINITY; search.carried],
    };
    let key = |carry: u8, word: usize| first(length) + usize::from(carry) * keys + word % keys;
    for shorter in 0..length {
        for word in 0..4_usize.pow(shorter) {
            // The last input in its lowest digit.
            let digit = |place: u32| u8::try_from(word >> (2 * place) & 3).expect("two bits");
            let carry = (0..shorter).rev().fold(0, |carry, place| after(carry, digit(place)));
            let next = [0, 1, 2, 3].map(|x: u8| {
                let longer = 4 * word + usize::from(x);
                if shorter + 1 < length { first(shorter + 1) + longer } else { key(after(carry, x), longer) }
            });
            all.push(empty(carry, if shorter > 0 { digit(0) } else { 0 }, next));
        }
    }
    for carry in [0, 1] {
        for word in 0..keys {
            let next = [0, 1, 2, 3].map(|x: u8| key(after(carry, x), 4 * word + usize::from(x)));
            all.push(empty(carry, u8::try_from(word & 3).expect("two bits"), next));
        }
    }
    (all[0].lo, all[0].hi) = (vec![0.0; search.carried], vec![0.0; search.carried]);
    all
}

/// The boxes that something leads to.
fn reached(all: Vec<Region>) -> Vec<Region> {
    let full = |region: &Region| region.lo[0] <= region.hi[0];
    let mut places = Vec::with_capacity(all.len());
    let mut some = 0;
    for region in &all {
        places.push(some);
        some += usize::from(full(region));
    }
    let some = all.into_iter().filter(full);
    some.map(|region| Region { next: region.next.map(|next| places[next]), ..region }).collect()
}

/// A net in `f64`, and buffers of a step from one box.
///
/// # Shapes
/// `w_hh`: `[H][G·H]`; `input`: for each input `[G·H]`, biases included, and the same of
/// magnitudes; `reach`: `[G·H]`, Σ |`w_hh`|.
struct BoxSearch {
    cell: Cell,
    form: LstmForm,
    activation: Activation,
    hidden: usize,
    carried: usize,
    epsilon: f64,
    w_hh: Vec<f64>,
    input: [[Vec<f64>; 2]; 4],
    reach: Vec<f64>,
    w_ho: Vec<f64>,
    b_o: f64,
    /// Where ψ is ½.
    half: f64,
    /// Middle and radius of `h W_hh` in the box, its largest |h|, and c.
    product: [Vec<f64>; 2],
    largest: f64,
    c: [Vec<f64>; 2],
    /// Ends of each pre-activation under an input, and of what is carried after it.
    z: [Vec<f64>; 2],
    after: [Vec<f64>; 2],
}

impl BoxSearch {
    fn new(model: &Model<f32>, epsilon: f64) -> Self {
        let (config, layout) = (&model.config, Layout::of(&model.config));
        let params: Vec<f64> = model.params.iter().map(|&w| w.into()).collect();
        let w = layout.weights(&params);
        let (hidden, wide) = (config.hidden, config.hidden * config.cell.gates());
        let carried = if config.cell == Cell::Lstm { 2 * hidden } else { hidden };
        let input = |x: usize| {
            let terms = |m: usize| {
                let bias = w.b_h.get(m).copied().unwrap_or(0.0);
                [bias, if x & 1 == 1 { w.w_ih[m] } else { 0.0 }, if x >> 1 == 1 { w.w_ih[wide + m] } else { 0.0 }]
            };
            [
                (0..wide).map(|m| terms(m).iter().sum()).collect(),
                (0..wide).map(|m| terms(m).iter().map(|w| w.abs()).sum()).collect(),
            ]
        };
        let mut reach = vec![0.0; wide];
        for row in w.w_hh.chunks(wide) {
            reach.iter_mut().zip(row).for_each(|(sum, w)| *sum += w.abs());
        }
        let two = |len: usize| [vec![0.0; len], vec![0.0; len]];
        Self {
            cell: config.cell,
            form: config.lstm_form,
            activation: config.activation,
            hidden,
            carried,
            epsilon: 1.01 * epsilon,
            input: [0, 1, 2, 3].map(input),
            reach,
            w_hh: w.w_hh.to_vec(),
            w_ho: w.w_ho.to_vec(),
            b_o: w.b_o.first().copied().unwrap_or(0.0),
            half: match config.output {
                Activation::Sigmoid => 0.0,
                Activation::Tanh => 0.549_306_144_334_054_8,
                Activation::Relu => 0.5,
            },
            product: two(wide),
            largest: 0.0,
            c: two(carried - hidden),
            z: two(wide),
            after: two(carried),
        }
    }

    /// Products of a step from a box.
    fn cost(&self) -> usize {
        2 * self.w_hh.len() + 64 * self.carried
    }

    /// Begins at a box.
    fn take(&mut self, from: &Region) {
        let [middle, radius] = &mut self.product;
        let wide = middle.len();
        middle.fill(0.0);
        radius.fill(0.0);
        self.largest = 0.0;
        for (k, row) in self.w_hh.chunks_exact(wide).enumerate() {
            let (lo, hi) = (from.lo[k], from.hi[k]);
            self.largest = self.largest.max(hi).max(-lo);
            let (m, r) = (0.5 * (lo + hi), 0.5 * (hi - lo));
            for ((middle, radius), &w) in middle.iter_mut().zip(&mut *radius).zip(row) {
                *middle += m * w;
                *radius += r * w.abs();
            }
        }
        for (to, from) in self.c.iter_mut().zip([&from.lo, &from.hi]) {
            to.copy_from_slice(&from[self.hidden..]);
        }
    }

    /// What an input leads to.
    fn step(&mut self, before: u8, x: u8) {
        let scale = match if self.cell == Cell::Dynamic { (before ^ x).count_ones() } else { 0 } {
            0 => 1.0,
            1 => std::f64::consts::E,
            _ => 4.113_250_378_782_928,
        };
        let ([z_lo, z_hi], [sums, magnitudes]) = (&mut self.z, &self.input[usize::from(x)]);
        for m in 0..sums.len() {
            let middle = sums[m] + scale * self.product[0][m];
            let magnitude = magnitudes[m] + scale * self.reach[m] * self.largest;
            let radius = scale * self.product[1][m] + self.epsilon * (1.0 + magnitude);
            (z_lo[m], z_hi[m]) = (middle - radius, middle + radius);
        }
        let (hidden, epsilon) = (self.hidden, self.epsilon);
        if self.cell != Cell::Lstm {
            squash(self.activation, z_lo, -epsilon);
            squash(self.activation, z_hi, epsilon);
            self.after.clone_from(&self.z);
            return;
        }
        for (gate, activation) in
            [Activation::Sigmoid, Activation::Sigmoid, self.activation, Activation::Sigmoid].into_iter().enumerate()
        {
            squash(activation, &mut z_lo[gate * hidden..][..hidden], -epsilon);
            squash(activation, &mut z_hi[gate * hidden..][..hidden], epsilon);
        }
        for k in 0..hidden {
            let [i, f, g, o] = [0, 1, 2, 3].map(|gate| (z_lo[gate * hidden + k], z_hi[gate * hidden + k]));
            let off = |(lo, hi): (f64, f64), magnitude: f64| {
                (lo - epsilon * (1.0 + magnitude), hi + epsilon * (1.0 + magnitude))
            };
            let (new, kept) = (times(g, i), times((self.c[0][k], self.c[1][k]), f));
            let sum = off((new.0 + kept.0, new.1 + kept.1), size(new) + size(kept));
            let mut p = [sum.0, sum.1];
            squash(self.activation, &mut p[..1], -epsilon);
            squash(self.activation, &mut p[1..], epsilon);
            let p = (p[0], p[1]);
            let h = times(p, o);
            let h = off(h, size(h));
            let c = if self.form == LstmForm::Standard { sum } else { p };
            [self.after[0][k], self.after[1][k]] = [h.0, h.1];
            [self.after[0][hidden + k], self.after[1][hidden + k]] = [c.0, c.1];
        }
    }

    /// Whether the answer there is this bit for sure.
    fn answers(&self, bit: bool) -> bool {
        let (mut middle, mut radius, mut magnitude) = (self.b_o - self.half, 0.0, self.b_o.abs());
        for (k, w) in self.w_ho.iter().enumerate() {
            let (lo, hi) = (self.after[0][k], self.after[1][k]);
            middle += w * 0.5 * (lo + hi);
            radius += w.abs() * 0.5 * (hi - lo);
            magnitude += w.abs() * size((lo, hi));
        }
        let beyond = if bit { middle } else { -middle } - radius;
        beyond > self.epsilon * (9.0 + magnitude)
    }

    /// Makes a box hold what a step leads to. Returns whether it grew.
    fn join(&self, to: &mut Region, [bounded, unbounded]: [f64; 2]) -> Result<bool, Open> {
        let first = to.lo[0] > to.hi[0];
        let mut grew = false;
        for k in 0..self.carried {
            let (lo, hi) = (self.after[0][k], self.after[1][k]);
            if !(lo >= -BOUND && hi <= BOUND) {
                return Err(Open::Unbounded);
            }
            let free = k >= self.hidden || self.activation == Activation::Relu;
            let wider = if first { 0.0 } else { [bounded, unbounded][usize::from(free)] };
            // What nothing bounds creeps to where it stays: it gets as much again as it grew.
            let again = |by: f64| if first || !free { 0.0 } else { by };
            if lo < to.lo[k] {
                (to.lo[k], grew) = (lo - wider - again(to.lo[k] - lo), true);
            }
            if hi > to.hi[k] {
                (to.hi[k], grew) = (hi + wider + again(hi - to.hi[k]), true);
            }
        }
        Ok(grew)
    }
}

fn size((lo, hi): (f64, f64)) -> f64 {
    hi.max(-lo)
}

fn times(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    let all = [a.0 * b.0, a.0 * b.1, a.1 * b.0, a.1 * b.1];
    (all[0].min(all[1]).min(all[2].min(all[3])), all[0].max(all[1]).max(all[2].max(all[3])))
}

/// φ of ends of intervals, and as far off.
fn squash(activation: Activation, z: &mut [f64], off: f64) {
    match activation {
        Activation::Sigmoid => z.iter_mut().for_each(|z| *z = sigmoid(*z) + off),
        Activation::Tanh => z.iter_mut().for_each(|z| *z = 2.0 * sigmoid(2.0 * *z) - 1.0 + off),
        Activation::Relu => z.iter_mut().for_each(|z| *z = z.max(0.0) + off),
    }
}

/// σ(z) by e^−|z| = (e^−t)^1024.
///
/// # Accuracy
/// |z| is cut to 40, where σ is 4·10^−18 from its limit. t ≤ 1/25, so that 7 terms leave 4·10^−15 of e^−t, and rounding 10^−15; 1,024 times that is
/// 5·10^−12, far below ε.
fn sigmoid(z: f64) -> f64 {
    let t = z.abs().min(40.0) * (1.0 / 1024.0);
    let mut power = 1.0 - t * (1.0 / 7.0);
    for n in [1.0 / 6.0, 1.0 / 5.0, 1.0 / 4.0, 1.0 / 3.0, 1.0 / 2.0, 1.0] {
        power = 1.0 - t * n * power;
    }
    for _ in 0..10 {
        power *= power;
    }
    let positive = 1.0 / (1.0 + power);
    if z < 0.0 { 1.0 - positive } else { positive }
}
