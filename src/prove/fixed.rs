//! Fixed-point numbers, and the two functions that making an integer network takes.
//!
//! A number with n fractional bits is an integer k that stands for k / 2^n. Nothing here asks the
//! system's mathematical library, whose last digit differs from machine to machine: a network is
//! made of sums, products, quotients and roundings alone, which IEEE 754 fixes.

/// Fractional bits of weights: a rounding error of 1.2e-4, far below what training leaves
/// undecided.
pub const WEIGHT_BITS: u32 = 12;

/// The most fractional bits of a carried state: values of tanh then take −64 to 64, and a cell
/// state up to ±127 still fits a byte.
pub const MAX_Q: u32 = 6;

/// Fractional bits of an LSTM's gates, which are not carried, and the most of its carried state.
pub const GATE_BITS: u32 = 4;

/// x / 2^bits rounded to the nearest integer, or nothing if it is not finite or beyond ±2^30.
pub(super) fn fixed(x: f64, bits: u32) -> Option<i32> {
    let scaled = (x * power(bits)).round();
    #[expect(clippy::cast_possible_truncation, reason = "below 2^30")]
    (scaled.abs() <= LARGEST).then_some(scaled as i32)
}

/// The least integer not below x · 2^bits, cut to ±2^30.
pub(super) fn ceiling(x: f64, bits: u32) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "cut to 2^30")]
    let scaled = (x * power(bits)).ceil().clamp(-LARGEST, LARGEST) as i32;
    scaled
}

/// 2^30: twice of it still fits an `i32`.
pub(super) const LARGEST: f64 = (1_u32 << 30) as f64;

/// 2^bits.
pub(super) fn power(bits: u32) -> f64 {
    f64::from(1_u32 << bits)
}

/// ln x for positive normal x: x = m 2^e with m in [⅔, 4⁄3), and ln m = 2 (s + s³/3 + s⁵/5 + …)
/// with s = (m − 1)/(m + 1).
///
/// # Accuracy
/// |s| ≤ 1/5, so 12 terms leave less than 1e-18; rounding leaves some 1e-16 relative to the larger of ln m and e ln 2.
pub(super) fn ln(x: f64) -> f64 {
    let (mut m, mut e) = (x, 0.0);
    while m >= 4.0 / 3.0 {
        (m, e) = (m / 2.0, e + 1.0);
    }
    while m < 2.0 / 3.0 {
        (m, e) = (m * 2.0, e - 1.0);
    }
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    for term in (0..12).rev() {
        sum = sum * square + 1.0 / f64::from(2 * term + 1);
    }
    2.0 * s * sum + e * std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_right_to_the_last_digits() {
        for k in 1..4000 {
            let x = f64::from(k) / 129.0;
            assert!((ln(x) - x.ln()).abs() <= 4e-16 * x.ln().abs().max(1.0), "ln {x} = {} is not {}", ln(x), x.ln());
        }
    }

    #[test]
    fn roundings_are_the_nearest_and_refuse_what_does_not_fit() {
        assert_eq!((fixed(0.5, 0), fixed(-0.26, 2), fixed(1.0, 12)), (Some(1), Some(-1), Some(4096)));
        assert_eq!((fixed(f64::NAN, 1), fixed(f64::INFINITY, 1), fixed(1e9, 12)), (None, None, None));
        assert_eq!((ceiling(0.3, 2), ceiling(-0.3, 2), ceiling(0.25, 2)), (2, -1, 1));
        assert_eq!(ceiling(f64::INFINITY, 3), 1 << 30, "cut");
    }
}
