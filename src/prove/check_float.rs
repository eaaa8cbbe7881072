//! The checker of float certificates. It shares no code with the search for boxes: it reads the
//! certificate's bytes itself, computes with intervals of its own, whose ends are rounded outward
//! after every operation, and believes nothing that it has not computed. All that has to be trusted
//! is in this file, in `Reader` of `check.rs`, in SHA-256, in the compiler, and in IEEE 754's sums,
//! products and quotients of 64 bits.
//!
//! A box is an interval for each carried value, with a carry and the input before. The checker
//! confirms, for the net whose weights are in the certificate and for every evaluation of it within
//! ε ([`crate::prove`] says what that is):
//! 1. what precedes the first step, all zero with carry 0 and input 0, lies in the first box;
//! 2. from every point of every box, each input (a, b) leads into the box that is named for it,
//!    whose carry is maj(a, b, carry) and whose input before is (a, b);
//! 3. and there the answer is a ⊕ b ⊕ carry.
//!
//! By induction over the bits, every answer to every addition of any width is right.

use super::check::Reader;
use serde::Serialize;
use std::ops::{Add, Mul, Sub};

/// The statement of a float certificate that holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckedFloat {
    /// Hidden units of the net.
    pub hidden: usize,
    /// Boxes.
    pub boxes: usize,
    /// How far evaluations may be off.
    pub epsilon: f64,
    /// The least distance of an output's pre-activation to the wrong side, whatever the evaluation
    /// within ε.
    pub margin: f64,
    /// The least distance of what a step leads to from the border of the box it leads to.
    pub room: f64,
    /// 16 hexadecimal digits of SHA-256 over what the net is and its weights.
    pub net_hash: String,
}

/// Checks a float certificate, given as the bytes of its file.
///
/// # Errors
/// What is wrong with it, in words.
///
/// # Cost
/// Four steps of plain loops over intervals for each box.
pub fn check_float(bytes: &[u8]) -> Result<CheckedFloat, String> {
    let (net, net_hash, boxes) = stated(bytes)?;
    let start = boxes.first().ok_or("it has no box")?;
    if start.carry != 0 || start.before != 0 || start.values.iter().any(|&range| !ZERO.lies_in(range)) {
        return Err("the start does not lie in its first box".into());
    }
    let [mut margin, mut room] = [f64::INFINITY; 2];
    for (place, region) in boxes.iter().enumerate() {
        let recurrent = net.recurrent(&region.values);
        for x in 0..4 {
            let found = net.leads(region, &recurrent, x, &boxes).map_err(|what| {
                format!("box {place}, carry {}, inputs a = {}, b = {}: {what}", region.carry, x & 1, x >> 1)
            })?;
            (margin, room) = (margin.min(found.0), room.min(found.1));
        }
    }
    Ok(CheckedFloat { hidden: net.hidden, boxes: boxes.len(), epsilon: net.epsilon, margin, room, net_hash })
}

/// The net of a certificate, its name, and the boxes.
pub(super) fn stated(bytes: &[u8]) -> Result<(Net, String, Vec<Region>), String> {
    let mut reader = Reader::of(bytes, MAGIC)?;
    let (mut net, name) = reader.named(Net::read)?;
    net.epsilon = reader.float()?;
    // What 32-bit floats need; NaN is not enough either.
    let need = 1.01 * (net.hidden + 16) as f64 / f64::from(1 << 24);
    if !(net.epsilon >= need && net.epsilon < 0.01) {
        return Err(format!("its ε is {:e}, want {need:e} to 0.01", net.epsilon));
    }
    let boxes = (0..reader.whole()?).map(|_| Region::read(&mut reader, &net)).collect::<Result<_, _>>()?;
    if !reader.rest.is_empty() {
        return Err(format!("{} bytes follow its boxes", reader.rest.len()));
    }
    Ok((net, name, boxes))
}

/// First line of a certificate, with its version.
pub(super) const MAGIC: &[u8] = b"carrylane float proof 1\n";

