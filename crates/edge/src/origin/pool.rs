//! A worker's connections to origins, kept for the next request.
//!
//! Bounds: per origin and worker, [`OPEN_MAX`] connections in all and [`IDLE_MAX`] idle ones.

use super::connect::Connector;
use super::connection::OriginConnection;
use crate::figures::{Counters, add};
use crate::reasons::Reason;
use snapshot::Origin;
use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most connections of a worker to one origin.
pub(super) const OPEN_MAX: usize = 1024;
/// The most of them that wait idle.
pub(super) const IDLE_MAX: usize = 256;
/// How long one may wait idle; below the common keep-alive times of origins.
pub(super) const IDLE_TIME_MAX: Duration = Duration::from_secs(55);

/// A worker's pools, one per origin.
pub(crate) struct Origins {
    connector: Arc<Connector>,
    pools: Mutex<HashMap<Origin, Arc<Pool>>>,
}

/// Connections that nobody uses now. Boxed: leases are handed from step to step, and a box is moved for less.
type Waiting = Vec<Box<OriginConnection>>;

/// The connections to one origin.
#[derive(Default)]
struct Pool {
    idle: Mutex<Waiting>,
    open: AtomicUsize,
}

/// A connection lent to one exchange. Dropped, the connection closes; given back, it waits for the next.
pub(crate) struct Lease {
    /// Present until the lease ends.
    connection: Option<Box<OriginConnection>>,
    pool: Arc<Pool>,
    /// Whether it has served before, and so may have been closed meanwhile.
    pub(crate) reused: bool,
}

impl Origins {
    pub(crate) fn new(connector: Arc<Connector>) -> Self {
        Self { connector, pools: Mutex::default() }
    }

    /// A connection to an origin: one that waits, else a new one.
    pub(crate) async fn lease(&self, origin: &Origin, counters: &Counters) -> Result<Lease, Reason> {
        let pool = self.pool(origin);
        while let Some(mut connection) = pool.take_idle() {
            let young = connection.idle_since.elapsed() < IDLE_TIME_MAX;
            // From here on the lease counts it: dropped, it is one less.
            let usable = young && poll_fn(|cx| connection.poll_usable(cx)).await;
            let lease = Lease { connection: Some(connection), pool: Arc::clone(&pool), reused: true };
            if usable {
                return Ok(lease);
            }
        }
        self.connect(origin, pool, counters).await
    }

    /// A new connection, whatever waits.
    pub(crate) async fn lease_new(&self, origin: &Origin, counters: &Counters) -> Result<Lease, Reason> {
        self.connect(origin, self.pool(origin), counters).await
    }

    async fn connect(&self, origin: &Origin, pool: Arc<Pool>, counters: &Counters) -> Result<Lease, Reason> {
        if pool.open.fetch_add(1, Ordering::Relaxed) >= OPEN_MAX {
            pool.open.fetch_sub(1, Ordering::Relaxed);
            return Err(Reason::OriginBusy);
        }
        let mut lease = Lease { connection: None, pool, reused: false };
        add(&counters.origin_connects, 1);
        let stream = self.connector.connect(origin).await?;
        lease.connection = Some(Box::new(OriginConnection::new(stream)));
        Ok(lease)
    }

    /// Closes what has waited too long and forgets origins without connections.
    pub(crate) fn tidy(&self) {
        let mut pools = self.pools();
        pools.retain(|_, pool| {
            let stale: Vec<_> =
                pool.idle().extract_if(.., |idle| idle.idle_since.elapsed() >= IDLE_TIME_MAX).collect();
            pool.open.fetch_sub(stale.len(), Ordering::Relaxed);
            pool.open.load(Ordering::Relaxed) > 0
        });
    }

    fn pool(&self, origin: &Origin) -> Arc<Pool> {
        let mut pools = self.pools();
        match pools.get(origin) {
            Some(pool) => Arc::clone(pool),
            None => Arc::clone(pools.entry(origin.clone()).or_default()),
        }
    }

    fn pools(&self) -> MutexGuard<'_, HashMap<Origin, Arc<Pool>>> {
        // Maps and lists are whole at each step, so poisoned ones are still good.
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    /// The one used last: the others may then grow old and go.
    fn take_idle(&self) -> Option<Box<OriginConnection>> {
        self.idle().pop()
    }

    fn idle(&self) -> MutexGuard<'_, Waiting> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// The connection.
    pub(crate) fn connection(&mut self) -> &mut OriginConnection {
        self.connection.as_mut().expect("a lease has its connection until it ends")
    }

    /// Gives the connection back, if it can carry another request.
    pub(crate) fn give_back(mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if !connection.rest() {
            return;
        }
        let mut idle = self.pool.idle();
        if idle.len() < IDLE_MAX {
            idle.push(connection);
            // The pool counts it now; what the lease's end takes away is put back here.
            self.pool.open.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes the connection for good, for a tunnel; it is counted until the lease ends.
    pub(crate) fn take(&mut self) -> Option<Box<OriginConnection>> {
        self.connection.take()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.open.fetch_sub(1, Ordering::Relaxed);
    }
}
