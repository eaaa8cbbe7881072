//! The theorems about a net, for the Coq proof assistant, now called Rocq; compiled with Coq 8.16.
//!
//! A [`Theorem`] is a file of one net: its numbers, and what is proved of them by computation. All
//! nets share the [`THEORIES`] it rests on. Of the integer network, Coq finds all states itself; it
//! is given the number of the walk's levels alone. Of the floats, it is given the boxes of a
//! certificate.

use super::check::{MAGIC, Net, Reader, stated};
use super::float::FloatProof;
use crate::error::Result;
use crate::files;
use std::path::{Path, PathBuf};

/// The general files, by name: of the integer network, what a net is and a check with its proof; of
/// the floats, what an evaluation is, a check with its proof, and why its σ is the real one.
pub const THEORIES: [(&str, &str); 4] = [
    ("Theory.v", include_str!("theory.v")),
    ("Floats.v", include_str!("theory_floats.v")),
    ("FloatsProof.v", include_str!("theory_floats_proof.v")),
    ("FloatsReals.v", include_str!("theory_floats_reals.v")),
];

/// A theorem about a net, as text for Coq.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theorem {
    pub(super) file: &'static str,
    pub(super) theories: usize,
    pub(super) text: String,
}

impl Theorem {
    /// The theorem of a certificate that its checker has passed.
    ///
    /// # Panics
    /// If it is not one.
    pub fn of(certificate: &[u8]) -> Self {
        let theorem = if FloatProof::is_certificate(certificate) { Self::of_floats } else { Self::of_network };
        theorem(certificate).expect("a certificate that its checker has passed")
    }

    /// The theorem about the network of a certificate. Coq finds out whether it holds.
    fn of_network(certificate: &[u8]) -> std::result::Result<Self, String> {
        let (net, name, _, depth) = stated(&mut Reader::of(certificate, MAGIC)?)?;
        let (hidden, q, levels) = (net.hidden, net.q, u64::from(depth) + 1);
        let [phi, sigma, phi_c] = &net.tables[..] else { return Err("want three tables".into()) };
        let cell = ["elman", "dynamic", "lstm", "lstm"][net.cell];
        let kind = match net.cell {
            0 => "Elman".into(),
            1 => "Dynamic".into(),
            form => {
                let limit = if form == 2 { format!("(Some {})", net.cell_most) } else { "None".into() };
                format!("Lstm {q} {}\n    {}\n    {}\n    {limit}", net.gate_bits, table(sigma), table(phi_c))
            }
        };
        let matrices = net.recurrent.iter().flat_map(|all| all.chunks(hidden * hidden));
        let matrices = matrices.map(|matrix| list(matrix.chunks(hidden).map(row), ";\n    "));
        let w_hh = list(matrices, ";\n    ");
        let input = |x: usize| list(net.input[x].chunks(hidden).map(row), ";\n      ");
        let (none, a, b, both) = (input(0), input(1), input(2), input(3));
        let most = match net.cell {
            2 => Net::round(magnitude(phi_c) << net.gate_bits, 2 * net.gate_bits - q),
            3 => magnitude(phi_c),
            _ => magnitude(phi),
        };
        let (phi, w_ho, b_o, threshold) = (table(phi), row(&net.output), net.output_bias, net.threshold);
        let text = format!(
            "\
(* carrylane's integer network {name}: {cell}, {hidden} hidden, q = {q}. Beside Theory.v: coqc Theory.v && coqc Net.v *)
From Coq Require Import ZArith List.
Require Import Theory.
Import ListNotations.
Open Scope Z_scope.

Definition the_net : net := {{|
  cell := {kind};
  phi := {phi};
  w_hh := {w_hh};
  w_ih a b := match a, b with
    | false, false => {none}
    | true, false => {a}
    | false, true => {b}
    | true, true => {both}
    end;
  w_ho := {w_ho};
  b_o := {b_o}; threshold := {threshold}; most := {most}
|}}.

(* Coq goes to every state that can be reached, level by level; after so many levels there is nothing new. *)
Definition levels : nat := {levels}.
Lemma checked : check the_net levels = true.
Proof. vm_cast_no_check (eq_refl true). Qed.

Open Scope N_scope.

Theorem the_net_adds : forall n a b : N, a < 2 ^ n -> b < 2 ^ n -> answer the_net (n + 1) a b = Some (a + b).
Proof. exact (check_adds the_net levels checked). Qed.

Theorem the_net_adds_in_time : forall steps a b : N, a + b < 2 ^ steps -> answer the_net steps a b = Some (a + b).
Proof. exact (check_adds_in_time the_net levels checked). Qed.

Print Assumptions the_net_adds.
"
        );
        Ok(Self { file: "Net.v", theories: 1, text })
    }

