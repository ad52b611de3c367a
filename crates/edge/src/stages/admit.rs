//! Identified → Admitted: whether a measure in force, or the want of a site, ends the request here.
//!
//! Invariant: this is the only place that makes an [`Admitted`], and whatever leads to an origin or to a
//! stored response demands one.

use crate::authority::Scheme;
use crate::request::Request;
use crate::trail::Trail;
use crate::worker::{Serving, Shared, Worker};
use policy::Territory;
use snapshot::{Facts, ProvedMeasure, Site, Verdict};
use std::net::IpAddr;
use std::sync::Arc;
use vocabulary::Timestamp;

/// Leave to serve one request from one site, at the instant it was given.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    site: Arc<Site>,
    generation: u64,
}

impl Admitted {
    /// The site.
    pub(crate) fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// The generation of `Serving` that gave leave; a later one may take it back.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }
}

/// What became of a request.
pub(crate) enum Judgement {
    /// It may be served.
    Admitted(Admitted),
    /// A measure in force answers it.
    Blocked(Arc<ProvedMeasure>),
    /// No site has this host.
    Unknown,
}

/// What measures ask of a request. Where the visitor is matters to some measures alone; what comes by another edge
/// has been judged there, and its address is not the visitor's.
pub(crate) fn facts<'a>(
    shared: &Shared,
    serving: &Serving,
    request: &'a Request,
    client: IpAddr,
) -> Facts<'a> {
    let locate = || shared.places.locate(client).country.and_then(Territory::of);
    let wanted = serving.snapshot.is_territorial() && request.child.is_none();
    let country = wanted.then(locate).flatten();
    Facts { host: request.authority.host(), target: request.target.as_str(), country }
}

/// Judges a request.
fn admit(serving: &Serving, facts: &Facts<'_>, now: Timestamp) -> Judgement {
    match serving.snapshot.evaluate(facts, now) {
        Verdict::Unknown => Judgement::Unknown,
        Verdict::Blocked(measure) => Judgement::Blocked(Arc::clone(measure)),
        Verdict::Serve(site) => {
            Judgement::Admitted(Admitted { site: Arc::clone(site), generation: serving.generation })
        }
    }
}

/// Judges the request now, and notes whose it is.
pub(crate) fn judge(worker: &Worker, request: &Request, trail: &mut Trail, now: Timestamp) -> Judgement {
    let serving = worker.shared.serving.load();
    let facts = facts(&worker.shared, &serving, request, trail.client);
    trail.country = facts.country;
    let judgement = admit(&serving, &facts, now);
    trail.site = match &judgement {
        Judgement::Admitted(admitted) => Some(Arc::clone(admitted.site())),
        Judgement::Blocked(measure) => {
            trail.decision = Some(measure.id());
            serving.snapshot.site(facts.host).cloned()
        }
        Judgement::Unknown => None,
    };
    // RFC 6797 §7.2: never over plain HTTP.
    trail.hsts =
        trail.site.as_ref().filter(|_| request.scheme == Scheme::Https).and_then(|site| site.front.hsts);
    trail.counters = trail.site.as_ref().and_then(|site| serving.sites.get(&site.id)).cloned();
    judgement
}

/// The measure that lists the address to which rules of the site have led a request: what is rewritten to a
/// disabled address is no way around it.
pub(crate) fn listed(
    worker: &Worker,
    request: &Request,
    target: &str,
    trail: &mut Trail,
) -> Option<Arc<ProvedMeasure>> {
    if target == request.target.as_str() {
        return None;
    }
    let serving = worker.shared.serving.load();
    let facts = Facts { target, ..facts(&worker.shared, &serving, request, trail.client) };
    let Verdict::Blocked(measure) = serving.snapshot.evaluate(&facts, trail.started) else { return None };
    trail.decision = Some(measure.id());
    Some(Arc::clone(measure))
}

/// Whether a measure in force has come over a request, or over the address that rules of the site have led it to.
pub(crate) fn blocks(
    shared: &Shared,
    (request, keyed, client): (&Request, &str, IpAddr),
    now: Timestamp,
) -> bool {
    let serving = shared.serving.load();
    let facts = facts(shared, &serving, request, client);
    let is_blocked = |facts: &Facts<'_>| matches!(serving.snapshot.evaluate(facts, now), Verdict::Blocked(_));
    is_blocked(&facts) || keyed != request.target.as_str() && is_blocked(&Facts { target: keyed, ..facts })
}
