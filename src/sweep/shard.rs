//! The part of a sweep that a process runs: shard `i` of `n` has the trials whose place in the plan
//! is `i` modulo `n`.

use crate::error::{Error, Result};
use crate::task::number::shorten;
use crate::task::whole::{MAX_EXACT, in_range, whole};
use std::fmt;

/// A part of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

/// The most shards of a sweep.
const MAX_SHARDS: usize = 1_000_000;

impl Default for Shard {
    fn default() -> Self {
        Self { index: 0, count: 1 }
    }
}

impl Shard {
    /// Shard `index` of `count`.
    pub fn new(index: usize, count: usize) -> Result<Self> {
        in_range("the number of shards", count as u64, 1..=MAX_SHARDS as u64)?;
        if index >= count {
            return Err(Error::usage(format!("the shard is {index}/{count}, want 0/{count} to {}/{count}", count - 1)));
        }
        Ok(Self { index, count })
    }

    /// Reads `i/n`; or `auto` and `auto/n`, which ask the environment of a job: Slurm arrays,
    /// Kubernetes indexed jobs, `HyperQueue` and GNU parallel. Only Slurm says how many there are;
    /// for the others, and for a part of an array, `auto/n` does.
    ///
    /// # Errors
    /// [`Error::Usage`] naming what is missing or out of range.
    pub fn parse(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let number = |what: &str, text: &str| {
            let number = whole(text, &(0..=MAX_EXACT)).map(|number| usize::try_from(number).unwrap_or(usize::MAX));
            number.map_err(|wanted| Error::usage(format!("{what} is '{}', {wanted}", shorten(text))))
        };
        let (index, count) = match text.split_once('/') {
            Some((index, count)) => (index, Some(number("the number of shards", count)?)),
            None => (text, None),
        };
        if index != "auto" {
            let count = count.ok_or_else(|| {
                Error::usage(format!("the shard is '{}', want i/n as in 0/8, or auto", shorten(text)))
            })?;
            return Self::new(number("the shard", index)?, count);
        }
        let get = |name: &str| variable(name).map(|value| number(name, &value)).transpose();
        if let Some(task) = get("SLURM_ARRAY_TASK_ID")? {
            // With a count, tasks are numbered from 0 whichever of them were started.
            if let Some(count) = count {
                return Self::new(task, count);
            }
            let first = get("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
            let step = get("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
            let count = get("SLURM_ARRAY_TASK_COUNT")?
                .ok_or_else(|| Error::usage("SLURM_ARRAY_TASK_ID is set and SLURM_ARRAY_TASK_COUNT is not"))?;
            return Self::new(task.saturating_sub(first) / step, count);
        }
        // GNU parallel counts from 1.
        for (name, first) in [("JOB_COMPLETION_INDEX", 0), ("HQ_TASK_ID", 0), ("PARALLEL_SEQ", 1)] {
            if let Some(task) = get(name)? {
                let count = count.ok_or_else(|| {
                    Error::usage(format!("{name} says which shard, and nothing says how many: want --shard auto/N"))
                })?;
                return Self::new(task.saturating_sub(first), count);
            }
        }
        Err(Error::usage(
            "the shard is auto, and none of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, HQ_TASK_ID and PARALLEL_SEQ is set",
        ))
    }

    /// Whether the trial at a place of the plan belongs to this shard.
    pub(super) fn holds(self, place: usize) -> bool {
        place % self.count == self.index
    }

    /// The name of the shard's file.
    pub(super) fn file(self) -> String {
        format!("shard-{}-of-{}.jsonl", self.index, self.count)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(text: &str, variables: &[(&str, &str)]) -> Result<Shard> {
        let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Shard::parse(text, get)
    }

    #[test]
    fn shards_are_read_from_words_and_engines() {
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
            ("SLURM_ARRAY_TASK_STEP", "2"),
        ];
        for (text, variables, shard) in [
            ("3/8", &[][..], "3/8"),
            ("auto", &slurm, "3/4"),
            ("auto/64", &slurm, "7/64"),
            ("auto/8", &[("JOB_COMPLETION_INDEX", "0")], "0/8"),
            ("auto/8", &[("HQ_TASK_ID", "5")], "5/8"),
            ("auto/8", &[("PARALLEL_SEQ", "8")], "7/8"),
        ] {
            assert_eq!(auto(text, variables).expect(text).to_string(), shard, "{text}");
        }
    }

    #[test]
    fn shards_that_are_none_are_refused() {
        for text in ["8/8", "0/0", "3", "-1/8", "a/b", "1/", "auto", "auto/8", "0/9999999999999999999999", "/"] {
            assert!(auto(text, &[]).is_err(), "{text}");
        }
        assert!(auto("auto", &[("PARALLEL_SEQ", "1")]).expect_err("no count").to_string().contains("auto/N"));
        assert!(auto("auto/4", &[("PARALLEL_SEQ", "5")]).is_err(), "the fifth of four");
    }

    #[test]
    fn every_trial_is_in_one_shard() {
        for count in [1, 3, 7] {
            for place in 0..50 {
                let holding = (0..count).filter(|&i| Shard::new(i, count).expect("in range").holds(place)).count();
                assert_eq!(holding, 1, "place {place} of {count}");
            }
        }
    }
}
