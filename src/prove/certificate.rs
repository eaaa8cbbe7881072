//! Certificates: everything that a proof rests on, in one file, for the checker to go through again.
//!
//! Little-endian. The line `carrylane proof 1`; the network, as network files have it; the number of nodes (64 bits), the depth (32), the margin
//! (64); the SHA-256 of the nodes and, node by node and input by input, of the places (32 bits) they lead to; the nodes, ascending as strings of bytes, each its carried values, a byte each, and a tag: the
//! true carry, and for the dynamic cell twice the input before; the SHA-256 of all before it. A set of nodes that has the start in it, is
//! closed under all four inputs and answers right everywhere is an inductive invariant, and that is the proof.

use super::file::{HASH, sealed, size};
use super::float::{self, FloatProof};
use super::verdict::{Proof, Verdict};
use crate::error::Result;
use crate::files::{self, Size};
use crate::model::digits;
use sha2::{Digest, Sha256};
use std::path::Path;

/// What a certificate begins with; the number is the version.
const MAGIC: &[u8] = b"carrylane proof 1\n";

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    bytes: Vec<u8>,
}

impl Certificate {
    /// The certificate of a proof; none where nothing is proved.
    ///
    /// # Cost
    /// Four plain steps a node; sorts the nodes, and holds all of them a second time.
    pub fn of(proof: &Proof) -> Option<Self> {
        if proof.verdict != Verdict::Proved {
            return None;
        }
        let (walk, network) = (&proof.walk, proof.net.to_bytes());
        let key = |node: usize| {
            let values = walk.store.values(node).iter().map(|value| value.cast_unsigned());
            values.chain([walk.store.tag(node)])
        };
        let mut order: Vec<u32> = (0..u32::try_from(walk.states()).expect("a node's number")).collect();
        order.sort_unstable_by(|&one, &two| key(one as usize).cmp(key(two as usize)));
        let nodes = walk.states() * (proof.net.carried() + 1);
        let mut bytes = Vec::with_capacity(MAGIC.len() + network.len() + 20 + 2 * HASH + nodes);
        bytes.extend_from_slice(MAGIC);
        bytes.extend(network);
        bytes.extend((walk.states() as u64).to_le_bytes());
        bytes.extend(u32::try_from(walk.depth).expect("at most the nodes").to_le_bytes());
        bytes.extend(walk.margin.to_le_bytes());
        let digest = bytes.len();
        bytes.extend([0; HASH]);
        for &node in &order {
            bytes.extend(key(node as usize));
        }
        let mut hash = Sha256::new_with_prefix(&bytes[digest + HASH..]);
        let mut places = vec![0_u32; walk.states()];
        for (place, &node) in (0_u32..).zip(&order) {
            places[node as usize] = place;
        }
        for &node in &order {
            for next in walk.successors(&proof.net, node as usize) {
                hash.update(places[next].to_le_bytes());
            }
        }
        bytes[digest..][..HASH].copy_from_slice(&hash.finalize());
        Some(Self { bytes: sealed(bytes) })
    }

    /// Its name: 16 hexadecimal digits of SHA-256 over all of it.
    pub fn hash(&self) -> String {
        digits(&self.bytes)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes it to a file.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), with nothing left behind.
    pub fn save(&self, path: &Path) -> Result<()> {
        files::write(path, &self.bytes)
    }

    /// The bytes of a certificate's file, for [`check()`](super::check()), or of a float
    /// certificate's, for [`check_float()`](super::check_float()): no more than its own numbers say.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if it cannot be read; [`Error::Data`](crate::Error::Data) if
    /// it does not begin as a certificate.
    pub fn read(path: &Path) -> Result<Vec<u8>> {
        /// Number of nodes, depth, margin.
        const HEAD: u64 = 8 + 4 + 8;
        files::read(path, |bytes| {
            if FloatProof::is_certificate(bytes) {
                return float::size(bytes);
            }
            size(bytes, MAGIC, |carried, rest| {
                let Some((states, _)) = rest.split_first_chunk() else { return Ok(Size::ToldBy(HEAD)) };
                let nodes = u64::from_le_bytes(*states).saturating_mul(carried + 1);
                Ok(Size::AtMost(nodes.saturating_add(HEAD + 2 * HASH as u64)))
            })
        })
    }
}
