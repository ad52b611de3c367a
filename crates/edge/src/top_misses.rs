//! The addresses that most often had to be fetched, in bounded memory.
//!
//! The space-saving algorithm (Metwally, Agrawal and El Abbadi, 2005): a full table gives the place of its
//! rarest entry to a newcomer, which inherits that count as its possible error. Whatever is asked for often
//! enough is in the table, however many addresses were asked for once.

use caching::Reason;
use foldhash::quality::RandomState;
use std::hash::BuildHasher;

/// Addresses watched for one site.
const WATCHED_MAX: usize = 64;
/// Bytes of an address that are kept.
const TARGET_BYTES_MAX: usize = 256;
/// Addresses told of.
const TOLD_MAX: usize = 10;

/// An address that was not answered from the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopMiss {
    /// Host, path and query; a long one is cut.
    pub target: String,
    /// Why, the last time.
    pub reason: Reason,
    /// How often, at least.
    pub count: u64,
}

/// The table of one site.
#[derive(Debug, Default)]
pub(crate) struct TopMisses {
    /// Keyed with a secret, so that nobody can make two addresses count as one.
    hasher: RandomState,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    count: u64,
    /// By how much `count` may be too high.
    error: u64,
    reason: Reason,
    target: Box<str>,
}

impl TopMisses {
    /// Counts a miss of `host` and `target`.
    pub(crate) fn count(&mut self, host: &str, target: &str, reason: Reason) {
        let hash = self.hasher.hash_one((host, target));
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.hash == hash) {
            entry.count += 1;
            entry.reason = reason;
            return;
        }
        let newcomer = |error| Entry { hash, count: error + 1, error, reason, target: text(host, target) };
        if self.entries.len() < WATCHED_MAX {
            return self.entries.push(newcomer(0));
        }
        if let Some(rarest) = self.entries.iter_mut().min_by_key(|entry| entry.count) {
            *rarest = newcomer(rarest.count);
        }
    }

    /// The most frequent addresses, the first one first.
    pub(crate) fn top(&self) -> Vec<TopMiss> {
        let at_least = |entry: &Entry| entry.count - entry.error;
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by(|a, b| at_least(b).cmp(&at_least(a)).then_with(|| a.target.cmp(&b.target)));
        let told = entries.into_iter().take(TOLD_MAX);
        told.map(|entry| TopMiss {
            target: entry.target.to_string(),
            reason: entry.reason,
            count: at_least(entry),
        })
        .collect()
    }
}

fn text(host: &str, target: &str) -> Box<str> {
    let mut text = String::with_capacity((host.len() + target.len()).min(TARGET_BYTES_MAX));
    for letter in host.chars().chain(target.chars()) {
        if text.len() + letter.len_utf8() > TARGET_BYTES_MAX {
            break;
        }
        text.push(letter);
    }
    text.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missed_often_is_found_among_addresses_asked_for_once() {
        let mut misses = TopMisses::default();
        for round in 0..2000 {
            misses.count("a.test", &format!("/?{round}"), Reason::Absent);
            if round % 10 == 0 {
                misses.count("a.test", "/often", Reason::SetCookie);
            }
            if round % 20 == 0 {
                misses.count("a.test", "/less", Reason::NoStore);
            }
        }
        let top = misses.top();
        assert_eq!((top[0].target.as_str(), top[0].reason), ("a.test/often", Reason::SetCookie));
        assert!((1..=200).contains(&top[0].count), "{top:?}");
        assert!(misses.entries.len() == WATCHED_MAX && top.len() == TOLD_MAX);
    }

    #[test]
    fn counts_are_exact_while_there_is_room_and_long_addresses_are_cut() {
        let mut misses = TopMisses::default();
        let long = "/".to_owned() + &"ä".repeat(300);
        for _ in 0..3 {
            misses.count("a.test", &long, Reason::Absent);
        }
        misses.count("a.test", "/b", Reason::Absent);
        misses.count("a.test", "/b", Reason::Stale);
        let top = misses.top();
        assert_eq!((top[0].count, top[1].count, top[1].reason), (3, 2, Reason::Stale));
        assert!(top[0].target.len() <= TARGET_BYTES_MAX && top[0].target.starts_with("a.test/ä"));
    }
}
