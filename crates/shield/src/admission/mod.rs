//! How many requests an origin gets at once, and who of those that wait is next.
//!
//! Owns the number of places, which follows how the origin does ([`limit`]), and the queue of those that wait, in which
//! networks take turns ([`queue`]). While a place is free, nothing waits and nothing is refused. Knows no socket and no
//! clock: instants come in as time since the caller's own beginning.
//!
//! Invariants: whoever was let in gives its place back once; nobody waits while a place is free; what waits is bounded,
//! and a crowd pushes out itself.

mod familiar;
mod limit;
mod queue;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

pub use familiar::Familiar;
pub use limit::{PLACES_FIRST, PLACES_MIN};
pub use queue::{Class, WAITING_MAX};

use crate::budgets::{Prefix, Scarcity};
use limit::Limit;
use queue::{FairQueue, Queued, Spot};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as MapEntry;
use std::time::Duration;

/// Requests that may be on their way up to one origin at once, while their visitors still send.
pub const SENDING_MAX: u32 = 512;

/// What becomes of a request that asks for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// It goes on.
    Now,
    /// It waits until [`Admission::let_in_next`] names its ticket.
    Wait {
        /// Whose place in the queue it has taken, if any.
        dropped: Option<u64>,
    },
    /// There is no place, not even to wait: its own network waits most.
    Refused,
}

/// A request that asks for a place.
#[derive(Debug, Clone, Copy)]
pub struct Asking {
    /// The caller's own number for it.
    pub ticket: u64,
    /// What is known of its visitor.
    pub class: Class,
    /// Its visitor's network.
    pub network: Prefix,
    /// Whether its content is still to come from its visitor.
    pub sends: bool,
}

/// How full an origin is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Requests that it may have at once.
    pub places: u32,
    /// Requests that it has and has not answered.
    pub busy: u32,
    /// Requests whose visitors are still sending.
    pub sending: u32,
    /// Requests that wait.
    pub waiting: u32,
}

/// One origin's places.
#[derive(Debug)]
pub struct Admission {
    limit: Limit,
    busy: u32,
    sending: u32,
    /// The same by network.
    senders: BTreeMap<Prefix, u32>,
    /// Made with the first that waits, gone with the last.
    queue: Option<Box<FairQueue>>,
}

impl Admission {
    /// Nothing is known of the origin; it never gets more than `places_max` requests at once.
    pub fn new(places_max: u32) -> Self {
        Self { limit: Limit::new(places_max), busy: 0, sending: 0, senders: BTreeMap::new(), queue: None }
    }

    /// Asks for a place; who sends, only where it [may](Self::may_send) or another has given way. Where it waits, somebody may be [next](Self::let_in_next) all the same.
    pub fn ask(&mut self, asking: &Asking, now: Duration) -> Entry {
        if self.queue.is_none() && self.busy < self.limit.places() {
            self.take();
            return Entry::Now;
        }
        let queue = self.queue.get_or_insert_default();
        let queued = queue.put(asking.ticket, asking.spot());
        self.turn(now);
        match queued {
            Queued::Waits { dropped } => Entry::Wait { dropped },
            Queued::Refused => Entry::Refused,
        }
    }

    /// Lets time go by; to be called while anybody waits. There may be more places after it.
    pub fn turn(&mut self, now: Duration) {
        if self.queue.is_some() {
            self.limit.wants();
        }
        self.limit.follow(now);
    }

    /// Takes a place whether one is free or not: for those who are never refused.
    pub fn enter(&mut self) {
        self.take();
    }

    /// The next that waits, where a place is free; it has the place from here on.
    pub fn let_in_next(&mut self) -> Option<u64> {
        let queue = self.queue.as_mut().filter(|_| self.busy < self.limit.places())?;
        let ticket = queue.take();
        self.forget_empty_queue();
        if ticket.is_some() {
            self.take();
        }
        ticket
    }

    /// One that waits has gone away.
    pub fn leave(&mut self, asking: &Asking) {
        if let Some(queue) = &mut self.queue {
            queue.leave(asking.ticket, asking.spot());
        }
        self.forget_empty_queue();
    }

    /// Whether one more of a network may send. While a quarter is free everybody may; from then on a network may as often
    /// as is still free. Where none is, others may [give way](Self::senders_of).
    pub fn may_send(&self, network: Prefix) -> bool {
        match Scarcity::of(self.sending, SENDING_MAX) {
            Scarcity::None => true,
            Scarcity::Short { left } => self.senders_of(network) < left,
        }
    }

    /// How many of a network send.
    pub fn senders_of(&self, network: Prefix) -> u32 {
        self.senders.get(&network).copied().unwrap_or(0)
    }

    /// From here on the visitor of one that has a place is waited for, and not the origin.
    pub fn sends(&mut self, network: Prefix) {
        self.busy = self.busy.saturating_sub(1);
        self.sending += 1;
        *self.senders.entry(network).or_default() += 1;
    }

    /// It sends no longer. `whole`: all of its content has gone up, and it takes its place again, even where there is
    /// none; else it is over.
    pub fn sent(&mut self, network: Prefix, whole: bool) {
        self.sending = self.sending.saturating_sub(1);
        if let MapEntry::Occupied(mut own) = self.senders.entry(network) {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
        if whole {
            self.take();
        }
    }

    /// One that had a place is over. `took`: how long the origin needed for the head of its answer, where it gave one.
    pub fn done(&mut self, now: Duration, took: Option<Duration>) {
        self.busy = self.busy.saturating_sub(1);
        if let Some(took) = took {
            self.limit.answered(now, took);
            self.turn(now);
        }
    }

    /// The origin failed a request of this network as servers do that have too much to do.
    pub fn failed(&mut self, now: Duration, network: Prefix) {
        self.limit.failed(network);
        self.turn(now);
    }

    /// How full the origin is.
    pub fn occupancy(&self) -> Occupancy {
        let waiting = self.queue.as_ref().map_or(0, |queue| queue.len() as u32);
        Occupancy { places: self.limit.places(), busy: self.busy, sending: self.sending, waiting }
    }

    fn take(&mut self) {
        self.busy += 1;
        self.limit.saw(self.busy);
    }

    fn forget_empty_queue(&mut self) {
        self.queue.take_if(|queue| queue.len() == 0);
    }
}

impl Asking {
    fn spot(&self) -> Spot {
        Spot { class: self.class, network: self.network }
    }
}
