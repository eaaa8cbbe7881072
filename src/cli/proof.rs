//! What is told about a proof, by every command that makes one.

use super::format::{at_least, count, duration, plural, rate};
use super::output::{BAD, FAINT, GOOD, Output, STRONG, styled};
use carrylane::model::{Config, Model};
use carrylane::prove::{Automaton, Certificate, Counterexample, FloatProof, Open, Proof, Runner, Verdict, WalkOptions};
use carrylane::task::number::{shorten, to_uint, width_of_sum};
use carrylane::task::{BitTensor, Minibatch};
use carrylane::train::{Engine, Need, available_memory};
use num_bigint::BigUint;
use serde::Serialize;
use std::time::Instant;

/// The most states that the automaton is made of.
const AUTOMATON: usize = 200_000;

/// A walk that this machine has the memory for, or a refusal if it has none for the net itself.
pub(super) fn affordable(mut options: WalkOptions, config: &Config, out: &Output) -> carrylane::Result<WalkOptions> {
    // The floats in an engine, and the integers as they are made.
    let net = Need::of_answers(config).times(2);
    net.afforded()?;
    let left = available_memory().map_or(f64::INFINITY, |bytes| bytes as f64 - net.total());
    let share = (left / options.bytes(config)).clamp(0.0, 1.0);
    if share < 1.0 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a count")]
        let states = ((options.max_states as f64 * share) as usize).max(1);
        options.max_states = states;
        out.warn(&format!(
            "memory holds some {} of this net: --max-states is taken for so many",
            plural(states as u64, "state")
        ));
    }
    Ok(options)
}

/// A proof with all that is told of it.
#[derive(Debug)]
pub(super) struct Told<'a> {
    pub(super) proof: &'a Proof,
    pub(super) certificate: Option<Certificate>,
    pub(super) automaton: Option<Automaton>,
    pub(super) floats: Result<FloatProof, Open>,
    float_seconds: f64,
    failure: Option<Failure>,
    seconds: f64,
}

/// A counterexample, and what is answered to it.
#[derive(Debug)]
struct Failure {
    shortest: Counterexample,
    expected: BigUint,
    integer: BigUint,
    float: BigUint,
}

/// The JSON line.
#[derive(Debug, Serialize)]
struct Line {
    verdict: String,
    q: u32,
    states: usize,
    depth: usize,
    margin: Option<f64>,
    automaton_states: Option<usize>,
    counterexample: Option<FailureLine>,
    certificate_hash: Option<String>,
    seconds: f64,
    network_hash: String,
    cell_limit: u8,
    transitions: u64,
    bytes_per_state: f64,
    floats: FloatLine,
}

/// What is proved of the floats.
#[derive(Debug, Serialize)]
struct FloatLine {
    holds: bool,
    epsilon: Option<f64>,
    boxes: Option<usize>,
    memory: Option<u32>,
    margin: Option<f64>,
    room: Option<f64>,
    certificate_hash: Option<String>,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct FailureLine {
    a: String,
    b: String,
    bits: usize,
    sum: String,
    integer_answer: String,
    float_answer: String,
}

impl<'a> Told<'a> {
    /// A proof, which took so long, of a model, and its engine. The floats are proved here.
    pub(super) fn new(proof: &'a Proof, seconds: f64, model: &Model<f32>, engine: &mut Engine<f32>) -> Self {
        let failure = proof.counterexample().map(|shortest| {
            let bits = shortest.bits.max(width_of_sum(&shortest.a, &shortest.b));
            let integer = Runner::new(&proof.net).add_at(&shortest.a, &shortest.b, bits);
            let (a, b) = (shortest.a.clone(), shortest.b.clone());
            Failure { expected: &a + &b, integer, float: float_answer(engine, a, b, bits), shortest }
        });
        let certificate = Certificate::of(proof);
        let automaton = Automaton::of(&proof.net, &proof.walk, AUTOMATON);
        let started = Instant::now();
        let floats = FloatProof::of(model);
        let float_seconds = started.elapsed().as_secs_f64();
        Self { proof, certificate, automaton, floats, float_seconds, failure, seconds }
    }

    /// Whether either theorem holds.
    pub(super) fn proved(&self) -> bool {
        self.floats.is_ok() || self.proof.verdict == Verdict::Proved
    }

    /// Says it in a few lines, and as a JSON line.
    pub(super) fn tell(&self, out: &mut Output) -> carrylane::Result<()> {
        self.tell_floats(out)?;
        let (proof, walk) = (self.proof, &self.proof.walk);
        let (q, states) = (proof.net.q(), plural(walk.states() as u64, "state"));
        match proof.verdict {
            Verdict::Proved => {
                let proved =
                    styled(GOOD, format!("proved (integer network, q = {q}): adds correctly at every bit width"));
                let (depth, margin) = (walk.depth, proof.margin());
                out.say(format!("{proved} ({states}, depth {depth}, least margin {margin:.3})"))?;
            }
            Verdict::Refuted => self.tell_failure(out)?,
            Verdict::Undecided => {
                let undecided = styled(BAD, "undecided");
                out.say(format!(
                    "{undecided}: {states} at q = {q} and more to go; try more --max-states or another --q"
                ))?;
            }
        }
        out.record("proof", &self.line())
    }

