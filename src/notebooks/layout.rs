//! Lines as the notebooks print them: their words, order of bits and digits.

use std::fmt::Write as _;

use super::bits::msb_first;
use super::line::PrintedLine;
use super::names::Notebook;

/// The text of one line (several lines of text, without a final line feed), in the notebook's own
/// layout.
///
/// `every` is the interval between lines; notebook 003 shows its prediction at every second one.
#[must_use]
pub fn render(notebook: Notebook, line: &PrintedLine, every: usize) -> String {
    match notebook {
        Notebook::N000Elman | Notebook::N000Dynamic => online(line, true),
        Notebook::N001 | Notebook::N002 => online(line, false),
        Notebook::N003 => epoch(line, every),
        Notebook::N004 => sample(line),
    }
}

/// 000, 001, 002: error, bits, sum; 000 shows the operands' bits too.
fn online(line: &PrintedLine, with_operands: bool) -> String {
    let width = line.bits.len();
    let row = |n: u32| bit_row(msb_first(n, width).into_iter().map(Some));
    let mut text = format!("Error:{}\n", new_array_of(line.error));
    if with_operands {
        let _ = writeln!(text, "A  : {}\nB  : {}", row(line.a), row(line.b));
    }
    let _ = writeln!(text, "Pred:{}\nTrue:{}", bit_row(line.bits.iter().copied()), row(line.sum));
    let _ = write!(text, "{} + {} = {}\n------------", line.a, line.b, integer(line.prediction));
    text
}

/// 003: the error, and at every second line the outputs, least significant bit first.
fn epoch(line: &PrintedLine, every: usize) -> String {
    let mut text = format!("Epoch: {} Train Error: {}", line.index, python_float(line.error));
    if line.index.is_multiple_of(2 * every.max(1)) {
        let rule = "-".repeat(39);
        let true_bits = bit_row(msb_first(line.sum, line.bits.len()).into_iter().rev().map(Some));
        let outputs: Vec<String> = line.outputs.iter().flatten().map(|&y| two_digits(y)).collect();
        let answer = format!("({}), Prediction: [[{}]]", line.sum, outputs.join(" "));
        let _ = write!(text, "\n{rule}\n{} + {} = {true_bits} {answer}\n{rule}", line.a, line.b);
    }
    text
}

/// 004: a banner, the addition, the answer as a float, the error of the batch.
fn sample(line: &PrintedLine) -> String {
    let banner = "#".repeat(100);
    let answer = line.prediction.map_or_else(|| "nan".into(), |n| format!("{n}.0"));
    format!(
        "{banner} sample {} \n Training sample: {} + {} = {}\n Result is {answer}\n \
         Average binarry error for this batch is {}",
        line.index,
        line.a,
        line.b,
        line.sum,
        old_array_of(line.error)
    )
}

fn bit_row(bits: impl Iterator<Item = Option<u8>>) -> String {
    let digits: Vec<String> = bits.map(|bit| bit.map_or_else(|| "?".into(), |bit| bit.to_string())).collect();
    format!("[{}]", digits.join(" "))
}

fn integer(n: Option<u64>) -> String {
    n.map_or_else(|| "nan".into(), |n| n.to_string())
}

fn two_digits(x: f64) -> String {
    if x.is_nan() { "nan".into() } else { format!("{x:.2}") }
}

/// `str` of an array of one double since numpy 1.14: at most eight decimals, zeros dropped.
fn new_array_of(x: f64) -> String {
    if !x.is_finite() {
        return format!("[{}]", python_float(x));
    }
    if x != 0.0 && (x.abs() < 1e-4 || x.abs() >= 1e8) {
        let (mantissa, exponent) = scientific(x, 8);
        return format!("[{}e{exponent}]", mantissa.trim_end_matches('0'));
    }
    format!("[{}]", format!("{x:.8}").trim_end_matches('0'))
}

/// `str` of an array of one double before numpy 1.14: a column for the sign, exponents with all
/// digits.
fn old_array_of(x: f64) -> String {
    if !x.is_finite() {
        return format!("[ {}]", python_float(x));
    }
    if x != 0.0 && (x.abs() < 1e-4 || x.abs() >= 1e8) {
        let (mantissa, exponent) = scientific(x, 8);
        return format!("[  {mantissa}e{exponent}]");
    }
    format!("[ {}]", format!("{x:.8}").trim_end_matches('0'))
}

/// Python's `repr` of a double: the shortest digits that read back, with an exponent below 1e-4 and
/// from 1e16.
fn python_float(x: f64) -> String {
    if x.is_nan() {
        return "nan".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf".into() } else { "-inf".into() };
    }
    if x != 0.0 && (x.abs() < 1e-4 || x.abs() >= 1e16) {
        let text = format!("{x:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{mantissa}e{}", signed_exponent(exponent));
    }
    format!("{x:?}")
}

fn scientific(x: f64, decimals: usize) -> (String, String) {
    let text = format!("{x:.decimals$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.to_owned(), signed_exponent(exponent))
}

/// `-5` as `-05`, `7` as `+07`.
fn signed_exponent(exponent: &str) -> String {
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_as_python_and_numpy_write_them() {
        assert_eq!(new_array_of(2.0593875039509224), "[2.0593875]", "zeros are dropped");
        assert_eq!(new_array_of(4.0), "[4.]", "an integer keeps its point");
        assert_eq!(new_array_of(5.320_137_804e-5), "[5.3201378e-05]", "small numbers take an exponent");
        assert_eq!(old_array_of(0.306_611_799), "[ 0.3066118]", "a column for the sign");
        assert_eq!(python_float(0.1), "0.1", "shortest");
        assert_eq!(python_float(1e-5), "1e-05", "two digits in an exponent");
        assert_eq!(python_float(f64::NAN), "nan", "lower case");
        assert_eq!(python_float(3.0), "3.0", "a float");
    }
}
