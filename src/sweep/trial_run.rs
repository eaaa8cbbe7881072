//! Trials, run to their end on the calling thread: one by itself, or many as lanes of a population.

use super::record::{Divergence, FORM, Proved, ProvedFloats, TrialMachine, TrialOutcome, TrialRecord, has_point};
use super::trial::Trial;
use crate::error::{Result, panic_text};
use crate::model::weights_hash;
use crate::prove::{self, FloatProof, Learned};
use crate::task::PairSet;
use crate::task::rng::Purpose;
use crate::train::{Event, PopulationEvent, Trainer, Trees, population, score};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// A trial that is to be run, or under way.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    trial: Trial,
    attempt: u32,
    curve: Vec<f32>,
}

/// What all trials of a worker share.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    /// Filled in, but for the level and the times of a trial.
    pub(super) machine: &'a TrialMachine,
    pub(super) stop: &'a Arc<AtomicBool>,
}

thread_local! {
    /// The trees of a thread's last trial: the next one has the same checks and tests.
    static LAST: Cell<Option<Trees<f32>>> = const { Cell::new(None) };
}

impl Attempt {
    /// A trial that is run so many times with this one.
    pub(super) fn new(trial: Trial, attempt: u32) -> Self {
        Self { trial, attempt, curve: Vec::new() }
    }

    fn note(&mut self, event: &Event) {
        if let Event::Update { update, bit_error, .. } = *event
            && has_point(update)
        {
            #[expect(clippy::cast_possible_truncation, reason = "a share, of some hundred bits")]
            self.curve.push(bit_error as f32);
        }
    }
}

impl Worker<'_> {
    /// Runs a trial; `None` if it was stopped. An error is a result, so that the sweep continues.
    pub(super) fn run(&self, mut attempt: Attempt) -> Option<TrialRecord> {
        let start = Instant::now();
        let mut record = match catch_unwind(AssertUnwindSafe(|| self.trained(&mut attempt))) {
            Ok(Ok(record)) => record?,
            Ok(Err(error)) => self.failed(&attempt, error.to_string()),
            Err(panic) => self.failed(&attempt, format!("a bug of carrylane: {}", panic_text(&*panic))),
        };
        record.machine.trial_seconds = start.elapsed().as_secs_f64();
        record.machine.times = record.machine.times.within(record.machine.trial_seconds);
        Some(record)
    }

    /// Runs trials that [share lanes](crate::train::Settings::lanes). Each begins when a lane is
    /// free, and its record is told as it ends. Its times are its share of the time of all.
    pub(super) fn run_side_by_side(&self, mut next: impl FnMut() -> Option<Attempt>, mut on: impl FnMut(TrialRecord)) {
        let under_way = RefCell::new(BTreeMap::new());
        let trainings = (0..).map_while(|number| {
            let attempt = next()?;
            Some(self.trainer(under_way.borrow_mut().entry(number).or_insert(attempt)))
        });
        // What goes wrong among many is found where each is alone, and the others have the same
        // results there.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            population(trainings, |number, told| match told {
                PopulationEvent::Event(event) => {
                    under_way.borrow_mut().get_mut(&number).expect("under way").note(&event)
                }
                PopulationEvent::Ended(trainer, report) => {
                    let record = self.record(&under_way.borrow()[&number], trainer, &Learned::unproved(report));
                    under_way.borrow_mut().remove(&number);
                    record.into_iter().for_each(&mut on);
                }
            })
        }));
        let left = under_way.into_inner().into_values();
        left.filter_map(|Attempt { trial, attempt, .. }| self.run(Attempt::new(trial, attempt))).for_each(on);
    }

    fn trainer(&self, attempt: &Attempt) -> Result<Trainer> {
        let mut trainer = Trainer::new(attempt.trial.settings.clone())?;
        trainer.stop_on(Arc::clone(self.stop));
        Ok(trainer)
    }

    fn trained(&self, attempt: &mut Attempt) -> Result<Option<TrialRecord>> {
        let mut trainer = self.trainer(attempt)?;
        LAST.take().into_iter().for_each(|trees| trainer.take_trees(trees));
        let learned = prove::train(&mut trainer, &mut |event: &Event| attempt.note(event))?;
        let record = self.record(attempt, &mut trainer, &learned);
        LAST.set(Some(trainer.into_trees()));
        Ok(record)
    }

    /// The record of a training that has ended; `None` if it was stopped.
    fn record(&self, attempt: &Attempt, trainer: &mut Trainer, learned: &Learned) -> Option<TrialRecord> {
        // A training that was stopped is no outcome of a trial.
        let outcome: TrialOutcome = learned.outcome().parse().ok()?;
        let (report, mut times, mut wrong_by_bits) = (&learned.report, learned.report.times, BTreeMap::new());
        if outcome != TrialOutcome::Diverged {
            let testing = Instant::now();
            wrong_by_bits = tests(&attempt.trial, trainer);
            times.tests += testing.elapsed().as_secs_f64();
        }
        let level = trainer.settings().level.to_string();
        Some(TrialRecord {
            outcome,
            diverged: report.fault.map(|fault| Divergence { update: fault.update, tensor: fault.tensor.into() }),
            proof: Proved::of(learned),
            samples: report.samples,
            updates: report.updates,
            seconds: report.seconds,
            pairs_wrong: report.score.wrong,
            pairs_total: report.score.total,
            wrong_by_bits,
            weights_hash: weights_hash(&trainer.model().config, &trainer.model().params),
            curve: attempt.curve.clone(),
            machine: TrialMachine { level, times, trial_seconds: times.total(), ..self.machine.clone() },
            ..self.begun(attempt)
        })
    }

    fn failed(&self, attempt: &Attempt, error: String) -> TrialRecord {
        TrialRecord { error: Some(error), ..self.begun(attempt) }
    }

    /// An empty record.
    fn begun(&self, Attempt { trial, attempt, .. }: &Attempt) -> TrialRecord {
        TrialRecord {
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
            attempt: *attempt,
            machine: self.machine.clone(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Choices;
    use std::collections::BTreeSet;

    #[test]
    fn a_trial_that_fails_among_many_leaves_the_others_what_they_get_alone() {
        let trial = |seed: u64| {
            let choices = [("hidden", 3), ("bits", 3), ("batch", 8), ("updates", 70), ("seed", seed)];
            let mut trial = Trial::of(&choices.map(|(name, n)| (name, n.into())).into_iter().collect::<Choices>())
                .expect("a trial");
            // What no plan lets pass.
            trial.settings.bits = if seed == 5 { 0 } else { 3 };
            Attempt::new(trial, 1)
        };
        let worker = Worker { machine: &super::super::run::machine(1), stop: &Arc::new(AtomicBool::new(false)) };
        let (mut seeds, mut found) = (0..20, BTreeSet::new());
        worker.run_side_by_side(
            || seeds.next().map(trial),
            |record| {
                assert!(found.insert((record.config.settings.seed, record.weights_hash)), "told of once");
                assert_eq!(record.error.is_some(), record.config.settings.seed == 5, "{:?}", record.error);
            },
        );
        // What began after it is the next group's.
        let wanted = |seed| (seed, worker.run(trial(seed)).expect("nobody stops it").weights_hash);
        assert_eq!(found, (0..6).map(wanted).collect(), "the five before it, and itself");
        assert_eq!(seeds.next(), Some(6), "nobody else was begun");
    }
}
