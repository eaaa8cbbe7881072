//! Where a net keeps the carry: correlations of its units with the true carry, and its states in two dimensions.

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

/// What a network's states tell about the carry.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// For each carried value (h, then an LSTM's c), its correlation with the true carry, −1 to 1; 0 for a value that never changes.
    pub correlations: Vec<f64>,
    /// States in their two principal components, one for each step.
    pub points: Vec<Point>,
    /// The share of the states' variance in each of the two.
    pub shares: [f64; 2],
}

/// How clearly a carried value tells the carry.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Unit {
    /// The hidden unit.
    pub unit: usize,
    /// `h` or `c`.
    pub value: &'static str,
    /// With the true carry, −1 to 1.
    pub correlation: f64,
}

impl Explanation {
    /// The carried values of a net of so many hidden units, the clearest first.
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
/// Their width.
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
            states.push(state.values.iter().map(|&value| f64::from(value)).collect::<Vec<f64>>());
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
    let mut axes: Vec<Vec<f64>> = Vec::new();
    for first in 0..2 {
        axes.push(axis(&states, &axes, first));
    }
    let project = |state: &[f64], axis: &[f64]| state.iter().zip(axis).map(|(s, a)| s * a).sum::<f64>();
    let points: Vec<Point> = states
        .iter()
        .zip(carries)
        .map(|(state, carry)| Point { x: project(state, &axes[0]), y: project(state, &axes[1]), carry })
        .collect();
    let share = |f: fn(&Point) -> f64| points.iter().map(|p| f(p) * f(p)).sum::<f64>() / total.max(f64::MIN_POSITIVE);
    Explanation { correlations, shares: [share(|p| p.x), share(|p| p.y)], points }
}

/// A principal axis orthogonal to those before, by power iteration on the states.
fn axis(states: &[Vec<f64>], before: &[Vec<f64>], first: usize) -> Vec<f64> {
    const ROUNDS: usize = 100;
    let width = states[0].len();
    // Any start but one orthogonal to the axis will do.
    let mut axis: Vec<f64> = (0..width).map(|k| 1.0 + ((k * 7 + first * 3) % 5) as f64).collect();
    for _ in 0..ROUNDS {
        for other in before {
            let along: f64 = axis.iter().zip(other).map(|(a, b)| a * b).sum();
            axis.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
        }
        let mut moved = vec![0.0; width];
        for state in states {
            let along: f64 = state.iter().zip(&axis).map(|(s, a)| s * a).sum();
            moved.iter_mut().zip(state).for_each(|(m, s)| *m += along * s);
        }
        let size = moved.iter().map(|m| m * m).sum::<f64>().sqrt();
        if size == 0.0 {
            return vec![0.0; width];
        }
        axis = moved.into_iter().map(|m| m / size).collect();
    }
    axis
}
