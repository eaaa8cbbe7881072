//! The spec of a sweep: words on the command line or a TOML file, with one grammar.
//!
//! ```toml
//! method = "random"            # "grid" (the default), "random" or "sobol"
//! points = 100                 # points drawn; each is crossed with the grid
//! sweep-seed = 1               # key of the points
//! [grid]
//! hidden = [4, 8, 16]
//! seed = "0..20"
//! [random]
//! lr = "0.001..0.1:log"
//! [fixed]
//! cell = "lstm"
//! ```
//!
//! In words: `method=random points=100 sweep-seed=1 hidden=4,8,16 seed=0..20 cell=lstm` and
//! `random.lr=0.001..0.1:log`. Keys are those of [`keys`]; a value is a number, a word, a list,
//! `a..b` or `a..b:step`, which leave `b` out.

use super::axis::{Axis, MAX_TRIALS};
use super::trial::{Trial, keys};
use crate::error::{Error, Result};
use crate::files::{Entry, toml_entries, toml_word};
use crate::task::number::shorten;
use crate::task::rng::{Purpose, stream, unit};
use crate::task::whole::{MAX_EXACT, count};
use crate::train::ValueKind::{Whole, Word};
use crate::train::{Choices, Opt, OptionKey, options};
use crate::words::words;

/// How the points of the random axes are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// Every combination of the grid, without random axes.
    Grid,
    /// Independent draws.
    Random,
    /// An Owen-scrambled Sobol sequence.
    ///
    /// # Source
    /// Burley 2020, "Practical Hash-based Owen Scrambling".
    Sobol,
}

words!(Sampling "method": Grid = "grid", Random = "random", Sobol = "sobol");

/// The points of the random axes.
#[derive(Debug, Clone, PartialEq)]
struct Points {
    method: Sampling,
    number: usize,
    seed: u64,
}

/// The options of the points.
static POINTS: &[Opt<Points>] = &options!(Points:
    "Points" => {
        /// How the points of the random axes are placed.
        "method": Word(|| Sampling::ALL.map(|method| method.to_string()).into()) => (method)
        /// Points drawn; each is crossed with the grid.
        "points": Whole(1..=MAX_TRIALS as u64) => (number)
        /// Key of the points.
        "sweep-seed": Whole(0..=MAX_EXACT) => (seed)
    }
);

/// A sweep as it was asked for. The trials are a function of the spec.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    points: Points,
    grid: Vec<Axis>,
    random: Vec<Axis>,
}

/// The most points of a Sobol sequence: `sobol_burley`'s bound.
const SOBOL_POINTS: usize = 1 << 16;

/// A spec in the making.
#[derive(Debug, Default)]
struct Draft {
    points: Choices,
    grid: Vec<Axis>,
    random: Vec<Axis>,
}

impl Spec {
    /// The most bytes of a spec's file: some 32 bytes for each trial that a sweep may have.
    pub const LONGEST: u64 = 32 * MAX_TRIALS as u64;

    /// Reads words like `hidden=4,8` or `random.lr=0.001..0.1:log`.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the key, the value and what it may be.
    pub fn from_words<S: AsRef<str>>(words: &[S]) -> Result<Self> {
        let mut draft = Draft::default();
        for word in words {
            let word = word.as_ref();
            let (name, text) = word.split_once('=').ok_or_else(|| {
                Error::usage(format!("'{}' is no axis: want key=value, as in hidden=4,8,16", shorten(word)))
            })?;
            let (table, name) = name.split_once('.').unwrap_or(("", name));
            draft.take(table, name, text)?;
        }
        draft.spec()
    }

    /// Reads a TOML file's text.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the key, the value and what it may be, or the place where the text
    /// is no TOML.
    pub fn from_toml(text: &str) -> Result<Self> {
        let mut draft = Draft::default();
        for Entry { line, table, key, value } in toml_entries(text).map_err(Error::usage)? {
            let taken = typed(&key, &value).and_then(|value| draft.take(&table, &key, &value));
            taken.map_err(|problem| Error::usage(format!("line {line}: {problem}")))?;
        }
        draft.spec()
    }

    /// How the random points are placed.
    pub fn method(&self) -> Sampling {
        self.points.method
    }

    /// The axes: name, values as written, and how many; 0 for a range to draw from.
    pub fn axes(&self) -> Vec<(&'static str, String, usize)> {
        let grid = self.grid.iter().map(|axis| (axis.key.name, axis.text.clone(), axis.list().len()));
        grid.chain(self.random.iter().map(|axis| (axis.key.name, axis.text.clone(), 0))).collect()
    }

    /// The number of trials that the spec names, equal ones counted each time.
    pub(super) fn size(&self) -> Result<usize> {
        let mut lengths = self.grid.iter().map(|axis| axis.list().len());
        let size = lengths.try_fold(self.points.number, usize::checked_mul);
        size.filter(|&size| size <= MAX_TRIALS).ok_or_else(|| {
            let of = |axis: &Axis| format!(" times {} of {}", axis.list().len(), axis.key.name);
            let (axes, most) = (self.grid.iter().map(of).collect::<String>(), count(MAX_TRIALS as u64));
            let points = self.points.number;
            Error::usage(format!("{points} points{axes} is more than {most} trials, the most a sweep may have"))
        })
    }

