//! The integer network: a trained net in fixed point, whose step is integer arithmetic alone.
//!
//! | what | fractional bits |
//! |---|---|
//! | carried state: h, and an LSTM's c | q |
//! | weights | 12 |
//! | pre-activations z, sums of weights times states | 12 + q |
//! | an LSTM's gates and φ of its cell | 4 |
//!
//! `z_t = W_ih x_t + b + W_hh h_{t−1}`, then φ by a [`Table`] whose values are already the rounded
//! state. The dynamic cell's three scales `s_t` are multiplied into three recurrent matrices. The
//! LSTM multiplies gates as integers: `z = g i + c_{t−1} f`, then, rounded half up to q bits,
//! standard: `c_t = z`, `h_t = φ(c_t) o`; notebook: `c_t = φ(z)`, `h_t = c_t o`. A carried value
//! takes at most ±127, so that it fits a byte, and c of the standard form at most the limit of the
//! [`FixedPoint`]; what would be more is cut. The bit it answers is whether `W_ho h_t + b_o`
//! reaches a threshold, with the *rounded* `h_t`, so that it is a function of the state.
//!
//! Sums cannot overflow: that the magnitudes of all terms of a sum stay below 2^31 together is
//! checked when a network is made.

use super::fixed::{GATE_BITS, LARGEST, MAX_Q, WEIGHT_BITS, fixed, power};
use super::table::Table;
use crate::error::{Error, Result};
use crate::model::{Activation, Cell, Config, Layout, LstmForm, Model};
use num_bigint::BigUint;
use std::collections::HashMap;

/// The format of a network in fixed point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedPoint {
    /// Fractional bits of the carried state: 0 to [`MAX_Q`], for an LSTM to [`GATE_BITS`].
    pub q: u32,
    /// The largest magnitude of c of a standard LSTM, or what a byte holds if that is less.
    pub cell_limit: u8,
}

impl FixedPoint {
    /// The format that nets are trained for: c within ±2.
    pub const CELL_LIMIT: u8 = 2;

    /// The formats to try for a net, coarsest first: a standard LSTM also with c as wide as a byte
    /// allows, for nets trained elsewhere.
    pub fn all(config: &Config) -> Vec<Self> {
        let limits = if Self::has_limit(config) { &[Self::CELL_LIMIT, u8::MAX][..] } else { &[Self::CELL_LIMIT] };
        let of = |q| limits.iter().map(move |&cell_limit| Self { q, cell_limit });
        (0..=Self::most(config.cell)).flat_map(of).collect()
    }

    /// The formats of [`FixedPoint::all`] with the chosen fractional bits and limit of c.
    ///
    /// # Errors
    /// [`Error::Usage`] for more bits than the cell can have, or a limit where c needs none.
    pub fn chosen(config: &Config, q: Option<u32>, cell_limit: Option<u8>) -> Result<Vec<Self>> {
        q.map_or(Ok(()), |q| Self::fits(q, config.cell))?;
        if cell_limit.is_some() && !Self::has_limit(config) {
            let problem = "--cell-limit goes with an LSTM of the standard form, whose c has no bounds";
            return Err(Error::usage(problem));
        }
        let mut formats = Self::all(config);
        formats.retain(|format| q.is_none_or(|q| q == format.q));
        if let Some(cell_limit) = cell_limit {
            formats.dedup_by_key(|format| format.q);
            formats.iter_mut().for_each(|format| format.cell_limit = cell_limit);
        }
        Ok(formats)
    }

    /// Whether c has no bounds but its limit.
    pub fn has_limit(config: &Config) -> bool {
        (config.cell, config.lstm_form) == (Cell::Lstm, LstmForm::Standard)
    }

    fn fits(q: u32, cell: Cell) -> Result<()> {
        let most = Self::most(cell);
        let problem = || format!("q is {q}, want 0 to {most} fractional bits for the {cell} cell");
        if q > most { Err(Error::usage(problem())) } else { Ok(()) }
    }

    /// The most fractional bits of a cell's carried state.
    pub fn most(cell: Cell) -> u32 {
        if cell == Cell::Lstm { GATE_BITS } else { MAX_Q }
    }
}

/// The largest magnitude of a carried value.
pub(super) const MOST: i32 = 127;

