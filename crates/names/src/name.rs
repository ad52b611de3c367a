//! One name: what is held of it, and when it is asked for again.

use crate::dns::Found;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use vocabulary::{Clock, Hostname, Timestamp};

/// An answer is believed for at least so long, whatever it says.
pub const FRESH_TIME_MIN: Duration = Duration::from_secs(1);
/// And for at most so long.
pub const FRESH_TIME_MAX: Duration = Duration::from_secs(3600);
/// The absence of a name is believed for at most so long.
pub const ABSENT_TIME_MAX: Duration = Duration::from_secs(60);
/// Who comes later than so long after an answer's end waits for the next one; others get it at once while the
/// next one is looked up.
pub const WAIT_AFTER: Duration = Duration::from_secs(30);
/// How long an answer is used while DNS fails.
pub const STALE_TIME_MAX: Duration = Duration::from_secs(24 * 3600);
/// How long DNS is waited for where there is an old answer.
const SPARE_WAIT: Duration = Duration::from_secs(2);
/// How long DNS is left alone for a name after it has failed.
const FAILED_TIME: Duration = Duration::from_secs(5);

/// A name, with what is held of it.
pub struct Name {
    host: Hostname,
    clock: Arc<dyn Clock>,
    orders: mpsc::Sender<Arc<Name>>,
    held: Mutex<Held>,
    /// When what is held is to be asked for anew, in milliseconds. Follows `held`.
    due_ms: AtomicI64,
    /// Whether a lookup is ordered or under way.
    asked: AtomicBool,
    /// Counts changes of the addresses.
    revision: AtomicU64,
    /// Counts answers.
    answers: watch::Sender<u64>,
}

/// What is known of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Held {
    /// Nothing yet.
    Nothing,
    /// Its addresses.
    Addresses {
        addresses: Arc<[IpAddr]>,
        /// Until then nobody asks again; after a failure later than the answer said.
        fresh_until: Timestamp,
        /// Until when the answer itself said.
        answer_until: Timestamp,
    },
    /// That it has none, or that nobody knows.
    None { until: Timestamp },
}

/// What a reader does.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Use(Arc<[IpAddr]>),
    UseAndAsk(Arc<[IpAddr]>),
    /// With what is to be used should nothing better come.
    Wait(Option<Arc<[IpAddr]>>),
    Absent,
}

impl Held {
    fn next(&self, now: Timestamp) -> Next {
        match self {
            Self::Nothing => Next::Wait(None),
            Self::None { until } if now < *until => Next::Absent,
            Self::None { .. } => Next::Wait(None),
            Self::Addresses { addresses, fresh_until, answer_until } => {
                let addresses = Arc::clone(addresses);
                if now < *fresh_until {
                    Next::Use(addresses)
                } else if now < fresh_until.plus(WAIT_AFTER) {
                    Next::UseAndAsk(addresses)
                } else if now < answer_until.plus(STALE_TIME_MAX) {
                    Next::Wait(Some(addresses))
                } else {
                    Next::Wait(None)
                }
            }
        }
    }

    fn after(&self, found: Found, now: Timestamp) -> Self {
        match (found, self) {
            (Found::Addresses(addresses, ttl), _) if !addresses.is_empty() => {
                let until = now.plus(ttl.clamp(FRESH_TIME_MIN, FRESH_TIME_MAX));
                Self::Addresses { addresses: addresses.into(), fresh_until: until, answer_until: until }
            }
            (Found::Addresses(..), _) => Self::None { until: now.plus(FAILED_TIME) },
            (Found::Absent(ttl), _) => {
                Self::None { until: now.plus(ttl.clamp(FRESH_TIME_MIN, ABSENT_TIME_MAX)) }
            }
            // Old addresses are better than none.
            (Found::Failed(_), Self::Addresses { addresses, answer_until, .. })
                if now < answer_until.plus(STALE_TIME_MAX) =>
            {
                let (addresses, answer_until) = (Arc::clone(addresses), *answer_until);
                Self::Addresses { addresses, fresh_until: now.plus(FAILED_TIME), answer_until }
            }
            (Found::Failed(_), _) => Self::None { until: now.plus(FAILED_TIME) },
        }
    }

    fn addresses(&self) -> &[IpAddr] {
        match self {
            Self::Addresses { addresses, .. } => addresses,
            Self::Nothing | Self::None { .. } => &[],
        }
    }
}

impl Name {
    pub(crate) fn new(host: Hostname, clock: Arc<dyn Clock>, orders: mpsc::Sender<Arc<Self>>) -> Self {
        let (held, answers) = (Mutex::new(Held::Nothing), watch::Sender::new(0));
        let (asked, revision) = (AtomicBool::new(false), AtomicU64::new(0));
        let due_ms = AtomicI64::new(i64::MAX);
        Self { host, clock, orders, held, due_ms, asked, revision, answers }
    }

    /// The name.
    pub fn host(&self) -> &Hostname {
        &self.host
    }

    /// Has the name looked up anew where its time is over, and waits for nothing. For whoever goes on using
    /// connections that were made before.
    pub fn keep_fresh(self: &Arc<Self>, now: Timestamp) {
        if now.as_millis() >= self.due_ms.load(Ordering::Relaxed) {
            self.ask();
        }
    }

