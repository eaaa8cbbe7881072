//! Trials as columns of JSON, for the scripts of the page.

use crate::sweep::{TrialOutcome, TrialRecord, curve_updates, keys};
use crate::train::Choices;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// An option of the trainings: its values, ascending, and the place among them of each trial.
fn axis(name: &str, choices: &[Choices], flags: &BTreeSet<&str>) -> Value {
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
    // A flag is what a command needs.
    json!({ "name": name, "flag": flags.contains(name), "values": values, "codes": codes })
}

/// The data of a page as JSON.
pub(super) fn json(records: &[&TrialRecord]) -> String {
    let outcomes: Vec<TrialOutcome> =
        TrialOutcome::ALL.into_iter().filter(|outcome| records.iter().any(|r| r.outcome == *outcome)).collect();
    let place = |record: &&TrialRecord| outcomes.iter().position(|outcome| *outcome == record.outcome);
    let widths: BTreeSet<usize> = records.iter().flat_map(|record| record.wrong_by_bits.keys().copied()).collect();
    // A trial that was not tried at a width has null there.
    let wrong = |bits| records.iter().map(|r| r.wrong_by_bits.get(&bits).copied()).collect::<Vec<_>>();
    let tests = widths.into_iter().map(|bits| json!({ "bits": bits, "wrong": wrong(bits) }));
    let longest = records.iter().map(|record| record.curve.len()).max().unwrap_or(0);
    let curve = |record: &&TrialRecord| record.curve.iter().map(|x| short(f64::from(*x))).collect::<Vec<_>>();
    let choices: Vec<Choices> = records.iter().map(|record| record.config.choices()).collect();
    let unusual: Vec<Choices> = records.iter().map(|record| record.config.settings.unusual()).collect();
    let flags: BTreeSet<&str> = unusual.iter().flat_map(|unusual| unusual.iter().map(|(name, _)| name)).collect();
    let each = |fact: fn(&TrialRecord) -> Value| records.iter().map(|record| fact(record)).collect::<Vec<_>>();
    let data = json!({
        "axes": keys().map(|key| axis(key.name, &choices, &flags)).collect::<Vec<_>>(),
        "outcomes": outcomes, "outcome": records.iter().map(place).collect::<Vec<_>>(),
        "id": each(|r| r.id.as_str().into()), "samples": each(|r| r.samples.into()),
        "updates": each(|r| r.updates.into()), "seconds": each(|r| short(r.seconds)),
        "tests": tests.collect::<Vec<_>>(), "curve_updates": curve_updates().take(longest).collect::<Vec<_>>(),
        "curves": records.iter().map(curve).collect::<Vec<_>>()
    });
    data.to_string()
}

/// A number to three digits, enough for a chart; a zero without a point.
fn short(x: f64) -> Value {
    if x == 0.0 { 0.into() } else { format!("{x:.2e}").parse().unwrap_or(x).into() }
}
