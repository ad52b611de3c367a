//! Those that wait for a place: four classes by weight, and in each of them networks in turns.
//!
//! A crowd from a few networks waits for itself: whoever comes from elsewhere waits for one turn of each of them. A queue
//! that is full gives up the newest of the network that waits most.

use crate::budgets::Prefix;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};

/// Requests that wait for one origin, at most.
pub const WAITING_MAX: usize = 4_096;

/// What is known of whoever waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Class {
    /// It has passed a challenge, or is allowed by name.
    Known = 0,
    /// Its network was served while nobody had to wait ([`super::Familiar`]).
    Familiar = 1,
    /// Nothing.
    #[default]
    Usual = 2,
    /// Nobody waits: a stored response is renewed in the background.
    Unattended = 3,
}

impl Class {
    const ALL: [Self; 4] = [Self::Known, Self::Familiar, Self::Usual, Self::Unattended];
    /// Turns, of seventeen.
    const WEIGHTS: [u32; 4] = [8, 4, 4, 1];
}

/// Where one waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) class: Class,
    pub(super) network: Prefix,
}

/// What became of one that was to wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Queued {
    /// It waits; where all was full, in the place of this one.
    Waits { dropped: Option<u64> },
    /// Its own network waits most.
    Refused,
}

/// Those that wait.
#[derive(Debug, Default)]
pub(super) struct FairQueue {
    lanes: [Lane; Class::ALL.len()],
    /// Turns that each class is owed.
    owed: [i64; Class::ALL.len()],
    len: usize,
}

/// Those of one class. No network in it is without anybody who waits.
#[derive(Debug, Default)]
struct Lane {
    networks: BTreeMap<Prefix, VecDeque<u64>>,
    /// The same by how many wait.
    lengths: BTreeSet<(usize, Prefix)>,
    /// Whose turn was last.
    last: Option<Prefix>,
}

impl FairQueue {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Takes one in.
    pub(super) fn put(&mut self, ticket: u64, spot: Spot) -> Queued {
        let mut dropped = None;
        if self.len >= WAITING_MAX {
            let longest = self.longest();
            if longest.is_none_or(|longest| self.length(spot) >= self.length(longest)) {
                return Queued::Refused;
            }
            dropped = longest.and_then(|longest| self.change(longest, VecDeque::pop_back));
        }
        self.change(spot, |waiting| {
            waiting.push_back(ticket);
            None
        });
        Queued::Waits { dropped }
    }

    /// The next.
    pub(super) fn take(&mut self) -> Option<u64> {
        let class = self.turn()?;
        let lane = &mut self.lanes[class as usize];
        let after = lane.last.and_then(|last| lane.networks.range((Excluded(last), Unbounded)).next());
        let network = *after.or_else(|| lane.networks.first_key_value())?.0;
        lane.last = Some(network);
        self.change(Spot { class, network }, VecDeque::pop_front)
    }

    /// One has gone away.
    pub(super) fn leave(&mut self, ticket: u64, spot: Spot) {
        self.change(spot, |waiting| {
            // The oldest leave first.
            let index = waiting.iter().position(|own| *own == ticket)?;
            waiting.remove(index)
        });
    }

    /// Changes who waits at a spot, and follows it with all that is counted.
    fn change(
        &mut self,
        Spot { class, network }: Spot,
        change: impl FnOnce(&mut VecDeque<u64>) -> Option<u64>,
    ) -> Option<u64> {
        let Lane { networks, lengths, .. } = &mut self.lanes[class as usize];
        let waiting = networks.entry(network).or_default();
        let before = waiting.len();
        let ticket = change(waiting);
        let after = waiting.len();
        if after == 0 {
            networks.remove(&network);
        }
        lengths.remove(&(before, network));
        if after > 0 {
            lengths.insert((after, network));
        }
        self.len = self.len + after - before;
        ticket
    }

    /// The class whose turn it is, by weight, of those in which somebody waits (smooth weighted round-robin).
    fn turn(&mut self) -> Option<Class> {
        let mut present = 0;
        for class in Class::ALL {
            let (owed, weight) = (&mut self.owed[class as usize], i64::from(Class::WEIGHTS[class as usize]));
            // Nobody saves up turns while nobody waits.
            let waits = !self.lanes[class as usize].networks.is_empty();
            *owed = if waits { *owed + weight } else { 0 };
            present += if waits { weight } else { 0 };
        }
        let waiting = Class::ALL.into_iter().filter(|class| !self.lanes[*class as usize].networks.is_empty());
        let class =
            waiting.max_by_key(|class| (self.owed[*class as usize], std::cmp::Reverse(*class as usize)))?;
        self.owed[class as usize] -= present;
        Some(class)
    }

    /// Where most wait, for the weight of their class.
    fn longest(&self) -> Option<Spot> {
        let longest = Class::ALL.into_iter().filter_map(|class| {
            let (_, network) = self.lanes[class as usize].lengths.last()?;
            Some(Spot { class, network: *network })
        });
        longest.max_by_key(|spot| self.length(*spot))
    }

    fn length(&self, Spot { class, network }: Spot) -> usize {
        let waiting = self.lanes[class as usize].networks.get(&network).map_or(0, VecDeque::len);
        waiting * Class::WEIGHTS[0] as usize / Class::WEIGHTS[class as usize] as usize
    }
}
