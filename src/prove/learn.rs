//! Training on until the proofs pass.
//!
//! A net that has just solved its task holds its carry anywhere; rounded, it drifts. Noise on what it carries, ramped in once it has solved
//! the task, moves the states apart until rounding changes nothing: then a coarse integer network is proved within some hundred states.
//! Boxes of the floats then close as well, and both theorems hold for one and the same net. Where they have not by half of the budget, or
//! cannot be expected to, the integer network's proof is enough.
//!
//! Every so often a proof is tried, and how many nodes it may take follows from the work of the updates so far, not from a clock, so
//! that the same settings give the same net and the same proof on every machine.

use super::float::FloatProof;
use super::net::{Format, IntegerNet};
use super::search::WalkOptions;
use super::verdict::{Proof, Verdict};
use crate::error::Result;
use crate::model::{Activation, Cell, LstmForm};
use crate::train::{Check, Event, Listener, Outcome, Pursuit, Report, Settings, Trainer, Until, Watch};
use std::time::Instant;

/// How a net is trained for its proof.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// Amplitude of the noise on h; that on an LSTM's c is a multiple of it.
    pub noise: f32,
    /// Updates over which it grows from 0.
    pub ramp: u64,
    /// The walk of a proof.
    pub walk: WalkOptions,
}

impl Plan {
    /// What the settings say, or what is usual for such a net.
    pub fn of(settings: &Settings) -> Self {
        let said = |until| match until {
            Until::Proved { noise, max_states, .. } => Some((noise, max_states)),
            _ => None,
        };
        let usual = || said(Until::proved(&settings.config, 0));
        let (noise, max_states) = said(settings.until).or_else(usual).expect("one is for a proof");
        let walk = WalkOptions { max_states, level: settings.level, threads: settings.threads, past_errors: false };
        Self { noise, ramp: 100, walk }
    }
}

impl Plan {
    /// Noise on h and c, so many updates after the task was solved. For floats, where they are not proved soon, it goes on growing; an LSTM
    /// with so much of it on c that only the sign of c is left learns to do without c.
    fn noise_at(&self, updates: u64, floats: bool) -> [f32; 2] {
        /// Updates after which it grows on, in which it grows by its own amplitude, and how much it becomes.
        const GROWTH: [f64; 3] = [500.0, 2000.0, 2.5];
        let [soon, again, most] = GROWTH;
        let since = updates as f64 + 1.0;
        let ramp = (since / self.ramp.max(1) as f64).min(1.0);
        let strength = if floats { (ramp + (since - soon).max(0.0) / again).min(most) } else { ramp };
        #[expect(clippy::cast_possible_truncation, reason = "a share of the amplitude")]
        let noise = self.noise * strength as f32;
        [noise, if floats { 10.0 * noise } else { noise }]
    }
}

/// What training for a proof came to.
#[derive(Debug)]
pub struct Learned {
    /// The training, from its start.
    pub report: Report,
    /// The last walk that was tried: the proof, if it is proved; none if the task was not solved.
    pub proof: Option<Proof>,
    /// Proofs tried.
    pub tried: u64,
}

impl Learned {
    /// How the training ended, in a word.
    pub fn outcome(&self) -> &'static str {
        if self.proved() { "proved" } else { self.report.outcome.name() }
    }

    /// Whether the net is proved.
    pub fn proved(&self) -> bool {
        self.proof.as_ref().is_some_and(|proof| proof.verdict == Verdict::Proved)
    }
}

/// Updates between two tries.
const EVERY: u64 = 25;
/// The share of the work that goes into proofs.
const SHARE: f64 = 0.15;
/// Nodes that a walk must be allowed to be worth starting.
const LEAST: f64 = 16.0;
/// Nodes that a walk costs before its first one: making the network and its buffers.
const START: f64 = 40.0;

/// Trains to the end that the settings name, a proof if it is one, with someone who looks on.
///
/// # Errors
/// As [`until_proved`] says, and those of the one who looks on.
pub fn train(trainer: &mut Trainer, watch: &mut impl Watch) -> Result<Learned> {
    if let Until::Proved { budget, .. } = trainer.settings().until {
        return until_proved_watched(trainer, &Plan::of(trainer.settings()), budget, watch);
    }
    Ok(Learned { report: trainer.run_watched(watch)?, proof: None, tried: 0 })
}

/// Trains to the end that the settings name, and if the task is solved, on until the net is proved and still solves it, for at most
/// `budget` updates in all. A trainer that was [resumed](crate::train::Checkpoint::resume) goes on where it was, in either stage.
///
/// # Errors
/// As [`Trainer::run`] says, and [`Error::Usage`](crate::Error::Usage) if the weights outgrow the fixed point.
pub fn until_proved(trainer: &mut Trainer, plan: &Plan, budget: u64, on_event: impl FnMut(&Event)) -> Result<Learned> {
    until_proved_watched(trainer, plan, budget, &mut Listener(on_event))
}

/// The same with someone who looks on.
///
/// # Errors
/// As [`until_proved`] says, and those of the one who looks on.
pub fn until_proved_watched(
    trainer: &mut Trainer,
    plan: &Plan,
    budget: u64,
    watch: &mut impl Watch,
) -> Result<Learned> {
    let mut pursuit = match trainer.course().pursuit {
        Some(pursuit) => pursuit,
        None => {
            let report = trainer.run_watched(watch)?;
            if report.outcome != Outcome::Solved {
                return Ok(Learned { report, proof: None, tried: 0 });
            }
            let credit = credit_of_an_update(trainer.settings()) * report.updates as f64;
            Pursuit { first: report.updates, due: 0, credit, want: LEAST, tried: 0 }
        }
    };
    trainer.set_pursuit(pursuit);
    trainer.run_clock(true);
    let ended = pursue(trainer, plan, budget, &mut pursuit, watch);
    trainer.run_clock(false);
    let (check, outcome, proof) = ended?;
    let report = trainer.report(&check, outcome, watch);
    Ok(Learned { report, proof, tried: pursuit.tried })
}

