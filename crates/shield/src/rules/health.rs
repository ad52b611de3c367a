//! Whether a rule still works: what is counted about each, and when one is disabled.
//!
//! A request can make a value come out wrong (a line break decoded into a header, a path that is
//! none). One such request must not switch a rule off, or visitors could; a rule that fails again and
//! again, for at least half of the requests it holds for, is broken and is disabled, with one event.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// A rule is not judged before it has failed so often.
pub const FAILURES_MIN: u32 = 100;

/// Why a rule did nothing although it held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleFault {
    /// The value is missing.
    Missing,
    /// The value cannot stand where it should: no path, no target, no header value.
    Unfit,
    /// The request is too large to make the value of it.
    Overrun,
}

impl RuleFault {
    /// What events say.
    pub fn text(self) -> &'static str {
        match self {
            Self::Missing => "its value is missing",
            Self::Unfit => "its value cannot stand where it should",
            Self::Overrun => "the request is too large",
        }
    }
}

/// The counters of one rule.
#[derive(Debug, Default)]
pub(super) struct Health {
    done: AtomicU32,
    failed: AtomicU32,
    disabled: AtomicBool,
}

impl Health {
    pub(super) fn is_disabled(&self) -> bool {
        self.disabled.load(Ordering::Relaxed)
    }

    pub(super) fn succeeded(&self) {
        // Saturating by hand: after four thousand million a rule is known to work.
        if self.done.load(Ordering::Relaxed) < u32::MAX / 2 {
            self.done.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a failure; true for the one that disables the rule.
    pub(super) fn failed(&self) -> bool {
        let failed = self.failed.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let broken = failed >= FAILURES_MIN && failed >= self.done.load(Ordering::Relaxed);
        broken && !self.disabled.swap(true, Ordering::Relaxed)
    }
}
