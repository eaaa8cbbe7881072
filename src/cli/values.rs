//! Words on the command line, and the library's types that they stand for.
//!
//! A word is a value's `Display` form: flags, text and JSON spell it alike, and a new cell or level
//! needs no line here.

use carrylane::kernel::SimdLevel;
use carrylane::task::whole::{self, MAX_EXACT};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A parser of the words that some values have.
pub(super) fn words<T>(values: impl IntoIterator<Item = T>) -> impl TypedValueParser<Value = T>
where
    T: Display + FromStr<Err = carrylane::Error> + Clone + Send + Sync + 'static,
{
    let names: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    PossibleValuesParser::new(names).try_map(|word| word.parse::<T>())
}

/// A parser of some words and the names of all levels.
pub(super) fn levels(words: &[&'static str]) -> PossibleValuesParser {
    PossibleValuesParser::new(words.iter().copied().chain(SimdLevel::ALL.map(SimdLevel::name)))
}

/// The level that a word means on this machine; `auto`, or no word, is the best.
pub(super) fn level_of(word: Option<&str>) -> carrylane::Result<SimdLevel> {
    match word {
        None | Some("auto") => Ok(SimdLevel::best()),
        Some(name) => name.parse::<SimdLevel>()?.checked(),
    }
}

/// The levels that some words mean on this machine; `all` is every one it has.
pub(super) fn levels_of(words: &[String]) -> carrylane::Result<Vec<SimdLevel>> {
    let named = words.iter().filter(|word| *word != "all").map(|word| level_of(Some(word)));
    let named = named.collect::<carrylane::Result<Vec<_>>>()?;
    let all = named.len() < words.len();
    Ok(SimdLevel::available().into_iter().filter(|level| all || named.contains(level)).collect())
}

/// A whole number in a range.
pub(super) fn whole<T: TryFrom<u64>>(range: RangeInclusive<u64>) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let number = whole::whole(text, &range)?;
        T::try_from(number).map_err(|_| whole::wanted(&range))
    }
}

/// A count of at least one.
pub(super) fn upto<T: TryFrom<u64>>(most: usize) -> impl Fn(&str) -> Result<T, String> + Clone {
    whole(1..=most as u64)
}

/// Updates, epochs, samples: a count that files hold exactly.
pub(super) fn long<T: TryFrom<u64>>() -> impl Fn(&str) -> Result<T, String> + Clone {
    whole(1..=MAX_EXACT)
}

/// The key of random streams.
pub(super) fn seed() -> impl Fn(&str) -> Result<u64, String> + Clone {
    whole(0..=MAX_EXACT)
}
