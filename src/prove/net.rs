//! The integer network: a trained net in fixed point, whose step is integer arithmetic alone.
//!
//! | what | fractional bits |
//! |---|---|
//! | carried state: h, and an LSTM's c | q |
//! | weights | 12 |
//! | pre-activations z, sums of weights times states | 12 + q |
//! | an LSTM's gates and φ of its cell | 4 |
//!
//! `z_t = W_ih x_t + b + W_hh h_{t−1}`, then φ by a [`Table`] whose values are already the rounded state. The dynamic cell's three
//! scales `s_t` are multiplied into three recurrent matrices. The LSTM multiplies gates as integers: `z = g i + c_{t−1} f`, then,
//! rounded half up to q bits, standard: `c_t = z`, `h_t = φ(c_t) o`; notebook: `c_t = φ(z)`, `h_t = c_t o`.
//! A carried value takes at most ±127, so that it fits a byte, and c of the standard form at most the limit of the [`Format`]; what would
//! be more is cut. The bit it answers is whether
//! `W_ho h_t + b_o` reaches a threshold, with the *rounded* `h_t`, so that it is a function of the state.
//!
//! Sums cannot overflow: that the magnitudes of all terms of a sum stay below 2^31 together is checked when a network is made.

use super::fixed::{GATE_BITS, LARGEST, MAX_Q, WEIGHT_BITS, fixed, power};
use super::table::Table;
use crate::error::{Error, Result};
use crate::model::{Activation, Cell, Config, Layout, LstmForm, Model};

/// How a network is put in integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Fractional bits of the carried state: 0 to [`MAX_Q`], for an LSTM to [`GATE_BITS`].
    pub q: u32,
    /// The largest magnitude of c of a standard LSTM, or what a byte holds if that is less.
    pub cell_limit: u8,
}

impl Format {
    /// What nets are trained for: c within ±2.
    pub const CELL_LIMIT: u8 = 2;

    /// The formats to try for a cell, coarsest first: a standard LSTM also with c as wide as a byte allows, for nets trained elsewhere.
    pub fn all(cell: Cell, form: LstmForm) -> Vec<Self> {
        let limits: &[u8] = if (cell, form) == (Cell::Lstm, LstmForm::Standard) {
            &[Self::CELL_LIMIT, u8::MAX]
        } else {
            &[Self::CELL_LIMIT]
        };
        let of = |q| limits.iter().map(move |&cell_limit| Self { q, cell_limit });
        (0..=Self::most(cell)).flat_map(of).collect()
    }

