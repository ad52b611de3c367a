//! The way of one request through its site's origins: which is asked, which comes next, and when there is no
//! next.
//!
//! Invariants: no origin is asked without a place at it (`entrance.rs`), nor twice by one request, but for a connection
//! that had waited and was closed just then; a request goes on to another only where nothing can have happened yet or
//! its method may be repeated (RFC 9110 §9.2.2), and repetitions are within the site's budget.

use super::connect::Versions;
use super::entrance::{Caller, Entering, Stay, WAIT_MAX};
use super::pool::{Lease, Sought};
use super::transfer::{Deadlines, Waits};
use super::upstream::Upstream;
use crate::figures::add;
use crate::origin_request::OnBehalf;
use crate::ports::Waiting;
use crate::reasons::Reason;
use crate::request::Request;
use crate::stages::Admitted;
use crate::streams::call;
use crate::worker::Worker;
use balance::{Tried, hash_of};
use http::{StatusCode, header};
use shield::admission::Class;
use shield::budgets::Prefix;
use snapshot::Balance;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;
use vocabulary::{SiteId, Timestamp};

/// One request's attempts.
pub(crate) struct Attempts<'w> {
    worker: &'w Worker,
    site: SiteId,
    upstream: Arc<Upstream>,
    key: u64,
    tried: Tried,
    /// The origin that is asked now.
    member: usize,
    /// When the whole exchange is over.
    until: Option<Instant>,
    /// How long the origin is waited for.
    waits: Waits,
    /// Whether the request may be sent a second time.
    repeatable: bool,
    /// Whether it asks for another protocol, for which HTTP/1.1 is the way.
    upgrade: bool,
    /// The only origin that may be asked, where a rule has chosen one.
    chosen: Option<usize>,
    /// Who asks for a place at an origin.
    caller: Caller,
    /// Whether places are limited, or only counted.
    is_limited: bool,
    /// Until when a place is waited for; none before the first wait.
    enters_by: Option<Instant>,
    /// When the attempt under way began, by either clock: asked once, for reading a clock costs as much as all that is
    /// done with it here.
    began: Instant,
    now: Timestamp,
}

impl<'w> Attempts<'w> {
    /// Before the first attempt, which begins now.
    pub(crate) fn new(
        worker: &'w Worker,
        admitted: &Admitted,
        request: &Request,
        behalf: &OnBehalf,
        began: Instant,
    ) -> Result<Self, Reason> {
        let now = worker.shared.clock.now();
        let serving = worker.shared.serving.load();
        let upstream = serving.upstreams.get(&admitted.site().id).ok_or(Reason::NoOrigin)?;
        let upstream = Arc::clone(upstream);
        upstream.greeting().ok_or(Reason::OriginSettings)?;
        let policy = upstream.policy();
        upstream.budget.earn(policy.retries.budget_percent);
        let key = key(&policy.balance, request, behalf);
        let waits = waits(&upstream, request);
        let until = waits.total.map(|total| began + total);
        let (repeatable, upgrade) = (request.method.is_idempotent(), request.upgrade);
        let chosen = request.ruled.as_ref().and_then(|ruled| ruled.origin);
        let (site, network) = (admitted.site().id, Prefix::of(behalf.client));
        let caller =
            Caller { class: class(worker, (site, network), behalf.class, now), network, sends: false };
        let is_limited = serving.snapshot.shield(admitted.site()).profile().acts();
        Ok(Self {
            worker,
            site,
            upstream,
            key,
            tried: Tried::default(),
            member: 0,
            until,
            waits,
            repeatable,
            upgrade,
            chosen,
            caller,
            is_limited,
            enters_by: None,
            began,
            now,
        })
    }

