//! A worker's connections to origins, kept for the next request.
//!
//! A pool hangs on its [`Member`], so that it is found without a table and goes with the origin. A connection of
//! HTTP/1.1 is lent whole, one of HTTP/2 a stream at a time: another is made only where all are full, or narrow while
//! there are wide windows again. Bounds: per origin and worker, [`OPEN_MAX`] connections in all and [`IDLE_MAX`] idle
//! ones.

use super::connect::{Connector, Versions};
use super::connection::OriginConnection;
use super::entrance::Stay;
use super::http2::{Driver, Session, Share, Width, open};
use super::link::Link;
use super::stalls::{NOTED_FROM, Stall, Stalls};
use super::stream::OriginStream;
use super::upstream::Member;
use crate::copy::boxed;
use crate::figures::{Counters, add};
use crate::reasons::Reason;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// The most connections of a worker to one origin.
pub(super) const OPEN_MAX: usize = 1024;
/// The most of them that wait idle.
pub(super) const IDLE_MAX: usize = 256;
/// How long one may wait idle; below the common keep-alive times of origins.
pub(super) const IDLE_TIME_MAX: Duration = Duration::from_secs(55);
/// So often the others on a worker have their turn before somebody who was to let go of a connection has not done so.
const TURNS_TO_LET_GO: u32 = 16;
/// How often a wider connection is sought than those that there are.
const WIDEN_EVERY: Duration = Duration::from_secs(10);
/// How long one that waits keeps its buffers.
const BUFFERS_TIME_MAX: Duration = Duration::from_secs(5);

/// A worker's way to connections.
pub(crate) struct Origins {
    connector: Arc<Connector>,
    /// Which of the members' pools are this worker's.
    worker: usize,
    /// The pools that were made for it, to be tidied up; a member that goes takes its pool with it.
    pools: Mutex<Vec<Weak<Pool>>>,
    /// What moves its HTTP/2 connections; ended with it.
    drivers: Mutex<JoinSet<()>>,
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
    /// Exchanges that wait for their visitors.
    stalls: Stalls,
    /// HTTP/2 connections, the newest last.
    sessions: Mutex<Vec<Session>>,
    /// Held by who makes a connection that may be shared: the others wait for a stream of it.
    opening: tokio::sync::Mutex<()>,
    /// Whether the origin, asked for either version, has last chosen HTTP/1.1.
    chose_http1: AtomicBool,
    /// When a wider connection was last sought.
    widened: Mutex<Option<Instant>>,
}

/// An HTTP/2 connection in the count of its pool. The pool holds what keeps the connection open, so it is not held
/// in turn: a pool that goes takes its connections with it.
struct Opened(Weak<Pool>);

/// A connection, or a stream of one, lent to one exchange. Dropped, it closes; given back, a connection waits for the
/// next.
pub(crate) struct Lease {
    /// Present until the lease ends.
    link: Option<Link>,
    pool: Arc<Pool>,
    /// Whether the pool's count of connections has one for this lease.
    is_counted: bool,
    /// Whether it has served before, and so may have been closed meanwhile.
    pub(crate) reused: bool,
    /// The exchange's place at the origin; none where an edge is asked.
    pub(super) stay: Option<Stay>,
}

/// What a connection is made for, within `patience`.
#[derive(Clone, Copy)]
pub(crate) struct Sought<'s> {
    pub(crate) member: &'s Member,
    pub(crate) versions: Versions,
    pub(crate) patience: Duration,
    /// When it was asked for, or a little before.
    pub(crate) at: Instant,
    pub(crate) counters: &'s Counters,
}

impl Sought<'_> {
    fn until(self, until: Instant) -> Self {
        Self { patience: until.saturating_duration_since(Instant::now()), ..self }
    }
}

impl Origins {
    pub(crate) fn new(connector: Arc<Connector>, worker: usize) -> Self {
        Self { connector, worker, pools: Mutex::default(), drivers: Mutex::default() }
    }

    /// A connection to an origin: one that waits or has room, else a new one, made within `patience`.
    pub(crate) async fn lease(&self, sought: Sought<'_>) -> Result<Lease, Reason> {
        let Sought { member, versions, .. } = sought;
        let pool = self.pool(member)?;
        if versions != Versions::Http1
            && let Some(lease) = pool.share(member)
        {
            return Ok(self.widen(lease, sought).await);
        }
        while versions != Versions::Http2
            && let Some(mut connection) = pool.take_idle()
        {
            let young = sought.at.saturating_duration_since(connection.idle_since) < IDLE_TIME_MAX;
            // From here on the lease counts it: dropped, it is one less.
            let usable =
                young && is_there(member, &mut connection) && poll_fn(|cx| connection.poll_usable(cx)).await;
            let lease = Lease::of(Some(Link::Http1(connection)), pool, true);
            if usable {
                return Ok(lease);
            }
        }
        // In a box: what connecting needs would be carried along by every exchange that finds a connection.
        boxed(self.connect(sought)).await
    }

