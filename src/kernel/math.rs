//! 2^u, σ, tanh and ln(1 + e^−|z|) on vectors: the same operations in the same order on every
//! level.
//!
//! σ and tanh take their argument times [`scale`], so that e^x becomes a power of two, whose
//! exponent is split off without rounding. The products bring the factor along in their packed
//! weights, where it costs nothing.
//!
//! No libm is in the path, no approximate reciprocal, and every division is a true one, so levels
//! with fused multiply-add agree bit for bit, and so do levels without it. NaN comes out as NaN.
//! The tests of this module hold the bounds, on every level.

use crate::model::Activation;
use crate::task::lanes::PerLane;
use crate::task::tree::Number;
use fearless_simd::prelude::*;
use fearless_simd::{f32x16, f64x8, u32x16};
use num_traits::Float;

/// A float the kernel computes with: `f32` or `f64`.
pub(crate) trait Lane: SimdFloatElement + Float + Number + Send + Sync {
    /// A *line* of 64 bytes, on every level: a narrower machine has it in several registers.
    type Line<S: Simd>: SimdFloat<S, Element = Self>;
    /// Explicit bits of the significand.
    const MANTISSA: u32;
    /// 1.5 · 2^MANTISSA plus the exponent's bias: adding it to a small x rounds x to an integer n
    /// and leaves n + bias in the low bits.
    const ROUND: Self;
    /// The magnitude that exponents are cut to, so that 2^u and its reciprocal stay normal numbers.
    const EXP_LIMIT: Self;
    /// Coefficients of q in 2^f ≈ 1 + f q(f), |f| ≤ ½, lowest first.
    ///
    /// # Source
    /// Interpolation of (2^f − 1)/f at the Chebyshev nodes of the interval, in 80 digits; relative
    /// error of q 2.1e-8 (`f32`, degree 5) and 5.1e-17 (`f64`, degree 10), below half a unit in the
    /// last place.
    const EXP_Q: &'static [Self];
    /// Terms of the series of ln(1 + u), see [`ln_1p_exp_neg`].
    const LN_TERMS: i8;

    /// A bit of each word of a line of them, as 0 and 1.
    fn bits<S: Simd>(simd: S, words: &PerLane<u32>, place: u32) -> Self::Line<S>;
    /// The nearest value.
    fn of(x: f64) -> Self;
    /// The exact value.
    fn widen(self) -> f64;
    /// An integer of at most 24 bits, exactly.
    fn signed(x: i32) -> Self;
}

impl Lane for f32 {
    type Line<S: Simd> = f32x16<S>;
    const MANTISSA: u32 = 23;
    const ROUND: Self = 12_582_912.0 + 127.0;
    const EXP_LIMIT: Self = 125.9;
    const EXP_Q: &'static [Self] =
        &[std::f32::consts::LN_2, 0.240_226_5, 0.055_503_57, 0.009_618_083, 0.001_339_086_3, 1.545_316_3e-4];
    const LN_TERMS: i8 = 8;

    #[inline(always)]
    fn bits<S: Simd>(simd: S, words: &PerLane<u32>, place: u32) -> f32x16<S> {
        ((u32x16::from_slice(simd, words) >> place) & 1).to_float()
    }

    #[expect(clippy::cast_possible_truncation, reason = "rounding to the nearest f32 is what is asked for")]
    fn of(x: f64) -> Self {
        x as Self
    }

    fn widen(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn signed(x: i32) -> Self {
        x as Self
    }
}

impl Lane for f64 {
    type Line<S: Simd> = f64x8<S>;
    const MANTISSA: u32 = 52;
    const ROUND: Self = 6_755_399_441_055_744.0 + 1023.0;
    const EXP_LIMIT: Self = 1021.9;
    const EXP_Q: &'static [Self] = &[
        std::f64::consts::LN_2,
        0.240_226_506_959_100_97,
        0.055_504_108_664_821_6,
        0.009_618_129_107_606_888,
        0.001_333_355_814_641_693_6,
        1.540_353_044_173_605e-4,
        1.525_273_382_983_612e-5,
        1.321_544_258_792_169e-6,
        1.017_806_244_584_577_4e-7,
        7.072_585_949_269_223e-9,
        4.454_960_598_186_509e-10,
    ];
    const LN_TERMS: i8 = 17;

