//! Identified → Admitted: whether a measure in force, or the want of a site, ends the request here.
//!
//! Invariant: this is the only place that makes an [`Admitted`], and whatever leads to an origin or to a
//! stored response demands one.

use crate::authority::Scheme;
use crate::request::Request;
use crate::trail::Trail;
use crate::worker::{Serving, Worker};
use snapshot::{Facts, ProvedMeasure, Site, Verdict};
use std::sync::Arc;
use vocabulary::{Hostname, Timestamp};

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

/// Judges a request for a host.
fn admit(serving: &Serving, host: &Hostname, now: Timestamp) -> Judgement {
    match serving.snapshot.evaluate(&Facts { host }, now) {
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
    let host = request.authority.host();
    let judgement = admit(&serving, host, now);
    trail.site = match &judgement {
        Judgement::Admitted(admitted) => Some(Arc::clone(admitted.site())),
        Judgement::Blocked(measure) => {
            trail.decision = Some(measure.id());
            serving.snapshot.site(host).cloned()
        }
        Judgement::Unknown => None,
    };
    // RFC 6797 §7.2: never over plain HTTP.
    trail.hsts =
        trail.site.as_ref().filter(|_| request.scheme == Scheme::Https).and_then(|site| site.front.hsts);
    trail.counters = trail.site.as_ref().and_then(|site| serving.sites.get(&site.id)).cloned();
    judgement
}

/// Whether a measure in force has come over a host.
pub(crate) fn blocks(serving: &Serving, host: &Hostname, now: Timestamp) -> bool {
    matches!(serving.snapshot.evaluate(&Facts { host }, now), Verdict::Blocked(_))
}
