//! The online loop that notebooks 000, 001 and 002 share: draw two operands below 128, run eight
//! steps, learn at once.

use super::activation::Activation::Sigmoid;
use super::elman::{DrawOrder, NotebookNet, Rules, Tape};
use super::numpy::Legacy;
use super::program::{Program, Sample};

/// Eight bits, whatever else is chosen: the notebooks' table is of unsigned bytes.
pub(crate) const BITS: usize = 8;
/// Operands below half of 2⁸, so that the sum fits.
const BELOW: u32 = 128;
const RATE: f64 = 0.1;

/// `s_t` from `x_t` and `x_{t−1}`.
pub(crate) type Scale = fn([f64; 2], [f64; 2]) -> f64;

/// An online program: Elman's net, a draw order, a scale and a backward pass.
#[derive(Debug)]
pub(crate) struct Online {
    rng: Legacy,
    net: NotebookNet,
    gradient: NotebookNet,
    tape: Tape,
    scale: Scale,
    rules: Rules,
}

/// `2u − 1`, how all but 004 draw a weight.
pub(crate) fn symmetric(rng: &mut Legacy) -> f64 {
    2.0 * rng.random_sample() - 1.0
}

/// `s_t = 1`: Elman's net.
pub(crate) fn no_scale(_: [f64; 2], _: [f64; 2]) -> f64 {
    1.0
}

impl Online {
    pub(crate) fn new(seed: u32, hidden: usize, order: DrawOrder, scale: Scale, rules: Rules) -> Self {
        let mut rng = Legacy::new(seed);
        let net = NotebookNet::draw(&mut rng, hidden, order, symmetric);
        let tape = Tape::new(BITS, hidden, Sigmoid, Sigmoid);
        Self { rng, net, gradient: NotebookNet::zeros(hidden), tape, scale, rules }
    }
}

impl Program for Online {
    fn step(&mut self) -> Sample {
        let (a, b) = (self.rng.below(BELOW), self.rng.below(BELOW));
        self.tape.load(a, b);
        set_scales(&mut self.tape, self.scale);
        self.net.forward(&mut self.tape);
        self.gradient.params.fill(0.0);
        self.net.backward_acc(&self.tape, &self.rules, &mut self.gradient);
        self.net.descend_weights(&self.gradient, RATE);
        Sample { a, b, error: self.tape.l1(), y: self.tape.y.clone() }
    }

    fn net(&self) -> &NotebookNet {
        &self.net
    }
}

/// Fills the tape's scales from its inputs, with `x_0 = 0`.
pub(crate) fn set_scales(tape: &mut Tape, scale: Scale) {
    let mut x_prev = [0.0; 2];
    for (s, &x) in tape.scale.iter_mut().zip(&tape.x) {
        *s = scale(x, x_prev);
        x_prev = x;
    }
}
