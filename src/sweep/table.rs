//! A sweep as a table: one row a trial, one column a fact.

use super::record::{Proved, ProvedFloats, TrialRecord};
use super::trial::keys;
use crate::train::ValueKind;
use serde_json::Value;
use std::collections::BTreeSet;

/// The type of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Whole,
    Float,
    Flag,
}

impl From<&ValueKind> for Type {
    fn from(kind: &ValueKind) -> Self {
        match kind.some() {
            ValueKind::Whole(_) => Self::Whole,
            ValueKind::Positive | ValueKind::Within(..) | ValueKind::Seconds => Self::Float,
            ValueKind::Switch => Self::Flag,
            ValueKind::Word(_) | ValueKind::Several(..) | ValueKind::OrNone(_) => Self::Text,
        }
    }
}

/// A named column; a value is null where it does not apply.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) r#type: Type,
    pub(super) values: Vec<Value>,
}

/// A fact of a record.
type Fact = fn(&TrialRecord) -> Value;

fn proof(record: &TrialRecord, fact: impl Fn(&Proved) -> Value) -> Value {
    record.proof.as_ref().map_or(Value::Null, fact)
}

fn floats(record: &TrialRecord, fact: impl Fn(&ProvedFloats) -> Value) -> Value {
    proof(record, |proof| proof.floats.as_ref().map_or(Value::Null, &fact))
}

/// The columns of results that depend on no machine.
const FACTS: [(&str, Type, Fact); 20] = [
    ("outcome", Type::Text, |r| r.outcome.to_string().into()),
    ("updates_made", Type::Whole, |r| r.updates.into()),
    ("samples", Type::Whole, |r| r.samples.into()),
    ("pairs_wrong", Type::Whole, |r| r.pairs_wrong.into()),
    ("pairs_total", Type::Whole, |r| r.pairs_total.into()),
    ("diverged_update", Type::Whole, |r| r.diverged.as_ref().map(|d| d.update).into()),
    ("diverged_tensor", Type::Text, |r| r.diverged.as_ref().map(|d| d.tensor.clone()).into()),
    ("proof_q", Type::Whole, |r| proof(r, |p| p.q.into())),
    ("proof_states", Type::Whole, |r| proof(r, |p| p.states.into())),
    ("proof_depth", Type::Whole, |r| proof(r, |p| p.depth.into())),
    ("proof_margin", Type::Float, |r| proof(r, |p| p.margin.into())),
    ("proof_theorem", Type::Text, |r| {
        proof(r, |p| if p.floats.is_some() { "floats" } else { "integer network" }.into())
    }),
    ("float_boxes", Type::Whole, |r| floats(r, |p| p.boxes.into())),
    ("float_memory", Type::Whole, |r| floats(r, |p| p.memory.into())),
    ("float_epsilon", Type::Float, |r| floats(r, |p| p.epsilon.into())),
    ("float_margin", Type::Float, |r| floats(r, |p| p.margin.into())),
    ("error", Type::Text, |r| r.error.clone().into()),
    ("weights_hash", Type::Text, |r| r.weights_hash.clone().into()),
    ("version", Type::Text, |r| r.version.clone().into()),
    ("command", Type::Text, |r| r.config.settings.command().into()),
];

/// The columns that depend on the machine.
const TIMES: [(&str, Type, Fact); 12] = [
    ("seconds", Type::Float, |r| r.seconds.into()),
    ("trial_seconds", Type::Float, |r| r.machine.trial_seconds.into()),
    ("learning_seconds", Type::Float, |r| r.machine.times.learning.into()),
    ("check_seconds", Type::Float, |r| r.machine.times.checks.into()),
    ("test_seconds", Type::Float, |r| r.machine.times.tests.into()),
    ("prove_seconds", Type::Float, |r| r.machine.times.proofs.into()),
    ("rest_seconds", Type::Float, |r| r.machine.times.rest.into()),
    ("attempt", Type::Whole, |r| r.attempt.into()),
    ("host", Type::Text, |r| r.machine.host.clone().into()),
    ("level", Type::Text, |r| r.machine.level.clone().into()),
    ("threads", Type::Whole, |r| r.machine.threads.into()),
    ("run", Type::Text, |r| r.machine.run.clone().into()),
];

/// The table of some records: id, options, results; `wrong_8` and the like are the wrong sums at a
/// test width.
pub(super) fn columns(records: &[&TrialRecord], times: bool) -> Vec<Column> {
    let column = |name: &str, r#type, fact: &dyn Fn(&TrialRecord) -> Value| Column {
        name: name.to_owned(),
        r#type,
        values: records.iter().map(|record| fact(record)).collect(),
    };
    let facts = FACTS.iter().chain(TIMES.iter().filter(|_| times));
    let widths: BTreeSet<usize> = records.iter().flat_map(|record| record.wrong_by_bits.keys().copied()).collect();
    let choices: Vec<_> = records.iter().map(|record| record.config.choices()).collect();
    let option = |key: &'static crate::train::OptionKey| Column {
        name: key.name.to_owned(),
        r#type: Type::from(&key.kind),
        values: choices.iter().map(|all| all.get(key.name).cloned().unwrap_or_default()).collect(),
    };
    let mut columns = vec![column("id", Type::Text, &|r| r.id.clone().into())];
    columns.extend(keys().map(option));
    columns.extend(facts.map(|(name, r#type, fact)| column(name, *r#type, fact)));
    let wrong = |bits| column(&format!("wrong_{bits}"), Type::Whole, &|r| r.wrong_by_bits.get(&bits).copied().into());
    columns.extend(widths.into_iter().map(wrong));
    columns
}
