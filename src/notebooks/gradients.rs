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
use super::elman::{self, DrawOrder, NotebookNet, Rules, Tape};
use super::lstm::{self, Form, Lstm, LstmTape};
use super::names::Delta;
use super::numpy::Legacy;
use super::online::{Scale, no_scale, set_scales, symmetric};
use super::{n000_dynamic, n002};

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
    let mut rows = Vec::new();
    dynamic_of_000(&mut rows);
    recursions_of_002(&mut rows);
    slopes_of_003(&mut rows);
    lstm_of_004(&mut rows);
    vanilla_of_004(&mut rows);
    rows
}

fn dynamic_of_000(rows: &mut Vec<DefectRow>) {
    let trial = Setup { seed: 19, scale: n000_dynamic::scale, ..SETUP }.trial("000-dynamic");
    let exact = elman::EXACT;
    let later = Rules { dh_from_later: defects::later_without_scale, ..exact };
    let weights = Rules { scale_of_w_hh: defects::no_scale, ..exact };
    trial.row(rows, "no scale on the error of the later step", &later);
    trial.row(rows, "no scale in the gradient of the recurrent weights", &weights);
    trial.row(rows, "neither scale, as written", &defects::WITHOUT_SCALES);
}

fn recursions_of_002(rows: &mut Vec<DefectRow>) {
    let trial = SETUP.trial("002");
    trial.row(rows, "hidden error from the explicit part of the later one only", &n002::rules(Delta::Explicit));
    trial.row(rows, "slope of the later hidden state multiplied in twice", &n002::rules(Delta::Code));
    trial.entrywise_row(rows, "recursion multiplied entry by entry");
}

fn slopes_of_003(rows: &mut Vec<DefectRow>) {
    let exact = elman::EXACT;
    let squashed = Rules { slope: defects::slope_of_squashed, ..exact };
    let from_output = Rules { output_weights: defects::output_for_hidden, ..exact };
    let sigmoid = SETUP.trial("003");
    let tanh = Setup { seed: 2, phi: Tanh, ..SETUP }.trial("003");
    // A step that carries no unit across its corner.
    let relu = Setup { phi: Relu, draw: |rng| 0.25 * symmetric(rng), step: 1e-5, ..SETUP }.trial("003");
    sigmoid.row(rows, "slope of the squashed value, sigmoid", &squashed);
    tanh.row(rows, "slope of the squashed value, tanh", &squashed);
    sigmoid.row(rows, "output weights learn from the output, not the hidden layer", &from_output);
    sigmoid.row(rows, "both, as written, sigmoid", &defects::AS_003);
    tanh.row(rows, "both, as written, tanh", &defects::AS_003);
    relu.row(rows, "both, as written, relu", &defects::AS_003);
}

fn lstm_of_004(rows: &mut Vec<DefectRow>) {
    let trial = LstmTrial::new(Form::Notebook);
    let exact = lstm::EXACT;
    let untransposed = lstm::Rules { dh_from_gate: defects::gate_untransposed, ..exact };
    trial.row(rows, "recurrent matrices not transposed", &untransposed);
    trial.row(rows, "tanh′ of a tanh", &lstm::Rules { tanh_slope: defects::tanh_slope_of_tanh, ..exact });
    trial.row(rows, "no carry through the cell", &lstm::Rules { carry: defects::no_carry, ..exact });
}

