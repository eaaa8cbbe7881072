//! Certificates: everything that a proof rests on, in one file, for the checker to go through
//! again.
//!
//! Little-endian. The line `carrylane proof 1`; the network; the number of nodes (64 bits), the
//! depth (32), the margin (64); the SHA-256 of the nodes and, node by node and input by input, of
//! the places (32 bits) they lead to; the nodes, ascending as strings of bytes, each its carried
//! values, a byte each, and a tag: the true carry, and for the dynamic cell twice the input before;
//! the SHA-256 of all before it. A set of nodes that has the start in it, is closed under all four
//! inputs and answers right everywhere is an inductive invariant, and that is the proof.

use super::file::{sealed, size};
use super::float::{self, FloatProof};
use super::search::Verdict;
use super::verdict::Proof;
use crate::error::Result;
use crate::files;
use crate::model::digits;
use sha2::{Digest, Sha256};
use std::path::Path;

/// First line of a certificate, with its version.
const MAGIC: &[u8] = b"carrylane proof 1\n";

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    bytes: Vec<u8>,
}

impl Certificate {
    /// The certificate of a proof; `None` if nothing is proved.
    ///
    /// # Cost
    /// Sorts the nodes, and holds all of them a second time.
    pub fn of(proof: &Proof) -> Option<Self> {
        if proof.verdict != Verdict::Proved {
            return None;
        }
        let (walk, mut bytes) = (&proof.walk, [MAGIC, &proof.net.to_bytes()].concat());
        let mut order: Vec<usize> = (0..walk.states()).collect();
        order.sort_unstable_by_key(|&node| &walk.nodes[node]);
        let mut places = vec![0_u32; walk.states()];
        for (place, &node) in (0..).zip(&order) {
            places[node] = place;
        }
        let nodes = order.iter().flat_map(|&node| &walk.nodes[node]).copied().collect::<Vec<u8>>();
        let mut hash = Sha256::new_with_prefix(&nodes);
        for next in order.iter().flat_map(|&node| walk.next[node]) {
            hash.update(places[next as usize].to_le_bytes());
        }
        bytes.extend((walk.states() as u64).to_le_bytes());
        bytes.extend(u32::try_from(walk.depth).expect("at most the nodes").to_le_bytes());
        bytes.extend(walk.margin.to_le_bytes());
        bytes.extend(hash.finalize());
        bytes.extend(nodes);
        Some(Self { bytes: sealed(bytes) })
    }

    /// The name of the certificate: 16 hexadecimal digits of SHA-256 over all of it.
    pub fn hash(&self) -> String {
        digits(&self.bytes)
    }

    /// The bytes of the certificate.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes the certificate to a file.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), with nothing left behind.
    pub fn save(&self, path: &Path) -> Result<()> {
        files::write(path, &self.bytes)
    }

    /// The bytes of a certificate's file, for [`check()`](super::check()), or of a float
    /// certificate's, for [`check_float()`](super::check_float()): no more than its own numbers
    /// say.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if it cannot be read; [`Error::Data`](crate::Error::Data) if
    /// it does not begin as a certificate.
    pub fn read(path: &Path) -> Result<Vec<u8>> {
        let told =
            |bytes: &[u8]| if FloatProof::is_certificate(bytes) { float::size(bytes) } else { size(bytes, MAGIC) };
        files::read(path, told)
    }
}
