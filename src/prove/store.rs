//! The set of nodes a walk has seen: a node is a state of the network with the carry that is true there.
//!
//! Nodes are numbered in the order they are found and never move. A node's carried values lie in pages, a byte each; a link of 32 bits
//! holds the node it was found from, the input that led to it and the carry; a hash table finds nodes again.
//!
//! # Cost
//! Bytes a node: the carried values (H, or 2 H for an LSTM), 4 to 8 for the link, and 11 to 21 for entries of 8 bytes of the table, which
//! is three eighths to three quarters full. Ten million nodes of 16 units take 0.36 GB, of 64 units 0.84 GB.

/// Nodes in a page.
const PAGE: usize = 1 << 14;
/// The most nodes: what a link's 29 bits can name.
pub(super) const MOST_NODES: usize = (1 << 29) - 1;
/// An entry that is free.
const FREE: u64 = u64::MAX;

/// What led to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    /// The node before; the first node is its own.
    pub(super) parent: u32,
    /// The input, a + 2b.
    pub(super) input: u8,
    /// The true carry at the node.
    pub(super) carry: u8,
}

impl Link {
    fn pack(self) -> u32 {
        self.parent << 3 | u32::from(self.input) << 1 | u32::from(self.carry)
    }

    fn unpack(packed: u32) -> Self {
        let low = packed.to_le_bytes()[0];
        Self { parent: packed >> 3, input: low >> 1 & 3, carry: low & 1 }
    }

    /// The part of the link that belongs to the node itself, as a number below 8.
    pub(super) fn tag(self, remembers: bool) -> u8 {
        self.carry | if remembers { self.input << 1 } else { 0 }
    }
}

/// A set of nodes.
#[derive(Debug)]
pub(super) struct Store {
    carried: usize,
    /// Whether the input before is part of a node: the dynamic cell.
    remembers: bool,
    pages: Vec<Vec<i8>>,
    links: Vec<u32>,
    /// High half of the hash, then the node's number.
    table: Vec<u64>,
}