    /// A trial: the points of the random axes are outermost, then the grid, its last key fastest.
    pub(super) fn trial(&self, mut index: usize) -> Result<Trial> {
        let mut choices = Choices::default();
        for axis in self.grid.iter().rev() {
            let values = axis.list();
            choices.set(axis.key.name, values[index % values.len()].clone());
            index /= values.len();
        }
        for (axis, u) in self.random.iter().zip(self.point(index)) {
            choices.set(axis.key.name, axis.draw(u));
        }
        Trial::of(&choices)
    }

    /// A random point: a function of the sweep's seed and the index.
    #[expect(clippy::cast_possible_truncation, reason = "an index below 2^16; and a seed of 32 bits, folded")]
    fn point(&self, index: usize) -> Vec<f64> {
        let mut rng = stream(self.points.seed, Purpose::Sweep, index as u64);
        let seed = (self.points.seed ^ (self.points.seed >> 32)) as u32;
        let coordinate = |dimension: u32| match self.points.method {
            Sampling::Grid | Sampling::Random => unit(&mut rng),
            Sampling::Sobol => f64::from(sobol_burley::sample(index as u32, dimension, seed)),
        };
        (0..self.random.len() as u32).map(coordinate).collect()
    }

    /// The canonical TOML, from which the spec can be read again.
    pub fn to_toml(&self) -> String {
        let mut text = match self.points.method {
            Sampling::Grid => "method = \"grid\"\n".to_owned(),
            _ => Choices::of(POINTS, &self.points).to_string(),
        };
        let (fixed, grid): (Vec<&Axis>, _) = self.grid.iter().partition(|axis| axis.list().len() == 1);
        for (name, axes) in [("grid", grid), ("random", self.random.iter().collect()), ("fixed", fixed)] {
            if !axes.is_empty() {
                text += &format!("\n[{name}]\n");
            }
            for Axis { key, text: values, .. } in axes {
                // JSON's strings are TOML's too, but for one character that TOML wants escaped.
                let values = serde_json::Value::from(values.as_str()).to_string().replace('\u{7f}', "\\u007f");
                text += &format!("{} = {values}\n", key.name);
            }
        }
        text
    }
}

impl Draft {
    /// Takes a key and its value, in a table or in none.
    fn take(&mut self, table: &str, name: &str, text: &str) -> Result<()> {
        let refused = |problem: String| Err(Error::usage(problem));
        if !["", "grid", "fixed", "random"].contains(&table) {
            return refused(format!("unknown table '{}': tables are grid, random, fixed", shorten(table)));
        }
        if name == "time" {
            let tip = "what ends by the clock is no function of its options; want updates or budget";
            return refused(format!("time is no axis: {tip}"));
        }
        let points = || POINTS.iter().map(|option| &option.key);
        let key = OptionKey::find(name, keys().chain(points()))?;
        if points().any(|other| other == key) {
            if !table.is_empty() {
                return refused(format!("{name} is no axis, and stands in no table"));
            }
            self.points.set(key.name, key.read(text)?);
        } else if self.grid.iter().chain(&self.random).any(|axis| axis.key == key) {
            return refused(format!("{name} is given twice"));
        } else if table == "random" {
            self.random.push(Axis::random(key, text)?);
        } else {
            let axis = Axis::grid(key, text)?;
            let values = axis.list().len();
            if table == "fixed" && values != 1 {
                return refused(format!("{name} is fixed to {values} values: want one, or put it in grid"));
            }
            self.grid.push(axis);
        }
        Ok(())
    }

    fn spec(mut self) -> Result<Spec> {
        let usual = if self.random.is_empty() { Sampling::Grid } else { Sampling::Random };
        let points = self.points.fill(POINTS, Points { method: usual, number: 1, seed: 0 });
        let (number, is_said) = (points.number, |name| self.points.get(name).is_some());
        let one = "random.lr=0.001..0.1:log is one";
        let problem = match (points.method, self.random.is_empty()) {
            (Sampling::Grid, false) => "random axes need method=random or sobol, not grid".to_owned(),
            (Sampling::Grid, true) if is_said("points") || is_said("sweep-seed") => {
                format!("points and sweep-seed need a random axis: {one}")
            }
            (method @ (Sampling::Random | Sampling::Sobol), true) => {
                format!("method={method} needs a random axis: {one}")
            }
            (_, false) if !is_said("points") => "random axes need points: points=100 draws a hundred".to_owned(),
            (Sampling::Sobol, _) if number > SOBOL_POINTS => {
                format!("points is {number}, want at most {} for sobol", count(SOBOL_POINTS as u64))
            }
            _ => {
                let place = |axis: &Axis| keys().position(|other| other == axis.key);
                self.grid.sort_by_key(place);
                self.random.sort_by_key(place);
                return Ok(Spec { points, grid: self.grid, random: self.random });
            }
        };
        Err(Error::usage(problem))
    }
}

/// A TOML value as one types it as a word.
fn typed(key: &str, value: &toml::Value) -> Result<String> {
    let each = |value| {
        toml_word(value).map_err(|found| Error::usage(format!("{} is {found}, want numbers or words", shorten(key))))
    };
    match value {
        toml::Value::Array(values) => Ok(values.iter().map(each).collect::<Result<Vec<_>>>()?.join(",")),
        value => each(value),
    }
}
