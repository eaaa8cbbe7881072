//! A net's step for many states at once, in plain arithmetic with one order of sums.
//!
//! No multiply-add is fused and sums have the order written here, so that a net gives the same
//! numbers on every machine. A state's four successors share its product `h W_hh`. The equations
//! are those of [`mod@crate::reference`].

use crate::kernel::{SimdLevel, dispatch};
use crate::model::{Activation, Cell, Config, Layout, LstmForm};
use crate::task::rng::mix;

/// Units of a line. A state has whole lines; numbers beyond the last unit feed nothing.
const UNITS: usize = 16;
type Line = [f32; UNITS];

/// A net laid out for [`SearchNet::expand`].
#[derive(Debug)]
pub(super) struct SearchNet {
    config: Config,
    level: SimdLevel,
    /// Lines of h.
    pub(super) lines: usize,
    /// `[line][gate][k]`: weights from unit k.
    w_hh: Vec<Line>,
    /// `[line][gate][x]`: `x W_ih + b_h` of the four inputs x = a + 2 b.
    inputs: Vec<Line>,
    /// `[line]`.
    w_ho: Vec<Line>,
    /// `b_o`, less the pre-activation that answers neither 0 nor 1.
    b_o: f32,
}

/// States, in the order of their indices.
#[derive(Debug, Default)]
pub(super) struct States {
    pub(super) h: Vec<Line>,
    /// Cell states of an LSTM.
    pub(super) c: Vec<Line>,
    pub(super) carry: Vec<u8>,
    /// The input that led here, for the dynamic cell.
    pub(super) x: Vec<u8>,
}

/// Successors of some states: number 4 i + x is that of state i under input x.
#[derive(Debug, Default)]
pub(super) struct Successors {
    pub(super) states: States,
    /// How far the answer is on the right side, as a pre-activation; wrong if not above 0.
    pub(super) margins: Vec<f32>,
    /// Equal for near duplicates.
    pub(super) keys: Vec<u64>,
}

impl States {
    /// Makes room for `n` states of a net.
    pub(super) fn resize(&mut self, net: &SearchNet, n: usize) {
        self.h.resize(n * net.lines, [0.0; UNITS]);
        if net.config.cell == Cell::Lstm {
            self.c.resize(n * net.lines, [0.0; UNITS]);
        }
        self.carry.resize(n, 0);
        self.x.resize(n, 0);
    }

    /// Copies state `i` of `from` to place `to`.
    pub(super) fn copy(&mut self, to: usize, from: &Self, i: usize, net: &SearchNet) {
        let n = net.lines;
        self.h[to * n..][..n].copy_from_slice(&from.h[i * n..][..n]);
        if net.config.cell == Cell::Lstm {
            self.c[to * n..][..n].copy_from_slice(&from.c[i * n..][..n]);
        }
        (self.carry[to], self.x[to]) = (from.carry[i], from.x[i]);
    }
}

impl SearchNet {
    /// The net of a flat buffer of parameters.
    ///
    /// # Panics
    /// If the buffer is of another config, or this machine lacks the level.
    pub(super) fn new(config: &Config, params: &[f32], level: SimdLevel) -> Self {
        let layout = Layout::of(config);
        let weights = layout.weights(params);
        let (hidden, gates, lines) = (config.hidden, config.cell.gates(), config.hidden.div_ceil(UNITS));
        let line = |row: &dyn Fn(usize) -> f32, line: usize, gate: usize| -> Line {
            let unit = |l: usize| Some(line * UNITS + l).filter(|&unit| unit < hidden);
            std::array::from_fn(|l| unit(l).map_or(0.0, |unit| row(gate * hidden + unit)))
        };
        let wide = gates * hidden;
        let (mut w_hh, mut inputs, mut w_ho) = (Vec::new(), Vec::new(), Vec::new());
        for (at, gate) in (0..lines).flat_map(|at| (0..gates).map(move |gate| (at, gate))) {
            w_hh.extend((0..hidden).map(|k| line(&|j| weights.w_hh[k * wide + j], at, gate)));
            inputs.extend((0..4).map(|x| {
                let part = |bit: usize, j: usize| if x >> bit & 1 == 1 { weights.w_ih[bit * wide + j] } else { 0.0 };
                line(&|j| part(0, j) + part(1, j) + weights.b_h.get(j).copied().unwrap_or(0.0), at, gate)
            }));
            if gate == 0 {
                w_ho.push(line(&|j| weights.w_ho[j], at, 0));
            }
        }
        // Where ψ is ½.
        let half = match config.output {
            Activation::Sigmoid => 0.0,
            Activation::Tanh => 0.549_306_15,
            Activation::Relu => 0.5,
        };
        let b_o = weights.b_o.first().copied().unwrap_or(0.0) - half;
        Self { config: *config, level, lines, w_hh, inputs, w_ho, b_o }
    }