impl Store {
    pub(super) fn new(carried: usize, remembers: bool) -> Self {
        Self { carried, remembers, pages: Vec::new(), links: Vec::new(), table: vec![FREE; 1 << 10] }
    }

    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    /// Bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.pages.len() * PAGE * self.carried + self.links.capacity() * 4 + self.table.len() * 8
    }

    pub(super) fn values(&self, node: usize) -> &[i8] {
        &self.pages[node / PAGE][node % PAGE * self.carried..][..self.carried]
    }

    pub(super) fn link(&self, node: usize) -> Link {
        Link::unpack(self.links[node])
    }

    /// A node's tag, as [`Link::tag`] has it.
    pub(super) fn tag(&self, node: usize) -> u8 {
        self.link(node).tag(self.remembers)
    }

    /// The tag of a link, as nodes of this set have it.
    pub(super) fn tag_of(&self, link: Link) -> u8 {
        link.tag(self.remembers)
    }

    /// The number of a node, if it is there.
    #[inline]
    pub(super) fn find(&self, hash: u64, values: &[i8], tag: u8) -> Option<usize> {
        self.slot(hash, values, tag).ok()
    }

    /// Adds a node unless it is there; whether it was added.
    pub(super) fn insert(&mut self, hash: u64, values: &[i8], link: Link) -> bool {
        let Err(mut slot) = self.slot(hash, values, link.tag(self.remembers)) else { return false };
        if (self.len() + 1) * 4 > self.table.len() * 3 {
            self.grow();
            slot = self.slot(hash, values, link.tag(self.remembers)).expect_err("it was not there");
        }
        let node = self.len();
        self.table[slot] = hash & !LOW | node as u64;
        if node.is_multiple_of(PAGE) {
            // The first page grows, so that a small walk stays small.
            self.pages.push(Vec::with_capacity(if node == 0 { 64 } else { PAGE } * self.carried));
        }
        self.pages.last_mut().expect("a page").extend_from_slice(values);
        self.links.push(link.pack());
        true
    }

    /// Where a node is, or the free entry where it would go.
    #[inline]
    fn slot(&self, hash: u64, values: &[i8], tag: u8) -> Result<usize, usize> {
        let mask = self.table.len() - 1;
        let mut slot = start(hash) & mask;
        loop {
            let entry = self.table[slot];
            if entry == FREE {
                return Err(slot);
            }
            if (entry ^ hash) & !LOW == 0 {
                let node = index(entry);
                if self.values(node) == values && self.tag(node) == tag {
                    return Ok(node);
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let mask = 2 * self.table.len() - 1;
        let old = std::mem::replace(&mut self.table, vec![FREE; mask + 1]);
        for entry in old.into_iter().filter(|&entry| entry != FREE) {
            let mut slot = start(entry) & mask;
            while self.table[slot] != FREE {
                slot = (slot + 1) & mask;
            }
            self.table[slot] = entry;
        }
    }
}

/// The half of an entry that is a node's number.
const LOW: u64 = u32::MAX as u64;

/// Where the search for a hash begins, before the mask: the high half, all that an entry keeps.
fn start(hash: u64) -> usize {
    usize::try_from(hash >> 32).expect("32 bits")
}

fn index(entry: u64) -> usize {
    usize::try_from(entry & LOW).expect("32 bits")
}

/// The hash of a node: its bytes eight at a time, each folded into a 128-bit product.
#[inline(always)]
pub(super) fn hash(values: &[i8], tag: u8) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15 ^ u64::from(tag);
    let (words, rest) = values.as_chunks::<8>();
    for word in words {
        state = fold(state ^ u64::from_le_bytes(word.map(i8::cast_unsigned)));
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word.iter_mut().zip(rest).for_each(|(to, &from)| *to = from.cast_unsigned());
        state = fold(state ^ u64::from_le_bytes(word));
    }
    // An entry of all ones is a free one.
    state & !(1 << 63)
}

#[inline(always)]
fn fold(x: u64) -> u64 {
    let product = u128::from(x).wrapping_mul(0xa076_1d64_78bd_642f_e703_7ed1_a0b4_28db);
    #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
    let folded = product as u64 ^ (product >> 64) as u64;
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_found_again_and_only_once() {
        let mut store = Store::new(3, true);
        let node = |n: i32| {
            let values = [0, 1, 2].map(|shift| i8::try_from(n >> (2 * shift) & 3).expect("two bits") - 2);
            (
                values,
                Link {
                    parent: 0,
                    input: u8::try_from(n >> 6 & 3).expect("two bits"),
                    carry: u8::from(n >> 8 & 1 == 1),
                },
            )
        };
        for round in 0..2 {
            for n in 0..512 {
                let (values, link) = node(n);
                let added = store.insert(hash(&values, link.tag(true)), &values, link);
                assert_eq!(added, round == 0, "node {n} in round {round}");
            }
        }
        assert_eq!(store.len(), 512);
        for n in 0..512 {
            let (values, link) = node(n);
            let found = store.find(hash(&values, link.tag(true)), &values, link.tag(true)).expect("it is there");
            assert_eq!((store.values(found), store.link(found)), (&values[..], link), "node {n}");
        }
        assert_eq!(store.find(hash(&[9, 9, 9], 0), &[9, 9, 9], 0), None, "never added");
    }

    #[test]
    fn many_nodes_cross_pages_and_tables() {
        let mut store = Store::new(2, false);
        let values = |n: usize| [n % 251, n / 251].map(|part| u8::try_from(part).expect("a byte").cast_signed());
        let link = Link { parent: 7, input: 2, carry: 1 };
        for n in 0..50_000 {
            assert!(store.insert(hash(&values(n), 1), &values(n), link), "node {n}");
        }
        for n in 0..50_000 {
            assert_eq!(store.find(hash(&values(n), 1), &values(n), 1), Some(n), "node {n}");
        }
        assert!(store.bytes() <= 50_000 * (2 + 8 + 21), "{} bytes", store.bytes());
    }
}
