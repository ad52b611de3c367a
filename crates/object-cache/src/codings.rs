//! The other content codings of one stored response, made after it was stored.
//!
//! They live and die with it: dropped, purged, replaced or evicted together. What they weigh is not in the
//! store's capacity but in a [`CodingRoom`] of its own, because a stored response never changes its weight.
//!
//! Invariant: a coding is made at most once for a response, however many visitors ask at the same time.

use crate::response::StoredResponse;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// A content coding that a stored response may have besides its own form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// RFC 8878.
    Zstd,
    /// RFC 7932.
    Brotli,
    /// RFC 1952.
    Gzip,
}

impl Coding {
    /// All of them, the first choice first.
    pub const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// The coding's name in fields (RFC 9110 §8.4.1).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Whether other codings of a response make sense at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suitability {
    /// Nobody has looked yet.
    Unknown,
    /// They do.
    Suitable,
    /// They do not: wrong type, too short, already coded, or not to be transformed.
    Unsuitable,
}

const SUITABLE: u8 = 1 << 6;
const UNSUITABLE: u8 = 1 << 7;

/// The forms of one response.
#[derive(Debug, Default)]
pub struct Codings {
    /// Per coding: somebody has begun to make it. And what was found about the response as a whole.
    state: AtomicU8,
    forms: OnceLock<Box<[OnceLock<Coded>; 3]>>,
}

#[derive(Debug)]
struct Coded {
    response: Arc<StoredResponse>,
    /// Given back when the response that this is a form of goes.
    _taken: Taken,
}

impl Codings {
    /// What was found about the response.
    pub fn suitability(&self) -> Suitability {
        match self.state.load(Ordering::Relaxed) {
            state if state & UNSUITABLE != 0 => Suitability::Unsuitable,
            state if state & SUITABLE != 0 => Suitability::Suitable,
            _ => Suitability::Unknown,
        }
    }

    /// Notes what was found; it stays.
    pub fn judge(&self, suitable: bool) {
        self.state.fetch_or(if suitable { SUITABLE } else { UNSUITABLE }, Ordering::Relaxed);
    }

    /// The form in a coding, once it is made.
    pub fn ready(&self, coding: Coding) -> Option<&Arc<StoredResponse>> {
        Some(&self.forms.get()?[coding as usize].get()?.response)
    }

    /// Leave to make a coding; only one asker gets it. A coding not worth its room keeps its leave forever.
    pub fn begin(&self, coding: Coding) -> bool {
        let bit = coding.bit();
        // Read first: everybody asks, one writes.
        self.state.load(Ordering::Relaxed) & bit == 0
            && self.state.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    /// Gives the leave back: it could not be made now, and may be tried again.
    pub fn give_up(&self, coding: Coding) {
        self.state.fetch_and(!coding.bit(), Ordering::Relaxed);
    }

    /// Adds the form that was made.
    pub fn add(&self, coding: Coding, response: Arc<StoredResponse>, taken: Taken) {
        let forms = self.forms.get_or_init(Box::default);
        // There is one maker at a time; a second form would be as good as the first.
        let _ = forms[coding as usize].set(Coded { response, _taken: taken });
    }
}

/// Bounds the bytes of all coded forms together.
#[derive(Debug, Clone)]
pub struct CodingRoom {
    used: Arc<AtomicUsize>,
    capacity: usize,
}

impl CodingRoom {
    /// Room for so many bytes.
    pub fn new(capacity: u64) -> Self {
        Self { used: Arc::default(), capacity: usize::try_from(capacity).unwrap_or(usize::MAX) }
    }

    /// Takes room; none when there is too little.
    pub fn take(&self, bytes: usize) -> Option<Taken> {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        // From here on the bytes go back when it is dropped, refused or not.
        let taken = Taken { used: Arc::clone(&self.used), bytes };
        (before.saturating_add(bytes) <= self.capacity).then_some(taken)
    }

    /// Bytes taken now.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed) as u64
    }
}

/// Room that goes back when this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Taken {
    used: Arc<AtomicUsize>,
    bytes: usize,
}

impl Taken {
    /// Gives back what turned out not to be needed.
    pub fn shrink_to(&mut self, bytes: usize) {
        let spare = self.bytes.saturating_sub(bytes);
        self.bytes -= spare;
        self.used.fetch_sub(spare, Ordering::Relaxed);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_asker_makes_a_coding_and_may_give_up() {
        let codings = Codings::default();
        assert!(codings.begin(Coding::Gzip) && !codings.begin(Coding::Gzip) && codings.begin(Coding::Zstd));
        codings.give_up(Coding::Gzip);
        assert!(codings.begin(Coding::Gzip) && !codings.begin(Coding::Zstd));
        assert_eq!(codings.suitability(), Suitability::Unknown);
        codings.judge(true);
        assert_eq!(codings.suitability(), Suitability::Suitable);
        assert!(codings.ready(Coding::Zstd).is_none());
    }

    #[test]
    fn room_is_bounded_and_comes_back() {
        let room = CodingRoom::new(100);
        let first = room.take(60).expect("room");
        assert!(room.take(41).is_none());
        assert_eq!(room.used(), 60);
        let mut second = room.take(40).expect("the rest");
        second.shrink_to(50);
        second.shrink_to(10);
        assert_eq!(room.used(), 70);
        drop((first, second));
        assert_eq!(room.used(), 0);
    }
}
