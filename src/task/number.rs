//! Integers of any size, for people: operands in decimal, `0b…` and `0x…`, and back.

use super::addition::Minibatch;
use super::bits::BitTensor;
use crate::error::{Error, Result};
use num_bigint::BigUint;

/// The widest number that is taken, in bits.
pub const MAX_BITS: usize = 1 << 20;

/// Reads a natural number: decimal, `0b…` binary or `0x…` hexadecimal, `_` allowed between digits.
///
/// # Errors
/// [`Error::Usage`] for an empty or negative operand, a digit that does not fit the base, or more
/// than [`MAX_BITS`] bits.
pub fn parse(text: &str) -> Result<BigUint> {
    let wanted = "want a natural number: decimal, 0b… or 0x…";
    if text.is_empty() {
        return Err(Error::usage(format!("an operand is empty; {wanted}")));
    }
    if text.starts_with('-') {
        return Err(Error::usage(format!("operand '{}' is negative; {wanted}", shorten(text))));
    }
    let lower = text.to_ascii_lowercase();
    let (digits, radix, bits_a_digit) = match lower.split_at_checked(2) {
        Some(("0b", digits)) => (digits, 2, 1),
        Some(("0x", digits)) => (digits, 16, 4),
        _ => (lower.as_str(), 10, 4),
    };
    if digits.len() > MAX_BITS / bits_a_digit * if radix == 10 { 4 / 3 + 1 } else { 1 } {
        return Err(Error::usage(format!("operand '{}' has more than {MAX_BITS} bits", shorten(text))));
    }
    let plain = digits.starts_with(|c: char| c != '_').then(|| digits.replace('_', ""));
    let value = plain.and_then(|plain| {
        let all_digits = !plain.is_empty() && plain.chars().all(|c| c.is_digit(radix));
        all_digits.then(|| BigUint::parse_bytes(plain.as_bytes(), radix)).flatten()
    });
    match value {
        Some(value) if value.bits() <= MAX_BITS as u64 => Ok(value),
        Some(_) => Err(Error::usage(format!("operand '{}' has more than {MAX_BITS} bits", shorten(text)))),
        None => Err(Error::usage(format!("operand '{}' is not a number; {wanted}", shorten(text)))),
    }
}

/// A text as a message can hold it: of a long one its beginning and its length, and no control
/// characters.
pub fn shorten(text: &str) -> String {
    let count = text.chars().count();
    let shown = text.chars().take(if count <= 40 { 40 } else { 24 }).map(|c| if c.is_control() { '·' } else { c });
    let shown: String = shown.collect();
    if count <= 40 { shown } else { format!("{shown}… ({count} characters)") }
}

/// The width that `a + b` needs: the wider operand and one bit for the carry.
pub fn width_of_sum(a: &BigUint, b: &BigUint) -> usize {
    usize::try_from(a.bits().max(b.bits())).expect("operands fit memory") + 1
}

/// The number of one sample.
pub fn to_uint(tensor: &BitTensor, sample: usize) -> BigUint {
    let mut bytes = vec![0_u8; tensor.steps().div_ceil(8)];
    for step in 0..tensor.steps() {
        bytes[step / 8] |= u8::from(tensor.get(sample, step)) << (step % 8);
    }
    BigUint::from_bytes_le(&bytes)
}

impl Minibatch {
    /// A minibatch of the given pairs, at a width of `bits`, and their sums.
    ///
    /// # Errors
    /// [`Error::Usage`] if a pair's sum needs more than `bits` bits.
    pub fn from_pairs(pairs: &[(BigUint, BigUint)], bits: usize) -> Result<Self> {
        let mut batch = Self::new(pairs.len(), bits);
        for (sample, (a, b)) in pairs.iter().enumerate() {
            let needed = width_of_sum(a, b);
            if needed > bits {
                return Err(Error::usage(format!("the sum of pair {sample} needs {needed} bits, the width is {bits}")));
            }
            for step in 0..bits {
                batch.a.set(sample, step, a.bit(step as u64));
                batch.b.set(sample, step, b.bit(step as u64));
            }
        }
        batch.add();
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_are_read_in_three_bases() {
        for (text, value) in [("0", 0_u64), ("191", 191), ("0b1011", 11), ("0xFF", 255), ("1_000", 1000), ("0X1f", 31)]
        {
            assert_eq!(parse(text).expect(text), BigUint::from(value), "{text}");
        }
        for text in ["", "-1", "12a", "0b2", "0x", "0b", "_1", "1.5", "+3", "٣", "é", "0é"] {
            assert!(parse(text).is_err(), "'{text}' was taken");
        }
    }

    #[test]
    fn the_largest_width_is_taken_and_no_more() {
        let digits = format!("0b1{}", "0".repeat(MAX_BITS - 1));
        assert_eq!(parse(&digits).expect("fits").bits(), MAX_BITS as u64, "2^20 bits");
        assert!(parse(&format!("{digits}0")).is_err(), "one bit more");
        assert!(parse(&"9".repeat(MAX_BITS)).is_err(), "a long decimal");
        let decimal = (BigUint::from(1_u8) << (MAX_BITS - 1)).to_string();
        assert!(parse(&decimal).is_ok(), "2^20 bits in decimal");
    }

    #[test]
    fn numbers_come_back_from_their_bits() {
        let pairs: Vec<_> = [(69_u32, 122_u32), (0, 0), (u32::MAX, 1)].map(|(a, b)| (a.into(), b.into())).into();
        let batch = Minibatch::from_pairs(&pairs, 33).expect("fits");
        for (sample, (a, b)) in pairs.iter().enumerate() {
            assert_eq!(&to_uint(&batch.a, sample), a, "a of sample {sample}");
            assert_eq!(&to_uint(&batch.b, sample), b, "b of sample {sample}");
            assert_eq!(to_uint(&batch.c, sample), a + b, "c of sample {sample}");
        }
        assert!(Minibatch::from_pairs(&pairs, 32).is_err(), "a sum that does not fit");
    }
}
