//! Proofs that a trained net adds correctly at every bit width: of the integer network made from
//! it, and of the floats themselves.
//!
//! # The theorem of the integer network
//! Let N be an [`IntegerNet`], and let (s, k) be its *nodes*: states s of N with a carry k. From
//! the start (0, 0), the input (a, b) leads from (s, k) to (N(s, a, b), maj(a, b, k)). If in every
//! node that can be reached N answers a ⊕ b ⊕ k to each of the four inputs (a, b), then **for every
//! n and all numbers a, b of n bits, the n bits that N answers are those of (a + b) mod 2ⁿ**; with
//! a leading 0 in front of both, as this crate has it, they are the sum itself.
//!
//! *Proof*, by induction over the bits, least significant first: before bit 0 the node is the
//! start, and its carry is that of the sum, 0. If before bit t the node is (s, k), with k the carry
//! of the sum into bit t, then it can be reached, so that the answer is `a_t ⊕ b_t ⊕ k`, bit t of
//! the sum; and the node after it has the carry `maj(a_t, b_t, k)`, which is that into bit t + 1. ∎
//!
//! N has finitely many states, so [`Walk::of`] can go to all nodes, breadth first. There are three
//! ends:
//! - no new nodes and no wrong answer: **proved**, and the set of nodes is the proof
//!   ([`Certificate`]; [`check()`] goes through it again, by code of its own);
//! - a wrong answer: **refuted**, and since nodes are met in the order of their distance, the
//!   inputs on the way are the *shortest* addition that goes wrong;
//! - a limit: **undecided**.
//!
//! Every operation of the integer network is exact: fixed-point weights, states rounded to q bits,
//! activations by tables of thresholds, sums that cannot overflow ([`IntegerNet`] has the details,
//! and checks that bound). Making it from a model takes sums, products, quotients and roundings of
//! `f64` alone, so that it is the same network on every machine. It is another net than the floats:
//! rounding can cure a float net that drifts, and can break one that does not.
//!
//! # The theorem of the floats
//! Let F be a net as it is trained, with weights of `f32`. An evaluation of F is **within ε** if it
//! computes each step from the state that it computed before, and each of these values v is off by
//! at most ε (1 + m), where m is the sum of the magnitudes of v's terms:
//! - a pre-activation z, of the terms bias, input weights, and (times s, in the dynamic cell)
//!   weights times h;
//! - an activation φ(z), and ψ of the output, with m = 0;
//! - an LSTM's `g i + c f`, of these two terms, and its h, of one;
//! - the output's pre-activation, of the terms bias and weights times h.
//!
//! Let boxes be given: sets B of states, each an interval for every carried value, with a carry k
//! (and the input before, in the dynamic cell). If the start, all zero, lies in a box of carry 0,
//! and if each input (a, b) leads every evaluation within ε from every state of every box to the
//! answer a ⊕ b ⊕ k and into a box of the carry maj(a, b, k), then **every evaluation of F within ε
//! answers the n bits of (a + b) mod 2ⁿ, for every n and all a, b**. The proof is the same
//! induction. ∎
//!
//! [`FloatProof`] looks for such boxes, one for each carry and the last k inputs, and
//! [`check_float()`] goes through them.
//!
//! **Who is within ε.** In 32-bit floats, a term of a pre-activation meets at most H + 2 additions,
//! in any order, the rounding of its product, fused or not, two of the dynamic cell's s, and two
//! where weights are scaled beforehand: the sum is off by less than 1.01 (H + 7) 2⁻²⁴ m (Higham
//! 2002, section 3.1). Activations of this crate are off by at most 4·2⁻²⁴ (`kernel::math`). The
//! proof takes ε = (H + 16) 2⁻²³: about twice what 32-bit floats need in any order, and at least
//! 34·2⁻²⁴ = 2·10⁻⁶ for an activation, eight times this crate's. That is the room for PyTorch, ONNX
//! Runtime and others, which have a σ and tanh of their own. 64 bits and real arithmetic are within
//! it; numbers cut to 16 bits are not.
//!
//! # What is trusted
//! | theorem | trusts |
//! |---|---|
//! | integer network | the checker (`prove/check.rs`), SHA-256, the compiler; `add` runs this very network |
//! | integer network, in Coq | Coq's kernel and virtual machine, 130 lines of `prove/theory.v`, and that the exported integers are the network's |
//! | floats, in Coq | Coq's kernel and virtual machine, `prove/theory_floats.v` and some lines of `theory.v`, 120 in all, and that the exported weights are the net's; and that whoever runs the net is within ε |
//! | floats | the checker (`prove/check_float.rs`), `f64` as IEEE 754 has it, SHA-256, the compiler; and that whoever runs the net is within ε |
//!
//! # The theorems, checked by a proof assistant
//! The walk, the search for boxes and the checkers are programs of this crate, and the inductions
//! above are prose. A [`Theorem`] hands all of it to Coq, whose kernel others wrote. `carrylane
//! prove MODEL --coq DIR` writes [`THEORIES`], which are the same for every net, and for each
//! theorem that is proved a file with the numbers of one net, which ends with the theorem about it.
//! Compiling the files checks them. Of the integer network, `coqc Theory.v && coqc Net.v`:
//!
//! ```text
//! forall n a b : N, a < 2 ^ n -> b < 2 ^ n -> answer the_net (n + 1) a b = Some (a + b)
//! ```
//!
//! Of the floats, `coqc Theory.v && coqc Floats.v && coqc FloatsProof.v && coqc FloatNet.v`:
//!
//! ```text
//! forall n a b : N, a < 2 ^ n -> b < 2 ^ n -> forall answers,
//! evaluation the_net (start the_net) (bits (N.to_nat (n + 1)) a b) answers -> number answers = a + b
//! ```
//!
//! - *What is proved.* The network answers a + b for all numbers a, b of n bits and every n, and no
//!   sum on the way is too large for 32 bits: where one might be, `answer` is `None`. Coq gets no
//!   states: it finds all of them itself, level by level, by computation. The floats answer a + b
//!   in every evaluation within ε, as it is defined above. Coq goes through the boxes of the
//!   certificate. A second theorem in each file says the same for as many steps as the sum has
//!   bits, which is what `carrylane add` runs.
//! - *About which arithmetic.* The network's is that of integers without end, in the order of the
//!   equations. Since terms stay below 2³¹ together, and tables ascend, 32 bits, any order of the
//!   sums and any way of looking up a table give the same numbers. The floats' weights are exact,
//!   and the values of an evaluation are rational numbers, as all floats are.
//! - *What σ is there.* (1 + z/n)ⁿ never exceeds eᶻ and tends to it. So "at most ε from σ(z)" is a
//!   condition on rational numbers for each n = 2ᵏ, and no real numbers are needed. The check of
//!   boxes uses k = 29, by a cubic that Coq proves to be below.
//! - *What has to be trusted* is in the table above: part 1 of `Theory.v` and `Floats.v` say what
//!   a net is, how it runs and what it answers. Who doubts that a file's numbers are the net's
//!   exports again, from a certificate (`prove --check CERT --coq DIR`), and compares. No axiom is
//!   used: the nets' files print so.
//! - *What need not be trusted.* `FloatsReals.v` proves that a value within ε of the σ or tanh of
//!   Coq's real numbers is within ε in `Floats.v`, and that every well-formed net has evaluations.
//!   It rests on the axioms of Coq's real numbers. No net's theorem rests on it.
//! - *What is not proved.* That this crate's compiled step is the one of `Theory.v`, which tests
//!   show; that it is within ε, which the bound above says; that e and e^√2, in the dynamic cell,
//!   have the digits they have in `Floats.v`.
//!
//! `scripts/check-theorem.sh` does it for nets of every cell, and shows that what is wrong is
//! refused.
//!
//! # Training for it
//! [`train()`] trains a net that has solved its task on, with noise on what it carries, until
//! its floats are proved and a coarse network is. The smallest machine that does what a proved net
//! does is its [`Automaton`]: two states, the carry, and the full adder's table.

mod arithmetic;
mod automaton;
mod boxes;
mod certificate;
mod check;
mod check_float;
mod checked;
mod coq;
mod coq_floats;
mod explain;
mod file;
mod findings;
mod fixed;
mod float;
mod learn;
mod net;
mod search;
mod table;
mod verdict;

pub use arithmetic::Arithmetic;
pub use automaton::Automaton;
pub use boxes::Open;
pub use certificate::Certificate;
pub use check::{Checked, check};
pub use check_float::{CheckedFloat, check_float};
pub use checked::CheckedCertificate;
pub use coq::{THEORIES, Theorem};
pub use explain::{Area, Explanation, Point, Unit, explain};
pub use findings::{Failure, Findings, FloatFindings, WalkSummary};
pub use fixed::{GATE_BITS, MAX_Q, WEIGHT_BITS};
pub use float::FloatProof;
pub use learn::{Learned, train};
pub use net::{FixedPoint, IntegerNet, State};
pub use search::{MAX_STATES, Verdict, Walk};
pub use table::Table;
pub use verdict::{Counterexample, Proof, prove};
