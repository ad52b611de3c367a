//! Wrong codes slow their sender down.
//!
//! A fixed table: each source has a count that decays by one every two minutes. From the tenth wrong code on each
//! further try waits, longer each time, up to ten minutes. A right code is never refused for somebody else's
//! mistakes unless they share a source.

use std::collections::BTreeMap;
use std::time::Duration;
use vocabulary::Timestamp;

/// Wrong codes that cost nothing.
const FREE: u32 = 10;
/// After so long one wrong code is forgotten.
const DECAY: Duration = Duration::from_secs(120);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(600);
/// Most sources remembered; beyond it the one longest silent is forgotten.
const SOURCES_MAX: usize = 10_000;

/// Whether a try may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Now.
    Go,
    /// After this long.
    Wait(Duration),
}

/// Wrong tries by source.
#[derive(Debug, Default)]
pub struct Tries<S: Ord> {
    sources: BTreeMap<S, Source>,
}

#[derive(Debug, Clone, Copy)]
struct Source {
    wrong: u32,
    at: Timestamp,
}

impl<S: Ord + Clone> Tries<S> {
    /// Whether a source may try now.
    pub fn ask(&self, source: &S, now: Timestamp) -> Verdict {
        let Some(held) = self.sources.get(source) else { return Verdict::Go };
        let over = held.wrong.saturating_sub(decayed(held, now)).saturating_sub(FREE - 1);
        if over == 0 {
            return Verdict::Go;
        }
        let wait = Duration::from_secs(2u64.saturating_pow(over.min(16))).min(WAIT_MAX);
        let due = held.at.plus(wait);
        if due <= now { Verdict::Go } else { Verdict::Wait(due.since(now)) }
    }

    /// Notes a wrong try.
    pub fn wrong(&mut self, source: S, now: Timestamp) {
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&source) {
            let silent =
                self.sources.iter().min_by_key(|(_, held)| held.at).map(|(source, _)| source.clone());
            silent.map(|silent| self.sources.remove(&silent));
        }
        let held = self.sources.entry(source).or_insert(Source { wrong: 0, at: now });
        let gone = decayed(held, now);
        *held = Source { wrong: held.wrong.saturating_sub(gone).saturating_add(1), at: now };
    }
}

fn decayed(held: &Source, now: Timestamp) -> u32 {
    u32::try_from(now.since(held.at).as_secs() / DECAY.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(1_790_000_000 + seconds)
    }

    #[test]
    fn the_tenth_wrong_code_slows_and_time_forgives() {
        let mut tries = Tries::default();
        for _ in 0..FREE - 1 {
            tries.wrong("a", at(0));
        }
        assert_eq!(tries.ask(&"a", at(0)), Verdict::Go);
        tries.wrong("a", at(0));
        assert_eq!(tries.ask(&"a", at(0)), Verdict::Wait(Duration::from_secs(2)));
        assert_eq!(tries.ask(&"b", at(0)), Verdict::Go, "others are not slowed");
        assert_eq!(tries.ask(&"a", at(2)), Verdict::Go);
        tries.wrong("a", at(2));
        assert_eq!(tries.ask(&"a", at(2)), Verdict::Wait(Duration::from_secs(4)));
        for _ in 0..100 {
            tries.wrong("a", at(3));
        }
        assert_eq!(tries.ask(&"a", at(3)), Verdict::Wait(WAIT_MAX));
        assert_eq!(tries.ask(&"a", at(4 * 3_600)), Verdict::Go);
    }

    #[test]
    fn the_table_has_a_bound() {
        let mut tries = Tries::default();
        for number in 0..SOURCES_MAX + 100 {
            tries.wrong(number, at(number as i64));
        }
        assert_eq!(tries.sources.len(), SOURCES_MAX);
        assert!(!tries.sources.contains_key(&0) && tries.sources.contains_key(&SOURCES_MAX));
    }
}
