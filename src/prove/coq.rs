//! The theorem about a net, for the Coq proof assistant (8.16 and later, also called Rocq).
//!
//! Two files: [`THEORY`], the same for every net, and the text of a [`Theorem`], a net's integers and the theorem about this net, which Coq
//! proves by finding all states itself. Nothing of the walk is handed over but how many levels it has.

use super::fixed::GATE_BITS;
use super::net::IntegerNet;
use super::table::Table;
use super::verdict::{Proof, Verdict};
use crate::error::Result;
use crate::files;
use crate::model::{Cell, LstmForm};
use std::path::{Path, PathBuf};

/// What a net is and computes, what it means that it adds, and a check with the proof that it is enough.
pub const THEORY: &str = include_str!("theory.v");

/// A network that is proved, as text for Coq.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theorem {
    net: String,
}

impl Theorem {
    /// The theorem about a proved network; none where nothing is proved.
    pub fn of(proof: &Proof) -> Option<Self> {
        (proof.verdict == Verdict::Proved).then(|| Self::new(&proof.net, proof.walk.depth))
    }

    /// The theorem about a network whose farthest state is so many steps from the start. It is Coq
    /// that finds out whether it holds.
    pub fn new(net: &IntegerNet, depth: usize) -> Self {
        let levels = depth + 1;
        let (name, q, hidden) = (net.hash(), net.q, net.hidden);
        let kind = match net.cell {
            Cell::Elman => "Elman".into(),
            Cell::Dynamic => "Dynamic".into(),
            Cell::Lstm => {
                let limit = match net.form {
                    LstmForm::Standard => format!("(Some {})", net.cell_most),
                    LstmForm::Notebook => "None".into(),
                };
                let [sigma, phi_c] = [&net.tables.sigma, &net.tables.cell].map(table);
                format!("Lstm {q} {GATE_BITS}\n    {sigma}\n    {phi_c}\n    {limit}")
            }
        };
        let matrices = net.recurrent.iter().flat_map(|all| all.chunks(hidden * hidden));
        let matrices = matrices.map(|matrix| list(matrix.chunks(hidden).map(row), ";\n    "));
        let w_hh = list(matrices, ";\n    ");
        let [none, a, b, both] = net.input.each_ref().map(|input| list(input.chunks(hidden).map(row), ";\n      "));
        let (phi, w_ho) = (table(&net.tables.phi), row(&net.output));
        let (b_o, threshold) = (net.output_bias, net.threshold);
        let most = net.tables.largest(net.cell, net.form, q);
        let net = format!(
            "\
(* Network {name} of carrylane: {hidden} units, states of {q} fractional bits. Beside Theory.v:
   coqc Theory.v && coqc Net.v *)
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
        Self { net }
    }

    /// Its files in a folder: the theory, and the net's own.
    pub fn paths(folder: &Path) -> [PathBuf; 2] {
        ["Theory.v", "Net.v"].map(|name| folder.join(name))
    }

    /// The net's own file.
    pub fn text(&self) -> &str {
        &self.net
    }

    /// Writes both files to a folder, which is made if it is not there.
    ///
    /// # Errors
    /// As [`files::make_folder`] and [`files::write()`] say.
    pub fn save(&self, folder: &Path) -> Result<()> {
        files::make_folder(folder)?;
        let [theory, net] = Self::paths(folder);
        files::write(&theory, THEORY.as_bytes())?;
        files::write(&net, self.net.as_bytes())
    }
}

/// A list of Coq.
fn list(items: impl Iterator<Item = String>, between: &str) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(between))
}

fn row(numbers: &[i32]) -> String {
    list(numbers.iter().map(i32::to_string), "; ")
}

fn table(Table { first, thresholds }: &Table) -> String {
    format!("{{| first := {first}; thresholds := {} |}}", row(thresholds))
}
