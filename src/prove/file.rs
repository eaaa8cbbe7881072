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
use super::net::IntegerNet;
use crate::model::{Cell, LstmForm, digits};
use sha2::{Digest, Sha256};

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
}

/// Bytes and their SHA-256.
pub(super) fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let hash = Sha256::digest(&bytes);
    bytes.extend_from_slice(&hash);
    bytes
}