impl Reader<'_> {
    fn whole(&mut self) -> Result<usize, String> {
        Ok(u32::from_le_bytes(self.take()?) as usize)
    }

    fn choice(&mut self, what: &str, most: usize) -> Result<usize, String> {
        match self.whole()? {
            value if value <= most => Ok(value),
            value => Err(format!("its {what} is {value}, want 0 to {most}")),
        }
    }

    fn float(&mut self) -> Result<f64, String> {
        Ok(f64::from_le_bytes(self.take()?))
    }

    fn weights(&mut self, count: usize) -> Result<Vec<Range>, String> {
        if count > self.rest.len() / 4 {
            return Err(format!("cut short: {count} weights are wanted, {} bytes are left", self.rest.len()));
        }
        let weight = |reader: &mut Self| match f32::from_le_bytes(reader.take()?) {
            w if w.is_finite() => Ok(Range { lo: w.into(), hi: w.into() }),
            w => Err(format!("a weight is {w}")),
        };
        (0..count).map(|_| weight(self)).collect()
    }
}

/// All numbers from `lo` to `hi`.
#[derive(Clone, Copy)]
pub(super) struct Range {
    pub(super) lo: f64,
    pub(super) hi: f64,
}

const ZERO: Range = Range { lo: 0.0, hi: 0.0 };
const ONE: Range = Range { lo: 1.0, hi: 1.0 };

impl Range {
    /// The ends as computed, each off by less than the distance to the next float.
    fn outward(lo: f64, hi: f64) -> Self {
        Self { lo: lo.next_down(), hi: hi.next_up() }
    }

    /// NaN lies in nothing.
    fn lies_in(self, other: Self) -> bool {
        other.lo <= self.lo && self.hi <= other.hi
    }

    fn magnitude(self) -> f64 {
        self.hi.max(-self.lo)
    }

    /// What f makes of it, where f never falls and encloses its value at a point.
    fn through(self, f: impl Fn(f64) -> Self) -> Self {
        Self { lo: f(self.lo).lo, hi: f(self.hi).hi }
    }
}

impl Add for Range {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::outward(self.lo + other.lo, self.hi + other.hi)
    }
}

impl Sub for Range {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::outward(self.lo - other.hi, self.hi - other.lo)
    }
}

impl Mul for Range {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let all = [self.lo * other.lo, self.lo * other.hi, self.hi * other.lo, self.hi * other.hi];
        Self::outward(all.into_iter().fold(f64::INFINITY, f64::min), all.into_iter().fold(-f64::INFINITY, f64::max))
    }
}

/// e^−x for x ≥ 0, as (e^−t)^1024 with t = x/1024, a quotient without rounding. The series of e^−t
/// is nested: e^−t = 1 − t r₁ and rₙ = 1 − t/(n+1) rₙ₊₁, where for 0 ≤ t ≤ 1 every rₙ is between 0
/// and 1.
fn exp_neg(x: f64) -> Range {
    if x < 1e-20 {
        return Range { lo: 1.0 - 1e-15, hi: 1.0 };
    }
    if x > 64.0 {
        return Range { lo: 0.0, hi: 1e-27 };
    }
    let t = Range { lo: x / 1024.0, hi: x / 1024.0 };
    let mut power = Range { lo: 0.0, hi: 1.0 };
    for n in (1..=8).rev() {
        let one_nth = Range::outward(1.0 / f64::from(n), 1.0 / f64::from(n));
        power = ONE - t * one_nth * power;
    }
    for _ in 0..10 {
        power = power * power;
    }
    power
}

/// σ(z) = 1 / (1 + e^−z), and σ(z) = 1 − σ(−z).
fn sigmoid(z: f64) -> Range {
    let below = ONE + exp_neg(z.abs());
    let positive = Range::outward(1.0 / below.hi, 1.0 / below.lo);
    if z < 0.0 { ONE - positive } else { positive }
}

