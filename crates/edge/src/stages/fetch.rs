//! Miss → Fetched: the request goes to one of the site's origins, the head of its answer comes back.

use crate::copy::boxed;
use crate::figures::add;
use crate::origin::{
    AnswerHead, Asked, Attempts, Deadlines, Framing, Member, Replay, Sought, Transfer, Upstream, Versions,
    Waits, is_conversation,
};
use crate::origin_request::{Addressee, OnBehalf, write_head};
use crate::ports::{Content, Waiting};
use crate::reasons::Reason;
use crate::request::{Length, Request};
use crate::streams::is_call;
use crate::tier::{self, PARENT_CONNECT_TIME_MAX};
use crate::worker::Worker;

use super::Admitted;
use super::defend::view;
use crate::reasons::Outcome as ReasonOutcome;
use caching::Exchanged;
use http::{HeaderMap, Method, StatusCode, header};
use shield::adaptive::Outcome;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

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
    /// When it was asked for, and when its head had come.
    pub(crate) exchanged: Exchanged,
    /// The connection.
    pub(crate) transfer: Transfer<'a>,
}

/// Sends the request and waits for the head of the answer. The shield hears how the origin did.
pub(crate) async fn fetch<'a, C: Content, W: Waiting>(
    worker: &Worker,
    admitted: &Admitted,
    request: &Request,
    behalf: &OnBehalf,
    content: &'a mut C,
    waiting: &mut W,
) -> Result<Fetched<'a>, Reason> {
    let began = Instant::now();
    let fetched = fetch_with_content(worker, (admitted, began), request, behalf, content, waiting).await;
    tell_shield(worker, admitted, request, behalf, (began, &fetched));
    fetched
}

/// The same for a request without content, which needs no visitor's connection.
pub(crate) async fn fetch_without_content<'a, W: Waiting>(
    worker: &Worker,
    admitted: &Admitted,
    request: &Request,
    behalf: &OnBehalf,
    waiting: &mut W,
) -> Result<Fetched<'a>, Reason> {
    let began = Instant::now();
    let fetched = ask_without_content(worker, (admitted, began), request, behalf, waiting).await;
    tell_shield(worker, admitted, request, behalf, (began, &fetched));
    fetched
}

/// How the origin did: what is nobody's fault but the visitor's or ours is left out.
fn tell_shield(
    worker: &Worker,
    admitted: &Admitted,
    request: &Request,
    behalf: &OnBehalf,
    (began, fetched): (Instant, &Result<Fetched<'_>, Reason>),
) {
    let serving = worker.shared.serving.load();
    let Some(counters) = serving.sites.get(&admitted.site().id) else { return };
    let guard = &worker.shared.guard;
    let seen = || view(request, behalf.client, worker.shared.clock.now());
    // A visitor that sends slowly is no origin in distress; one that has to wait for a place tells of distress.
    let (failed, took) = match fetched {
        Ok(fetched) => (fetched.status.is_server_error(), fetched.transfer.origins_time(began)),
        Err(reason) if reason.outcome() == ReasonOutcome::OriginFailed => {
            if *reason == Reason::OriginOverloaded {
                guard.note_overload(&counters.watch, &seen(), &behalf.ray);
            }
            (true, began.elapsed())
        }
        Err(_) => return,
    };
    let ms = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
    guard.answered(&worker.desk, &counters.watch, Outcome { ms, failed }, seen);
}

async fn fetch_with_content<'a, C: Content, W: Waiting>(
    worker: &Worker,
    (admitted, began): (&Admitted, Instant),
    request: &Request,
    behalf: &OnBehalf,
    content: &'a mut C,
    waiting: &mut W,
) -> Result<Fetched<'a>, Reason> {
    if request.length == Length::None {
        return ask_without_content(worker, (admitted, began), request, behalf, waiting).await;
    }
    let mut began = began;
    if request.expects_continue {
        waiting.informational(StatusCode::CONTINUE, &HeaderMap::new()).await?;
        began = Instant::now();
    }
    let mut attempts = Attempts::new(worker, admitted, request, behalf, began)?;
    if Replay::fits(request.length) && !request.upgrade && attempts.hold_content() {
        let replay = Replay::gather(content).await?;
        attempts.begin_now();
        return try_each(attempts, request, behalf, Some(replay), waiting).await;
    }
    attempts.stream_content();
    let lease = attempts.lease(waiting).await?;
    let transfer = Transfer::with_content(lease, attempts.deadlines(), content);
    let upstream = Arc::clone(attempts.upstream());
    let asking = Asking { worker, request, behalf, to: towards(&upstream)?, waits: attempts.waits() };
    let fetched = asking.ask(transfer, waiting).await.map_err(|reason| attempts.failed(reason))?;
    attempts.answered(fetched.status, fetched.exchanged.received);
    Ok(fetched)
}

