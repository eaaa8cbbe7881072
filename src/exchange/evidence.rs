//! A minibatch with carrylane's outputs and gradients, for other programs to compare with theirs.

use super::npz::Writer;
use crate::error::Result;
use crate::kernel::{Float, SimdLevel};
use crate::model::{Layout, Model};
use crate::reference::{self, Real};
use crate::task::rng::{Purpose, stream};
use crate::task::{BitTensor, Minibatch};
use crate::train::{Engine, EngineKind, MemoryNeed};
use zip::result::ZipResult;

/// Random additions, and outputs, loss and gradients of a net on them.
///
/// In an npz file: `a`, `b` and `target`, bytes `[sample, step]`, least significant bit first; and
/// in both precisions, as `…_f32` and `…_f64`, `outputs` `[sample, step]` of the scalar reference,
/// `loss`, and the gradient `dw_ih` … `db_o` of an engine, in the shapes of the tensors. Loss and
/// gradients are means over the samples.
#[derive(Debug, Clone)]
pub struct Evidence {
    layout: Layout,
    additions: Minibatch,
    single: Pass<f32>,
    double: Pass<f64>,
}

/// The results of a pass in one precision.
#[derive(Debug, Clone)]
struct Pass<F> {
    outputs: Vec<F>,
    loss: F,
    grad: Vec<F>,
}

impl Evidence {
    /// The evidence of a net on `samples` random additions of `bits` bits, the ones that
    /// `gradcheck` draws from this seed.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) if the machine lacks the level,
    /// [`Error::Memory`](crate::Error::Memory) if it lacks the memory.
    pub fn new(
        model: &Model<f32>,
        bits: usize,
        samples: usize,
        seed: u64,
        engine: EngineKind,
        level: SimdLevel,
    ) -> Result<Self> {
        // The larger pass, in f64; outputs in both precisions; and all of it again as a file.
        let mut need = MemoryNeed::of_gradient(&model.config, bits, samples, engine, 1, 8.0);
        need.data += (bits * samples) as f64 * 2.0 * (4.0 + 8.0 + 3.0);
        need.afforded()?;
        let mut additions = Minibatch::new(samples, bits);
        additions.fill_uniform(&mut stream(seed, Purpose::Gradcheck, 0));
        let single = Pass::of(model, &additions, engine, level)?;
        let double = Pass::of(&model.cast::<f64>(), &additions, engine, level)?;
        Ok(Self { layout: model.layout(), additions, single, double })
    }

    /// Adds the arrays to a file.
    pub(super) fn write(&self, file: &mut Writer) -> ZipResult<()> {
        let additions = &self.additions;
        let shape = [additions.samples(), additions.bits()];
        for (name, bits) in [("a", &additions.a), ("b", &additions.b), ("target", &additions.c)] {
            file.add(name, &shape, &bytes(bits))?;
        }
        self.single.write("f32", &self.layout, &shape, file)?;
        self.double.write("f64", &self.layout, &shape, file)
    }
}

impl<F: Float + Real + super::npy::Element> Pass<F> {
    fn of(model: &Model<F>, additions: &Minibatch, engine: EngineKind, level: SimdLevel) -> Result<Self> {
        let samples = additions.samples();
        let outputs = reference::outputs(&model.config, &model.params, additions, 0..samples);
        let mut engine = Engine::<F>::new(&model.config, engine, level, 1)?;
        engine.set_params(&model.params);
        let mut grad = vec![<F as num_traits::Zero>::zero(); model.params.len()];
        let tally = engine.gradient(additions, &mut grad);
        let count = <F as num_traits::NumCast>::from(samples).expect("a count is a float");
        let grad = grad.into_iter().map(|g| g / count).collect();
        let loss = <F as num_traits::NumCast>::from(tally.loss / samples as f64).expect("floats convert to floats");
        Ok(Self { outputs, loss, grad })
    }

    fn write(&self, precision: &str, layout: &Layout, shape: &[usize], file: &mut Writer) -> ZipResult<()> {
        file.add(&format!("outputs_{precision}"), shape, &self.outputs)?;
        file.add(&format!("loss_{precision}"), &[1], &[self.loss])?;
        for tensor in layout.tensors() {
            let shape = if tensor.name.starts_with('b') { vec![tensor.cols] } else { vec![tensor.rows, tensor.cols] };
            file.add(&format!("d{}_{precision}", tensor.name), &shape, &self.grad[tensor.range()])?;
        }
        Ok(())
    }
}

/// Bits as bytes, `[sample, step]`.
fn bytes(bits: &BitTensor) -> Vec<u8> {
    let samples = 0..bits.samples();
    samples.flat_map(|sample| (0..bits.steps()).map(move |step| u8::from(bits.get(sample, step)))).collect()
}