/// tanh z = 2 σ(2z) − 1.
fn tanh(z: f64) -> Range {
    let half = sigmoid(2.0 * z);
    half + half - ONE
}

/// A sum and the magnitudes of its terms.
#[derive(Clone, Copy)]
struct Sum {
    value: Range,
    magnitude: f64,
}

impl Sum {
    const NONE: Self = Self { value: ZERO, magnitude: 0.0 };

    fn of(terms: impl IntoIterator<Item = Range>) -> Self {
        terms.into_iter().fold(Self::NONE, Self::and)
    }

    fn and(self, term: Range) -> Self {
        Self { value: self.value + term, magnitude: (self.magnitude + term.magnitude()).next_up() }
    }

    /// Each term times something positive.
    fn times(self, scale: Range) -> Self {
        Self { value: scale * self.value, magnitude: (scale.hi * self.magnitude).next_up() }
    }

    /// The values that an evaluation within ε may have for the sum.
    fn within(self, epsilon: f64) -> Range {
        let off = (epsilon * (1.0 + self.magnitude).next_up()).next_up();
        self.value + Range { lo: -off, hi: off }
    }
}

/// The net of a certificate.
pub(super) struct Net {
    /// 0 Elman, 1 dynamic, 2 LSTM standard, 3 LSTM notebook.
    pub(super) cell: usize,
    pub(super) hidden: usize,
    /// φ of the hidden units and ψ of the output: 0 sigmoid, 1 tanh, 2 `ReLU`.
    pub(super) activation: usize,
    pub(super) output: usize,
    /// `[2][G·H]`, `[H][G·H]`, `[G·H]`, `[H]`, `[1]`; without biases the third and the last are
    /// empty.
    pub(super) w_ih: Vec<Range>,
    pub(super) w_hh: Vec<Range>,
    pub(super) b_h: Vec<Range>,
    pub(super) w_ho: Vec<Range>,
    pub(super) b_o: Vec<Range>,
    pub(super) epsilon: f64,
}

impl Net {
    fn read(reader: &mut Reader<'_>) -> Result<Self, String> {
        let (cell, hidden) = (reader.choice("cell", 3)?, reader.choice("hidden size", 1 << 15)?);
        let (activation, output) = (reader.choice("activation", 2)?, reader.choice("output", 2)?);
        let bias = reader.choice("bias", 1)?;
        let wide = hidden * if cell >= 2 { 4 } else { 1 };
        Ok(Self {
            cell,
            hidden,
            activation,
            output,
            w_ih: reader.weights(2 * wide)?,
            w_hh: reader.weights(hidden * wide)?,
            b_h: reader.weights(bias * wide)?,
            w_ho: reader.weights(hidden)?,
            b_o: reader.weights(bias)?,
            epsilon: 0.0,
        })
    }

    /// φ, off by at most ε.
    fn squashed(&self, activation: usize, z: Range) -> Range {
        let value = match activation {
            0 => z.through(sigmoid),
            1 => z.through(tanh),
            _ => z.through(|z| Range { lo: z.max(0.0), hi: z.max(0.0) }),
        };
        value + Range { lo: -self.epsilon, hi: self.epsilon }
    }

    /// The terms of h in each pre-activation.
    fn recurrent(&self, values: &[Range]) -> Vec<Sum> {
        let mut sums = vec![Sum::NONE; self.w_ih.len() / 2];
        for (row, &h) in self.w_hh.chunks(sums.len()).zip(values) {
            for (sum, &w) in sums.iter_mut().zip(row) {
                *sum = sum.and(w * h);
            }
        }
        sums
    }

