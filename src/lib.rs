//! carrylane trains small recurrent networks to add binary numbers, as fast as the processor allows, and checks what they learned.
//!
//! A net reads two numbers bit by bit, least significant bit first, and answers the bits of their sum; what it must find out by
//! itself is the carry. A net of 16 hidden units that has learned 8 bits takes numbers of any width:
//!
//! ```
//! use carrylane::{task::number, train::{Outcome, Settings, Trainer}, verify::{Grid, gradcheck}};
//!
//! // Train until every pair of 8-bit numbers is right.
//! let mut trainer = Trainer::new(Settings::default())?;
//! let report = trainer.run(|_event| {})?;
//! assert_eq!((report.outcome, report.score.wrong), (Outcome::Solved, 0));
//!
//! // Check the gradients of such a net: differences, reference, kernel, on every level of this machine.
//! let grid = Grid { configs: vec![trainer.model().config], bits: vec![8], batches: vec![65], ..Grid::default() };
//! assert_eq!(gradcheck(&grid, |_comparison| {})?.failed, 0);
//!
//! // Add two numbers.
//! let (a, b) = (number::parse("340282366920938463463374607431768211455")?, number::parse("0xff")?);
//! assert_eq!(trainer.engine().add(&a, &b)?, a + b);
//! # Ok::<(), carrylane::Error>(())
//! ```
//!
//! # The house
//!
//! Rooms are named after what they know, and import only from rooms above them; [`mod@reference`] and [`kernel`] never see each other.
//!
//! | room | knows |
//! |---|---|
//! | [`mod@error`] | what can go wrong, in one type |
//! | [`task`] | binary addition: bit tensors, additions of any width made 64 at a time, random streams, numbers for people |
//! | [`model`] | what a net is: cell, sizes, activations, loss, its parameters in one flat buffer, its file |
//! | [`mod@reference`] | the equations, in plain loops, slow on purpose: the oracle |
//! | [`kernel`] | the same in vectors: one source for every instruction set, in single and double precision |
//! | [`train`] | minibatches, shards on threads, optimizers, when to stop; the same bits for any number of threads |
//! | [`verify`] | each gradient against the one below it |
//! | [`notebooks`] | the five programs this task comes from, as printed and as corrected |
//!
//! The program `carrylane` is these rooms behind a command line.
#![forbid(unsafe_code)]

pub mod error;
pub mod kernel;
pub mod model;
pub mod notebooks;
pub mod prove;
pub mod reference;
pub mod task;
pub mod train;
pub mod verify;

pub use error::{Error, Result};
