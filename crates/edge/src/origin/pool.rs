//! A worker's connections to origins, kept for the next request.
//!
//! A pool hangs on its [`Member`], so that it is found without a table and goes with the origin. Bounds: per origin and worker, [`OPEN_MAX`] connections in all and [`IDLE_MAX`] idle ones.

use super::connect::Connector;
use super::connection::OriginConnection;
use super::upstream::Member;
use crate::figures::{Counters, add};
use crate::reasons::Reason;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// The most connections of a worker to one origin.
pub(super) const OPEN_MAX: usize = 1024;
/// The most of them that wait idle.
pub(super) const IDLE_MAX: usize = 256;
/// How long one may wait idle; below the common keep-alive times of origins.
pub(super) const IDLE_TIME_MAX: Duration = Duration::from_secs(55);
/// How long one that waits keeps its buffers.
const BUFFERS_TIME_MAX: Duration = Duration::from_secs(5);

/// A worker's way to connections.
pub(crate) struct Origins {
    connector: Arc<Connector>,
    /// Which of the members' pools are this worker's.
    worker: usize,
    /// The pools that were made for it, to be tidied up; a member that goes takes its pool with it.
    pools: Mutex<Vec<Weak<Pool>>>,
}

/// Connections that nobody uses now. Boxed: leases are handed from step to step, and a box is moved for less.
type Waiting = Vec<Box<OriginConnection>>;

/// One worker's connections to one origin.
#[derive(Default)]
pub(super) struct Pool {
    idle: Mutex<Waiting>,
    open: AtomicUsize,
    leased: AtomicU32,
    requests: AtomicU64,
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
    pub(crate) fn new(connector: Arc<Connector>, worker: usize) -> Self {
        Self { connector, worker, pools: Mutex::default() }
    }

    /// A connection to an origin: one that waits, else a new one, made within `patience`.
    pub(crate) async fn lease(
        &self,
        member: &Member,
        patience: Duration,
        counters: &Counters,
    ) -> Result<Lease, Reason> {
        let pool = self.pool(member)?;
        while let Some(mut connection) = pool.take_idle() {
            let young = connection.idle_since.elapsed() < IDLE_TIME_MAX;
            // From here on the lease counts it: dropped, it is one less.
            let usable =
                young && is_there(member, &mut connection) && poll_fn(|cx| connection.poll_usable(cx)).await;
            let lease = Lease::of(Some(connection), pool, true);
            if usable {
                return Ok(lease);
            }
        }
        self.connect(member, pool, patience, counters).await
    }

    /// A new connection, whatever waits.
    pub(crate) async fn lease_new(
        &self,
        member: &Member,
        patience: Duration,
        counters: &Counters,
    ) -> Result<Lease, Reason> {
        self.connect(member, self.pool(member)?, patience, counters).await
    }

    async fn connect(
        &self,
        member: &Member,
        pool: &Arc<Pool>,
        patience: Duration,
        counters: &Counters,
    ) -> Result<Lease, Reason> {
        if pool.open.fetch_add(1, Ordering::Relaxed) >= OPEN_MAX {
            pool.open.fetch_sub(1, Ordering::Relaxed);
            return Err(Reason::OriginBusy);
        }
        let mut lease = Lease::of(None, pool, false);
        add(&counters.origin_connects, 1);
        let revision = member.revision();
        let stream = self.connector.connect(member, patience).await?;
        let mut connection = OriginConnection::new(stream);
        connection.names_revision = revision;
        lease.connection = Some(Box::new(connection));
        Ok(lease)
    }

    /// Closes what has waited too long, and takes the buffers of what has waited for a while.
    pub(crate) fn tidy(&self) {
        self.pools().retain(|pool| {
            let Some(pool) = pool.upgrade() else { return false };
            pool.tidy();
            true
        });
    }

    fn pool<'m>(&self, member: &'m Member) -> Result<&'m Arc<Pool>, Reason> {
        let make = || {
            let pool = Arc::<Pool>::default();
            self.pools().push(Arc::downgrade(&pool));
            pool
        };
        member.pool(self.worker, make).ok_or(Reason::Internal)
    }

    fn pools(&self) -> MutexGuard<'_, Vec<Weak<Pool>>> {
        // The list is whole at each step, so a poisoned one is still good.
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the other end is still one of the origin's addresses; looked up only when those have changed.
fn is_there(member: &Member, connection: &mut OriginConnection) -> bool {
    let revision = member.revision();
    if connection.names_revision == revision {
        return true;
    }
    connection.names_revision = revision;
    connection.peer().is_some_and(|address| member.is_at(address))
}

impl Pool {
    /// The one used last: the others may then grow old and go.
    fn take_idle(&self) -> Option<Box<OriginConnection>> {
        self.idle().pop()
    }

    /// Requests under way.
    pub(super) fn leased(&self) -> u32 {
        self.leased.load(Ordering::Relaxed)
    }

    /// Requests that were begun.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    fn tidy(&self) {
        let mut idle = self.idle();
        let stale: Vec<_> = idle.extract_if(.., |idle| idle.idle_since.elapsed() >= IDLE_TIME_MAX).collect();
        for resting in idle.iter_mut().filter(|idle| idle.idle_since.elapsed() >= BUFFERS_TIME_MAX) {
            resting.drop_buffers();
        }
        self.open.fetch_sub(stale.len(), Ordering::Relaxed);
    }

    fn idle(&self) -> MutexGuard<'_, Waiting> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Counted as open already.
    fn of(connection: Option<Box<OriginConnection>>, pool: &Arc<Pool>, reused: bool) -> Self {
        pool.leased.fetch_add(1, Ordering::Relaxed);
        Self { connection, pool: Arc::clone(pool), reused }
    }

    /// Notes that a request goes out by it.
    pub(super) fn count_request(&self) {
        add(&self.pool.requests, 1);
    }

    /// The connection.
    pub(super) fn connection(&mut self) -> &mut OriginConnection {
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
        self.pool.leased.fetch_sub(1, Ordering::Relaxed);
    }
}
