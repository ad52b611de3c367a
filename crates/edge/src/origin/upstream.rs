//! A site's origins as they are used: who is chosen for a request, and what is remembered of each.
//!
//! Owns one [`Member`] for each origin, shared by all workers, with the workers' own pools of connections in
//! it, so that the way to a connection takes no lock that two workers share and no look into a table.
//!
//! Invariants: a member whose settings stay keeps its condition and its connections when sites change; a choice
//! never leaves the site's own origins.

use super::condition::Condition;
use super::connect::{TlsConfigs, Versions};
use super::entrance::Entrance;
use super::http2::Holding;
use super::pool::{OPEN_MAX, Pool};
use super::transfer::Waits;
use crate::origin_request::Greeting;
use crate::worker::BySite;
use balance::{
    Candidate, Ejecting, EjectionLimits, FULL, MEMBERS_MAX, RetryBudget, Rotation, Tried, effective_shares,
    hash_of, least_outstanding, rendezvous,
};
use http::{HeaderName, HeaderValue};
use names::Name;
use snapshot::{Balance, Origin, OriginPolicy, OriginProtocol, OriginSecret, OriginTls, Scheme, Site};
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use vocabulary::Timestamp;
use zeroize::Zeroizing;

/// The longest secret with its line's end, in bytes.
const SECRET_BYTES_MAX: usize = 4096;

/// The origins of all sites of a snapshot.
pub(crate) type UpstreamTable = BySite<Arc<Upstream>>;

/// One site's origins.
pub(crate) struct Upstream {
    policy: OriginPolicy,
    limits: EjectionLimits,
    waits: Waits,
    /// None: what the site sets cannot be read.
    greeting: Option<Greeting>,
    members: Box<[Arc<Member>]>,
    /// The members' own hashes, in their order.
    names: Box<[u64]>,
    rotation: Rotation,
    turn: AtomicUsize,
    /// What its exchanges hold of the windows of HTTP/2.
    holding: Arc<Holding>,
    pub(crate) budget: RetryBudget,
    pub(super) retries: AtomicU64,
}

/// One origin of one site.
pub(crate) struct Member {
    pub(crate) origin: Origin,
    /// How TLS is spoken to it.
    pub(super) tls: OriginTls,
    /// Made with the first connection that needs it.
    pub(super) tls_config: OnceLock<TlsConfigs>,
    /// Its name, where it has one; asked for with the first connection.
    pub(super) name: OnceLock<Arc<Name>>,
    pub(super) condition: Condition,
    /// What its site's exchanges hold of the windows of HTTP/2.
    pub(super) holding: Arc<Holding>,
    /// The places that it has.
    pub(super) entrance: Arc<Entrance>,
    /// By worker; made when the worker first asks.
    pools: Box<[OnceLock<Arc<Pool>>]>,
}

impl Upstream {
    /// The origins of a site, for so many workers. What was known before of those that stay is kept.
    pub(crate) fn of(site: &Site, before: Option<&Arc<Self>>, workers: usize) -> Arc<Self> {
        let known = before.map_or(&[][..], |before| &before.members);
        let stays = before.filter(|before| {
            before.greeting.is_some()
                && before.policy == site.origin_policy
                && before.members.iter().map(|member| &member.origin).eq(&site.origins)
        });
        if let Some(before) = stays {
            return Arc::clone(before);
        }
        let holding = before.map(|before| Arc::clone(&before.holding)).unwrap_or_default();
        let members = site.origins.iter().take(MEMBERS_MAX).map(|origin| {
            let tls = &site.origin_policy.tls;
            let stays = known.iter().find(|member| member.origin == *origin && member.tls == *tls);
            stays.cloned().unwrap_or_else(|| {
                let holding = Arc::clone(&holding);
                Arc::new(Member { holding, ..Member::new(origin.clone(), tls.clone(), workers) })
            })
        });
        let members: Box<[_]> = members.collect();
        let weights: Vec<_> = site.origins.iter().map(|origin| origin.weight).collect();
        Arc::new(Self {
            limits: limits(&site.origin_policy),
            greeting: greeting(site),
            waits: Waits::of(&site.origin_policy.timeouts),
            policy: site.origin_policy.clone(),
            names: members.iter().map(|member| hash_of(member.to_string().as_bytes())).collect(),
            members,
            rotation: Rotation::new(&weights),
            turn: AtomicUsize::new(0),
            holding,
            budget: RetryBudget::default(),
            retries: AtomicU64::new(0),
        })
    }

