//! Notebook 002: the net in gates and layers, with its derivation of BPTT.
//!
//! The notebook cannot run (undefined names, methods without `self`, a loss gradient that returns
//! nothing), so it has no printed lines. It holds three versions of the hidden error; each is run
//! in the notebook's training loop, which draws the matrices as input, recurrent, output. The error
//! on a line is `Σ|e|`, as in 000 and 001: the notebook's loop never computes one.

use super::defects;
use super::elman::{DrawOrder, EXACT, Rules};
use super::names::Delta;
use super::online::{Online, no_scale};

pub(crate) fn program(seed: u32, hidden: usize, delta: Delta) -> Online {
    Online::new(seed, hidden, DrawOrder::OutputLast, no_scale, rules(delta))
}

pub(crate) fn rules(delta: Delta) -> Rules {
    match delta {
        Delta::Total => EXACT,
        Delta::Explicit => Rules { dh_from_later: defects::explicit_part_only, ..EXACT },
        Delta::Code => Rules { dh_from_later: defects::later_slope_twice, ..EXACT },
    }
}