/// e^√2; √2 itself would be exact, the exponential is not.
const EXP_SQRT_2: f64 = 4.113_250_378_782_928;

/// A network of integers.
///
/// # Shapes
/// `recurrent`: a matrix `[G·H, H]` for each number of input bits that changed (one matrix but for
/// the dynamic cell); `input`: `[G·H]` for each of the four inputs, biases included; `output`:
/// `[H]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegerNet {
    pub(super) cell: Cell,
    pub(super) form: LstmForm,
    pub(super) hidden: usize,
    pub(super) q: u32,
    /// The largest magnitude of a standard LSTM's c, with q fractional bits.
    pub(super) cell_most: i32,
    pub(super) recurrent: Vec<Vec<i32>>,
    pub(super) input: [Vec<i32>; 4],
    pub(super) output: Vec<i32>,
    pub(super) output_bias: i32,
    /// The bit is 1 from here on.
    pub(super) threshold: i32,
    pub(super) tables: Tables,
}

/// The activations of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tables {
    /// Elman, dynamic: φ of z to the state. LSTM: φ of `z_g` to a gate.
    pub(super) phi: Table,
    /// LSTM: σ of z to a gate.
    pub(super) sigma: Table,
    /// LSTM: φ of the cell; standard: from q to gate bits; notebook: from twice the gate bits to q.
    pub(super) cell: Table,
}

/// A state of a network: carried values with q fractional bits, and the input before.
///
/// # Shapes
/// `values`: h `[H]`, then, for an LSTM, c `[H]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// Carried values.
    pub values: Vec<i8>,
    /// The input before, a + 2b, of the dynamic cell; else 0.
    pub before: u8,
}

impl IntegerNet {
    /// The integer network of a model.
    ///
    /// # Errors
    /// [`Error::Usage`] for q out of range, a weight that is not finite, or weights too large for
    /// sums of 32 bits.
    pub fn new(model: &Model<f32>, format: FixedPoint) -> Result<Self> {
        let config = model.config.checked()?;
        let FixedPoint { q, cell_limit } = format;
        FixedPoint::fits(q, config.cell)?;
        let layout = Layout::of(&config);
        if let Some(index) = model.params.iter().position(|p| !p.is_finite()) {
            let (tensor, place) = layout.locate(index).expect("an index of the buffer");
            return Err(Error::usage(format!(
                "weight {place} of {} is {}, which has no fixed point",
                tensor.name, model.params[index]
            )));
        }
        let w = layout.weights(&model.params);
        let (hidden, wide, z_bits) = (config.hidden, config.hidden * config.cell.gates(), WEIGHT_BITS + q);
        let whole = |name: &str, x: f64, bits: u32| {
            let limit = LARGEST / power(bits);
            let large = || Error::usage(format!("a weight of {name} is {x}, beyond the ±{limit} of its fixed point"));
            fixed(x, bits).ok_or_else(large)
        };
        let scales: &[f64] = match config.cell {
            Cell::Dynamic => &[1.0, std::f64::consts::E, EXP_SQRT_2],
            Cell::Elman | Cell::Lstm => &[1.0],
        };
        let mut recurrent = Vec::new();
        for scale in scales {
            let mut matrix = Vec::with_capacity(wide * hidden);
            for m in 0..wide {
                for k in 0..hidden {
                    matrix.push(whole("w_hh", scale * f64::from(w.w_hh[k * wide + m]), WEIGHT_BITS)?);
                }
            }
            recurrent.push(matrix);
        }
        let mut input = [const { Vec::new() }; 4];
        for (x, row) in input.iter_mut().enumerate() {
            for m in 0..wide {
                let mut sum = whole("b_h", w.b_h.get(m).copied().unwrap_or(0.0).into(), z_bits)?;
                for (i, bit) in [x & 1, x >> 1].into_iter().enumerate() {
                    if bit == 1 {
                        // Where it does not fit, it is too large in any case.
                        sum = sum.saturating_add(whole("w_ih", w.w_ih[i * wide + m].into(), z_bits)?);
                    }
                }
                row.push(sum);
            }
        }
        let output: Result<_> = w.w_ho.iter().map(|&w| whole("w_ho", w.into(), WEIGHT_BITS)).collect();
        let output_bias = whole("b_o", w.b_o.first().copied().unwrap_or(0.0).into(), z_bits)?;
        // The bit is 1 where ψ(z) > ½: z > 0, z > artanh ½ = ½ ln 3, z > ½.
        let half = match config.output {
            Activation::Sigmoid => 0.0,
            Activation::Tanh => super::fixed::ln(3.0) / 2.0,
            Activation::Relu => 0.5,
        };
        let threshold = fixed((half * power(z_bits)).floor(), 0).expect("at most ½ · 2^18") + 1;
        let net = Self {
            cell: config.cell,
            form: config.lstm_form,
            hidden,
            q,
            cell_most: (i32::from(cell_limit) << q).min(MOST),
            recurrent,
            input,
            output: output?,
            output_bias,
            threshold,
            tables: Tables::of(config.cell, config.lstm_form, config.activation, z_bits, q),
        };
        let (most, what) = net.largest_sum();
        if most < MOST_SUM {
            return Ok(net);
        }
        let unit = power(z_bits);
        let (found, limit) = (most as f64 / unit, MOST_SUM as f64 / unit);
        Err(Error::usage(format!(
            "weights too large for the fixed point: the terms of {what} may come to {found:.0}, and 32 bits hold {limit} at q = {q}"
        )))
    }

