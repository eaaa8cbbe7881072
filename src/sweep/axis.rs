//! The values of an axis: lists and ranges, expanded only when they are known to be few enough.

use super::keys::{Key, Kind, short};
use crate::error::{Error, Result};
use crate::task::whole::{self, MAX_EXACT};
use std::fmt;

/// The most trials of a sweep.
pub const MAX_TRIALS: usize = 1_000_000;

/// An axis of a grid: every value of it is tried.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pieces: Vec<Piece>,
}

/// A part of an axis between two commas.
#[derive(Debug, Clone, PartialEq)]
enum Piece {
    One(String),
    /// `from..to:step`, whole numbers.
    Whole {
        from: u64,
        to: u64,
        step: u64,
    },
    /// `from..to:step`, rates.
    Rates {
        from: f64,
        to: f64,
        step: f64,
    },
}

/// An axis of random points: each point draws one value of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Spread {
    /// One of these.
    Choice(Axis),
    /// A whole number of `from..to`, evenly or evenly in its logarithm.
    Whole { from: u64, to: u64, log: bool },
    /// A rate of `from..to`.
    Rate { from: f64, to: f64, log: bool },
}

/// A range as it is written: `from..to` and what stands behind a colon.
fn range(text: &str) -> Option<(&str, &str, Option<&str>)> {
    let (from, rest) = text.split_once("..")?;
    let (to, option) = rest.split_once(':').map_or((rest, None), |(to, option)| (to, Some(option.trim())));
    Some((from.trim(), to.trim(), option))
}

/// A whole number of a range; both ends may be one above the largest value, since the second is not part of it.
fn whole(key: Key, text: &str) -> Result<u64> {
    let number = whole::whole(text, &(0..=MAX_EXACT + 1));
    number.map_err(|wanted| Error::usage(format!("{key} has '{}' in a range, {wanted}", short(text))))
}

fn rate(key: Key, text: &str) -> Result<f64> {
    let refused = |wanted| Error::usage(format!("{key} has '{}' in a range, {wanted}", short(text)));
    whole::rate(text).map_err(refused)?;
    Ok(text.trim().parse().expect("a rate is a number"))
}

fn nothing(key: Key, text: &str) -> Error {
    Error::usage(format!("{key} has the range '{}', which holds nothing: the second end is left out", short(text)))
}

impl Axis {
    /// Reads `4,8,16`, `0..50`, `8..64:8`, `0.01..0.1:0.01`, or several of them.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the key and the value.
    pub(super) fn parse(key: Key, text: &str) -> Result<Self> {
        if text.trim().is_empty() {
            return Err(Error::usage(format!("{key} has no value: an axis needs at least one")));
        }
        let pieces = text.split(',').map(|piece| Piece::parse(key, piece.trim())).collect::<Result<Vec<_>>>()?;
        let axis = Self { pieces };
        if axis.len() > MAX_TRIALS {
            return Err(Error::usage(format!(
                "{key} has {} values, want at most {}",
                whole::count(axis.len() as u64),
                whole::count(MAX_TRIALS as u64)
            )));
        }
        Ok(axis)
    }

    /// Number of values.
    pub(super) fn len(&self) -> usize {
        self.pieces.iter().fold(0, |sum, piece| sum.saturating_add(piece.len()))
    }

    /// The first and the last value of each piece, between which all others are.
    pub(super) fn ends(&self) -> impl Iterator<Item = String> {
        self.pieces.iter().flat_map(|piece| [piece.token(0), piece.token(piece.len() - 1)])
    }

    /// A value, as a token.
    pub(super) fn token(&self, mut index: usize) -> String {
        for piece in &self.pieces {
            if index < piece.len() {
                return piece.token(index);
            }
            index -= piece.len();
        }
        unreachable!("an index below len")
    }
}

impl Piece {
    fn parse(key: Key, text: &str) -> Result<Self> {
        let Some((from, to, step)) = range(text) else { return Ok(Self::One(text.to_owned())) };
        match (key.kind(), step) {
            (Kind::Word, _) => {
                Err(Error::usage(format!("{key} has the range '{}': only numbers have ranges", short(text))))
            }
            (Kind::Whole(_), step) => {
                let (from, to) = (whole(key, from)?, whole(key, to)?);
                let step = step.map_or(Ok(1), |step| whole(key, step))?;
                if from >= to || step == 0 { Err(nothing(key, text)) } else { Ok(Self::Whole { from, to, step }) }
            }
            (Kind::Rate, Some(step)) => {
                let (from, to, step) = (rate(key, from)?, rate(key, to)?, rate(key, step)?);
                if from >= to { Err(nothing(key, text)) } else { Ok(Self::Rates { from, to, step }) }
            }
            (Kind::Rate, None) => {
                let tip = "in a grid it needs a step, a..b:step; random.lr=a..b:log draws from it";
                Err(Error::usage(format!("{key} has the range '{}': {tip}", short(text))))
            }
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive count; large ones saturate"
    )]
    fn len(&self) -> usize {
        match *self {
            Self::One(_) => 1,
            Self::Whole { from, to, step } => usize::try_from((to - from).div_ceil(step)).unwrap_or(usize::MAX),
            // A millionth of a step below a whole number of them is that number: 0.01..0.05:0.01 has four.
            Self::Rates { from, to, step } => (((to - from) / step - 1e-6).ceil() as usize).max(1),
        }
    }

    fn token(&self, index: usize) -> String {
        match self {
            Self::One(token) => token.clone(),
            Self::Whole { from, step, .. } => (from + index as u64 * step).to_string(),
            Self::Rates { from, step, .. } => rounded(from + index as f64 * step),
        }
    }
}

