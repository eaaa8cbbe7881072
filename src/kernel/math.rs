//! e^x, σ, tanh and ln(1 + e^−|z|) on vectors: the same operations in the same order on every level.
//!
//! No libm is in the path, no approximate reciprocal, and every division is a true one, so levels with fused multiply-add agree
//! bit for bit, and so do levels without it. NaN comes out as NaN. The tests of this module hold the bounds, on every level.

use fearless_simd::prelude::*;
use num_traits::Float;
use std::ops::AddAssign;

/// A float the kernel computes with: `f32` or `f64`.
pub(crate) trait Lane: SimdFloatElement + Float + AddAssign + Default + Send + Sync + 'static {
    /// Explicit bits of the significand.
    const MANTISSA: u32;
    /// 1.5 · 2^MANTISSA plus the exponent's bias: adding it to a small x rounds x to an integer n and leaves n + bias in the low bits.
    const ROUND: Self;
    /// The magnitude that arguments of e^x are cut to, so that e^x and its reciprocal stay normal numbers.
    const EXP_LIMIT: Self;
    /// 1 / ln 2.
    const LOG2_E: Self;
    /// ln 2 in two parts: −(high), exact in products with an exponent, and −(low).
    const LN_2: [Self; 2];
    /// Coefficients of q in e^r ≈ 1 + r q(r), |r| ≤ ½ ln 2, lowest first.
    ///
    /// # Source
    /// Interpolation of (e^r − 1)/r at the Chebyshev nodes of the interval, in 60 digits, the constant fixed to 1; relative error of q
    /// 1.3e-8 (`f32`, degree 5) and 2.1e-17 (`f64`, degree 10), below half a unit in the last place.
    const EXP_Q: &'static [Self];
    /// Terms of the series of ln(1 + u), see [`ln_1p_exp_neg`].
    const LN_TERMS: i8;

    /// The nearest value.
    fn of(x: f64) -> Self;
    /// The exact value.
    fn widen(self) -> f64;
    /// An integer of at most 24 bits, exactly.
    fn whole(x: i32) -> Self;
}

impl Lane for f32 {
    const MANTISSA: u32 = 23;
    const ROUND: Self = 12_582_912.0 + 127.0;
    const EXP_LIMIT: Self = 87.3;
    const LOG2_E: Self = std::f32::consts::LOG2_E;
    #[expect(clippy::excessive_precision, reason = "the high part has 9 bits, which its decimals show")]
    const LN_2: [Self; 2] = [-0.693_359_375, 2.121_944_4e-4];
    const EXP_Q: &'static [Self] = &[1.0, 0.5, 0.166_665_05, 0.041_666_465, 0.008_369_149, 0.001_393_364];
    const LN_TERMS: i8 = 8;

    #[expect(clippy::cast_possible_truncation, reason = "rounding to the nearest f32 is what is asked for")]
    fn of(x: f64) -> Self {
        x as Self
    }

    fn widen(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn whole(x: i32) -> Self {
        x as Self
    }
}

impl Lane for f64 {
    const MANTISSA: u32 = 52;
    const ROUND: Self = 6_755_399_441_055_744.0 + 1023.0;
    const EXP_LIMIT: Self = 708.3;
    const LOG2_E: Self = std::f64::consts::LOG2_E;
    const LN_2: [Self; 2] = [-0.693_145_751_953_125, -1.428_606_820_309_417_2e-6];
    const EXP_Q: &'static [Self] = &[
        1.0,
        0.500_000_000_000_000_6,
        0.166_666_666_666_666_7,
        0.041_666_666_666_573_14,
        0.008_333_333_333_326_14,
        0.001_388_888_893_248_86,
        1.984_126_987_480_049e-4,
        2.480_150_434_699_768_7e-5,
        2.755_725_542_574_643_5e-6,
        2.762_635_724_144_722_3e-7,
        2.510_520_637_395_701e-8,
    ];
    const LN_TERMS: i8 = 17;

    fn of(x: f64) -> Self {
        x
    }

    fn widen(self) -> f64 {
        self
    }

    #[inline(always)]
    fn whole(x: i32) -> Self {
        x.into()
    }
}

/// The native vector of a float on a level.
pub(crate) type Vector<S, F> = <F as SimdFloatElement>::Native<S>;

