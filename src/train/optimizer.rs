//! Update rules.

use crate::kernel::Population;
use crate::task::lanes::{LANES, PerLane};
use std::fmt;

/// An optimizer and its rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// `p −= lr · g`.
    Sgd {
        /// Learning rate.
        lr: f32,
    },
    /// Moving averages of the gradient and its square, both corrected for their start at zero.
    ///
    /// # Source
    /// Kingma and Ba 2015, algorithm 1.
    Adam {
        /// Learning rate.
        lr: f32,
        /// Decay of the mean.
        beta1: f32,
        /// Decay of the mean square.
        beta2: f32,
        /// What keeps the divisor from 0.
        epsilon: f32,
    },
}

impl Rule {
    /// Adam with the paper's decays.
    pub fn adam(lr: f32) -> Self {
        Self::Adam { lr, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }

    /// The learning rate.
    pub fn lr(&self) -> f32 {
        match *self {
            Self::Sgd { lr } | Self::Adam { lr, .. } => lr,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sgd { .. } => "sgd",
            Self::Adam { .. } => "adam",
        })
    }
}

/// An optimizer at work on one flat buffer.
#[derive(Debug, Clone)]
pub struct Optimizer {
    rule: Rule,
    /// Mean of the gradient; empty for SGD.
    mean: Vec<f32>,
    /// Mean of its square; empty for SGD.
    square: Vec<f32>,
    /// β₁ᵗ and β₂ᵗ.
    powers: [f64; 2],
}

impl Optimizer {
    /// A fresh start for `len` parameters.
    pub fn new(rule: Rule, len: usize) -> Self {
        let len = if matches!(rule, Rule::Adam { .. }) { len } else { 0 };
        Self { rule, mean: vec![0.0; len], square: vec![0.0; len], powers: [1.0; 2] }
    }

    /// Adam's mean gradient, its mean square, and β₁ᵗ and β₂ᵗ; empty and 1 for SGD.
    pub(super) fn state(&self) -> (&[f32], &[f32], [f64; 2]) {
        (&self.mean, &self.square, self.powers)
    }

    /// Restores a state that [`Optimizer::state`] gave.
    pub(super) fn set_state(&mut self, mean: &[f32], square: &[f32], powers: [f64; 2]) {
        self.mean.copy_from_slice(mean);
        self.square.copy_from_slice(square);
        self.powers = powers;
    }

    /// One update by the gradient `scale · grad`. Returns the largest magnitudes of a weight and of
    /// a mean square, which are finite exactly if all are.
    ///
    /// Inlined, so that the caller's level compiles it; it rounds alike on all levels.
    #[inline(always)]
    pub fn update(&mut self, params: &mut [f32], grad: &[f32], scale: f32) -> [f32; 2] {
        // Magnitudes are compared as bits, where NaN is above ∞: neither is lost, and the loop is
        // vectorised. They are signed, since x86-64 compares unsigned vectors only from SSE4.1 on.
        let magnitude = |x: f32| x.abs().to_bits().cast_signed();
        let [mut weight, mut moment] = [0_i32; 2];
        match self.rule {
            Rule::Sgd { lr } => {
                for (p, g) in params.iter_mut().zip(grad) {
                    *p -= lr * (g * scale);
                    weight = weight.max(magnitude(*p));
                }
            }
            Rule::Adam { lr, beta1, beta2, epsilon } => {
                let [p1, p2] = &mut self.powers;
                let [rate, root] = corrected(lr, [beta1, beta2], [p1, p2]);
                let moments = self.mean.iter_mut().zip(&mut self.square);
                let step = AdamStep { rate, root, decays: [1.0 - beta1, 1.0 - beta2], epsilon };
                for ((p, g), (m, v)) in params.iter_mut().zip(grad).zip(moments) {
                    step.step(p, g * scale, m, v);
                    weight = weight.max(magnitude(*p));
                    moment = moment.max(magnitude(*v));
                }
            }
        }
        [weight, moment].map(|bits| f32::from_bits(bits.cast_unsigned()))
    }
}

