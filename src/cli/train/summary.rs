//! What `train` says at its end, in one JSON line.

use carrylane::model::{Cell, config_hash, weights_hash};
use carrylane::prove::{Learned, Plan};
use carrylane::train::{Fault, Outcome, Times, Trainer};
use serde::Serialize;

/// The last JSON line.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    solved: bool,
    pairs_wrong: u64,
    pairs_total: u64,
    updates: u64,
    samples: u64,
    seconds: f64,
    pub(super) samples_per_s: f64,
    pub(super) weights_hash: String,
    cell: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lstm_form: Option<String>,
    hidden: usize,
    bits: usize,
    batch: usize,
    seed: u64,
    level: String,
    threads: usize,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    data_set: Option<DataSet>,
    engine: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    diverged: Option<Fault>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    proof: Option<ProofSummary>,
    pub(super) config_hash: String,
    count_seconds: f64,
    /// Where `seconds` and `count_seconds` went.
    #[serde(flatten)]
    times: Times,
}

/// What was spent on the proof.
#[derive(Debug, Serialize)]
struct ProofSummary {
    proved: bool,
    proofs_tried: u64,
    noise: f32,
}

/// The final net on a fixed set, and on additions that are not in it.
#[derive(Debug, Serialize)]
struct DataSet {
    training_wrong: u64,
    training_total: u64,
    held_out_wrong: u64,
    held_out_total: u64,
}

impl Summary {
    pub(super) fn new(trainer: &mut Trainer, learned: &Learned, plan: Option<&Plan>) -> Self {
        let report = &learned.report;
        let engine = trainer.engine().kind().to_string();
        let (settings, model) = (trainer.settings(), trainer.model());
        Self {
            solved: report.outcome == Outcome::Solved,
            pairs_wrong: report.score.wrong,
            pairs_total: report.score.total,
            updates: report.updates,
            samples: report.samples,
            seconds: report.seconds,
            samples_per_s: report.samples as f64 / report.seconds,
            weights_hash: weights_hash(&model.config, &model.params),
            cell: model.config.cell.to_string(),
            lstm_form: (model.config.cell == Cell::Lstm).then(|| model.config.lstm_form.to_string()),
            hidden: model.config.hidden,
            bits: settings.bits,
            batch: settings.batch,
            seed: settings.seed,
            level: settings.level.to_string(),
            threads: settings.threads,
            data_set: report.fixed.map(|fixed| DataSet {
                training_wrong: fixed.training.wrong,
                training_total: fixed.training.total,
                held_out_wrong: fixed.held_out.wrong,
                held_out_total: fixed.held_out.total,
            }),
            engine,
            outcome: report.outcome.name(),
            diverged: report.fault,
            proof: plan.map(|plan| ProofSummary {
                proved: learned.proved(),
                proofs_tried: learned.tried,
                noise: plan.noise,
            }),
            config_hash: config_hash(&model.config),
            count_seconds: report.count_seconds,
            times: report.times,
        }
    }
}
