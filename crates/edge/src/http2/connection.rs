//! One HTTP/2 connection: its handshake, its streams, its end.

use super::answer::Http2Answer;
use super::content::Http2Content;
use super::tap::{Found, Tap};
use crate::http1::connection::{HEAD_TIME_MAX, IDLE_TIME_MAX, LINGER_TIME_MAX, Service};
use crate::http1::framing::HEAD_BYTES_MAX;
use crate::pace::{Conversation, Pace};
use crate::reasons::Reason;
use crate::request::{self, Length};
use crate::streams::abandonment::{Abandonment, Ended};
use crate::streams::head::{self, Section};
use crate::streams::{CONNECTION_WINDOW_BYTES, ENDING_TIME_MAX, STREAM_WINDOW_BYTES, STREAMS_MAX, is_call};
use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use h2::RecvStream;
use h2::ext::Protocol;
use h2::server::{Builder, Connection, SendResponse};
use http::request::Parts;
use http::{Method, Request, Version};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep, timeout};

/// What one stream may hold back while the visitor takes nothing, in bytes. Bodies from the cache are
/// shared, not copied.
pub(crate) const STREAM_SEND_BYTES_MAX: usize = SEND_BYTES_MAX / STREAMS_MAX as usize;
/// The same for all streams of a connection.
const SEND_BYTES_MAX: usize = 1024 * 1024;
/// How long new streams are taken after the visitor was told that the connection ends.
pub(crate) const NEWCOMERS_TIME_MAX: Duration = Duration::from_secs(1);
/// Streams that the visitor reset before they were looked at; one more ends the connection with
/// ENHANCE_YOUR_CALM (the rapid reset attack).
pub(crate) const PENDING_RESETS_MAX: usize = 20;
/// Streams that the edge had to reset for the visitor's errors; one more ends the connection.
pub(crate) const FORCED_RESETS_MAX: usize = 64;

type Streams<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Ended> + Send + 'a>>>;

/// Serves a connection until either side ends it. `stopping` becomes ready when the process winds down:
/// streams under way are finished, no other is begun.
pub(crate) async fn serve<T, S>(io: T, service: &S, stopping: impl Future<Output = ()> + Send)
where
    T: AsyncRead + AsyncWrite + Unpin + Send,
    S: Service,
{
    // A visitor that does not even greet, or breaks the protocol, needs no answer.
    let (io, found) = Tap::around(io, !service.is_forwarder(), service.fingerprints().cloned());
    let greeting = timeout(HEAD_TIME_MAX, bounds().handshake(io));
    let greeted = match service.presence() {
        Some(presence) => presence.unless_left(greeting).await,
        None => Some(greeting.await),
    };
    let Some(Ok(Ok(connection))) = greeted else { return };
    let active_at = Instant::now();
    let phase = Phase::Open { active_at };
    let abandonment = Abandonment::new(active_at);
    let mut serving = Serving { connection, found, streams: Streams::new(), service, phase, abandonment };
    let (mut stopping, mut idle) = (pin!(stopping), pin!(sleep(IDLE_TIME_MAX)));
    poll_fn(|cx| serving.poll(stopping.as_mut(), idle.as_mut(), cx)).await;
    // Exchanges that were under way learn that their visitor has left, and are recorded.
    let Serving { mut streams, .. } = serving;
    let _ = timeout(LINGER_TIME_MAX, async { while streams.next().await.is_some() {} }).await;
}

fn bounds() -> Builder {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(STREAMS_MAX)
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .max_send_buffer_size(STREAM_SEND_BYTES_MAX)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(Some(FORCED_RESETS_MAX))
        .enable_connect_protocol();
    builder
}

struct Serving<'a, T, S> {
    connection: Connection<Tap<T>, Bytes>,
    /// What the frames have come to.
    found: Found,
    streams: Streams<'a>,
    service: &'a S,
    phase: Phase,
    abandonment: Abandonment,
}

/// Where a connection stands.
#[derive(Clone, Copy)]
enum Phase {
    /// Streams are taken. `active_at`: when something last happened.
    Open { active_at: Instant },
    /// No new stream is taken; those under way are finished, within this time.
    Ending { since: Instant, patience: Duration },
}

impl<'a, T: AsyncRead + AsyncWrite + Unpin, S: Service> Serving<'a, T, S> {
    fn poll(
        &mut self,
        stopping: Pin<&mut (impl Future<Output = ()> + Send)>,
        mut idle: Pin<&mut Sleep>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if matches!(self.phase, Phase::Open { .. }) && stopping.poll(cx).is_ready() {
            // How long the process waits for its visitors is decided elsewhere.
            self.end(Duration::MAX);
        }
        loop {
            let accepted = self.poll_accept(cx);
            let mut progressed = false;
            while let Poll::Ready(Some(ended)) = self.streams.poll_next_unpin(cx) {
                progressed = true;
                self.count(ended);
            }
            match accepted {
                Poll::Ready(Accepted::Over) => return Poll::Ready(()),
                Poll::Ready(Accepted::Stream) => {}
                // What streams handed over just now leaves only when the connection is polled again.
                Poll::Pending if progressed => {}
                Poll::Pending => break,
            }
            if let Phase::Open { active_at } = &mut self.phase {
                *active_at = Instant::now();
                // A stream that is over by now has kept nobody busy for long, and it counts.
                self.service.presence().inspect(|presence| presence.is_busy());
            }
        }
        self.send_flood_away(cx);
        self.poll_deadline(idle.as_mut(), cx)
    }