/// e^x in two parts, (s, m) with e^x = s + s·m: s = 2^n and m = e^r − 1, |r| ≤ ½ ln 2.
///
/// # Accuracy
/// m has a relative error below 2 ulp, also near 0; arguments are cut to ±[`Lane::EXP_LIMIT`].
#[inline(always)]
fn exp_parts<S: Simd, F: Lane>(simd: S, x: Vector<S, F>) -> (Vector<S, F>, Vector<S, F>) {
    let splat = |value| Vector::<S, F>::splat(simd, value);
    // By comparison and choice, so that NaN stays NaN: what min and max make of it differs by level.
    let (low, high) = (splat(-F::EXP_LIMIT), splat(F::EXP_LIMIT));
    let x = x.simd_lt(low).select(low, x);
    let x = x.simd_gt(high).select(high, x);
    let rounded = x.mul_add(splat(F::LOG2_E), splat(F::ROUND));
    let n = rounded - splat(F::ROUND);
    let r = n.mul_add(splat(F::LN_2[0]), x);
    let r = n.mul_add(splat(F::LN_2[1]), r);
    let (&last, rest) = F::EXP_Q.split_last().expect("a polynomial has coefficients");
    let mut q = splat(last);
    for &c in rest.iter().rev() {
        q = q.mul_add(r, splat(c));
    }
    let scale = Vector::<S, F>::from_bits(rounded.to_bits() << F::MANTISSA);
    (scale, q * r)
}

/// σ(z) = 1 / (1 + e^−z).
///
/// # Accuracy
/// 3 ulp.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd, F: Lane>(simd: S, z: Vector<S, F>) -> Vector<S, F> {
    let one = Vector::<S, F>::splat(simd, F::one());
    let (scale, m) = exp_parts::<S, F>(simd, -z);
    one / scale.mul_add(m, scale + one)
}

/// tanh z = (e^2z − 1) / (e^2z + 1), where e^2z − 1 = s·m + (s − 1) keeps its relative accuracy near 0.
///
/// # Accuracy
/// 4 ulp.
#[inline(always)]
pub(crate) fn tanh<S: Simd, F: Lane>(simd: S, z: Vector<S, F>) -> Vector<S, F> {
    let splat = |value| Vector::<S, F>::splat(simd, value);
    let (scale, m) = exp_parts::<S, F>(simd, z + z);
    let less_one = scale.mul_add(m, scale - splat(F::one()));
    less_one / (less_one + splat(F::one() + F::one()))
}

/// max(z, 0); NaN stays NaN.
#[inline(always)]
pub(crate) fn relu<S: Simd, F: Lane>(simd: S, z: Vector<S, F>) -> Vector<S, F> {
    let zero = Vector::<S, F>::splat(simd, F::zero());
    z.simd_le(zero).select(zero, z)
}

