//! Where numbers lie: tiles, rows, blocks and panels.
//!
//! Samples are lanes. A *row* is one unit's value for all samples of a tile, contiguous (*batch-contiguous*). The rows that
//! a product reads or writes at one step stand together as a *block*:
//!
//! - a block of **state** holds what step t reads: h_{t−1} (H rows), `a_t`, `b_t` and a row of ones;
//! - a block of **delta** holds what flows back into it: `dz_t` (G·H rows) and `dz_o` of step t−1.
//!
//! So one step forward is one product, `z_t = [h_{t−1} a_t b_t] · [W_hh; W_ih] + b_h`, and all weight gradients are one sum over
//! steps, `Σ_t state_t · delta_tᵀ`: its rows are (h, a, b, 1), its columns (dz, `dz_o`), and `dW_hh`, `dW_ih`, `db_h`, `dW_ho`
//! and `db_o` are parts of it.

use crate::model::Cell;
use std::ops::{Deref, DerefMut, Range};

/// Samples in a tile of the fused engine: one word of a bit tensor.
pub(crate) const TILE: usize = 64;

/// Logical lanes of a sum over samples, on every level: a narrower machine walks them in parts.
pub(crate) const LANES: usize = 16;

/// Rows of state beside the hidden ones: a, b and ones.
pub(crate) const EXTRA: usize = 3;

/// The sizes a kernel is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The cell, which decides what else is kept.
    pub(crate) cell: Cell,
    /// Hidden units, H.
    pub(crate) units: usize,
    /// Hidden units there is room for: H, or more where units are lanes.
    pub(crate) hidden: usize,
    /// Pre-activations, G times as many.
    pub(crate) wide: usize,
    /// Time steps, T.
    pub(crate) steps: usize,
}

impl Shape {
    /// Rows in a block of state.
    pub(crate) fn state_rows(&self) -> usize {
        self.hidden + EXTRA
    }

    /// Rows in a block of delta.
    pub(crate) fn delta_rows(&self) -> usize {
        self.wide + 1
    }
}

/// Samples that go through together, and where their rows lie.
#[derive(Debug, Clone)]
pub(crate) struct Tile {
    /// The kernel's sizes.
    pub(crate) shape: Shape,
    /// Samples there is room for in a row, a multiple of 64.
    pub(crate) width: usize,
    /// Samples that exist.
    pub(crate) samples: usize,
    /// The words of the minibatch they are.
    pub(crate) words: Range<usize>,
}

impl Tile {
    /// The hidden rows of a block of state.
    pub(crate) fn h(&self, block: usize) -> Range<usize> {
        self.rows(block * self.shape.state_rows(), self.shape.hidden)
    }

    /// The rows a and b of a block of state.
    pub(crate) fn x(&self, block: usize) -> Range<usize> {
        self.rows(block * self.shape.state_rows() + self.shape.hidden, 2)
    }

    /// The rows dz of a block of delta.
    pub(crate) fn dz(&self, block: usize) -> Range<usize> {
        self.rows(block * self.shape.delta_rows(), self.shape.wide)
    }

    /// The row `dz_o` of a block of delta.
    pub(crate) fn dz_o(&self, block: usize) -> Range<usize> {
        self.rows(block * self.shape.delta_rows() + self.shape.wide, 1)
    }

    /// The inputs of the backward product at step t, which are dz of the next step, if there is one, and `dz_o`; and their rows.
    pub(crate) fn flows_back(&self, t: usize) -> (Range<usize>, Range<usize>) {
        let Shape { wide, steps, .. } = self.shape;
        let inputs = if t + 1 == steps { wide..wide + 1 } else { 0..wide + 1 };
        let rows = self.rows((t + 1) * self.shape.delta_rows() + inputs.start, inputs.len());
        (inputs, rows)
    }

    /// The rows of a block of H rows.
    pub(crate) fn plain(&self, block: usize) -> Range<usize> {
        self.rows(block * self.shape.hidden, self.shape.hidden)
    }

    /// `count` rows from row `first`.
    pub(crate) fn rows(&self, first: usize, count: usize) -> Range<usize> {
        first * self.width..(first + count) * self.width
    }
}

