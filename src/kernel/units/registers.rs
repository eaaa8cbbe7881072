//! How many rows a register tile has: R rows of 16 lanes, which are NV vectors of a level.

use crate::kernel::math::{Lane, Vector};
use fearless_simd::prelude::*;

/// The most rows: as many as leave a quarter of the registers to the operands.
#[inline(always)]
pub(super) fn most<S: Simd, F: Lane>() -> usize {
    match Vector::<S, F>::LEN {
        16 => 12,
        8 => 6,
        4 => 3,
        _ => 1,
    }
}

/// A register tile's sums: R rows, each `stride` after the one before.
#[inline(always)]
pub(super) fn load<S: Simd, F: Lane, const R: usize, const NV: usize>(
    simd: S,
    rows: &[F],
    stride: usize,
) -> [[Vector<S, F>; NV]; R] {
    let len = Vector::<S, F>::LEN;
    let mut sums = [[Vector::<S, F>::splat(simd, F::zero()); NV]; R];
    for r in 0..R {
        for v in 0..NV {
            sums[r][v] = Vector::<S, F>::from_slice(simd, &rows[r * stride + v * len..][..len]);
        }
    }
    sums
}

/// Writes them back.
#[inline(always)]
pub(super) fn store<S: Simd, F: Lane, const R: usize, const NV: usize>(
    sums: &[[Vector<S, F>; NV]; R],
    rows: &mut [F],
    stride: usize,
) {
    let len = Vector::<S, F>::LEN;
    for r in 0..R {
        for v in 0..NV {
            sums[r][v].store_slice(&mut rows[r * stride + v * len..][..len]);
        }
    }
}

/// `sums[r] += x(r) · line`: one input of R rows of sums, NV vectors each.
#[inline(always)]
pub(super) fn add<S: Simd, F: Lane, const R: usize, const NV: usize>(
    simd: S,
    sums: &mut [[Vector<S, F>; NV]; R],
    x: impl Fn(usize) -> F,
    line: &[F],
) {
    let len = Vector::<S, F>::LEN;
    let mut y = [Vector::<S, F>::splat(simd, F::zero()); NV];
    for v in 0..NV {
        y[v] = Vector::<S, F>::from_slice(simd, &line[v * len..][..len]);
    }
    for r in 0..R {
        let x = Vector::<S, F>::splat(simd, x(r));
        for v in 0..NV {
            sums[r][v] = y[v].mul_add(x, sums[r][v]);
        }
    }
}

/// Calls a method of const parameters R and NV for `rows`, at most [`most`] of them. Only the arms of a level are compiled for it.
macro_rules! dispatch {
    ($S:ty, $F:ty, $rows:expr, $on:ident.$method:ident($($argument:expr),*)) => {
        if const { Vector::<$S, $F>::LEN == 16 } {
            match $rows {
                1 => $on.$method::<$S, 1, 1>($($argument),*),
                2 => $on.$method::<$S, 2, 1>($($argument),*),
                3 => $on.$method::<$S, 3, 1>($($argument),*),
                4 => $on.$method::<$S, 4, 1>($($argument),*),
                5 => $on.$method::<$S, 5, 1>($($argument),*),
                6 => $on.$method::<$S, 6, 1>($($argument),*),
                7 => $on.$method::<$S, 7, 1>($($argument),*),
                8 => $on.$method::<$S, 8, 1>($($argument),*),
                9 => $on.$method::<$S, 9, 1>($($argument),*),
                10 => $on.$method::<$S, 10, 1>($($argument),*),
                11 => $on.$method::<$S, 11, 1>($($argument),*),
                _ => $on.$method::<$S, 12, 1>($($argument),*),
            }
        } else if const { Vector::<$S, $F>::LEN == 8 } {
            match $rows {
                1 => $on.$method::<$S, 1, 2>($($argument),*),
                2 => $on.$method::<$S, 2, 2>($($argument),*),
                3 => $on.$method::<$S, 3, 2>($($argument),*),
                4 => $on.$method::<$S, 4, 2>($($argument),*),
                5 => $on.$method::<$S, 5, 2>($($argument),*),
                _ => $on.$method::<$S, 6, 2>($($argument),*),
            }
        } else if const { Vector::<$S, $F>::LEN == 4 } {
            match $rows {
                1 => $on.$method::<$S, 1, 4>($($argument),*),
                2 => $on.$method::<$S, 2, 4>($($argument),*),
                _ => $on.$method::<$S, 3, 4>($($argument),*),
            }
        } else if const { Vector::<$S, $F>::LEN == 2 } {
            $on.$method::<$S, 1, 8>($($argument),*)
        } else {
            $on.$method::<$S, 1, 16>($($argument),*)
        }
    };
}

pub(super) use dispatch;
