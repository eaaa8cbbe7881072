//! Proves that a net adds correctly at every bit width.
mod fixed;
mod lanes;
mod net;
mod search;
mod store;
mod table;

pub use fixed::{GATE_BITS, MAX_Q, WEIGHT_BITS};
pub use net::{IntegerNet, State};
pub use search::{End, Walk, WalkOptions, walk};
pub use table::Table;
