//! How long a sweep will take, estimated by running some of its trials.

use super::plan::Plan;
use super::run::{machine, start_workers};
use crate::error::Result;
use crate::task::lanes::LANES;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a sweep will take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Seconds on the given number of threads.
    pub seconds: f64,
    /// Trials that were run for the estimate.
    pub tried: usize,
    /// Whether some trials were cut off, so that the sweep takes longer than this.
    pub at_least: bool,
}

/// The most trials that are run.
const TRIALS: usize = 48;
/// The most trials that are looked at to tell how many fit together.
const SAMPLE: usize = 4096;
/// The longest time they are given.
const TIME: Duration = Duration::from_millis(1500);

impl Plan {
    /// How long all trials will take on `threads` threads like those of this machine.
    ///
    /// # Cost
    /// At most 1.5 s, on one thread.
    pub fn estimate(&self, threads: usize) -> Result<Estimate> {
        // How many trials share the lanes of one.
        let places = self.scattered();
        let sample = SAMPLE.min(self.len());
        let lanes = |place| self.trial(place).settings.lanes();
        let mut alike = HashMap::new();
        for lanes in places[..sample].iter().filter_map(|&place| lanes(place)) {
            *alike.entry(lanes).or_insert(0.0) += self.len() as f64 / (sample * threads) as f64;
        }
        let company = |place| lanes(place).map_or(1.0, |lanes| alike[&lanes].clamp(1.0, LANES as f64));
        // One by one, in the order they are spread in.
        let picks: Vec<_> = places.into_iter().take(TRIALS).map(|place| (place, 1)).collect();
        let (start, stop) = (Instant::now(), Arc::new(AtomicBool::new(false)));
        let results = start_workers(self.clone(), picks.clone(), false, 1, machine(1), &stop)?;
        let (mut tried, mut trials, mut shares) = (0, 0.0, 0.0);
        while let Ok(record) = results.recv_timeout(TIME.saturating_sub(start.elapsed())) {
            let (all, learning) = (record.machine.trial_seconds, record.machine.times.learning);
            trials += all;
            shares += all - learning + learning / company(picks[tried].0);
            tried += 1;
        }
        stop.store(true, Ordering::Relaxed);
        let at_least = tried < picks.len();
        if at_least {
            // What was cut off took at least what was left of the time.
            shares += (start.elapsed().as_secs_f64() - trials) / company(picks[tried].0);
        }
        let mean = shares / (tried + usize::from(at_least)) as f64;
        // A trial is not cut into threads.
        let rounds = (self.len() as f64 / threads as f64).max(1.0);
        Ok(Estimate { seconds: mean * rounds, tried, at_least: at_least && 2 * tried < picks.len() })
    }

    /// The places of a plan, in an order whose first few are spread over all of it: by the
    /// fractional parts of the golden section's multiples.
    fn scattered(&self) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.len()).collect();
        places.sort_by_key(|&place| (place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        places
    }
}

#[cfg(test)]
mod tests {
    use crate::sweep::{Plan, Spec};
    use std::collections::HashSet;

    #[test]
    fn all_places_are_visited_once() {
        for len in [1, 2, 7, 10, 100] {
            let plan = Plan::new(Spec::from_words(&[format!("seed=0..{len}")]).expect("a spec")).expect("a plan");
            let places: HashSet<usize> = plan.scattered().into_iter().collect();
            assert_eq!(places, (0..len).collect(), "of {len}");
        }
    }

    #[test]
    fn trials_of_which_none_has_ended_take_longer_than_what_was_waited_for() {
        let spec = Spec::from_words(&["hidden=64", "bits=64", "updates=1000000000"]).expect("a spec");
        let estimate = Plan::new(spec).expect("a plan").estimate(4).expect("a thread");
        assert_eq!((estimate.tried, estimate.at_least), (0, true), "{estimate:?}");
        assert!(estimate.seconds >= 1.5, "{estimate:?}");
    }

    #[test]
    fn trials_that_are_quick_are_all_tried() {
        let spec = Spec::from_words(&["hidden=4", "bits=2", "updates=5", "seed=0..6"]).expect("a spec");
        let estimate = Plan::new(spec).expect("a plan").estimate(2).expect("a thread");
        assert_eq!((estimate.tried, estimate.at_least), (6, false), "{estimate:?}");
        assert!(estimate.seconds > 0.0, "{estimate:?}");
    }
}