    fn tell_floats(&self, out: &mut Output) -> carrylane::Result<()> {
        let why = match &self.floats {
            Ok(FloatProof { memory, checked, .. }) => {
                let within = format!("any evaluation within ε = {}", at_least(checked.epsilon));
                let proved = styled(GOOD, format!("proved (floats, {within}): adds correctly at every bit width"));
                let (boxes, margin) = (checked.boxes, checked.margin);
                return out.say(format!("{proved} ({boxes} boxes, k = {memory}, least margin {margin:.3})"));
            }
            Err(Open::Answer) => "the answer may be wrong in the boxes that were tried",
            Err(Open::Unbounded) => "what it carries may grow without bound",
            Err(Open::Work) => "the search for boxes was given up",
        };
        out.say(format!("{}: {why}", styled(BAD, "not proved (floats)")))
    }

    fn tell_failure(&self, out: &mut Output) -> carrylane::Result<()> {
        let Some(Failure { shortest, expected, integer, float }) = &self.failure else { return Ok(()) };
        let [a, b, expected, integer, float] =
            [&shortest.a, &shortest.b, expected, integer, float].map(|n| shorten(&n.to_string()));
        let (bits, q) = (plural(shortest.bits as u64, "bit"), self.proof.net.q());
        let refuted = styled(BAD, format!("refuted: {a} + {b} = {expected}"));
        out.say(format!("{refuted}, and the integer network (q = {q}) answers {integer}, the float net {float}"))?;
        out.say(format!("no addition of fewer than {bits} goes wrong"))
    }

    fn line(&self) -> Line {
        let (proof, walk) = (self.proof, &self.proof.walk);
        let failure = self.failure.as_ref().map(|failure| FailureLine {
            a: failure.shortest.a.to_string(),
            b: failure.shortest.b.to_string(),
            bits: failure.shortest.bits,
            sum: failure.expected.to_string(),
            integer_answer: failure.integer.to_string(),
            float_answer: failure.float.to_string(),
        });
        Line {
            verdict: proof.verdict.to_string(),
            q: proof.net.q(),
            states: walk.states(),
            depth: walk.depth,
            margin: (walk.margin < i64::MAX).then(|| proof.margin()),
            automaton_states: self.automaton.as_ref().map(Automaton::states),
            counterexample: failure,
            certificate_hash: self.certificate.as_ref().map(Certificate::hash),
            seconds: self.seconds,
            network_hash: proof.net.hash(),
            cell_limit: proof.net.format().cell_limit,
            transitions: walk.transitions,
            bytes_per_state: walk.bytes() as f64 / walk.states() as f64,
            floats: self.float_line(),
        }
    }

    fn float_line(&self) -> FloatLine {
        let checked = self.floats.as_ref().ok().map(|floats| &floats.checked);
        FloatLine {
            holds: checked.is_some(),
            epsilon: checked.map(|checked| checked.epsilon),
            boxes: checked.map(|checked| checked.boxes),
            memory: self.floats.as_ref().ok().map(|floats| floats.memory),
            margin: checked.map(|checked| checked.margin),
            room: checked.map(|checked| checked.room),
            certificate_hash: self.floats.as_ref().ok().map(FloatProof::hash),
            seconds: self.float_seconds,
        }
    }

    /// How fast the walk was, and what it took.
    pub(super) fn speed(&self) -> String {
        let walk = &self.proof.walk;
        format!(
            "{} in {}, {} transitions/s, {} bytes a state",
            plural(walk.transitions, "transition"),
            duration(walk.seconds),
            rate(walk.transitions as f64 / walk.seconds),
            count((walk.bytes() / walk.states()) as u64)
        )
    }
}

/// What the float net answers, in so many steps.
fn float_answer(engine: &mut Engine<f32>, a: BigUint, b: BigUint, bits: usize) -> BigUint {
    let batch = Minibatch::from_pairs(&[(a, b)], bits).expect("the width of the sum or more");
    let mut predicted = BitTensor::new(1, bits);
    engine.evaluate(&batch, Some(&mut predicted));
    to_uint(&predicted, 0)
}

/// The table of a machine.
pub(super) fn automaton_table(machine: &Automaton, out: &mut Output) -> carrylane::Result<()> {
    /// States shown as a table; more are for pictures.
    const SHOWN: usize = 16;
    if machine.states() > SHOWN {
        return out.say(format!("carry automaton: {} states, too many for a table", count(machine.states() as u64)));
    }
    let title = if machine.is_full_adder() { "the full adder; its state is the carry" } else { "not the full adder" };
    out.say(styled(STRONG, format!("carry automaton, {} states: {title}", machine.states())))?;
    out.say(styled(FAINT, "  state  a  b   sum  next"))?;
    for (state, steps) in machine.steps.iter().enumerate() {
        for (x, (answer, next)) in steps.iter().enumerate() {
            out.say(format!("  {state:>5}  {}  {}   {:>3}  {next:>4}", x & 1, x >> 1, u8::from(*answer)))?;
        }
    }
    Ok(())
}
