//! The way straight from the origin to one visitor: no task, no copy, nothing waits for it and it waits for
//! nobody. What may be stored is gathered as it goes by.

use crate::compress::announce;
use crate::copy::boxed;
use crate::origin_request::OnBehalf;
use crate::ports::{Answer, Content};
use crate::reasons::Reason;
use crate::request::Request;
use crate::stages::board::Voyage;
use crate::stages::fetch::{Fetched, fetch};
use crate::stages::identify::Identified;
use crate::stages::keep::{Filling, invalidate, keep};
use crate::stages::learn::learn_from_head;
use crate::stages::ranged::{Ranged, Span, fetch_slices, span_of};
use crate::stages::relay::{passed_on, relay};
use crate::stages::route::Routed;
use crate::stages::{Admitted, tunnel};
use crate::trail::Trail;
use crate::websocket::Bridge;
use crate::worker::Worker;
use bytes::Bytes;
use caching::{CacheStatus, Plan};
use http::StatusCode;
use http::uri::PathAndQuery;
use object_cache::Fill;
use std::sync::Arc;

/// What is settled about a request once it is routed.
pub(crate) struct Facts<'a> {
    pub(crate) worker: &'a Arc<Worker>,
    pub(crate) request: &'a Request,
    /// The target, where the site's rules have rewritten it.
    pub(crate) target: Option<&'a PathAndQuery>,
    pub(crate) identified: Identified,
    pub(crate) admitted: &'a Admitted,
    pub(crate) routed: &'a Routed<'a>,
}

impl<'a> Facts<'a> {
    /// What those stages need that ask an origin by themselves.
    pub(crate) fn voyage(&'a self, trail: &Trail) -> Voyage<'a> {
        let Facts { worker, request, target, ref identified, admitted, routed } = *self;
        let (ray, now) = (trail.ray, trail.started);
        Voyage { worker, request, target, identified, admitted, routed, ray, now }
    }
}

/// → Fetched → Answered: straight from the origin to this visitor.
pub(crate) async fn pass<C: Content, A: Answer>(
    facts: &Facts<'_>,
    why: caching::Reason,
    trail: &mut Trail,
    content: &mut C,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let Facts { worker, request, target, identified, admitted, routed } = facts;
    trail.cache = Some(CacheStatus::Forwarded { why, status: None, kept: Err(None) });
    let lookup = routed.plan == Plan::Lookup;
    let behalf = OnBehalf {
        peer: identified.peer,
        client: identified.client,
        trusted: identified.by_trusted_proxy,
        ray: trail.ray,
        normalised: lookup.then(|| routed.asked.normalised_fields()),
        target: target.cloned(),
        joins_trace: admitted.site().front.trace,
        class: identified.class,
    };
    let fill = lookup.then(|| worker.shared.cache.begin(&routed.key));
    let voyage = facts.voyage(trail);
    if let (Some(fill), Some(span)) = (fill, span_of(&voyage).filter(|_| lookup)) {
        return boxed(part(facts, why, (span, fill), trail, answer)).await;
    }
    let bridge = Bridge::of(request, &worker.rays);
    let bridged = bridge.as_ref().map(|bridge| Box::new(bridge.request(request)));
    let asked = bridged.as_deref().unwrap_or(request);
    let Fetched { status, fields, length, delimited, exchanged, transfer } =
        fetch(worker, admitted, asked, &behalf, content, answer).await?;
    if let Some(bridge) = &bridge {
        bridge.check(status, &fields)?;
    }
    if status == StatusCode::SWITCHING_PROTOCOLS {
        let lease = transfer.into_lease();
        let _open = worker.counters.tunnel();
        return boxed(tunnel::run(fields, lease, trail.own_fields(), content, answer)).await;
    }
    let fetched = Fetched { status, fields, length, delimited, exchanged, transfer };
    invalidate(worker, admitted.site(), &routed.key, request, fetched.status, &fetched.fields).await;
    if let Some(fill) = fill.filter(|_| routed.asked.is_head()) {
        learn_from_head(worker, routed, fill, &fetched, exchanged);
    }
    // Begun after what the POST changes is dropped, or it would be refused as older than that.
    let fill =
        fill.or_else(|| tells_content(facts, &fetched).then(|| worker.shared.cache.begin(&routed.key)));
    let filling = fill.map(|fill| keep(worker, routed, fill, &fetched, exchanged));
    let kept = match &filling {
        Some(Ok(filling)) => Ok(filling.ttl(exchanged.received)),
        Some(Err(reason)) => Err(Some(*reason)),
        None => Err(None),
    };
    let filling = filling.and_then(Result::ok);
    answer_on(facts, (why, kept), fetched, filling, trail, answer).await
}

/// Whether an answer to a POST may say what a GET would bring.
fn tells_content(facts: &Facts<'_>, fetched: &Fetched<'_>) -> bool {
    let by_method =
        matches!(facts.routed.plan, Plan::Bypass(caching::Reason::Method | caching::Reason::RequestContent));
    by_method
        && facts.request.method == http::Method::POST
        && fetched.fields.contains_key(http::header::CONTENT_LOCATION)
        && facts.admitted.site().cache_rules.bypass(&facts.routed.asked).is_none()
}

/// → Fetched in part → Answered: a range, in slices that are kept.
async fn part<A: Answer>(
    facts: &Facts<'_>,
    why: caching::Reason,
    (span, fill): (Span, Fill),
    trail: &mut Trail,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let voyage = facts.voyage(trail);
    match fetch_slices(&voyage, span, fill).await? {
        Ranged::Part(part) => {
            trail.cache = Some(part.status(why, &voyage));
            part.send(&voyage, trail.own_fields(), answer).await
        }
        Ranged::Other(fetched, exchanged) => {
            let filling = keep(facts.worker, facts.routed, fill, &fetched, exchanged);
            let kept = match &filling {
                Ok(filling) => Ok(filling.ttl(exchanged.received)),
                Err(reason) => Err(Some(*reason)),
            };
            answer_on(facts, (why, kept), *fetched, filling.ok(), trail, answer).await
        }
    }
}

/// Fetched → Answered, and kept where that is allowed.
pub(crate) async fn answer_on<A: Answer>(
    facts: &Facts<'_>,
    (why, kept): (caching::Reason, Result<i64, Option<caching::Reason>>),
    fetched: Fetched<'_>,
    mut filling: Option<Box<Filling<'_>>>,
    trail: &mut Trail,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let Facts { worker, .. } = facts;
    let Fetched { status, fields, length, exchanged, transfer, .. } = fetched;
    trail.cache = Some(CacheStatus::Forwarded { why, status: Some(status), kept });
    let date = worker.date.at(exchanged.received);
    let (mut fields, own) = (passed_on(fields, &date), trail.own_fields());
    if kept.is_ok() {
        announce(&mut fields, status, length.known());
    }
    let gather = |piece: &Bytes| {
        if filling.as_mut().is_some_and(|filling| !filling.add(piece)) {
            filling = None;
        }
    };
    let reason = relay(status, fields, length, own, transfer, answer, gather).await?;
    if let Some(filling) = filling {
        filling.publish();
    }
    Ok(reason)
}