    /// All successors of all states. Near duplicates are those that share every number rounded to
    /// 1/`grid`.
    pub(super) fn expand(&self, from: &States, grid: f32, to: &mut Successors) {
        let n = 4 * from.carry.len();
        to.states.resize(self, n);
        to.margins.resize(n, 0.0);
        to.keys.resize(n, 0);
        let level = self.level.token().expect("checked by the trainer");
        match self.config.cell {
            Cell::Lstm => dispatch!(level, _ => self.expand_by::<4>(from, grid, to)),
            Cell::Elman | Cell::Dynamic => dispatch!(level, _ => self.expand_by::<1>(from, grid, to)),
        }
    }

    #[inline(always)]
    fn expand_by<const G: usize>(&self, from: &States, grid: f32, to: &mut Successors) {
        /// States whose products are in registers together.
        const ROWS: usize = 4;
        let n = from.carry.len();
        for first in (0..n).step_by(ROWS) {
            if first + ROWS <= n {
                self.rows::<G, ROWS>(from, grid, to, first);
            } else {
                (first..n).for_each(|i| self.rows::<G, 1>(from, grid, to, i));
            }
        }
    }

    /// The successors of `R` states from `first` on, in a cell with `G` gates.
    #[inline(always)]
    fn rows<const G: usize, const R: usize>(&self, from: &States, grid: f32, to: &mut Successors, first: usize) {
        let (lines, hidden) = (self.lines, self.config.hidden);
        let mut outputs = [[[0.0; UNITS]; 4]; R];
        let mut marks = [[[[0_u32; UNITS]; 2]; 4]; R];
        for line in 0..lines {
            // h W_hh
            let mut products = [[[0.0; UNITS]; R]; G];
            for g in 0..G {
                let mut sums = [[0.0; UNITS]; R];
                for (k, w) in self.w_hh[(line * G + g) * hidden..][..hidden].iter().enumerate() {
                    for r in 0..R {
                        let h = from.h[(first + r) * lines + k / UNITS][k % UNITS];
                        for l in 0..UNITS {
                            sums[r][l] += h * w[l];
                        }
                    }
                }
                products[g] = sums;
            }
            for r in 0..R {
                for x in 0..4 {
                    let scale = self.scale(from.x[first + r], x);
                    let mut z = [[0.0; UNITS]; G];
                    for g in 0..G {
                        let input = &self.inputs[(line * G + g) * 4 + usize::from(x)];
                        for l in 0..UNITS {
                            z[g][l] = products[g][r][l] * scale + input[l];
                        }
                    }
                    let child = 4 * (first + r) + usize::from(x);
                    let place = child * lines + line;
                    let h = if let [z] = z[..] {
                        apply(self.config.activation, z)
                    } else {
                        let c_prev = &from.c[(first + r) * lines + line];
                        let (h, c) = self.gated(&z, c_prev);
                        mark(&mut marks[r][usize::from(x)], &c, grid);
                        to.states.c[place] = c;
                        h
                    };
                    mark(&mut marks[r][usize::from(x)], &h, grid);
                    for l in 0..UNITS {
                        outputs[r][usize::from(x)][l] += h[l] * self.w_ho[line][l];
                    }
                    to.states.h[place] = h;
                }
            }
        }
        for r in 0..R {
            let carry = from.carry[first + r];
            for x in 0..4_u8 {
                let (child, a, b) = (4 * (first + r) + usize::from(x), x & 1, x >> 1);
                let z = halved(outputs[r][usize::from(x)], |a, b| a + b) + self.b_o;
                let margin = if a ^ b ^ carry == 1 { z } else { -z };
                // NaN answers nothing.
                to.margins[child] = if margin.is_nan() { f32::NEG_INFINITY } else { margin };
                to.states.carry[child] = (a & b) | (carry & (a ^ b));
                to.states.x[child] = x;
                let [low, high] = marks[r][usize::from(x)];
                let all = |marks| u64::from(halved(marks, |a: u32, b| a.rotate_left(5).wrapping_add(b)));
                let known = to.states.carry[child] | if self.config.cell == Cell::Dynamic { x << 1 } else { 0 };
                to.keys[child] = mix((all(high) << 32 | all(low)) ^ u64::from(known) << 13);
            }
        }
    }

