//! The notebooks' bit tables and their decoding.
//!
//! The notebooks compute from the least significant bit (LSB) up and print from the most
//! significant bit (MSB) down. Here each function's name tells its order.

/// The lowest `bits` bits of `n`, least significant first, as numbers.
#[must_use]
pub(crate) fn lsb_first(n: u32, bits: usize) -> Vec<f64> {
    (0..bits).map(|k| f64::from((n >> k) & 1)).collect()
}

/// The lowest `bits` bits of `n`, most significant first, as shown on a line.
#[must_use]
pub fn msb_first(n: u32, bits: usize) -> Vec<u8> {
    (0..bits).rev().map(|k| u8::from((n >> k) & 1 == 1)).collect()
}

/// Outputs, least significant first, rounded to bits, most significant first. A number that is not
/// finite gives no bit.
///
/// Rounding is numpy's, to even: an output of exactly one half is 0.
#[must_use]
pub(crate) fn rounded_msb_first(outputs_lsb_first: &[f64]) -> Vec<Option<u8>> {
    outputs_lsb_first.iter().rev().map(|&y| y.is_finite().then_some(u8::from(y > 0.5))).collect()
}

/// The integer of bits, most significant first; `None` when a bit is missing.
#[must_use]
pub(crate) fn decode_msb_first(bits: &[Option<u8>]) -> Option<u64> {
    bits.iter().try_fold(0, |n, &bit| Some(2 * n + u64::from(bit?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_survives_both_orders() {
        for n in 0..256 {
            let bits = rounded_msb_first(&lsb_first(n, 8));
            assert_eq!(decode_msb_first(&bits), Some(u64::from(n)), "{n}");
            assert_eq!(bits.iter().map(|b| b.unwrap_or(9)).collect::<Vec<_>>(), msb_first(n, 8), "{n}");
        }
    }

    #[test]
    fn a_half_rounds_down_and_nan_is_no_bit() {
        assert_eq!(rounded_msb_first(&[0.5, f64::NAN]), [None, Some(0)], "LSB 0.5, MSB NaN");
        assert_eq!(decode_msb_first(&[None, Some(0)]), None, "no integer without all bits");
    }
}
