//! Additions by an integer network.

use super::net::{IntegerNet, State};
use crate::task::BitTensor;
use crate::task::number::{to_uint, width_of_sum};
use indexmap::IndexSet;
use num_bigint::BigUint;

/// A network that remembers its steps: each is computed once, by [`IntegerNet::step`], and then
/// looked up.
#[derive(Debug)]
pub struct Runner<'a> {
    net: &'a IntegerNet,
    states: IndexSet<State>,
    /// For each state and input the state after it and the answer, once known.
    steps: Vec<[Option<(u32, bool)>; 4]>,
}

/// The most states that are remembered; then all are forgotten.
const MOST: usize = 1 << 20;

impl<'a> Runner<'a> {
    /// A network at its start, with nothing remembered.
    pub fn new(net: &'a IntegerNet) -> Self {
        let mut new = Self { net, states: IndexSet::new(), steps: Vec::new() };
        new.number(net.start());
        new
    }

    /// The network's answer to `a + b`, at the width that the sum needs.
    pub fn add(&mut self, a: &BigUint, b: &BigUint) -> BigUint {
        self.add_at(a, b, width_of_sum(a, b))
    }

    /// The network's answer to `a + b`, in `bits` steps.
    pub fn add_at(&mut self, a: &BigUint, b: &BigUint, bits: usize) -> BigUint {
        let [mut x, mut y] = [BitTensor::new(1, bits), BitTensor::new(1, bits)];
        for step in 0..bits {
            x.set(0, step, a.bit(step as u64));
            y.set(0, step, b.bit(step as u64));
        }
        to_uint(&self.answer(&x, &y), 0)
    }

    /// The network's answers to the additions of two tensors of operands.
    pub fn answer(&mut self, a: &BitTensor, b: &BitTensor) -> BitTensor {
        let mut answer = BitTensor::new(a.samples(), a.steps());
        for sample in 0..a.samples() {
            if self.states.len() > MOST {
                *self = Self::new(self.net);
            }
            let mut state = 0;
            for t in 0..a.steps() {
                let (next, bit) = self.step(state, u8::from(a.get(sample, t)) + 2 * u8::from(b.get(sample, t)));
                answer.set(sample, t, bit);
                state = next;
            }
        }
        answer
    }

    fn step(&mut self, state: u32, x: u8) -> (u32, bool) {
        let at = state as usize;
        if let Some(known) = self.steps[at][usize::from(x)] {
            return known;
        }
        let mut moved = self.states[at].clone();
        let bit = self.net.step(&mut moved, x) >= 0;
        let found = (self.number(moved), bit);
        self.steps[at][usize::from(x)] = Some(found);
        found
    }

    fn number(&mut self, state: State) -> u32 {
        let (number, new) = self.states.insert_full(state);
        if new {
            self.steps.push([None; 4]);
        }
        u32::try_from(number).expect("fewer than are remembered")
    }
}
