//! The five notebooks that taught this task, as programs: as printed, and with their defects
//! mended.
//!
//! A replay draws the notebook's own numbers from [`numpy::Legacy`], runs its training loop in f64
//! with plain sequential sums, and reports what the notebook prints as [`PrintedLine`]s. [`render`]
//! writes a line in the notebook's layout.
//!
//! ```
//! use carrylane::notebooks::{Edition, Notebook, Replay};
//!
//! let mut first = None;
//! let replay = Replay { samples: Some(1), ..Replay::new(Notebook::N000Elman, Edition::Printed) };
//! replay.run(|line| first = Some(line.error))?;
//! assert!((first.unwrap() - 5.32201378).abs() < 1e-8);
//! # Ok::<(), carrylane::Error>(())
//! ```
//!
//! The map: `numpy` (generator), `bits`, `activation`, `elman` (net and exact BPTT), `online` (the
//! loop of 000, 001, 002), `n000_elman` … `n004` (a program a file), `defects` (their mistakes, a
//! function each), `lstm` (the net 004 shows), `gradients` (what each defect does to the gradient),
//! `replay`, `line`, `layout`.

mod activation;
mod bits;
mod defects;
mod elman;
mod gradients;
mod layout;
mod line;
mod lstm;
mod n000_dynamic;
mod n000_elman;
mod n001;
mod n002;
mod n003;
mod n004;
mod names;
pub mod numpy;
mod online;
mod program;
mod replay;

pub use bits::msb_first;
pub use gradients::{DefectRow, gradient_defects};
pub use layout::render;
pub use line::PrintedLine;
pub use n004::{LstmSample, Reading, lstm_forward};
pub use names::{Delta, Edition, Notebook};
pub use replay::{NonFinite, Replay, ReplaySummary};