    #[inline(always)]
    fn bits<S: Simd>(simd: S, words: &PerLane<u32>, place: u32) -> f64x8<S> {
        f64x8::from_fn(simd, |lane| Self::whole(words[lane] >> place & 1))
    }

    fn of(x: f64) -> Self {
        x
    }

    fn widen(self) -> f64 {
        self
    }

    #[inline(always)]
    fn signed(x: i32) -> Self {
        x.into()
    }
}

/// The line of a float on a level.
pub(crate) type Vector<S, F> = <F as Lane>::Line<S>;

/// Whether a precision is for checks, and is worth fewer copies to compile: `f64`.
pub(crate) const fn for_checks<F>() -> bool {
    size_of::<F>() == 8
}

/// Lanes of a level's registers, as `f32`s: 16, 8 or 4.
pub(crate) const fn register<S: Simd>() -> usize {
    <S::f32s as SimdBase<S>>::LEN
}

/// What a pre-activation is multiplied with before [`sigmoid`] or [`tanh`] takes it: −log₂ e and 2
/// log₂ e.
pub(crate) fn scale<F: Lane>(activation: Activation) -> F {
    match activation {
        Activation::Sigmoid => -F::of(std::f64::consts::LOG2_E),
        Activation::Tanh => F::of(2.0 * std::f64::consts::LOG2_E),
        Activation::Relu => F::one(),
    }
}

/// u cut to ±[`Lane::EXP_LIMIT`], where NaN stays NaN.
#[inline(always)]
fn cut<S: Simd, F: Lane>(simd: S, u: Vector<S, F>) -> Vector<S, F> {
    let (low, high) = (Vector::<S, F>::splat(simd, -F::EXP_LIMIT), Vector::<S, F>::splat(simd, F::EXP_LIMIT));
    #[cfg(target_arch = "aarch64")]
    let keeps_nan = matches!(simd.level(), fearless_simd::Level::Neon(_));
    #[cfg(not(target_arch = "aarch64"))]
    let keeps_nan = cfg!(any(target_arch = "x86", target_arch = "x86_64"));
    if keeps_nan {
        // On x86 these give their second operand where either is NaN, on ARM the NaN; elsewhere it
        // may be the number.
        high.min(low.max(u))
    } else {
        let u = u.simd_lt(low).select(low, u);
        u.simd_gt(high).select(high, u)
    }
}

/// 2^u in two parts, (s, f) with 2^u = s · 2^f: s a power of two and |f| ≤ ½, without rounding; and
/// q(f), see [`Lane::EXP_Q`].
#[inline(always)]
fn exp2_parts<S: Simd, F: Lane>(simd: S, u: Vector<S, F>) -> [Vector<S, F>; 3] {
    let splat = |value| Vector::<S, F>::splat(simd, value);
    let u = cut::<S, F>(simd, u);
    let rounded = u + splat(F::ROUND);
    let f = u - (rounded - splat(F::ROUND));
    // Pairs of terms first, which do not wait for each other: c + c' f, then Horner's way in f².
    let square = f * f;
    let mut q = splat(F::zero());
    for (i, pair) in F::EXP_Q.chunks(2).rev().enumerate() {
        let pair = if let [c, d] = *pair { splat(d).mul_add(f, splat(c)) } else { splat(pair[0]) };
        q = if i == 0 { pair } else { q.mul_add(square, pair) };
    }
    [Vector::<S, F>::from_bits(rounded.to_bits() << F::MANTISSA), f, q]
}

/// σ(z) = 1 / (1 + 2^u) for u = −z log₂ e.
///
/// # Accuracy
/// 3 ulp of σ(z) for the given u, which is cut to ±[`Lane::EXP_LIMIT`].
#[inline(always)]
pub(crate) fn sigmoid<S: Simd, F: Lane>(simd: S, u: Vector<S, F>) -> Vector<S, F> {
    let one = Vector::<S, F>::splat(simd, F::one());
    let [s, f, q] = exp2_parts::<S, F>(simd, u);
    // s f and s + 1 do not wait for q.
    one / q.mul_add(s * f, s + one)
}

