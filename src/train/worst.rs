//! The search for the sum that a net does worst.
//!
//! A net that is wrong in one sum of a hundred thousand is wrong in states it rarely reaches. So
//! states are sought, not sums. From the start, 32 states at a time are followed under all four
//! inputs, and near duplicates of earlier states are dropped. Half of the next 32 are the states
//! whose answer was nearest to being wrong, half are random, both carries in equal parts. Either
//! half alone misses nets that the other one finds.
//!
//! The search ends with the first wrong answer, when no state is new, or after its last round. Its
//! arithmetic has one order, so that its result is a function of the net and the width alone.

mod net;

use super::engine::Engine;
use crate::kernel::{Float, SimdLevel};
use crate::model::{Cell, Config};
use crate::reference::Real;
use crate::task::rng::mix;
use net::{SearchNet, States, Successors};
use num_bigint::BigUint;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// States followed in a round.
const ROUND: usize = 32;
/// The most states that wait to be followed; more are dropped.
const WAITING: usize = 4096;
/// Near duplicates share every number rounded to 1/COARSE. When no state is new, the grid is
/// halved, down to 1/FINE.
const COARSE: f32 = 8.0;
const FINE: f32 = 256.0;
/// The most rounds, which bounds the memory of where states come from.
const ROUNDS: usize = 4096;

/// A search: how far it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorstSearch {
    /// Steps of the longest sums. As in all additions, the top bit of both operands is 0.
    pub steps: usize,
    /// Rounds of 32 states, at most.
    pub rounds: usize,
}

/// The sum that came nearest to a wrong answer, or has one.
#[derive(Debug, Clone, PartialEq)]
pub struct WorstSum {
    /// First operand.
    pub a: BigUint,
    /// Second operand.
    pub b: BigUint,
    /// The bit of the sum that is judged: its last.
    pub bit: usize,
    /// How far the answer is on the right side, as a pre-activation; wrong if not above 0.
    pub margin: f32,
}

impl WorstSum {
    /// Whether the net's answer is wrong.
    pub fn wrong(&self) -> bool {
        self.margin <= 0.0
    }
}

impl WorstSearch {
    /// The search of a check: sums of up to four times the width, and more rounds for nets that can
    /// have more states. Of 2,821 Elman nets that passed, 5 were wrong in some of 2^17 random sums.
    /// With 72 rounds for all it would be 17, with 112 four.
    pub fn of(config: &Config, bits: usize) -> Self {
        let rounds = 48 + 3 * config.hidden;
        Self { steps: 4 * bits, rounds: if config.cell == Cell::Lstm { 3 * rounds } else { rounds } }
    }

    /// The most thorough search for sums of a width.
    pub fn within(bits: usize) -> Self {
        Self { steps: bits, rounds: ROUNDS }
    }

    /// The most bytes that a search takes: waiting states, and the paths to all states.
    pub(super) fn bytes(&self, config: &Config) -> f64 {
        let numbers = config.hidden as f64 * if config.cell == Cell::Lstm { 2.0 } else { 1.0 };
        let states = (WAITING + 5 * ROUND) as f64 * 4.0 * (numbers + 16.0);
        states + (4 * ROUND * self.rounds.min(ROUNDS)) as f64 * 30.0
    }

    /// The worst sum found; `None` if `go_on`, asked before each round, says no.
    ///
    /// # Cost
    /// At most 128 steps of the net a round.
    ///
    /// # Panics
    /// If `params` is of another config, or this machine lacks the level.
    pub fn run(
        &self,
        config: &Config,
        params: &[f32],
        level: SimdLevel,
        mut go_on: impl FnMut() -> bool,
    ) -> Option<WorstSum> {
        let net = SearchNet::new(config, params, level);
        let mut pool = POOL.take();
        let worst = self.search(&net, &mut pool, &mut go_on);
        POOL.set(pool);
        worst
    }

