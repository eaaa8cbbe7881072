//! Hashes that name a config or a set of weights.

use super::Config;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The hash of a net's config: 16 hexadecimal digits of SHA-256 over its canonical JSON.
///
/// # Panics
/// Never: a config always has a JSON form.
pub fn config_hash(config: &impl Serialize) -> String {
    digits(&serde_json::to_vec(config).expect("a config has a JSON form"))
}

/// The hash of a net: 16 hexadecimal digits of SHA-256 over its config's JSON and its parameters,
/// little-endian.
pub fn weights_hash(config: &Config, params: &[f32]) -> String {
    let mut bytes = config_hash(config).into_bytes();
    bytes.extend(params.iter().flat_map(|p| p.to_le_bytes()));
    digits(&bytes)
}

/// The first 16 hexadecimal digits of SHA-256.
pub(crate) fn digits(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