    /// A new connection, whatever waits; or a stream of one that is shared and has not ended.
    pub(crate) async fn lease_new(&self, sought: Sought<'_>) -> Result<Lease, Reason> {
        boxed(self.connect(sought)).await
    }

    async fn connect(&self, sought: Sought<'_>) -> Result<Lease, Reason> {
        let sought = Sought { versions: self.offered(sought.member, sought.versions)?, ..sought };
        let Sought { member, versions, patience, .. } = sought;
        let (pool, until) = (self.pool(member)?, Instant::now() + patience);
        let alone = || versions == Versions::Http1 || pool.chose_http1.load(Ordering::Relaxed);
        if !alone() {
            let turn = timeout(patience, pool.opening.lock()).await;
            let _turn = turn.map_err(|_| Reason::OriginConnectSlow)?;
            if let Some(lease) = pool.share(member) {
                return Ok(lease);
            }
            // Who has waited for one to learn that none is shared goes on beside the others.
            if !alone() {
                return self.open(sought.until(until)).await;
            }
        }
        self.open(sought.until(until)).await
    }

    /// The lease, or a wider one in its place: connections made in scarce times are left again so, however busy they
    /// are. Where none can be made, the narrow one does.
    async fn widen(&self, lease: Lease, sought: Sought<'_>) -> Lease {
        if !lease.is_narrow() || !self.share(sought.member).has(Width::Wide) || !lease.pool.seeks_wider() {
            return lease;
        }
        boxed(self.open(sought)).await.unwrap_or(lease)
    }

    fn share(&self, member: &Member) -> Share {
        Share::new(&self.connector.windows, &member.holding)
    }

    /// The versions to offer by what is left of windows: it is asked before, so that no handshake is made in vain, and
    /// taken after, so that none is held for HTTP/1.1.
    fn offered(&self, member: &Member, versions: Versions) -> Result<Versions, Reason> {
        match versions {
            Versions::Http1 => Ok(versions),
            _ if self.share(member).has_any() => Ok(versions),
            Versions::Either => Ok(Versions::Http1),
            Versions::Http2 => Err(Reason::OriginBusy),
        }
    }

    async fn open(&self, sought: Sought<'_>) -> Result<Lease, Reason> {
        let Sought { member, versions, patience, counters, .. } = sought;
        let (pool, versions) = (self.pool(member)?, self.offered(member, versions)?);
        if !pool.count_one() && !pool.make_room().await {
            return Err(Reason::OriginBusy);
        }
        let mut lease = Lease::of(None, pool, false);
        add(&counters.origin_connects, 1);
        let revision = member.revision();
        let begun = Instant::now();
        let stream = self.connector.connect(member, versions, patience).await?;
        let is_shared = stream.speaks_http2(versions);
        if versions == Versions::Either {
            pool.chose_http1.store(!is_shared, Ordering::Relaxed);
        }
        if !is_shared {
            let mut connection = OriginConnection::new(stream);
            connection.names_revision = revision;
            lease.link = Some(Link::Http1(Box::new(connection)));
            return Ok(lease);
        }
        let greeting = self.greet(stream, member, revision, &mut lease);
        let greeting = timeout(patience.saturating_sub(begun.elapsed()), greeting);
        greeting.await.map_err(|_| Reason::OriginConnectSlow)??;
        Ok(lease)
    }

    /// Makes a connection one of HTTP/2, for this lease and others.
    async fn greet(
        &self,
        stream: OriginStream,
        member: &Member,
        revision: u64,
        lease: &mut Lease,
    ) -> Result<(), Reason> {
        let window = self.share(member).reserve().ok_or(Reason::OriginBusy)?;
        let (mut session, exchange, driver) = open(stream, member.origin.scheme, window).await?;
        lease.link = Some(Link::Http2(Box::new(exchange)));
        // From here on the driver counts it.
        lease.is_counted = false;
        self.drive(driver, Opened(Arc::downgrade(&lease.pool)));
        session.names_revision = revision;
        lease.pool.sessions().push(session);
        Ok(())
    }