async fn ask_without_content<'a, W: Waiting>(
    worker: &Worker,
    (admitted, began): (&Admitted, Instant),
    request: &Request,
    behalf: &OnBehalf,
    waiting: &mut W,
) -> Result<Fetched<'a>, Reason> {
    let mut began = began;
    if behalf.may_be_stored()
        && let Some(parent) = worker.shared.tier.parent(&*worker.shared.clock)
    {
        if let Some(fetched) = boxed(fetch_by_parent(worker, parent, request, behalf, waiting)).await? {
            return Ok(fetched);
        }
        began = Instant::now();
    }
    let attempts = Attempts::new(worker, admitted, request, behalf, began)?;
    try_each(attempts, request, behalf, None, waiting).await
}

/// Asks one origin after the other, until one has answered or the request may go no further.
async fn try_each<'a, W: Waiting>(
    mut attempts: Attempts<'_>,
    request: &Request,
    behalf: &OnBehalf,
    replay: Option<Replay>,
    waiting: &mut W,
) -> Result<Fetched<'a>, Reason> {
    let upstream = Arc::clone(attempts.upstream());
    let (worker, to) = (attempts.worker(), towards(&upstream)?);
    let asking = Asking { worker, request, behalf, to, waits: attempts.waits() };
    let mut waiting = Hearing { waiting, has_heard: false };
    // An answer that may do where no better one comes.
    let mut spare = None;
    loop {
        let mut lease = match attempts.lease(&mut waiting).await {
            Ok(lease) => lease,
            Err(reason) => return spare.ok_or(reason),
        };
        let mut again = true;
        let asked = loop {
            let (reused, deadlines) = (lease.reused, attempts.deadlines());
            let transfer = match &replay {
                Some(replay) => Transfer::with_replay(lease, deadlines, replay.clone()),
                None => Transfer::without_content(lease, deadlines),
            };
            match asking.ask(transfer, &mut waiting).await {
                // A connection that waited may have been closed just then: what may be asked twice is (RFC
                // 9110 §9.2.2), once, on a new one. So is what the origin says it has not looked at.
                Err(reason) if again && is_worth_another(reason, reused, &request.method) => {
                    again = false;
                    lease = match attempts.lease_anew().await {
                        Ok(lease) => lease,
                        Err(reason) => return spare.ok_or(reason),
                    };
                }
                asked => break asked,
            }
        };
        match asked {
            Ok(fetched) => {
                attempts.answered(fetched.status, fetched.exchanged.received);
                if waiting.has_heard || !attempts.go_on_from(fetched.status) {
                    return Ok(fetched);
                }
                spare = Some(fetched);
            }
            Err(reason) => {
                attempts.failed(reason);
                if waiting.has_heard || !attempts.go_on_after(reason) {
                    return spare.ok_or(reason);
                }
            }
        }
    }
}

fn is_worth_another(reason: Reason, reused: bool, method: &Method) -> bool {
    match reason {
        Reason::OriginClosed => reused && method.is_idempotent(),
        Reason::OriginRefused => true,
        _ => false,
    }
}

/// Whoever waits, and whether something of an answer has gone out to it.
struct Hearing<'w, W> {
    waiting: &'w mut W,
    has_heard: bool,
}

impl<W: Waiting> Waiting for Hearing<'_, W> {
    async fn informational(&mut self, status: StatusCode, fields: &HeaderMap) -> Result<(), Reason> {
        self.has_heard = true;
        self.waiting.informational(status, fields).await
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.waiting.poll_gone(cx)
    }
}

/// The parent edge's answer, where it is there and speaks for the site; none: the origin is to be asked.
async fn fetch_by_parent<'a, W: Waiting>(
    worker: &Worker,
    parent: &Member,
    request: &Request,
    behalf: &OnBehalf,
    waiting: &mut W,
) -> Result<Option<Fetched<'a>>, Reason> {
    let shared = &worker.shared;
    let tier = &shared.tier;
    let (waits, counters) = (Waits { connect: PARENT_CONNECT_TIME_MAX, ..Waits::usual() }, &worker.counters);
    let to_parent = tier.to_parent(shared, request);
    let asking = Asking { worker, request, behalf, to: Addressee::Parent(&to_parent), waits };
    let sought = Sought {
        member: parent,
        versions: Versions::Http1,
        patience: waits.connect,
        at: Instant::now(),
        counters,
    };
    let mut connecting = worker.origins.lease(sought).await;
    while let Ok(lease) = connecting {
        let reused = lease.reused;
        let deadlines = Deadlines { between_bytes: waits.between_bytes, until: None };
        match asking.ask(Transfer::without_content(lease, deadlines), waiting).await {
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
                connecting = worker.origins.lease_new(sought).await;
            }
            Err(_) => break,
        }
    }
    tier.parent_is_away(shared.clock.now());
    Ok(None)
}

fn towards(upstream: &Upstream) -> Result<Addressee<'_>, Reason> {
    upstream.greeting().map(Addressee::Origin).ok_or(Reason::OriginSettings)
}

/// What is asked, of whichever origin.
struct Asking<'r> {
    worker: &'r Worker,
    request: &'r Request,
    behalf: &'r OnBehalf,
    to: Addressee<'r>,
    waits: Waits,
}

