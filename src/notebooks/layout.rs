//! Lines as the notebooks print them: their words, order of bits and digits.

use super::names::Notebook;
use super::replay::PrintedLine;

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
    let &PrintedLine { a, b, ref bits, sum, .. } = line;
    let row = |n: u32| bit_row((0..bits.len()).rev().map(|k| bit(n, k)));
    let operands = if with_operands { format!("A  : {}\nB  : {}\n", row(a), row(b)) } else { String::new() };
    let (error, predicted, right) = (in_array(line.error), bit_row(bits.iter().copied()), row(sum));
    let answer = line.prediction.map_or_else(|| "nan".into(), |n| n.to_string());
    format!("Error:[{error}]\n{operands}Pred:{predicted}\nTrue:{right}\n{a} + {b} = {answer}\n------------")
}

/// 003: the error, and at every second line the outputs, least significant bit first.
fn epoch(line: &PrintedLine, every: usize) -> String {
    let &PrintedLine { index, a, b, ref bits, sum, .. } = line;
    let head = format!("Epoch: {index} Train Error: {}", python_float(line.error));
    if !index.is_multiple_of(2 * every.max(1)) {
        return head;
    }
    let (rule, right) = ("-".repeat(39), bit_row((0..bits.len()).map(|k| bit(sum, k))));
    let outputs: Vec<String> = line.outputs.iter().flatten().map(|y| format!("{y:.2}").to_lowercase()).collect();
    format!("{head}\n{rule}\n{a} + {b} = {right} ({sum}), Prediction: [[{}]]\n{rule}", outputs.join(" "))
}

/// 004: a banner, the addition, the answer as a float, the error of the batch.
fn sample(line: &PrintedLine) -> String {
    let &PrintedLine { index, a, b, sum, .. } = line;
    let (banner, error) = ("#".repeat(100), in_array(line.error));
    let answer = line.prediction.map_or_else(|| "nan".into(), |n| format!("{n}.0"));
    format!(
        "{banner} sample {index} \n Training sample: {a} + {b} = {sum}\n Result is {answer}\n \
         Average binarry error for this batch is [ {error}]"
    )
}

fn bit(n: u32, place: usize) -> Option<u8> {
    Some(u8::from(n >> place & 1 == 1))
}

fn bit_row(bits: impl Iterator<Item = Option<u8>>) -> String {
    let digits: Vec<String> = bits.map(|bit| bit.map_or_else(|| "?".into(), |bit| bit.to_string())).collect();
    format!("[{}]", digits.join(" "))
}

/// A double in an array of numpy: at most eight decimals, zeros dropped.
fn in_array(x: f64) -> String {
    if x.is_finite() && (x == 0.0 || (1e-4..1e8).contains(&x.abs())) {
        return format!("{x:.8}").trim_end_matches('0').to_owned();
    }
    with_exponent(&format!("{x:.8e}"))
}

/// Python's `repr` of a double: the shortest digits that read back, with an exponent below 1e-4 and
/// from 1e16.
fn python_float(x: f64) -> String {
    if x == 0.0 || (1e-4..1e16).contains(&x.abs()) { format!("{x:?}") } else { with_exponent(&format!("{x:e}")) }
}

/// Python's spelling of a float with an exponent, or of one that is not finite: `1e-5` is `1e-05`,
/// `NaN` is `nan`.
fn with_exponent(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else { return text.to_lowercase() };
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0') } else { mantissa };
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_as_python_and_numpy_write_them() {
        assert_eq!(in_array(2.0593875039509224), "2.0593875", "zeros are dropped");
        assert_eq!(in_array(4.0), "4.", "an integer keeps its point");
        assert_eq!(in_array(5.320_137_804e-5), "5.3201378e-05", "small numbers take an exponent");
        assert_eq!(python_float(0.1), "0.1", "shortest");
        assert_eq!(python_float(1e-5), "1e-05", "two digits in an exponent");
        assert_eq!((python_float(f64::NAN), in_array(f64::NEG_INFINITY)), ("nan".into(), "-inf".into()));
        assert_eq!(python_float(3.0), "3.0", "a float");
    }
}