    /// What the site sets.
    pub(crate) fn policy(&self) -> &OriginPolicy {
        &self.policy
    }

    /// How long an origin is waited for.
    pub(crate) fn waits(&self) -> Waits {
        self.waits
    }

    /// What origins get besides the request; none: it cannot be read.
    pub(crate) fn greeting(&self) -> Option<&Greeting> {
        self.greeting.as_ref()
    }

    /// Its origins.
    pub(crate) fn members(&self) -> &[Arc<Member>] {
        &self.members
    }

    /// The place of the origin for a request that was not sent to those tried. `key` is what the site hashes
    /// by. None: there is no other.
    pub(crate) fn choose(&self, key: u64, tried: Tried, now: Timestamp) -> Option<usize> {
        if self.members.len() == 1 {
            return (!tried.contains(0)).then_some(0);
        }
        let mut candidates = [Candidate { weight: 0, share: 0, outstanding: 0 }; MEMBERS_MAX];
        let candidates = &mut candidates[..self.members.len()];
        for (candidate, member) in candidates.iter_mut().zip(&self.members) {
            let share = member.condition.share(now, &self.limits);
            *candidate = Candidate { weight: member.origin.weight, share, outstanding: 0 };
        }
        effective_shares(candidates, self.policy.ejection.panic_percent);
        self.choose_by_rule(candidates, key, tried)
            // All that are there were tried: one of the others may have come back.
            .or_else(|| (0..self.members.len()).find(|member| !tried.contains(*member)))
    }

    fn choose_by_rule(&self, candidates: &mut [Candidate], key: u64, tried: Tried) -> Option<usize> {
        // A second try is no turn of its own: with two origins it would give every turn to the same one.
        let turn = || match tried.count() {
            0 => self.turn.fetch_add(1, Ordering::Relaxed),
            _ => self.turn.load(Ordering::Relaxed),
        };
        match self.policy.balance {
            Balance::RoundRobin => self.rotation.choose(candidates, turn(), tried),
            Balance::Failover => {
                let mut there = candidates.iter().enumerate().filter(|(_, candidate)| candidate.share > 0);
                there.find(|(member, _)| !tried.contains(*member)).map(|(member, _)| member)
            }
            Balance::LeastOutstanding => {
                self.count_outstanding(candidates);
                least_outstanding(candidates, turn(), tried)
            }
            Balance::HashAddress | Balance::HashUrl | Balance::HashCookie(_) => {
                self.count_outstanding(candidates);
                rendezvous(candidates, &self.names, key, tried)
            }
        }
    }

    fn count_outstanding(&self, candidates: &mut [Candidate]) {
        for (candidate, member) in candidates.iter_mut().zip(&self.members) {
            candidate.outstanding = member.outstanding();
        }
    }

    /// A request to a member went well.
    pub(crate) fn succeeded(&self, member: usize, now: Timestamp) {
        if let Some(member) = self.members.get(member) {
            member.condition.succeeded(now, &self.limits);
        }
    }

    /// A request to a member failed.
    pub(crate) fn failed(&self, member: usize, now: Timestamp) {
        let others = self.members.iter().enumerate().filter(|(other, _)| *other != member);
        let mut shares = others.map(|(_, other)| other.condition.share(now, &self.limits));
        let last = shares.all(|share| share == 0);
        let Some(member) = self.members.get(member) else { return };
        if member.condition.failed(now, last, &self.limits) == Ejecting::Ejected {
            tracing::warn!(origin = %member, "the origin has failed too often in a row and is put out");
        }
    }

    /// Whether a member takes its full share.
    pub(super) fn is_whole(&self, member: &Member, now: Timestamp) -> bool {
        member.condition.share(now, &self.limits) == FULL
    }
}