/// Adam's rate and root of an update, with the corrections m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 −
/// β₂ᵗ) moved into them.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "corrections are computed in f64 and applied in f32")]
fn corrected(lr: f32, [beta1, beta2]: [f32; 2], [p1, p2]: [&mut f64; 2]) -> [f32; 2] {
    *p1 *= f64::from(beta1);
    *p2 *= f64::from(beta2);
    [(f64::from(lr) / (1.0 - *p1)) as f32, (1.0 / (1.0 - *p2)).sqrt() as f32]
}

/// What Adam does with a parameter in one update.
#[derive(Debug, Clone, Copy)]
struct AdamStep {
    rate: f32,
    root: f32,
    /// 1 − β₁ and 1 − β₂.
    decays: [f32; 2],
    epsilon: f32,
}

impl AdamStep {
    #[inline(always)]
    fn step(self, p: &mut f32, g: f32, m: &mut f32, v: &mut f32) {
        let [of_mean, of_square] = self.decays;
        *m = normal(*m + of_mean * (g - *m), of_mean);
        *v = normal(*v + of_square * (g * g - *v), of_square);
        *p -= self.rate * *m / (v.sqrt() * self.root + self.epsilon);
    }
}

/// An [`Optimizer`] for each lane of a population, all of one rule.
#[derive(Debug, Clone)]
pub(super) struct LaneOptimizer {
    rules: PerLane<Rule>,
    powers: PerLane<[f64; 2]>,
    /// Mean gradient and mean square of each parameter; empty for SGD.
    moments: Vec<[PerLane<f32>; 2]>,
}

impl LaneOptimizer {
    /// Optimizers of a rule, for nets of `len` parameters.
    pub(super) fn new(rule: Rule, len: usize) -> Self {
        let len = if matches!(rule, Rule::Adam { .. }) { len } else { 0 };
        Self { rules: [rule; LANES], powers: [[1.0; 2]; LANES], moments: vec![[[0.0; LANES]; 2]; len] }
    }

    /// Gives a lane an optimizer of the same kind.
    pub(super) fn set(&mut self, lane: usize, optimizer: &Optimizer) {
        (self.rules[lane], self.powers[lane]) = (optimizer.rule, optimizer.powers);
        for (moments, (m, v)) in self.moments.iter_mut().zip(optimizer.mean.iter().zip(&optimizer.square)) {
            (moments[0][lane], moments[1][lane]) = (*m, *v);
        }
    }

    /// Writes a lane's state to an optimizer of the same kind.
    pub(super) fn get(&self, lane: usize, optimizer: &mut Optimizer) {
        optimizer.powers = self.powers[lane];
        for (moments, (m, v)) in self.moments.iter().zip(optimizer.mean.iter_mut().zip(&mut optimizer.square)) {
            (*m, *v) = (moments[0][lane], moments[1][lane]);
        }
    }

    /// The rates, of plain descent alone.
    pub(super) fn sgd(&self) -> Option<PerLane<f32>> {
        matches!(self.rules[0], Rule::Sgd { .. }).then(|| self.rules.map(|rule| rule.lr()))
    }

    /// Lanes in which every moment is finite.
    pub(super) fn finite(&self) -> PerLane<bool> {
        let mut finite = [true; LANES];
        for [_, squares] in &self.moments {
            finite.iter_mut().zip(squares).for_each(|(finite, v)| *finite &= v.is_finite());
        }
        finite
    }

    /// One update of each lane, whose gradient is what the nets hold times the lane's `scale`.
    #[inline(always)]
    pub(super) fn update(&mut self, nets: &mut Population<f32>, scale: &PerLane<f32>) {
        // Rate, root, 1 − β₁, 1 − β₂ and ε of each lane, side by side.
        let mut of = [[0.0; LANES]; 5];
        for lane in 0..LANES {
            let [p1, p2] = &mut self.powers[lane];
            let values = match self.rules[lane] {
                Rule::Sgd { lr } => [lr, 0.0, 0.0, 0.0, 0.0],
                Rule::Adam { lr, beta1, beta2, epsilon } => {
                    let [rate, root] = corrected(lr, [beta1, beta2], [p1, p2]);
                    [rate, root, 1.0 - beta1, 1.0 - beta2, epsilon]
                }
            };
            of.iter_mut().zip(values).for_each(|(of, value)| of[lane] = value);
        }
        let [rate, root, of_mean, of_square, epsilon] = &of;
        let moments = &mut self.moments;
        nets.each(
            #[inline(always)]
            |index, p, g| match moments.get_mut(index) {
                None => {
                    for l in 0..LANES {
                        p[l] -= rate[l] * (g[l] * scale[l]);
                    }
                }
                Some([m, v]) => {
                    for l in 0..LANES {
                        let decays = [of_mean[l], of_square[l]];
                        let step = AdamStep { rate: rate[l], root: root[l], decays, epsilon: epsilon[l] };
                        step.step(&mut p[l], g[l] * scale[l], &mut m[l], &mut v[l]);
                    }
                }
            },
        );
    }
}

