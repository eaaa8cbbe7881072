//! The walk: all nodes (state, true carry) that any addition can reach, breadth first.

use super::lanes::{LANES, Lanes};
use super::net::{IntegerNet, State};
use super::store::{Link, MOST_NODES, Store, hash};
use crate::kernel::SimdLevel;
use crate::kernel::dispatch;
use crate::model::{Cell, Config};
use fearless_simd::Simd;
use rayon::prelude::*;
use std::time::Instant;

/// The most states that a walk may keep.
pub const MAX_STATES: usize = crate::train::MAX_STATES;
const _: () = assert!(MAX_STATES <= MOST_NODES, "a link can name them");

/// How a walk is made. With the same `max_states` it comes out the same for any number of threads, on every level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalkOptions {
    /// Nodes after which it gives up.
    pub max_states: usize,
    /// The instruction set.
    pub level: SimdLevel,
    /// Worker threads.
    pub threads: usize,
    /// Whether it goes on where the network answers wrong, to see the whole machine.
    pub past_errors: bool,
}

impl WalkOptions {
    /// Bytes that so many states of a net may take: what is carried, here and in a certificate, and
    /// what finds states again.
    pub fn bytes(&self, config: &Config) -> f64 {
        let carried = config.hidden * if config.cell == Cell::Lstm { 2 } else { 1 };
        self.max_states as f64 * (2 * carried + 64) as f64
    }
}

impl Default for WalkOptions {
    fn default() -> Self {
        Self { max_states: 1_000_000, level: SimdLevel::best(), threads: 1, past_errors: false }
    }
}

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// No new nodes are left.
    Closed,
    /// A wrong answer: the first of the shortest ones.
    Wrong {
        /// The node it left from.
        node: usize,
        /// The input, a + 2b.
        input: u8,
    },
    /// The limit is reached.
    Limit,
}

/// What a walk saw.
#[derive(Debug)]
pub struct Walk {
    pub(super) store: Store,
    /// How it ended.
    pub end: End,
    /// Steps from the start to the farthest node.
    pub depth: usize,
    /// The least distance of an output to the wrong side, with 12 + q fractional bits; 0 or less where one is wrong.
    pub margin: i64,
    /// Steps computed, four for each node that was left.
    pub transitions: u64,
    /// How long it took.
    pub seconds: f64,
}

impl Walk {
    /// Nodes seen: states with the carry that is true there.
    pub fn states(&self) -> usize {
        self.store.len()
    }

    /// Bytes the nodes take.
    pub fn bytes(&self) -> usize {
        self.store.bytes()
    }

    /// The state of a node, and the carry that is true there.
    pub fn node(&self, node: usize) -> (State, bool) {
        let link = self.store.link(node);
        (State { values: self.store.values(node).to_vec(), before: link.input }, link.carry == 1)
    }

    /// The nodes that the four inputs lead to from a node, by the plain step.
    ///
    /// # Panics
    /// If one of them was not seen: the walk is not closed.
    pub fn successors(&self, net: &IntegerNet, node: usize) -> [usize; 4] {
        let (state, carry) = self.node(node);
        [0, 1, 2, 3].map(|x: u8| {
            let mut after = state.clone();
            net.step(&mut after, x);
            let (a, b) = (x & 1 == 1, x >> 1 == 1);
            self.find(&after, a & b | carry & (a | b)).expect("the walk is closed")
        })
    }

    /// The inputs that lead from the start to a node, a + 2b each.
    pub fn path(&self, node: usize) -> Vec<u8> {
        let mut path = Vec::new();
        let mut node = node;
        while node > 0 {
            let link = self.store.link(node);
            path.push(link.input);
            node = link.parent as usize;
        }
        path.reverse();
        path
    }

    /// The node that a state and carry are, if it was seen.
    pub fn find(&self, state: &State, carry: bool) -> Option<usize> {
        let link = Link { parent: 0, input: state.before, carry: carry.into() };
        let tag = self.store.tag_of(link);
        self.store.find(hash(&state.values, tag), &state.values, tag)
    }
}

/// Nodes that are left in one go by one thread.
const RUN: usize = 8 * LANES;

/// What one run of nodes led to.
#[derive(Debug, Default)]
struct Found {
    /// New nodes, perhaps the same more than once.
    hashes: Vec<u64>,
    values: Vec<i8>,
    links: Vec<Link>,
    margin: i64,
    wrong: Option<(usize, u8)>,
}

