//! The values of an axis: lists and ranges, expanded only when they are known to be few enough.

use crate::error::{Error, Result};
use crate::task::number::shorten;
use crate::task::whole::{self, count};
use crate::train::{OptionKey, ValueKind};
use serde_json::Value;
use std::fmt;

/// The most trials of a sweep.
pub const MAX_TRIALS: usize = 1_000_000;

/// An axis of a grid: every value of it is tried.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    text: String,
    pub(super) values: Vec<Value>,
}

/// An axis of random points: each point draws one value of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Spread {
    /// One of some values.
    Choice(Axis),
    /// A number of `from..to`, evenly or evenly in its logarithm.
    Range { text: String, from: f64, to: f64, whole: bool, log: bool },
}

/// A range as written: its two ends, and the word after a colon.
struct Range<'a> {
    text: &'a str,
    ends: [&'a str; 2],
    option: Option<&'a str>,
}

impl<'a> Range<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (from, rest) = text.split_once("..")?;
        let (to, option) = rest.split_once(':').map_or((rest, None), |(to, option)| (to, Some(option.trim())));
        Some(Self { text, ends: [from.trim(), to.trim()], option })
    }

    /// The two ends, and whether they are whole numbers. The second is left out, so it may be one
    /// above the largest value.
    fn bounds(&self, key: &OptionKey) -> Result<(f64, f64, bool)> {
        let [from, to] = self.ends;
        let number = |text| Ok::<f64, Error>(key.read(text)?.as_f64().unwrap_or(f64::NAN));
        let (to, is_whole) = match key.kind.some() {
            ValueKind::Whole(range) => {
                let above = whole::whole(to, &(*range.start()..=range.end() + 1));
                (above.map_err(|wanted| self.refused(key, &wanted))? as f64, true)
            }
            ValueKind::Positive | ValueKind::Within(..) => (number(to)?, false),
            _ => return Err(self.refused(key, "only numbers have ranges")),
        };
        let from = number(from)?;
        if from < to {
            Ok((from, to, is_whole))
        } else {
            Err(self.refused(key, "which holds nothing: the second end is left out"))
        }
    }

    fn refused(&self, key: &OptionKey, why: &str) -> Error {
        Error::usage(format!("{} has the range '{}', {why}", key.name, shorten(self.text)))
    }
}

impl Axis {
    /// Reads `4,8,16`, `0..50`, `8..64:8`, `0.01..0.1:0.01`, or several of them.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the key and the value.
    pub(super) fn parse(key: &OptionKey, text: &str) -> Result<Self> {
        if text.trim().is_empty() {
            return Err(Error::usage(format!("{} has no value: an axis needs at least one", key.name)));
        }
        let mut values = Vec::new();
        for piece in text.split(',').map(str::trim) {
            match Range::of(piece) {
                None => values.push(key.read(piece)?),
                Some(range) => expand(key, &range, &mut values)?,
            }
        }
        few(key, values.len() as f64)?;
        let text = text.split(',').map(str::trim).collect::<Vec<_>>().join(",");
        Ok(Self { text, values })
    }
}

/// Adds the values of a range of a grid.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole numbers below 2^53, and counts below a million"
)]
fn expand(key: &OptionKey, range: &Range<'_>, values: &mut Vec<Value>) -> Result<()> {
    let (from, to, is_whole) = range.bounds(key)?;
    let step = match (range.option, is_whole) {
        (None, true) => 1.0,
        (None, false) => {
            return Err(range.refused(
                key,
                &format!("in a grid it needs a step, a..b:step; random.{}=a..b:log draws from it", key.name),
            ));
        }
        (Some(step), true) => {
            whole::whole(step, &(1..=whole::MAX_EXACT)).map_err(|wanted| range.refused(key, &wanted))? as f64
        }
        (Some(step), false) => {
            whole::rate(step).map(|_| step.parse().expect("a number")).map_err(|wanted| range.refused(key, &wanted))?
        }
    };
    // A millionth of a step is forgiven, so that 0.01..0.05:0.01 has four values.
    let number = ((to - from) / step - 1e-6).ceil().max(1.0);
    few(key, number)?;
    for index in 0..number as usize {
        let x = from + index as f64 * step;
        values.push(if is_whole { (x as u64).into() } else { key.read(&rounded(x).to_string())? });
    }
    Ok(())
}

/// Refuses more values than a sweep may have trials.
fn few(key: &OptionKey, number: f64) -> Result<()> {
    if number <= MAX_TRIALS as f64 {
        return Ok(());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive count; large ones saturate"
    )]
    let number = count(number as u64);
    Err(Error::usage(format!("{} has {number} values, want at most {}", key.name, count(MAX_TRIALS as u64))))
}

