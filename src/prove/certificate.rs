//! Certificates: everything that a proof rests on, in one file, for the checker to go through
//! again.
//!
//! Little-endian. The line `carrylane proof 1`; the network; the number of nodes (64 bits), the
//! depth (32), the margin (64); the SHA-256 of the nodes and, node by node and input by input, of
//! the places (32 bits) they lead to; the nodes, ascending as strings of bytes, each its carried
//! values, a byte each, and a tag: the true carry, and for the dynamic cell twice the input before;
//! the SHA-256 of all before it. A set of nodes that has the start in it, is closed under all four
//! inputs and answers right everywhere is an inductive invariant, and that is the proof.

use super::check::MAGIC;
use super::check_float;
use super::file::sealed;
use super::search::Verdict;
use super::verdict::Proof;
use crate::error::Result;
use crate::files::{self, Size};
use crate::model::digits;
use sha2::{Digest, Sha256};
use std::path::Path;

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
    /// certificate's, for [`check_float()`](super::check_float()).
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if it cannot be read; [`Error::Data`](crate::Error::Data) if
    /// it does not begin as a certificate.
    pub fn read(path: &Path) -> Result<Vec<u8>> {
        /// The most states that a proof may take, of 32 bytes each.
        const MOST: u64 = 1 << 34;
        let longest = check_float::MAGIC.len();
        files::read(path, &|bytes| match bytes {
            _ if bytes.starts_with(MAGIC) || bytes.starts_with(check_float::MAGIC) => Ok(Size::AtMost(MOST)),
            _ if bytes.len() < longest => Ok(Size::ToldBy(longest as u64)),
            _ => Err("it does not begin with the line 'carrylane proof 1' or 'carrylane float proof 1'".into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::net::IntegerNet;
    use super::super::{check, train};
    use super::*;
    use crate::model::Config;
    use crate::train::{Settings, Trainer, Until};

    /// More states than the walks here need.
    const STATES: usize = 1_000_000;

    fn weights(net: &mut IntegerNet) -> impl Iterator<Item = &mut i32> {
        net.recurrent.iter_mut().chain(&mut net.input).chain([&mut net.output]).flatten()
    }

    #[test]
    fn a_nudged_weight_is_caught_as_soon_as_it_changes_a_step() {
        let config = Config { hidden: 8, ..Config::default() };
        let settings = Settings { config, until: Until::proved(&config, 20_000), ..Settings::default() };
        let learned = train(&mut Trainer::new(settings).expect("settings in range"), &mut ()).expect("a training");
        let proof = learned.proof.expect("proved");
        // A certificate without its network and seal: all nodes, and where they lead.
        let steps = |proof: &Proof| {
            let bytes = Certificate::of(proof)?.bytes;
            Some(bytes[MAGIC.len() + proof.net.to_bytes().len()..bytes.len() - 32].to_vec())
        };
        let own = steps(&proof).expect("proved");
        let (mut caught, mut harmless) = (0, 0);
        let count = weights(&mut proof.net.clone()).count();
        for weight in 0..count {
            for nudge in [1, 64, 1024, 8192, 65_536, -65_536] {
                let mut net = proof.net.clone();
                *weights(&mut net).nth(weight).expect("a weight") += nudge;
                let checked = check(&sealed([MAGIC, &net.to_bytes(), &own].concat()));
                let same = steps(&Proof::of(net, STATES)).as_ref() == Some(&own);
                assert_eq!(checked.is_ok(), same, "weight {weight} nudged by {nudge}: {checked:?}");
                if same { harmless += 1 } else { caught += 1 }
            }
        }
        assert!(caught > count && harmless > 0, "{caught} caught, {harmless} change nothing");
    }
}
