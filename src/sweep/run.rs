//! Runs what is missing: workers, each on one thread, and one writer.
//!
//! Workers take the next trial of the shard, or the next for a free lane where trials fit together,
//! and send its record. The calling thread writes them down, so that no line tears another, and no
//! worker waits for the disk.

use super::plan::Plan;
use super::progress::Progress;
use super::queue::{Queue, QueuedTrial};
use super::record::{TrialMachine, TrialOutcome, TrialRecord};
use super::shard::Shard;
use super::store::{self, Records};
use super::trial_run::{Attempt, Worker};
use crate::error::{Error, Result};
use crate::train::{MemoryNeed, host};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What to run, and with how many threads.
#[derive(Debug, Clone)]
pub struct SweepOptions {
    /// The part of the sweep.
    pub shard: Shard,
    /// Workers, each with a trial, or with some that fit together.
    pub threads: usize,
    /// Whether to run trials without a record.
    pub missing: bool,
    /// Outcomes whose trials are run again.
    pub again: Vec<TrialOutcome>,
}

/// How long a stopped run waits for the steps under way. Their trials are lost either way.
const GRACE: Duration = Duration::from_millis(200);
/// Time between two looks at the flag, and reports of progress, while no trial ends.
const TICK: Duration = Duration::from_millis(100);

/// Runs a shard of a locked sweep, and returns when all is done, or soon after `stop` is set: then
/// some trials are [missing](Progress::missing).
///
/// `on_progress` is called after every batch of results, and ten times a second.
///
/// # Errors
/// [`Error::Data`] if the folder holds no sweep; [`Error::Io`] if it cannot be read or written,
/// with finished trials kept; [`Error::Usage`] if the machine cannot start the threads.
pub fn run(
    folder: &Path,
    options: &SweepOptions,
    stop: &Arc<AtomicBool>,
    mut on_progress: impl FnMut(&Progress),
) -> Result<Progress> {
    let plan = Plan::load(folder)?;
    // A million records are not kept while trials run.
    let (todo, damaged) = Records::read(folder).map(|all| (todo(&plan, &all, options), all.damaged))?;
    let start = Instant::now();
    let mut progress = Progress { planned: todo.len(), damaged, ..Progress::default() };
    // The file is opened first, so that a folder that cannot be written is refused at once.
    let mut shard = store::open(folder, &options.shard.file())?;
    let threads = options.threads.min(todo.len()).max(1);
    let machine = machine(threads);
    let results = start_workers(plan, todo, true, threads, machine, stop)?;
    let mut stopped: Option<Instant> = None;
    loop {
        match results.recv_timeout(TICK) {
            Ok(first) => {
                let keep = || {
                    for mut record in std::iter::once(first).chain(results.try_iter()) {
                        record.machine.run_seconds = start.elapsed().as_secs_f64();
                        shard.add(store::encode(&record).as_bytes())?;
                        progress.count(&record);
                    }
                    shard.sync()
                };
                keep().inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        progress.seconds = start.elapsed().as_secs_f64();
        on_progress(&progress);
        if stop.load(Ordering::Relaxed) && stopped.get_or_insert_with(Instant::now).elapsed() > GRACE {
            break;
        }
    }
    progress.seconds = start.elapsed().as_secs_f64();
    // Threads that wait for the last trial are part of the rest.
    progress.times = progress.times.within(progress.seconds * threads as f64);
    Ok(progress)
}

/// What is to be run.
fn todo(plan: &Plan, records: &Records, options: &SweepOptions) -> Vec<QueuedTrial> {
    let own = (0..plan.len()).filter(|&place| options.shard.holds(place));
    let wanted = own.filter_map(|place| match records.get(plan.number(place)) {
        None => options.missing.then_some((place, 1)),
        Some(record) => options.again.contains(&record.outcome).then_some((place, record.attempt.saturating_add(1))),
    });
    wanted.collect()
}

/// Starts the workers; the channel closes when the last one ends. Trials that fit together run side
/// by side, or all one by one in their order.
pub(super) fn start_workers(
    plan: Plan,
    todo: Vec<QueuedTrial>,
    together: bool,
    threads: usize,
    machine: TrialMachine,
    stop: &Arc<AtomicBool>,
) -> Result<Receiver<TrialRecord>> {
    let mut most = None::<MemoryNeed>;
    let queue = Queue::new(todo.into_iter().map(|todo| {
        let settings = plan.trial(todo.0).settings;
        let lanes = settings.lanes().filter(|_| together);
        let need = if lanes.is_some() { MemoryNeed::of_lanes(&settings) } else { MemoryNeed::of(&settings) };
        if most.is_none_or(|most| need.total() > most.total()) {
            most = Some(need);
        }
        (lanes, todo)
    }));
    most.map_or(Ok(()), |most| most.times(threads).afforded())?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|e| Error::usage(format!("cannot start {threads} threads: {e}")))?;
    let (sender, results) = channel();
    let work = Arc::new((plan, machine, Mutex::new(queue)));
    for _ in 0..threads {
        let (work, sender, stop) = (Arc::clone(&work), sender.clone(), Arc::clone(stop));
        pool.spawn(move || {
            let (plan, machine, queue) = &*work;
            let queue = || queue.lock().expect("nobody panics while it is locked");
            let worker = Worker { machine, stop: &stop };
            // Nobody listens any more: the disk failed, and that is told where it failed.
            let send = |record| sender.send(record).unwrap_or_else(|_| stop.store(true, Ordering::Relaxed));
            let going = || !stop.load(Ordering::Relaxed);
            while let Some((job, together)) = { queue().job() }.filter(|_| going()) {
                let next = || {
                    let todo = { queue().next(job) }.filter(|_| going());
                    todo.map(|(place, attempt)| Attempt::new(plan.trial(place), attempt))
                };
                if together {
                    worker.run_side_by_side(next, send);
                } else {
                    while let Some(record) = next().and_then(|attempt| worker.run(attempt)) {
                        send(record);
                    }
                }
            }
        });
    }
    // The pool ends by itself once its tasks have; it is not waited for.
    Ok(results)
}

/// This machine and this run.
pub(super) fn machine(threads: usize) -> TrialMachine {
    let host = host();
    let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    TrialMachine {
        run: format!("{host}-{}-{began:.3}", std::process::id()),
        host,
        threads,
        run_began_unix_s: began,
        ..TrialMachine::default()
    }
}
