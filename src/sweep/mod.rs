//! Sweeps: thousands of trainings as one, of which nothing is lost.
//!
//! A [`Trial`] is a pure function of its config, and its id is a hash of that config. A [`Spec`] names trials, as words or TOML; a
//! [`Plan`] puts them in order and locks them in a folder; [`run`] does what the folder has no record of, and may be killed at any time;
//! [`Results`] are the same bytes however the work was cut.
//!
//! ```
//! use carrylane::sweep::{Options, Plan, Results, Shard, Spec, run};
//! use std::sync::{Arc, atomic::AtomicBool};
//!
//! let folder = tempfile::tempdir().expect("a folder");
//! let plan = Plan::new(Spec::from_words(&["hidden=4,8", "seed=0..3"])?)?;
//! plan.lock(folder.path(), false)?;
//! let options = Options { shard: Shard::default(), threads: 2, missing: true, again: vec![] };
//! let ran = run(folder.path(), &options, &Arc::new(AtomicBool::new(false)), |_damaged| {}, |_progress| {})?;
//! assert_eq!((ran.progress.done, ran.interrupted), (6, false));
//! let results = Results::read(folder.path())?;
//! results.write(&folder.path().join("all.csv"), false)?;
//! # Ok::<(), carrylane::Error>(())
//! ```
//!
//! # The folder
//!
//! `sweep.toml` is the locked spec. `shards/shard-i-of-n.jsonl` holds a line for each finished trial, a [`Record`] with a check
//! of its own, only ever appended. Nothing else matters: no lock, no server, no database; a network disk is enough.

mod axis;
mod estimate;
mod keys;
mod merge;
mod parquet;
mod plan;
mod record;
mod run;
mod shard;
mod spec;
mod status;
mod store;
mod submit;
mod table;
mod trial;
mod trial_run;

pub use estimate::Estimate;
pub use keys::Key;
pub use merge::{Format, Results};
pub use plan::{Locked, MAX_TRIALS, Plan};
pub use record::{Divergence, Machine, Outcome, Proved, Record, curve_updates};
pub use run::{Options, Progress, Ran, run};
pub use shard::Shard;
pub use spec::{Method, Spec};
pub use status::Status;
pub use store::{Damaged, Records};
pub use submit::Array;
pub use trial::{Engine, Goal, Optimizer, Trial};
