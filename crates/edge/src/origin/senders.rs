//! Visitors who still send to an origin: where no more may ([`shield::admission::SENDING_MAX`]), the one that sends least
//! for its time gives way to somebody whose network sends less than its own.
//!
//! Quiet senders come from as many networks as an attacker likes, so no share for each network keeps them off; but they
//! send next to nothing, and whoever uploads a file sends more.
//!
//! Invariants: whoever has sent for less than [`SENT_LEAST`] never gives way, nor does anybody to its own network.

use futures_util::task::AtomicWaker;
use shield::budgets::Prefix;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;
use tokio::time::Instant;

/// Who has sent for so long may have to give way.
pub(super) const SENT_LEAST: Duration = Duration::from_secs(2);

/// One visitor who sends.
pub(super) struct Sender {
    network: Prefix,
    since: Instant,
    bytes: AtomicU64,
    waker: AtomicWaker,
    gives_way: AtomicBool,
}

impl Sender {
    /// So many bytes more have gone up.
    pub(super) fn sent(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether it has to give way; to be asked again whenever `waker`'s task is woken.
    pub(super) fn gives_way(&self, waker: &Waker) -> bool {
        self.waker.register(waker);
        self.gives_way.load(Ordering::Acquire)
    }

    /// Bytes a second, since it began.
    fn rate(&self) -> u64 {
        let elapsed_ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        self.bytes.load(Ordering::Relaxed).saturating_mul(1000) / elapsed_ms
    }

    fn may_have_to(&self) -> bool {
        !self.gives_way.load(Ordering::Relaxed) && self.since.elapsed() >= SENT_LEAST
    }
}

/// Those of one origin, by their tickets.
#[derive(Default)]
pub(super) struct Senders(BTreeMap<u64, Arc<Sender>>);

impl Senders {
    /// One begins to send.
    pub(super) fn begin(&mut self, ticket: u64, network: Prefix) -> Arc<Sender> {
        let (bytes, waker, gives_way) = (AtomicU64::new(0), AtomicWaker::new(), AtomicBool::new(false));
        let sender = Arc::new(Sender { network, since: Instant::now(), bytes, waker, gives_way });
        self.0.insert(ticket, Arc::clone(&sender));
        sender
    }

    /// It sends no longer.
    pub(super) fn end(&mut self, ticket: u64) {
        self.0.remove(&ticket);
    }

    /// Has one give way to somebody whose network has `own` senders already: of the networks that send most the one that
    /// sends least. False where nobody has to.
    pub(super) fn make_way(&self, own: u32, senders_of: impl Fn(Prefix) -> u32) -> bool {
        let ranked = self.0.values().filter(|sender| sender.may_have_to());
        let ranked =
            ranked.map(|sender| (senders_of(sender.network), sender)).filter(|(held, _)| *held > own);
        let Some((_, sender)) = ranked.max_by_key(|(held, sender)| (*held, std::cmp::Reverse(sender.rate())))
        else {
            return false;
        };
        sender.gives_way.store(true, Ordering::Release);
        sender.waker.wake();
        true
    }
}