/// A rate to six significant digits: no trace of binary sums, and the same text wherever it is computed.
fn rounded(x: f64) -> String {
    let text = format!("{x:.5e}");
    text.parse::<f64>().expect("just formatted").to_string()
}

impl Spread {
    /// Reads `a..b`, `a..b:log`, or a list to choose from.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the key and the value.
    pub(super) fn parse(key: Key, text: &str) -> Result<Self> {
        let Some((from, to, option)) = range(text).filter(|_| !text.contains(',')) else {
            return Ok(Self::Choice(Axis::parse(key, text)?));
        };
        let log = match option {
            None => false,
            Some("log") => true,
            Some(_) => return Ok(Self::Choice(Axis::parse(key, text)?)),
        };
        match key.kind() {
            Kind::Word => Axis::parse(key, text).map(Self::Choice),
            Kind::Whole(most) => {
                let (from, to) = (whole(key, from)?, whole(key, to)?);
                if from >= to {
                    return Err(nothing(key, text));
                }
                if from < key.least().max(u64::from(log)) || to - 1 > most {
                    let wanted = whole::wanted(&(key.least().max(u64::from(log))..=most));
                    return Err(Error::usage(format!("{key} has '{}' in a range, {wanted}", short(text))));
                }
                Ok(Self::Whole { from, to, log })
            }
            Kind::Rate => {
                let (from, to) = (rate(key, from)?, rate(key, to)?);
                if from < to { Ok(Self::Rate { from, to, log }) } else { Err(nothing(key, text)) }
            }
        }
    }

    /// The value at `u` of `[0, 1)`, as a token.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "floors of positive numbers in range")]
    pub(super) fn token(&self, u: f64) -> String {
        let between = |from: f64, to: f64, log: bool| {
            if log { (from.ln() + u * (to.ln() - from.ln())).exp() } else { from + u * (to - from) }
        };
        match self {
            Self::Choice(axis) => axis.token(((u * axis.len() as f64) as usize).min(axis.len() - 1)),
            Self::Whole { from, to, log } => {
                let drawn = between(*from as f64, *to as f64, *log).floor() as u64;
                drawn.clamp(*from, to - 1).to_string()
            }
            Self::Rate { from, to, log } => {
                let drawn = rounded(between(*from, *to, *log)).parse::<f64>().expect("just formatted");
                drawn.clamp(*from, *to).to_string()
            }
        }
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, piece) in self.pieces.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            match piece {
                Piece::One(token) => write!(f, "{comma}{token}")?,
                Piece::Whole { from, to, step: 1 } => write!(f, "{comma}{from}..{to}")?,
                Piece::Whole { from, to, step } => write!(f, "{comma}{from}..{to}:{step}")?,
                Piece::Rates { from, to, step } => write!(f, "{comma}{from}..{to}:{step}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = |log: &bool| if *log { ":log" } else { "" };
        match self {
            Self::Choice(axis) => axis.fmt(f),
            Self::Whole { from, to, log: l } => write!(f, "{from}..{to}{}", log(l)),
            Self::Rate { from, to, log: l } => write!(f, "{from}..{to}{}", log(l)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(key: Key, text: &str) -> Vec<String> {
        let axis = Axis::parse(key, text).expect(text);
        (0..axis.len()).map(|index| axis.token(index)).collect()
    }

    #[test]
    fn lists_and_ranges_expand() {
        assert_eq!(tokens(Key::Hidden, "4, 8,16"), ["4", "8", "16"]);
        assert_eq!(tokens(Key::Seed, "0..3,7"), ["0", "1", "2", "7"]);
        assert_eq!(tokens(Key::Bits, "8..64:8"), ["8", "16", "24", "32", "40", "48", "56"]);
        assert_eq!(tokens(Key::Lr, "0.01..0.05:0.01"), ["0.01", "0.02", "0.03", "0.04"]);
        assert_eq!(tokens(Key::Cell, "elman,lstm"), ["elman", "lstm"]);
    }

    #[test]
    fn what_makes_no_axis_is_refused_by_name() {
        let refused = |key, text: &str| Axis::parse(key, text).expect_err(text).to_string();
        assert!(refused(Key::Hidden, " ").contains("hidden has no value"));
        assert!(refused(Key::Seed, "5..5").contains("holds nothing"));
        assert!(refused(Key::Seed, "9..1").contains("holds nothing"));
        assert!(refused(Key::Seed, "0..9:0").contains("holds nothing"));
        assert!(refused(Key::Seed, "0..18446744073709551615").contains("whole number"));
        assert!(refused(Key::Seed, "0..9000000000000000").contains("at most"));
        assert!(refused(Key::Lr, "0.1..0.2").contains("needs a step"));
        assert!(refused(Key::Lr, "0.1..inf:0.1").contains("want a positive number"));
        assert!(refused(Key::Cell, "a..b").contains("only numbers"));
    }

    #[test]
    fn random_values_stay_in_their_range() {
        for (key, text, first, last) in [
            (Key::Hidden, "4..8", "4", "7"),
            (Key::Hidden, "4..65:log", "4", "64"),
            (Key::Lr, "0.001..0.1:log", "0.001", "0.1"),
            (Key::Cell, "elman,lstm", "elman", "lstm"),
        ] {
            let spread = Spread::parse(key, text).expect(text);
            assert_eq!((spread.token(0.0).as_str(), spread.token(1.0 - 1e-12).as_str()), (first, last), "{text}");
            assert_eq!(spread.to_string(), text);
        }
        assert_eq!(
            Spread::parse(Key::Lr, "0.001..0.1:log").expect("a range").token(0.5),
            "0.01",
            "the middle of a log"
        );
    }
}
