//! Keyed hashing: SipHash-1-3 with a secret of this process.

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

/// A key as the index holds it.
#[derive(PartialEq, Eq)]
pub(crate) struct HeldKey(pub(crate) caching::Key);

impl Hash for HeldKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.0.as_bytes());
    }
}

/// The bytes of a key; hashes like the [`HeldKey`] of the same bytes.
pub(crate) struct Probe<'a>(pub(crate) &'a [u8]);

impl Hash for Probe<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.0);
    }
}

impl Equivalent<HeldKey> for Probe<'_> {
    fn equivalent(&self, key: &HeldKey) -> bool {
        self.0 == key.0.as_bytes()
    }
}
