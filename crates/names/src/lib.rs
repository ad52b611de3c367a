//! The addresses of origins' names, what several resolvers say of a name's records, and whether an address is whose it says.
//!
//! Owns asking DNS (the only door to hickory-resolver), what is kept of its answers and for how long. Knows
//! nothing of origins beyond a name.
//!
//! Invariants: no request waits for DNS but the first one of a name, or one after a long silence; an answer is
//! kept while DNS fails; the absence of a name is believed for a while too; lookups run in [`Lookups`], which
//! its owner joins, and their number is bounded.

mod dns;
mod name;
mod resolvers;
mod whose;

pub use dns::Dns;
pub use name::{ABSENT_TIME_MAX, FRESH_TIME_MAX, FRESH_TIME_MIN, Name, STALE_TIME_MAX, WAIT_AFTER};
pub use resolvers::{RESOLVERS_MAX, Resolvers, Said};
pub use whose::FOLLOWED_MAX;

use dns::Found;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vocabulary::{Clock, Hostname};

/// Lookups that wait to begin.
const WAITING_MAX: usize = 1024;
/// Lookups under way.
const AT_ONCE_MAX: usize = 64;

/// All names of a process.
pub struct Names {
    clock: Arc<dyn Clock>,
    orders: mpsc::Sender<Arc<Name>>,
    known: Mutex<HashMap<Hostname, Weak<Name>>>,
}

/// What carries lookups out; run it once.
pub struct Lookups {
    clock: Arc<dyn Clock>,
    dns: Arc<Dns>,
    orders: mpsc::Receiver<Arc<Name>>,
}

/// Names, and what looks them up.
pub fn names(dns: Dns, clock: Arc<dyn Clock>) -> (Names, Lookups) {
    let (sender, orders) = mpsc::channel(WAITING_MAX);
    let names = Names { clock: Arc::clone(&clock), orders: sender, known: Mutex::default() };
    (names, Lookups { clock, dns: Arc::new(dns), orders })
}

impl Names {
    /// A name, which everybody who asks for it shares.
    pub fn of(&self, host: &Hostname) -> Arc<Name> {
        let mut known = self.known();
        if let Some(name) = known.get(host).and_then(Weak::upgrade) {
            return name;
        }
        // Names that nobody holds any more go when others come.
        if known.len() == known.capacity() {
            known.retain(|_, name| name.strong_count() > 0);
        }
        let name = Arc::new(Name::new(host.clone(), Arc::clone(&self.clock), self.orders.clone()));
        known.insert(host.clone(), Arc::downgrade(&name));
        name
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Hostname, Weak<Name>>> {
        // Entries are written whole, so a poisoned table is still good.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lookups {
    /// Looks up what is asked for until the edge stops.
    pub async fn run(mut self, stopping: CancellationToken) {
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                () = stopping.cancelled() => return running.shutdown().await,
                Some(_) = running.join_next() => {}
                order = self.orders.recv(), if running.len() < AT_ONCE_MAX => {
                    let Some(name) = order else { return running.shutdown().await };
                    let (dns, clock) = (Arc::clone(&self.dns), Arc::clone(&self.clock));
                    running.spawn(async move {
                        let found = dns.look_up(name.host()).await;
                        if let Found::Failed(why) = &found {
                            tracing::warn!(name = name.host().as_str(), why, "an origin's name cannot be looked up");
                        }
                        name.learn(found, clock.now());
                    });
                }
            }
        }
    }
}
