//! Training on until the proofs pass.
//!
//! A net that has just solved its task keeps its carry in states close together; rounded, it
//! drifts. Noise on the carried state, ramped in from then on, moves the states apart until
//! rounding changes nothing. Then a coarse integer network is proved within some hundred states,
//! the boxes of the floats close, and both theorems hold for one net. Sums of 8 bits have no carry
//! of more than 7 steps: wider sums teach LSTMs and the dynamic cell to keep it for longer. If the
//! boxes have not closed by half of the budget, or cannot be expected to, the integer network's
//! proof is enough.
//!
//! Both proofs are tried now and then. The updates in between, not a clock, decide how far a try
//! may go, so that equal settings give equal nets and proofs on every machine.

use super::boxes::Open;
use super::float::{FloatProof, MEMORY};
use super::net::{FixedPoint, IntegerNet};
use super::search::Verdict;
use super::verdict::Proof;
use crate::error::Result;
use crate::model::{Activation, Cell};
use crate::train::{Check, Observer, Outcome, Pursuit, Report, Settings, Trainer, Until};
use std::time::Instant;

/// How a net is trained for its proof.
struct ProofGoal {
    /// The most updates in all.
    budget: u64,
    /// Amplitude of the noise on h; that on an LSTM's c is a multiple of it.
    noise: f32,
    /// States that a walk may see.
    max_states: usize,
}

/// Updates over which the noise grows from 0.
const RAMP: u64 = 100;

impl ProofGoal {
    /// Noise on h and c, some updates after the task was solved. If the floats are not proved soon,
    /// it keeps growing. An LSTM with so much noise on c that only the sign is left learns to do
    /// without c.
    fn noise_at(&self, updates: u64, floats: bool) -> [f32; 2] {
        /// Updates after which it grows on, in which it grows by its own amplitude, and how much it
        /// becomes.
        const GROWTH: [f64; 3] = [500.0, 2000.0, 2.5];
        let [soon, again, most] = GROWTH;
        let since = updates as f64 + 1.0;
        let ramp = (since / RAMP as f64).min(1.0);
        let strength = if floats { (ramp + (since - soon).max(0.0) / again).min(most) } else { ramp };
        #[expect(clippy::cast_possible_truncation, reason = "a share of the amplitude")]
        let noise = self.noise * strength as f32;
        [noise, if floats { 10.0 * noise } else { noise }]
    }
}

/// The result of training for a proof.
#[derive(Debug)]
pub struct Learned {
    /// The training, from its start.
    pub report: Report,
    /// The last walk, which is the proof if the net is proved; `None` if the task was not solved.
    pub proof: Option<Proof>,
    /// The proof of the floats, or why there is none.
    pub floats: std::result::Result<FloatProof, Open>,
    /// Times that proofs were tried.
    pub tried: u64,
}

impl Learned {
    /// How the training ended, in a word.
    pub fn outcome(&self) -> &'static str {
        if self.proved() { "proved" } else { self.report.outcome.name() }
    }

    /// A training that was for no proof.
    pub(crate) fn unproved(report: Report) -> Self {
        Self { report, proof: None, floats: Err(Open::Answer), tried: 0 }
    }

    /// Whether the net is proved.
    pub fn proved(&self) -> bool {
        let proved = |proof: &Proof| proof.verdict == Verdict::Proved;
        self.report.outcome == Outcome::Solved && self.proof.as_ref().is_some_and(proved)
    }
}

/// The least updates between two tries, and their share of the updates since the task was solved.
const EVERY: u64 = 25;
const GROWTH: u64 = 10;
/// The share of the time that a try of each proof may take, at first.
const SHARE: f64 = 0.15;
/// Tries before as many inputs as can tell boxes apart.
const PATIENCE: u64 = 10;
/// What the time of a multiplication in a proof is worth in training, in flop.
const PRODUCT: f64 = 20.0;

/// Trains to the end that the settings name, with an observer. If the end is a proof, training
/// continues after the task is solved, until the net is proved and still solves it. A
/// [resumed](crate::train::Checkpoint::resume) trainer continues in the stage where it was.
///
/// # Errors
/// The observer's, and [`Error::Usage`](crate::Error::Usage) if the weights outgrow the fixed
/// point.
pub fn train(trainer: &mut Trainer, watch: &mut dyn Observer) -> Result<Learned> {
    let Until::Proved { budget, noise, max_states } = trainer.settings().until else {
        return Ok(Learned::unproved(trainer.run(watch)?));
    };
    let plan = ProofGoal { budget, noise, max_states };
    let pursuit = match trainer.course().pursuit {
        Some(pursuit) => pursuit,
        None => {
            let report = trainer.run(watch)?;
            if report.outcome != Outcome::Solved {
                return Ok(Learned::unproved(report));
            }
            Pursuit { first: report.updates, last: report.updates, tried: 0 }
        }
    };
    trainer.set_pursuit(pursuit);
    trainer.run_clock(true);
    let mut check = Check::of(trainer.settings());
    let mut search = SecondStage { plan, check: &mut check, pursuit, floats: None, proof: None };
    let ended = search.pursue(trainer, watch);
    let SecondStage { pursuit, floats, proof, .. } = search;
    let floats = floats.unwrap_or_else(|| proving(trainer, |trainer| FloatProof::instantly(trainer.model())));
    trainer.run_clock(false);
    let report = trainer.report(&check, ended?, watch);
    Ok(Learned { report, proof, floats, tried: pursuit.tried })
}

