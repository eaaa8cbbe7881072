//! The theorem about the floats of a certificate, for Coq.

use super::check_float::{Range, Region, stated};
use super::coq::{THEORIES, Theorem, list};

/// Fractional bits of the ends of boxes in Coq, and of what it computes from them: roundings are
/// far below the hundredth of ε that the search for boxes leaves.
const BITS: i32 = 30;

impl Theorem {
    /// The theorem about the floats of a certificate.
    pub(super) fn of_floats(certificate: &[u8]) -> Result<Self, String> {
        let (net, net_name, boxes) = stated(certificate)?;
        let (hidden, lstm) = (net.hidden, net.cell >= 2);
        let gates = if lstm { 4 } else { 1 };
        let wide = gates * hidden;
        let exact = |weights: &[Range]| weights.iter().map(|w| w.lo).collect::<Vec<f64>>();
        let [w_ih, w_hh, b_h, w_ho, b_o] = [&net.w_ih, &net.w_hh, &net.b_h, &net.w_ho, &net.b_o].map(|w| exact(w));
        // Without biases, biases are 0.
        let bias = |all: &[f64], m: usize| all.get(m).copied().unwrap_or(0.0);
        let all = [&w_ih, &w_hh, &b_h, &w_ho, &b_o].into_iter().flatten().copied();
        let scale = all.chain([net.epsilon]).map(fraction_bits).max().expect("ε is there").max(1);
        let whole = |w: f64| integer(w * 2_f64.powi(scale));
        let row = |recurrent: &mut dyn Iterator<Item = f64>, [a, b, bias]: [f64; 3]| {
            let recurrent = list(recurrent.map(whole), "; ");
            format!("{{| w_hh := {recurrent}; w_a := {}; w_b := {}; bias := {} |}}", whole(a), whole(b), whole(bias))
        };
        let name = |activation: usize| ["Sigmoid", "Tanh", "Relu"][activation];
        let rows = |gate: usize| {
            let rows = (gate * hidden..(gate + 1) * hidden)
                .map(|m| row(&mut w_hh.chunks(wide).map(|from| from[m]), [w_ih[m], w_ih[wide + m], bias(&b_h, m)]));
            let activation = if lstm && gate != 2 { "Sigmoid" } else { name(net.activation) };
            format!("({activation}, {})", list(rows, ";\n      "))
        };
        let kind = ["Elman", "Dynamic", "Lstm false", "Lstm true"][net.cell];
        let gates = list((0..gates).map(rows), ";\n    ");
        let output = row(&mut w_ho.iter().copied(), [0.0, 0.0, bias(&b_o, 0)]);
        let boxes = list(boxes.iter().map(|from| region(from, hidden)), ";\n  ");
        let (phi, psi, epsilon) = (name(net.activation), name(net.output), whole(net.epsilon));
        let text = format!(
            "\
(* carrylane's net {net_name}: {kind}, {hidden} hidden. Beside Theory.v, Floats.v and FloatsProof.v, which coqc has compiled. *)
From Coq Require Import ZArith List.
Require Import Theory Floats FloatsProof.
Import ListNotations.
Open Scope Z_scope.

Definition the_net : net := {{|
  cell := {kind}; scale := {scale}; epsilon := {epsilon};
  gates := {gates};
  phi := {phi}; psi := {psi};
  output := {output}
|}}.

(* In units of 2^-{BITS}. *)
Definition boxes : list box := {boxes}.
Lemma checked : check the_net {BITS} boxes = true.
Proof. vm_cast_no_check (eq_refl true). Qed.

Theorem the_net_is_well_formed : well_formed the_net = true.
Proof. reflexivity. Qed.

Open Scope N_scope.

Theorem the_net_adds : forall n a b : N, a < 2 ^ n -> b < 2 ^ n ->
  forall answers, evaluation the_net (start the_net) (bits (N.to_nat (n + 1)) a b) answers -> number answers = a + b.
Proof. exact (check_adds the_net {BITS} boxes checked). Qed.

Theorem the_net_adds_in_time : forall steps a b : N, a + b < 2 ^ steps ->
  forall answers, evaluation the_net (start the_net) (bits (N.to_nat steps) a b) answers -> number answers = a + b.
Proof. exact (check_adds_in_time the_net {BITS} boxes checked). Qed.

Print Assumptions the_net_adds.
"
        );
        Ok(Self { file: "FloatNet.v", theories: THEORIES.len(), text })
    }
}

