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
//! let replay = Replay { samples: 1, ..Replay::new(Notebook::N000Elman, Edition::Printed) };
//! replay.run(|line| first = Some(line.error))?;
//! assert!((first.unwrap() - 5.32201378).abs() < 1e-8);
//! # Ok::<(), carrylane::Error>(())
//! ```
//!
//! The map: `numpy` (generator), `activation`, `elman` (net and exact BPTT), `lstm` (the net 004
//! shows), `program` (what each notebook runs), `defects` (their mistakes, a function each),
//! `gradients` (what each defect does to the gradient), `replay`, `layout`.

mod activation;
mod defects;
mod elman;
mod gradients;
mod layout;
mod lstm;
mod names;
pub mod numpy;
mod program;
mod replay;

pub use gradients::{DefectRow, gradient_defects};
pub use layout::render;
pub use names::{Delta, Edition, Notebook};
pub use replay::{PrintedLine, Replay, ReplaySummary};