/// The second stage: steps with noise, and proofs now and then.
struct SecondStage<'a> {
    plan: ProofGoal,
    check: &'a mut Check,
    pursuit: Pursuit,
    /// The findings of the last try, for the net as it is.
    floats: Option<std::result::Result<FloatProof, Open>>,
    proof: Option<Proof>,
}

impl SecondStage<'_> {
    fn pursue(&mut self, trainer: &mut Trainer, watch: &mut dyn Observer) -> Result<Outcome> {
        loop {
            let Pursuit { first, last, .. } = self.pursuit;
            let (updates, floats) = (trainer.updates(), proves_floats(trainer.settings()));
            let floats = floats && updates < self.plan.budget / 2;
            // Floats are not proved while the noise is young.
            let young = floats && updates - first < 2 * RAMP;
            let since = updates - last;
            if since >= EVERY.max((last - first) / GROWTH) && !young {
                let Some(passed) = self.attempt(trainer, floats, since, watch)? else {
                    // The trainer still has the pursuit of before the attempt, which is made again
                    // by whoever goes on from here.
                    return Ok(Outcome::Stopped);
                };
                self.pursuit.last = updates;
                if passed {
                    return Ok(Outcome::Solved);
                }
            }
            if trainer.stopped() || updates >= self.plan.budget {
                // An attempt that was just made is noted, so that whoever goes on from here does
                // not make it twice.
                trainer.set_pursuit(self.pursuit);
                return Ok(if trainer.stopped() { Outcome::Stopped } else { Outcome::Unsolved });
            }
            trainer.set_noise(self.plan.noise_at(updates - first, floats), FixedPoint::CELL_LIMIT.into());
            let tally = trainer.step();
            self.floats = None;
            watch.event(&trainer.told(&tally))?;
            if trainer.fault().is_some() {
                return Ok(Outcome::Diverged);
            }
            trainer.set_pursuit(self.pursuit);
            watch.update_done(trainer)?;
        }
    }

    /// Tries the floats' proof, if it is wanted, and then each format's, with work that is a share
    /// of that of the updates since the last try; whether all passed. Nothing if it was told to
    /// stop.
    fn attempt(
        &mut self,
        trainer: &mut Trainer,
        floats: bool,
        since: u64,
        watch: &mut dyn Observer,
    ) -> Result<Option<bool>> {
        let settings = trainer.settings();
        let (formats, node) = (formats(settings), node_work(settings));
        self.pursuit.tried += 1;
        let tried = self.pursuit.tried;
        // It takes many rounds until the boxes of an LSTM's c are wide enough.
        let share = if settings.config.cell == Cell::Lstm { SHARE * (tried as f64 / 4.0).max(1.0) } else { SHARE };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of the work")]
        let mut work =
            (share / PRODUCT * since as f64 * settings.batch as f64 * settings.config.work(settings.proof_bits()))
                as usize;
        if floats {
            // Boxes by one input more take four times as long, and most nets do not need them.
            let most = if tried > PATIENCE { MEMORY } else { MEMORY - 1 };
            let found = proving(trainer, |trainer| FloatProof::within(trainer.model(), most, work));
            let proved = found.is_ok();
            self.floats = Some(found);
            if !proved {
                return Ok(Some(false));
            }
        }
        for format in formats {
            let max_states = self.plan.max_states.min(work / node);
            if max_states == 0 {
                break;
            }
            let net = IntegerNet::new(trainer.model(), format)?;
            let found = proving(trainer, |_| Proof::of(net, max_states));
            work -= work.min(node * found.walk.states());
            let proved = found.verdict == Verdict::Proved;
            self.proof = Some(found);
            if proved {
                match trainer.passes(self.check, watch) {
                    // What is proved is not what was asked for, and the net goes on from here.
                    Some(false) => self.proof = None,
                    passed_or_stopped => return Ok(passed_or_stopped),
                }
            }
        }
        Ok(Some(false))
    }
}

/// What a proof comes to, with its time noted as one.
fn proving<T>(trainer: &mut Trainer, proof: impl FnOnce(&Trainer) -> T) -> T {
    let started = Instant::now();
    let found = proof(trainer);
    trainer.proved_since(started);
    found
}

/// Whether training for a proof leads nets of a kind to one of their floats: the dynamic cell must
/// have seen long carries, which a fixed set of few bits does not have.
fn proves_floats(settings: &Settings) -> bool {
    let config = &settings.config;
    config.activation != Activation::Relu && (config.cell != Cell::Dynamic || settings.proof_bits() >= 16)
}

/// Formats that are tried in training: the coarse ones, to which noise drives nets.
fn formats(settings: &Settings) -> Vec<FixedPoint> {
    (0..=if FixedPoint::has_limit(&settings.config) { 2 } else { 3 })
        .map(|q| FixedPoint { q, cell_limit: FixedPoint::CELL_LIMIT })
        .collect()
}

/// What a node of a walk takes, in products.
fn node_work(settings: &Settings) -> usize {
    let wide = settings.config.hidden * settings.config.cell.gates();
    500 + wide * (settings.config.hidden + 40)
}