/// A box, as Coq has it: it looks for the boxes that inputs lead to by itself.
fn region(Region { carry, before, values, .. }: &Region, hidden: usize) -> String {
    let range = |range: &Range| {
        let [lo, hi] = [range.lo, range.hi].map(|end| end * 2_f64.powi(BITS));
        format!("({}, {})", integer(lo.floor()), integer(hi.ceil()))
    };
    let (h, c) = values.split_at(hidden);
    let [h, c] = [h, c].map(|values| list(values.iter().map(range), "; "));
    format!("Box {} ({}, {}) {h} {c}", *carry == 1, before & 1 == 1, before >> 1 == 1)
}

/// How often a float must be doubled until it is an integer.
fn fraction_bits(x: f64) -> i32 {
    (0..).find(|&bits| (x * 2_f64.powi(bits)).fract() == 0.0).expect("floats are finite")
}

/// The decimal digits of a float that is an integer.
fn integer(x: f64) -> String {
    format!("{:.0}", x + 0.0)
}

#[cfg(test)]
mod tests {
    use super::super::boxes::Region;
    use super::super::file::CELLS;
    use super::super::float::certificate;
    use super::{BITS, Theorem};
    use crate::model::{Activation, Cell, Config, Init, Layout};

    /// The integers of a text, in their order.
    fn integers(text: &str) -> Vec<f64> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'));
        words.filter_map(|word| word.parse::<i64>().ok()).map(|n| n as f64).collect()
    }

    #[test]
    fn the_text_of_a_theorem_has_every_weight_exactly_and_boxes_that_are_no_smaller() {
        for ((cell, form), kind) in CELLS.into_iter().zip(["Elman", "Dynamic", "Lstm false", "Lstm true"]) {
            let config = Config { hidden: 3, lstm_form: form, activation: Activation::Relu, ..Config::of(cell) };
            let model = Init::Scaled.model(config, 7);
            let carried = if cell == Cell::Lstm { 6 } else { 3 };
            let [lo, hi] = [-0.3, 0.7].map(|end| (0..carried).map(|k| end + 1e-3 * f64::from(k)).collect::<Vec<_>>());
            let before = if cell == Cell::Dynamic { 2 } else { 0 };
            let region = Region { carry: 1, before, next: [0; 4], lo: lo.clone(), hi: hi.clone() };
            let theorem = Theorem::of(&certificate(&model, 0.5_f64.powi(17), &[region]));
            assert!(theorem.text().contains(&super::super::FloatProof::net_hash(&model)), "the net's name");

            let (_, rest) = theorem.text().split_once("cell := ").expect("a net");
            let (net, rest) = rest.split_once("\n|}.").expect("its end");
            assert!(net.starts_with(kind), "{net}");
            let activations =
                if cell == Cell::Lstm { "Sigmoid Sigmoid Relu Sigmoid Relu Sigmoid" } else { "Relu Relu Sigmoid" };
            let words = net.split(|c: char| !c.is_ascii_alphanumeric());
            assert!(words.filter(|word| ["Sigmoid", "Relu"].contains(word)).eq(activations.split(' ')), "{net}");
            let (found, layout) = (integers(net), Layout::of(&config));
            let (w, wide) = (layout.weights(&model.params), 3 * cell.gates());
            let mut wanted: Vec<f32> = Vec::new();
            for m in 0..wide {
                wanted.extend(w.w_hh.iter().skip(m).step_by(wide));
                wanted.extend([w.w_ih[m], w.w_ih[wide + m], w.b_h[m]]);
            }
            wanted.extend(w.w_ho.iter().chain(&[0.0, 0.0, w.b_o[0]]));
            let unit = 0.5_f64.powf(found[0]);
            assert_eq!(found[1] * unit, 0.5_f64.powi(17), "ε");
            assert!(found[2..].iter().map(|n| n * unit).eq(wanted.into_iter().map(f64::from)), "{net}");

            let (boxes, _) = rest.split_once("Lemma").expect("boxes");
            let (_, boxes) = boxes.split_once(":=").expect("boxes");
            assert!(boxes.contains(&format!("Box true (false, {})", before == 2)), "{boxes}");
            let ends = integers(boxes);
            assert_eq!(ends.len(), 2 * lo.len());
            for (k, end) in ends.chunks(2).enumerate() {
                let [below, above] = [lo[k] - end[0] * 0.5_f64.powi(BITS), end[1] * 0.5_f64.powi(BITS) - hi[k]];
                assert!((0.0..1e-9).contains(&below) && (0.0..1e-9).contains(&above), "{below} and {above}");
            }
        }
    }
}
