//! One training: its curves in `metrics.jsonl`, as an HTML page, as TensorBoard events, and beside those of another.

mod compare;
mod config;
mod curves;
mod events;
mod page;

pub use compare::{Comparison, CurveDifference, Kept, TensorDifference, compare};
pub use config::{Setting, read_config};
pub use curves::{Curves, End, Line, Recorder};
pub use events::Events;
pub use page::{html, write};
