//! carrylane trains small recurrent networks to add binary numbers.
#![forbid(unsafe_code)]
pub mod error;
pub mod notebooks;
pub use error::{Error, Result};
