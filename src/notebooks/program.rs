//! The notebooks' programs: one training loop, and for each notebook a [`Plan`] of what it makes of
//! it.
//!
//! | notebook | its program |
//! |---|---|
//! | 000, 001 | Elman's net, one addition at a time. The gradient is exact. The printed error is `Σ\|e\|`, while the descent is on `½ Σ e²` |
//! | 000 dynamic | recurrent term scaled by `exp‖x_t − x_{t−1}‖`; printed, differences of unsigned bytes, and a backward pass without the scale |
//! | 002 | cannot run (undefined names, a loss gradient that returns nothing); each of its three hidden errors is run in 001's loop |
//! | 003 | shuffles a table of ten additions every epoch and never trains on it: an epoch is one new addition of numbers below 64. Printed, NaN from epoch 3,008 on; corrected, it learns biases, and the table is held out and predicted at the end |
//! | 004 | shows an LSTM that cannot run (`lstm.rs`); its lines come from an Elman net of 4 bits with normal weights, whose backward pass has two defects |

use super::activation::Activation::Sigmoid;
use super::defects;
use super::elman::{DrawOrder, EXACT, NotebookNet, Rules, Scale, Tape};
use super::names::{Delta, Edition, Notebook};
use super::numpy::Legacy;

const RATE: f64 = 0.1;

/// A notebook's program.
#[derive(Debug, Clone, Copy)]
struct Plan {
    /// How weights are drawn, and in which order.
    draw: fn(&mut Legacy) -> f64,
    order: DrawOrder,
    /// Steps, whatever the replay asks for: the notebooks' tables are of so many bits.
    bits: usize,
    /// Operands are below this.
    below: u32,
    /// Additions of a table that is shuffled before each sample.
    rows: usize,
    scale: Scale,
    rules: Rules,
    /// Whether it learns biases, and predicts the table at the end.
    biases: bool,
    /// The error to print, of the sample, or with the errors since the last line.
    error: fn(&Tape, f64) -> f64,
    /// What the error is divided by where it is printed.
    divisor: f64,
}

/// The program of 000 and 001.
const ONLINE: Plan = Plan {
    draw: symmetric,
    order: DrawOrder::OutputSecond,
    bits: 8,
    below: 128,
    rows: 0,
    scale: no_scale,
    rules: EXACT,
    biases: false,
    error: |tape, _| tape.l1(),
    divisor: 1.0,
};

impl Plan {
    fn of(notebook: Notebook, edition: Edition, delta: Delta) -> Self {
        let later = Self { order: DrawOrder::OutputLast, ..ONLINE };
        match (notebook, edition) {
            (Notebook::N000Elman | Notebook::N001, _) => ONLINE,
            (Notebook::N000Dynamic, Edition::Printed) => {
                Self { scale: defects::scale_of_byte_difference, rules: defects::WITHOUT_SCALES, ..ONLINE }
            }
            (Notebook::N000Dynamic, Edition::Corrected) => Self { scale: dynamic_scale, ..ONLINE },
            (Notebook::N002, _) => Self { rules: rules_of_002(delta), ..later },
            (Notebook::N003, edition) => {
                let both = Self { rows: 10, below: 64, ..later };
                match edition {
                    Edition::Printed => {
                        Self { rules: defects::AS_003, error: defects::misordered_error, divisor: 10.0, ..both }
                    }
                    Edition::Corrected => Self { biases: true, error: |tape, _| 2.0 * tape.loss(), ..both },
                }
            }
            (Notebook::N004, edition) => Self {
                draw: Legacy::standard_normal,
                bits: 4,
                below: 8,
                rules: if edition == Edition::Printed { defects::AS_004 } else { EXACT },
                error: error_of_004,
                // A thousand samples by eight bits, though there are four, for any interval.
                divisor: 8000.0,
                ..later
            },
        }
    }
}

