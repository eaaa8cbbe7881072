//! A proof with all that there is to tell of it: of the integer network and of the floats.

use super::automaton::Automaton;
use super::boxes::Open;
use super::certificate::Certificate;
use super::float::FloatProof;
use super::run::Runner;
use super::search::WalkOptions;
use super::verdict::{Proof, Verdict};
use crate::error::Result;
use crate::model::{Config, Model};
use crate::task::number::{to_uint, width_of_sum};
use crate::task::{BitTensor, Minibatch};
use crate::train::{Engine, Need, available_memory};
use serde::Serialize;
use std::time::Instant;

/// The most states that the automaton is made of.
const AUTOMATON: usize = 200_000;

/// What a walk over a network's states came to, and what it took.
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
    /// Steps to the furthest.
    pub depth: usize,
    /// Steps made.
    pub transitions: u64,
    /// In a second.
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
            transitions: walk.transitions,
            transitions_per_s: walk.transitions as f64 / walk.seconds,
            seconds: walk.seconds,
        }
    }
}

/// What is known of a net.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// Of the integer network.
    pub verdict: Verdict,
    /// Fractional bits of the carried state.
    pub q: u32,
    /// States seen.
    pub states: usize,
    /// Steps to the furthest.
    pub depth: usize,
    /// The least distance of an output to the wrong side.
    pub margin: Option<f64>,
    /// States of the smallest machine that does the same.
    pub automaton_states: Option<usize>,
    /// The shortest addition that goes wrong.
    pub counterexample: Option<Failure>,
    /// Of the integer network's proof.
    pub certificate_hash: Option<String>,
    /// Time of all walks.
    pub seconds: f64,
    /// The integer network.
    pub network_hash: String,
    /// Largest c of a standard LSTM.
    pub cell_limit: u8,
    /// Steps made.
    pub transitions: u64,
    /// What a state takes.
    pub bytes_per_state: f64,
    /// Of the floats.
    pub floats: FloatFindings,
    /// The integer network's certificate, if it is proved.
    #[serde(skip)]
    pub certificate: Option<Certificate>,
    /// The smallest machine that does the same, if all states are known.
    #[serde(skip)]
    pub automaton: Option<Automaton>,
    /// The proof of the floats, or why there is none.
    #[serde(skip)]
    pub float_proof: std::result::Result<FloatProof, Open>,
}

/// A wrong sum, and what is answered to it.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// First operand.
    pub a: String,
    /// Second operand.
    pub b: String,
    /// Steps up to the wrong bit and with it.
    pub bits: usize,
    /// What is right.
    pub sum: String,
    /// What the integer network answers.
    pub integer_answer: String,
    /// What the float net answers.
    pub float_answer: String,
}

/// What is proved of the floats.
#[derive(Debug, Default, Serialize)]
pub struct FloatFindings {
    /// Whether anything is.
    pub holds: bool,
    /// What errors of a step may be.
    pub epsilon: Option<f64>,
    /// Boxes of states.
    pub boxes: Option<usize>,
    /// Inputs that boxes are told apart by.
    pub memory: Option<u32>,
    /// The least distance of an output to the wrong side.
    pub margin: Option<f64>,
    /// The least distance of a state to the end of its box.
    pub room: Option<f64>,
    /// Of the floats' proof.
    pub certificate_hash: Option<String>,
    /// Time of the search.
    pub seconds: f64,
}

impl Findings {
    /// Those of a model and its last walk, where all walks took so long; the floats are proved here, and `engine` is asked for the float
    /// net's answers.
    pub fn of(model: &Model<f32>, proof: &Proof, seconds: f64, engine: &mut Engine<f32>) -> Self {
        let counterexample = proof.counterexample().map(|shortest| {
            let (a, b) = (shortest.a, shortest.b);
            let bits = shortest.bits.max(width_of_sum(&a, &b));
            let batch = Minibatch::from_pairs(&[(a.clone(), b.clone())], bits).expect("the width of the sum or more");
            let mut predicted = BitTensor::new(1, bits);
            engine.evaluate(&batch, Some(&mut predicted));
            Failure {
                sum: (&a + &b).to_string(),
                integer_answer: Runner::new(&proof.net).add_at(&a, &b, bits).to_string(),
                float_answer: to_uint(&predicted, 0).to_string(),
                bits: shortest.bits,
                a: a.to_string(),
                b: b.to_string(),
            }
        });
        let (certificate, automaton) = (Certificate::of(proof), Automaton::of(&proof.net, &proof.walk, AUTOMATON));
        let started = Instant::now();
        let float_proof = FloatProof::of(model);
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
            seconds,
            network_hash: proof.net.hash(),
            cell_limit: proof.net.format().cell_limit,
            transitions: walk.transitions,
            bytes_per_state: walk.bytes() as f64 / walk.states() as f64,
            floats: FloatFindings {
                seconds: started.elapsed().as_secs_f64(),
                ..float_proof.as_ref().map(FloatFindings::from).unwrap_or_default()
            },
            certificate,
            automaton,
            float_proof,
        }
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
            seconds: 0.0,
        }
    }
}

impl WalkOptions {
    /// The options with no more states than this machine has memory for.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if it has none for the net itself.
    pub fn afforded(mut self, config: &Config) -> Result<Self> {
        // The floats in an engine, and the integers as they are made.
        let net = Need::of_answers(config).times(2);
        net.afforded()?;
        let left = available_memory().map_or(f64::INFINITY, |bytes| bytes as f64 - net.total());
        let share = (left / self.bytes(config)).clamp(0.0, 1.0);
        if share < 1.0 {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a count")]
            let states = (self.max_states as f64 * share) as usize;
            self.max_states = states.max(1);
        }
        Ok(self)
    }
}
