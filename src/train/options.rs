//! Options: their names, their values, and how values are read and written.
//!
//! A table of options, as [`OPTIONS`](super::OPTIONS), is the only place that names them. Flags,
//! files of settings, identities, axes of sweeps, ids of trials, columns and commands are all made
//! from it.

use crate::error::{Error, Result};
use crate::task::number::shorten;
use crate::task::whole;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

/// What values an option may have.
#[derive(Debug)]
pub enum ValueKind {
    /// A whole number of a range.
    Whole(RangeInclusive<u64>),
    /// A positive number that an `f32` holds.
    Positive,
    /// A number from one to another.
    Within(f32, f32),
    /// A time in seconds.
    Seconds,
    /// One of these words.
    Word(fn() -> Vec<String>),
    /// True or false.
    Switch,
    /// Whole numbers of a range, joined by +, so many at most.
    Several(RangeInclusive<u64>, usize),
    /// One of a kind, or `none`.
    OrNone(&'static Self),
}

impl ValueKind {
    /// Reads a value; or says what is wanted, in words with the range.
    pub fn read(&self, text: &str) -> std::result::Result<Value, String> {
        let text = text.trim();
        match self {
            Self::Whole(range) => whole::whole(text, range).map(Value::from),
            Self::Positive => whole::rate(text).map(|x| number(&x)),
            Self::Within(from, to) => {
                let number = text.parse().ok().filter(|x| (from..=to).contains(&x)).map(|x: f32| number(&x));
                number.ok_or_else(|| format!("want a number from {from} to {to}"))
            }
            Self::Seconds => whole::seconds(text).map(|time| number(&time.as_secs_f64())),
            Self::Word(words) => {
                let word = words().into_iter().find(|word| word == text).map(Value::from);
                word.ok_or_else(|| format!("want {}", words().join(" or ")))
            }
            Self::Switch => text.parse::<bool>().map(Value::from).map_err(|_| "want true or false".to_owned()),
            Self::Several(range, most) => {
                let mut all =
                    text.split('+').map(|n| whole::whole(n, range)).collect::<std::result::Result<Vec<_>, _>>()?;
                all.sort_unstable();
                all.dedup();
                let text = all.iter().map(u64::to_string).collect::<Vec<_>>().join("+");
                if all.len() > *most { Err(format!("want at most {most} of them")) } else { Ok(text.into()) }
            }
            Self::OrNone(_) if text == "none" => Ok(Value::Null),
            Self::OrNone(kind) => kind.read(text).map_err(|wanted| format!("{wanted}, or none")),
        }
    }

    /// The kind of an option's values, without `none`.
    pub fn some(&self) -> &Self {
        if let Self::OrNone(kind) = self { kind } else { self }
    }
}

/// The heading of the options that say when a training ends.
pub(super) const ENDS: &str = "When it ends";

/// The name, help and values of an option.
#[derive(Debug)]
pub struct OptionKey {
    /// Name in flags, files and sweeps.
    pub name: &'static str,
    /// Heading in the help.
    pub heading: &'static str,
    /// Help, in a sentence.
    pub help: &'static str,
    /// Values it may have.
    pub kind: ValueKind,
    /// The option that it depends on, and the value that one must have; empty if there is none.
    pub with: &'static str,
}

/// No two keys share a name.
impl PartialEq for OptionKey {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl OptionKey {
    /// Reads a value.
    pub fn read(&self, text: &str) -> Result<Value> {
        self.kind.read(text).map_err(|wanted| Error::usage(format!("{} is '{}', {wanted}", self.name, shorten(text))))
    }

