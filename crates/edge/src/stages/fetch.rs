//! Miss → Fetched: the request goes to one of the site's origins, the head of its answer comes back.

use crate::figures::add;
use crate::origin::{ORIGIN_TIME_MAX, OriginBody, Transfer, Unanswered};
use crate::origin_request::{OnBehalf, head_for_origin};
use crate::ports::{Content, Waiting};
use crate::reasons::Reason;
use crate::request::{Length, Request};
use crate::tier::{self, PARENT_CONNECT_TIME_MAX, ToParent};
use crate::worker::Worker;

use super::Admitted;
use http::{HeaderMap, Response, StatusCode, header};
use hyper::body::Incoming;
use snapshot::Origin;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use tokio::time::timeout;

/// Interim answers that wait to be passed on; more are dropped.
const INTERIMS_MAX: usize = 8;

/// An origin's answer whose head has come, with the connection it comes by.
pub(crate) struct Fetched<'a> {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its fields, as received.
    pub(crate) fields: HeaderMap,
    /// Its content, still to come.
    pub(crate) body: Incoming,
    /// The connection.
    pub(crate) transfer: Transfer<'a>,
}

/// Interim answers (RFC 9110 §15.2), as hyper hands them over.
type Interims = Arc<Mutex<VecDeque<(StatusCode, HeaderMap)>>>;

/// Sends the request and waits for the head of the answer.
pub(crate) async fn fetch<'a, C: Content, W: Waiting>(
    worker: &Worker,
    admitted: &Admitted,
    request: &Request,
    behalf: &OnBehalf,
    content: &'a mut C,
    waiting: &mut W,
) -> Result<Fetched<'a>, Reason> {
    if request.length != Length::None {
        if request.expects_continue {
            waiting.informational(StatusCode::CONTINUE, &HeaderMap::new()).await?;
        }
        let (lease, _) = first_lease(worker, admitted).await?;
        let (transfer, body) = Transfer::with_content(lease, content);
        return ask(worker, request, (behalf, None), transfer, body, waiting)
            .await
            .map_err(|failure| failure.reason);
    }
    fetch_without_content(worker, admitted, request, behalf, waiting).await
}

/// The same for a request without content, which needs no visitor's connection.
pub(crate) async fn fetch_without_content<'a, W: Waiting>(
    worker: &Worker,
    admitted: &Admitted,
    request: &Request,
    behalf: &OnBehalf,
    waiting: &mut W,
) -> Result<Fetched<'a>, Reason> {
    if behalf.may_be_stored()
        && let Some(fetched) = fetch_by_parent(worker, request, behalf, waiting).await?
    {
        return Ok(fetched);
    }
    let (lease, origin) = first_lease(worker, admitted).await?;
    let reused = lease.reused;
    let (transfer, body) = Transfer::without_content(lease);
    match ask(worker, request, (behalf, None), transfer, body, waiting).await {
        // A connection that waited may have been closed just then: what may be asked twice is (RFC 9110
        // §9.2.2), once, on a new one.
        Err(failure)
            if reused && failure.reason == Reason::OriginClosed && request.method.is_idempotent() =>
        {
            let lease = worker.origins.lease_new(origin, &worker.counters).await?;
            let (transfer, body) = Transfer::without_content(lease);
            ask(worker, request, (behalf, None), transfer, body, waiting)
                .await
                .map_err(|failure| failure.reason)
        }
        other => other.map_err(|failure| failure.reason),
    }
}

/// The parent edge's answer, where there is one and it speaks for the site; none: the origin is to be asked.
async fn fetch_by_parent<'a, W: Waiting>(
    worker: &Worker,
    request: &Request,
    behalf: &OnBehalf,
    waiting: &mut W,
) -> Result<Option<Fetched<'a>>, Reason> {
    let shared = &worker.shared;
    let tier = &shared.tier;
    let Some(parent) = tier.parent(&*shared.clock) else { return Ok(None) };
    let to_parent = Some(tier.to_parent(shared, request));
    let mut connecting =
        timeout(PARENT_CONNECT_TIME_MAX, worker.origins.lease(parent, &worker.counters)).await;
    while let Ok(Ok(lease)) = connecting {
        let reused = lease.reused;
        let (transfer, body) = Transfer::without_content(lease);
        match ask(worker, request, (behalf, to_parent), transfer, body, waiting).await {
            Ok(fetched) if tier::is_parents_own(fetched.status, &fetched.fields) => {
                add(&tier.refusals, 1);
                return Ok(None);
            }
            Ok(mut fetched) => {
                tier::strip(&mut fetched.fields);
                add(&tier.answers, 1);
                return Ok(Some(fetched));
            }
            Err(Unanswered { reason: Reason::VisitorGone }) => return Err(Reason::VisitorGone),
            Err(Unanswered { reason: Reason::OriginClosed }) if reused => {
                let anew = worker.origins.lease_new(parent, &worker.counters);
                connecting = timeout(PARENT_CONNECT_TIME_MAX, anew).await;
            }
            Err(_) => break,
        }
    }
    tier.parent_is_away(shared.clock.now());
    Ok(None)
}

