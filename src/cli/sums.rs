//! Sums by a net, printed for people.

use super::output::mark;
use carrylane::task::number::{shorten, to_uint};
use carrylane::task::rng::{Purpose, stream};
use carrylane::task::{BitTensor, Minibatch, Sum};
use carrylane::train::Engine;

/// `69 + 122 = 191 ✓`, or ✗ with the right sum; numbers are padded to the given widths.
fn line(numbers: &[String; 3], [wa, wb, wc]: [usize; 3], expected: &str) -> String {
    let ([a, b, answer], right) = (numbers, numbers[2] == expected);
    let correction = if right { String::new() } else { format!(" the sum is {expected}") };
    format!("{a:>wa$} + {b:>wb$} = {answer:>wc$} {}{correction}", mark(right))
}

/// A sum in full.
pub(super) fn whole(sum: &Sum) -> String {
    line(&[&sum.a, &sum.b, &sum.answer].map(ToString::to_string), [0; 3], &sum.expected().to_string())
}

/// A few random sums of a width, digits aligned; long numbers are cut.
pub(super) fn random(engine: &mut Engine<f32>, bits: usize, seed: u64) -> Vec<String> {
    const SHOWN: usize = 5;
    let mut batch = Minibatch::new(SHOWN, bits);
    batch.fill_uniform(&mut stream(seed, Purpose::Show, 0));
    let mut predicted = BitTensor::new(SHOWN, bits);
    engine.evaluate(&batch, Some(&mut predicted));
    let all: Vec<[String; 4]> = (0..SHOWN)
        .map(|i| [&batch.a, &batch.b, &predicted, &batch.c].map(|tensor| shorten(&to_uint(tensor, i).to_string())))
        .collect();
    let width = |number: usize| all.iter().map(|sum| sum[number].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2].map(width);
    all.iter().map(|[a, b, y, c]| line(&[a, b, y].map(String::clone), widths, c)).collect()
}