    /// s of the dynamic cell, whose exponentials have no libm in them; 1 of the others.
    #[inline(always)]
    fn scale(&self, before: u8, x: u8) -> f32 {
        const SCALES: [f32; 3] = [1.0, std::f32::consts::E, 4.113_250_4];
        let changed = if self.config.cell == Cell::Dynamic { (before ^ x).count_ones() } else { 0 };
        SCALES[changed as usize]
    }

    /// h and c of an LSTM from its gates' pre-activations.
    #[inline(always)]
    fn gated<const G: usize>(&self, z: &[Line; G], c_prev: &Line) -> (Line, Line) {
        let activation = self.config.activation;
        let gate = |gate: usize| apply(Activation::Sigmoid, z[gate % G]);
        let (i, f, mut h) = (gate(0), gate(1), gate(3));
        let mut c = apply(activation, z[2 % G]);
        for l in 0..UNITS {
            c[l] = c[l] * i[l] + c_prev[l] * f[l];
        }
        let p = apply(activation, c);
        for l in 0..UNITS {
            h[l] *= p[l];
        }
        (h, if self.config.lstm_form == LstmForm::Standard { c } else { p })
    }
}

/// Adds the rounded numbers of a line to two hashes of each lane.
#[inline(always)]
fn mark(marks: &mut [[u32; UNITS]; 2], line: &Line, grid: f32) {
    for l in 0..UNITS {
        // The sum leaves the nearest whole number in its low bits.
        let rounded = (line[l] * grid + 12_582_912.0).to_bits();
        marks[0][l] = (marks[0][l] ^ rounded).wrapping_mul(0x9e37_79b1);
        marks[1][l] = (marks[1][l] ^ rounded).wrapping_mul(0x85eb_ca77);
    }
}

/// The sum of all lanes: lane l with lane l + 8, then l + 4, l + 2, l + 1.
#[inline(always)]
fn halved<T: Copy>(mut lanes: [T; UNITS], with: impl Fn(T, T) -> T) -> T {
    macro_rules! halve {
        ($($half:literal)+) => {$(
            for l in 0..$half {
                lanes[l] = with(lanes[l], lanes[l + $half]);
            }
        )+};
    }
    // Each bound is a constant, so that no lane goes through memory.
    halve!(8 4 2 1);
    lanes[0]
}

/// φ of a line. No `array::map`, which leaves a call.
#[inline(always)]
fn apply(activation: Activation, mut line: Line) -> Line {
    match activation {
        Activation::Sigmoid => line.iter_mut().for_each(|z| *z = sigmoid(*z)),
        Activation::Tanh => line.iter_mut().for_each(|z| *z = 2.0 * sigmoid(2.0 * *z) - 1.0),
        Activation::Relu => line.iter_mut().for_each(|z| *z = if *z <= 0.0 { 0.0 } else { *z }),
    }
    line
}

