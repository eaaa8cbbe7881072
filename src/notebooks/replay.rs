//! The replay engine: builds a notebook's program, runs it, and reports lines and a summary.

use super::bits::{decode_msb_first, rounded_msb_first};
use super::elman::NotebookNet;
use super::line::PrintedLine;
use super::names::{Delta, Edition, Notebook};
use super::program::{Program, Sample};
use super::{n000_dynamic, n000_elman, n001, n002, n003, n004};
use crate::error::{Error, Result};

/// A request to replay a notebook. Fields left `None` take the notebook's own values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The notebook.
    pub notebook: Notebook,
    /// Printed or corrected.
    pub edition: Edition,
    /// Recursion of 002 [default: [`Delta::Code`] printed, [`Delta::Total`] corrected].
    pub delta: Option<Delta>,
    /// Seed of numpy's generator.
    pub seed: Option<u32>,
    /// Samples (003: epochs) to train on.
    pub samples: Option<usize>,
    /// Samples (003: epochs) from line to line.
    pub every: Option<usize>,
    /// Hidden units.
    pub hidden: Option<usize>,
}

/// The result of a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplaySummary {
    /// Lines reported.
    pub lines: usize,
    /// Reported lines whose prediction is the sum.
    pub exact_lines: usize,
    /// Samples (003: epochs) trained on.
    pub samples: usize,
    /// The seed used.
    pub seed: u32,
    /// Where a number was first not finite.
    pub first_non_finite: Option<NonFinite>,
    /// The error of the last line.
    pub last_error: f64,
    /// 003 corrected: rows of the table that the net adds exactly at the end, and all rows.
    pub held_out: Option<(usize, usize)>,
}

/// Where a number was first not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonFinite {
    /// Sample (003: epoch) after whose step the number was seen.
    pub index: usize,
    /// Tensor that held the number: `w_hh`, `w_ih`, `w_ho`, `b_h`, `b_o` or `y`.
    pub tensor: &'static str,
}

impl Replay {
    /// A replay with all of the notebook's own values.
    #[must_use]
    pub fn new(notebook: Notebook, edition: Edition) -> Self {
        Self { notebook, edition, delta: None, seed: None, samples: None, every: None, hidden: None }
    }

    /// The interval between lines: `every`, or the notebook's own.
    #[must_use]
    pub fn interval(&self) -> usize {
        self.every.unwrap_or(self.notebook.own_interval())
    }

    /// Runs the program, and calls `on_line` with each line. Numbers that are not finite do not end
    /// it.
    ///
    /// # Errors
    /// A count of zero (samples, interval, hidden units) or more than 2^15 hidden units; a delta
    /// for a notebook other than 002, or a wrong delta for its correction.
    pub fn run(&self, mut on_line: impl FnMut(&PrintedLine)) -> Result<ReplaySummary> {
        let samples = positive("samples", self.samples, usize::MAX, self.notebook.own_samples())?;
        let every = positive("every", self.every, usize::MAX, self.notebook.own_interval())?;
        let mut program = self.program()?;
        let mut summary = ReplaySummary {
            lines: 0,
            exact_lines: 0,
            samples,
            seed: self.seed.unwrap_or(self.notebook.own_seed()),
            first_non_finite: None,
            last_error: f64::NAN,
            held_out: None,
        };
        for index in 0..samples {
            let sample = program.step();
            if summary.first_non_finite.is_none() {
                let tensor = first_non_finite(program.net(), &sample.y);
                summary.first_non_finite = tensor.map(|tensor| NonFinite { index, tensor });
            }
            if index % every == 0 {
                let line = self.line(index, program.printed_error(&sample), sample);
                summary.lines += 1;
                summary.exact_lines += usize::from(line.exact);
                summary.last_error = line.error;
                on_line(&line);
            }
        }
        summary.held_out = program.held_out();
        Ok(summary)
    }

    fn program(&self) -> Result<Box<dyn Program>> {
        let seed = self.seed.unwrap_or(self.notebook.own_seed());
        let hidden = positive("hidden", self.hidden, MAX_HIDDEN, self.notebook.own_hidden())?;
        let delta = self.checked_delta()?;
        Ok(match self.notebook {
            Notebook::N000Elman => Box::new(n000_elman::program(seed, hidden)),
            Notebook::N000Dynamic => Box::new(n000_dynamic::program(seed, hidden, self.edition)),
            Notebook::N001 => Box::new(n001::program(seed, hidden)),
            Notebook::N002 => Box::new(n002::program(seed, hidden, delta)),
            Notebook::N003 => match self.edition {
                Edition::Printed => Box::new(n003::Printed::new(seed, hidden)),
                Edition::Corrected => Box::new(n003::Corrected::new(seed, hidden)),
            },
            Notebook::N004 => Box::new(n004::Vanilla::new(seed, hidden, self.edition)),
        })
    }

    fn checked_delta(&self) -> Result<Delta> {
        match (self.notebook, self.edition, self.delta) {
            (Notebook::N002, Edition::Printed, delta) => Ok(delta.unwrap_or(Delta::Code)),
            (_, _, None) | (Notebook::N002, Edition::Corrected, Some(Delta::Total)) => Ok(Delta::Total),
            (Notebook::N002, Edition::Corrected, Some(wrong)) => Err(Error::usage(format!(
                "delta {wrong} is one of the defects of 002: leave it out, or replay 002 as printed"
            ))),
            (other, _, Some(delta)) => {
                Err(Error::usage(format!("delta {delta} was given for {other}: only notebook 002 has three of them")))
            }
        }
    }

    fn line(&self, index: usize, error: f64, sample: Sample) -> PrintedLine {
        let bits = rounded_msb_first(&sample.y);
        let prediction = decode_msb_first(&bits);
        let sum = sample.a + sample.b;
        let outputs = (self.notebook == Notebook::N003).then_some(sample.y);
        let exact = prediction == Some(u64::from(sum));
        PrintedLine { index, error, a: sample.a, b: sample.b, prediction, bits, outputs, sum, exact }
    }
}

/// The most hidden units: 2^30 recurrent weights.
const MAX_HIDDEN: usize = 1 << 15;

fn positive(name: &str, given: Option<usize>, most: usize, own: usize) -> Result<usize> {
    let wanted = match given {
        Some(0) => "1 or more".to_owned(),
        Some(n) if n > most => format!("at most {most}"),
        _ => return Ok(given.unwrap_or(own)),
    };
    let found = given.unwrap_or(own);
    Err(Error::usage(format!("{name} is {found}: give {wanted}, or leave it out for the notebook's {own}")))
}

fn first_non_finite(net: &NotebookNet, y: &[f64]) -> Option<&'static str> {
    let [w_ih, w_hh, w_ho, b_h, b_o] = net.split();
    let tensors = [("w_hh", w_hh), ("w_ih", w_ih), ("w_ho", w_ho), ("b_h", b_h), ("b_o", b_o), ("y", y)];
    tensors.into_iter().find(|(_, tensor)| tensor.iter().any(|x| !x.is_finite())).map(|(name, _)| name)
}
