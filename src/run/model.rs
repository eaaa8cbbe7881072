//! The trained net of a run: a model file with notes of its training and its proof.

use crate::model::file::{self, Saved};
use crate::model::weights_hash;
use crate::prove::{FixedPoint, IntegerNet, Learned};
use crate::train::{Outcome, Trainer, text};
use std::collections::BTreeMap;

/// Notes of a proved model: how to make its integer network again, and that network's hash.
const PROVED_Q: &str = "proved_q";
const PROVED_CELL: &str = "proved_cell_limit";
const PROVED_NETWORK: &str = "proved_network";

/// The file of a trained net, with notes of its training.
pub(super) fn to_bytes(trainer: &Trainer, learned: &Learned) -> Vec<u8> {
    let (settings, model, report) = (trainer.settings(), trainer.model(), &learned.report);
    let choices = settings.choices();
    // What was made replaces what was asked for under the same name.
    let mut notes: Vec<(&str, String)> = choices.iter().map(|(name, value)| (name, text(value))).collect();
    notes.extend([
        ("version", env!("CARGO_PKG_VERSION").into()),
        ("level", settings.level.to_string()),
        ("updates", report.updates.to_string()),
        ("samples", report.samples.to_string()),
        ("solved", (report.outcome == Outcome::Solved).to_string()),
        ("pairs_wrong", report.score.wrong.to_string()),
        ("weights_hash", weights_hash(&model.config, &model.params)),
    ]);
    if let Some(proof) = learned.proof.as_ref().filter(|_| learned.proved()) {
        let format = proof.net.format();
        notes.extend([
            (PROVED_Q, format.q.to_string()),
            (PROVED_CELL, format.cell_limit.to_string()),
            (PROVED_NETWORK, proof.net.hash()),
            ("proved_states", proof.walk.states().to_string()),
        ]);
    }
    let notes: BTreeMap<String, String> = notes.into_iter().map(|(name, value)| (name.into(), value)).collect();
    file::to_bytes(model, &notes)
}

/// The integer network whose proof the notes tell of; `None` without one, or if this program makes
/// another network.
pub fn proved_network(saved: &Saved) -> Option<IntegerNet> {
    let note = |name| saved.notes.get(name);
    let format = FixedPoint { q: note(PROVED_Q)?.parse().ok()?, cell_limit: note(PROVED_CELL)?.parse().ok()? };
    IntegerNet::new(&saved.model, format).ok().filter(|net| Some(&net.hash()) == note(PROVED_NETWORK))
}

/// Whether the notes of a model tell of a proof.
pub fn tells_of_proof(saved: &Saved) -> bool {
    saved.notes.contains_key(PROVED_NETWORK)
}