/// σ(z), to some 2e-7.
///
/// # Source
/// 2^u = 2^n (1 + f q(f)) with the nearest whole n and the coefficients of `kernel::math`.
#[inline(always)]
fn sigmoid(z: f32) -> f32 {
    /// 1.5 · 2^23 and the exponent's bias.
    const ROUND: f32 = 12_582_912.0 + 127.0;
    let u = -z * std::f32::consts::LOG2_E;
    let u = if u < -125.9 { -125.9 } else { u };
    let u = if u > 125.9 { 125.9 } else { u };
    let n = u + ROUND;
    let f = u - (n - ROUND);
    let q = 1.545_316_3e-4 * f + 0.001_339_086_3;
    let q = ((q * f + 0.009_618_083) * f + 0.055_503_57) * f + 0.240_226_5;
    let power = f32::from_bits(n.to_bits() << 23);
    1.0 / (1.0 + power * ((q * f + std::f32::consts::LN_2) * f + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Init;

    /// Successors of successors, from the start.
    fn third_steps(config: &Config, level: SimdLevel) -> Successors {
        let net = SearchNet::new(config, &Init::Uniform.model::<f32>(*config, 5).params, level);
        let (mut from, mut to) = (States::default(), Successors::default());
        from.resize(&net, 1);
        for _ in 0..3 {
            net.expand(&from, 8.0, &mut to);
            std::mem::swap(&mut from, &mut to.states);
        }
        std::mem::swap(&mut from, &mut to.states);
        to
    }

    fn nets() -> impl Iterator<Item = Config> {
        let sizes = [1, 5, 16, 40];
        let all = Cell::ALL.into_iter().flat_map(move |cell| sizes.map(|hidden| Config { hidden, ..Config::of(cell) }));
        all.chain([
            Config { lstm_form: LstmForm::Notebook, ..Config::of(Cell::Lstm) },
            Config { activation: Activation::Relu, output: Activation::Relu, bias: false, ..Config::default() },
            Config { activation: Activation::Tanh, output: Activation::Tanh, ..Config::default() },
        ])
    }

    #[test]
    fn every_level_gives_the_same_bits() {
        for config in nets() {
            let wanted = third_steps(&config, SimdLevel::Baseline);
            for level in SimdLevel::available() {
                let found = third_steps(&config, level);
                assert_eq!(found.margins, wanted.margins, "{level}: {config:?}");
                assert_eq!(found.keys, wanted.keys, "{level}: {config:?}");
            }
        }
    }

    /// The margins of three steps against the reference's outputs of all 64 additions.
    #[test]
    fn steps_are_those_of_the_reference() {
        use crate::reference::outputs;
        use crate::task::Minibatch;
        for config in nets() {
            let found = third_steps(&config, SimdLevel::best());
            let mut batch = Minibatch::new(64, 3);
            for (sample, t) in (0..64).flat_map(|sample| (0..3).map(move |t| (sample, t))) {
                let x = sample >> (2 * (2 - t));
                batch.a.set(sample, t, x & 1 == 1);
                batch.b.set(sample, t, x & 2 == 2);
            }
            batch.add();
            let params: Vec<f64> = Init::Uniform.model::<f32>(config, 5).params.iter().map(|&w| w.into()).collect();
            let outputs = outputs(&config, &params, &batch, 0..64);
            for (sample, &margin) in found.margins.iter().enumerate() {
                let z = f64::from(if batch.c.get(sample, 2) { margin } else { -margin });
                let z = match config.output {
                    Activation::Sigmoid => z,
                    Activation::Tanh => z + 0.5_f64.atanh(),
                    Activation::Relu => z + 0.5,
                };
                let (found, wanted) = (config.output.apply(z), outputs[3 * sample + 2]);
                assert!(
                    (found - wanted).abs() < 2e-6 * (1.0 + wanted.abs()),
                    "{config:?}, sample {sample}: {found}, {wanted}"
                );
            }
        }
    }
}
