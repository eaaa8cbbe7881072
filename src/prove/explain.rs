//! Where a net keeps the carry: correlations of its units with the true carry, and its states in
//! two dimensions.

use super::boxes::Region;
use super::fixed::power;
use super::float::FloatProof;
use super::net::IntegerNet;
use crate::task::rng::{Purpose, stream, unit};
use serde::Serialize;

/// A state that random additions led to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// First principal component.
    pub x: f64,
    /// Second principal component.
    pub y: f64,
    /// The carry that is true there.
    pub carry: bool,
}

/// The least rectangle around a box of the floats' proof, from and to in each principal component.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// First principal component.
    pub x: [f64; 2],
    /// Second principal component.
    pub y: [f64; 2],
    /// The carry that is true there.
    pub carry: bool,
}

/// How a network's states tell the carry.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// For each carried value (h, then an LSTM's c), its correlation with the true carry, −1 to 1;
    /// 0 for a value that never changes.
    pub correlations: Vec<f64>,
    /// States in their two principal components, one for each step.
    pub points: Vec<Point>,
    /// The share of the states' variance in each of the two.
    pub shares: [f64; 2],
    /// The states' mean, and the directions of the two.
    mean: Vec<f64>,
    axes: [Vec<f64>; 2],
}

/// How clearly a carried value tells the carry.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Unit {
    /// The hidden unit.
    pub unit: usize,
    /// `h` or `c`.
    pub value: &'static str,
    /// Correlation with the true carry, −1 to 1.
    pub correlation: f64,
}

impl Explanation {
    /// Areas of the boxes of the floats' proof.
    pub fn areas(&self, proof: &FloatProof) -> Vec<Area> {
        let area = |region: &Region| {
            let [x, y] = self.axes.each_ref().map(|axis| {
                let ends = region.lo.iter().zip(&region.hi).zip(&self.mean).zip(axis);
                ends.fold([0.0; 2], |[low, high], (((lo, hi), mean), a)| {
                    let [one, two] = [a * (lo - mean), a * (hi - mean)];
                    [low + one.min(two), high + one.max(two)]
                })
            });
            Area { x, y, carry: region.carry == 1 }
        };
        proof.boxes.iter().map(area).collect()
    }

    /// The carried values of a net of `hidden` units, the clearest first.
    pub fn units(&self, hidden: usize) -> Vec<Unit> {
        let value = |place: usize| if place < hidden { "h" } else { "c" };
        let units = self.correlations.iter().enumerate();
        let units = units.map(|(at, &correlation)| Unit { unit: at % hidden, value: value(at), correlation });
        let mut units: Vec<Unit> = units.collect();
        units.sort_by(|one, two| two.correlation.abs().total_cmp(&one.correlation.abs()));
        units
    }
}

/// Additions that are watched.
const ADDITIONS: u64 = 64;
/// Width of those additions.
const BITS: usize = 64;

/// Watches a network while it makes random additions, a function of `seed`.
pub fn explain(net: &IntegerNet, seed: u64) -> Explanation {
    let (mut states, mut carries) = (Vec::new(), Vec::new());
    for addition in 0..ADDITIONS {
        let mut rng = stream(seed, Purpose::Show, addition);
        let (mut state, mut carry) = (net.start(), false);
        for _ in 0..BITS {
            let [a, b] = [(); 2].map(|()| unit(&mut rng) < 0.5);
            net.step(&mut state, u8::from(a) + 2 * u8::from(b));
            carry = a & b | carry & (a | b);
            states.push(state.values.iter().map(|&value| f64::from(value) / power(net.q())).collect::<Vec<f64>>());
            carries.push(carry);
        }
    }
    let n = states.len() as f64;
    let width = net.carried();
    let mean: Vec<f64> = (0..width).map(|k| states.iter().map(|state| state[k]).sum::<f64>() / n).collect();
    for state in &mut states {
        state.iter_mut().zip(&mean).for_each(|(value, mean)| *value -= mean);
    }
    let signs: Vec<f64> = carries.iter().map(|&carry| f64::from(u8::from(carry))).collect();
    let ones = signs.iter().sum::<f64>() / n;
    let correlation = |k: usize| {
        let together: f64 = states.iter().zip(&signs).map(|(state, sign)| state[k] * (sign - ones)).sum();
        let own: f64 = states.iter().map(|state| state[k] * state[k]).sum();
        let size = (own * ones * (1.0 - ones) * n).sqrt();
        if size > 0.0 { together / size } else { 0.0 }
    };
    let correlations = (0..width).map(correlation).collect();
    let total: f64 = states.iter().flatten().map(|value| value * value).sum();
    let first = axis(&states, None);
    let axes = [first.clone(), axis(&states, Some(&first))];
    let project = |state: &[f64], axis: &[f64]| state.iter().zip(axis).map(|(s, a)| s * a).sum::<f64>();
    let points: Vec<Point> = states
        .iter()
        .zip(carries)
        .map(|(state, carry)| Point { x: project(state, &axes[0]), y: project(state, &axes[1]), carry })
        .collect();
    let share = |f: fn(&Point) -> f64| points.iter().map(|p| f(p) * f(p)).sum::<f64>() / total.max(f64::MIN_POSITIVE);
    Explanation { correlations, shares: [share(|p| p.x), share(|p| p.y)], points, mean, axes }
}

/// A principal axis, orthogonal to another, by power iteration on the states.
fn axis(states: &[Vec<f64>], other: Option<&[f64]>) -> Vec<f64> {
    const ROUNDS: usize = 100;
    let width = states[0].len();
    let along = |one: &[f64], two: &[f64]| one.iter().zip(two).map(|(a, b)| a * b).sum::<f64>();
    // Any start but one orthogonal to the axis will do.
    let mut axis: Vec<f64> =
        (0..width).map(|k| 1.0 + ((k * 7 + 3 * usize::from(other.is_some())) % 5) as f64).collect();
    for _ in 0..ROUNDS {
        if let Some(other) = other {
            let share = along(&axis, other);
            axis.iter_mut().zip(other).for_each(|(a, b)| *a -= share * b);
        }
        let mut moved = vec![0.0; width];
        for state in states {
            let share = along(state, &axis);
            moved.iter_mut().zip(state).for_each(|(m, s)| *m += share * s);
        }
        let size = along(&moved, &moved).sqrt();
        if size == 0.0 {
            return vec![0.0; width];
        }
        axis = moved.into_iter().map(|m| m / size).collect();
    }
    axis
}
