//! What each defect does to the gradient: `‖g − g_fd‖ / ‖g_fd‖` with the defect and without it.
//!
//! Nets and minibatches are random, in f64. The witness `g_fd` is the fourth-order difference
//! quotient of the loss, good to about 1e-10, and has no backward pass.
//!
//! The error depends on the net as much as on the defect: over forty random nets the first row runs
//! from .05 to .76, a slope of squashed tanh from .9 to 12, the vanilla net's later state from .07
//! to .99. The seeds below give errors of the size found when the notebooks were studied. No net
//! makes a defect vanish.

use super::activation::Activation::{self, Relu, Sigmoid, Tanh};
use super::defects;
use super::elman::{DrawOrder, EXACT, NotebookNet, Rules, Scale, Tape};
use super::lstm::{self, Lstm};
use super::names::Delta;
use super::numpy::Legacy;
use super::program::{dynamic_scale, no_scale, rules_of_002, symmetric};

const BATCH: usize = 32;

/// A defect and what it does to the gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct DefectRow {
    /// Name of the notebook's program.
    pub notebook: &'static str,
    /// What the defect does.
    pub defect: &'static str,
    /// Relative error of the gradient with the defect.
    pub error_with: f64,
    /// Relative error of the gradient with the defect mended.
    pub error_without: f64,
}

/// The table of gradient defects, computed afresh from fixed seeds (chosen as the module says).
///
/// # Cost
/// About two seconds at most: difference quotients of seven small nets.
#[must_use]
pub fn gradient_defects() -> Vec<DefectRow> {
    let dynamic = Setup { seed: 19, scale: dynamic_scale, ..SETUP }.trial("000-dynamic");
    let of_002 = SETUP.trial("002");
    let sigmoid = SETUP.trial("003");
    let tanh = Setup { seed: 2, phi: Tanh, ..SETUP }.trial("003");
    // A step that carries no unit across its corner.
    let relu = Setup { phi: Relu, draw: |rng| 0.25 * symmetric(rng), step: 1e-5, ..SETUP }.trial("003");
    let lstm = lstm_trial();
    let vanilla = Setup { hidden: 8, bits: 4, draw: Legacy::standard_normal, ..SETUP }.trial("004");
    let squashed = Rules { slope: defects::slope_of_squashed, ..EXACT };
    vec![
        dynamic.row(
            "no scale on the error of the later step",
            &Rules { dh_from_later: defects::later_without_scale, ..EXACT },
        ),
        dynamic.row(
            "no scale in the gradient of the recurrent weights",
            &Rules { scale_of_w_hh: defects::no_scale, ..EXACT },
        ),
        dynamic.row("neither scale, as written", &defects::WITHOUT_SCALES),
        of_002.row("hidden error from the explicit part of the later one only", &rules_of_002(Delta::Explicit)),
        of_002.row("slope of the later hidden state multiplied in twice", &rules_of_002(Delta::Code)),
        entrywise_row(&of_002),
        sigmoid.row("slope of the squashed value, sigmoid", &squashed),
        tanh.row("slope of the squashed value, tanh", &squashed),
        sigmoid.row(
            "output weights learn from the output, not the hidden layer",
            &Rules { output_weights: defects::output_for_hidden, ..EXACT },
        ),
        sigmoid.row("both, as written, sigmoid", &defects::AS_003),
        tanh.row("both, as written, tanh", &defects::AS_003),
        relu.row("both, as written, relu", &defects::AS_003),
        lstm.row(
            "recurrent matrices not transposed",
            &lstm::Rules { dh_from_gate: defects::gate_untransposed, ..lstm::EXACT },
        ),
        lstm.row("tanh′ of a tanh", &lstm::Rules { tanh_slope: defects::tanh_slope_of_tanh, ..lstm::EXACT }),
        lstm.row("no carry through the cell", &lstm::Rules { carry: defects::no_carry, ..lstm::EXACT }),
        vanilla.row(
            "vanilla net: recurrent matrix not transposed",
            &Rules { dh_from_later: defects::untransposed, ..EXACT },
        ),
        vanilla.row(
            "vanilla net: later instead of earlier hidden state",
            &Rules { state_of_w_hh: defects::later_state, ..EXACT },
        ),
    ]
}

/// Sizes, rules and seed of a random Elman net.
#[derive(Clone, Copy)]
struct Setup {
    seed: u32,
    hidden: usize,
    bits: usize,
    phi: Activation,
    scale: Scale,
    draw: fn(&mut Legacy) -> f64,
    /// Step of the difference quotients.
    step: f64,
}

/// The sizes of most of the notebooks; the output unit is a sigmoid in all of them.
const SETUP: Setup = Setup { seed: 0, hidden: 16, bits: 8, phi: Sigmoid, scale: no_scale, draw: symmetric, step: 1e-4 };

/// A random net with a minibatch, the right rules of its backward pass, and the difference
/// quotients of its loss.
struct Trial<N, R> {
    notebook: &'static str,
    net: N,
    tapes: Vec<Tape>,
    differences: Vec<f64>,
    exact: R,
    gradient: fn(&N, &[Tape], &R) -> Vec<f64>,
}

