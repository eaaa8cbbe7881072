//! Notebook 001: 000's Elman net, with another seed, fewer samples and shorter lines. Printed and
//! corrected are one program, as in 000.

use super::elman::{DrawOrder, EXACT};
use super::online::{Online, no_scale};

pub(crate) fn program(seed: u32, hidden: usize) -> Online {
    Online::new(seed, hidden, DrawOrder::OutputSecond, no_scale, EXACT)
}