    /// Those of [`Format::all`] with so many fractional bits, and so large a c, as far as they are chosen.
    ///
    /// # Errors
    /// [`Error::Usage`] for more bits than the cell can have, or a limit where c has bounds of its own.
    pub fn chosen(config: &Config, q: Option<u32>, cell_limit: Option<u8>) -> Result<Vec<Self>> {
        let (cell, most) = (config.cell, Self::most(config.cell));
        if let Some(q) = q.filter(|&q| q > most) {
            return Err(Error::usage(format!("q is {q}, want 0 to {most} fractional bits for the {cell} cell")));
        }
        if cell_limit.is_some() && !Self::has_limit(config) {
            let problem = "--cell-limit goes with an LSTM of the standard form, whose c has no bounds";
            return Err(Error::usage(problem));
        }
        let mut formats = Self::all(cell, config.lstm_form);
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
/// `recurrent`: a matrix `[G·H, H]` for each number of input bits that changed (one matrix but for the dynamic cell); `input`: `[G·H]`
/// for each of the four inputs, biases included; `output`: `[H]`.
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

/// A state of a network: carried values with q fractional bits, and the input before, which only the dynamic cell reads.
///
/// # Shapes
/// `values`: h `[H]`, then, for an LSTM, c `[H]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// Carried values.
    pub values: Vec<i8>,
    /// The input before, a + 2b.
    pub before: u8,
}

impl IntegerNet {
    /// The integer network of a model.
    ///
    /// # Errors
    /// [`Error::Usage`] for q out of range, a weight that is not finite, or weights too large for sums of 32 bits.
    pub fn new(model: &Model<f32>, format: Format) -> Result<Self> {
        let config = model.config.checked()?;
        let (Format { q, cell_limit }, most) = (format, Format::most(config.cell));
        if q > most {
            let cell = config.cell;
            return Err(Error::usage(format!("q is {q}, want 0 to {most} fractional bits for the {cell} cell")));
        }
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
                        sum += whole("w_ih", w.w_ih[i * wide + m].into(), z_bits)?;
                    }
                }
                row.push(sum);
            }
        }
        let output: Result<Vec<i64>> = w.w_ho.iter().map(|&w| whole("w_ho", w.into(), WEIGHT_BITS)).collect();
        let output_bias = whole("b_o", w.b_o.first().copied().unwrap_or(0.0).into(), z_bits)?;
        // The bit is 1 where ψ(z) > ½: z > 0, z > artanh ½ = ½ ln 3, z > ½.
        let half = match config.output {
            Activation::Sigmoid => 0.0,
            Activation::Tanh => super::fixed::ln(3.0) / 2.0,
            Activation::Relu => 0.5,
        };
        let threshold = fixed((half * power(z_bits)).floor(), 0).expect("at most ½ · 2^18") + 1;
        let tables = Tables::of(config.cell, config.lstm_form, config.activation, z_bits, q);
        let mut largest_sum = (0, String::new());
        let largest = i64::from(tables.largest(config.cell, config.lstm_form, q));
        let mut note = |what: String, weights: i64, rest: i64| {
            let most = weights.saturating_mul(largest).saturating_add(rest);
            if most > largest_sum.0 {
                largest_sum = (most, what);
            }
        };
        for m in 0..wide {
            let widest = recurrent.iter().map(|matrix| magnitude(&matrix[m * hidden..][..hidden])).max().unwrap_or(0);
            let inputs = input.iter().map(|row| row[m].abs()).max().unwrap_or(0);
            note(format!("hidden pre-activation {m}"), widest, inputs);
        }
        let output = output?;
        note("the output".into(), magnitude(&output), output_bias.abs() + threshold);
        let (most, what) = largest_sum;
        if most >= MOST_SUM {
            let unit = power(z_bits);
            let (found, limit) = (most as f64 / unit, MOST_SUM as f64 / unit);
            return Err(Error::usage(format!(
                "weights too large for the fixed point: the terms of {what} may come to {found:.0}, and 32 bits hold {limit} at q = {q}"
            )));
        }
        let narrow = |row: Vec<i64>| row.into_iter().map(narrow).collect::<Vec<i32>>();
        Ok(Self {
            cell: config.cell,
            form: config.lstm_form,
            hidden,
            q,
            cell_most: (i32::from(cell_limit) << q).min(MOST),
            recurrent: recurrent.into_iter().map(narrow).collect(),
            input: input.map(narrow),
            output: narrow(output),
            output_bias: self::narrow(output_bias),
            threshold: self::narrow(threshold),
            tables,
        })
    }

    /// Whether no sum can overflow and every carried value fits a byte, whatever the state: for networks that come from a file.
    pub(super) fn in_bounds(&self) -> bool {
        let largest = i64::from(self.tables.largest(self.cell, self.form, self.q));
        let wide = |row: &[i32]| row.iter().map(|&w| i64::from(w).abs()).sum::<i64>();
        let rows = self.recurrent.iter().flat_map(|matrix| matrix.chunks(self.hidden)).map(wide);
        let inputs = self.input.iter().flatten().map(|&w| i64::from(w).abs()).max().unwrap_or(0);
        let outputs =
            wide(&self.output) * largest + i64::from(self.output_bias).abs() + i64::from(self.threshold).abs();
        let Tables { phi, sigma, cell } = &self.tables;
        let carried = if self.cell == Cell::Lstm { cell } else { phi };
        let standard = (self.cell, self.form) == (Cell::Lstm, LstmForm::Standard);
        let small = |table: &Table, most: i32| table.magnitude() <= most;
        rows.max().unwrap_or(0) * largest + inputs < MOST_SUM
            && outputs < MOST_SUM
            && largest <= i64::from(MOST)
            && (standard || small(carried, MOST))
            && small(phi, 8 << GATE_BITS.max(MAX_Q))
            && small(sigma, 1 << GATE_BITS)
            && small(cell, MOST << GATE_BITS)
    }

    /// Its cell.
    pub fn cell(&self) -> Cell {
        self.cell
    }

    /// Hidden units, H.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// Fractional bits of its carried state.
    pub fn q(&self) -> u32 {
        self.q
    }

    /// The units of [`Walk::margin`](super::Walk): 2^(12 + q).
    pub fn unit(&self) -> f64 {
        power(WEIGHT_BITS + self.q)
    }

    /// How it was put in integers.
    pub fn format(&self) -> Format {
        let cell_limit =
            if self.cell_most == MOST { u8::MAX } else { u8::try_from(self.cell_most >> self.q).expect("below 127") };
        Format { q: self.q, cell_limit }
    }

    /// Carried values: H, or 2 H for an LSTM.
    pub fn carried(&self) -> usize {
        self.hidden * if self.cell == Cell::Lstm { 2 } else { 1 }
    }

    /// Whether the input before is part of its state.
    pub fn remembers(&self) -> bool {
        self.cell == Cell::Dynamic
    }

    /// What precedes the first step: all zero.
    pub fn start(&self) -> State {
        State { values: vec![0; self.carried()], before: 0 }
    }

    /// One step: takes the input a + 2b, moves the state, and returns the output's distance to its threshold, with 12 + q fractional
    /// bits; the answer is 1 where it is not negative.
    ///
    /// # Cost
    /// G·H·(H + 1) multiply-adds and a search in a table for each pre-activation. The plain form, which
    /// [`walk`](super::walk) is checked against.
    pub fn step(&self, state: &mut State, x: u8) -> i32 {
        let hidden = self.hidden;
        let changed = if self.cell == Cell::Dynamic { (state.before ^ x).count_ones() as usize } else { 0 };
        let matrix = &self.recurrent[changed];
        let z = |m: usize| {
            let row = &matrix[m * hidden..][..hidden];
            let sum: i32 = row.iter().zip(&state.values).map(|(&w, &h)| w * i32::from(h)).sum();
            sum + self.input[usize::from(x)][m]
        };
        let mut values = Vec::with_capacity(self.carried());
        match self.cell {
            Cell::Elman | Cell::Dynamic => values.extend((0..hidden).map(|m| byte(self.tables.phi.at(z(m))))),
            Cell::Lstm => {
                let mut cells = Vec::with_capacity(hidden);
                for m in 0..hidden {
                    let [i, f, o] = [0, 1, 3].map(|gate| self.tables.sigma.at(z(gate * hidden + m)));
                    let g = self.tables.phi.at(z(2 * hidden + m));
                    let (h, c) = self.cell_step([i, f, g, o], state.values[hidden + m].into());
                    values.push(byte(h));
                    cells.push(byte(c));
                }
                values.extend(cells);
            }
        }
        let z_o: i32 = self.output.iter().zip(&values).map(|(&w, &h)| w * i32::from(h)).sum();
        *state = State { values, before: x };
        z_o + self.output_bias - self.threshold
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

fn magnitude(row: &[i64]) -> i64 {
    row.iter().map(|w| w.abs()).sum()
}

fn narrow(x: i64) -> i32 {
    i32::try_from(x).expect("within the bounds just checked")
}

fn byte(x: i32) -> i8 {
    i8::try_from(x).expect("carried values are cut to a byte")
}

/// x / 2^bits, rounded to the nearest, half up.
fn half_up(x: i32, bits: u32) -> i32 {
    (x + (1 << bits >> 1)) >> bits
}
