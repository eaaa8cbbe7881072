//! Trials as columns of JSON, for the scripts of the page.

use crate::sweep::{Outcome, Record, Trial, curve_updates};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// The data of a page.
#[derive(Debug, Serialize)]
struct Data<'a> {
    axes: Vec<Axis>,
    outcomes: Vec<String>,
    /// Place in `outcomes`, of each trial.
    outcome: Vec<usize>,
    goals: [&'static str; 4],
    /// Place in `goals`, of each trial: the flags that its limit belongs to.
    goal: Vec<usize>,
    id: Vec<&'a str>,
    samples: Vec<u64>,
    updates: Vec<u64>,
    seconds: Vec<f64>,
    tests: Vec<Test>,
    curve_updates: Vec<u64>,
    curves: Vec<Vec<Value>>,
}

/// An option of the trainings.
#[derive(Debug, Serialize)]
struct Axis {
    name: &'static str,
    /// The flag of `carrylane train`; empty if there is none.
    flag: String,
    /// The value that needs no flag.
    usual: Value,
    /// Its values, ascending.
    values: Vec<Value>,
    /// Place in `values`, of each trial.
    codes: Vec<usize>,
}

/// Wrong sums at a test width; nothing where a trial was not tried at it.
#[derive(Debug, Serialize)]
struct Test {
    bits: usize,
    wrong: Vec<Option<u64>>,
}

/// An option: its name, the value that needs no flag, and its value in a trial.
type Choice = (&'static str, fn() -> Value, fn(&Trial) -> Value);

const OPTIONS: [Choice; 19] = [
    ("cell", || Value::Null, |t| t.cell.to_string().into()),
    ("lstm_form", || "standard".into(), |t| t.lstm_form.to_string().into()),
    ("hidden", || Value::Null, |t| t.hidden.into()),
    ("bits", || Value::Null, |t| t.bits.into()),
    ("seed", || Value::Null, |t| t.seed.into()),
    ("batch", || 64.into(), |t| t.batch.into()),
    ("bias", || true.into(), |t| t.bias.into()),
    ("activation", || Value::Null, |t| t.activation.to_string().into()),
    ("output_activation", || "sigmoid".into(), |t| t.output_activation.to_string().into()),
    ("loss", || "mse".into(), |t| t.loss.to_string().into()),
    ("init", || "scaled".into(), |t| t.init.to_string().into()),
    ("optimizer", || "adam".into(), |t| t.optimizer.to_string().into()),
    ("lr", || Value::Null, |t| lr(t.lr)),
    ("dataset", || Value::Null, |t| t.dataset.map_or(Value::Null, Value::from)),
    ("shuffle", || false.into(), |t| t.shuffle.into()),
    ("until", || Value::Null, |t| t.goal.name().into()),
    ("limit", || Value::Null, |t| t.goal.limit().into()),
    ("engine", || "fused".into(), |t| t.engine.to_string().into()),
    ("test_pairs", || Value::Null, |t| t.test_pairs.into()),
];

/// A rate as the decimal it was given as.
fn lr(lr: f32) -> Value {
    lr.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

/// Goals, and the flags that their limits belong to.
const GOALS: [(&str, &str); 4] = [
    ("solved", "until solved --budget"),
    ("proved", "until proved --budget"),
    ("updates", "updates"),
    ("epochs", "epochs"),
];

impl Axis {
    fn new(option: &Choice, records: &[&Record]) -> Self {
        let (name, usual, value) = *option;
        let of: Vec<Value> = records.iter().map(|record| value(&record.config)).collect();
        let mut places: Vec<usize> = (0..of.len()).collect();
        places.sort_by(|&a, &b| match (of[a].as_f64(), of[b].as_f64()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => of[a].to_string().cmp(&of[b].to_string()),
        });
        let (mut values, mut codes) = (Vec::new(), vec![0; of.len()]);
        for place in places {
            if values.last() != Some(&of[place]) {
                values.push(of[place].clone());
            }
            codes[place] = values.len() - 1;
        }
        let flag = if ["test_pairs", "until"].contains(&name) { String::new() } else { name.replace('_', "-") };
        Self { name, flag, usual: usual(), values, codes }
    }
}

/// The data of a page as JSON.
pub(super) fn json(records: &[&Record]) -> String {
    let outcomes: Vec<Outcome> =
        Outcome::ALL.into_iter().filter(|outcome| records.iter().any(|r| r.outcome == *outcome)).collect();
    let widths: BTreeSet<usize> = records.iter().flat_map(|record| record.wrong_by_bits.keys().copied()).collect();
    let test = |bits| Test { bits, wrong: records.iter().map(|r| r.wrong_by_bits.get(&bits).copied()).collect() };
    let longest = records.iter().map(|record| record.curve.len()).max().unwrap_or(0);
    let place = |record: &&Record| outcomes.iter().position(|outcome| *outcome == record.outcome).unwrap_or_default();
    let goal = |record: &&Record| {
        GOALS.iter().position(|(name, _)| *name == record.config.goal.name()).expect("every goal has its flags")
    };
    let data = Data {
        axes: OPTIONS.iter().map(|option| Axis::new(option, records)).collect(),
        outcome: records.iter().map(place).collect(),
        outcomes: outcomes.iter().map(Outcome::to_string).collect(),
        goals: GOALS.map(|(_, flags)| flags),
        goal: records.iter().map(goal).collect(),
        id: records.iter().map(|record| record.id.as_str()).collect(),
        samples: records.iter().map(|record| record.samples).collect(),
        updates: records.iter().map(|record| record.updates).collect(),
        seconds: records.iter().map(|record| short(record.seconds)).collect(),
        tests: widths.into_iter().map(test).collect(),
        curve_updates: curve_updates().take(longest).collect(),
        curves: records.iter().map(|r| r.curve.iter().map(|x| short_value(f64::from(*x))).collect()).collect(),
    };
    serde_json::to_string(&data).expect("columns have a JSON form")
}

/// A number to three digits, which is what a chart can show.
fn short(x: f64) -> f64 {
    format!("{x:.2e}").parse().unwrap_or(x)
}

/// The same as JSON, whole numbers without a point.
fn short_value(x: f64) -> Value {
    if x == 0.0 { 0.into() } else { short(x).into() }
}
