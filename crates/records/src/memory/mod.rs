//! A fake of every duty, in memory, that can be told to fail.
//!
//! Owns the reference behaviour that tests build on; it passes the same contract suite as the real
//! adapters, but keeps nothing beyond its own life.

mod authorities;
mod cases;
mod documents;
mod evidence;
mod host_names;
mod log;
mod outbox;
mod purges;
mod reports;
mod sessions;
mod sites;
mod subscriptions;

use crate::{Effect, StoreError};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

/// How a call of the fake fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Before anything happens: [`Effect::None`].
    WithoutEffect,
    /// After it happened: the caller gets an error of [`Effect::Unknown`], yet the write is there.
    WithEffect,
}

/// The fake.
#[derive(Default)]
pub struct Memory {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sites: sites::SiteShelf,
    cases: cases::CaseShelf,
    evidence: evidence::EvidenceShelf,
    log: log::LogShelf,
    documents: documents::DocumentShelf,
    purges: purges::PurgeShelf,
    reports: reports::ReportShelf,
    host_names: host_names::HostNameShelf,
    authorities: authorities::AuthorityShelf,
    mails: outbox::MailShelf,
    subscriptions: subscriptions::SubscriptionShelf,
    sessions: sessions::SessionShelf,
    faults: VecDeque<Option<Fault>>,
    calls: u64,
}

impl Memory {
    /// An empty store that works.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another store that holds what this one's log holds now, and nothing else: to go back to, as a disk
    /// does that loses what it said it kept.
    pub fn copy_of_log(&self) -> Self {
        let log = self.lock().log.clone();
        Self { state: Mutex::new(State { log, ..State::default() }) }
    }

    /// Makes the call after the next `calls_before` ones fail once. Plans add up: two plans are two
    /// failures, each counted from the moment it was made.
    pub fn fail_after(&self, calls_before: usize, fault: Fault) {
        let mut state = self.lock();
        if state.faults.len() <= calls_before {
            state.faults.resize(calls_before + 1, None);
        }
        state.faults[calls_before] = Some(fault);
    }

    /// Makes the next call fail once.
    pub fn fail_next(&self, fault: Fault) {
        self.fail_after(0, fault);
    }

    /// How many calls there were, failed ones too: lets a test fail each call of a run in turn.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// One call: failed, done, or done and then failed, as planned.
    fn act<T, E: From<StoreError>>(
        &self,
        during: &'static str,
        work: impl FnOnce(&mut State) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut state = self.lock();
        state.calls += 1;
        let fault = state.faults.pop_front().flatten();
        let failed = |effect| {
            E::from(StoreError::Unavailable { during, detail: "a planned fault".to_owned(), effect })
        };
        if fault == Some(Fault::WithoutEffect) {
            return Err(failed(Effect::None));
        }
        let done = work(&mut state);
        if fault == Some(Fault::WithEffect) { done.and_then(|_| Err(failed(Effect::Unknown))) } else { done }
    }
}

/// One page of items that are stored oldest first under rising ordinals.
fn page_of<T>(items: impl DoubleEndedIterator<Item = (u64, T)>, page: crate::Page) -> crate::Listing<T> {
    let limit = page.bounded_limit() as usize;
    let mut older =
        items.rev().skip_while(|(ordinal, _)| page.after.is_some_and(|after| *ordinal >= after.0));
    let mut next = None;
    let mut taken = Vec::new();
    for (ordinal, item) in older.by_ref().take(limit) {
        next = Some(crate::Cursor(ordinal));
        taken.push(item);
    }
    let more = older.next().is_some();
    crate::Listing { items: taken, next: next.filter(|_| more) }
}

#[cfg(test)]
mod tests;
