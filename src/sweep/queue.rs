//! Trials in jobs: those that share lanes, and those that run alone.

use crate::train::LaneShape;
use std::collections::{HashMap, VecDeque};

/// A trial to run: its place in the plan, and which attempt it is.
pub(super) type QueuedTrial = (usize, u32);

/// Jobs of trials to run. Any number of workers take from one job.
#[derive(Debug, Default)]
pub(super) struct Queue {
    jobs: Vec<Job>,
    /// Jobs that nobody has begun come first.
    begun: usize,
}

#[derive(Debug)]
struct Job {
    together: bool,
    left: VecDeque<QueuedTrial>,
}

impl Queue {
    /// Trials with the lanes they share, if they share any.
    pub(super) fn new(trials: impl Iterator<Item = (Option<LaneShape>, QueuedTrial)>) -> Self {
        let (mut jobs, mut places) = (Vec::new(), HashMap::new());
        for (lanes, todo) in trials {
            let together = lanes.is_some();
            let place = *places.entry(lanes).or_insert(jobs.len());
            if place == jobs.len() {
                jobs.push(Job { together, left: VecDeque::new() });
            }
            jobs[place].left.push_back(todo);
        }
        Self { jobs, begun: 0 }
    }

    /// A job to take from, and whether its trials run side by side: the next that nobody has
    /// begun, or the longest.
    pub(super) fn job(&mut self) -> Option<(usize, bool)> {
        let job = if self.begun < self.jobs.len() {
            self.begun += 1;
            self.begun - 1
        } else {
            (0..self.jobs.len()).max_by_key(|&job| self.jobs[job].left.len())?
        };
        Some((job, self.jobs[job].together)).filter(|_| !self.jobs[job].left.is_empty())
    }

    /// The next trial of a job.
    pub(super) fn next(&mut self, job: usize) -> Option<QueuedTrial> {
        self.jobs[job].left.pop_front()
    }
}
