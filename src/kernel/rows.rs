//! Where numbers lie: nodes are rows, units are lanes.
//!
//! A *row* holds the states of one node, or of four where nets are small, in whole lines of 64
//! bytes. Rows follow each other as nodes do. A row of pre-activations or of what flows back into
//! them has its gates side by side.

use super::Products;
use super::math::{Lane, Vector};
use fearless_simd::prelude::*;
use std::fmt::Debug;
use std::ops::{Deref, DerefMut};

/// Lanes of a line.
pub(crate) const fn lanes<F>() -> usize {
    64 / size_of::<F>()
}

/// The most rows whose outer products are summed before they are added to the sums before, and as
/// many as chains keep S of: their lines stay in the second cache, and long sums do not drift.
pub(crate) const OUTER_ROWS: usize = 128;

/// The sizes of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Shape {
    /// Hidden units, H.
    pub(crate) hidden: usize,
    /// Pre-activations of a unit, G.
    pub(crate) gates: usize,
    /// Lines of a gate in a row.
    pub(crate) lines: usize,
    /// Floats of a gate in a row.
    pub(crate) wide: usize,
    /// Floats from one row of states to the next.
    pub(crate) ld: usize,
    /// Floats from one row of pre-activations to the next.
    pub(crate) ldz: usize,
}

impl Shape {
    /// Rows of `lines` lines, one after the other.
    #[inline(always)]
    pub(crate) const fn dense<F: Lane>(hidden: usize, gates: usize, lines: usize) -> Self {
        let wide = lines * lanes::<F>();
        Self { hidden, gates, lines, wide, ld: wide, ldz: gates * wide }
    }

    /// Rows of one node. Long ones are a line longer, so that the same unit of many rows does not
    /// fall into one cache set.
    pub(crate) fn long<F: Lane>(hidden: usize, gates: usize) -> Self {
        let shape = Self::dense::<F>(hidden, gates, hidden.div_ceil(lanes::<F>()));
        let pad = |floats: usize| floats + if floats * size_of::<F>() >= 256 { lanes::<F>() } else { 0 };
        Self { ld: pad(shape.ld), ldz: pad(shape.ldz), ..shape }
    }
}

/// A way to lay out rows and to multiply them. All else is done line by line.
pub(crate) trait Rows<F: Lane>: Debug + Clone + Send + Sync {
    /// Nodes of a row.
    const NODES: usize;

    /// The rows of a net.
    fn shape(hidden: usize, gates: usize) -> Shape;

    /// Room for the weights of a net.
    fn new(shape: Shape, method: Products) -> Self;

    /// Packs `w_hh [H, G·H]` for both ways; for the way forward each gate times its scale.
    fn pack<S: Simd>(&mut self, simd: S, w_hh: &[F], scales: [F; 4]);

    /// `z = h W_hh`, row by row.
    ///
    /// # Shapes
    /// `h [rows, ld]`, `z [rows, ldz]`.
    fn product<S: Simd>(&self, simd: S, rows: usize, h: &[F], z: &mut [F]);

    /// `dh = s W_hhᵀ`, row by row.
    ///
    /// # Shapes
    /// `s [rows, ldz]`, `dh [rows, ld]`.
    fn product_back<S: Simd>(&self, simd: S, rows: usize, s: &[F], dh: &mut [F]);

    /// `sums += Σ_rows h ⊗ s`.
    ///
    /// # Shapes
    /// `h [rows, ld]`, `s [rows, ldz]`, `sums [H, G·wide]`, H rounded up to a row's nodes.
    fn outer<S: Simd>(&self, simd: S, rows: usize, h: &[F], s: &[F], sums: &mut [F]);

    /// `h · w` of every node.
    ///
    /// # Shapes
    /// `h [rows, ld]`, `w [wide]`, `out`: a float for each node, rounded up to a line.
    fn dots<S: Simd>(&self, simd: S, rows: usize, h: &[F], w: &[F], out: &mut [F]);

    /// A line with the values of a row's nodes, each in the node's lanes.
    fn spread<S: Simd>(simd: S, values: &[F]) -> Vector<S, F>;

    /// Writes the values of H units as a row has them, for all its nodes.
    fn lay(values: &[F], row: &mut [F]);

    /// Adds up a row's nodes: the inverse of [`Rows::lay`].
    fn fold(row: &[F], sums: &mut [F]);

    /// Copies so many floats of the rows of the given nodes. Rows begin `.1` floats apart.
    fn gather<S: Simd>(simd: S, nodes: &[u32], floats: usize, from: (&[F], usize), to: (&mut [F], usize));

    /// Adds so many floats of rows to those of the given nodes.
    fn scatter_add<S: Simd>(simd: S, nodes: &[u32], floats: usize, from: (&[F], usize), to: (&mut [F], usize));
}

/// Loads the line that begins at a place.
#[inline(always)]
pub(crate) fn load<S: Simd, F: Lane>(simd: S, from: &[F], at: usize) -> Vector<S, F> {
    Vector::<S, F>::from_slice(simd, &from[at..][..lanes::<F>()])
}

/// Loads lines that begin `apart` floats from each other. No `array::from_fn`, which leaves a call.
#[inline(always)]
pub(crate) fn load_each<S: Simd, F: Lane, const N: usize>(simd: S, from: &[F], apart: usize) -> [Vector<S, F>; N] {
    let mut lines = [Vector::<S, F>::splat(simd, F::zero()); N];
    for i in 0..N {
        lines[i] = load(simd, from, i * apart);
    }
    lines
}

/// Stores a line at a place.
#[inline(always)]
pub(crate) fn store<S: Simd, F: Lane>(line: Vector<S, F>, to: &mut [F], at: usize) {
    line.store_slice(&mut to[at..][..lanes::<F>()]);
}

/// A buffer that begins at a cache line.
#[derive(Debug)]
pub(crate) struct Aligned<F> {
    /// What is used is the end of it.
    data: Vec<F>,
    start: usize,
}

/// Bytes in a cache line.
const LINE: usize = 64;

impl<F> Default for Aligned<F> {
    fn default() -> Self {
        Self { data: Vec::new(), start: 0 }
    }
}

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

impl<F: Copy + Default> Clone for Aligned<F> {
    fn clone(&self) -> Self {
        let mut copy = Self::zeros(self.len());
        copy.copy_from_slice(self);
        copy
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

#[cfg(test)]
mod tests {
    use super::*;

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
