//! Notebook 000, first program: Elman's net, online, 100,000 samples.
//!
//! Its gradient is exact and its numbers are right at the eight bits it uses, so printed and
//! corrected are one program. What would go wrong elsewhere: the table of bytes gives 8 bits
//! whatever the width asked for, the decoded integer overflows at 9, and the printed error is
//! `Σ|e|` while the descent is on `½ Σ e²`.

use super::elman::{DrawOrder, EXACT};
use super::online::{Online, no_scale};

pub(crate) fn program(seed: u32, hidden: usize) -> Online {
    Online::new(seed, hidden, DrawOrder::OutputSecond, no_scale, EXACT)
}