/// A buffer that begins at a cache line.
#[derive(Debug)]
pub(crate) struct Aligned<F> {
    /// What is used is the end of it.
    data: Vec<F>,
    start: usize,
}

/// Bytes in a cache line, and in the widest vector.
const LINE: usize = 64;

impl<F: Copy + Default> Aligned<F> {
    /// A buffer of zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let mut data = vec![F::default(); len + LINE / size_of::<F>()];
        let start = data.as_ptr().align_offset(LINE);
        data.truncate(start + len);
        Self { data, start }
    }

    /// Grows to at least `len`, all zero again if it does.
    pub(crate) fn reserve(&mut self, len: usize) {
        if self.len() < len {
            *self = Self::zeros(len);
        }
    }
}

impl<F: Clone> Clone for Aligned<F> {
    fn clone(&self) -> Self {
        let mut data: Vec<F> = Vec::with_capacity(self.len() + LINE / size_of::<F>());
        let before = data.as_ptr().align_offset(LINE);
        data.extend(self.data.iter().cycle().take(before).cloned());
        let start = data.len();
        data.extend_from_slice(self);
        Self { data, start }
    }
}

impl<F> Deref for Aligned<F> {
    type Target = [F];

    #[inline(always)]
    fn deref(&self) -> &[F] {
        &self.data[self.start..]
    }
}

impl<F> DerefMut for Aligned<F> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [F] {
        &mut self.data[self.start..]
    }
}

/// Numbers below n in runs as even as possible, longest first: 16 by 6 is 6, 5, 5.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Runs {
    /// How many there are.
    pub(crate) count: usize,
    short: usize,
    /// Runs that are one longer than `short`.
    longer: usize,
}

impl Runs {
    /// Runs of at most `max`.
    #[inline(always)]
    pub(crate) fn of(n: usize, max: usize) -> Self {
        let count = n.div_ceil(max);
        // Divisions cost more than what a small run does.
        let (short, longer) = if count > 1 { (n / count, n % count) } else { (n, 0) };
        Self { count, short, longer }
    }

    /// The run of index `i`.
    #[inline(always)]
    pub(crate) fn get(self, i: usize) -> Range<usize> {
        let start = i * self.short + i.min(self.longer);
        start..start + self.short + usize::from(i < self.longer)
    }
}

/// [`Runs::of`], one after the other.
#[inline(always)]
pub(crate) fn runs(n: usize, max: usize) -> impl Iterator<Item = Range<usize>> {
    let runs = Runs::of(n, max);
    (0..runs.count).map(move |i| runs.get(i))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cover_everything_once_and_are_even() {
        for max in 1..8 {
            for n in 0..50 {
                let all: Vec<_> = runs(n, max).collect();
                let covered: Vec<usize> = all.iter().cloned().flatten().collect();
                assert_eq!(covered, (0..n).collect::<Vec<_>>(), "{n} by {max}");
                let lengths = all.iter().map(|r| r.len());
                let (low, high) = (lengths.clone().min().unwrap_or(1), lengths.max().unwrap_or(1));
                assert!(high <= max && high - low <= 1, "{n} by {max}: {all:?}");
            }
        }
    }

    #[test]
    fn aligned_buffers_begin_at_a_cache_line() {
        let mut buffer = Aligned::<f32>::zeros(100);
        assert_eq!(buffer.as_ptr().align_offset(LINE), 0, "f32");
        assert_eq!(Aligned::<f64>::zeros(7).as_ptr().align_offset(LINE), 0, "f64");
        buffer.reserve(1000);
        assert_eq!((buffer.len(), buffer.as_ptr().align_offset(LINE)), (1000, 0), "grown");
        buffer[999] = 1.0;
        // Copies live elsewhere, each with its own way to a cache line.
        let copies: Vec<_> = (0..8).map(|_| buffer.clone()).collect();
        assert!(Aligned::<f32>::zeros(0).clone().is_empty(), "nothing");
        assert!(copies.iter().all(|c| c.as_ptr().align_offset(LINE) == 0 && c[..] == buffer[..]), "copied");
    }
}
