//! The chain of each subject: numbers without gaps, each entry naming the one before; and the dates.

use super::Placed;
use super::report::{LogReport, Tally};
use crate::CLOCK_SKEW_MAX;
use std::collections::HashMap;
use vocabulary::{Digest, Timestamp};

/// The last entry of every subject.
#[derive(Debug)]
pub(super) struct Chains {
    last: HashMap<String, Last>,
    sequences: Tally,
    dates: Tally,
    /// The latest date of all, and its entry.
    latest: Option<(Timestamp, u64)>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    sequence: u64,
    leaf: Digest,
    time: Timestamp,
}

impl Default for Chains {
    fn default() -> Self {
        let (sequences, dates) = (Tally::new("sequences"), Tally::new("dates"));
        Self { last: HashMap::new(), sequences, dates, latest: None }
    }
}

impl Chains {
    pub(super) fn place(&mut self, Placed { index, leaf, entry }: Placed<'_>) {
        let body = &entry.body;
        let this = Last { sequence: body.sequence, leaf, time: body.time };
        let before = match self.last.get_mut(&body.subject) {
            Some(last) => Some(std::mem::replace(last, this)),
            None => {
                self.last.insert(body.subject.clone(), this);
                None
            }
        };
        let follows = match before {
            Some(before) => body.sequence == before.sequence + 1 && body.previous == Some(before.leaf),
            None => body.sequence == 1 && body.previous.is_none(),
        };
        let number = body.sequence;
        self.sequences.judge(
            index,
            follows.then_some(()).ok_or_else(|| {
                format!("number {number} of its subject does not follow the one before it in the log")
            }),
        );
        // What waits for a beat may be dated a little before what does not.
        let back = before.is_some_and(|before| body.time.plus(CLOCK_SKEW_MAX) < before.time);
        self.dates.judge(index, (!back).then_some(()).ok_or("is dated before its subject's previous entry"));
        if self.latest.is_none_or(|(latest, _)| body.time > latest) {
            self.latest = Some((body.time, index));
        }
    }

    /// `bound` is the last date that the checkpoint's cosignatures allow.
    pub(super) fn report(mut self, report: &mut LogReport, bound: Timestamp) {
        if let Some((latest, index)) = self.latest.filter(|(latest, _)| *latest > bound) {
            self.dates.fault(index, format!("is dated {latest}, after the checkpoint was cosigned"));
        }
        report.tally(&self.sequences, "entries follow the last of their subject, and name it");
        report.tally(&self.dates, "dates go forward, and none is later than the checkpoint");
    }
}
