//! What learns: a cell, its size, its activations and loss, and its parameters in one flat buffer.
//!
//! [`Config`] says what a net is; [`Layout`] names the tensors of its flat parameter buffer;
//! [`Model`] is both together. How a net computes is told twice, in `reference` (plain loops) and
//! in `kernel` (the fast path).

mod activation;
mod config;
pub mod file;
mod hash;
mod init;
mod loss;
mod params;
pub(crate) mod sealed;

pub use activation::Activation;
pub use config::{Cell, Config, LstmForm, MAX_HIDDEN};
pub(crate) use hash::digits;
pub use hash::{config_hash, weights_hash};
pub use init::Init;
pub use loss::{Loss, Tally};
pub use params::{Layout, Model, Tensor, Weights};