    fn search(&self, net: &SearchNet, pool: &mut Pool, go_on: &mut dyn FnMut() -> bool) -> Option<WorstSum> {
        pool.clear();
        let (mut chosen, mut from, mut to) = (Vec::new(), States::default(), Successors::default());
        pool.paths.push(Path { before: 0, x: 0, steps: 0 });
        let (mut worst, mut margin, mut grid) = (0, f32::INFINITY, COARSE);
        pool.begin(net);
        for _ in 0..self.rounds.min(ROUNDS) {
            if !go_on() {
                return None;
            }
            pool.choose(net, &mut chosen, &mut from);
            if chosen.is_empty() {
                if grid >= FINE {
                    break;
                }
                grid *= 2.0;
                pool.begin(net);
                pool.choose(net, &mut chosen, &mut from);
            }
            net.expand(&from, grid, &mut to);
            for (child, (&nearness, &key)) in to.margins.iter().zip(&to.keys).enumerate() {
                let before = chosen[child / 4];
                let steps = pool.paths[before as usize].steps + 1;
                if steps as usize == self.steps && to.states.x[child] > 0 {
                    continue;
                }
                let (new, worse) = (pool.seen.insert(key), nearness < margin);
                if !(new || worse) {
                    continue;
                }
                let id = u32::try_from(pool.paths.len()).expect("rounds are bounded");
                pool.paths.push(Path { before, x: to.states.x[child], steps });
                if worse {
                    (worst, margin) = (id, nearness);
                }
                if new && (steps as usize) < self.steps {
                    pool.add(net, &to.states, child, (id, nearness));
                }
            }
            if margin <= 0.0 {
                break;
            }
        }
        Some(pool.sum(worst, margin))
    }
}

impl<F: Float + Real> Engine<F> {
    /// What a [`WorstSearch`] finds of the net in `f32`, whatever the engine and level.
    pub fn worst_sum(&self, search: &WorstSearch, go_on: impl FnMut() -> bool) -> Option<WorstSum> {
        let params: Vec<f32> = self.params().iter().map(|w| w.to_f32().expect("a float")).collect();
        search.run(self.config(), &params, self.level(), go_on)
    }
}

/// How a state was reached.
#[derive(Debug, Clone, Copy)]
struct Path {
    /// The path to the state before.
    before: u32,
    /// The input that led from there.
    x: u8,
    /// Inputs in all.
    steps: u32,
}

/// States that wait, and the paths to all states that were new.
#[derive(Debug, Default)]
struct Pool {
    paths: Vec<Path>,
    seen: HashSet<u32, BuildHasherDefault<Mixed>>,
    states: States,
    /// The path of the state in each place; `None` where a place is free.
    held: Vec<Option<u32>>,
    free: Vec<u32>,
    /// Waiting states by carry, nearest to a wrong answer first: path and place. States that were
    /// followed meanwhile are skipped.
    nearest: [BinaryHeap<Reverse<(u32, u32, u32)>>; 2],
    /// Waiting states by carry, in no order.
    any: [Vec<(u32, u32)>; 2],
    draws: u64,
}

thread_local! {
    /// The buffers of a thread's searches. New memory for each would cost as much as their
    /// arithmetic.
    static POOL: std::cell::Cell<Pool> = std::cell::Cell::default();
}

impl Pool {
    /// Forgets all, and keeps the memory.
    fn clear(&mut self) {
        let Self { paths, seen, states: _, held, free, nearest, any, draws } = self;
        paths.clear();
        seen.clear();
        held.clear();
        free.clear();
        nearest.iter_mut().for_each(BinaryHeap::clear);
        any.iter_mut().for_each(Vec::clear);
        *draws = 0;
    }

    /// Forgets what was seen, and lets the start state wait.
    fn begin(&mut self, net: &SearchNet) {
        let mut start = States::default();
        start.resize(net, 1);
        self.seen.clear();
        self.add(net, &start, 0, (0, f32::INFINITY));
    }

    /// Lets a state wait, if there is room.
    fn add(&mut self, net: &SearchNet, from: &States, i: usize, (path, margin): (u32, f32)) {
        let place = match self.free.pop() {
            Some(place) => place,
            None if self.held.len() < WAITING => {
                self.held.push(None);
                self.states.resize(net, self.held.len());
                u32::try_from(self.held.len() - 1).expect("few")
            }
            None => return,
        };
        self.held[place as usize] = Some(path);
        self.states.copy(place as usize, from, i, net);
        let carry = usize::from(from.carry[i]);
        self.nearest[carry].push(Reverse((ordered(margin), path, place)));
        self.any[carry].push((path, place));
    }