    /// The carried values after a step from a region, and the output's pre-activation.
    fn step(&self, from: &Region, recurrent: &[Sum], x: usize) -> (Vec<Range>, Range) {
        let (hidden, wide) = (self.hidden, recurrent.len());
        // e^‖x − x_before‖ for bits; e^√2 = 4.11325037878292751….
        let scale = match if self.cell == 1 { (from.before ^ x).count_ones() } else { 0 } {
            0 => ONE,
            1 => Range::outward(std::f64::consts::E, std::f64::consts::E),
            _ => Range::outward(4.113_250_378_782_928, 4.113_250_378_782_928),
        };
        let z = |m: usize| {
            let inputs = (0..2).filter(|i| x >> i & 1 == 1).map(|i| self.w_ih[i * wide + m]);
            self.b_h
                .get(m)
                .copied()
                .into_iter()
                .chain(inputs)
                .fold(recurrent[m].times(scale), Sum::and)
                .within(self.epsilon)
        };
        let (mut h, mut c) = (Vec::new(), Vec::new());
        for unit in 0..hidden {
            if self.cell < 2 {
                h.push(self.squashed(self.activation, z(unit)));
                continue;
            }
            let [i, f, o] = [0, 1, 3].map(|gate| self.squashed(0, z(gate * hidden + unit)));
            let g = self.squashed(self.activation, z(2 * hidden + unit));
            let sum = Sum::of([g * i, from.values[hidden + unit] * f]).within(self.epsilon);
            let squashed = self.squashed(self.activation, sum);
            h.push(Sum::of([squashed * o]).within(self.epsilon));
            c.push(if self.cell == 2 { sum } else { squashed });
        }
        let terms = (0..hidden).map(|k| self.w_ho[k] * h[k]);
        let z_o = Sum::of(self.b_o.first().copied().into_iter().chain(terms)).within(self.epsilon);
        h.extend(c);
        (h, z_o)
    }

    /// Whether an input leads from a region where it should, with the right answer; the answer's
    /// margin and the room left.
    fn leads(&self, from: &Region, recurrent: &[Sum], x: usize, boxes: &[Region]) -> Result<(f64, f64), String> {
        let (a, b) = (x & 1, x >> 1);
        let to = boxes.get(from.next[x]).ok_or_else(|| format!("there is no box {}", from.next[x]))?;
        if to.carry != usize::from(a + b + from.carry >= 2) || to.before != if self.cell == 1 { x } else { 0 } {
            return Err("it leads to a box of another carry or input".into());
        }
        let (after, z_o) = self.step(from, recurrent, x);
        let mut room = f64::INFINITY;
        for (unit, (&range, &around)) in after.iter().zip(&to.values).enumerate() {
            if !range.lies_in(around) {
                return Err(format!("carried value {unit} may leave the box that it leads to"));
            }
            room = room.min(range.lo - around.lo).min(around.hi - range.hi);
        }
        // ψ(z) > ½ where z > 0, z > artanh ½ = 0.549306144334054845…, z > ½.
        let half = [0.0, 0.549_306_144_334_054_8, 0.5][self.output];
        let beyond = z_o - Range::outward(half, half);
        let margin = if a ^ b ^ from.carry == 1 { beyond.lo } else { -beyond.hi };
        // This margin makes up for ψ being off by ε: its slope near ½ is more than ⅛.
        if margin >= 8.0 * self.epsilon { Ok((margin, room)) } else { Err("the answer may be wrong".into()) }
    }
}

/// A box.
pub(super) struct Region {
    pub(super) carry: usize,
    /// The input before, a + 2b, of the dynamic cell; else 0.
    pub(super) before: usize,
    /// Where each input leads.
    pub(super) next: [usize; 4],
    /// h, then an LSTM's c.
    pub(super) values: Vec<Range>,
}

