//! Keyed hashing: SipHash-1-3 with a secret of this process.

use siphasher::sip::SipHasher13;
use std::hash::BuildHasher;
use vocabulary::Random;

/// Builds hashers that share one secret.
#[derive(Clone)]
pub(crate) struct KeyedHasher {
    key0: u64,
    key1: u64,
}

impl KeyedHasher {
    pub(crate) fn new(random: &dyn Random) -> Self {
        let half = || u64::from_le_bytes(random.bytes());
        Self { key0: half(), key1: half() }
    }
}

impl BuildHasher for KeyedHasher {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.key0, self.key1)
    }
}