    /// Whose attempts these are.
    pub(crate) fn worker(&self) -> &'w Worker {
        self.worker
    }

    /// Whether content that may be held is worth holding: where an origin could be asked with it a second time, or so
    /// many send to one slowly that it is not to wait for one more.
    pub(crate) fn hold_content(&self) -> bool {
        let members = self.upstream.members();
        let another = self.repeatable && members.len() > 1 && self.upstream.policy().retries.attempts > 1;
        // An origin that speaks HTTP/2 may send it back without having looked at it.
        let sent_back = !self.upgrade && members.iter().any(|member| member.versions() != Versions::Http1);
        another || sent_back || members.iter().any(|member| member.entrance.has_many_senders())
    }

    /// The visitor's content goes up as it comes.
    pub(crate) fn stream_content(&mut self) {
        self.caller.sends = true;
    }

    /// A connection to the next origin, or to the one after that where none can be made: until then nothing was
    /// sent, and any request may go on.
    pub(crate) async fn lease<W: Waiting>(&mut self, waiting: &mut W) -> Result<Lease, Reason> {
        let mut failure = Reason::NoOrigin;
        while self.next().is_some() {
            let stay = match self.enter(waiting).await {
                Ok(stay) => stay,
                // Nothing was sent, and another may have room.
                Err(Reason::OriginOverloaded) => {
                    failure = Reason::OriginOverloaded;
                    continue;
                }
                Err(reason) => return Err(reason),
            };
            match self.worker.origins.lease(self.sought()?).await {
                Ok(mut lease) => {
                    lease.stay = Some(stay);
                    return Ok(lease);
                }
                Err(reason) => failure = self.failed(reason),
            }
        }
        Err(failure)
    }

    /// A connection to the same origin that the request was not sent on before. It has been let in there once, and need
    /// not wait again because a connection was closed.
    pub(crate) async fn lease_anew(&mut self) -> Result<Lease, Reason> {
        let stay = self.upstream.members()[self.member].entrance.enter_anyway(self.caller);
        let leased = self.worker.origins.lease_new(self.sought()?).await;
        let mut lease = leased.map_err(|reason| self.failed(reason))?;
        lease.stay = Some(stay);
        Ok(lease)
    }

    /// A place at the origin that is asked now.
    async fn enter<W: Waiting>(&mut self, waiting: &mut W) -> Result<Stay, Reason> {
        let entrance = &self.upstream.members()[self.member].entrance;
        if !self.is_limited {
            return Ok(entrance.enter_anyway(self.caller));
        }
        let turn = match entrance.enter(self.caller, self.began) {
            Entering::Now(stay) => return Ok(stay),
            Entering::Wait(turn) => turn,
            Entering::Refused => return Err(Reason::OriginOverloaded),
        };
        let by = *self.enters_by.get_or_insert_with(|| Instant::now() + WAIT_MAX);
        let by = self.until.map_or(by, |until| until.min(by));
        // Few wait, and the future of everybody who asks would have room for it.
        let mut turn = Box::pin(entrance.wait(turn, by));
        let entered = poll_fn(|cx| match turn.as_mut().poll(cx) {
            Poll::Ready(stay) => Poll::Ready(stay.ok_or(Reason::OriginOverloaded)),
            Poll::Pending => waiting.poll_gone(cx).map(|()| Err(Reason::VisitorGone)),
        })
        .await;
        drop(turn);
        self.begin_now();
        entered
    }

    /// A connection to the origin asked now.
    fn sought(&self) -> Result<Sought<'_>, Reason> {
        let member = &self.upstream.members()[self.member];
        let (versions, patience, at) = (self.versions(), self.connect_time()?, self.began);
        Ok(Sought { member, versions, patience, at, counters: &self.worker.counters })
    }

    fn versions(&self) -> Versions {
        if self.upgrade { Versions::Http1 } else { self.upstream.members()[self.member].versions() }
    }

    fn next(&mut self) -> Option<usize> {
        if self.tried.count() >= u32::from(self.upstream.policy().retries.attempts) {
            return None;
        }
        if self.tried.count() > 0 {
            self.begin_now();
        }
        let now = self.now;
        let member = match self.chosen {
            Some(chosen) => {
                (chosen < self.upstream.members().len() && !self.tried.contains(chosen)).then_some(chosen)
            }
            None => self.upstream.choose(self.key, self.tried, now),
        }?;
        self.upstream.members()[member].keep_fresh(now);
        self.tried.add(member);
        self.member = member;
        Some(member)
    }

    /// The next attempt begins now: something was waited for.
    pub(crate) fn begin_now(&mut self) {
        (self.began, self.now) = (Instant::now(), self.worker.shared.clock.now());
    }

    fn connect_time(&self) -> Result<Duration, Reason> {
        let connect = self.waits.connect;
        let Some(until) = self.until else { return Ok(connect) };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(Reason::OriginOvertime) } else { Ok(left.min(connect)) }
    }

    /// Notes that the origin asked now has failed, where it has.
    pub(crate) fn failed(&self, reason: Reason) -> Reason {
        if is_the_origins(reason) {
            self.upstream.failed(self.member, self.worker.shared.clock.now());
            self.upstream.members()[self.member].entrance.failed(self.caller.network);
        }
        reason
    }

    /// Notes what the origin asked now has answered.
    pub(crate) fn answered(&self, status: StatusCode, now: Timestamp) {
        // Not 429: that is one client's own, and whoever earns it would earn it for all.
        if matches!(status.as_u16(), 502..=504) {
            self.upstream.members()[self.member].entrance.failed(self.caller.network);
        }
        if self.enters_by.is_none() && self.is_limited && !status.is_server_error() {
            self.worker.shared.familiar.note(self.site.as_bytes(), self.caller.network, now);
        }
        match status.is_server_error() {
            true => self.upstream.failed(self.member, now),
            false => self.upstream.succeeded(self.member, now),
        }
    }

    /// Whether the request goes to another origin after this failure; counts it where it does.
    pub(crate) fn go_on_after(&self, reason: Reason) -> bool {
        match reason {
            // It was not looked at (RFC 9113 §8.7): any request may go on.
            Reason::OriginRefused => self.spend_retry(),
            Reason::OriginClosed | Reason::OriginReset | Reason::OriginSlow | Reason::OriginMalformed => {
                self.may_repeat()
            }
            _ => false,
        }
    }

    /// The same after an answer that the site would rather have from elsewhere.
    pub(crate) fn go_on_from(&self, status: StatusCode) -> bool {
        self.upstream.policy().retries.statuses.contains(&status.as_u16()) && self.may_repeat()
    }

    fn may_repeat(&self) -> bool {
        self.repeatable && self.spend_retry()
    }

    fn spend_retry(&self) -> bool {
        let left = self.tried.count() < u32::from(self.upstream.policy().retries.attempts)
            && (self.tried.count() as usize) < self.upstream.members().len();
        let repeats = left && self.upstream.budget.spend();
        if repeats {
            add(&self.upstream.retries, 1);
        }
        repeats
    }

    /// The site's origins.
    pub(crate) fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// How long the site waits for origins.
    pub(crate) fn waits(&self) -> Waits {
        self.waits
    }

    /// How long an answer is waited for.
    pub(crate) fn deadlines(&self) -> Deadlines {
        Deadlines { between_bytes: self.waits.between_bytes, until: self.until }
    }
}