    /// Changes whenever the addresses do.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// Whether this is among the addresses that are held now.
    pub fn has(&self, address: IpAddr) -> bool {
        self.held().addresses().contains(&address)
    }

    /// Its addresses; none: it has none, or none can be found out. Waits only where nothing is held that may be
    /// used; whoever calls sets how long.
    pub async fn addresses(self: &Arc<Self>) -> Option<Arc<[IpAddr]>> {
        // Before looking: an answer that comes meanwhile is seen.
        let mut answers = self.answers.subscribe();
        let next = self.held().next(self.clock.now());
        match next {
            Next::Use(addresses) => Some(addresses),
            Next::UseAndAsk(addresses) => {
                self.ask();
                Some(addresses)
            }
            Next::Absent => None,
            Next::Wait(spare) => {
                if !self.ask() {
                    return spare;
                }
                // The sender is this name's own, so it stays.
                let patience = if spare.is_some() { SPARE_WAIT } else { Duration::MAX };
                if timeout(patience, answers.changed()).await.is_err() {
                    return spare;
                }
                let held = self.held();
                let found = Some(held.addresses()).filter(|addresses| !addresses.is_empty());
                found.map(Arc::from)
            }
        }
    }

    /// Has the name looked up, unless that is under way. False: too many wait.
    fn ask(self: &Arc<Self>) -> bool {
        if self.asked.swap(true, Ordering::AcqRel) {
            return true;
        }
        let ordered = self.orders.try_send(Arc::clone(self)).is_ok();
        if !ordered {
            self.asked.store(false, Ordering::Release);
        }
        ordered
    }

    /// Takes in what DNS says.
    pub(crate) fn learn(&self, found: Found, now: Timestamp) {
        let mut held = self.held();
        let next = held.after(found, now);
        let same = {
            let (before, after) = (held.addresses(), next.addresses());
            before.len() == after.len() && before.iter().all(|address| after.contains(address))
        };
        let due = match &next {
            Held::Addresses { fresh_until, .. } => fresh_until.as_millis(),
            Held::Nothing | Held::None { .. } => i64::MAX,
        };
        self.due_ms.store(due, Ordering::Relaxed);
        *held = next;
        drop(held);
        if !same {
            self.revision.fetch_add(1, Ordering::AcqRel);
        }
        self.asked.store(false, Ordering::Release);
        self.answers.send_modify(|count| *count += 1);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Written whole, so a poisoned one is still good.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn found(last: u8, ttl: u64) -> Found {
        Found::Addresses(vec![[192, 0, 2, last].into()], Duration::from_secs(ttl))
    }

    fn one(last: u8) -> Arc<[IpAddr]> {
        [IpAddr::from([192, 0, 2, last])].into()
    }

    fn failed() -> Found {
        Found::Failed("timeout".to_owned())
    }

    #[test]
    fn an_answer_is_used_for_its_time_then_while_the_next_is_looked_up_then_waited_for() {
        let held = Held::Nothing.after(found(1, 60), at(0));
        for (now, next) in [
            (0, Next::Use(one(1))),
            (59, Next::Use(one(1))),
            (60, Next::UseAndAsk(one(1))),
            (89, Next::UseAndAsk(one(1))),
            (90, Next::Wait(Some(one(1)))),
            (86_459, Next::Wait(Some(one(1)))),
            (86_460, Next::Wait(None)),
        ] {
            assert_eq!(held.next(at(now)), next, "at {now} s");
        }
        assert_eq!(Held::Nothing.next(at(0)), Next::Wait(None));
    }

    #[test]
    fn times_have_bounds_whatever_an_answer_says() {
        for (answer, until) in [
            (found(1, 0), 1),
            (found(1, 999_999), 3600),
            (Found::Absent(Duration::ZERO), 1),
            (Found::Absent(Duration::from_secs(86_400)), 60),
        ] {
            let held = Held::Nothing.after(answer.clone(), at(0));
            let settled = |now| matches!(held.next(at(now)), Next::Use(_) | Next::Absent);
            assert!(settled(until - 1) && !settled(until), "{answer:?}");
        }
    }

    #[test]
    fn while_dns_fails_the_old_answer_is_kept_for_a_day_and_dns_is_not_pestered() {
        let held = Held::Nothing.after(found(1, 60), at(0));
        let kept = held.after(failed(), at(100));
        assert_eq!(kept.next(at(104)), Next::Use(one(1)));
        assert_eq!(kept.next(at(105)), Next::UseAndAsk(one(1)));
        let late = kept.after(failed(), at(86_459));
        assert_eq!(late.addresses().len(), 1);
        assert_eq!(late.after(failed(), at(86_460)), Held::None { until: at(86_465) });
        assert_eq!(Held::Nothing.after(failed(), at(0)), Held::None { until: at(5) });
    }

    #[test]
    fn a_name_that_is_gone_has_no_addresses_any_more() {
        let held = Held::Nothing.after(found(1, 60), at(0));
        let gone = held.after(Found::Absent(Duration::from_secs(30)), at(60));
        assert_eq!((gone.next(at(89)), gone.next(at(90))), (Next::Absent, Next::Wait(None)));
        assert_eq!(gone.after(found(2, 60), at(90)).next(at(90)), Next::Use(one(2)));
    }
}