/// `2u − 1`, how all but 004 draw a weight.
pub(crate) fn symmetric(rng: &mut Legacy) -> f64 {
    2.0 * rng.random_sample() - 1.0
}

/// `s_t = 1`: Elman's net.
pub(crate) fn no_scale(_: [f64; 2], _: [f64; 2]) -> f64 {
    1.0
}

/// `exp‖x_t − x_{t−1}‖₂`, which is 1, e or e^√2.
pub(crate) fn dynamic_scale(x: [f64; 2], x_prev: [f64; 2]) -> f64 {
    let (da, db) = (x[0] - x_prev[0], x[1] - x_prev[1]);
    (da * da + db * db).sqrt().exp()
}

/// The recursion of 002 for the hidden error.
pub(crate) fn rules_of_002(delta: Delta) -> Rules {
    match delta {
        Delta::Total => EXACT,
        Delta::Explicit => Rules { dh_from_later: defects::explicit_part_only, ..EXACT },
        Delta::Code => Rules { dh_from_later: defects::later_slope_twice, ..EXACT },
    }
}

/// 004: errors of all samples since the last line, each bit's, and a quarter of it again.
fn error_of_004(tape: &Tape, mut so_far: f64) -> f64 {
    let mut sum = 0.0;
    for (target, y) in tape.target.iter().zip(&tape.y).rev() {
        so_far += (target - y).abs();
        sum += (target - y).abs();
    }
    so_far + sum / 4.0
}

/// A program that runs, one sample (003: one epoch) at a time.
#[derive(Debug)]
pub(crate) struct Program {
    plan: Plan,
    rng: Legacy,
    table: Vec<(u32, u32)>,
    pub(crate) net: NotebookNet,
    gradient: NotebookNet,
    pub(crate) tape: Tape,
    error: f64,
}

impl Program {
    pub(crate) fn new(notebook: Notebook, edition: Edition, delta: Delta, seed: u32, hidden: usize) -> Self {
        let plan = Plan::of(notebook, edition, delta);
        let mut rng = Legacy::new(seed);
        let table = (0..plan.rows).map(|_| (rng.below(plan.below), rng.below(plan.below))).collect();
        let net = NotebookNet::draw(&mut rng, hidden, plan.order, plan.draw);
        let tape = Tape::new(plan.bits, hidden, Sigmoid, Sigmoid);
        Self { plan, rng, table, net, gradient: NotebookNet::zeros(hidden), tape, error: 0.0 }
    }

    /// Draws an addition, predicts it and learns from it. Returns the operands.
    pub(crate) fn step(&mut self) -> (u32, u32) {
        self.rng.shuffle(&mut self.table);
        let (a, b) = (self.rng.below(self.plan.below), self.rng.below(self.plan.below));
        self.predict(a, b);
        self.error = (self.plan.error)(&self.tape, self.error);
        self.gradient.params.fill(0.0);
        self.net.backward_acc(&self.tape, &self.plan.rules, &mut self.gradient);
        self.net.descend_weights(&self.gradient, RATE);
        if self.plan.biases {
            self.net.descend_biases(&self.gradient, RATE);
        }
        (a, b)
    }

    fn predict(&mut self, a: u32, b: u32) {
        self.tape.load(a, b, self.plan.scale);
        self.net.forward(&mut self.tape);
    }

    /// The error to print after the last sample.
    pub(crate) fn printed_error(&mut self) -> f64 {
        std::mem::take(&mut self.error) / self.plan.divisor
    }

    /// Rows of the held-out table that are added exactly, and all its rows, if the program has one.
    pub(crate) fn held_out(&mut self) -> Option<(usize, usize)> {
        let table = self.plan.biases.then(|| self.table.clone())?;
        let exact = table.iter().filter(|&&(a, b)| {
            self.predict(a, b);
            self.tape.y.iter().zip(&self.tape.target).all(|(&y, &bit)| (y > 0.5) == (bit > 0.5))
        });
        Some((exact.count(), table.len()))
    }
}
