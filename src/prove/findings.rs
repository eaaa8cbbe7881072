//! The findings of a proof, about the integer network and about the floats.

use super::automaton::Automaton;
use super::boxes::Open;
use super::certificate::Certificate;
use super::float::FloatProof;
use super::run::Runner;
use super::search::Verdict;
use super::verdict::Proof;
use crate::task::number::{to_uint, width_of_sum};
use crate::task::{BitTensor, Minibatch};
use crate::train::{Engine, WorstSearch, WorstSum};
use num_bigint::BigUint;
use serde::Serialize;

/// The result and cost of a walk over a network's states.
#[derive(Debug, Clone, Serialize)]
pub struct WalkSummary {
    /// Fractional bits of the carried state.
    pub q: u32,
    /// Largest c of a standard LSTM.
    pub cell_limit: u8,
    /// `proved`, `refuted` or `undecided`.
    pub verdict: Verdict,
    /// States seen.
    pub states: usize,
    /// Steps to the furthest state.
    pub depth: usize,
    /// Steps made.
    pub transitions: u64,
    /// Steps made in a second.
    pub transitions_per_s: f64,
    /// Time of the walk.
    pub seconds: f64,
}

impl From<&Proof> for WalkSummary {
    fn from(proof: &Proof) -> Self {
        let (format, walk) = (proof.net.format(), &proof.walk);
        Self {
            q: format.q,
            cell_limit: format.cell_limit,
            verdict: proof.verdict,
            states: walk.states(),
            depth: walk.depth,
            transitions: walk.transitions(),
            transitions_per_s: walk.transitions() as f64 / walk.seconds,
            seconds: walk.seconds,
        }
    }
}

/// What is known of a net.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// Verdict about the integer network.
    pub verdict: Verdict,
    /// Fractional bits of the carried state.
    pub q: u32,
    /// States seen.
    pub states: usize,
    /// Steps to the furthest state.
    pub depth: usize,
    /// The least distance of an output to the wrong side.
    pub margin: Option<f64>,
    /// States of the smallest machine that does what the network does.
    pub automaton_states: Option<usize>,
    /// The shortest addition that goes wrong.
    pub counterexample: Option<Failure>,
    /// Hash of the integer network's certificate.
    pub certificate_hash: Option<String>,
    /// Time of the walk.
    pub seconds: f64,
    /// The integer network.
    pub network_hash: String,
    /// Largest c of a standard LSTM.
    pub cell_limit: u8,
    /// Steps made.
    pub transitions: u64,
    /// Findings about the floats.
    pub floats: FloatFindings,
    /// The integer network's certificate, if it is proved.
    #[serde(skip)]
    pub certificate: Option<Certificate>,
    /// The smallest machine that does what the network does, if all states are known.
    #[serde(skip)]
    pub automaton: Option<Automaton>,
    /// The proof of the floats, or why there is none.
    #[serde(skip)]
    pub float_proof: Result<FloatProof, Open>,
}

/// A wrong sum, and the answers to it.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// First operand.
    pub a: String,
    /// Second operand.
    pub b: String,
    /// Steps up to the wrong bit and with it.
    pub bits: usize,
    /// The right sum.
    pub sum: String,
    /// Answer of the integer network.
    pub integer_answer: String,
    /// Answer of the float net.
    pub float_answer: String,
}

/// Findings about the floats.
#[derive(Debug, Default, Serialize)]
pub struct FloatFindings {
    /// Whether the floats are proved.
    pub holds: bool,
    /// Errors that a step may have.
    pub epsilon: Option<f64>,
    /// Boxes of states.
    pub boxes: Option<usize>,
    /// Inputs that tell boxes apart.
    pub memory: Option<u32>,
    /// The least distance of an output to the wrong side.
    pub margin: Option<f64>,
    /// The least distance of a state to the end of its box.
    pub room: Option<f64>,
    /// Hash of the floats' certificate.
    pub certificate_hash: Option<String>,
    /// The shortest addition known that goes wrong, if one was searched for.
    pub shortest_known_failure: Option<FloatFailure>,
}

