//! Who may shake hands: so many at once, and where more wait, networks take turns.
//!
//! Handshakes cost a thousand times what a refusal costs. While places are free, everybody gets one.
//! When they are all taken, those that wait are served by network: the one with the fewest under way
//! goes first, among equals the one that waits longest. A queue that is full drops the newest of the
//! network that waits most, so that a flood pushes out itself.

use super::prefixes::Prefix;
use std::collections::VecDeque;

/// The most that may wait.
pub const WAITING_MAX: usize = 1024;

/// What becomes of one that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Begin.
    Now,
    /// Wait for [`Handshakes::done`] to name the ticket; where the queue was full, this one lost its place.
    Wait {
        /// The one that lost its place to this one, if any.
        dropped: Option<u64>,
    },
    /// No place: its own network waits most.
    Refused,
}

/// The handshakes of one worker.
#[derive(Debug)]
pub struct Handshakes {
    places: usize,
    under_way: Vec<Prefix>,
    waiting: VecDeque<(u64, Prefix)>,
}

impl Handshakes {
    /// So many at once.
    pub fn new(places: usize) -> Self {
        let places = places.max(1);
        Self { places, under_way: Vec::with_capacity(places), waiting: VecDeque::with_capacity(WAITING_MAX) }
    }

    /// Asks for a place; `ticket` is the caller's own number.
    pub fn ask(&mut self, ticket: u64, prefix: Prefix) -> Turn {
        if self.under_way.len() < self.places {
            self.under_way.push(prefix);
            return Turn::Now;
        }
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back((ticket, prefix));
            return Turn::Wait { dropped: None };
        }
        let crowd = self.crowd();
        if crowd == Some(prefix) {
            return Turn::Refused;
        }
        let newest = self.waiting.iter().rposition(|(_, waiting)| Some(*waiting) == crowd);
        let dropped = newest.and_then(|index| self.waiting.remove(index)).map(|(ticket, _)| ticket);
        self.waiting.push_back((ticket, prefix));
        Turn::Wait { dropped }
    }

    /// One is over, well or not; the ticket of the next, whose handshake begins with this.
    pub fn done(&mut self, prefix: Prefix) -> Option<u64> {
        if let Some(index) = self.under_way.iter().position(|own| *own == prefix) {
            self.under_way.swap_remove(index);
        }
        let next = (0..self.waiting.len()).min_by_key(|index| {
            let waiting = self.waiting[*index].1;
            self.under_way.iter().filter(|own| **own == waiting).count()
        })?;
        let (ticket, prefix) = self.waiting.remove(next)?;
        self.under_way.push(prefix);
        Some(ticket)
    }

    /// One that waited has gone away.
    pub fn leave(&mut self, ticket: u64) {
        if let Some(index) = self.waiting.iter().position(|(own, _)| *own == ticket) {
            self.waiting.remove(index);
        }
    }

    /// How many are under way, and how many wait.
    pub fn counts(&self) -> (usize, usize) {
        (self.under_way.len(), self.waiting.len())
    }

    /// The network of which most wait: by vote (Boyer, Moore 1991), exact where one has the majority,
    /// which is when it matters.
    fn crowd(&self) -> Option<Prefix> {
        let (mut candidate, mut votes) = (None, 0usize);
        for (_, prefix) in &self.waiting {
            if votes == 0 {
                candidate = Some(*prefix);
            }
            if candidate == Some(*prefix) { votes += 1 } else { votes -= 1 }
        }
        candidate
    }
}
