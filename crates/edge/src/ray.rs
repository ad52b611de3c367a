//! Request ids.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use vocabulary::Random;

/// The id of one request: 16 hex digits, on the answer, towards the origin, in the log and on error pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ray(u64);

impl Ray {
    /// Reads an id's text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits.then(|| u64::from_str_radix(text, 16).ok().map(Self)).flatten()
    }

    /// The id itself.
    pub(crate) fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// The id's text.
    pub(crate) fn to_ascii(self) -> [u8; 16] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 16];
        for (place, slot) in text.iter_mut().enumerate() {
            *slot = DIGITS[(self.0 >> (60 - 4 * place)) as usize & 15];
        }
        text
    }
}

impl fmt::Display for Ray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// One worker's source of rays: a bijection over a counter, so that a worker never repeats one, begun at a
/// random place, so that no two workers or runs are likely to.
pub(crate) struct Rays {
    start: u64,
    next: AtomicU64,
}

impl Rays {
    pub(crate) fn new(random: &dyn Random) -> Self {
        Self { start: u64::from_le_bytes(random.bytes()), next: AtomicU64::new(0) }
    }

    pub(crate) fn next(&self) -> Ray {
        // SplitMix64's finaliser is a bijection; ids need not be unpredictable, only distinct.
        let mut z = self
            .start
            .wrapping_add(self.next.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Ray(z ^ (z >> 31))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::SeededRandom;

    #[test]
    fn rays_are_distinct_and_their_two_texts_agree() {
        let rays = Rays::new(&SeededRandom::new(1));
        let drawn: std::collections::HashSet<_> = (0..10_000).map(|_| rays.next()).collect();
        assert_eq!(drawn.len(), 10_000);
        for ray in [Ray(0), Ray(0xabc), Ray(u64::MAX), rays.next()] {
            assert_eq!(ray.to_string().as_bytes(), ray.to_ascii());
            assert_eq!(Ray::parse(&ray.to_string()), Some(ray));
        }
    }
}
