//! The findings of a proof, about the integer network and about the floats.

use super::automaton::Automaton;
use super::boxes::Open;
use super::certificate::Certificate;
use super::check_float::CheckedFloat;
use super::float::FloatProof;
use super::net::{FixedPoint, IntegerNet};
use super::search::Verdict;
use super::verdict::{Counterexample, Proof};
use crate::task::number::width_of_sum;
use crate::train::{Engine, WorstSearch, WorstSum};
use num_bigint::BigUint;
use serde::Serialize;

/// The result and cost of a walk over a network's states.
#[derive(Debug, Clone, Serialize)]
pub struct WalkSummary {
    /// Verdict about the integer network.
    pub verdict: Verdict,
    /// Fractional bits of the carried state.
    pub q: u32,
    /// Largest c of a standard LSTM.
    pub cell_limit: u8,
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
        let (FixedPoint { q, cell_limit }, walk) = (proof.net.format(), &proof.walk);
        let (transitions, seconds) = (walk.transitions(), walk.seconds);
        Self {
            verdict: proof.verdict,
            q,
            cell_limit,
            states: walk.states(),
            depth: walk.depth,
            transitions,
            transitions_per_s: transitions as f64 / seconds,
            seconds,
        }
    }
}

/// What is known of a net.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// The last walk.
    #[serde(flatten)]
    pub walk: WalkSummary,
    /// The least distance of an output to the wrong side.
    pub margin: Option<f64>,
    /// States of the smallest machine that does what the network does.
    pub automaton_states: Option<usize>,
    /// The shortest addition that goes wrong.
    pub counterexample: Option<Failure>,
    /// Hash of the integer network's certificate.
    pub certificate_hash: Option<String>,
    /// The integer network.
    pub network_hash: String,
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
    /// Answer of the integer network, if it is that network's failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integer_answer: Option<String>,
    /// Answer of the float net.
    pub float_answer: String,
}

/// Findings about the floats.
#[derive(Debug, Default, Serialize)]
pub struct FloatFindings {
    /// Whether the floats are proved.
    pub holds: bool,
    /// Inputs that tell boxes apart.
    pub memory: Option<u32>,
    /// Hash of the floats' certificate.
    pub certificate_hash: Option<String>,
    /// The checker's statement.
    #[serde(flatten)]
    pub checked: Option<CheckedFloat>,
    /// The shortest addition known that goes wrong, if one was searched for; shorter ones may fail.
    pub shortest_known_failure: Option<Failure>,
}

impl Findings {
    /// The findings of a net's last walk and of its floats; `engine` gives the float net's answers.
    pub fn of(proof: &Proof, float_proof: Result<FloatProof, Open>, engine: &mut Engine<f32>) -> Self {
        let failure = |it: Counterexample| Failure::of(&it.a, &it.b, it.bits, Some(&proof.net), engine);
        let counterexample = proof.counterexample().map(failure);
        let (certificate, automaton) = (Certificate::of(proof), Automaton::of(&proof.walk));
        Self {
            walk: proof.into(),
            margin: (proof.walk.margin < i64::MAX).then(|| proof.margin()),
            automaton_states: automaton.as_ref().map(Automaton::states),
            counterexample,
            certificate_hash: certificate.as_ref().map(Certificate::hash),
            network_hash: proof.net.hash(),
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
            let failure = sum.map(|WorstSum { a, b, bit, .. }| Failure::of(&a, &b, bit + 1, None, engine));
            self.floats.shortest_known_failure = failure;
        }
        self
    }

    /// Whether either theorem holds.
    pub fn proved(&self) -> bool {
        self.floats.holds || self.walk.verdict == Verdict::Proved
    }
}

impl From<&FloatProof> for FloatFindings {
    fn from(proof: &FloatProof) -> Self {
        Self {
            holds: true,
            memory: Some(proof.memory),
            certificate_hash: Some(proof.hash()),
            checked: Some(proof.checked.clone()),
            shortest_known_failure: None,
        }
    }
}

impl Failure {
    /// The answers to `a + b`, whose bit `bits − 1` is wrong, of a network and of the net in an
    /// engine.
    fn of(a: &BigUint, b: &BigUint, bits: usize, net: Option<&IntegerNet>, engine: &mut Engine<f32>) -> Self {
        let steps = bits.max(width_of_sum(a, b));
        Self {
            a: a.to_string(),
            b: b.to_string(),
            bits,
            sum: (a + b).to_string(),
            integer_answer: net.map(|net| net.add(a, b, steps).to_string()),
            float_answer: engine.add(a, b, steps).to_string(),
        }
    }
}