/// Walks a network from its start.
///
/// # Cost
/// One recurrent product for each node and four times the element-wise work; memory as the notes of the set of nodes say.
pub fn walk(net: &IntegerNet, options: &WalkOptions) -> Walk {
    let started = Instant::now();
    let limit = options.max_states.min(MOST_NODES);
    let start = net.start();
    let remembers = net.remembers();
    let mut store = Store::new(net.carried(), remembers);
    store.insert(hash(&start.values, 0), &start.values, Link { parent: 0, input: 0, carry: 0 });
    // Threads are started by the first level that is worth them; if they cannot be, one does it all.
    let mut pool = None;
    let width = if options.threads > 1 { 4 * options.threads } else { 1 };
    let mut workers: Vec<(Lanes, Found)> = (0..width).map(|_| (Lanes::new(net), Found::default())).collect();
    let level = options.level.token().expect("a level of this machine");
    let (mut left, mut level_end, mut depth, mut margin) = (0, 1, 0, i64::MAX);
    // The end, and how many nodes were left by then.
    let (end, gone) = 'walk: loop {
        if left == level_end {
            if store.len() == level_end {
                break (End::Closed, left);
            }
            (level_end, depth) = (store.len(), depth + 1);
        }
        let until = (left + width * RUN).min(level_end);
        let nodes = |worker: usize| (left + worker * RUN).min(until)..(left + (worker + 1) * RUN).min(until);
        let each = |(worker, (lanes, found)): (usize, &mut (Lanes, Found))| {
            dispatch!(level, simd => leave(simd, net, &store, nodes(worker), options.past_errors, lanes, found));
        };
        if pool.is_none() && width > 1 && until - left > RUN {
            pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build().ok();
        }
        match &pool {
            Some(pool) if until - left > RUN => pool.install(|| workers.par_iter_mut().enumerate().for_each(each)),
            _ => workers.iter_mut().enumerate().take((until - left).div_ceil(RUN)).for_each(each),
        }
        let used = (until - left).div_ceil(RUN);
        for (worker, (_, found)) in workers[..used].iter().enumerate() {
            margin = margin.min(found.margin);
            if let Some((node, input)) = found.wrong.filter(|_| !options.past_errors) {
                break 'walk (End::Wrong { node, input }, node + 1);
            }
            let values = found.values.chunks_exact(net.carried());
            for ((&hash, values), &link) in found.hashes.iter().zip(values).zip(&found.links) {
                if store.insert(hash, values, link) && store.len() > limit {
                    break 'walk (End::Limit, (left + (worker + 1) * RUN).min(until));
                }
            }
        }
        left = until;
    };
    let seconds = started.elapsed().as_secs_f64();
    Walk { store, end, depth, margin, transitions: 4 * gone as u64, seconds }
}

/// Leaves some nodes under all four inputs.
fn leave<S: Simd>(
    simd: S,
    net: &IntegerNet,
    store: &Store,
    nodes: std::ops::Range<usize>,
    past_errors: bool,
    lanes: &mut Lanes,
    found: &mut Found,
) {
    found.hashes.clear();
    found.values.clear();
    found.links.clear();
    (found.margin, found.wrong) = (i64::MAX, None);
    let (carried, remembers) = (net.carried(), net.remembers());
    for first in nodes.clone().step_by(LANES) {
        let count = LANES.min(nodes.end - first);
        let (mut before, mut carries) = ([0; LANES], [0; LANES]);
        for lane in 0..count {
            let link = store.link(first + lane);
            (before[lane], carries[lane]) = (link.input, link.carry);
            lanes.put(lane, store.values(first + lane));
        }
        lanes.step(simd, net, &before);
        let carry_after = |x: u8, lane: usize| {
            let [a, b, carry] = [x & 1, x >> 1, carries[lane]];
            a & b | carry & (a | b)
        };
        let mut looked: [[(u64, u64); LANES]; 4] = [[(0, 0); LANES]; 4];
        for (x, looked) in (0..4_u8).zip(&mut looked) {
            for (lane, values) in lanes.next[usize::from(x)].chunks_exact(carried).enumerate() {
                let link = Link { parent: 0, input: x, carry: carry_after(x, lane) };
                looked[lane].0 = hash(values, link.tag(remembers));
            }
            for (hash, first) in looked {
                *first = store.first(*hash);
            }
        }
        for lane in 0..count {
            for x in 0..4_u8 {
                let [a, b, carry] = [x & 1, x >> 1, carries[lane]];
                let output = i64::from(lanes.outputs[usize::from(x)][lane]);
                // At least 1 on the right side: 1 answers from 0 on.
                let distance = if a ^ b ^ carry == 1 { output + 1 } else { -output };
                found.margin = found.margin.min(distance);
                if distance <= 0 && !past_errors {
                    found.wrong = Some((first + lane, x));
                    return;
                }
                let parent = u32::try_from(first + lane).expect("a node's number");
                let link = Link { parent, input: x, carry: carry_after(x, lane) };
                let values = &lanes.next[usize::from(x)][lane * carried..][..carried];
                let (hash, first) = looked[usize::from(x)][lane];
                if !store.holds(first, hash, values, link.tag(remembers)) {
                    found.hashes.push(hash);
                    found.values.extend_from_slice(values);
                    found.links.push(link);
                }
            }
        }
    }
}
