//! Central differences of the reference's loss, against which all gradients are judged.

use super::compare::{Worst, relative, square_norm};
use crate::model::{Layout, Model};
use crate::reference;
use crate::task::Minibatch;
use crate::task::rng::{Purpose, below, stream};

/// Steps of the difference quotients. A quotient's error is that of its best step: a smaller step
/// truncates less, rounds more, and crosses fewer corners of `ReLU`.
const STEPS: [f64; 3] = [1e-4, 1e-5, 1e-6];

/// Flop that one check may cost.
const BUDGET: f64 = 3e8;

/// The most additions that a difference quotient runs over.
const SAMPLES: usize = 4;

/// The largest error of the reference's gradient against central differences, relative to the norm
/// of its tensor, with its entry and the number of additions used.
///
/// Small nets are checked in every parameter; larger ones in a few random parameters of each tensor
/// and along one random direction through all of it.
pub(super) fn check(model: &Model<f64>, batch: &Minibatch, seed: u64) -> (f64, Option<Worst>, usize) {
    let layout = model.layout();
    let samples = batch.samples().min(SAMPLES);
    let mut grad = vec![0.0; layout.len()];
    reference::gradient(&model.config, &model.params, batch, 0..samples, &mut grad);
    let mut nudged = model.params.clone();
    let mut loss = |direction: &[(usize, f64)], step: f64| {
        for &(index, by) in direction {
            nudged[index] = model.params[index] + by * step;
        }
        let loss = reference::evaluate(&model.config, &nudged, batch, 0..samples, None).loss;
        for &(index, _) in direction {
            nudged[index] = model.params[index];
        }
        loss
    };
    let norm = |g: &[f64]| square_norm(g).sqrt();
    let (total, mut largest, mut worst) = (norm(&grad), 0.0_f64, None);
    let cost = model.config.cell.flops(model.config.hidden, batch.bits() + 1) * samples as f64;
    let thorough = cost * (layout.len() * STEPS.len()) as f64 <= BUDGET;
    for (tensor, direction) in directions(&layout, thorough, seed) {
        // A tensor whose gradient vanishes (the inputs of 1-bit additions are all 0) is held
        // against the whole gradient.
        let scale = norm(&grad[layout.tensors()[tensor].range()]).max(1e-3 * total);
        let expected: f64 = direction.iter().map(|&(index, by)| grad[index] * by).sum();
        let (error, found) = STEPS
            .map(|step| {
                let found = (loss(&direction, step) - loss(&direction, -step)) / (2.0 * step);
                (relative(found, expected, scale), found)
            })
            .into_iter()
            .min_by(|x, y| x.0.total_cmp(&y.0))
            .expect("steps");
        if error > largest {
            largest = error;
            let tensor = layout.tensors()[tensor];
            worst = Some(Worst {
                tensor: tensor.name,
                index: direction[0].0 - tensor.offset,
                found: expected,
                expected: found,
            });
        }
    }
    (largest, worst, samples)
}

/// Directions to look in, each within one tensor (given by its place): lists of (parameter, ±1).
fn directions(layout: &Layout, thorough: bool, seed: u64) -> Vec<(usize, Vec<(usize, f64)>)> {
    let mut rng = stream(seed, Purpose::Gradcheck, 1);
    let mut all = Vec::new();
    for (place, tensor) in layout.tensors().iter().enumerate() {
        if thorough {
            all.extend(tensor.range().map(|index| (place, vec![(index, 1.0)])));
        } else {
            let mut draw = |n: usize| usize::try_from(below(&mut rng, n as u64)).expect("below a usize");
            all.extend((0..3).map(|_| (place, vec![(tensor.offset + draw(tensor.len()), 1.0)])));
            all.push((place, tensor.range().map(|index| (index, [-1.0, 1.0][draw(2)])).collect()));
        }
    }
    all
}
