//! The bytes of integer networks, as certificates have them: numbers of 32 bits, little-endian.
//!
//! | what | how many numbers |
//! |---|---|
//! | cell: 0 Elman, 1 dynamic, 2 LSTM standard, 3 LSTM notebook | 1 |
//! | H; q; fractional bits of gates; largest magnitude of c, with q fractional bits | 4 |
//! | bias of the output; its threshold | 2 |
//! | recurrent weights: a matrix `[G·H][H]` for each number of changed input bits (3 for the dynamic cell, else 1) | (1 or 3)·G·H² |
//! | inputs with biases: `[G·H]` for a + 2b = 0, 1, 2, 3 | 4·G·H |
//! | output weights | H |
//! | tables φ, σ, φ of the cell, each: the value below all thresholds, their number, the thresholds | 3·(2 + n) |

use super::fixed::GATE_BITS;
use super::net::{FixedPoint, IntegerNet, MOST, Tables};
use super::table::Table;
use crate::files::Size;
use crate::model::{Cell, LstmForm, MAX_HIDDEN, digits};
use sha2::{Digest, Sha256};

/// Bytes of a SHA-256.
pub(super) const HASH: usize = 32;
/// Cells in the order of their numbers in certificates.
pub(super) const CELLS: [(Cell, LstmForm); 4] = [
    (Cell::Elman, LstmForm::Standard),
    (Cell::Dynamic, LstmForm::Standard),
    (Cell::Lstm, LstmForm::Standard),
    (Cell::Lstm, LstmForm::Notebook),
];

/// The number of a cell.
pub(super) fn code(cell: Cell, form: LstmForm) -> u32 {
    let same = |&(of, its_form): &(Cell, LstmForm)| of == cell && (cell != Cell::Lstm || its_form == form);
    (0..).zip(&CELLS).find(|(_, of)| same(of)).expect("every cell is there").0
}

/// The most thresholds of a table.
const MOST_THRESHOLDS: u32 = 1 << 14;

impl IntegerNet {
    /// The bytes of the network.
    pub fn to_bytes(&self) -> Vec<u8> {
        let small = |n: u32| i32::try_from(n).expect("a small number");
        let hidden = i32::try_from(self.hidden).expect("at most 2^15");
        let mut all = vec![
            small(code(self.cell, self.form)),
            hidden,
            small(self.q),
            small(GATE_BITS),
            self.cell_most,
            self.output_bias,
            self.threshold,
        ];
        self.recurrent.iter().chain(&self.input).chain([&self.output]).for_each(|row| all.extend(row));
        for table in [&self.tables.phi, &self.tables.sigma, &self.tables.cell] {
            all.extend([table.first, i32::try_from(table.thresholds.len()).expect("few thresholds")]);
            all.extend(&table.thresholds);
        }
        all.into_iter().flat_map(i32::to_le_bytes).collect()
    }

    /// The name of the network: 16 hexadecimal digits of SHA-256 over its bytes.
    pub fn hash(&self) -> String {
        digits(&self.to_bytes())
    }

    /// The network of some bytes.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn from_bytes(network: &[u8]) -> Result<Self, String> {
        let (words, []) = network.as_chunks::<4>() else { return Err("cut inside a number".into()) };
        let words: Vec<i32> = words.iter().map(|&word| i32::from_le_bytes(word)).collect();
        parse(&words).ok_or_else(|| "its sizes or values make no network".into())
    }
}

