//! One exchange, from a request's head to its record: the only place that leads from step to step.
//!
//! `Accepted → Identified → Admitted → Routed → Hit | Miss → Fetched → Answered → recorded`. Each step is a
//! file in `stages/` and knows none of the others; whatever ends an exchange early is a [`Reason`].
//!
//! Invariants: every exchange is recorded, as the last thing that happens; nothing is served without
//! [`Admitted`], which only the admit stage makes.

use crate::compress::{announce, choose};
use crate::origin_request::OnBehalf;
use crate::ports::{Answer, Content, OwnFields};
use crate::reasons::Reason;
use crate::request::{Length, Request};
use crate::stages::admit::{Judgement, admit};
use crate::stages::fetch::{Fetched, fetch};
use crate::stages::identify::{Identified, identify};
use crate::stages::keep::{Filling, Received, invalidate};
use crate::stages::look_up::{Found, look_up};
use crate::stages::record::record;
use crate::stages::relay::{length_of, passed_on, relay};
use crate::stages::route::{Routed, route};
use crate::stages::{Admitted, reply, stored, tunnel};
use crate::trail::{Counted, Trail};
use crate::vigil::keep_vigil;
use crate::worker::Worker;
use caching::{CacheStatus, Exchanged, Plan};
use http::{HeaderMap, StatusCode, header};
use object_cache::Fill;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use vocabulary::Timestamp;

/// Serves one request of a visitor.
pub(crate) async fn exchange<C: Content, A: Answer>(
    worker: &Worker,
    peer: IpAddr,
    request: &Request,
    content: &mut C,
    answer: &mut A,
) {
    let mut trail = Trail::new(worker.rays.next(), worker.shared.clock.now(), peer);
    let mut answer = Counted::new(answer);
    let outcome = lead(worker, peer, request, &mut trail, content, &mut answer).await;
    let reason = match outcome {
        Ok(reason) => reason,
        Err(reason) if answer.has_begun() => reason,
        Err(Reason::CutByMeasure) => boxed(blocked_after_all(worker, request, &mut trail, &mut answer)).await,
        Err(reason) => boxed(or_error_page(worker, reason, Some(request), &trail, &mut answer)).await,
    };
    record(worker, Some(request), &trail, reason, (answer.status, answer.bytes));
}

/// Answers and records a request whose head could not be read.
pub(crate) async fn refuse<A: Answer>(worker: &Worker, peer: IpAddr, reason: Reason, answer: &mut A) {
    let trail = Trail::new(worker.rays.next(), worker.shared.clock.now(), peer);
    let mut answer = Counted::new(answer);
    let reason = or_error_page(worker, reason, None, &trail, &mut answer).await;
    record(worker, None, &trail, reason, (answer.status, answer.bytes));
}

/// Accepted → Identified → Admitted → Routed, and on from there under the eyes of the vigil.
async fn lead<C: Content, A: Answer>(
    worker: &Worker,
    peer: IpAddr,
    request: &Request,
    trail: &mut Trail,
    content: &mut C,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let identified = identify(peer, &worker.shared.trusted_proxies, request)?;
    trail.client = identified.client;
    let admitted = match judge(worker, request, trail, trail.started) {
        Judgement::Admitted(admitted) => admitted,
        Judgement::Unknown => return Err(Reason::UnknownHost),
        Judgement::Blocked(measure) => {
            let date = worker.date.at(trail.started);
            return boxed(reply::blocked(&measure, request, trail, trail.started, &date, answer)).await;
        }
    };
    let routed = route(admitted.site(), request);
    let facts = Facts { worker, request, identified, admitted, routed };
    let (host, generation) = (request.authority.host(), facts.admitted.generation());
    let serving = pin!(serve(&facts, trail, content, answer));
    keep_vigil(&worker.shared, host, generation, serving).await
}

/// What is settled about a request once it is routed.
struct Facts<'a> {
    worker: &'a Worker,
    request: &'a Request,
    identified: Identified,
    admitted: Admitted,
    routed: Routed<'a>,
}

/// Judges the request now, and notes whose it is.
fn judge(worker: &Worker, request: &Request, trail: &mut Trail, now: Timestamp) -> Judgement {
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
    trail.counters = trail.site.as_ref().and_then(|site| serving.sites.get(&site.id)).cloned();
    judgement
}

