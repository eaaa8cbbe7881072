//! Notebook 004: the net behind its printed lines.
//!
//! The text shows an LSTM with a syntax error and an unfinished backward pass. The printed lines
//! come from an earlier net of the author: Elman's with 8 hidden units, 4 bits and normal weights.
//! Without the two defects of its backward pass it learns. The LSTM is in `lstm.rs`.

use super::activation::Activation::Sigmoid;
use super::defects::{self, AS_004};
use super::elman::{DrawOrder, EXACT, NotebookNet, Rules, Tape};
use super::lstm::{Form, Lstm, LstmTape};
use super::names::Edition;
use super::numpy::Legacy;
use super::program::{Program, Sample};
use crate::error::{Error, Result};

const BITS: usize = 4;
/// [`BITS`] as a divisor.
const BITS_F64: f64 = 4.0;
/// Operands below half of 2⁴.
const BELOW: u32 = 8;
const RATE: f64 = 0.1;
/// A thousand samples by eight bits, though there are four; written out in the notebook, for any
/// interval.
const DIVISOR: f64 = 8000.0;

/// The vanilla net of 004.
#[derive(Debug)]
pub(crate) struct Vanilla {
    rng: Legacy,
    net: NotebookNet,
    gradient: NotebookNet,
    tape: Tape,
    rules: Rules,
    /// Errors since the last line: each bit's, and a quarter of it again.
    batch_error: f64,
}

impl Vanilla {
    pub(crate) fn new(seed: u32, hidden: usize, edition: Edition) -> Self {
        let mut rng = Legacy::new(seed);
        let net = NotebookNet::draw(&mut rng, hidden, DrawOrder::OutputLast, Legacy::standard_normal);
        let tape = Tape::new(BITS, hidden, Sigmoid, Sigmoid);
        let rules = match edition {
            Edition::Printed => AS_004,
            Edition::Corrected => EXACT,
        };
        Self { rng, net, gradient: NotebookNet::zeros(hidden), tape, rules, batch_error: 0.0 }
    }
}

impl Program for Vanilla {
    fn step(&mut self) -> Sample {
        let (a, b) = (self.rng.below(BELOW), self.rng.below(BELOW));
        self.tape.load(a, b);
        self.net.forward(&mut self.tape);
        self.gradient.params.fill(0.0);
        self.net.backward_acc(&self.tape, &self.rules, &mut self.gradient);
        self.net.descend_weights(&self.gradient, RATE);
        let mut sum = 0.0;
        for (target, y) in self.tape.target.iter().zip(&self.tape.y).rev() {
            let e = (target - y).abs();
            self.batch_error += e;
            sum += e;
        }
        self.batch_error += sum / BITS_F64;
        Sample { a, b, error: sum, y: self.tape.y.clone() }
    }

    fn printed_error(&mut self, _: &Sample) -> f64 {
        std::mem::take(&mut self.batch_error) / DIVISOR
    }

    fn net(&self) -> &NotebookNet {
        &self.net
    }
}

/// How the displayed forward pass is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// Literally: the forget gate's *input weights* replace the gate, so that each step has two
    /// rows; tanh by exponentials.
    Literal,
    /// With the forget gate. The cell keeps `tanh(z)`.
    Intended,
    /// The usual LSTM: the cell keeps `z`.
    Standard,
}

/// One forward sample of the displayed LSTM.
#[derive(Clone, Debug, PartialEq)]
pub struct LstmSample {
    /// First operand.
    pub a: u32,
    /// Second operand.
    pub b: u32,
    /// A row of outputs a step, least significant first: two outputs read literally, else one.
    pub outputs: Vec<Vec<f64>>,
}

/// The displayed forward pass with the notebook's sizes and draws (seed 0 is its own), over its
/// first samples.
///
/// # Errors
/// If `samples` is 0.
pub fn lstm_forward(reading: Reading, seed: u32, samples: usize) -> Result<Vec<LstmSample>> {
    const BITS: usize = 8;
    if samples == 0 {
        return Err(Error::usage("samples is 0: give 1 or more"));
    }
    let mut rng = Legacy::new(seed);
    let net = Lstm::draw(&mut rng, 16, Legacy::standard_normal);
    let form = if reading == Reading::Standard { Form::Standard } else { Form::Notebook };
    let mut tape = LstmTape::new(BITS, net.hidden, form);
    Ok((0..samples)
        .map(|_| {
            let (a, b) = (rng.below(128), rng.below(128));
            tape.load(a, b);
            let outputs = if reading == Reading::Literal {
                let rows = [0, 1].map(|row| {
                    net.forward(&mut tape, defects::tanh_by_exponentials, |f| defects::weights_for_gate(&net, row, f));
                    tape.y.clone()
                });
                rows[0].iter().zip(&rows[1]).map(|(&first, &second)| vec![first, second]).collect()
            } else {
                net.forward(&mut tape, f64::tanh, |_| ());
                tape.y.iter().map(|&y| vec![y]).collect()
            };
            LstmSample { a, b, outputs }
        })
        .collect())
}