impl Asking<'_> {
    /// Sends the request and waits for the head of its answer.
    async fn ask<'a, W: Waiting>(
        &self,
        mut transfer: Transfer<'a>,
        waiting: &mut W,
    ) -> Result<Fetched<'a>, Reason> {
        let Self { worker, request, behalf, to, waits } = self;
        let asked = Asked { is_head: request.method == Method::HEAD, upgrade: request.upgrade };
        let (requested, now) = (worker.shared.clock.now(), Instant::now());
        transfer.begin((asked, request.length), now, |out| write_head(out, request, behalf, *to));
        add(&worker.counters.origin_requests, 1);
        let waits = if is_call(request) { waits.of_call() } else { *waits };
        let mut patience = Patience::new(now, waits.first_byte, transfer.deadlines().until);
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
            if is_conversation(&fields) {
                transfer.converse();
            }
            let delimited = framing != Framing::UntilClose;
            let exchanged = Exchanged { requested, received: worker.shared.clock.now() };
            return Ok(Fetched { status, fields, length, delimited, exchanged, transfer });
        }
    }
}

/// How long an origin may still be silent. Only interim answers that are passed on count as words: with the
/// others it could keep everyone waiting for ever.
struct Patience {
    interims: u32,
    first_byte: Duration,
    until: Instant,
    /// When the whole exchange is over.
    over: Option<Instant>,
    /// Bytes that had gone up at the last look; none before the first.
    sent: Option<u64>,
    /// Whether the visitor is the one that is waited for.
    is_visitors_turn: bool,
}

impl Patience {
    /// The request goes out now.
    fn new(now: Instant, first_byte: Duration, over: Option<Instant>) -> Self {
        Self { interims: 0, first_byte, until: now + first_byte, over, sent: None, is_visitors_turn: false }
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
        self.until = Instant::now() + self.first_byte;
    }

    /// Looks how far the request has gone up. The origin's time runs from the last byte of what is here, and not while
    /// the visitor still owes some: the visitor has its own limits.
    fn sees(&mut self, sent: u64, is_visitors_turn: bool) {
        let has_moved = self.sent.replace(sent).is_some_and(|before| before != sent);
        self.is_visitors_turn = is_visitors_turn;
        if has_moved || is_visitors_turn {
            self.renew();
        }
    }

    /// The next end, and its reason; none while only the visitor is waited for.
    fn next(&self) -> Option<(Instant, Reason)> {
        match self.over {
            Some(over) if self.is_visitors_turn || over < self.until => Some((over, Reason::OriginOvertime)),
            _ if self.is_visitors_turn => None,
            _ => Some((self.until, Reason::OriginSlow)),
        }
    }
}

/// Waits for the next head.
async fn await_head<W: Waiting>(
    transfer: &mut Transfer<'_>,
    patience: &mut Patience,
    visitor: &mut W,
) -> Result<AnswerHead, Reason> {
    poll_fn(|cx| {
        if let Poll::Ready(head) = transfer.poll_head(cx) {
            return Poll::Ready(head);
        }
        if visitor.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(Reason::VisitorGone));
        }
        patience.sees(transfer.progress(), transfer.awaits_visitor());
        match patience.next() {
            Some((until, reason)) => transfer.poll_until(until, cx).map(|()| Err(reason)),
            None => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_origin_that_only_makes_interim_answers_comes_to_an_end() {
        let first_byte = Duration::from_secs(60);
        let mut patience = Patience::new(Instant::now(), first_byte, None);
        let begun = Instant::now();
        for n in 1..=3 * INTERIMS_MAX {
            tokio::time::advance(Duration::from_secs(1)).await;
            assert_eq!(patience.counts_interim(), n <= INTERIMS_MAX);
        }
        let passed_on = Duration::from_secs(INTERIMS_MAX.into());
        assert_eq!(patience.until - begun, passed_on + first_byte);
    }

    /// The origin has its time from the last byte that went up, the visitor none of it.
    #[tokio::test(start_paused = true)]
    async fn an_origin_has_its_time_from_the_last_byte_and_not_while_the_visitor_pauses() {
        let (begun, first_byte) = (Instant::now(), Duration::from_secs(10));
        let second = || tokio::time::advance(Duration::from_secs(1));
        let mut patience = Patience::new(begun, first_byte, None);
        second().await;
        // The head is gone with the first look: that renews nothing.
        patience.sees(100, false);
        assert_eq!(patience.next(), Some((begun + first_byte, Reason::OriginSlow)));
        second().await;
        patience.sees(150, false);
        let moved = Instant::now();
        assert_eq!(patience.next(), Some((moved + first_byte, Reason::OriginSlow)));
        second().await;
        patience.sees(150, true);
        assert_eq!(patience.next(), None, "only the visitor is waited for");
        second().await;
        patience.sees(160, false);
        assert_eq!(patience.next(), Some((Instant::now() + first_byte, Reason::OriginSlow)));
        let over = Instant::now() + Duration::from_secs(3);
        let mut bounded = Patience::new(Instant::now(), first_byte, Some(over));
        bounded.sees(1, true);
        assert_eq!(bounded.next(), Some((over, Reason::OriginOvertime)), "the whole has an end all the same");
    }
}
