//! What becomes of a product's sums.

use super::math::Lane;
use super::rows;
use crate::model::Activation;
use fearless_simd::Simd;

/// What becomes of a product's sums before the next product reads them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Finish<'a, F> {
    /// They stay as they are.
    Plain,
    /// They are pre-activations times [`math::scale`](super::math::scale): φ of them, one for each group of outputs.
    Activate(&'a [Activation]),
    /// They flow back, dh: times φ′, from the outputs of φ, as many as the product's.
    Derive(Activation, &'a [F]),
}

impl<F: Lane> Finish<'_, F> {
    /// Finishes the stored sums of a whole product.
    pub(crate) fn rows<S: Simd>(self, simd: S, out: &mut [F]) {
        match self {
            Self::Plain => {}
            Self::Activate(gates) => {
                let group = out.len() / gates.len();
                for (&activation, rows) in gates.iter().zip(out.chunks_exact_mut(group)) {
                    rows::activate(simd, activation, rows);
                }
            }
            Self::Derive(activation, y) => rows::derive(simd, activation, y, out),
        }
    }
}