    /// Names of all files that may be written to a folder.
    pub fn paths(folder: &Path) -> impl Iterator<Item = PathBuf> {
        THEORIES.iter().map(|(name, _)| *name).chain(["Net.v", "FloatNet.v"]).map(|name| folder.join(name))
    }

    /// The net's own file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The commands that check a saved theorem.
    pub fn commands(&self) -> String {
        let theories = THEORIES.iter().take(self.theories).map(|(name, _)| *name);
        theories.chain([self.file]).map(|name| format!("coqc {name}")).collect::<Vec<_>>().join(" && ")
    }

    /// Writes the theorem and its theories to a folder, which is made if needed.
    ///
    /// # Errors
    /// As for [`files::make_folder`] and [`files::write()`].
    pub fn save(&self, folder: &Path) -> Result<()> {
        files::make_folder(folder)?;
        let theories = THEORIES.iter().take(self.theories).copied();
        theories
            .chain([(self.file, &self.text[..])])
            .try_for_each(|(name, text)| files::write(&folder.join(name), text.as_bytes()))
    }
}

/// A list of Coq.
pub(super) fn list(items: impl Iterator<Item = String>, between: &str) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(between))
}

fn row(numbers: &[i64]) -> String {
    list(numbers.iter().map(i64::to_string), "; ")
}

fn table((first, thresholds): &(i64, Vec<i64>)) -> String {
    format!("{{| first := {first}; thresholds := {} |}}", row(thresholds))
}

/// The largest magnitude that a table takes.
fn magnitude((first, thresholds): &(i64, Vec<i64>)) -> i64 {
    first.abs().max((first + i64::try_from(thresholds.len()).expect("a small number")).abs())
}

#[cfg(test)]
mod tests {
    use super::super::file::{CELLS, sealed};
    use super::super::fixed::GATE_BITS;
    use super::super::net::{FixedPoint, IntegerNet};
    use super::super::table::Table;
    use super::*;
    use crate::model::{Cell, Config, Init, LstmForm};

    /// The integers of a text, in their order.
    fn integers(text: &str) -> Vec<i32> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'));
        words.filter_map(|word| word.parse().ok()).collect()
    }

    #[test]
    fn the_text_of_a_theorem_has_every_integer_of_the_network_in_its_place() {
        for (cell, form) in CELLS {
            let model = Init::Scaled.model(Config { hidden: 3, lstm_form: form, ..Config::of(cell) }, 7);
            let net = IntegerNet::new(&model, FixedPoint { q: 2, cell_limit: 2 }).expect("in bounds");
            let IntegerNet { recurrent, input, output, .. } = &net;
            let table = |table: &Table| [&[table.first][..], &table.thresholds].concat();
            let mut wanted = Vec::new();
            if cell == Cell::Lstm {
                wanted.extend([2, i32::try_from(GATE_BITS).expect("few")]);
                wanted.extend([&net.tables.sigma, &net.tables.cell].into_iter().flat_map(table));
                wanted.extend((form == LstmForm::Standard).then_some(8));
            }
            wanted.extend(table(&net.tables.phi));
            recurrent.iter().chain(input).chain([output]).for_each(|row| wanted.extend(row));
            wanted.extend([net.output_bias, net.threshold, net.tables.largest(cell, form, 2)]);
            // No nodes, five steps deep, no margin and no digest.
            let stated = [&[0; 8][..], &5_u32.to_le_bytes(), &[0; 8 + 32]].concat();
            let theorem = Theorem::of(&sealed([MAGIC, &net.to_bytes(), &stated].concat()));
            let (_, rest) = theorem.text().split_once("the_net : net :=").expect("a definition");
            let (found, rest) = rest.split_once("|}.").expect("its end");
            assert_eq!(integers(found), wanted, "{cell}, {form:?}");
            assert!(rest.contains("levels : nat := 6."), "one level more than the depth: {rest}");
            assert!(theorem.text().contains(&net.hash()), "the network's name");
        }
    }

    #[test]
    fn theories_are_short_and_assume_nothing() {
        for ((name, text), most) in THEORIES.into_iter().zip([300, 110, 420, 120]) {
            assert!(text.lines().count() <= most, "{name}: {} lines", text.lines().count());
            for word in ["Axiom", "Parameter", "Conjecture", "Variable", "Hypothesis", "Admitted", "admit"] {
                assert!(!text.contains(word), "{name}: {word}");
            }
        }
        let parts = THEORIES[0].1.find("PART 1: to be trusted").zip(THEORIES[0].1.find("PART 2: a check"));
        assert!(parts.is_some_and(|(one, two)| one < two), "what is to be trusted comes first, and is marked");
    }
}