    /// The most that the magnitudes of a sum's terms may come to, and what it is the sum of.
    fn largest_sum(&self) -> (i64, String) {
        let largest = i64::from(self.tables.largest(self.cell, self.form, self.q));
        let wide = |row: &[i32]| row.iter().map(|&w| i64::from(w).abs()).sum::<i64>() * largest;
        let outputs = [self.output_bias, self.threshold].map(|x| i64::from(x).abs());
        let hidden = (0..self.input[0].len()).map(|m| {
            let widest = self.recurrent.iter().map(|matrix| wide(&matrix[m * self.hidden..][..self.hidden])).max();
            let inputs = self.input.iter().map(|row| i64::from(row[m]).abs()).max();
            (widest.unwrap_or(0) + inputs.unwrap_or(0), format!("hidden pre-activation {m}"))
        });
        let output = (wide(&self.output) + outputs[0] + outputs[1], "the output".to_owned());
        hidden.chain([output]).max_by_key(|(most, _)| *most).expect("an output")
    }

    /// Fractional bits of the carried state.
    pub fn q(&self) -> u32 {
        self.q
    }

    /// The units of [`Walk::margin`](super::Walk): 2^(12 + q).
    pub fn unit(&self) -> f64 {
        power(WEIGHT_BITS + self.q)
    }

    /// The format of the network.
    pub fn format(&self) -> FixedPoint {
        let cell_limit =
            if self.cell_most == MOST { u8::MAX } else { u8::try_from(self.cell_most >> self.q).expect("below 127") };
        FixedPoint { q: self.q, cell_limit }
    }

    /// Carried values: H, or 2 H for an LSTM.
    pub fn carried(&self) -> usize {
        self.hidden * if self.cell == Cell::Lstm { 2 } else { 1 }
    }

    /// Whether the input before is part of the state.
    pub fn remembers(&self) -> bool {
        self.cell == Cell::Dynamic
    }

    /// What precedes the first step: all zero.
    pub fn start(&self) -> State {
        State { values: vec![0; self.carried()], before: 0 }
    }

    /// One step: takes the input a + 2b, moves the state, and returns the output's distance to its
    /// threshold, with 12 + q fractional bits; the answer is 1 where it is not negative.
    pub fn step(&self, state: &mut State, x: u8) -> i32 {
        let (values, output) = self.moved(&self.products(&state.values), state, x);
        *state = State { values, before: if self.remembers() { x } else { 0 } };
        output
    }

    /// The network's answer to `a + b`, in `bits` steps; a step that comes again is looked up.
    pub fn add(&self, a: &BigUint, b: &BigUint, bits: usize) -> BigUint {
        let (mut state, mut answer, mut known) = (self.start(), BigUint::default(), HashMap::new());
        for t in 0..bits as u64 {
            let x = u8::from(a.bit(t)) + 2 * u8::from(b.bit(t));
            let step = known.entry((state, x)).or_insert_with_key(|(state, x)| {
                let mut next = state.clone();
                let bit = self.step(&mut next, *x) >= 0;
                (next, bit)
            });
            answer.set_bit(t, step.1);
            state = step.0.clone();
        }
        answer
    }

