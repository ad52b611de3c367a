//! The lab's own books: who asked when, and how it ended. Labels stand here and nowhere else.

use crate::bounds::ENTRIES_MAX;
use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What somebody is in truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Label {
    Visitor,
    Attacker,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With the origin's answer, fresh or stored.
    Served,
    /// With an answer of the proxy's own.
    Refused(u16),
    /// Without a whole answer: closed, reset, or too late.
    Cut,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    at: Duration,
    label: Label,
    took: Duration,
    ending: Ending,
}

/// The books of one site in one row.
#[derive(Debug, Default)]
pub(crate) struct Books {
    entries: Mutex<Vec<Entry>>,
    labels: Mutex<HashMap<Ipv4Addr, Label>>,
}

/// What became of the requests of one label in a span of time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) asked: usize,
    pub(crate) served: usize,
    /// Those who were refused, by status; without an answer: 0.
    refused: BTreeMap<u16, usize>,
    /// How long those served took, sorted.
    took: Vec<Duration>,
}

impl Tally {
    pub(crate) fn lost(&self) -> usize {
        self.asked - self.served
    }

    /// What those who were not served got instead: `503: 4, none: 1`.
    pub(crate) fn instead(&self) -> String {
        let name = |status: u16| if status == 0 { "none".to_owned() } else { status.to_string() };
        let each = self.refused.iter().map(|(status, count)| format!("{}: {count}", name(*status)));
        each.collect::<Vec<_>>().join(", ")
    }

    /// In milliseconds; none where nobody was served.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let last = self.took.len().checked_sub(1)?;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let at = (last as f64 * share).ceil() as usize;
        self.took.get(at).map(|took| took.as_secs_f64() * 1000.0)
    }

    /// Of a hundred asked.
    #[allow(clippy::cast_precision_loss, reason = "counts of a rehearsal")]
    pub(crate) fn lost_percent(&self) -> f64 {
        if self.asked == 0 { 0.0 } else { self.lost() as f64 * 100.0 / self.asked as f64 }
    }
}

/// A book is whole after each entry, so a poisoned one is still good.
fn open<T>(book: &Mutex<T>) -> MutexGuard<'_, T> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Books {
    pub(crate) fn know(&self, address: Ipv4Addr, label: Label) {
        open(&self.labels).insert(address, label);
    }

    pub(crate) fn label(&self, address: Ipv4Addr) -> Option<Label> {
        open(&self.labels).get(&address).copied()
    }

    pub(crate) fn note(&self, at: Duration, label: Label, took: Duration, ending: Ending) {
        let mut entries = open(&self.entries);
        if entries.len() < ENTRIES_MAX {
            entries.push(Entry { at, label, took, ending });
        }
    }

    /// Of requests that were due in a span.
    pub(crate) fn tally(&self, label: Label, span: Range<Duration>) -> Tally {
        let mut tally = Tally::default();
        for entry in open(&self.entries).iter().filter(|one| one.label == label && span.contains(&one.at)) {
            tally.asked += 1;
            match entry.ending {
                Ending::Served => {
                    tally.served += 1;
                    tally.took.push(entry.took);
                }
                Ending::Refused(status) => *tally.refused.entry(status).or_default() += 1,
                Ending::Cut => *tally.refused.entry(0).or_default() += 1,
            }
        }
        tally.took.sort_unstable();
        tally
    }

    /// When requests of a label were due, and whether they were served; in order.
    pub(crate) fn course(&self, label: Label) -> Vec<(Duration, bool)> {
        let entries = open(&self.entries);
        let of_label = entries.iter().filter(|one| one.label == label);
        let mut course: Vec<_> = of_label.map(|one| (one.at, one.ending == Ending::Served)).collect();
        course.sort_unstable();
        course
    }
}
