//! Training: minibatches, data-parallel shards, optimizers, and when to stop.
//!
//! [`Settings`] says what is trained and how long, [`Trainer`] does it and tells what happens as [`Event`]s.
//! The same settings give bit-identical weights for any number of threads: a minibatch is cut into shards by its
//! size alone, and their gradients are added in the order of the shards.

mod add;
mod check;
mod dataset;
mod engine;
mod optimizer;
mod settings;
mod trainer;

pub use check::{Check, Score, score};
pub use dataset::Dataset;
pub use engine::{Engine, EngineKind};
pub use optimizer::{Optimizer, Rule};
pub use settings::{MAX_BATCH, MAX_BITS, MAX_THREADS, Settings, Source, Until};
pub use trainer::{Event, FixedSet, Outcome, Report, Trainer};
