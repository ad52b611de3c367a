//! The last exchanges of a worker, in bounded memory.

use crate::ray::Ray;
use crate::reasons::Reason;
use crate::request::Request;
use crate::trail::Trail;
use caching::CacheStatus;
use std::sync::{Mutex, PoisonError};
use vocabulary::{DecisionId, SiteId, Timestamp};

/// Exchanges that a worker remembers.
pub(crate) const REMEMBERED_MAX: usize = 4096;
/// Bytes of scheme, host and target that are kept.
const ADDRESS_BYTES_MAX: usize = 160;

/// What one exchange leaves behind. A plain value, so that leaving it allocates nothing.
#[derive(Debug, Clone)]
pub(crate) struct Footprint {
    pub(super) ray: Ray,
    pub(super) started: Timestamp,
    pub(super) method: Word,
    pub(super) address: Address,
    pub(super) site: Option<SiteId>,
    pub(super) decision: Option<DecisionId>,
    pub(super) cache: Option<CacheStatus>,
    pub(super) from_disk: bool,
    pub(super) reason: Reason,
    pub(super) status: u16,
    pub(super) bytes: u64,
    /// What the shield found against it.
    pub(super) shield: Option<Box<str>>,
}

/// The beginning of a method's name.
pub(super) type Word = Text<12>;
/// The beginning of an address.
pub(super) type Address = Text<ADDRESS_BYTES_MAX>;

/// The beginning of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<const N: usize> {
    bytes: [u8; N],
    length: u8,
    cut: bool,
}

impl<const N: usize> Text<N> {
    fn of(parts: &[&str]) -> Self {
        let mut text = Self { bytes: [0; N], length: 0, cut: false };
        for part in parts {
            let from = usize::from(text.length);
            let fits = part.len().min(N - from);
            text.bytes[from..from + fits].copy_from_slice(&part.as_bytes()[..fits]);
            text.length += fits as u8;
            text.cut |= fits < part.len();
        }
        text
    }
}

impl<const N: usize> std::fmt::Display for Text<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.bytes[..usize::from(self.length)]))?;
        f.write_str(if self.cut { "…" } else { "" })
    }
}

impl Footprint {
    pub(crate) fn of(
        request: Option<&Request>,
        trail: &Trail,
        reason: Reason,
        (status, bytes): (u16, u64),
    ) -> Self {
        let address = request.map_or(Address::of(&[]), |request| {
            Address::of(&[
                request.scheme.as_str(),
                "://",
                request.authority.as_str(),
                request.target.as_str(),
            ])
        });
        Self {
            ray: trail.ray,
            started: trail.started,
            method: Word::of(&[request.map_or("", |request| request.method.as_str())]),
            address,
            site: trail.site.as_ref().map(|site| site.id),
            decision: trail.decision,
            cache: trail.cache,
            from_disk: trail.from_disk,
            reason,
            status,
            bytes,
            shield: trail.shield.clone(),
        }
    }
}

/// A worker's ring. Written by that worker; a question reads it once in a while.
#[derive(Debug, Default)]
pub(crate) struct Footprints(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    prints: Vec<Footprint>,
    /// Where the next one goes, once the ring is full.
    next: usize,
}

impl Footprints {
    /// Remembers one exchange in place of the oldest.
    pub(crate) fn leave(&self, print: Footprint) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.prints.len() < REMEMBERED_MAX {
            ring.prints.push(print);
        } else {
            let next = ring.next;
            ring.prints[next] = print;
            ring.next = (next + 1) % REMEMBERED_MAX;
        }
    }

    /// The exchange with a ray.
    pub(super) fn find(&self, ray: Ray) -> Option<Footprint> {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.prints.iter().find(|print| print.ray == ray).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ray::Rays;
    use vocabulary::SeededRandom;

    #[test]
    fn the_last_exchanges_are_remembered_and_no_more() {
        let (rays, ring) = (Rays::new(&SeededRandom::new(1)), Footprints::default());
        let drawn: Vec<_> = (0..REMEMBERED_MAX + 2).map(|_| rays.next()).collect();
        for ray in &drawn {
            let trail = Trail::new(*ray, Timestamp::from_secs(1), [127, 0, 0, 1].into());
            ring.leave(Footprint::of(None, &trail, Reason::Hit, (200, 5)));
        }
        assert!(ring.find(drawn[0]).is_none() && ring.find(drawn[1]).is_none());
        assert!(ring.find(drawn[2]).is_some() && ring.find(drawn[REMEMBERED_MAX + 1]).is_some());
    }

    #[test]
    fn long_texts_are_cut_where_it_shows() {
        assert_eq!(Text::<8>::of(&["abc", "defgh"]).to_string(), "abcdefgh");
        assert_eq!(Text::<8>::of(&["abc", "defghi"]).to_string(), "abcdefgh…");
        assert_eq!(Text::<4>::of(&["abä"]).to_string(), "abä");
    }
}