/// The first of the site's origins that takes a connection.
async fn first_lease<'a>(
    worker: &Worker,
    admitted: &'a Admitted,
) -> Result<(crate::origin::Lease, &'a Origin), Reason> {
    let mut failure = Reason::NoOrigin;
    for origin in &admitted.site().origins {
        match worker.origins.lease(origin, &worker.counters).await {
            Ok(lease) => return Ok((lease, origin)),
            Err(reason) => failure = reason,
        }
    }
    Err(failure)
}

async fn ask<'a, W: Waiting>(
    worker: &Worker,
    request: &Request,
    (behalf, to_parent): (&OnBehalf, Option<ToParent>),
    mut transfer: Transfer<'a>,
    body: OriginBody,
    waiting: &mut W,
) -> Result<Fetched<'a>, Unanswered> {
    let (uri, mut fields) = head_for_origin(request, behalf);
    if let Some(to_parent) = to_parent {
        to_parent.write(&mut fields);
    }
    let mut to_origin = http::Request::new(body);
    *to_origin.method_mut() = request.method.clone();
    *to_origin.uri_mut() = uri;
    *to_origin.headers_mut() = fields;
    let interims = Interims::default();
    listen_for_interims(&mut to_origin, &interims);
    add(&worker.counters.origin_requests, 1);
    let mut answered = pin!(transfer.lease().connection().send(to_origin));
    loop {
        let news = await_news(&mut transfer, answered.as_mut(), &interims, waiting).await;
        match news.map_err(|reason| Unanswered { reason })? {
            News::Interim(status, fields) => {
                let sent = waiting.informational(status, &fields).await;
                sent.map_err(|reason| Unanswered { reason })?;
            }
            News::Answer(response) => return checked(response?, request, transfer),
        }
    }
}

enum News {
    Interim(StatusCode, HeaderMap),
    Answer(Result<Response<Incoming>, Unanswered>),
}

/// Waits for the next head. The origin's time runs only while nothing goes up: before that the visitor is
/// the one that is waited for, and has its own limits.
async fn await_news<W: Waiting>(
    transfer: &mut Transfer<'_>,
    mut answered: Pin<&mut impl Future<Output = Result<Response<Incoming>, Unanswered>>>,
    interims: &Interims,
    visitor: &mut W,
) -> Result<News, Reason> {
    loop {
        let before = transfer.progress();
        let news = poll_fn(|cx| {
            // Interims come before the answer they announce.
            if let Some((status, fields)) = waiting(interims).pop_front() {
                return Poll::Ready(Ok(News::Interim(status, fields)));
            }
            if let Poll::Ready(response) = answered.as_mut().poll(cx) {
                return Poll::Ready(Ok(News::Answer(response)));
            }
            visitor.poll_gone(cx).map(|()| Err(Reason::VisitorGone))
        });
        match timeout(ORIGIN_TIME_MAX, transfer.during(news)).await {
            Ok(news) => return news?,
            Err(_) if transfer.progress() > before => {}
            Err(_) => return Err(Reason::OriginSlow),
        }
    }
}

fn listen_for_interims(request: &mut http::Request<OriginBody>, interims: &Interims) {
    let heard = Arc::clone(interims);
    hyper::ext::on_informational(request, move |response| {
        let mut waiting = waiting(&heard);
        // 100 was the edge's to give.
        if response.status() != StatusCode::CONTINUE && waiting.len() < INTERIMS_MAX {
            let mut fields = response.headers().clone();
            crate::fields::remove_hop_by_hop(&mut fields);
            fields.remove(header::CONTENT_LENGTH);
            waiting.push_back((response.status(), fields));
        }
    });
}

fn waiting(interims: &Interims) -> std::sync::MutexGuard<'_, VecDeque<(StatusCode, HeaderMap)>> {
    interims.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What may not be passed on: a framing that others would read otherwise (RFC 9112 §6.1, §6.3), and a
/// switch of protocols that nobody asked for.
fn checked<'a>(
    response: Response<Incoming>,
    request: &Request,
    transfer: Transfer<'a>,
) -> Result<Fetched<'a>, Unanswered> {
    let (head, body) = response.into_parts();
    let mut codings = head.headers.get_all(header::TRANSFER_ENCODING).iter();
    let coding = codings.next();
    let odd_coding = coding.is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"chunked"));
    let ambiguous = coding.is_some() && head.headers.contains_key(header::CONTENT_LENGTH);
    let unasked = head.status == StatusCode::SWITCHING_PROTOCOLS && !request.upgrade;
    if odd_coding || ambiguous || codings.next().is_some() || unasked {
        return Err(Unanswered { reason: Reason::OriginMalformed });
    }
    Ok(Fetched { status: head.status, fields: head.headers, body, transfer })
}
