//! Parameters: named tensors in one flat buffer.

use super::{Cell, Config};
use num_traits::Float;
use std::ops::Range;

/// One named tensor of a flat buffer, row-major `[rows, cols]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tensor {
    /// `w_ih`, `w_hh`, `b_h`, `w_ho` or `b_o`.
    pub name: &'static str,
    /// Rows: what it reads. 1 for a bias.
    pub rows: usize,
    /// Columns: what it feeds. Gates lie side by side, in the order i, f, g, o.
    pub cols: usize,
    /// Index of the first element in the flat buffer.
    pub offset: usize,
}

impl Tensor {
    /// Number of elements.
    #[expect(clippy::len_without_is_empty, reason = "a tensor is never empty")]
    pub fn len(&self) -> usize {
        self.rows * self.cols
    }

    /// Indices of the elements in the flat buffer.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.len()
    }
}

/// The tensors of a net, in the order of the flat buffer.
///
/// # Shapes
/// `w_ih [2, G·H]`, `w_hh [H, G·H]`, `b_h [G·H]`, `w_ho [H, 1]`, `b_o [1]`, with G gates; biases
/// only where the config has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    tensors: Vec<Tensor>,
}

impl Layout {
    /// The layout of a config.
    pub fn of(config: &Config) -> Self {
        let (hidden, wide) = (config.hidden, config.hidden * config.cell.gates());
        let shapes = [
            ("w_ih", 2, wide, true),
            ("w_hh", hidden, wide, true),
            ("b_h", 1, wide, config.bias),
            ("w_ho", hidden, 1, true),
            ("b_o", 1, 1, config.bias),
        ];
        let mut offset = 0;
        let tensors = shapes.into_iter().filter(|shape| shape.3).map(|(name, rows, cols, _)| {
            let tensor = Tensor { name, rows, cols, offset };
            offset += tensor.len();
            tensor
        });
        Self { tensors: tensors.collect() }
    }

    /// The tensors in order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The tensor of a name, if this net has it.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    /// Length of the flat buffer.
    #[expect(clippy::len_without_is_empty, reason = "a net always has parameters")]
    pub fn len(&self) -> usize {
        self.tensors.last().map_or(0, |tensor| tensor.range().end)
    }

    /// The tensor that holds an index of the flat buffer, and the place in it.
    pub fn locate(&self, index: usize) -> Option<(&Tensor, usize)> {
        let tensor = self.tensors.iter().find(|tensor| tensor.range().contains(&index))?;
        Some((tensor, index - tensor.offset))
    }

    /// The flat buffer as named tensors; a bias the net does not have is an empty slice.
    ///
    /// # Panics
    /// If `params` has another length than the layout.
    pub fn weights<'a, F>(&self, params: &'a [F]) -> Weights<&'a [F]> {
        assert_eq!(params.len(), self.len(), "a parameter buffer of another net");
        let view = |name| self.get(name).map_or(&params[..0], |tensor| &params[tensor.range()]);
        Weights { w_ih: view("w_ih"), w_hh: view("w_hh"), b_h: view("b_h"), w_ho: view("w_ho"), b_o: view("b_o") }
    }

    /// [`Layout::weights`], to write.
    ///
    /// # Panics
    /// If `params` has another length than the layout.
    pub fn weights_mut<'a, F>(&self, params: &'a mut [F]) -> Weights<&'a mut [F]> {
        assert_eq!(params.len(), self.len(), "a parameter buffer of another net");
        let mut rest = params;
        let mut next = |name| {
            let (tensor, after) = std::mem::take(&mut rest).split_at_mut(self.get(name).map_or(0, Tensor::len));
            rest = after;
            tensor
        };
        Weights { w_ih: next("w_ih"), w_hh: next("w_hh"), b_h: next("b_h"), w_ho: next("w_ho"), b_o: next("b_o") }
    }
}

/// A flat buffer seen as its tensors, slices of it; see [`Layout`] for the shapes.
#[derive(Debug, Clone, Copy)]
pub struct Weights<S> {
    /// Input to hidden, `[2, G·H]`.
    pub w_ih: S,
    /// Hidden to hidden, `[H, G·H]`.
    pub w_hh: S,
    /// Hidden bias, `[G·H]`, or empty.
    pub b_h: S,
    /// Hidden to output, `[H]`.
    pub w_ho: S,
    /// Output bias, `[1]`, or empty.
    pub b_o: S,
}

/// A net: what it is and the numbers it learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Model<F = f32> {
    /// What the net is.
    pub config: Config,
    /// All parameters, in the order of [`Layout::of`] its config.
    pub params: Vec<F>,
}

impl<F: Float> Model<F> {
    /// A net with all parameters zero.
    pub fn zeros(config: Config) -> Self {
        Self { config, params: vec![F::zero(); Layout::of(&config).len()] }
    }

    /// The layout of its parameters.
    pub fn layout(&self) -> Layout {
        Layout::of(&self.config)
    }

    /// A copy in another precision.
    ///
    /// # Panics
    /// Never: every float converts to every other.
    pub fn cast<G: Float>(&self) -> Model<G> {
        let params = self.params.iter().map(|&p| G::from(p).expect("floats convert to floats")).collect();
        Model { config: self.config, params }
    }
}

impl Cell {
    /// Flop of one sample's training step, counting the recurrent products alone: 6 G H² (T−1), for
    /// the forward product, the product with the transpose and the weight gradient; the first step
    /// has no previous state.
    pub fn flops(self, hidden: usize, steps: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a count of operations, wanted to a few digits")]
        let flops = (6 * self.gates() * hidden * hidden * (steps - 1)) as f64;
        flops
    }
}