/// tanh z = (2^u − 1) / (2^u + 1) for u = 2 z log₂ e, where 2^u − 1 = s·f q + (s − 1) keeps its
/// relative accuracy near 0.
///
/// # Accuracy
/// 4 ulp of tanh z for the given u.
#[inline(always)]
pub(crate) fn tanh<S: Simd, F: Lane>(simd: S, u: Vector<S, F>) -> Vector<S, F> {
    let splat = |value| Vector::<S, F>::splat(simd, value);
    let [s, f, q] = exp2_parts::<S, F>(simd, u);
    let less_one = (q * f).mul_add(s, s - splat(F::one()));
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
/// With u = e^−|z| in (0, 1] and s = u / (2 + u) ≤ ⅓: ln(1 + u) = 2 artanh s = 2 (s + s³/3 + s⁵/5 +
/// …), cut where the next term is below half a unit in the last place.
///
/// # Accuracy
/// 4 ulp, and |z| ulp more for the rounding of the exponent.
#[inline(always)]
pub(crate) fn ln_1p_exp_neg<S: Simd, F: Lane>(simd: S, z: Vector<S, F>) -> Vector<S, F> {
    let splat = |value| Vector::<S, F>::splat(simd, value);
    let [s, f, q] = exp2_parts::<S, F>(simd, z.abs() * splat(scale(Activation::Sigmoid)));
    let u = q.mul_add(f, splat(F::one())) * s;
    let s = u / (u + splat(F::one() + F::one()));
    let square = s * s;
    let mut sum = splat(F::zero());
    for term in (0..F::LN_TERMS).rev() {
        sum = sum.mul_add(square, splat(F::of(1.0 / f64::from(2 * i32::from(term) + 1))));
    }
    (s + s) * sum
}

/// Runs code that calls φ of lines times [`scale`] by a name. The choice stands outside of the
/// code's loops, so that the functions of several lines overlap.
macro_rules! with_phi {
    ($activation:expr, $phi:ident => $body:expr) => {
        match $activation {
            $crate::model::Activation::Sigmoid => {
                use $crate::kernel::math::sigmoid as $phi;
                $body
            }
            $crate::model::Activation::Tanh => {
                use $crate::kernel::math::tanh as $phi;
                $body
            }
            $crate::model::Activation::Relu => {
                use $crate::kernel::math::relu as $phi;
                $body
            }
        }
    };
}

/// φ(z).
#[inline(always)]
pub(super) fn apply<S: Simd, F: Lane>(simd: S, activation: Activation, z: Vector<S, F>) -> Vector<S, F> {
    apply_scaled::<S, F>(simd, activation, z * Vector::<S, F>::splat(simd, scale(activation)))
}

/// φ(z) of z times [`scale`].
#[inline(always)]
pub(super) fn apply_scaled<S: Simd, F: Lane>(simd: S, activation: Activation, u: Vector<S, F>) -> Vector<S, F> {
    /// Where a line is many registers, φ is a long program, and a call costs little.
    #[inline(never)]
    fn outlined<S: Simd, F: Lane>(simd: S, activation: Activation, u: Vector<S, F>) -> Vector<S, F> {
        inlined::<S, F>(simd, activation, u)
    }
    if const { register::<S>() < 8 } {
        outlined::<S, F>(simd, activation, u)
    } else {
        inlined::<S, F>(simd, activation, u)
    }
}

#[inline(always)]
fn inlined<S: Simd, F: Lane>(simd: S, activation: Activation, u: Vector<S, F>) -> Vector<S, F> {
    with_phi!(activation, phi => phi::<S, F>(simd, u))
}

/// φ of whole lines, in place.
#[inline(always)]
pub(super) fn apply_lines<S: Simd, F: Lane>(simd: S, activation: Activation, lines: &mut [F]) {
    with_phi!(activation, phi => for line in lines.chunks_exact_mut(const { 64 / size_of::<F>() }) {
        phi::<S, F>(simd, Vector::<S, F>::from_slice(simd, line)).store_slice(line);
    });
}

/// φ′ from the output y of φ.
#[inline(always)]
pub(super) fn derivative<S: Simd, F: Lane>(simd: S, activation: Activation, y: Vector<S, F>) -> Vector<S, F> {
    let splat = |value| Vector::<S, F>::splat(simd, value);
    match activation {
        Activation::Sigmoid => y * (splat(F::one()) - y),
        Activation::Tanh => splat(F::one()) - y * y,
        Activation::Relu => y.simd_gt(splat(F::zero())).select(splat(F::one()), splat(F::zero())),
    }
}

/// The sum of the lanes in one fixed order, a tree of halves: lane l and lane l + half, then + a
/// quarter, and so on.
pub(super) fn sum_lanes<F: Lane>(lanes: &[F]) -> F {
    let mut sums = [F::zero(); 16];
    let mut half = lanes.len() / 2;
    sums[..lanes.len()].copy_from_slice(lanes);
    while half > 0 {
        for l in 0..half {
            sums[l] += sums[l + half];
        }
        half /= 2;
    }
    sums[0]
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is what is asked for")]
mod tests {
    use super::*;
    use crate::kernel::SimdLevel;
    use crate::kernel::dispatch;
    use std::f64::consts::LN_2;

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
            // The oracle of f32 is f64; that of f64 is std, itself within an ulp. σ and tanh are
            // given u, and judged by the z it stands for. The bound may grow with the argument.
            let check32 = |name, bound: &dyn Fn(f64) -> f64, found: Vec<f32>, wanted: &dyn Fn(f64) -> f64| {
                for (&x, &y) in narrow.iter().zip(&found) {
                    let error = ulps32(y, wanted(f64::from(x)));
                    assert!(error <= bound(f64::from(x)), "{level}: {name}({x}) = {y} is {error} ulp off");
                }
            };
            check32("sigmoid", &|_| 3.0, map!(level, sigmoid, f32, &narrow), &|u| 1.0 / (1.0 + u.exp2()));
            check32("tanh", &|_| 4.0, map!(level, tanh, f32, &narrow), &|u| (u * LN_2 / 2.0).tanh());
            check32("ln_1p_exp_neg", &|x| 4.0 + x.abs(), map!(level, ln_1p_exp_neg, f32, &narrow), &|x| {
                (-x.abs()).exp().ln_1p()
            });
            let check64 = |name, bound: &dyn Fn(f64) -> f64, found: Vec<f64>, wanted: &dyn Fn(f64) -> f64| {
                for (&x, &y) in grid().iter().zip(&found) {
                    let error = ulps64(y, wanted(x));
                    assert!(error <= bound(x), "{level}: {name}({x}) = {y} is {error} ulp off");
                }
            };
            check64("sigmoid", &|_| 4.0, map!(level, sigmoid, f64, &grid()), &|u| 1.0 / (1.0 + u.exp2()));
            check64("tanh", &|_| 5.0, map!(level, tanh, f64, &grid()), &|u| (u * LN_2 / 2.0).tanh());
            check64("ln_1p_exp_neg", &|x| 5.0 + x.abs(), map!(level, ln_1p_exp_neg, f64, &grid()), &|x| {
                (-x.abs()).exp().ln_1p()
            });
        }
    }

    #[test]
    fn nan_stays_nan_and_infinities_saturate_on_every_level() {
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::NAN];
        for level in SimdLevel::available() {
            let y = map!(level, sigmoid, f32, &odd);
            assert!(y[0].is_nan() && y[3].is_nan(), "{level}: sigmoid(NaN) = {y:?}");
            assert!((y[2] - 1.0).abs() < 1e-6 && (0.0..1e-30).contains(&y[1]), "{level}: sigmoid(∞) = {y:?}");
            let y = map!(level, tanh, f32, &odd);
            assert!(y[0].is_nan() && y[1] == 1.0 && y[2] == -1.0, "{level}: tanh = {y:?}");
            let y = map!(level, relu, f32, &odd);
            assert!(y[0].is_nan() && y[1] == f32::INFINITY && y[2] == 0.0, "{level}: relu = {y:?}");
            let wide = map!(level, sigmoid, f64, &[f64::NAN, -1200.0, 1200.0]);
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