/// Routed → Hit | Miss.
async fn serve<C: Content, A: Answer>(
    facts: &Facts<'_>,
    trail: &mut Trail,
    content: &mut C,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let Facts { worker, request, routed, .. } = facts;
    let why = match routed.plan {
        Plan::Bypass(why) => why,
        Plan::Lookup => match look_up(&worker.shared.cache, &routed.key, &routed.asked, trail.started) {
            Found::Hit { stored, age, ttl, form } => {
                trail.cache = Some(CacheStatus::Hit { ttl });
                let stored = choose(&worker.shared.encoders, stored, &form, request);
                let own = OwnFields { age: Some(age), ..trail.own_fields() };
                return stored::send(&stored, form, routed.asked.is_head(), own, answer).await;
            }
            Found::Miss(why) if routed.asked.only_if_cached() => {
                trail.cache = Some(CacheStatus::Local { why });
                return Err(Reason::OnlyIfCached);
            }
            Found::Miss(why) => why,
        },
    };
    boxed(from_origin(facts, why, trail, content, answer)).await
}

/// Miss → Fetched → Answered.
async fn from_origin<C: Content, A: Answer>(
    facts: &Facts<'_>,
    why: caching::Reason,
    trail: &mut Trail,
    content: &mut C,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let Facts { worker, request, identified, admitted, routed } = facts;
    trail.cache = Some(CacheStatus::Forwarded { why, status: None, kept: Err(None) });
    let lookup = routed.plan == Plan::Lookup;
    let behalf = OnBehalf {
        peer: identified.peer,
        trusted: identified.by_trusted_proxy,
        ray: trail.ray,
        accept_encoding: lookup.then(|| routed.asked.accept_encoding()),
    };
    let fill = lookup.then(|| worker.shared.cache.begin(&routed.key));
    let requested = worker.shared.clock.now();
    let Fetched { status, fields, body, transfer } =
        fetch(worker, admitted, request, &behalf, content, answer).await?;
    let received = worker.shared.clock.now();
    if status == StatusCode::SWITCHING_PROTOCOLS {
        let lease = transfer.into_lease();
        return tunnel::run(fields, lease, trail.own_fields(), content, answer).await;
    }
    invalidate(worker, &routed.key, request, status, &fields);
    let length = length_of(status, &fields, &body, request.method == http::Method::HEAD);
    let exchanged = Exchanged { requested, received };
    let filling = match fill {
        Some(fill) => begin_filling(facts, fill, status, &fields, length, exchanged).map_err(Some),
        None => Err(None),
    };
    let kept = filling.as_ref().map(|filling| filling.ttl(received)).map_err(|reason| *reason);
    trail.cache = Some(CacheStatus::Forwarded { why, status: Some(status), kept });
    let mut filling = filling.ok();
    let gather = |piece: &[u8]| {
        if filling.as_mut().is_some_and(|filling| !filling.add(piece)) {
            filling = None;
        }
    };
    let (mut fields, own) = (passed_on(fields, &worker.date.at(received)), trail.own_fields());
    if kept.is_ok() {
        announce(&mut fields, status, length.known());
    }
    let reason = relay(status, fields, length, own, (body, transfer), answer, gather).await?;
    if let Some(filling) = filling {
        filling.publish();
    }
    Ok(reason)
}

/// An answer that ends only with its connection may have been cut, and nobody could tell.
fn begin_filling<'a>(
    facts: &Facts<'a>,
    fill: Fill,
    status: StatusCode,
    fields: &HeaderMap,
    length: Length,
    exchanged: Exchanged,
) -> Result<Filling<'a>, caching::Reason> {
    let delimited = length != Length::Unknown || fields.contains_key(header::TRANSFER_ENCODING);
    let received = Received { status, fields, delimited, exchanged };
    let routed = &facts.routed;
    Filling::begin(facts.worker, (routed.key, fill), &routed.asked, &received, routed.mode)
}

/// What is not needed to answer from the cache has a box of its own, so that a connection does not carry
/// its memory while idle.
fn boxed<F: Future>(step: F) -> Pin<Box<F>> {
    Box::pin(step)
}

/// A measure came into force before anything was answered: the visitor gets its page.
async fn blocked_after_all<A: Answer>(
    worker: &Worker,
    request: &Request,
    trail: &mut Trail,
    answer: &mut A,
) -> Reason {
    let now = worker.shared.clock.now();
    trail.cache = None;
    match judge(worker, request, trail, now) {
        Judgement::Blocked(measure) => {
            let sent = reply::blocked(&measure, request, trail, now, &worker.date.at(now), answer).await;
            sent.unwrap_or_else(|reason| reason)
        }
        // It has ended already.
        Judgement::Admitted(_) | Judgement::Unknown => Reason::CutByMeasure,
    }
}

/// Answers with a page for a reason that has one, as long as nothing else was answered.
async fn or_error_page<A: Answer>(
    worker: &Worker,
    reason: Reason,
    request: Option<&Request>,
    trail: &Trail,
    answer: &mut A,
) -> Reason {
    if reason.status() > 0 {
        let date = worker.date.at(trail.started);
        // A visitor that has left meanwhile changes nothing about why the exchange failed.
        let _ = reply::error(reason, request, trail, &date, answer).await;
    }
    reason
}