    /// `W_hh h` for each number of input bits that changed, `[G·H]`.
    pub(super) fn products(&self, values: &[i8]) -> Vec<Vec<i32>> {
        let h: Vec<i32> = values[..self.hidden].iter().map(|&h| h.into()).collect();
        let row = |row: &[i32]| row.iter().zip(&h).map(|(w, h)| w * h).sum();
        self.recurrent.iter().map(|matrix| matrix.chunks_exact(self.hidden).map(row).collect()).collect()
    }

    /// What a state carries after an input, from its products, and the output's distance to its
    /// threshold.
    pub(super) fn moved(&self, products: &[Vec<i32>], state: &State, x: u8) -> (Vec<i8>, i32) {
        let hidden = self.hidden;
        let changed = if self.remembers() { (state.before ^ x).count_ones() as usize } else { 0 };
        let (products, input) = (&products[changed], &self.input[usize::from(x)]);
        let z = |m: usize| products[m] + input[m];
        let mut values = Vec::with_capacity(self.carried());
        if self.cell == Cell::Lstm {
            values.resize(2 * hidden, 0);
            for m in 0..hidden {
                let [i, f, o] = [0, 1, 3].map(|gate| self.tables.sigma.at(z(gate * hidden + m)));
                let g = self.tables.phi.at(z(2 * hidden + m));
                let (h, c) = self.cell_step([i, f, g, o], state.values[hidden + m].into());
                (values[m], values[hidden + m]) = (byte(h), byte(c));
            }
        } else {
            values.extend((0..hidden).map(|m| byte(self.tables.phi.at(z(m)))));
        }
        let z_o: i32 = self.output.iter().zip(&values).map(|(&w, &h)| w * i32::from(h)).sum();
        (values, z_o + self.output_bias - self.threshold)
    }

    /// `h_t` and `c_t` of one unit from its gates and c_{t−1}.
    fn cell_step(&self, [i, f, g, o]: [i32; 4], c_prev: i32) -> (i32, i32) {
        let z = g * i + ((c_prev * f) << (GATE_BITS - self.q));
        match self.form {
            LstmForm::Standard => {
                let c = half_up(z, 2 * GATE_BITS - self.q).clamp(-self.cell_most, self.cell_most);
                (half_up(self.tables.cell.at(c) * o, 2 * GATE_BITS - self.q), c)
            }
            LstmForm::Notebook => {
                let c = self.tables.cell.at(z);
                (half_up(c * o, GATE_BITS), c)
            }
        }
    }
}

impl Tables {
    fn of(cell: Cell, form: LstmForm, activation: Activation, z_bits: u32, q: u32) -> Self {
        let none = Table { first: 0, thresholds: Vec::new() };
        match cell {
            Cell::Elman | Cell::Dynamic => {
                Self { phi: Table::of(activation, z_bits, q, MOST), sigma: none.clone(), cell: none }
            }
            Cell::Lstm => {
                let gate = |activation| Table::of(activation, z_bits, GATE_BITS, 8 << GATE_BITS);
                let cell = match form {
                    LstmForm::Standard => Table::of(activation, q, GATE_BITS, MOST << (GATE_BITS - q)),
                    LstmForm::Notebook => Table::of(activation, 2 * GATE_BITS, q, MOST),
                };
                Self { phi: gate(activation), sigma: gate(Activation::Sigmoid), cell }
            }
        }
    }

    /// The largest magnitude of h.
    pub(super) fn largest(&self, cell: Cell, form: LstmForm, q: u32) -> i32 {
        match (cell, form) {
            (Cell::Elman | Cell::Dynamic, _) => self.phi.magnitude(),
            (Cell::Lstm, LstmForm::Standard) => half_up(self.cell.magnitude() << GATE_BITS, 2 * GATE_BITS - q),
            (Cell::Lstm, LstmForm::Notebook) => self.cell.magnitude(),
        }
    }
}

/// What the magnitudes of a sum's terms must stay below together.
const MOST_SUM: i64 = i32::MAX as i64;

fn byte(x: i32) -> i8 {
    i8::try_from(x).expect("carried values are cut to a byte")
}

/// x / 2^bits, rounded to the nearest, half up.
fn half_up(x: i32, bits: u32) -> i32 {
    (x + (1 << bits >> 1)) >> bits
}
