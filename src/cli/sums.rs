//! Sums as a net does them.

use super::output::mark;
use carrylane::Result;
use carrylane::prove::{IntegerNet, Runner};
use carrylane::task::number::{shorten, to_uint, width_of_sum};
use carrylane::task::rng::{Purpose, stream};
use carrylane::task::{BitTensor, Minibatch};
use carrylane::train::Engine;
use num_bigint::BigUint;
use std::fmt;

/// One addition, and the net's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) a: BigUint,
    pub(super) b: BigUint,
    pub(super) answer: BigUint,
    pub(super) bits: usize,
    /// Whether long numbers are cut when shown.
    short: bool,
}

/// One time step of an addition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(super) struct Step {
    pub(super) step: usize,
    pub(super) a: u8,
    pub(super) b: u8,
    /// What comes in from the steps before.
    pub(super) carry: u8,
    pub(super) predicted: u8,
    pub(super) right: u8,
}

impl Sum {
    /// Lets the net add two numbers, at the width the sum needs.
    pub(super) fn by(engine: &mut Engine<f32>, a: BigUint, b: BigUint) -> Result<Self> {
        let (bits, answer) = (width_of_sum(&a, &b), engine.add(&a, &b)?);
        Ok(Self { a, b, answer, bits, short: false })
    }

    /// The same by an integer network.
    pub(super) fn by_integers(net: &IntegerNet, a: BigUint, b: BigUint) -> Self {
        let (bits, answer) = (width_of_sum(&a, &b), Runner::new(net).add(&a, &b));
        Self { a, b, answer, bits, short: false }
    }

    /// The right answer.
    pub(super) fn expected(&self) -> BigUint {
        &self.a + &self.b
    }

    /// Whether the net's answer is right.
    pub(super) fn correct(&self) -> bool {
        self.answer == self.expected()
    }

    /// Bits of the answer that are wrong.
    pub(super) fn wrong_bits(&self) -> u64 {
        (&self.answer ^ self.expected()).count_ones()
    }

    /// The addition bit by bit, least significant bit first.
    pub(super) fn steps(&self) -> impl Iterator<Item = Step> {
        let expected = self.expected();
        (0..self.bits).map(move |step| {
            let bit = |number: &BigUint| u8::from(number.bit(step as u64));
            let (a, b, right) = (bit(&self.a), bit(&self.b), bit(&expected));
            Step { step, a, b, carry: a ^ b ^ right, predicted: bit(&self.answer), right }
        })
    }
}

impl fmt::Display for Sum {
    /// `69 + 122 = 191 ✓`, or what it should have been.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line([0; 3]))
    }
}

impl Sum {
    /// a, b and the answer.
    fn numbers(&self) -> [String; 3] {
        [&self.a, &self.b, &self.answer].map(|number| self.show(number))
    }

    fn show(&self, number: &BigUint) -> String {
        if self.short { shorten(&number.to_string()) } else { number.to_string() }
    }

    fn line(&self, [wa, wb, wc]: [usize; 3]) -> String {
        let ([a, b, answer], right) = (self.numbers(), self.correct());
        let correction = if right { String::new() } else { format!(" the sum is {}", self.show(&self.expected())) };
        format!("{a:>wa$} + {b:>wb$} = {answer:>wc$} {}{correction}", mark(right))
    }
}

/// Sums below each other, digits under digits.
pub(super) fn aligned(sums: &[Sum]) -> Vec<String> {
    let widths = sums.iter().fold([0; 3], |widths: [usize; 3], sum| {
        let numbers = sum.numbers();
        [0, 1, 2].map(|i| widths[i].max(numbers[i].chars().count()))
    });
    sums.iter().map(|sum| sum.line(widths)).collect()
}

/// A few random sums of a width.
pub(super) fn random(engine: &mut Engine<f32>, bits: usize, seed: u64) -> Vec<Sum> {
    const SHOWN: usize = 5;
    let mut batch = Minibatch::new(SHOWN, bits);
    batch.fill_uniform(&mut stream(seed, Purpose::Show, 0));
    let mut predicted = BitTensor::new(SHOWN, bits);
    engine.evaluate(&batch, Some(&mut predicted));
    (0..SHOWN)
        .map(|i| {
            let [a, b, answer] = [&batch.a, &batch.b, &predicted].map(|tensor| to_uint(tensor, i));
            Sum { a, b, answer, bits, short: true }
        })
        .collect()
}