/// In which class a visitor waits of whom nothing is known: its network may have been here before.
fn class(worker: &Worker, (site, network): (SiteId, Prefix), known: Class, now: Timestamp) -> Class {
    let is_familiar = || worker.shared.familiar.knows(site.as_bytes(), network, now);
    if known == Class::Usual && is_familiar() { Class::Familiar } else { known }
}

/// Whether a failure says something about the origin.
fn is_the_origins(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::OriginName
            | Reason::OriginUnreachable
            | Reason::OriginTls
            | Reason::OriginLoop
            | Reason::OriginInside
            | Reason::OriginConnectSlow
            | Reason::OriginClosed
            | Reason::OriginRefused
            | Reason::OriginReset
            | Reason::OriginMalformed
            | Reason::OriginSlow
    )
}

/// As the site sets them; a call brings a deadline of its own.
fn waits(upstream: &Upstream, request: &Request) -> Waits {
    let waits = upstream.waits();
    if !call::is_call(&request.fields) {
        return waits;
    }
    let total = [waits.total, call::deadline(&request.fields)].into_iter().flatten().min();
    Waits { total, ..waits }
}

/// What a site hashes by; 0 where it does not.
fn key(balance: &Balance, request: &Request, behalf: &OnBehalf) -> u64 {
    match balance {
        Balance::RoundRobin | Balance::LeastOutstanding | Balance::Failover => 0,
        Balance::HashAddress => of_address(behalf.client),
        Balance::HashUrl => hash_of(behalf.target.as_ref().unwrap_or(&request.target).as_str().as_bytes()),
        Balance::HashCookie(name) => cookie(request, name).map_or_else(|| of_address(behalf.client), hash_of),
    }
}

fn of_address(client: IpAddr) -> u64 {
    match client.to_canonical() {
        IpAddr::V4(address) => hash_of(&address.octets()),
        IpAddr::V6(address) => hash_of(&address.octets()),
    }
}

/// The value of the first cookie of this name (RFC 6265 §4.2.1).
fn cookie<'r>(request: &'r Request, name: &str) -> Option<&'r [u8]> {
    let lines = request.fields.get_all(header::COOKIE).iter();
    let mut pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.find_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}
