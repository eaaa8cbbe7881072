//! Sweeps: thousands of trainings as one. Nothing that is finished is lost.
//!
//! A [`Trial`] is a pure function of its config, and its id is a hash of that config. A [`Spec`]
//! names trials, as words or TOML; a [`Plan`] puts them in order and locks them in a folder;
//! [`run`] does what the folder has no record of, and may be killed at any time; [`Results`] are
//! the same bytes however the work was cut.
//!
//! ```
//! use carrylane::sweep::{SweepOptions, Plan, Results, Shard, Spec, run};
//! use std::sync::{Arc, atomic::AtomicBool};
//!
//! let folder = tempfile::tempdir().expect("a folder");
//! let plan = Plan::new(Spec::from_words(&["hidden=4,8", "seed=0..3"])?)?;
//! plan.lock(folder.path(), false)?;
//! let options = SweepOptions { shard: Shard::default(), threads: 2, missing: true, again: vec![] };
//! let done = run(folder.path(), &options, &Arc::new(AtomicBool::new(false)), |_progress| {})?;
//! assert_eq!((done.done, done.missing()), (6, 0));
//! let results = Results::read(folder.path())?;
//! results.write(&folder.path().join("all.csv"), false)?;
//! # Ok::<(), carrylane::Error>(())
//! ```
//!
//! [The chapter](crate::book::sweeps) has the contract.
//!
//! # The folder
//!
//! `sweep.toml` is the locked spec. `shards/shard-i-of-n.jsonl` holds a line for each finished
//! trial, a [`TrialRecord`] with a check of its own, only ever appended. Both name their [`FORM`].
//! Nothing else matters: no lock, no server, no database; a network disk is enough.

mod axis;
mod estimate;
mod merge;
#[cfg(feature = "parquet")]
mod parquet;
mod plan;
mod progress;
mod queue;
mod record;
mod run;
mod shard;
mod spec;
mod store;
mod submit;
mod table;
mod trial;
mod trial_run;

pub use axis::MAX_TRIALS;
pub use estimate::Estimate;
pub use merge::{Results, TableFormat};
pub use plan::{Locked, Plan};
pub use progress::Progress;
pub use record::{Divergence, FORM, Proved, ProvedFloats, TrialMachine, TrialOutcome, TrialRecord, curve_updates};
pub use run::{SweepOptions, run};
pub use shard::Shard;
pub use spec::{Sampling, Spec};
pub use store::DamagedLine;
pub use submit::{MAX_TASKS, SlurmArray, sbatch};
pub use trial::{Tests, Trial, keys};
