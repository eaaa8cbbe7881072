//! Words on the command line and the library's types they stand for.
//!
//! A word is a value's `Display` form, so that it is spelled the same in flags, text and JSON, and so that a new cell or level needs no
//! line here.

use carrylane::exchange::Format;
use carrylane::kernel::SimdLevel;
use carrylane::model::{Activation, Cell, Init, Loss, LstmForm};
use carrylane::train::EngineKind;
use carrylane::verify::Precision;
use carrylane::{Error, Result};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::fmt::{self, Display};

/// A parser of the words that some values have.
fn words<T>(values: impl IntoIterator<Item = T>) -> impl TypedValueParser<Value = T>
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

pub(super) fn cell() -> impl TypedValueParser<Value = Cell> {
    words(Cell::ALL)
}

pub(super) fn lstm_form() -> impl TypedValueParser<Value = LstmForm> {
    words(LstmForm::ALL)
}

pub(super) fn activation() -> impl TypedValueParser<Value = Activation> {
    words(Activation::ALL)
}

pub(super) fn loss() -> impl TypedValueParser<Value = Loss> {
    words([Loss::Mse, Loss::CrossEntropy])
}

pub(super) fn init() -> impl TypedValueParser<Value = Init> {
    words([Init::Uniform, Init::Scaled])
}

pub(super) fn engine() -> impl TypedValueParser<Value = EngineKind> {
    words(EngineKind::ALL)
}

pub(super) fn precision() -> impl TypedValueParser<Value = Precision> {
    words([Precision::F32, Precision::F64])
}

/// A format that is written.
pub(super) fn format() -> impl TypedValueParser<Value = Format> {
    words(Format::ALL)
}

/// A format that is read.
pub(super) fn format_read() -> impl TypedValueParser<Value = Format> {
    words(Format::READ)
}

/// A level on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Simd {
    /// The best of this machine.
    Auto,
    /// Each one of this machine.
    All,
    /// This one.
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
    /// The levels meant, of those this machine has.
    pub(super) fn resolve(choices: &[Self]) -> Result<Vec<SimdLevel>> {
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

/// The same numbers, if each is in `1..=most`.
pub(super) fn in_range<'a>(name: &str, values: &'a [usize], most: usize) -> Result<&'a [usize]> {
    match values.iter().find(|value| !(1..=most).contains(*value)) {
        Some(value) => Err(Error::usage(format!("{name} is {value}, want 1 to {most}"))),
        None => Ok(values),
    }
}