/// The second stage: steps with noise, and proofs now and then.
fn pursue(
    trainer: &mut Trainer,
    plan: &Plan,
    budget: u64,
    pursuit: &mut Pursuit,
    watch: &mut impl Watch,
) -> Result<(Check, Outcome, Option<Proof>)> {
    let settings = trainer.settings().clone();
    let check = Check::of(&settings)?;
    let mut last = None;
    loop {
        let floats = trainer.updates() < budget / 2 && proves_floats(&settings);
        if pursuit.due == 0 {
            let Some(passed) = attempt(trainer, (plan, floats), &check, pursuit, &mut last, watch)? else {
                // The trainer still has the pursuit of before the attempt, which is made again by whoever goes on from here.
                return Ok((check, Outcome::Stopped, last));
            };
            pursuit.due = EVERY;
            if passed {
                return Ok((check, Outcome::Solved, last));
            }
        }
        if trainer.stopped() || trainer.updates() >= budget {
            // An attempt that was just made is noted, so that whoever goes on from here does not make it twice.
            trainer.set_pursuit(*pursuit);
            let outcome = if trainer.stopped() { Outcome::Stopped } else { Outcome::Unsolved };
            return Ok((check, outcome, last));
        }
        trainer.set_noise(plan.noise_at(trainer.updates() - pursuit.first, floats), Format::CELL_LIMIT.into());
        let tally = trainer.step();
        watch.event(&trainer.told(&tally))?;
        if trainer.fault().is_some() {
            return Ok((check, Outcome::Diverged, last));
        }
        pursuit.credit += credit_of_an_update(&settings);
        pursuit.due -= 1;
        trainer.set_pursuit(*pursuit);
        watch.update_done(trainer)?;
    }
}

/// Whether training for a proof leads nets of a kind to one of their floats.
fn proves_floats(settings: &Settings) -> bool {
    settings.config.cell != Cell::Dynamic && settings.config.activation != Activation::Relu
}

/// Tries a proof at each format that the credit allows, if `floats`, once the floats are proved; whether one passed, which is then the last.
/// Nothing if it was told to stop.
fn attempt(
    trainer: &mut Trainer,
    (plan, floats): (&Plan, bool),
    check: &Check,
    pursuit: &mut Pursuit,
    last: &mut Option<Proof>,
    watch: &mut impl Watch,
) -> Result<Option<bool>> {
    // A walk that was cut off is worth another only when it may go twice as far. Floats are not proved while the noise is young.
    let young = floats && trainer.updates() - pursuit.first < 2 * plan.ramp;
    if pursuit.credit / 2.0 - START < pursuit.want || young {
        return Ok(Some(false));
    }
    if floats {
        let proving = Instant::now();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of the work")]
        let work = (SHARE * EVERY as f64 * work(trainer.settings())) as usize;
        let proved = FloatProof::within(trainer.model(), work).is_ok();
        trainer.proved_since(proving);
        if !proved {
            return Ok(Some(false));
        }
    }
    pursuit.want = LEAST;
    for format in formats(trainer.settings()) {
        let share = (pursuit.credit / 2.0 - START).max(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of nodes, rounded down")]
        let limit = plan.walk.max_states.min(share as usize);
        if share < LEAST {
            break;
        }
        let proving = Instant::now();
        let found =
            Proof::of(IntegerNet::new(trainer.model(), format)?, &WalkOptions { max_states: limit, ..plan.walk });
        trainer.proved_since(proving);
        pursuit.credit -= found.walk.states() as f64 + START;
        pursuit.tried += 1;
        if found.verdict == Verdict::Undecided && pursuit.want == LEAST {
            pursuit.want = 2.0 * share;
        }
        let proved = found.verdict == Verdict::Proved;
        *last = Some(found);
        if proved {
            match trainer.passes(check, watch) {
                Some(false) => {}
                passed_or_stopped => return Ok(passed_or_stopped),
            }
        }
    }
    Ok(Some(false))
}

/// Nodes that proofs may take for each update.
fn credit_of_an_update(settings: &Settings) -> f64 {
    SHARE * update_cost(settings) / node_cost(settings)
}

/// Formats that are tried in training: the coarse ones, to which noise drives nets.
fn formats(settings: &Settings) -> Vec<Format> {
    let lstm = (settings.config.cell, settings.config.lstm_form) == (Cell::Lstm, LstmForm::Standard);
    (0..=if lstm { 2 } else { 3 }).map(|q| Format { q, cell_limit: Format::CELL_LIMIT }).collect()
}

/// What an update costs, in ns on one core of the machine this was measured on; only its ratio to [`node_cost`] matters.
fn update_cost(settings: &Settings) -> f64 {
    work(settings) / 30.0
}

/// Flop of an update.
fn work(settings: &Settings) -> f64 {
    settings.batch as f64 * settings.config.work(settings.bits)
}

/// What a node of a walk costs, likewise.
fn node_cost(settings: &Settings) -> f64 {
    let (hidden, gates) = (settings.config.hidden as f64, settings.config.cell.gates() as f64);
    100.0 + gates * hidden * (0.4 * hidden + if gates > 1.0 { 10.0 } else { 8.0 })
}