    /// The key with a name; the error names all, and the nearest.
    pub fn find(name: &str, mut keys: impl Iterator<Item = &'static Self> + Clone) -> Result<&'static Self> {
        keys.clone().find(|key| key.name == name).ok_or_else(|| {
            let word: String = name.chars().take(40).collect();
            let far = |key: &&Self| strsim::levenshtein(&word, key.name);
            // Every short name is two letters away from a short typo.
            let near = keys.clone().min_by_key(far).filter(|key| far(key) <= 2.min(word.chars().count() / 2));
            let tip = near.map_or(String::new(), |key| format!("; did you mean '{}'?", key.name));
            let head = if word.is_empty() { "a key is missing".to_owned() } else { format!("unknown key '{word}'") };
            let first = keys.next().map_or("", |key| key.name).to_owned();
            let names = keys.fold(first, |names, key| names + ", " + key.name);
            Error::usage(format!("{head}{tip}: keys are {names}"))
        })
    }

    /// Whether the option is a way to end, of which a training has one.
    pub(super) fn is_end(&self) -> bool {
        self.heading == ENDS && self.with.is_empty()
    }

    /// Whether the option changes when a training ends, and no update before.
    pub(super) fn is_length(&self) -> bool {
        self.heading == ENDS && self.with != "until proved"
    }
}

/// An option of a `T`. Where it does not apply, its value is null and setting it changes nothing.
#[derive(Debug)]
pub struct Opt<T: 'static> {
    /// Name, help and values.
    pub key: OptionKey,
    /// Reads the value.
    pub get: fn(&T) -> Value,
    /// Sets a value of its kind, and the options that follow from it to their defaults.
    pub set: fn(&mut T, &Value),
}

/// A table of options by heading. A row has help, name, what it depends on, kind, and a field or
/// two functions that get and set it.
macro_rules! options {
    ($target:ty: $($heading:expr => {
        $($(#[doc = $help:literal])+ $name:literal $(with $with:literal)?: $kind:expr => $field:tt)+
    })+) => {
        [$($($crate::train::Opt {
            key: $crate::train::OptionKey {
                name: $name,
                heading: $heading,
                help: concat!($($help),+),
                kind: $kind,
                with: concat!($($with)?),
            },
            get: $crate::train::options!(@get $target, $field),
            set: $crate::train::options!(@set $target, $field),
        }),+),+]
    };
    (@get $target:ty, ($($field:ident).+)) => { |of: &$target| $crate::train::options::value(&of.$($field).+) };
    (@get $target:ty, ($get:expr, $set:expr)) => { $get };
    (@set $target:ty, ($($field:ident).+)) => { |of: &mut $target, value| $crate::train::options::put(&mut of.$($field).+, value) };
    (@set $target:ty, ($get:expr, $set:expr)) => { $set };
}
pub(crate) use options;

/// A field as a value: a word, `true` or `false`, or a number; a rate as the decimal that was
/// typed.
pub(crate) fn value(field: &impl Serialize) -> Value {
    serde_json::to_string(field).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// A number as a value. One that is not finite becomes text, which every option refuses.
pub(super) fn number(x: &(impl Serialize + ToString)) -> Value {
    Some(value(x)).filter(|value| !value.is_null()).unwrap_or_else(|| x.to_string().into())
}

/// Sets a field to a value of its kind.
pub(crate) fn put<T: DeserializeOwned>(field: &mut T, value: &Value) {
    *field = T::deserialize(value).expect("a value of the option's kind");
}

/// A value as one types it.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// How messages spell options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// `--until solved`.
    Flags,
    /// `until=solved`.
    Keys,
}

impl Spelling {
    /// An option, and its value if it has one.
    pub(super) fn of(self, words: &str) -> String {
        match self {
            Self::Flags => format!("--{words}"),
            Self::Keys => words.replace(' ', "="),
        }
    }
}

/// Values chosen for some options.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Choices(BTreeMap<&'static str, Value>);

impl Choices {
    /// Chooses a value that [`OptionKey::read`] returned.
    pub fn set(&mut self, name: &'static str, value: Value) {
        self.0.insert(name, value);
    }

    /// The value of an option, if it is chosen.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    /// All options that apply to a target.
    pub(crate) fn of<T>(options: &[Opt<T>], target: &T) -> Self {
        let all = options.iter().map(|option| (option.key.name, (option.get)(target)));
        all.filter(|(_, value)| !value.is_null()).collect()
    }

    /// The options in which a target differs from its defaults, given the options before them.
    pub(crate) fn unusual<T>(options: &[Opt<T>], mut usual: T, target: &T) -> Self {
        let mut unusual = Self::default();
        for Opt { key, get, set } in options {
            let value = get(target);
            if !value.is_null() && value != get(&usual) {
                set(&mut usual, &value);
                unusual.set(key.name, value);
            }
        }
        unusual
    }

    /// These choices, and others over them.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Sets what is chosen.
    pub(crate) fn fill<T>(&self, options: &[Opt<T>], mut target: T) -> T {
        for option in options {
            if let Some(value) = self.get(option.key.name) {
                (option.set)(&mut target, value);
            }
        }
        target
    }

    /// Choices that have no effect on a target that they filled.
    pub(super) fn void<'a, T>(&self, options: &'a [Opt<T>], filled: &T) -> Vec<&'a OptionKey> {
        let void = |o: &&Opt<T>| self.get(o.key.name).is_some_and(|value| *value != (o.get)(filled));
        options.iter().filter(void).map(|option| &option.key).collect()
    }

    /// Removes a choice.
    pub(super) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }
}

impl FromIterator<(&'static str, Value)> for Choices {
    fn from_iter<I: IntoIterator<Item = (&'static str, Value)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

/// TOML, a line for each choice.
impl fmt::Display for Choices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|(name, value)| match value {
            Value::Null => writeln!(f, "{name} = \"none\""),
            value => writeln!(f, "{name} = {value}"),
        })
    }
}
