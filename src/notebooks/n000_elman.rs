//! Notebook 000, first program: Elman's net, online, 100,000 samples.
//!
//! Printed and corrected are one program: the gradient is exact and the numbers are right at eight
//! bits. Other widths would fail: the table of bytes always gives 8 bits, and the decoded integer
//! overflows at 9. The printed error is `Σ|e|`, while the descent is on `½ Σ e²`.

use super::elman::{DrawOrder, EXACT};
use super::online::{Online, no_scale};

pub(crate) fn program(seed: u32, hidden: usize) -> Online {
    Online::new(seed, hidden, DrawOrder::OutputSecond, no_scale, EXACT)
}
