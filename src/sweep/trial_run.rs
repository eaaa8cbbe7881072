//! One trial, run to its end on the thread that calls.

use super::record::{Divergence, FORM, Proved, ProvedFloats, TrialMachine, TrialOutcome, TrialRecord, curve_updates};
use super::trial::Trial;
use crate::error::Result;
use crate::model::weights_hash;
use crate::prove::{self, FloatProof, Learned};
use crate::task::PairSet;
use crate::task::rng::Purpose;
use crate::train::{Event, Listener, Outcome as Ended, Report, Trainer, score};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Runs a trial; `None` if it was stopped. An error is a result, so that the sweep continues.
///
/// `machine` is filled in by the caller, but for the level and the trial's time.
pub(super) fn run(trial: &Trial, machine: &TrialMachine, attempt: u32, stop: &Arc<AtomicBool>) -> Option<TrialRecord> {
    let start = Instant::now();
    let ended = catch_unwind(AssertUnwindSafe(|| trained(trial, machine, attempt, stop)));
    let error = match ended {
        Ok(Ok(None)) => return None,
        Ok(Ok(Some(mut record))) => {
            timed(&mut record.machine, start);
            return Some(record);
        }
        Ok(Err(error)) => error.to_string(),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            format!("a bug of carrylane: {}", text.unwrap_or_default())
        }
    };
    let mut record = TrialRecord::begun(trial, machine, attempt);
    record.error = Some(error);
    timed(&mut record.machine, start);
    Some(record)
}

/// Notes how long a trial took. Time that no part claims is the rest.
fn timed(machine: &mut TrialMachine, start: Instant) {
    machine.trial_seconds = start.elapsed().as_secs_f64();
    machine.times = machine.times.within(machine.trial_seconds);
}

impl TrialRecord {
    /// An empty record.
    fn begun(trial: &Trial, machine: &TrialMachine, attempt: u32) -> Self {
        Self {
            form: FORM,
            id: trial.id(),
            config: trial.clone(),
            outcome: TrialOutcome::Failed,
            error: None,
            diverged: None,
            proof: None,
            samples: 0,
            updates: 0,
            seconds: 0.0,
            pairs_wrong: 0,
            pairs_total: 0,
            wrong_by_bits: BTreeMap::new(),
            weights_hash: String::new(),
            curve: Vec::new(),
            version: env!("CARGO_PKG_VERSION").into(),
            attempt,
            machine: machine.clone(),
        }
    }
}

fn trained(trial: &Trial, machine: &TrialMachine, attempt: u32, stop: &Arc<AtomicBool>) -> Result<Option<TrialRecord>> {
    let mut trainer = Trainer::new(trial.settings.clone())?;
    trainer.stop_on(Arc::clone(stop));
    let mut curve = Vec::new();
    let mut points = curve_updates();
    let mut next = points.next();
    let mut on_event = Listener(|event: &Event| {
        if let Event::Update { update, bit_error, .. } = *event
            && Some(update) == next
        {
            #[expect(clippy::cast_possible_truncation, reason = "a share, of some hundred bits")]
            curve.push(bit_error as f32);
            next = points.next();
        }
    });
    let learned = prove::train(&mut trainer, &mut on_event)?;
    let (report, proved) = (&learned.report, learned.proved());
    let Some(outcome) = conclude(report, proved) else { return Ok(None) };
    let mut record = TrialRecord::begun(trial, machine, attempt);
    record.machine.level = trainer.settings().level.to_string();
    record.outcome = outcome;
    record.proof = Proved::of(&learned);
    record.samples = report.samples;
    record.updates = report.updates;
    record.seconds = report.seconds;
    record.pairs_wrong = report.score.wrong;
    record.pairs_total = report.score.total;
    record.curve = curve;
    record.machine.times = report.times;
    if outcome == TrialOutcome::Diverged {
        record.diverged = report.fault.map(|fault| Divergence { update: fault.update, tensor: fault.tensor.into() });
    } else {
        let testing = Instant::now();
        record.wrong_by_bits = tests(trial, &mut trainer);
        record.machine.times.tests += testing.elapsed().as_secs_f64();
    }
    record.weights_hash = weights_hash(&trainer.model().config, &trainer.model().params);
    Ok(Some(record))
}

/// The outcome of a finished training; `None` if it was stopped.
fn conclude(report: &Report, proved: bool) -> Option<TrialOutcome> {
    match report.outcome {
        Ended::Stopped => None,
        Ended::Diverged => Some(TrialOutcome::Diverged),
        Ended::Solved if proved => Some(TrialOutcome::Proved),
        Ended::Solved => Some(TrialOutcome::Solved),
        Ended::Unsolved => Some(TrialOutcome::Unsolved),
    }
}

impl Proved {
    /// The proof that a training found.
    fn of(learned: &Learned) -> Option<Self> {
        let proof = learned.proof.as_ref().filter(|_| learned.proved())?;
        let floats = learned.floats.as_ref().ok().map(|FloatProof { memory, checked, .. }| ProvedFloats {
            boxes: checked.boxes as u64,
            memory: *memory,
            epsilon: checked.epsilon,
            margin: checked.margin,
        });
        let (q, walk) = (proof.net.q(), &proof.walk);
        Some(Self { q, states: walk.states() as u64, depth: walk.depth as u64, margin: proof.margin(), floats })
    }
}

/// Wrong sums at each test width, of random ones from the trial's own stream.
fn tests(trial: &Trial, trainer: &mut Trainer) -> BTreeMap<usize, u64> {
    let engine = trainer.engine();
    let wrong_at = |bits| {
        let set = PairSet::uniform(bits, trial.tests.pairs, trial.settings.seed, Purpose::Eval);
        (bits, score(engine, &set).wrong)
    };
    trial.tests.widths().map(wrong_at).collect()
}
