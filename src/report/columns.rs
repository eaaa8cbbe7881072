//! Trials as columns of JSON, for the scripts of the page.

use crate::sweep::{TrialOutcome, TrialRecord, curve_updates, keys};
use crate::train::Choices;
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
    /// Whether a command needs it as a flag.
    flag: bool,
    /// Values, ascending.
    values: Vec<Value>,
    /// Place in `values`, of each trial.
    codes: Vec<usize>,
}

/// Wrong sums at a test width; `None` for a trial that was not tried at it.
#[derive(Debug, Serialize)]
struct Test {
    bits: usize,
    wrong: Vec<Option<u64>>,
}

impl Axis {
    fn new(name: &'static str, choices: &[Choices], flags: &BTreeSet<&str>) -> Self {
        let of: Vec<Value> = choices.iter().map(|all| all.get(name).cloned().unwrap_or_default()).collect();
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
        Self { name, flag: flags.contains(name), values, codes }
    }
}

/// The data of a page as JSON.
pub(super) fn json(records: &[&TrialRecord]) -> String {
    let outcomes: Vec<TrialOutcome> =
        TrialOutcome::ALL.into_iter().filter(|outcome| records.iter().any(|r| r.outcome == *outcome)).collect();
    let widths: BTreeSet<usize> = records.iter().flat_map(|record| record.wrong_by_bits.keys().copied()).collect();
    let test = |bits| Test { bits, wrong: records.iter().map(|r| r.wrong_by_bits.get(&bits).copied()).collect() };
    let longest = records.iter().map(|record| record.curve.len()).max().unwrap_or(0);
    let place =
        |record: &&TrialRecord| outcomes.iter().position(|outcome| *outcome == record.outcome).unwrap_or_default();
    let choices: Vec<Choices> = records.iter().map(|record| record.config.choices()).collect();
    let unusual = |record: &&TrialRecord| record.config.settings.unusual();
    let flags =
        records.iter().map(unusual).flat_map(|unusual| unusual.iter().map(|(name, _)| name).collect::<Vec<_>>());
    let flags: BTreeSet<&str> = flags.collect();
    let data = Data {
        axes: keys().map(|key| Axis::new(key.name, &choices, &flags)).collect(),
        outcome: records.iter().map(place).collect(),
        outcomes: outcomes.iter().map(TrialOutcome::to_string).collect(),
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

/// A number to three digits, enough for a chart.
fn short(x: f64) -> f64 {
    format!("{x:.2e}").parse().unwrap_or(x)
}

/// A [`short`] number as JSON, a zero without a point.
fn short_value(x: f64) -> Value {
    if x == 0.0 { 0.into() } else { short(x).into() }
}