fn greeting(site: &Site) -> Option<Greeting> {
    let OriginPolicy { host, secret, .. } = &site.origin_policy;
    let secret = match secret.as_ref().map(read_secret).transpose() {
        Ok(secret) => secret,
        Err(error) => {
            let site = site.id;
            tracing::error!(%site, error, "the secret for the site's origins cannot be used; they are not asked");
            return None;
        }
    };
    Some(Greeting { host: host.clone(), secret })
}

/// The first line of the file.
fn read_secret(secret: &OriginSecret) -> Result<(HeaderName, HeaderValue), String> {
    let file = secret.file.display();
    let bytes = File::open(&secret.file).and_then(|file| {
        let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX));
        file.take(SECRET_BYTES_MAX as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    let bytes = bytes.map_err(|error| format!("{file}: {error}"))?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
    let name = HeaderName::from_bytes(secret.name.as_bytes()).map_err(|error| error.to_string())?;
    let value = HeaderValue::from_bytes(line).ok().filter(|value| !value.is_empty());
    let mut value =
        value.ok_or_else(|| format!("{file}: its first line is empty or cannot be a field's value"))?;
    // Never printed.
    value.set_sensitive(true);
    Ok((name, value))
}

fn limits(policy: &OriginPolicy) -> EjectionLimits {
    let ejection = &policy.ejection;
    let time = |time_ms: u32| Duration::from_millis(time_ms.into());
    EjectionLimits {
        after: ejection.after,
        base: time(ejection.base_ms),
        max: time(ejection.max_ms),
        slow_return: time(ejection.slow_return_ms),
    }
}

impl Member {
    /// An origin that so many workers may ask.
    pub(crate) fn new(origin: Origin, tls: OriginTls, workers: usize) -> Self {
        let (tls_config, name, holding) = (OnceLock::new(), OnceLock::new(), Arc::default());
        let pools = (0..workers).map(|_| OnceLock::new()).collect();
        let entrance = Arc::new(Entrance::new(u32::try_from(OPEN_MAX * workers).unwrap_or(u32::MAX)));
        Self { origin, tls, tls_config, name, condition: Condition::default(), holding, entrance, pools }
    }

    /// Which versions of HTTP it is spoken to in.
    pub(super) fn versions(&self) -> Versions {
        match (self.origin.protocol, self.origin.scheme) {
            (OriginProtocol::Http1, _) | (OriginProtocol::Auto, Scheme::Http) => Versions::Http1,
            (OriginProtocol::Auto, Scheme::Https) => Versions::Either,
            (OriginProtocol::Http2, _) => Versions::Http2,
        }
    }

    /// Has its name looked up anew where that is due; connections that wait would never ask.
    pub(super) fn keep_fresh(&self, now: Timestamp) {
        if let Some(name) = self.name.get() {
            name.keep_fresh(now);
        }
    }

    /// Changes when its name's addresses do.
    pub(super) fn revision(&self) -> u64 {
        self.name.get().map_or(0, |name| name.revision())
    }

    /// Whether its name still has this address.
    pub(super) fn is_at(&self, address: IpAddr) -> bool {
        self.name.get().is_none_or(|name| name.has(address))
    }

    /// A worker's own pool, made by `make` the first time.
    pub(super) fn pool(&self, worker: usize, make: impl FnOnce() -> Arc<Pool>) -> Option<&Arc<Pool>> {
        Some(self.pools.get(worker)?.get_or_init(make))
    }

    /// Requests of all workers that it has not answered yet.
    fn outstanding(&self) -> u32 {
        self.worker_pools().map(|pool| pool.leased()).sum()
    }

    /// Requests that were sent to it.
    pub(super) fn requests(&self) -> u64 {
        self.worker_pools().map(|pool| pool.requests()).sum()
    }

    fn worker_pools(&self) -> impl Iterator<Item = &Arc<Pool>> {
        self.pools.iter().filter_map(OnceLock::get)
    }
}

/// As a sites file writes it.
impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { scheme, host, port, .. } = &self.origin;
        let scheme = if *scheme == snapshot::Scheme::Https { "https" } else { "http" };
        match host.ip() {
            Some(IpAddr::V6(ip)) => write!(f, "{scheme}://[{ip}]:{port}"),
            _ => write!(f, "{scheme}://{}:{port}", host.as_str()),
        }
    }
}
