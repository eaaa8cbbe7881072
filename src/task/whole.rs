//! Numbers of options: how they are read, what they may be, and how they are shown. Flags, files
//! and sweeps all come here.

use crate::error::{Error, Result};
use std::ops::RangeInclusive;
use std::time::Duration;

/// The largest whole number of a seed, a budget or a count: 2^53 − 1. Every reader of JSON, CSV and
/// Parquet holds it exactly, browsers too; the next but one is rounded by
/// those that know `f64` alone.
pub const MAX_EXACT: u64 = (1 << 53) - 1;

/// A count with its thousands apart: 16,384.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What a message says of a range.
pub fn wanted(range: &RangeInclusive<u64>) -> String {
    format!("want a whole number from {} to {}", count(*range.start()), count(*range.end()))
}

/// Reads a whole number, `_` allowed between digits; or says what is wanted.
///
/// # Errors
/// The words of [`wanted`], for what is no whole number and for one out of range.
pub fn whole(text: &str, range: &RangeInclusive<u64>) -> std::result::Result<u64, String> {
    let number = text.trim().replace('_', "").parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| wanted(range))
}

/// Whether a whole number is in its range.
///
/// # Errors
/// [`Error::Usage`] with its name, the number and the range.
pub fn in_range(name: &str, value: u64, range: RangeInclusive<u64>) -> Result<()> {
    if range.contains(&value) { Ok(()) } else { Err(Error::usage(format!("{name} is {value}, {}", wanted(&range)))) }
}

/// Reads a rate; or says what is wanted.
///
/// # Errors
/// Words, for what is no number, NaN, infinite as an `f32`, zero or negative.
pub fn rate(text: &str) -> std::result::Result<f32, String> {
    let number = text.trim().parse::<f32>().ok().filter(|x| x.is_finite() && *x > 0.0);
    number.ok_or_else(|| "want a positive number up to 3.4e38".to_owned())
}

/// Reads a time in seconds; or says what is wanted.
///
/// # Errors
/// Words, for what is no number, zero, negative, less than a nanosecond or more than thirty years.
pub fn seconds(text: &str) -> std::result::Result<Duration, String> {
    let number = text.trim().parse::<f64>().ok().filter(|seconds| *seconds <= 1e9);
    let time = number.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).filter(|time| !time.is_zero());
    time.ok_or_else(|| "want a positive number of seconds up to 1e9".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_their_range_and_nothing_else_is() {
        assert_eq!(whole("16_384", &(1..=65_536)), Ok(16_384));
        for text in ["0", "65537", "-1", "", "x", "1.5", "18446744073709551615", "18446744073709551616"] {
            assert_eq!(whole(text, &(1..=65_536)), Err("want a whole number from 1 to 65,536".into()), "{text}");
        }
        assert_eq!((rate("0.03"), seconds("1.5")), (Ok(0.03), Ok(Duration::from_millis(1500))));
        for text in ["0", "-1", "NaN", "inf", "1e40", "1e-50", "", "x"] {
            assert!(rate(text).is_err(), "{text}");
        }
        for text in ["0", "-1", "NaN", "inf", "1e308", "1e-10", "", "x"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_largest_seed_is_exact_as_a_float_and_the_one_after_the_next_is_not() {
        for (n, exact) in [(MAX_EXACT, true), (MAX_EXACT + 1, true), (MAX_EXACT + 2, false)] {
            assert_eq!((n as f64).to_string() == n.to_string(), exact, "{n}");
        }
    }
}