impl<N, R> Trial<N, R> {
    fn row(&self, defect: &'static str, rules: &R) -> DefectRow {
        let error = |rules| relative_error(&(self.gradient)(&self.net, &self.tapes, rules), &self.differences);
        DefectRow { notebook: self.notebook, defect, error_with: error(rules), error_without: error(&self.exact) }
    }
}

impl Setup {
    fn trial(self, notebook: &'static str) -> Trial<NotebookNet, Rules> {
        let mut rng = Legacy::new(self.seed);
        let net = NotebookNet::draw(&mut rng, self.hidden, DrawOrder::OutputLast, self.draw);
        let mut tapes = self.minibatch(&mut rng);
        tapes.iter_mut().for_each(|tape| net.forward(tape));
        let (mut moved, mut scratch) = (net.clone(), tapes.clone());
        // The notebooks have no biases, or comment them out: the weights alone are compared.
        let differences = difference_quotients(&net.params[..net.weights()], self.step, |params| {
            moved.params[..params.len()].copy_from_slice(params);
            scratch.iter_mut().map(|tape| (moved.forward(tape), tape.loss()).1).sum()
        });
        let gradient = |net: &NotebookNet, tapes: &[Tape], rules: &Rules| {
            let mut gradient = NotebookNet::zeros(net.hidden);
            tapes.iter().for_each(|tape| net.backward_acc(tape, rules, &mut gradient));
            gradient.params.truncate(net.weights());
            gradient.params
        };
        Trial { notebook, net, tapes, differences, exact: EXACT, gradient }
    }

    /// Additions of operands of one bit less than the sum.
    fn minibatch(&self, rng: &mut Legacy) -> Vec<Tape> {
        let high = 1 << (self.bits - 1);
        let mut tapes = vec![Tape::new(self.bits, self.hidden, self.phi, Sigmoid); BATCH];
        tapes.iter_mut().for_each(|tape| tape.load(rng.below(high), rng.below(high), self.scale));
        tapes
    }
}

/// The entry-by-entry recursion of 002, which gives the recurrent weights' gradient only.
fn entrywise_row(trial: &Trial<NotebookNet, Rules>) -> DefectRow {
    let hidden = trial.net.hidden;
    let recurrent = 2 * hidden..2 * hidden + hidden * hidden;
    let mut dw_hh = vec![0.0; recurrent.len()];
    trial.tapes.iter().for_each(|tape| defects::entrywise_recursion(&trial.net, tape, &mut dw_hh));
    let right = (trial.gradient)(&trial.net, &trial.tapes, &EXACT);
    let error = |gradient: &[f64]| relative_error(gradient, &trial.differences[recurrent.clone()]);
    let (error_with, error_without) = (error(&dw_hh), error(&right[recurrent.clone()]));
    DefectRow { notebook: "002", defect: "recursion multiplied entry by entry", error_with, error_without }
}

fn lstm_trial() -> Trial<Lstm, lstm::Rules> {
    let mut rng = Legacy::new(SETUP.seed);
    let net = Lstm::draw(&mut rng, SETUP.hidden);
    let tapes = SETUP.minibatch(&mut rng);
    let (mut moved, mut scratch) = (net.clone(), tapes.clone());
    let differences = difference_quotients(&net.params, SETUP.step, |params| {
        moved.params.copy_from_slice(params);
        scratch.iter_mut().map(|tape| (moved.forward(tape), tape.loss()).1).sum()
    });
    let gradient = |net: &Lstm, tapes: &[Tape], rules: &lstm::Rules| {
        let mut gradient = Lstm::zeros(net.hidden);
        for mut tape in tapes.iter().cloned() {
            let steps = net.forward(&mut tape);
            net.backward_acc(&tape, &steps, rules, &mut gradient);
        }
        gradient.params
    };
    Trial { notebook: "004", net, tapes, differences, exact: lstm::EXACT, gradient }
}

/// Central difference quotients of fourth order: `(f(p−2e) − 8 f(p−e) + 8 f(p+e) − f(p+2e)) / 12e`.
/// Truncation is of order e⁴, rounding of order 1e-16/e.
fn difference_quotients(params: &[f64], e: f64, mut loss: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    let mut moved = params.to_vec();
    (0..params.len())
        .map(|k| {
            let mut at = |offset: f64| {
                moved[k] = params[k] + offset;
                loss(&moved)
            };
            let quotient = (8.0 * (at(e) - at(-e)) - (at(2.0 * e) - at(-2.0 * e))) / (12.0 * e);
            moved[k] = params[k];
            quotient
        })
        .collect()
}

/// `‖g − g_fd‖ / ‖g_fd‖`.
fn relative_error(gradient: &[f64], differences: &[f64]) -> f64 {
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut gradient.iter().zip(differences).map(|(g, d)| g - d)) / norm(&mut differences.iter().copied())
}
