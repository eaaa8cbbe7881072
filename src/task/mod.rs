//! What is learned: binary addition, one bit a step, least significant bit first.
//!
//! A minibatch is three bit matrices, `a`, `b` and `c = a + b`, each a [`BitTensor`]: column-major
//! `[sample, step]`, 64 samples a word, so that one step of all samples is contiguous. Data are
//! made in this form, one word of 64 samples at a time; no integer is ever formed, so any width
//! works. [`number`] converts to and from integers, for people.

pub mod addition;
pub mod bits;
pub mod lanes;
pub mod number;
pub mod pairs;
pub mod people;
pub mod rng;
pub mod sum;
pub mod tree;
pub mod whole;

pub use addition::{Minibatch, Pattern};
pub use bits::BitTensor;
pub use lanes::LaneBits;
pub use pairs::PairSet;
pub use sum::Sum;
