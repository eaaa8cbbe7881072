//! The limit: how many multiply-adds a core can do, measured.

use super::level::dispatch;
use super::{Float, SimdLevel};
use fearless_simd::Simd;
use fearless_simd::prelude::*;
use std::hint::black_box;
use std::time::{Duration, Instant};

type Vector<S, F> = <F as SimdFloatElement>::Native<S>;

/// Independent sums: enough to hide the latency of two multiply-add units (2 × 4 to 5 cycles), few
/// enough for 16 registers.
const SUMS: usize = 12;
/// Multiply-adds of each sum between two looks at the clock.
const ROUNDS: usize = 4096;

/// The peak of this core right now, in GFLOP/s (a multiply-add is two), from independent
/// multiply-adds on registers alone.
///
/// Cores change their speed with heat and neighbours, so a share of the peak means something only
/// if the peak was measured beside the figure it is compared with.
///
/// # Panics
/// If this machine lacks the level; [`SimdLevel::checked`] asks first.
pub fn fma_peak<F: Float>(level: SimdLevel, time: Duration) -> f64 {
    F::peak(level, time)
}

/// [`fma_peak`].
pub(super) fn measure<F: Float>(level: SimdLevel, time: Duration) -> f64 {
    let token = level.token().expect("a level of this machine");
    let start = Instant::now();
    let (mut best, mut flop, mut since) = (0.0_f64, 0.0, start);
    while start.elapsed() < time {
        flop += dispatch!(token, simd => multiply_add::<_, F>(simd));
        // The best slice of a millisecond: interruptions only ever take away.
        let seconds = since.elapsed().as_secs_f64();
        if seconds > 1e-3 {
            best = best.max(flop / seconds);
            (flop, since) = (0.0, Instant::now());
        }
    }
    best / 1e9
}

/// Does `SUMS · ROUNDS` vector multiply-adds and returns their flop.
#[inline(always)]
fn multiply_add<S: Simd, F: Float>(simd: S) -> f64 {
    let splat = |x| Vector::<S, F>::splat(simd, F::of(x));
    let mut sums = [splat(1.0); SUMS];
    let (x, y) = (splat(black_box(0.999_999)), splat(black_box(1e-6)));
    for _ in 0..ROUNDS {
        for sum in &mut sums {
            *sum = sum.mul_add(x, y);
        }
    }
    let mut total = sums[0];
    sums[1..].iter().for_each(|&sum| total += sum);
    black_box(total.as_slice()[0].widen());
    (2 * SUMS * ROUNDS * Vector::<S, F>::LEN) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_a_peak() {
        for level in SimdLevel::available() {
            let peak = fma_peak::<f32>(level, Duration::from_millis(10));
            assert!(peak > 0.1 && peak < 10_000.0, "{level}: {peak} GFLOP/s");
        }
    }
}
