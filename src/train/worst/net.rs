//! A net's step for many states at once, in plain arithmetic with one order of sums.
//!
//! No multiply-add is fused and sums have the order written here, so that a net gives the same
//! numbers on every machine. A state's four successors share its product `h W_hh`. The equations
//! are those of [`mod@crate::reference`].

use crate::kernel::{SimdLevel, dispatch};
use crate::model::{Activation, Cell, Config, Layout, LstmForm};

/// Units of a line. A state has whole lines; numbers beyond the last unit feed nothing.
const UNITS: usize = 16;
type Line = [f32; UNITS];
/// The largest input that is joined to a product by their exponentials: a product beyond the cut of
/// [`exp2`], ±43 for tanh, outweighs it.
const FAR: f32 = 35.0;

/// A net laid out for [`SearchNet::expand`].
#[derive(Debug)]
pub(super) struct SearchNet {
    config: Config,
    level: SimdLevel,
    /// Lines of h.
    pub(super) lines: usize,
    /// `[line][gate][k]`: weights from unit k.
    w_hh: Vec<Line>,
    /// `[line][gate][x]`: the part `x W_ih + b_h` of the four inputs x = a + 2 b.
    inputs: Vec<Line>,
    /// Whether an input is too large for [`joined`]: parts are then pre-activations.
    far: bool,
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
    pub(super) keys: Vec<u32>,
    /// `[state][line][gate][scale]`.
    products: Vec<Line>,
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
                let of = |bit: usize, j: usize| if x >> bit & 1 == 1 { weights.w_ih[bit * wide + j] } else { 0.0 };
                line(&|j| of(0, j) + of(1, j) + weights.b_h.get(j).copied().unwrap_or(0.0), at, gate)
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
        let far = inputs.as_flattened().iter().any(|z| z.abs() > FAR);
        let mut net = Self { config: *config, level, lines, w_hh, inputs, far, w_ho, b_o };
        for i in 0..net.inputs.len() {
            net.inputs[i] = net.part(i / 4 % gates, net.inputs[i]);
        }
        net
    }

    /// A part of a gate's pre-activations.
    #[inline(always)]
    fn part(&self, gate: usize, z: Line) -> Line {
        if self.far { z } else { part(activation(&self.config, gate), z) }
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
        let (n, each) = (from.carry.len(), self.lines * G * self.scales().len());
        to.products.resize(n * each, [0.0; UNITS]);
        for first in (0..n).step_by(ROWS) {
            if first + ROWS <= n {
                self.multiply::<G, ROWS>(from, first, &mut to.products);
            } else {
                (first..n).for_each(|i| self.multiply::<G, 1>(from, i, &mut to.products));
            }
        }
        for i in 0..n {
            for x in 0..4 {
                self.successor::<G>(from, grid, i, x, to);
            }
        }
    }

    /// What successors add their input to, or multiply with it: `h W_hh` of `R` states, times each
    /// scale.
    #[inline(always)]
    fn multiply<const G: usize, const R: usize>(&self, from: &States, first: usize, products: &mut [Line]) {
        let (lines, hidden, scales) = (self.lines, self.config.hidden, self.scales());
        for at in 0..lines * G {
            let mut sums = [[0.0; UNITS]; R];
            for (k, w) in self.w_hh[at * hidden..][..hidden].iter().enumerate() {
                for r in 0..R {
                    let h = from.h[(first + r) * lines + k / UNITS][k % UNITS];
                    for l in 0..UNITS {
                        sums[r][l] += h * w[l];
                    }
                }
            }
            for r in 0..R {
                for (class, scale) in scales.iter().enumerate() {
                    let mut z = sums[r];
                    z.iter_mut().for_each(|z| *z *= scale);
                    products[((first + r) * lines * G + at) * scales.len() + class] = self.part(at % G, z);
                }
            }
        }
    }

    /// The successor of state `i` under input `x`, in a cell with `G` gates.
    #[inline(always)]
    fn successor<const G: usize>(&self, from: &States, grid: f32, i: usize, x: u8, to: &mut Successors) {
        let (lines, scales, child) = (self.lines, self.scales().len(), 4 * i + usize::from(x));
        let class = if scales > 1 { (from.x[i] ^ x).count_ones() as usize } else { 0 };
        let (mut outputs, mut marks) = ([0.0; UNITS], [0; UNITS]);
        for line in 0..lines {
            let all = (&to.products[(i * lines + line) * G * scales + class..], line * G * 4 + usize::from(x));
            let mut h = self.gate(0, scales, all);
            if G == 4 {
                let (f, o, c_prev) = (self.gate(1, scales, all), self.gate(3, scales, all), &from.c[i * lines + line]);
                let mut c = self.gate(2, scales, all);
                for l in 0..UNITS {
                    c[l] = c[l] * h[l] + c_prev[l] * f[l];
                }
                let p = apply(self.config.activation, c);
                for l in 0..UNITS {
                    h[l] = o[l] * p[l];
                }
                let kept = if self.config.lstm_form == LstmForm::Standard { c } else { p };
                mark(&mut marks, &kept, grid);
                to.states.c[child * lines + line] = kept;
            }
            mark(&mut marks, &h, grid);
            for l in 0..UNITS {
                outputs[l] += h[l] * self.w_ho[line][l];
            }
            to.states.h[child * lines + line] = h;
        }
        let (a, b, carry) = (x & 1, x >> 1, from.carry[i]);
        let z = halved(outputs, |a, b| a + b) + self.b_o;
        let margin = if a ^ b ^ carry == 1 { z } else { -z };
        // NaN answers nothing.
        to.margins[child] = if margin.is_nan() { f32::NEG_INFINITY } else { margin };
        to.states.carry[child] = (a & b) | (carry & (a ^ b));
        to.states.x[child] = x;
        let known = to.states.carry[child] | if self.config.cell == Cell::Dynamic { x << 1 } else { 0 };
        to.keys[child] = halved(marks, u32::wrapping_add) ^ u32::from(known) << 29;
    }

    /// A gate of a line, whose products and inputs begin at a place.
    #[inline(always)]
    fn gate(&self, gate: usize, scales: usize, (products, inputs): (&[Line], usize)) -> Line {
        let (activation, product) = (activation(&self.config, gate), products[gate * scales]);
        let input = &self.inputs[inputs + gate * 4];
        if self.far { added(activation, product, input) } else { joined(activation, product, input) }
    }

    /// s of the dynamic cell where none, one or both bits changed, whose exponentials have no libm
    /// in them; 1 of the others.
    #[inline(always)]
    fn scales(&self) -> &'static [f32] {
        const SCALES: [f32; 3] = [1.0, std::f32::consts::E, 4.113_250_4];
        if self.config.cell == Cell::Dynamic { &SCALES } else { &SCALES[..1] }
    }
}

