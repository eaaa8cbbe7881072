//! The values of an axis: lists and ranges, expanded only when they are known to be few enough.

use crate::error::{Error, Result};
use crate::task::number::shorten;
use crate::task::people::rate;
use crate::task::whole::{self, count};
use crate::train::{OptionKey, ValueKind};
use serde_json::Value;

/// The most trials of a sweep.
pub const MAX_TRIALS: usize = 1_000_000;

/// An axis of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pub(super) key: &'static OptionKey,
    /// Values as they were written.
    pub(super) text: String,
    values: Values,
}

#[derive(Debug, Clone, PartialEq)]
enum Values {
    /// A grid tries each of them; a random point draws one.
    List(Vec<Value>),
    /// A number of `from..to` is drawn, evenly or evenly in its logarithm.
    Range { from: f64, to: f64, whole: bool, log: bool },
}

/// A range as written: its two ends, whether they are whole numbers, and the word after a colon.
/// The second end is left out, so it may be one above the largest value.
struct Range<'a> {
    text: &'a str,
    from: f64,
    to: f64,
    whole: bool,
    word: Option<&'a str>,
}

impl<'a> Range<'a> {
    /// Reads `a..b` or `a..b:word`; `None` for what is no range.
    fn parse(key: &OptionKey, text: &'a str) -> Result<Option<Self>> {
        let Some((from, rest)) = text.split_once("..") else { return Ok(None) };
        let (to, word) = rest.split_once(':').map_or((rest, None), |(to, word)| (to, Some(word.trim())));
        let number = |text| Ok::<f64, Error>(key.read(text)?.as_f64().unwrap_or(f64::NAN));
        let (to, whole) = match key.kind.some() {
            ValueKind::Whole(range) => {
                let above = whole::whole(to, &(*range.start()..=range.end() + 1));
                (above.map_err(|wanted| refused(key, text, &wanted))? as f64, true)
            }
            ValueKind::Positive | ValueKind::Within(..) => (number(to)?, false),
            _ => return Err(refused(key, text, "only numbers have ranges")),
        };
        let from = number(from)?;
        let some = Some(Self { text, from, to, whole, word }).filter(|_| from < to);
        some.map(Some).ok_or_else(|| refused(key, text, "which holds nothing: the second end is left out"))
    }

    /// Adds its values in a grid.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole numbers below 2^53, and counts below a million"
    )]
    fn expand(&self, key: &OptionKey, values: &mut Vec<Value>) -> Result<()> {
        let &Range { text, from, to, whole, word } = self;
        let step = match word {
            None if whole => Ok(1.0),
            None => Err(format!("in a grid it needs a step, a..b:step; random.{}=a..b:log draws from it", key.name)),
            Some(step) if whole => whole::whole(step, &(1..=whole::MAX_EXACT)).map(|step| step as f64),
            Some(step) => whole::rate(step).map(|_| step.parse().expect("a number")),
        };
        let step: f64 = step.map_err(|wanted| refused(key, text, &wanted))?;
        // A millionth of a step is forgiven, so that 0.01..0.05:0.01 has four values.
        let number = ((to - from) / step - 1e-6).ceil().max(1.0);
        few(key, number)?;
        for index in 0..number as usize {
            let x = from + index as f64 * step;
            values.push(if whole { (x as u64).into() } else { key.read(&rounded(x).to_string())? });
        }
        Ok(())
    }
}

fn refused(key: &OptionKey, range: &str, why: &str) -> Error {
    Error::usage(format!("{} has the range '{}', {why}", key.name, shorten(range)))
}

/// Refuses more values than a sweep may have trials.
fn few(key: &OptionKey, number: f64) -> Result<()> {
    if number <= MAX_TRIALS as f64 {
        return Ok(());
    }
    Err(Error::usage(format!("{} has {} values, want at most {}", key.name, rate(number), count(MAX_TRIALS as u64))))
}

/// A rate to six significant digits: no trace of binary sums, and the same text wherever it is
/// computed.
fn rounded(x: f64) -> f64 {
    format!("{x:.5e}").parse().expect("just formatted")
}

impl Axis {
    /// An axis of a grid: `4,8,16`, `0..50`, `8..64:8`, `0.01..0.1:0.01`, or several of them.
    pub(super) fn grid(key: &'static OptionKey, text: &str) -> Result<Self> {
        if text.trim().is_empty() {
            return Err(Error::usage(format!("{} has no value: an axis needs at least one", key.name)));
        }
        let mut values = Vec::new();
        let pieces: Vec<&str> = text.split(',').map(str::trim).collect();
        for piece in &pieces {
            match Range::parse(key, piece)? {
                None => values.push(key.read(piece)?),
                Some(range) => range.expand(key, &mut values)?,
            }
        }
        few(key, values.len() as f64)?;
        Ok(Self { key, text: pieces.join(","), values: Values::List(values) })
    }

    /// An axis of random points: `a..b`, `a..b:log`, or a list to choose from.
    pub(super) fn random(key: &'static OptionKey, text: &str) -> Result<Self> {
        let range = if text.contains(',') { None } else { Range::parse(key, text)? };
        let range = range.filter(|range| matches!(range.word, None | Some("log")));
        let Some(Range { from, to, whole, word, .. }) = range else { return Self::grid(key, text) };
        let log = word.is_some();
        if log && from == 0.0 {
            return Err(refused(key, text, "whose logarithm begins nowhere: want a first end above 0"));
        }
        Ok(Self { key, text: text.to_owned(), values: Values::Range { from, to, whole, log } })
    }

    /// The values of a list; none of a range.
    pub(super) fn list(&self) -> &[Value] {
        if let Values::List(values) = &self.values { values } else { &[] }
    }

    /// The value at `u` of `[0, 1)`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "floors of positive numbers in range")]
    pub(super) fn draw(&self, u: f64) -> Value {
        match self.values {
            Values::List(ref values) => values[((u * values.len() as f64) as usize).min(values.len() - 1)].clone(),
            Values::Range { from, to, whole, log } => {
                let x = if log { (from.ln() + u * (to.ln() - from.ln())).exp() } else { from + u * (to - from) };
                if whole {
                    return (x.floor().clamp(from, to - 1.0) as u64).into();
                }
                self.key.read(&rounded(x).clamp(from, to).to_string()).expect("between two values")
            }
        }
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
        Axis::grid(key(name), text).expect(text).list().iter().map(crate::train::text).collect()
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
        let refused = |name, text: &str| Axis::grid(key(name), text).expect_err(text).to_string();
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
            let axis = Axis::random(key(name), text).expect(text);
            let at = |u| crate::train::text(&axis.draw(u));
            assert_eq!((at(0.0).as_str(), at(1.0 - 1e-12).as_str()), (first, last), "{text}");
            assert_eq!(axis.text, text);
        }
        let middle = Axis::random(key("lr"), "0.001..0.1:log").expect("a range").draw(0.5);
        assert_eq!(middle, 0.01, "the middle of a log");
        assert!(Axis::random(key("noise"), "0..1:log").is_err(), "no logarithm of 0");
    }
}
