//! What an audit found, and the counting on the way there.

use crate::{Check, Outcome, Refusal};
use ledger::checkpoint::Checkpoint;
use std::fmt::Display;

/// Faults told of one check; more are counted.
const FAULTS_TOLD: usize = 5;

/// What the audit of a whole log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogReport {
    /// The log's name.
    pub origin: String,
    /// Number of entries under its checkpoint.
    pub size: u64,
    /// Whether the reader's own keys were used.
    pub pinned: bool,
    /// Whether every approval could be judged; not so without the rosters it was given under.
    pub approvals_judged: bool,
    /// The checks, in order.
    pub checks: Vec<Check>,
}

impl LogReport {
    pub(super) fn new(head: &Checkpoint, pinned: bool) -> Self {
        let (origin, size) = (head.origin.clone(), head.size);
        Self { origin, size, pinned, approvals_judged: true, checks: Vec::new() }
    }

    /// Whether no check failed.
    pub fn holds(&self) -> bool {
        !self.checks.iter().any(|check| matches!(check.outcome, Outcome::Failed(_)))
    }

    /// Whether everything was judged, by the reader's own keys.
    pub fn proves(&self) -> bool {
        self.holds() && self.pinned && self.approvals_judged
    }

    pub(super) fn held(&mut self, name: &'static str, text: String) {
        self.checks.push(Check { name, outcome: Outcome::Held, text });
    }

    pub(super) fn noted(&mut self, name: &'static str, text: impl Into<String>) {
        self.checks.push(Check { name, outcome: Outcome::Noted, text: text.into() });
    }

    pub(super) fn failed(&mut self, name: &'static str, reason: &'static str, text: String) {
        self.checks.push(Check { name, outcome: Outcome::Failed(reason), text });
    }

    pub(super) fn refused(&mut self, name: &'static str, refusal: &Refusal) {
        self.failed(name, refusal.name(), refusal.to_string());
    }

    /// One line for a check of many things; `what` says what those that held do.
    pub(super) fn tally(&mut self, tally: &Tally, what: &str) {
        if tally.faults == 0 {
            return self.held(tally.name, format!("{} {what}", tally.held));
        }
        let more = match tally.faults.saturating_sub(tally.told.len() as u64) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        let text = format!("{} faults: {}{more}", tally.faults, tally.told.join("; "));
        self.failed(tally.name, "faults", text);
    }
}

/// A check of many things: how many held, how many did not, and what the first of these were.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    name: &'static str,
    held: u64,
    faults: u64,
    told: Vec<String>,
}

impl Tally {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, held: 0, faults: 0, told: Vec::new() }
    }

    pub(super) fn held(&mut self) {
        self.held += 1;
    }

    pub(super) fn fault(&mut self, index: u64, why: impl Display) {
        self.fault_at(format!("entry {index}"), why);
    }

    pub(super) fn fault_at(&mut self, place: impl Display, why: impl Display) {
        self.faults += 1;
        if self.told.len() < FAULTS_TOLD {
            self.told.push(format!("{place}: {why}"));
        }
    }

    /// Counts one thing that was judged.
    pub(super) fn judge<E: Display>(&mut self, index: u64, result: Result<(), E>) {
        match result {
            Ok(()) => self.held(),
            Err(why) => self.fault(index, why),
        }
    }
}
