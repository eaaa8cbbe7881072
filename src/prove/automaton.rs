//! The smallest machine that does the same: what a net has learned, as a table.
//!
//! Nodes of a walk that no sequence of inputs tells apart are one state. They are found by refinement (Moore 1956): nodes that answer
//! alike to each of the four inputs begin in one class, and classes are split as long as inputs lead out of them to different classes.
//! The true carry takes no part in this; that a proved net comes out with two states, and that they are the carry, is a finding.

use super::net::IntegerNet;
use super::search::Walk;
use std::collections::HashMap;

/// A minimal machine. State 0 is the start; the others are in the order in which they are found from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automaton {
    /// For each state, and each input a + 2b, the answer and the state after it.
    pub steps: Vec<[(bool, usize); 4]>,
    /// For each state, whether it was seen with carry 0, and with carry 1.
    pub carries: Vec<[bool; 2]>,
}

impl Automaton {
    /// The machine of a walk that saw all nodes; none if it did not, or if they are more than `most`.
    ///
    /// # Cost
    /// Eight plain steps a node, and 16 bytes.
    pub fn of(net: &IntegerNet, walk: &Walk, most: usize) -> Option<Self> {
        if walk.end != super::End::Closed || walk.states() > most {
            return None;
        }
        let nodes = walk.states();
        let mut next = vec![[0_u32; 4]; nodes];
        let mut classes = vec![0_u32; nodes];
        for node in 0..nodes {
            next[node] = walk.successors(net, node).map(|next| u32::try_from(next).expect("a node's number"));
            let (state, _) = walk.node(node);
            for x in 0..4_u8 {
                classes[node] |= u32::from(net.step(&mut state.clone(), x) >= 0) << x;
            }
        }
        let answers = classes.clone();
        let mut count = number(classes.iter().map(|&class| [class; 5])).1;
        loop {
            let signatures = (0..nodes).map(|node| {
                let [w, x, y, z] = next[node].map(|next| classes[next as usize]);
                [classes[node], w, x, y, z]
            });
            let (refined, now) = number(signatures);
            classes = refined;
            if now == count {
                break;
            }
            count = now;
        }
        let mut machine = Self { steps: vec![[(false, 0); 4]; count], carries: vec![[false; 2]; count] };
        for node in 0..nodes {
            let class = classes[node] as usize;
            machine.carries[class][usize::from(walk.node(node).1)] = true;
            machine.steps[class] =
                [0, 1, 2, 3].map(|x| (answers[node] >> x & 1 == 1, classes[next[node][x] as usize] as usize));
        }
        Some(machine)
    }

    /// Number of states.
    pub fn states(&self) -> usize {
        self.steps.len()
    }

    /// Whether it is the full adder: two states, 0 with carry 0 and 1 with carry 1.
    pub fn is_full_adder(&self) -> bool {
        let right = |carry: usize, x: usize| {
            let ones = carry + (x & 1) + (x >> 1);
            (ones % 2 == 1, ones / 2)
        };
        self.states() == 2 && (0..2).all(|carry| (0..4).all(|x| self.steps[carry][x] == right(carry, x)))
    }

    /// The states that some inputs lead through, the start first.
    pub fn path(&self, inputs: &[u8]) -> Vec<usize> {
        let mut path = vec![0];
        for &x in inputs {
            path.push(self.steps[path[path.len() - 1]][usize::from(x)].1);
        }
        path
    }
}

/// Numbers for signatures, in the order of their first appearance, and how many there are.
fn number(signatures: impl Iterator<Item = [u32; 5]>) -> (Vec<u32>, usize) {
    let mut numbers = HashMap::new();
    let all = signatures.map(|signature| {
        let new = u32::try_from(numbers.len()).expect("at most the nodes");
        *numbers.entry(signature).or_insert(new)
    });
    let all = all.collect();
    (all, numbers.len())
}
