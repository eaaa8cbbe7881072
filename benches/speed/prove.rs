//! How fast is a walk? Transitions of all states of a net that has just solved its task, its states finely rounded, so that they are many;
//! the reference makes the same transitions by the plain step, without a set of states.

use carrylane::model::Cell;
use carrylane::prove::{FixedPoint, IntegerNet, State, Walk};
use carrylane::train::Trainer;
use criterion::{Criterion, Throughput};

/// States of a walk.
const STATES: usize = 20_000;

pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = crate::group(criterion, "prove".to_owned());
    for (cell, hidden) in [(Cell::Elman, 16), (Cell::Elman, 64), (Cell::Lstm, 16)] {
        let mut trainer = Trainer::new(crate::settings(cell, hidden, 8, 64)).expect("settings in range");
        trainer.run(&mut ()).expect("a training");
        let format = FixedPoint { q: FixedPoint::most(cell), cell_limit: FixedPoint::CELL_LIMIT };
        let net = IntegerNet::new(trainer.model(), format).expect("weights in bounds");
        let walk = Walk::past_errors(&net, STATES);
        group.throughput(Throughput::Elements(walk.transitions()));
        let left = usize::try_from(walk.transitions() / 4).expect("a number of states");
        let states: Vec<State> = (0..left).map(|node| walk.node(node).0).collect();
        group.bench_function(format!("{cell}/h{hidden}/reference"), |b| b.iter(|| plain(&net, &states)));
        group.bench_function(format!("{cell}/h{hidden}/walk"), |b| {
            b.iter(|| assert_eq!(Walk::past_errors(&net, STATES).states(), walk.states(), "the same walk"));
        });
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