/// A moment, or 0 if its next decay would be subnormal.
///
/// A subnormal moment never decays further, since m + 0.1 (0 − m) rounds to m, and it can take a
/// processor a hundred times as long. Moments so small move no weight.
#[inline(always)]
fn normal(moment: f32, decay: f32) -> f32 {
    // A comparison that is false for NaN, which stays.
    if moment.abs() < f32::MIN_POSITIVE / decay { 0.0 } else { moment }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{SimdLevel, dispatch};

    #[test]
    fn no_moment_sticks_at_a_subnormal_number_on_any_level() {
        let gradients: Vec<f32> = (0..67_u8).map(|i| (f32::from(i) - 33.0) * 1e-3).collect();
        for level in SimdLevel::available() {
            let token = level.token().expect("available");
            let len = gradients.len();
            let (mut adam, mut params) = (Optimizer::new(Rule::adam(0.1), len), vec![0.5; len]);
            dispatch!(token, _ => adam.update(&mut params, &gradients, 1.0));
            // Squares decay for 70,000 updates; these begin near the end of that.
            let squares: Vec<f32> = adam.square.iter().map(|v| v * 1e-28).collect();
            let mean = adam.mean.clone();
            adam.set_state(&mean, &squares, [0.5; 2]);
            for update in 0..3000 {
                dispatch!(token, _ => adam.update(&mut params, &vec![0.0; len], 1.0));
                let mut moments = adam.mean.iter().chain(&adam.square);
                assert!(moments.all(|x| *x == 0.0 || x.is_normal()), "{level}, update {update}: {adam:?}");
            }
            assert!(adam.mean.iter().all(|&m| m == 0.0), "{level}: {:?}", adam.mean);
            assert!(adam.square.iter().all(|&v| v == 0.0), "{level}: {:?}", adam.square);
        }
    }

    #[test]
    fn sgd_and_adam_by_hand() {
        let mut params = [1.0, -2.0];
        let largest = Optimizer::new(Rule::Sgd { lr: 0.5 }, 2).update(&mut params, &[4.0, 8.0], 0.25);
        assert_eq!((params, largest), ([0.5, -3.0], [3.0, 0.0]), "p − ½ · g/4");

        // The first step of Adam is lr · sign(g), but for ε; a second equal gradient gives the same
        // step again.
        let mut params = [1.0_f32, 1.0];
        let mut adam = Optimizer::new(Rule::adam(0.1), 2);
        for step in [1.0, 2.0] {
            adam.update(&mut params, &[3.0, -0.01], 1.0);
            let wanted = [1.0 - 0.1 * step, 1.0 + 0.1 * step];
            for (p, w) in params.iter().zip(wanted) {
                assert!((p - w).abs() < 1e-5, "{params:?} is not {wanted:?}");
            }
        }
    }

    #[test]
    fn what_an_update_spoils_shows_in_what_it_returns() {
        for rule in [Rule::adam(1.0), Rule::Sgd { lr: 1.0 }] {
            for g in [f32::NAN, f32::INFINITY, f32::MAX] {
                let mut params = [1.0, f32::MAX, 1.0];
                let largest = Optimizer::new(rule, 3).update(&mut params, &[0.0, -g, 0.0], 4.0);
                assert!(largest.iter().any(|x| !x.is_finite()), "{rule}, gradient {g}: {largest:?}, {params:?}");
            }
        }
    }
}
