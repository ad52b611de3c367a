//! Keyed hashing: SipHash-1-3 with a secret of this node.

use crate::held::HeldKey;
use equivalent::Equivalent;
use siphasher::sip::SipHasher13;
use std::hash::{BuildHasher, Hash, Hasher};
use vocabulary::Random;

/// Builds hashers that share one secret.
#[derive(Clone)]
pub(crate) struct KeyedHasher {
    key0: u64,
    key1: u64,
}

impl KeyedHasher {
    pub(crate) fn new(random: &dyn Random) -> Self {
        Self::with_secret(random.bytes())
    }

    pub(crate) fn with_secret(secret: [u8; 16]) -> Self {
        let half = |at: usize| u64::from_le_bytes(std::array::from_fn(|n| secret[at + n]));
        Self { key0: half(0), key1: half(8) }
    }
}

impl std::fmt::Debug for KeyedHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyedHasher")
    }
}

impl BuildHasher for KeyedHasher {
    type Hasher = KeyHasher;

    fn build_hasher(&self) -> KeyHasher {
        KeyHasher { sip: SipHasher13::new_with_keys(self.key0, self.key1), known: None }
    }
}

/// Hashes the bytes of a key, or passes on a hash that is known.
pub(crate) struct KeyHasher {
    sip: SipHasher13,
    known: Option<u64>,
}

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.sip.write(bytes);
    }

    /// A hash that is known already; keys are written as bytes.
    fn write_u64(&mut self, hash: u64) {
        self.known = Some(hash);
    }

    fn finish(&self) -> u64 {
        self.known.unwrap_or_else(|| self.sip.finish())
    }
}

/// Finds a key by its hash alone.
pub(crate) struct HashProbe<'a> {
    pub(crate) hash: u64,
    pub(crate) hasher: &'a KeyedHasher,
}

impl Hash for HashProbe<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Equivalent<HeldKey> for HashProbe<'_> {
    fn equivalent(&self, key: &HeldKey) -> bool {
        self.hasher.hash_one(key) == self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::held::Probe;

    /// Whoever knows which keys meet in one place of one node knows nothing of another's.
    #[test]
    fn keys_fall_elsewhere_under_another_secret() {
        let hashers = [1, 2].map(|byte| KeyedHasher::with_secret([byte; 16]));
        let low_bits = |hasher: &KeyedHasher, n: u32| hasher.hash_one(Probe(&n.to_be_bytes())) % 16;
        let meeting: Vec<u32> = (0..4000).filter(|n| low_bits(&hashers[0], *n) == 0).collect();
        assert!(meeting.len() > 100);
        let still = meeting.iter().filter(|n| low_bits(&hashers[1], **n) == 0).count();
        assert!(still * 4 < meeting.len(), "{still} of {} meet again", meeting.len());
        // The secret is drawn, not chosen.
        let drawn =
            [1, 2].map(|seed| KeyedHasher::new(&vocabulary::SeededRandom::new(seed)).hash_one(Probe(b"a")));
        assert_ne!(drawn[0], drawn[1]);
        let again = KeyedHasher::with_secret([1; 16]);
        assert!(meeting.iter().all(|n| low_bits(&again, *n) == 0));
    }
}
