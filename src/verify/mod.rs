//! Every gradient checked against the one below it.
//!
//! Central differences (f64) ↔ [`reference`](crate::reference) (f64) ↔ [`kernel`](crate::kernel)
//! (f64) ↔ kernel (f32), on every level of the machine. Reference and kernel meet only here. A
//! [`TimedStep`] measures how fast a checked gradient is.

mod compare;
mod differences;
mod gradcheck;
mod speed;
mod sums;

pub use compare::{Against, Comparison, Precision, Worst};
pub use gradcheck::{GradcheckGroup, GradcheckSummary, Grid, gradcheck};
pub use speed::{Speed, TimedStep};
pub use sums::{NearestSum, Tried, try_set, try_worst};