/// ln(1 + e^−|z|), the part of the cross-entropy that needs a logarithm.
///
/// With u = e^−|z| in (0, 1] and s = u / (2 + u) ≤ ⅓: ln(1 + u) = 2 artanh s = 2 (s + s³/3 + s⁵/5 + …), cut where the next term is below
/// half a unit in the last place.
///
/// # Accuracy
/// 4 ulp.
#[inline(always)]
pub(crate) fn ln_1p_exp_neg<S: Simd, F: Lane>(simd: S, z: Vector<S, F>) -> Vector<S, F> {
    let splat = |value| Vector::<S, F>::splat(simd, value);
    let (scale, m) = exp_parts::<S, F>(simd, -z.abs());
    let u = scale.mul_add(m, scale);
    let s = u / (u + splat(F::one() + F::one()));
    let square = s * s;
    let mut sum = splat(F::zero());
    for term in (0..F::LN_TERMS).rev() {
        sum = sum.mul_add(square, splat(F::of(1.0 / f64::from(2 * i32::from(term) + 1))));
    }
    (s + s) * sum
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is what is asked for")]
mod tests {
    use super::*;
    use crate::kernel::SimdLevel;
    use fearless_simd::dispatch;

    /// Runs a vector function over a list on a level.
    macro_rules! map {
        ($level:expr, $f:ident, $lane:ty, $values:expr) => {{
            #[inline(always)]
            fn all<S: Simd>(simd: S, values: &[$lane]) -> Vec<$lane> {
                values
                    .iter()
                    .map(|&x| $f::<S, $lane>(simd, Vector::<S, $lane>::splat(simd, x)).as_slice()[0])
                    .collect()
            }
            dispatch!($level.token().expect("available"), simd => all(simd, $values))
        }};
    }

    fn ulps32(found: f32, wanted: f64) -> f64 {
        let step = (wanted.abs() as f32).max(f32::MIN_POSITIVE);
        (f64::from(found) - wanted).abs() / f64::from(f32::from_bits(step.to_bits() + 1) - step)
    }

    fn ulps64(found: f64, wanted: f64) -> f64 {
        let step = wanted.abs().max(f64::MIN_POSITIVE);
        (found - wanted).abs() / (f64::from_bits(step.to_bits() + 1) - step)
    }

    fn grid() -> Vec<f64> {
        let dense = (-2000..=2000).map(|i| f64::from(i) * 0.01);
        let wide = (-870..=870).map(|i| f64::from(i) * 0.1 + 0.037);
        let tiny = (1..60).flat_map(|i| [2_f64.powi(-i), -2_f64.powi(-i) * 1.3]);
        dense.chain(wide).chain(tiny).collect()
    }

    #[test]
    fn errors_stay_within_their_bounds_on_every_level() {
        let narrow: Vec<f32> = grid().into_iter().map(|x| x as f32).collect();
        for level in SimdLevel::available() {
            // The oracle of f32 is f64; that of f64 is std, itself within an ulp.
            let check32 = |name, bound: f64, found: Vec<f32>, wanted: &dyn Fn(f64) -> f64| {
                for (&x, &y) in narrow.iter().zip(&found) {
                    let error = ulps32(y, wanted(f64::from(x)));
                    assert!(error <= bound, "{level}: {name}({x}) = {y} is {error} ulp off");
                }
            };
            check32("sigmoid", 3.0, map!(level, sigmoid, f32, &narrow), &|x| 1.0 / (1.0 + (-x).exp()));
            check32("tanh", 4.0, map!(level, tanh, f32, &narrow), &f64::tanh);
            check32("ln_1p_exp_neg", 4.0, map!(level, ln_1p_exp_neg, f32, &narrow), &|x| (-x.abs()).exp().ln_1p());
            let check64 = |name, bound: f64, found: Vec<f64>, wanted: &dyn Fn(f64) -> f64| {
                for (&x, &y) in grid().iter().zip(&found) {
                    let error = ulps64(y, wanted(x));
                    assert!(error <= bound, "{level}: {name}({x}) = {y} is {error} ulp off");
                }
            };
            check64("sigmoid", 4.0, map!(level, sigmoid, f64, &grid()), &|x| 1.0 / (1.0 + (-x).exp()));
            check64("tanh", 5.0, map!(level, tanh, f64, &grid()), &f64::tanh);
            check64("ln_1p_exp_neg", 5.0, map!(level, ln_1p_exp_neg, f64, &grid()), &|x| (-x.abs()).exp().ln_1p());
        }
    }

    #[test]
    fn nan_stays_nan_and_infinities_saturate_on_every_level() {
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::NAN];
        for level in SimdLevel::available() {
            let y = map!(level, sigmoid, f32, &odd);
            assert!(y[0].is_nan() && y[3].is_nan(), "{level}: sigmoid(NaN) = {y:?}");
            assert!((y[1] - 1.0).abs() < 1e-6 && (0.0..1e-30).contains(&y[2]), "{level}: sigmoid(∞) = {y:?}");
            let y = map!(level, tanh, f32, &odd);
            assert!(y[0].is_nan() && y[1] == 1.0 && y[2] == -1.0, "{level}: tanh = {y:?}");
            let y = map!(level, relu, f32, &odd);
            assert!(y[0].is_nan() && y[1] == f32::INFINITY && y[2] == 0.0, "{level}: relu = {y:?}");
            let wide = map!(level, sigmoid, f64, &[f64::NAN, 800.0, -800.0]);
            assert!(wide[0].is_nan() && wide[1] == 1.0 && wide[2] < 1e-300, "{level}: {wide:?}");
        }
    }

    #[test]
    fn levels_of_a_kind_agree_bit_for_bit() {
        let narrow: Vec<f32> = grid().into_iter().map(|x| x as f32).collect();
        for fused in [false, true] {
            let mut first: Option<(SimdLevel, Vec<f32>)> = None;
            for level in SimdLevel::available().into_iter().filter(|l| l.fused_multiply_add() == fused) {
                let mut found = map!(level, sigmoid, f32, &narrow);
                found.extend(map!(level, tanh, f32, &narrow));
                found.extend(map!(level, ln_1p_exp_neg, f32, &narrow));
                let (name, wanted) = first.get_or_insert_with(|| (level, found.clone()));
                assert_eq!(&found, wanted, "{level} and {name}");
            }
        }
    }
}
