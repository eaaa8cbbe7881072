//! Lists of sizes, tried in every combination.

use super::values::{self, Simd};
use carrylane::model::MAX_HIDDEN;
use carrylane::train::{MAX_BATCH, MAX_BITS};

/// The sizes to try. Each command has its own defaults.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Grid")]
pub(super) struct Sizes {
    /// Hidden sizes.
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_HIDDEN))]
    pub(super) hidden: Vec<usize>,
    /// Widths in bits.
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_BITS))]
    pub(super) bits: Vec<usize>,
    /// Additions in a minibatch.
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_BATCH))]
    pub(super) batch: Vec<usize>,
    /// Levels; `auto` is the best and `all` every one of this machine.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = values::levels())]
    pub(super) simd: Vec<Simd>,
    /// Key of the random nets and additions.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::seed(), default_value = "0")]
    pub(super) seed: u64,
}

impl Sizes {
    /// Widths and batches, every pair of them.
    pub(super) fn minibatches(&self) -> impl Iterator<Item = (usize, usize)> {
        self.bits.iter().flat_map(|&bits| self.batch.iter().map(move |&batch| (bits, batch)))
    }
}