/// A sum that the float net gets wrong; shorter ones may fail.
#[derive(Debug, Serialize)]
pub struct FloatFailure {
    /// First operand.
    pub a: String,
    /// Second operand.
    pub b: String,
    /// Steps up to the wrong bit and with it.
    pub bits: usize,
    /// The right sum.
    pub sum: String,
    /// Answer of the float net.
    pub answer: String,
}

impl Findings {
    /// The findings of a net's last walk and of its floats; `engine` gives the float net's answers.
    pub fn of(proof: &Proof, float_proof: Result<FloatProof, Open>, engine: &mut Engine<f32>) -> Self {
        let counterexample = proof.counterexample().map(|shortest| {
            let (a, b) = (shortest.a, shortest.b);
            let bits = shortest.bits.max(width_of_sum(&a, &b));
            Failure {
                sum: (&a + &b).to_string(),
                integer_answer: Runner::new(&proof.net).add_at(&a, &b, bits).to_string(),
                float_answer: float_answer(engine, &a, &b, bits),
                bits: shortest.bits,
                a: a.to_string(),
                b: b.to_string(),
            }
        });
        let (certificate, automaton) = (Certificate::of(proof), Automaton::of(&proof.walk));
        let walk = &proof.walk;
        Self {
            verdict: proof.verdict,
            q: proof.net.q(),
            states: walk.states(),
            depth: walk.depth,
            margin: (walk.margin < i64::MAX).then(|| proof.margin()),
            automaton_states: automaton.as_ref().map(Automaton::states),
            counterexample,
            certificate_hash: certificate.as_ref().map(Certificate::hash),
            seconds: walk.seconds,
            network_hash: proof.net.hash(),
            cell_limit: proof.net.format().cell_limit,
            transitions: walk.transitions(),
            floats: float_proof.as_ref().map(FloatFindings::from).unwrap_or_default(),
            certificate,
            automaton,
            float_proof,
        }
    }

    /// Adds the shortest failing addition that a search finds, if the floats are not proved.
    #[must_use]
    pub fn searched(mut self, engine: &mut Engine<f32>) -> Self {
        /// Enough to see a slow drift.
        const BITS: usize = 1024;
        if self.float_proof.is_err() {
            let sum = engine.worst_sum(&WorstSearch::within(BITS), || true).filter(WorstSum::wrong);
            self.floats.shortest_known_failure = sum.map(|WorstSum { a, b, bit, .. }| FloatFailure {
                bits: bit + 1,
                sum: (&a + &b).to_string(),
                answer: float_answer(engine, &a, &b, width_of_sum(&a, &b).max(bit + 1)),
                a: a.to_string(),
                b: b.to_string(),
            });
        }
        self
    }

    /// Whether either theorem holds.
    pub fn proved(&self) -> bool {
        self.floats.holds || self.verdict == Verdict::Proved
    }
}

impl From<&FloatProof> for FloatFindings {
    fn from(proof: &FloatProof) -> Self {
        let checked = &proof.checked;
        Self {
            holds: true,
            epsilon: Some(checked.epsilon),
            boxes: Some(checked.boxes),
            memory: Some(proof.memory),
            margin: Some(checked.margin),
            room: Some(checked.room),
            certificate_hash: Some(proof.hash()),
            shortest_known_failure: None,
        }
    }
}

/// The answer of the net in an engine, in `bits` steps.
fn float_answer(engine: &mut Engine<f32>, a: &BigUint, b: &BigUint, bits: usize) -> String {
    let batch = Minibatch::from_pairs(&[(a.clone(), b.clone())], bits).expect("the width of the sum or more");
    let mut predicted = BitTensor::new(1, bits);
    engine.evaluate(&batch, Some(&mut predicted));
    to_uint(&predicted, 0).to_string()
}