/// φ, or σ of the LSTM's gates i, f and o.
#[inline(always)]
fn activation(config: &Config, gate: usize) -> Activation {
    if config.cell == Cell::Lstm && gate != 2 { Activation::Sigmoid } else { config.activation }
}

/// Adds the rounded numbers of a line to a hash of each lane.
#[inline(always)]
fn mark(marks: &mut [u32; UNITS], line: &Line, grid: f32) {
    /// Another odd number for each lane, so that lanes are not exchanged for each other.
    const ODD: [u32; UNITS] = {
        let (mut odd, mut l) = ([0x9e37_79b1_u32; UNITS], 1);
        while l < UNITS {
            odd[l] = odd[l - 1].wrapping_mul(0x85eb_ca77);
            l += 1;
        }
        odd
    };
    for l in 0..UNITS {
        // The sum leaves the nearest whole number in its low bits.
        let rounded = (line[l] * grid + 12_582_912.0).to_bits();
        marks[l] = (marks[l].rotate_left(15) ^ rounded).wrapping_mul(ODD[l]);
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

/// A part of the pre-activations, as [`joined`] takes it: e^−z for σ, e^−2z for tanh. A state's
/// successors share that of their product, and all states those of the inputs.
#[inline(always)]
fn part(activation: Activation, mut line: Line) -> Line {
    match activation {
        Activation::Sigmoid => line.iter_mut().for_each(|z| *z = exp2(-std::f32::consts::LOG2_E * *z)),
        Activation::Tanh => line.iter_mut().for_each(|z| *z = exp2(-2.0 * std::f32::consts::LOG2_E * *z)),
        Activation::Relu => {}
    }
    line
}

/// φ of a line.
#[inline(always)]
fn apply(activation: Activation, z: Line) -> Line {
    joined(activation, part(activation, z), &[if activation == Activation::Relu { 0.0 } else { 1.0 }; UNITS])
}

/// φ of the sum of two pre-activations.
#[cold]
#[inline(never)]
fn added(activation: Activation, mut product: Line, input: &Line) -> Line {
    product.iter_mut().zip(input).for_each(|(p, x)| *p += x);
    apply(activation, product)
}

/// φ of the sum of two parts, to some 3e-7 where the input is not beyond [`FAR`].
#[inline(always)]
fn joined(activation: Activation, mut product: Line, input: &Line) -> Line {
    let parts = product.iter_mut().zip(input);
    match activation {
        Activation::Sigmoid => parts.for_each(|(p, x)| *p = 1.0 / (1.0 + *p * x)),
        Activation::Tanh => parts.for_each(|(p, x)| *p = 2.0 / (1.0 + *p * x) - 1.0),
        Activation::Relu => parts.for_each(|(p, x)| *p = if *p + x <= 0.0 { 0.0 } else { *p + x }),
    }
    product
}

/// 2^u, to some 2e-7; u is cut to ±125.9.
///
/// # Source
/// 2^u = 2^n (1 + f q(f)) with the nearest whole n and the coefficients of `kernel::math`.
#[inline(always)]
fn exp2(u: f32) -> f32 {
    /// 1.5 · 2^23 and the exponent's bias.
    const ROUND: f32 = 12_582_912.0 + 127.0;
    let u = if u < -125.9 { -125.9 } else { u };
    let u = if u > 125.9 { 125.9 } else { u };
    let n = u + ROUND;
    let f = u - (n - ROUND);
    let q = 1.545_316_3e-4 * f + 0.001_339_086_3;
    let q = ((q * f + 0.009_618_083) * f + 0.055_503_57) * f + 0.240_226_5;
    f32::from_bits(n.to_bits() << 23) * ((q * f + std::f32::consts::LN_2) * f + 1.0)
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
