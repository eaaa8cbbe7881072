//! The smallest machine that does what a net does: what it has learned, as a table.
//!
//! Nodes of a walk that no sequence of inputs tells apart are one state. They are found by
//! refinement (Moore 1956): nodes that answer alike to each of the four inputs begin in one class,
//! and classes are split as long as inputs lead out of them to different classes. The true carry
//! takes no part in this; that a proved net comes out with two states, and that they are the carry,
//! is a finding.

use super::search::Walk;
use std::collections::HashMap;

/// A minimal machine. State 0 is the start; the others are in the order in which they are found
/// from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automaton {
    /// For each state, and each input a + 2b, the answer and the state after it.
    pub steps: Vec<[(bool, usize); 4]>,
    /// For each state, whether it was seen with carry 0, and with carry 1.
    pub carries: Vec<[bool; 2]>,
}

impl Automaton {
    /// The machine of a walk that saw all nodes; else `None`.
    pub fn of(walk: &Walk) -> Option<Self> {
        if !walk.closed {
            return None;
        }
        let mut classes: Vec<u32> = walk.answers.iter().map(|&answers| answers.into()).collect();
        let mut count = 0;
        loop {
            let signatures = walk.next.iter().zip(&classes).map(|(next, &class)| {
                let [w, x, y, z] = next.map(|next| classes[next as usize]);
                [class, w, x, y, z]
            });
            let (refined, now) = number(signatures);
            classes = refined;
            if now == count {
                break;
            }
            count = now;
        }
        let mut machine = Self { steps: vec![[(false, 0); 4]; count], carries: vec![[false; 2]; count] };
        for (node, &class) in classes.iter().enumerate() {
            let class = class as usize;
            machine.carries[class][usize::from(walk.node(node).1)] = true;
            let step = |x: usize| (walk.answers[node] >> x & 1 == 1, classes[walk.next[node][x] as usize] as usize);
            machine.steps[class] = [0, 1, 2, 3].map(step);
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