    /// Sends a visitor away whose frames are too many. Nothing more is read from it.
    fn send_flood_away(&mut self, cx: &mut Context<'_>) {
        let Some(breach) = self.found.take() else { return };
        self.service.breached(breach);
        self.phase = Phase::Ending { since: Instant::now(), patience: LINGER_TIME_MAX };
        self.connection.abrupt_shutdown(h2::Reason::ENHANCE_YOUR_CALM);
        // The farewell leaves only when the connection is polled again.
        cx.waker().wake_by_ref();
    }

    /// Ends a connection on which nothing happens; gives one that is ending no more time than it has,
    /// whether or not the visitor plays its part.
    fn poll_deadline(&mut self, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
        self.make_room(cx);
        loop {
            let until = match self.phase {
                Phase::Open { .. } if !self.streams.is_empty() => return Poll::Pending,
                Phase::Open { active_at } => active_at + IDLE_TIME_MAX,
                Phase::Ending { since, .. } if self.streams.is_empty() => since + LINGER_TIME_MAX,
                Phase::Ending { since, patience } => match since.checked_add(patience) {
                    Some(until) => until,
                    None => return Poll::Pending,
                },
            };
            if timer.deadline() > until {
                timer.as_mut().reset(until);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            match self.phase {
                _ if Instant::now() < until => timer.as_mut().reset(until),
                Phase::Open { .. } => {
                    self.end(ENDING_TIME_MAX);
                    // The farewell leaves only when the connection is polled again.
                    cx.waker().wake_by_ref();
                }
                Phase::Ending { .. } => return Poll::Ready(()),
            }
        }
    }

    /// Ends a connection without streams that is to leave.
    fn make_room(&mut self, cx: &mut Context<'_>) {
        let (Some(presence), Phase::Open { .. }) = (self.service.presence(), self.phase) else { return };
        if !self.streams.is_empty() {
            presence.is_busy();
        } else if presence.poll_leave(cx).is_ready() {
            self.end(ENDING_TIME_MAX);
            // The farewell leaves only when the connection is polled again.
            cx.waker().wake_by_ref();
        }
    }

    fn end(&mut self, patience: Duration) {
        self.phase = Phase::Ending { since: Instant::now(), patience };
        self.connection.graceful_shutdown();
    }

    /// Sends a visitor away that asks and does not wait (the rapid reset attack).
    fn count(&mut self, ended: Ended) {
        let now = Instant::now();
        if ended == Ended::Answered {
            self.found.is_answered();
        }
        if self.abandonment.count(ended, now) && matches!(self.phase, Phase::Open { .. }) {
            self.phase = Phase::Ending { since: now, patience: ENDING_TIME_MAX };
            self.connection.abrupt_shutdown(h2::Reason::ENHANCE_YOUR_CALM);
        }
    }

    fn is_past_newcomers(&self) -> bool {
        matches!(self.phase, Phase::Ending { since, .. } if since.elapsed() > NEWCOMERS_TIME_MAX)
    }

    fn begin(
        &mut self,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        cx: &mut Context<'_>,
    ) {
        // A visitor need not acknowledge that the connection ends (RFC 9113 §6.8); what it begins long after it
        // could know would be judged by what this process knew then.
        if self.is_past_newcomers() {
            return respond.send_reset(h2::Reason::REFUSED_STREAM);
        }
        // Reset in the same breath: nobody waits for it, so no origin is asked.
        if is_reset(&mut respond, cx) {
            return self.count(Ended::Abandoned);
        }
        let mut stream = Box::pin(one_stream(self.service, request, respond));
        // Most answers from the cache are complete after one poll and never join the others.
        match stream.as_mut().poll(cx) {
            Poll::Ready(ended) => self.count(ended),
            Poll::Pending => self.streams.push(stream),
        }
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Accepted> {
        match self.connection.poll_accept(cx) {
            Poll::Ready(Some(Ok((request, respond)))) => {
                self.begin(request, respond, cx);
                Poll::Ready(Accepted::Stream)
            }
            Poll::Ready(Some(Err(_)) | None) => Poll::Ready(Accepted::Over),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Whether the visitor has reset the stream by now.
fn is_reset(respond: &mut SendResponse<Bytes>, cx: &mut Context<'_>) -> bool {
    respond.poll_reset(cx).is_ready()
}

enum Accepted {
    Stream,
    Over,
}

async fn one_stream<S: Service>(
    service: &S,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
) -> Ended {
    let (parts, stream) = request.into_parts();
    let is_head = parts.method == Method::HEAD;
    let mut answer = Http2Answer::new(respond, is_head, service.http3_port());
    let ended = stream.is_end_stream();
    match read(parts, ended) {
        Ok(mut request) => {
            request.fingerprints = service.fingerprints().cloned();
            let call = is_call(&request).then(Conversation::default);
            answer.call.clone_from(&call);
            let mut content = Http2Content::new(stream, Pace::of(call));
            // Content that is said to be none, and is some, makes the request malformed (RFC 9113 §8.1.1): it
            // must not have gone on by then.
            let promised = request.length != Length::None || request.upgrade;
            if !ended && !promised && !content.is_none().await {
                service.refuse(Reason::LengthMalformed, &mut answer).await;
                return answer.end();
            }
            service.serve(&request, &mut content, &mut answer).await;
        }
        Err(reason) => service.refuse(reason, &mut answer).await,
    }
    answer.end()
}

/// The h2 crate refuses what RFC 9113 calls malformed; what values and lengths may not be is left to us.
fn read(parts: Parts, ended: bool) -> Result<request::Request, Reason> {
    let Parts { method, uri, headers, extensions, .. } = parts;
    head::parse(Section {
        version: Version::HTTP_2,
        method,
        scheme: uri.scheme_str(),
        authority: uri.authority().map(|authority| authority.as_str()),
        path: uri.path_and_query().cloned(),
        protocol: extensions.get::<Protocol>().map(Protocol::as_str),
        fields: headers,
        ended,
    })
}
