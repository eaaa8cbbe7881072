//! Proves that a net adds correctly at every bit width.
mod fixed;
mod lanes;
mod learn;
mod net;
mod run;
mod search;
mod store;
mod table;
mod verdict;

pub use fixed::{GATE_BITS, MAX_Q, WEIGHT_BITS};
pub use learn::{Learned, Plan, until_proved};
pub use net::{Format, IntegerNet, State};
pub use run::Runner;
pub use search::{End, Walk, WalkOptions, walk};
pub use table::Table;
pub use verdict::{Counterexample, Proof, Verdict, prove};
