//! Notebook 003: biases, minibatches, a choice of activations, and NaN from epoch 3,008 on.
//!
//! The notebook first draws a table of ten additions, shuffles it every epoch and never trains on
//! it: each epoch is one new addition of two numbers below 64.
//!
//! The corrected program keeps the draws, so that each epoch adds the same numbers. It has the
//! exact gradient, learns biases, and measures the error of aligned bits over one row. The table of
//! ten is held out and predicted at the end.

use super::activation::Activation::Sigmoid;
use super::defects::{AS_003, misordered_error};
use super::elman::{DrawOrder, EXACT, NotebookNet, Tape};
use super::numpy::Legacy;
use super::online::{BITS, symmetric};
use super::program::{Program, Sample};

const ROWS: usize = 10;
/// Operands below a quarter of 2⁸.
const BELOW: u32 = 64;
const RATE: f64 = 0.1;

/// The draws and the state of both versions.
#[derive(Debug)]
struct State {
    rng: Legacy,
    table: Vec<(u32, u32)>,
    net: NotebookNet,
    gradient: NotebookNet,
    tape: Tape,
}

impl State {
    fn new(seed: u32, hidden: usize) -> Self {
        let mut rng = Legacy::new(seed);
        let table = (0..ROWS).map(|_| (rng.below(BELOW), rng.below(BELOW))).collect();
        let net = NotebookNet::draw(&mut rng, hidden, DrawOrder::OutputLast, symmetric);
        let tape = Tape::new(BITS, hidden, Sigmoid, Sigmoid);
        Self { rng, table, net, gradient: NotebookNet::zeros(hidden), tape }
    }

    /// Shuffles the table, draws this epoch's addition and predicts it.
    fn predict_next(&mut self) -> (u32, u32) {
        self.rng.shuffle(&mut self.table);
        let (a, b) = (self.rng.below(BELOW), self.rng.below(BELOW));
        self.predict(a, b);
        (a, b)
    }

    fn predict(&mut self, a: u32, b: u32) {
        self.tape.load(a, b);
        self.net.forward(&mut self.tape);
        self.gradient.params.fill(0.0);
    }
}

/// The notebook as it ran.
#[derive(Debug)]
pub(crate) struct Printed(State);

impl Printed {
    pub(crate) fn new(seed: u32, hidden: usize) -> Self {
        Self(State::new(seed, hidden))
    }
}

impl Program for Printed {
    fn step(&mut self) -> Sample {
        let (a, b) = self.0.predict_next();
        let State { net, gradient, tape, .. } = &mut self.0;
        let error = misordered_error(&tape.target, &tape.y, 10.0);
        net.backward_acc(tape, &AS_003, gradient);
        net.descend_weights(gradient, RATE);
        Sample { a, b, error, y: tape.y.clone() }
    }

    fn net(&self) -> &NotebookNet {
        &self.0.net
    }
}

/// The notebook without its defects.
#[derive(Debug)]
pub(crate) struct Corrected(State);

impl Corrected {
    pub(crate) fn new(seed: u32, hidden: usize) -> Self {
        Self(State::new(seed, hidden))
    }
}

impl Program for Corrected {
    fn step(&mut self) -> Sample {
        let (a, b) = self.0.predict_next();
        let State { net, gradient, tape, .. } = &mut self.0;
        let error = 2.0 * tape.loss();
        net.backward_acc(tape, &EXACT, gradient);
        net.descend_weights(gradient, RATE);
        net.descend_biases(gradient, RATE);
        Sample { a, b, error, y: tape.y.clone() }
    }

    fn net(&self) -> &NotebookNet {
        &self.0.net
    }

    fn held_out(&mut self) -> Option<(usize, usize)> {
        let table = self.0.table.clone();
        let mut exact = 0;
        for &(a, b) in &table {
            self.0.predict(a, b);
            let tape = &self.0.tape;
            exact += usize::from(tape.y.iter().zip(&tape.target).all(|(&y, &bit)| (y > 0.5) == (bit > 0.5)));
        }
        Some((exact, table.len()))
    }
}