    /// Takes the states of the next round, and their paths.
    fn choose(&mut self, net: &SearchNet, chosen: &mut Vec<u32>, to: &mut States) {
        chosen.clear();
        to.resize(net, ROUND);
        for carry in 0..2 {
            for turn in 0..ROUND / 2 {
                let found = if turn % 2 == 0 { self.nearest(carry) } else { self.random(carry) };
                let Some((path, place)) = found else { break };
                self.held[place as usize] = None;
                self.free.push(place);
                to.copy(chosen.len(), &self.states, place as usize, net);
                chosen.push(path);
            }
        }
        to.resize(net, chosen.len());
    }

    fn nearest(&mut self, carry: usize) -> Option<(u32, u32)> {
        while let Some(Reverse((_, path, place))) = self.nearest[carry].pop() {
            if self.held[place as usize] == Some(path) {
                return Some((path, place));
            }
        }
        None
    }

    fn random(&mut self, carry: usize) -> Option<(u32, u32)> {
        while !self.any[carry].is_empty() {
            self.draws += 1;
            let draw = usize::try_from(mix(self.draws) >> 32).expect("32 bits") % self.any[carry].len();
            let (path, place) = self.any[carry].swap_remove(draw);
            if self.held[place as usize] == Some(path) {
                return Some((path, place));
            }
        }
        None
    }

    /// The sum whose last bit a path leads to.
    fn sum(&self, mut path: u32, margin: f32) -> WorstSum {
        let bits = self.paths[path as usize].steps;
        let (mut a, mut b) = (BigUint::ZERO, BigUint::ZERO);
        while self.paths[path as usize].steps > 0 {
            let Path { before, x, steps } = self.paths[path as usize];
            a.set_bit(u64::from(steps) - 1, x & 1 == 1);
            b.set_bit(u64::from(steps) - 1, x & 2 == 2);
            path = before;
        }
        WorstSum { a, b, bit: (bits as usize).saturating_sub(1), margin }
    }
}

/// An integer that orders as the float does.
fn ordered(x: f32) -> u32 {
    let bits = x.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// A hasher of keys that are sums of hashes: their high bits depend on all others.
#[derive(Debug, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are u32");
    }

    fn write_u32(&mut self, key: u32) {
        self.0 = u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Activation, Layout};

    /// The worst sum of a net whose units count the ones of a, b and the carry, with steep slopes.
    fn worst(bits: usize, activation: Activation, steep: f32, from_carry: f32) -> WorstSum {
        let config = Config { hidden: 3, activation, ..Config::default() };
        let mut params = vec![0.0; Layout::of(&config).len()];
        let weights = Layout::of(&config).weights_mut(&mut params);
        // Tanh has the carry in ±1, and begins between.
        let (low, carry, b_o) = if activation == Activation::Tanh { (0.25, 0.5, 0.0) } else { (0.5, 1.0, -0.5) };
        weights.w_ih.fill(steep);
        weights.w_hh[3..6].fill(from_carry * carry * steep);
        weights.b_h.iter_mut().zip(0_u8..).for_each(|(b, n)| *b = -steep * (low + f32::from(n)));
        weights.w_ho.copy_from_slice(&[steep, -steep, steep]);
        weights.b_o[0] = b_o * steep;
        WorstSearch::within(bits).run(&config, &params, SimdLevel::best(), || true).expect("it ends")
    }

    #[test]
    fn a_net_that_adds_right_has_no_wrong_sum_however_large_its_weights() {
        for activation in [Activation::Sigmoid, Activation::Tanh] {
            for steep in [10.0, 40.0, 100.0, 1e4] {
                let sum = worst(64, activation, steep, 1.0);
                assert!(!sum.wrong(), "{activation}, {steep}: {sum:?}");
            }
        }
    }

    #[test]
    fn the_top_bit_is_judged_too() {
        // Without a carry, 1 + 1 is the one sum of two bits that is wrong.
        let WorstSum { a, b, bit, margin } = worst(2, Activation::Sigmoid, 10.0, 0.0);
        assert!((a, b, bit) == (1_u8.into(), 1_u8.into(), 1) && margin < 0.0, "bit {bit}, margin {margin}");
        assert!(!worst(1, Activation::Sigmoid, 10.0, 0.0).wrong(), "0 + 0");
    }
}
