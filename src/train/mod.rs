//! Training: minibatches, data-parallel shards, optimizers, and when to stop.
//!
//! [`Settings`] says what is trained and how long, [`Trainer`] does it and tells what happens as
//! [`Event`]s. The same settings give bit-identical weights for any number of threads: a minibatch
//! is cut into shards by its size alone, and their gradients are added in the order of the shards.
//!
//! [`OPTIONS`] is the table of all options: name, values, help, and field of the settings. Flags,
//! `config.toml`, axes of sweeps, ids, columns and commands are made from it, so a new row is a new
//! option everywhere.
//!
//! A [`Checkpoint`] holds a training's [`Course`], weights and optimizer. A training that is
//! resumed from one ends with the same bits as one that was never stopped.

mod check;
mod checkpoint;
mod clock;
mod course;
mod dataset;
mod engine;
mod event;
mod fault;
mod machine;
mod memory;
mod metrics;
mod optimizer;
pub(crate) mod options;
mod population;
mod provenance;
mod settings;
mod trainer;
mod worst;

pub use check::{Check, Score, score};
pub use checkpoint::{Checkpoint, Identity};
pub use clock::Times;
pub use course::{Course, Pursuit};
pub use dataset::Dataset;
pub(crate) use engine::Trees;
pub use engine::{Engine, EngineKind};
pub use event::{Event, FixedSet, Observer, Outcome, Report};
pub use fault::{Fault, Norms, Quantity};
pub(crate) use machine::host;
pub use machine::{available_memory, cores, processor};
pub use memory::MemoryNeed;
pub use metrics::{Probe, Row, has_row};
pub use optimizer::{Optimizer, Rule};
pub(crate) use options::options;
pub use options::{Choices, Opt, OptionKey, Spelling, ValueKind, text};
pub use population::{LANE_STATES, LaneShape, PopulationEvent, TimedPopulation, population};
pub use provenance::Provenance;
pub use settings::{MAX_BATCH, MAX_BITS, MAX_STATES, MAX_THREADS, OPTIONS, Settings, Source, Until};
pub use trainer::Trainer;
pub use worst::{WorstSearch, WorstSum};
