//! Miss → Fetched: the request goes to one of the site's origins, the head of its answer comes back.

use crate::figures::add;
use crate::origin::{AnswerHead, Asked, Framing, ORIGIN_TIME_MAX, Transfer};
use crate::origin_request::{OnBehalf, write_head};
use crate::ports::{Content, Waiting};
use crate::reasons::Reason;
use crate::request::{Length, Request};
use crate::tier::{self, PARENT_CONNECT_TIME_MAX, ToParent};
use crate::worker::Worker;

use super::Admitted;
use http::{HeaderMap, Method, StatusCode, header};
use snapshot::Origin;
use std::future::poll_fn;
use std::task::Poll;
use tokio::time::{Instant, timeout, timeout_at};

/// Interim answers (RFC 9110 §15.2) to one request that are passed on; more are dropped.
const INTERIMS_MAX: u32 = 8;

/// An origin's answer whose head has come, with the connection it comes by.
pub(crate) struct Fetched<'a> {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its fields, as received.
    pub(crate) fields: HeaderMap,
    /// How long its content is; it is still to come.
    pub(crate) length: Length,
    /// Whether the end of the content is marked: an answer that ends with its connection may be cut.
    pub(crate) delimited: bool,
    /// The connection.
    pub(crate) transfer: Transfer<'a>,
}

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
        let transfer = Transfer::with_content(lease, content);
        return ask(worker, request, (behalf, None), transfer, waiting).await;
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
    let transfer = Transfer::without_content(lease);
    match ask(worker, request, (behalf, None), transfer, waiting).await {
        // A connection that waited may have been closed just then: what may be asked twice is (RFC 9110
        // §9.2.2), once, on a new one.
        Err(Reason::OriginClosed) if reused && request.method.is_idempotent() => {
            let lease = worker.origins.lease_new(origin, &worker.counters).await?;
            ask(worker, request, (behalf, None), Transfer::without_content(lease), waiting).await
        }
        other => other,
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
        let transfer = Transfer::without_content(lease);
        match ask(worker, request, (behalf, to_parent), transfer, waiting).await {
            Ok(fetched) if tier::is_parents_own(fetched.status, &fetched.fields) => {
                add(&tier.refusals, 1);
                return Ok(None);
            }
            Ok(mut fetched) => {
                tier::strip(&mut fetched.fields);
                add(&tier.answers, 1);
                return Ok(Some(fetched));
            }
            Err(Reason::VisitorGone) => return Err(Reason::VisitorGone),
            Err(Reason::OriginClosed) if reused => {
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
    waiting: &mut W,
) -> Result<Fetched<'a>, Reason> {
    let asked = Asked { is_head: request.method == Method::HEAD, upgrade: request.upgrade };
    transfer.begin(asked, request.length, |out| write_head(out, request, behalf, to_parent.as_ref()));
    add(&worker.counters.origin_requests, 1);
    let mut patience = Patience::new();
    loop {
        let head = await_head(&mut transfer, &mut patience, waiting).await?;
        let AnswerHead { status, mut fields, framing, .. } = head;
        let length = match framing {
            Framing::Interim => {
                // 100 was the edge's to give.
                if patience.counts_interim() && status != StatusCode::CONTINUE {
                    fields.remove(header::CONTENT_LENGTH);
                    transfer.during(waiting.informational(status, &fields)).await??;
                }
                continue;
            }
            Framing::Bodiless(length) => length,
            Framing::Sized(length) => Length::Known(length),
            Framing::Chunked | Framing::UntilClose => Length::Unknown,
            Framing::Tunnel => Length::None,
        };
        let delimited = framing != Framing::UntilClose;
        return Ok(Fetched { status, fields, length, delimited, transfer });
    }
}

/// How long an origin may still be silent. Only interim answers that are passed on count as words: with the
/// others it could keep everyone waiting for ever.
struct Patience {
    interims: u32,
    until: Instant,
}

impl Patience {
    fn new() -> Self {
        Self { interims: 0, until: Instant::now() + ORIGIN_TIME_MAX }
    }

    /// Whether one more interim answer is passed on.
    fn counts_interim(&mut self) -> bool {
        self.interims = self.interims.saturating_add(1);
        let counts = self.interims <= INTERIMS_MAX;
        if counts {
            self.renew();
        }
        counts
    }

    fn renew(&mut self) {
        self.until = Instant::now() + ORIGIN_TIME_MAX;
    }
}

/// Waits for the next head. The origin's time runs only while nothing goes up: before that the visitor is
/// the one that is waited for, and has its own limits.
async fn await_head<W: Waiting>(
    transfer: &mut Transfer<'_>,
    patience: &mut Patience,
    visitor: &mut W,
) -> Result<AnswerHead, Reason> {
    loop {
        let before = transfer.progress();
        let head = poll_fn(|cx| match transfer.poll_head(cx) {
            Poll::Ready(head) => Poll::Ready(head),
            Poll::Pending => visitor.poll_gone(cx).map(|()| Err(Reason::VisitorGone)),
        });
        match timeout_at(patience.until, head).await {
            Ok(head) => return head,
            Err(_) if transfer.progress() > before => patience.renew(),
            Err(_) => return Err(Reason::OriginSlow),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn an_origin_that_only_makes_interim_answers_comes_to_an_end() {
        let mut patience = Patience::new();
        let begun = Instant::now();
        for n in 1..=3 * INTERIMS_MAX {
            tokio::time::advance(Duration::from_secs(1)).await;
            assert_eq!(patience.counts_interim(), n <= INTERIMS_MAX);
        }
        let passed_on = Duration::from_secs(INTERIMS_MAX.into());
        assert_eq!(patience.until - begun, passed_on + ORIGIN_TIME_MAX);
    }
}
