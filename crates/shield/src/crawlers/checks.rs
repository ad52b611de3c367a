//! What was established of whom, and what is still to be: two tables of fixed size.
//!
//! A confirmed address makes room only for another one that is confirmed: however many pretend, those who are not
//! pretending stay known.

use super::CrawlerPlace;
use crate::budgets::Prefix;
use siphasher::sip::SipHasher13;
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use vocabulary::{Random, Timestamp};

const WAYS: usize = 8;
const SETS: usize = 512;
/// Addresses of which it is known whether they are a crawler's: 96 KiB.
pub const CHECKED_MAX: usize = WAYS * SETS;
/// Questions that wait for DNS.
pub const WAITING_MAX: usize = 256;
/// Those of one network.
pub const WAITING_EACH_MAX: usize = 8;
/// A question that has no answer after so many seconds may be asked again.
pub const CHECK_SECONDS_MAX: i64 = 30;
/// How long it is believed what was established, in seconds.
const CONFIRMED_SECONDS: i64 = 6 * 3600;
const REFUTED_SECONDS: i64 = 3600;
/// How long DNS is left alone that could not tell.
const UNKNOWN_SECONDS: i64 = 60;

/// Whether an address is a crawler's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It has a name of the crawler's operator, which leads back to it.
    Confirmed,
    /// It has not.
    Refuted,
    /// Nobody could tell.
    Unknown,
}

/// To be established: whether an address is this crawler's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Question {
    /// Who it says that it is.
    pub crawler: CrawlerPlace,
    /// Where it comes from.
    pub address: IpAddr,
}

#[derive(Debug, Clone, Copy)]
struct Checked {
    id: u64,
    /// 0: a free place.
    until: i64,
    finding: Finding,
}

/// What was established.
#[derive(Debug)]
pub struct Checks {
    key: [u8; 16],
    checked: Box<[Checked]>,
    waiting: VecDeque<Question>,
}

impl Checks {
    /// Nothing was established yet.
    pub fn new(random: &dyn Random) -> Self {
        let free = Checked { id: 0, until: 0, finding: Finding::Unknown };
        let waiting = VecDeque::with_capacity(WAITING_MAX);
        Self { key: random.bytes(), checked: vec![free; CHECKED_MAX].into(), waiting }
    }

    /// What is known of a question. Where nothing is, it waits to be asked from now on, as long as there is room.
    pub fn look(&mut self, question: Question, now: Timestamp) -> Finding {
        let (id, set) = self.place(&question);
        let known =
            self.checked[set..set + WAYS].iter().find(|own| own.id == id && own.until > now.as_secs());
        if let Some(known) = known {
            return known.finding;
        }
        let network = Prefix::of(question.address);
        let of_network = self.waiting.iter().filter(|other| Prefix::of(other.address) == network).count();
        if self.waiting.len() < WAITING_MAX && of_network < WAITING_EACH_MAX {
            self.waiting.push_back(question);
            self.put(&question, Finding::Unknown, now.as_secs() + CHECK_SECONDS_MAX);
        }
        Finding::Unknown
    }

    /// The next question to ask DNS.
    pub fn pop(&mut self) -> Option<Question> {
        self.waiting.pop_front()
    }

    /// Takes in what DNS has said.
    pub fn learn(&mut self, question: &Question, finding: Finding, now: Timestamp) {
        let seconds = match finding {
            Finding::Confirmed => CONFIRMED_SECONDS,
            Finding::Refuted => REFUTED_SECONDS,
            Finding::Unknown => UNKNOWN_SECONDS,
        };
        self.put(question, finding, now.as_secs() + seconds);
    }

    /// The memory taken, in bytes.
    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.checked) + self.waiting.capacity() * size_of::<Question>()
    }

    fn put(&mut self, question: &Question, finding: Finding, until: i64) {
        let (id, set) = self.place(question);
        let set = &mut self.checked[set..set + WAYS];
        let own = set.iter().position(|own| own.id == id);
        let room = || {
            let may_go =
                |place: &usize| finding == Finding::Confirmed || set[*place].finding != Finding::Confirmed;
            let worth = |place: &usize| (set[*place].finding == Finding::Confirmed, set[*place].until);
            (0..WAYS).filter(may_go).min_by_key(worth)
        };
        if let Some(place) = own.or_else(room) {
            set[place] = Checked { id, until, finding };
        }
    }

    fn place(&self, question: &Question) -> (u64, usize) {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        question.hash(&mut hasher);
        let id = hasher.finish();
        (id, (id >> 40) as usize % SETS * WAYS)
    }
}
