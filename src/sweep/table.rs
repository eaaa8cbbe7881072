//! A sweep as a table: one row a trial, one column a fact.

use super::record::{Proved, Record};
use std::collections::BTreeSet;

/// A value of the table; nothing where a fact does not apply.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Whole(i64),
    Float(f64),
    Flag(bool),
    Nothing,
}

/// What a column holds, where it holds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Whole,
    Float,
    Flag,
}

/// A named column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) r#type: Type,
    pub(super) values: Vec<Value>,
}

/// A fact of a record.
type Fact = fn(&Record) -> Value;

fn whole(n: impl TryInto<i64>) -> Value {
    n.try_into().map_or(Value::Nothing, Value::Whole)
}

fn text(t: &impl ToString) -> Value {
    Value::Text(t.to_string())
}

/// A rate as the decimal it was given as, not as the nearest f32's digits.
fn decimal(x: f32) -> Value {
    Value::Float(x.to_string().parse().expect("a number's own digits"))
}

fn proof(record: &Record, fact: impl Fn(&Proved) -> Value) -> Value {
    record.proof.as_ref().map_or(Value::Nothing, fact)
}

/// The columns that do not depend on which machine ran a trial, or when.
const FACTS: [(&str, Type, Fact); 35] = [
    ("id", Type::Text, |r| text(&r.id)),
    ("cell", Type::Text, |r| text(&r.config.cell)),
    ("lstm_form", Type::Text, |r| text(&r.config.lstm_form)),
    ("hidden", Type::Whole, |r| whole(r.config.hidden)),
    ("bias", Type::Flag, |r| Value::Flag(r.config.bias)),
    ("activation", Type::Text, |r| text(&r.config.activation)),
    ("output_activation", Type::Text, |r| text(&r.config.output_activation)),
    ("loss", Type::Text, |r| text(&r.config.loss)),
    ("bits", Type::Whole, |r| whole(r.config.bits)),
    ("batch", Type::Whole, |r| whole(r.config.batch)),
    ("dataset", Type::Whole, |r| r.config.dataset.map_or(Value::Nothing, whole)),
    ("shuffle", Type::Flag, |r| Value::Flag(r.config.shuffle)),
    ("init", Type::Text, |r| text(&r.config.init)),
    ("optimizer", Type::Text, |r| text(&r.config.optimizer)),
    ("lr", Type::Float, |r| decimal(r.config.lr)),
    ("until", Type::Text, |r| text(&r.config.goal.name())),
    ("limit", Type::Whole, |r| whole(r.config.goal.limit())),
    ("engine", Type::Text, |r| text(&r.config.engine)),
    ("test_pairs", Type::Whole, |r| whole(r.config.test_pairs)),
    ("seed", Type::Whole, |r| whole(r.config.seed)),
    ("outcome", Type::Text, |r| text(&r.outcome)),
    ("updates", Type::Whole, |r| whole(r.updates)),
    ("samples", Type::Whole, |r| whole(r.samples)),
    ("pairs_wrong", Type::Whole, |r| whole(r.pairs_wrong)),
    ("pairs_total", Type::Whole, |r| whole(r.pairs_total)),
    ("diverged_update", Type::Whole, |r| r.diverged.as_ref().map_or(Value::Nothing, |d| whole(d.update))),
    ("diverged_tensor", Type::Text, |r| r.diverged.as_ref().map_or(Value::Nothing, |d| text(&d.tensor))),
    ("proof_q", Type::Whole, |r| proof(r, |p| whole(p.q))),
    ("proof_states", Type::Whole, |r| proof(r, |p| whole(p.states))),
    ("proof_depth", Type::Whole, |r| proof(r, |p| whole(p.depth))),
    ("proof_margin", Type::Float, |r| proof(r, |p| Value::Float(p.margin))),
    ("error", Type::Text, |r| r.error.as_ref().map_or(Value::Nothing, text)),
    ("weights_hash", Type::Text, |r| text(&r.weights_hash)),
    ("version", Type::Text, |r| text(&r.version)),
    ("command", Type::Text, |r| text(&r.config.command())),
];

/// The columns that do.
const TIMES: [(&str, Type, Fact); 12] = [
    ("seconds", Type::Float, |r| Value::Float(r.seconds)),
    ("trial_seconds", Type::Float, |r| Value::Float(r.machine.trial_seconds)),
    ("learning_seconds", Type::Float, |r| Value::Float(r.machine.times.learning)),
    ("check_seconds", Type::Float, |r| Value::Float(r.machine.times.checks)),
    ("test_seconds", Type::Float, |r| Value::Float(r.machine.times.tests)),
    ("prove_seconds", Type::Float, |r| Value::Float(r.machine.times.proofs)),
    ("rest_seconds", Type::Float, |r| Value::Float(r.machine.times.rest)),
    ("attempt", Type::Whole, |r| whole(r.attempt)),
    ("host", Type::Text, |r| text(&r.machine.host)),
    ("level", Type::Text, |r| text(&r.machine.level)),
    ("threads", Type::Whole, |r| whole(r.machine.threads)),
    ("run", Type::Text, |r| text(&r.machine.run)),
];

/// The table of some records; `wrong_8` and the like are the wrong sums at a test width.
pub(super) fn columns(records: &[&Record], times: bool) -> Vec<Column> {
    let mut columns = Vec::new();
    let mut add = |facts: &[(&str, Type, Fact)]| {
        for (name, r#type, fact) in facts {
            let values = records.iter().map(|record| fact(record)).collect();
            columns.push(Column { name: (*name).to_owned(), r#type: *r#type, values });
        }
    };
    add(&FACTS);
    if times {
        add(&TIMES);
    }
    let widths: BTreeSet<usize> = records.iter().flat_map(|record| record.wrong_by_bits.keys().copied()).collect();
    for bits in widths {
        let wrong = |record: &&Record| record.wrong_by_bits.get(&bits).map_or(Value::Nothing, |n| whole(*n));
        let values = records.iter().map(wrong).collect();
        columns.push(Column { name: format!("wrong_{bits}"), r#type: Type::Whole, values });
    }
    columns
}
