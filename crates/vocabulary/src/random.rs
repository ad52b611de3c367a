//! Randomness as an input.

use std::sync::Mutex;

/// A source of unpredictable bytes.
///
/// Contract: the production source is the operating system's; bytes are fit for keys. Never fails:
/// a system without randomness cannot run this software, so the source aborts instead.
pub trait Random: Send + Sync + 'static {
    /// Fills the whole buffer.
    fn fill(&self, into: &mut [u8]);
}

impl dyn Random {
    /// `N` fresh bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }
}

/// A repeatable source (SplitMix64) for tests and simulation; never for keys that matter.
#[derive(Debug)]
pub struct SeededRandom(Mutex<u64>);

impl SeededRandom {
    /// The same seed gives the same bytes.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// The next number of the sequence.
    pub fn next_u64(&self) -> u64 {
        // A poisoned lock still holds a usable state: the state is one integer.
        let mut state = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next_u64() % bound }
    }
}

impl Random for SeededRandom {
    fn fill(&self, into: &mut [u8]) {
        for chunk in into.chunks_mut(8) {
            let bytes = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}