/// A rate to six significant digits: no trace of binary sums, and the same text wherever it is
/// computed.
fn rounded(x: f64) -> f64 {
    format!("{x:.5e}").parse().expect("just formatted")
}

impl Spread {
    /// Reads `a..b`, `a..b:log`, or a list to choose from.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the key and the value.
    pub(super) fn parse(key: &OptionKey, text: &str) -> Result<Self> {
        let range = Range::of(text).filter(|range| !text.contains(',') && matches!(range.option, None | Some("log")));
        let Some(range) = range else { return Ok(Self::Choice(Axis::parse(key, text)?)) };
        let (from, to, whole) = range.bounds(key)?;
        let log = range.option.is_some();
        if log && from == 0.0 {
            return Err(range.refused(key, "whose logarithm begins nowhere: want a first end above 0"));
        }
        Ok(Self::Range { text: text.to_owned(), from, to, whole, log })
    }

    /// The value at `u` of `[0, 1)`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "floors of positive numbers in range")]
    pub(super) fn value(&self, key: &OptionKey, u: f64) -> Value {
        match *self {
            Self::Choice(Axis { ref values, .. }) => {
                values[((u * values.len() as f64) as usize).min(values.len() - 1)].clone()
            }
            Self::Range { from, to, whole, log, .. } => {
                let x = if log { (from.ln() + u * (to.ln() - from.ln())).exp() } else { from + u * (to - from) };
                if whole {
                    return (x.floor().clamp(from, to - 1.0) as u64).into();
                }
                key.read(&rounded(x).clamp(from, to).to_string()).expect("between two values")
            }
        }
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Choice(Axis { text, .. }) | Self::Range { text, .. }) = self;
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::keys;
    use super::*;

    fn key(name: &str) -> &'static OptionKey {
        OptionKey::find(name, keys()).expect(name)
    }

    fn tokens(name: &str, text: &str) -> Vec<String> {
        Axis::parse(key(name), text).expect(text).values.iter().map(crate::train::text).collect()
    }

    #[test]
    fn lists_and_ranges_expand() {
        assert_eq!(tokens("hidden", "4, 8,16"), ["4", "8", "16"]);
        assert_eq!(tokens("seed", "0..3,7"), ["0", "1", "2", "7"]);
        assert_eq!(tokens("bits", "8..64:8"), ["8", "16", "24", "32", "40", "48", "56"]);
        assert_eq!(tokens("lr", "0.01..0.05:0.01"), ["0.01", "0.02", "0.03", "0.04"]);
        assert_eq!(tokens("cell", "elman,lstm"), ["elman", "lstm"]);
        assert_eq!(tokens("clip-norm", "none,0.5"), ["none", "0.5"]);
    }

    #[test]
    fn what_makes_no_axis_is_refused_by_name() {
        let refused = |name, text: &str| Axis::parse(key(name), text).expect_err(text).to_string();
        assert!(refused("hidden", " ").contains("hidden has no value"));
        assert!(refused("seed", "5..5").contains("holds nothing"));
        assert!(refused("seed", "9..1").contains("holds nothing"));
        assert!(refused("seed", "0..9:0").contains("want a whole number from 1"));
        assert!(refused("seed", "0..18446744073709551615").contains("whole number"));
        assert!(refused("seed", "0..9000000000000000").contains("at most"));
        assert!(refused("lr", "0.1..0.2").contains("needs a step"));
        assert!(refused("lr", "0.1..inf:0.1").contains("want a positive number"));
        assert!(refused("noise", "5..11:1").contains("want a number from 0 to 10"));
        assert!(refused("cell", "a..b").contains("only numbers"));
    }

    #[test]
    fn random_values_stay_in_their_range() {
        for (name, text, first, last) in [
            ("hidden", "4..8", "4", "7"),
            ("hidden", "4..65:log", "4", "64"),
            ("lr", "0.001..0.1:log", "0.001", "0.1"),
            ("cell", "elman,lstm", "elman", "lstm"),
        ] {
            let spread = Spread::parse(key(name), text).expect(text);
            let at = |u| crate::train::text(&spread.value(key(name), u));
            assert_eq!((at(0.0).as_str(), at(1.0 - 1e-12).as_str()), (first, last), "{text}");
            assert_eq!(spread.to_string(), text);
        }
        let middle = Spread::parse(key("lr"), "0.001..0.1:log").expect("a range").value(key("lr"), 0.5);
        assert_eq!(middle, 0.01, "the middle of a log");
        assert!(Spread::parse(key("noise"), "0..1:log").is_err(), "no logarithm of 0");
    }
}