    fn drive(&self, driver: Driver, opened: Opened) {
        let run = async move {
            driver.run().await;
            drop(opened);
        };
        let mut drivers = self.drivers.lock().unwrap_or_else(PoisonError::into_inner);
        while drivers.try_join_next().is_some() {}
        drivers.spawn(run);
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

/// The same of a connection that is shared.
fn is_shared_there(member: &Member, session: &mut Session) -> bool {
    let revision = member.revision();
    if session.names_revision == revision {
        return true;
    }
    session.names_revision = revision;
    session.peer.is_some_and(|address| member.is_at(address))
}

impl Pool {
    /// The one used last: the others may then grow old and go.
    fn take_idle(&self) -> Option<Box<OriginConnection>> {
        self.idle().pop()
    }

    /// A stream of a connection that has room. The wide ones are asked first, and of these the newest, so that the
    /// others may grow old and go; those that have ended, or lead where the origin is no longer, are let go of.
    fn share(self: &Arc<Self>, member: &Member) -> Option<Lease> {
        let mut sessions = self.sessions();
        sessions.retain_mut(|session| !session.is_over() && is_shared_there(member, session));
        let of = |width| sessions.iter().rev().filter(move |session| session.width() == width);
        of(Width::Wide).chain(of(Width::Narrow)).find_map(|session| {
            let reused = session.has_served();
            let link = Link::Http2(Box::new(session.exchange()?));
            let mut lease = Lease::of(Some(link), self, reused);
            lease.is_counted = false;
            Some(lease)
        })
    }

    /// Whether it is time to seek a wider connection; whoever is told so does.
    fn seeks_wider(&self) -> bool {
        let mut widened = self.widened.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = widened.is_none_or(|at| at.elapsed() >= WIDEN_EVERY);
        if is_time {
            *widened = Some(Instant::now());
        }
        is_time
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more connection, where there is room.
    fn count_one(&self) -> bool {
        let has_room = self.open.fetch_add(1, Ordering::Relaxed) < OPEN_MAX;
        if !has_room {
            self.open.fetch_sub(1, Ordering::Relaxed);
        }
        has_room
    }

    /// Has the visitor who has taken nothing for longest give its connection up, and counts one more in its place.
    async fn make_room(&self) -> bool {
        if !self.stalls.cut_oldest() {
            return false;
        }
        // It runs on this worker, and lets go when its turn comes.
        for _ in 0..TURNS_TO_LET_GO {
            tokio::task::yield_now().await;
            if self.count_one() {
                return true;
            }
        }
        false
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
        self.sessions()
            .retain(|session| !session.is_over() && session.idle().is_none_or(|idle| idle < IDLE_TIME_MAX));
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
    fn of(link: Option<Link>, pool: &Arc<Pool>, reused: bool) -> Self {
        pool.leased.fetch_add(1, Ordering::Relaxed);
        Self { link, pool: Arc::clone(pool), is_counted: true, reused, stay: None }
    }

    /// Whether its answer gets a narrow window.
    fn is_narrow(&self) -> bool {
        matches!(&self.link, Some(Link::Http2(exchange)) if exchange.width() == Width::Narrow)
    }

    /// Notes that its visitor takes nothing at the moment, where connections may run short.
    pub(super) fn stall(&self) -> Option<Arc<Stall>> {
        let notes = self.is_counted && self.pool.open.load(Ordering::Relaxed) >= NOTED_FROM;
        notes.then(|| self.pool.stalls.begin())
    }

    /// Notes that a request goes out by it.
    pub(super) fn count_request(&self) {
        add(&self.pool.requests, 1);
    }

    /// What carries the exchange.
    pub(super) fn link(&mut self) -> &mut Link {
        self.link.as_mut().expect("a lease has its connection until it ends")
    }

    /// Gives the connection back, if it can carry another request.
    pub(crate) fn give_back(mut self) {
        let Some(Link::Http1(mut connection)) = self.link.take() else { return };
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
        match self.link.take() {
            Some(Link::Http1(connection)) => Some(connection),
            Some(Link::Http2(_)) | None => None,
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            pool.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.is_counted {
            self.pool.open.fetch_sub(1, Ordering::Relaxed);
        }
        self.pool.leased.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_nothing_is_noted_long_before_connections_are_short_and_not_before_there_are_some() {
        let pool = Arc::<Pool>::default();
        let leases = |count| -> Vec<Lease> {
            let counted = (0..count).map(|_| pool.count_one()).collect::<Vec<_>>();
            assert!(counted.into_iter().all(|counted| counted));
            (0..count).map(|_| Lease::of(None, &pool, false)).collect()
        };
        let few = leases(NOTED_FROM - 1);
        assert!(few.iter().all(|lease| lease.stall().is_none()));
        // Who came before that many is never cut off: a fiftieth of all at most.
        let one_more = leases(1);
        assert!(one_more[0].stall().is_some() && NOTED_FROM <= OPEN_MAX / 50);
    }
}
