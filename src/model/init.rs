//! Initial parameters.

use super::{Config, Layout, Model};
use crate::task::rng::{Purpose, stream, unit};
use crate::words::words;
use num_traits::Float;

/// How parameters are initialised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Init {
    /// Weights uniform in (−1, 1), biases 0: the notebooks' way.
    Uniform,
    /// Weights and biases uniform in ±1/√H, as `torch.nn.RNN` has them; input weights in (−1, 1),
    /// since the inputs are two bits whatever H is.
    Scaled,
}

words!(Init "way to begin": Uniform = "uniform", Scaled = "scaled");

impl Init {
    /// A new net, drawn from the seed's stream in the order of the flat buffer.
    pub fn model<F: Float>(self, config: Config, seed: u64) -> Model<F> {
        let mut rng = stream(seed, Purpose::Init, 0);
        let mut model = Model::zeros(config);
        #[expect(clippy::cast_precision_loss, reason = "a hidden size is at most 2^15")]
        let scaled = 1.0 / (config.hidden as f64).sqrt();
        for tensor in Layout::of(&config).tensors() {
            let bound = match (self, tensor.name) {
                (Self::Uniform, "b_h" | "b_o") => 0.0,
                (Self::Uniform, _) | (Self::Scaled, "w_ih") => 1.0,
                (Self::Scaled, _) => scaled,
            };
            for p in &mut model.params[tensor.range()] {
                *p = F::from(bound * (2.0 * unit(&mut rng) - 1.0)).expect("floats convert to floats");
            }
        }
        model
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_stay_in_their_bounds_and_depend_on_the_seed() {
        let config = Config { hidden: 25, ..Config::default() };
        let model: Model<f32> = Init::Scaled.model(config, 1);
        let layout = model.layout();
        for tensor in layout.tensors() {
            let bound = if tensor.name == "w_ih" { 1.0 } else { 0.2 };
            let worst = model.params[tensor.range()].iter().fold(0.0, |m: f32, p| m.max(p.abs()));
            assert!(worst <= bound && worst > 0.0, "{}: {worst}", tensor.name);
        }
        assert_eq!(model, Init::Scaled.model(config, 1), "the same seed");
        assert_ne!(model, Init::Scaled.model(config, 2), "another seed");
        let uniform: Model<f32> = Init::Uniform.model(config, 1);
        assert!(layout.weights(&uniform.params).b_h.iter().all(|&b| b == 0.0), "biases begin at 0");
    }
}