/// The network of some words, if they are one.
fn parse(words: &[i32]) -> Option<IntegerNet> {
    let (&[code, hidden, q, gate_bits, cell_most, output_bias, threshold], mut rest) =
        words.split_first_chunk::<7>()?;
    let &(cell, form) = CELLS.get(usize::try_from(code).ok()?)?;
    let hidden = usize::try_from(hidden).ok().filter(|hidden| (1..=MAX_HIDDEN).contains(hidden))?;
    let q = u32::try_from(q).ok().filter(|&q| q <= FixedPoint::most(cell))?;
    if u32::try_from(gate_bits) != Ok(GATE_BITS) || !(0..=MOST).contains(&cell_most) {
        return None;
    }
    let wide = hidden * cell.gates();
    let mut take = |n: usize| rest.split_off(..n).map(<[i32]>::to_vec);
    let recurrent =
        (0..if cell == Cell::Dynamic { 3 } else { 1 }).map(|_| take(wide * hidden)).collect::<Option<_>>()?;
    let input = [take(wide)?, take(wide)?, take(wide)?, take(wide)?];
    let output = take(hidden)?;
    let mut table = || {
        let head = take(2)?;
        let count = u32::try_from(head[1]).ok().filter(|&n| n <= MOST_THRESHOLDS)?;
        let thresholds = take(count as usize)?;
        // Larger tables are never in bounds, and their sums might not fit the type.
        let near = head[0].unsigned_abs() <= MOST_THRESHOLDS;
        (near && thresholds.is_sorted()).then_some(Table { first: head[0], thresholds })
    };
    let tables = Tables { phi: table()?, sigma: table()?, cell: table()? };
    if !rest.is_empty() {
        return None;
    }
    let net = IntegerNet { cell, form, hidden, q, cell_most, recurrent, input, output, output_bias, threshold, tables };
    net.in_bounds().then_some(net)
}

/// How far a certificate's file is read: as far as the sizes of its network and its number of nodes
/// say.
pub(super) fn size(bytes: &[u8], magic: &[u8]) -> Result<Size, String> {
    /// Number of nodes, depth, margin.
    const HEAD: u64 = 8 + 4 + 8;
    let (found, wanted) = (bytes.len().min(magic.len()), magic.len() as u64);
    if bytes[..found] != magic[..found] {
        return Err(format!("it does not begin with the line '{}'", String::from_utf8_lossy(magic).trim_end()));
    }
    // A number of the network by its place, which a sum of sizes may be beyond.
    let number = |place: u64| {
        let start = usize::try_from(wanted + 4 * place).ok()?;
        Some(i32::from_le_bytes(*bytes.get(start..)?.first_chunk()?))
    };
    let told_by = |numbers: u64| Ok(Size::ToldBy(wanted + 4 * numbers));
    let (Some(code), Some(hidden), Some(_)) = (number(0), number(1), number(6)) else { return told_by(7) };
    let impossible = || "its sizes make no network".to_owned();
    let (gates, matrices, states) = match code {
        0 => (1, 1, 1),
        1 => (1, 3, 1),
        2 | 3 => (4, 1, 2),
        _ => return Err(impossible()),
    };
    let hidden = u64::try_from(hidden).ok().filter(|&hidden| hidden <= MAX_HIDDEN as u64).ok_or_else(impossible)?;
    let mut place = 7 + matrices * gates * hidden * hidden + 4 * gates * hidden + hidden;
    for _table in 0..3 {
        let Some(count) = number(place + 1) else { return told_by(place + 2) };
        let count = u32::try_from(count).ok().filter(|&n| n <= MOST_THRESHOLDS).ok_or_else(impossible)?;
        place += 2 + u64::from(count);
    }
    let end = wanted + 4 * place;
    let nodes = usize::try_from(end).ok().and_then(|end| bytes.get(end..)?.first_chunk());
    let Some(nodes) = nodes else { return Ok(Size::ToldBy(end + HEAD)) };
    let nodes = u64::from_le_bytes(*nodes).saturating_mul(states * hidden + 1);
    Ok(Size::AtMost(nodes.saturating_add(end + HEAD + 2 * HASH as u64)))
}

/// Bytes and their SHA-256.
pub(super) fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let hash = Sha256::digest(&bytes);
    bytes.extend_from_slice(&hash);
    bytes
}
