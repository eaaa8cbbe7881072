//! The walk: all nodes (state, true carry) that any addition can reach, breadth first.

use super::net::{IntegerNet, State};
use crate::error::Result;
use crate::model::{Cell, Config};
use crate::train::{MemoryNeed, available_memory};
use crate::words::words;
use indexmap::IndexSet;
use std::time::Instant;

/// The verdict about a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The network adds correctly at every bit width.
    Proved,
    /// The network fails: there is a counterexample.
    Refuted,
    /// The limit was reached before either was known.
    Undecided,
}

words!(Verdict "verdict": Proved = "proved", Refuted = "refuted", Undecided = "undecided");

/// The most states that a walk may keep.
pub const MAX_STATES: usize = crate::train::MAX_STATES;

/// The nodes and steps of a walk. Nodes are numbered as they are found, from the start, 0.
#[derive(Debug)]
pub struct Walk {
    /// Carried values of each node, a byte each, and its tag: the carry, and for the dynamic cell
    /// twice the input before.
    pub(super) nodes: IndexSet<Box<[u8]>>,
    /// The node that each was found from, and the input.
    found: Vec<(u32, u8)>,
    /// The nodes that the four inputs lead to, for each node that was left.
    pub(super) next: Vec<[u32; 4]>,
    /// The answers to the four inputs, a bit each, for each node that was left.
    pub(super) answers: Vec<u8>,
    /// Whether no new nodes are left.
    pub closed: bool,
    /// The first wrong answer, which is one of the shortest: the node it left from, and the input.
    pub wrong: Option<(usize, u8)>,
    /// Steps from the start to the farthest node.
    pub depth: usize,
    /// The least distance of an output to the wrong side, with 12 + q fractional bits; 0 or less
    /// where one is wrong.
    pub margin: i64,
    /// Time of the walk.
    pub seconds: f64,
}

impl Walk {
    /// Walks a network from its start up to a wrong answer, or until it has seen more than `most`
    /// nodes.
    ///
    /// # Cost
    /// For each node one recurrent product and four times the element-wise work.
    pub fn of(net: &IntegerNet, max_states: usize) -> Self {
        Self::through(net, max_states, false)
    }

    /// Walks on where the network answers wrong, to see the whole machine.
    pub fn past_errors(net: &IntegerNet, max_states: usize) -> Self {
        Self::through(net, max_states, true)
    }

    fn through(net: &IntegerNet, max_states: usize, past_errors: bool) -> Self {
        let started = Instant::now();
        let mut walk = Self {
            nodes: IndexSet::from([vec![0; net.carried() + 1].into()]),
            found: vec![(0, 0)],
            next: Vec::new(),
            answers: Vec::new(),
            closed: false,
            wrong: None,
            depth: 0,
            margin: i64::MAX,
            seconds: 0.0,
        };
        let (max_states, mut level_end) = (max_states.min(MAX_STATES), 1);
        while (past_errors || walk.wrong.is_none()) && walk.nodes.len() <= max_states {
            let from = walk.next.len();
            if from == walk.nodes.len() {
                walk.closed = true;
                break;
            }
            if from == level_end {
                (level_end, walk.depth) = (walk.nodes.len(), walk.depth + 1);
            }
            walk.leave(net, from);
        }
        walk.seconds = started.elapsed().as_secs_f64();
        walk
    }

    /// Leaves a node under all four inputs.
    fn leave(&mut self, net: &IntegerNet, from: usize) {
        let (state, carry) = self.node(from);
        let products = net.products(&state.values);
        let (mut next, mut answers) = ([0; 4], 0);
        for x in 0..4_u8 {
            let [a, b] = [x & 1, x >> 1];
            let (values, output) = net.moved(&products, &state, x);
            let answer = u8::from(output >= 0);
            answers |= answer << x;
            // At least 1 on the right side: 1 answers from 0 on.
            let distance = if a ^ b ^ u8::from(carry) == 1 { i64::from(output) + 1 } else { -i64::from(output) };
            self.margin = self.margin.min(distance);
            if distance <= 0 && self.wrong.is_none() {
                self.wrong = Some((from, x));
            }
            let tag = (a + b + u8::from(carry)) >> 1 | if net.remembers() { 2 * x } else { 0 };
            let node: Vec<u8> = values.into_iter().map(i8::cast_unsigned).chain([tag]).collect();
            let (place, new) = self.nodes.insert_full(node.into());
            if new {
                self.found.push((number(from), x));
            }
            next[usize::from(x)] = number(place);
        }
        self.next.push(next);
        self.answers.push(answers);
    }

    /// The verdict about the network.
    pub fn verdict(&self) -> Verdict {
        match (self.wrong, self.closed) {
            (Some(_), _) => Verdict::Refuted,
            (None, true) => Verdict::Proved,
            (None, false) => Verdict::Undecided,
        }
    }

    /// Nodes seen: states with the carry that is true there.
    pub fn states(&self) -> usize {
        self.nodes.len()
    }

    /// Steps computed, four for each node that was left.
    pub fn transitions(&self) -> u64 {
        4 * self.next.len() as u64
    }

    /// The number of states to walk: as many as asked for, or as this machine has memory for.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if it has none for the net itself.
    pub fn afforded(config: &Config, max_states: usize) -> Result<usize> {
        // The floats in an engine, and the integers as they are made.
        let net = MemoryNeed::of_answers(config).times(2);
        net.afforded()?;
        let left = available_memory().map_or(f64::INFINITY, |bytes| bytes as f64 - net.total());
        // A node here and in a certificate.
        let carried = config.hidden * if config.cell == Cell::Lstm { 2 } else { 1 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 1")]
        let most = (left / (2 * carried + 110) as f64).max(1.0) as usize;
        Ok(max_states.min(most))
    }

    /// The state of a node, and the carry that is true there.
    pub fn node(&self, node: usize) -> (State, bool) {
        let (&tag, values) = self.nodes[node].split_last().expect("a node has a tag");
        (State { values: values.iter().map(|value| value.cast_signed()).collect(), before: tag >> 1 }, tag & 1 == 1)
    }

    /// The inputs that lead from the start to a node, a + 2b each.
    pub fn path(&self, mut node: usize) -> Vec<u8> {
        let mut path = Vec::new();
        while node > 0 {
            let (parent, input) = self.found[node];
            path.push(input);
            node = parent as usize;
        }
        path.reverse();
        path
    }
}

fn number(node: usize) -> u32 {
    u32::try_from(node).expect("at most 2^29 nodes and four")
}