impl Region {
    fn read(reader: &mut Reader<'_>, net: &Net) -> Result<Self, String> {
        let carry = reader.choice("carry", 1)?;
        let before = reader.choice("input before", if net.cell == 1 { 3 } else { 0 })?;
        let mut next = [0; 4];
        for place in &mut next {
            *place = reader.whole()?;
        }
        let mut values = Vec::new();
        for _ in 0..net.hidden * if net.cell >= 2 { 2 } else { 1 } {
            match (reader.float()?, reader.float()?) {
                (lo, hi) if -1e6 <= lo && lo <= hi && hi <= 1e6 => values.push(Range { lo, hi }),
                (lo, hi) => return Err(format!("an interval from {lo} to {hi}, want it ascending within ±10^6")),
            }
        }
        Ok(Self { carry, before, next, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigInt;
    use num_traits::FromPrimitive;

    /// Fractional bits of the exact numbers below.
    const BITS: u64 = 400;

    /// A float times 2^400, exactly: it has no bits below 2^−200.
    fn exact(x: f64) -> BigInt {
        BigInt::from_f64(x * 2_f64.powi(200)).expect("finite") << (BITS - 200)
    }

    /// e^x for 0 ≤ x ≤ 64, from below and from above: its series has positive terms, each rounded
    /// down, of which the last one is below a unit and those after it are below a unit together.
    fn exp(x: f64) -> [BigInt; 2] {
        let (x, one) = (exact(x), BigInt::from(1) << BITS);
        let (mut term, mut sum, mut n) = (one.clone(), one, 0);
        while term > BigInt::from(0) {
            n += 1;
            term = ((term * &x) >> BITS) / n;
            sum += &term;
        }
        // Each rounding is multiplied by some of the factors x/n, whose product is below e^64 <
        // 2^93.
        [sum.clone(), sum + (BigInt::from(n * n) << 100)]
    }

    #[test]
    fn intervals_hold_the_true_sigmoid_and_tanh() {
        let one = BigInt::from(1) << BITS;
        let grid = (0..640).map(|k| f64::from(k) * 0.0937).chain((1..140).map(|k| 1.37 * 2_f64.powi(-k)));
        for z in grid.flat_map(|z| [z, -z]) {
            // σ(z) = 1 − 1/(1 + e^z) for z ≥ 0, and 1/(1 + e^−z) below; tanh by e^2z.
            let sigma = |z: f64| {
                let [least, most] = exp(z.abs()).map(|power| (&one * &one) / (&one + power));
                if z < 0.0 { [most - 1, least + 1] } else { [&one - least - 1, &one - most + 1] }
            };
            for (name, found, [least, most]) in
                [("σ", sigmoid(z), sigma(z)), ("tanh", tanh(z / 2.0), sigma(z).map(|y| 2 * y - &one))]
            {
                assert!(
                    exact(found.lo) <= least && most <= exact(found.hi),
                    "{name}({z}): {} to {}",
                    found.lo,
                    found.hi
                );
                assert!(found.hi - found.lo < 1e-10, "{name}({z}): {} to {}", found.lo, found.hi);
            }
        }
        assert!(sigmoid(-1e300).lo <= 0.0 && sigmoid(1e300).hi >= 1.0, "far away");
    }

    #[test]
    fn intervals_hold_sums_and_products_of_their_points() {
        let ends = [-3.0, -1.0 / 3.0, 0.0, 1e-9, 0.1, 7.0];
        let ranges =
            || ends.iter().flat_map(|&lo| ends.iter().filter(move |&&hi| lo <= hi).map(move |&hi| Range { lo, hi }));
        for (a, b) in ranges().flat_map(|a| ranges().map(move |b| (a, b))) {
            for (x, y) in [(a.lo, b.lo), (a.lo, b.hi), (a.hi, b.lo), (a.hi, b.hi), (0.5 * (a.lo + a.hi), b.hi)] {
                for (found, exactly) in [(a + b, exact(x) + exact(y)), (a - b, exact(x) - exact(y))] {
                    assert!(exact(found.lo) <= exactly && exactly <= exact(found.hi), "{x} and {y}");
                }
                let (found, product) = (a * b, exact(x) * exact(y));
                let end = |end: f64| exact(end) << BITS;
                assert!(end(found.lo) <= product && product <= end(found.hi), "{x} times {y}");
            }
        }
    }
}
