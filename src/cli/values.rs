//! Words on the command line, and the library's types that they stand for.
//!
//! A word is a value's `Display` form: flags, text and JSON spell it alike, and a new cell or level
//! needs no line here.

use carrylane::kernel::SimdLevel;
use carrylane::task::whole::{self, MAX_EXACT};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::fmt::{self, Display};
use std::ops::RangeInclusive;

/// A parser of the words that some values have.
pub(super) fn words<T>(values: impl IntoIterator<Item = T>) -> impl TypedValueParser<Value = T>
where
    T: Display + Clone + Send + Sync + 'static,
{
    let values: Vec<T> = values.into_iter().collect();
    let names: Vec<String> = values.iter().map(T::to_string).collect();
    PossibleValuesParser::new(names.clone()).map(move |word| {
        let place = names.iter().position(|name| *name == word).expect("clap lets only these words through");
        values[place].clone()
    })
}

/// A level on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Simd {
    /// The machine's best level.
    Auto,
    /// All levels of the machine.
    All,
    /// One level.
    One(SimdLevel),
}

impl Display for Simd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::All => f.write_str("all"),
            Self::One(level) => level.fmt(f),
        }
    }
}

/// `auto` or a level.
pub(super) fn level() -> impl TypedValueParser<Value = Simd> {
    words(std::iter::once(Simd::Auto).chain(SimdLevel::ALL.map(Simd::One)))
}

/// `auto`, `all` or a level.
pub(super) fn levels() -> impl TypedValueParser<Value = Simd> {
    words([Simd::Auto, Simd::All].into_iter().chain(SimdLevel::ALL.map(Simd::One)))
}

impl Simd {
    /// The level, if one is named.
    pub(super) fn one(self) -> Option<SimdLevel> {
        if let Self::One(level) = self { Some(level) } else { None }
    }

    /// The levels that the choices mean on this machine.
    pub(super) fn resolve(choices: &[Self]) -> carrylane::Result<Vec<SimdLevel>> {
        let mut levels = Vec::new();
        for choice in choices {
            let meant = match choice {
                Self::Auto => vec![SimdLevel::best()],
                Self::All => SimdLevel::available(),
                Self::One(level) => vec![level.checked()?],
            };
            for level in meant {
                if !levels.contains(&level) {
                    levels.push(level);
                }
            }
        }
        Ok(levels)
    }
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
