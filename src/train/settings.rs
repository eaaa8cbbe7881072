//! What is trained, how, and for how long.

use super::engine::EngineKind;
use super::optimizer::Rule;
use crate::error::{Error, Result};
use crate::kernel::SimdLevel;
use crate::model::{Config, Init};
use crate::task::whole::{MAX_EXACT, in_range};
use std::time::Duration;

/// Where minibatches come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// New random additions every update.
    Stream,
    /// A fixed set, seen again every epoch.
    Fixed {
        /// Additions in the set.
        samples: usize,
        /// Whether each epoch has its own order.
        shuffle: bool,
    },
}

/// When training ends by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Until {
    /// The check passes (see [`Check`](super::Check)), or the budget of updates is used up.
    Solved {
        /// The most updates.
        budget: u64,
    },
    /// After a number of updates.
    Updates(u64),
    /// After so many passes over a fixed set.
    Epochs(u64),
    /// After a time of training; the number of updates then differs from run to run.
    Time(Duration),
}

/// Everything a training depends on. With the same settings, apart from `threads`, weights come out the same to the last bit.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The net.
    pub config: Config,
    /// Width of the additions in bits, the number of time steps; at least 2, since a sum of 1 bit
    /// is 0 + 0.
    pub bits: usize,
    /// Additions in a minibatch; the last of an epoch may hold fewer.
    pub batch: usize,
    /// Where they come from.
    pub source: Source,
    /// Key of all random streams, at most [`MAX_EXACT`].
    pub seed: u64,
    /// How parameters begin.
    pub init: Init,
    /// How parameters move.
    pub rule: Rule,
    /// The largest Euclidean norm of a mean gradient; larger ones are scaled down to it.
    pub clip_norm: Option<f32>,
    /// When it ends.
    pub until: Until,
    /// How gradients are computed.
    pub engine: EngineKind,
    /// The instruction set.
    pub level: SimdLevel,
    /// Worker threads; changes speed, never results.
    pub threads: usize,
}

/// The widest training, in bits.
pub const MAX_BITS: usize = 1 << 16;
/// The largest minibatch, in additions.
pub const MAX_BATCH: usize = 1 << 24;
/// The most threads.
pub const MAX_THREADS: usize = 1024;

impl Default for Settings {
    fn default() -> Self {
        Self {
            config: Config::default(),
            bits: 8,
            batch: 64,
            source: Source::Stream,
            seed: 0,
            init: Init::Scaled,
            rule: Rule::adam(0.03),
            clip_norm: None,
            until: Until::Solved { budget: 20_000 },
            engine: EngineKind::Fused,
            level: SimdLevel::best(),
            threads: 1,
        }
    }
}

impl Settings {
    /// Additions in the fixed set; 0 if there is none.
    pub fn set_samples(&self) -> u64 {
        match self.source {
            Source::Stream => 0,
            Source::Fixed { samples, .. } => samples as u64,
        }
    }

    /// The same, if a training can be made of them.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the value, and the range it should be in.
    pub fn checked(mut self) -> Result<Self> {
        self.config = self.config.checked()?;
        self.level = self.level.checked()?;
        self.rule = self.rule.checked()?;
        if self.bits == 1 {
            return Err(Error::usage(format!("bits is 1, and 0 + 0 is the only sum of 1 bit: want 2 to {MAX_BITS}")));
        }
        in_range("bits", self.bits as u64, 1..=MAX_BITS as u64)?;
        in_range("batch", self.batch as u64, 1..=MAX_BATCH as u64)?;
        in_range("threads", self.threads as u64, 1..=MAX_THREADS as u64)?;
        in_range("seed", self.seed, 0..=MAX_EXACT)?;
        if let Some(norm) = self.clip_norm.filter(|norm| !(norm.is_finite() && *norm > 0.0)) {
            return Err(Error::usage(format!("the clip norm is {norm}, want a positive number up to 3.4e38")));
        }
        if let Source::Fixed { samples, .. } = self.source {
            in_range("dataset", samples as u64, 1..=MAX_BATCH as u64)?;
        }
        match self.until {
            Until::Epochs(limit) => in_range("epochs", limit, 1..=MAX_EXACT)?,
            Until::Updates(limit) => in_range("updates", limit, 1..=MAX_EXACT)?,
            Until::Solved { budget } => in_range("budget", budget, 1..=MAX_EXACT)?,
            Until::Time(_) => {}
        }
        match self.until {
            Until::Epochs(_) if self.source == Source::Stream => {
                Err(Error::usage("epochs count passes over a fixed set, and additions are drawn anew: name a data set"))
            }
            Until::Time(time) if time.is_zero() => Err(Error::usage("the training time is 0 s, want more")),
            _ => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_has_nothing_to_learn() {
        let with = |bits| Settings { bits, ..Settings::default() }.checked();
        let refusal = with(1).expect_err("0 + 0").to_string();
        assert!(refusal.contains("0 + 0") && refusal.contains("want 2 to 65536"), "{refusal}");
        assert!(
            with(2).is_ok() && with(MAX_BITS).is_ok() && with(0).is_err() && with(MAX_BITS + 1).is_err(),
            "a range"
        );
    }
}