fn vanilla_of_004(rows: &mut Vec<DefectRow>) {
    let trial = Setup { hidden: 8, bits: 4, draw: Legacy::standard_normal, ..SETUP }.trial("004");
    let exact = elman::EXACT;
    let untransposed = Rules { dh_from_later: defects::untransposed, ..exact };
    let later = Rules { state_of_w_hh: defects::later_state, ..exact };
    trial.row(rows, "vanilla net: recurrent matrix not transposed", &untransposed);
    trial.row(rows, "vanilla net: later instead of earlier hidden state", &later);
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

/// A random Elman net with a minibatch, and the difference quotients of its loss.
struct ElmanTrial {
    notebook: &'static str,
    net: NotebookNet,
    tapes: Vec<Tape>,
    differences: Vec<f64>,
}

impl Setup {
    fn trial(self, notebook: &'static str) -> ElmanTrial {
        let mut rng = Legacy::new(self.seed);
        let net = NotebookNet::draw(&mut rng, self.hidden, DrawOrder::OutputLast, self.draw);
        let mut tapes = Vec::new();
        for (a, b) in minibatch(&mut rng, self.bits) {
            let mut tape = Tape::new(self.bits, self.hidden, self.phi, Sigmoid);
            tape.load(a, b);
            set_scales(&mut tape, self.scale);
            net.forward(&mut tape);
            tapes.push(tape);
        }
        let (mut moved, mut scratch) = (net.clone(), tapes.clone());
        // The notebooks have no biases, or comment them out: the weights alone are compared.
        let differences = difference_quotients(&net.params[..net.weights()], self.step, |params| {
            moved.params[..params.len()].copy_from_slice(params);
            scratch.iter_mut().map(|tape| (moved.forward(tape), tape.loss()).1).sum()
        });
        ElmanTrial { notebook, net, tapes, differences }
    }
}

impl ElmanTrial {
    fn gradient(&self, rules: &Rules) -> Vec<f64> {
        let mut gradient = NotebookNet::zeros(self.net.hidden);
        for tape in &self.tapes {
            self.net.backward_acc(tape, rules, &mut gradient);
        }
        gradient.params.truncate(self.net.weights());
        gradient.params
    }

    fn row(&self, rows: &mut Vec<DefectRow>, defect: &'static str, rules: &Rules) {
        let error_with = relative_error(&self.gradient(rules), &self.differences);
        let error_without = relative_error(&self.gradient(&elman::EXACT), &self.differences);
        rows.push(DefectRow { notebook: self.notebook, defect, error_with, error_without });
    }

    /// The entry-by-entry recursion of 002, which gives and compares the recurrent weights'
    /// gradient only.
    fn entrywise_row(&self, rows: &mut Vec<DefectRow>, defect: &'static str) {
        let hidden = self.net.hidden;
        let recurrent = 2 * hidden..2 * hidden + hidden * hidden;
        let mut dw_hh = vec![0.0; recurrent.len()];
        for tape in &self.tapes {
            defects::entrywise_recursion(&self.net, tape, &mut dw_hh);
        }
        let differences = &self.differences[recurrent.clone()];
        let error_with = relative_error(&dw_hh, differences);
        let error_without = relative_error(&self.gradient(&elman::EXACT)[recurrent], differences);
        rows.push(DefectRow { notebook: self.notebook, defect, error_with, error_without });
    }
}

/// A random LSTM with a minibatch, and the difference quotients of its loss.
struct LstmTrial {
    net: Lstm,
    tapes: Vec<LstmTape>,
    differences: Vec<f64>,
}

impl LstmTrial {
    fn new(form: Form) -> Self {
        let mut rng = Legacy::new(SETUP.seed);
        let net = Lstm::draw(&mut rng, SETUP.hidden, Legacy::standard_normal);
        let mut tapes = Vec::new();
        for (a, b) in minibatch(&mut rng, SETUP.bits) {
            let mut tape = LstmTape::new(SETUP.bits, SETUP.hidden, form);
            tape.load(a, b);
            net.forward(&mut tape, f64::tanh, |_| ());
            tapes.push(tape);
        }
        let (mut moved, mut scratch) = (net.clone(), tapes.clone());
        let differences = difference_quotients(&net.params, SETUP.step, |params| {
            moved.params.copy_from_slice(params);
            scratch.iter_mut().map(|tape| (moved.forward(tape, f64::tanh, |_| ()), tape.loss()).1).sum()
        });
        Self { net, tapes, differences }
    }

    fn error(&self, rules: &lstm::Rules) -> f64 {
        let mut gradient = Lstm::zeros(SETUP.hidden);
        for tape in &self.tapes {
            self.net.backward_acc(tape, rules, &mut gradient);
        }
        relative_error(&gradient.params, &self.differences)
    }

    fn row(&self, rows: &mut Vec<DefectRow>, defect: &'static str, rules: &lstm::Rules) {
        let (error_with, error_without) = (self.error(rules), self.error(&lstm::EXACT));
        rows.push(DefectRow { notebook: "004", defect, error_with, error_without });
    }
}

/// Operands of one bit less than the sum.
fn minibatch(rng: &mut Legacy, bits: usize) -> Vec<(u32, u32)> {
    let high = 1 << (bits - 1);
    (0..BATCH).map(|_| (rng.below(high), rng.below(high))).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_lstm_have_an_exact_gradient() {
        for form in [Form::Notebook, Form::Standard] {
            let error = LstmTrial::new(form).error(&lstm::EXACT);
            assert!(error <= 1e-8, "{form:?}: {error:e}");
        }
    }
}
