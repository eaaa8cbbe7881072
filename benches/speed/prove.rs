//! How fast is a walk? Transitions of all states of a net that has just solved its task, its states finely rounded, so that they are many;
//! the reference makes the same transitions by the plain step, without a set of states.

use carrylane::kernel::SimdLevel;
use carrylane::model::Cell;
use carrylane::prove::{Format, IntegerNet, State, Walk, WalkOptions, walk};
use carrylane::train::Trainer;
use criterion::{Criterion, Throughput};

/// States of a walk.
const STATES: usize = 20_000;

pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = crate::group(criterion, "prove".to_owned());
    for (cell, hidden) in [(Cell::Elman, 16), (Cell::Elman, 64), (Cell::Lstm, 16)] {
        let mut trainer = Trainer::new(crate::settings(cell, hidden, 8, 64)).expect("settings in range");
        trainer.run(|_| {}).expect("a training");
        let format = Format { q: Format::most(cell), cell_limit: Format::CELL_LIMIT };
        let net = IntegerNet::new(trainer.model(), format).expect("weights in bounds");
        let walk_at =
            |level| walk(&net, &WalkOptions { max_states: STATES, level, past_errors: true, ..WalkOptions::default() });
        let best = walk_at(SimdLevel::best());
        group.throughput(Throughput::Elements(best.transitions));
        let states: Vec<State> = (0..best.states()).map(|node| best.node(node).0).collect();
        let left = usize::try_from(best.transitions / 4).expect("a number of states");
        check(&net, &best, &states[..left]);
        group.bench_function(format!("{cell}/h{hidden}/reference"), |b| b.iter(|| plain(&net, &states[..left])));
        for level in SimdLevel::available() {
            group.bench_function(format!("{cell}/h{hidden}/{level}"), |b| {
                b.iter(|| assert_eq!(walk_at(level).states(), best.states(), "{level}: the same walk"));
            });
        }
    }
    group.finish();
}

/// All transitions by the plain step; the sum of their outputs, so that none is left out.
fn plain(net: &IntegerNet, states: &[State]) -> i64 {
    let mut sum = 0;
    for state in states {
        for x in 0..4 {
            sum += i64::from(net.step(&mut state.clone(), x));
        }
    }
    sum
}

/// Fails unless the plain step of the first states, from carry 0 under (0, 0), leads to nodes that the walk saw.
fn check(net: &IntegerNet, walk: &Walk, states: &[State]) {
    for (node, state) in states.iter().enumerate().take(1000) {
        let mut after = state.clone();
        net.step(&mut after, 0);
        assert!(walk.find(&after, false).is_some(), "a step out of node {node} leads out of the walk");
    }
}
