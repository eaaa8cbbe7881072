//! The proof that a trained net adds correctly at every bit width.
//!
//! # The theorem
//! Let N be an [`IntegerNet`], and let (s, k) be its *nodes*: states s of N with a carry k. From the start (0, 0), the input (a, b) leads
//! from (s, k) to (N(s, a, b), maj(a, b, k)). If in every node that can be reached N answers a ⊕ b ⊕ k to each of the four inputs (a, b),
//! then **for every n and all numbers a, b of n bits, the n bits that N answers are those of (a + b) mod 2ⁿ**; with a leading 0 in front
//! of both, as this crate has it, they are the sum itself.
//!
//! *Proof*, by induction over the bits, least significant first: before bit 0 the node is the start, and its carry is that of the sum, 0. If
//! before bit t the node is (s, k), with k the carry of the sum into bit t, then it can be reached, so that the answer is
//! `a_t ⊕ b_t ⊕ k`, bit t of the sum; and the node after it has the carry `maj(a_t, b_t, k)`, which is that into bit t + 1. ∎
//!
//! N has finitely many states, so [`walk`] can go to all nodes, breadth first. There are three ends:
//! - no new nodes and no wrong answer: **proved**, and the set of nodes is the proof ([`Certificate`]; [`check()`] goes through it
//!   again, by code of its own);
//! - a wrong answer: **refuted**, and since nodes are met in the order of their distance, the inputs on the way are the *shortest*
//!   addition that goes wrong;
//! - a limit: **undecided**.
//!
//! # About which arithmetic
//! The proof is about the integer network, whose every operation is exact: fixed-point weights, states rounded to q bits, activations by
//! tables of thresholds, sums that cannot overflow ([`IntegerNet`] has the details, and checks that bound). It is not about the floats
//! it was made from: rounding can cure a float net that drifts, and can break one that does not. So the integer network is what
//! `carrylane add` runs for a proved model. Making it from a model takes sums, products, quotients and roundings of `f64` alone, so that it is the
//! same network on every machine.
//!
//! # Training for it
//! [`until_proved`] trains a net that has solved its task on, with noise on what it carries, until a coarse network is proved.
//! The smallest machine that does what a proved net does is its [`Automaton`]: two states, the carry, and the full adder's table.

mod automaton;
mod certificate;
mod check;
mod explain;
mod file;
mod fixed;
mod lanes;
mod learn;
mod net;
mod picture;
mod run;
mod search;
mod store;
mod table;
mod verdict;

pub use automaton::Automaton;
pub use certificate::Certificate;
pub use check::{Checked, check};
pub use explain::{Explanation, Point, explain};
pub use fixed::{GATE_BITS, MAX_Q, WEIGHT_BITS};
pub use learn::{Learned, Plan, until_proved, until_proved_watched};
pub use net::{Format, IntegerNet, State};
pub use picture::{automaton_dot, automaton_svg, states_svg};
pub use run::Runner;
pub use search::{End, MAX_STATES, Walk, WalkOptions, walk};
pub use table::Table;
pub use verdict::{Counterexample, Proof, Verdict, prove};
