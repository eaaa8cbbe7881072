//! carrylane trains small recurrent networks to add binary numbers.
#![forbid(unsafe_code)]
pub mod error;
pub mod kernel;
pub mod model;
pub mod notebooks;
pub mod reference;
pub mod task;
pub mod train;
pub mod verify;
pub use error::{Error, Result};
