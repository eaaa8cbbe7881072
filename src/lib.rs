//! carrylane trains small recurrent networks to add binary numbers, as fast as the processor
//! allows, and proves what they learned.
//!
//! A net reads two numbers bit by bit, least significant bit first, and answers the bits of their
//! sum; what it must find out by itself is the carry. A net of 16 hidden units that has learned 8
//! bits takes numbers of any width:
//!
//! ```
//! use carrylane::{prove, task::number, train::{Settings, Trainer, Until}, verify::{Grid, gradcheck}};
//!
//! // Train until every pair of 8-bit numbers is right, and on until the net is proved at every width.
//! let settings = Settings::default();
//! let until = Until::proved(&settings.config, 20_000);
//! let mut trainer = Trainer::new(Settings { until, ..settings })?;
//! let learned = prove::train(&mut trainer, &mut ())?;
//! assert!(learned.proved() && learned.report.score.wrong == 0);
//!
//! // Check the gradients of such a net: differences, reference, kernel, on every level of this machine.
//! let grid = Grid { configs: vec![trainer.model().config], bits: vec![8], batches: vec![65], ..Grid::default() };
//! assert_eq!(gradcheck(&grid, |_comparison| {})?.failed, 0);
//!
//! // Add two numbers, by the integer network that the proof is about.
//! let (a, b) = (number::parse("340282366920938463463374607431768211455")?, number::parse("0xff")?);
//! let net = learned.proof.expect("it is proved").net;
//! assert_eq!(net.add(&a, &b, 130), a + b);
//! # Ok::<(), carrylane::Error>(())
//! ```
//!
//! # The house
//!
//! Rooms are named after what they know, and import only from rooms above them; [`mod@reference`]
//! and [`kernel`] never see each other.
//!
//! | room | knows |
//! |---|---|
//! | [`mod@error`] | what can go wrong, in one type |
//! | [`mod@files`] | files: written whole, read no further than what they hold, never one over another that is read |
//! | [`task`] | binary addition: bit tensors, additions of any width made 64 at a time, random streams, numbers for people |
//! | [`model`] | what a net is: cell, sizes, activations, loss, its parameters in one flat buffer, its file |
//! | [`mod@reference`] | the equations, in plain loops, slow on purpose: the oracle |
//! | [`kernel`] | the same in vectors: one source for every instruction set, in single and double precision |
//! | [`train`] | minibatches, shards on threads, optimizers, when to stop; the same bits for any number of threads, and from any checkpoint |
//! | [`verify`] | each gradient against the one below it |
//! | [`mod@prove`] | that a net adds correctly at every bit width: boxes of its floats, integer networks and all their states, certificates |
//! | [`exchange`] | nets for PyTorch, numpy and ONNX, and back |
//! | [`notebooks`] | the five programs this task comes from, as printed and as corrected |
//! | [`run`] | a training that is kept: checkpoints it goes on from, its curves, and two trainings side by side |
//! | [`sweep`] | thousands of trainings as one: what is tried, what is done, what is missing |
//! | [`report`] | a sweep, or a training, as one HTML page that needs no network |
//!
//! The program `carrylane` is these rooms behind a command line.
//!
//! # The book
//!
//! [`book`] lists the chapters: the commands, runs, sweeps, other programs, the five notebooks,
//! figures and tests; and, beside the code, the equations, the kernel, why gradients can be
//! trusted, and the proof.
#![forbid(unsafe_code)]

pub mod book;
pub mod error;
pub mod exchange;
pub mod files;
pub mod kernel;
pub mod model;
pub mod notebooks;
mod protobuf;
pub mod prove;
pub mod reference;
pub mod report;
pub mod run;
pub mod sweep;
pub mod task;
pub mod train;
pub mod verify;
mod words;

pub use error::{Error, Result};
