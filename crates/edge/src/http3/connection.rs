//! One HTTP/3 connection: its settings, its streams, its end.
//!
//! One task: what its streams do is driven inside it, as for HTTP/2.

use super::answer::Http3Answer;
use super::codes::{Code, close};
use super::content::Http3Content;
use super::control::{self, Opened};
use super::frames::{self, Fault, Frame, Frames};
use super::qpack::{self, Line, Unread};
use super::reader::{Broken, Held, Reader};
use super::section;
use crate::http1::connection::{HEAD_TIME_MAX, IDLE_TIME_MAX, LINGER_TIME_MAX, Service};
use crate::http1::framing::HEAD_BYTES_MAX;
use crate::pace::{Conversation, Pace};
use crate::reasons::Reason;
use crate::request::Length;
use crate::streams::abandonment::{Abandonment, Ended};
use crate::streams::{ENDING_TIME_MAX, is_call};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use quinn::{Connection, RecvStream, SendStream};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// How long requests are still taken after the end was announced: a visitor hears of it after half a round trip, and what
/// it has asked by then arrives after another half.
const ANNOUNCED_TIME: Duration = Duration::from_secs(1);
/// The last stream that a request could come on.
const STREAM_MAX: u64 = (1 << 62) - 4;

/// Requests under way.
type Requests<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Ended> + Send + 'a>>>;
/// Streams in one direction under way.
type Others<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Option<Named>> + Send + 'a>>>;

/// A stream in one direction whose type has come, and what came with it.
struct Named {
    kind: u64,
    begun: Bytes,
    stream: RecvStream,
}

/// Serves a connection until either side ends it. `stopping` becomes ready when the process winds down:
/// streams under way are finished, no other is begun.
pub(super) async fn serve<S: Service>(
    connection: &Connection,
    service: &S,
    stopping: impl Future<Output = ()> + Send,
) {
    let Ok(Some(control)) = timeout(HEAD_TIME_MAX, control::open(connection)).await else { return };
    let active_at = Instant::now();
    let mut serving = Serving {
        connection,
        service,
        control,
        requests: Requests::new(),
        others: Others::new(),
        opened: Opened::default(),
        held: Held::default(),
        abandonment: Abandonment::new(active_at),
        phase: Phase::Open { active_at },
        next_stream: 0,
    };
    serving.run(pin!(stopping)).await;
    close(connection, Code::NoError);
    // Exchanges that were under way learn that their visitor has left, and are recorded.
    let Serving { mut requests, .. } = serving;
    let _ = timeout(LINGER_TIME_MAX, async { while requests.next().await.is_some() {} }).await;
}

struct Serving<'a, S> {
    connection: &'a Connection,
    service: &'a S,
    /// The edge's own control stream.
    control: SendStream,
    requests: Requests<'a>,
    others: Others<'a>,
    opened: Opened,
    held: Held,
    abandonment: Abandonment,
    phase: Phase,
    /// The id of the first request that has not been taken.
    next_stream: u64,
}

/// Where a connection stands.
#[derive(Clone, Copy)]
enum Phase {
    /// Requests are taken. `active_at`: when something last happened.
    Open { active_at: Instant },
    /// The visitor has been told that the end is near. What it asked before it heard of it is still taken (RFC 9114
    /// §5.2).
    Announced { since: Instant },
    /// No new request is taken; those under way are finished, within bounds.
    Ending { since: Instant, patience: Duration },
}

enum Event {
    Stopping,
    Request(SendStream, RecvStream),
    Other(RecvStream),
    Named(Named),
    Ended(Ended),
    Late,
    Over,
}

impl<'a, S: Service> Serving<'a, S> {
    async fn run(&mut self, mut stopping: Pin<&mut (impl Future<Output = ()> + Send)>) {
        loop {
            match self.next(stopping.as_mut()).await {
                Event::Request(send, receive) => self.take(send, receive),
                Event::Other(stream) => self.others.push(Box::pin(name(stream))),
                Event::Named(named) => self.listen(named),
                Event::Ended(ended) => self.count(ended),
                Event::Stopping => self.announce(),
                Event::Late => match self.phase {
                    Phase::Open { .. } => self.end(ENDING_TIME_MAX),
                    // Whoever winds the process down has a time of its own.
                    Phase::Announced { .. } => self.end(Duration::MAX),
                    Phase::Ending { .. } => return,
                },
                Event::Over => return,
            }
        }
    }

    /// Whatever happens next. Nothing that is not told here is lost by waiting anew.
    async fn next(&mut self, stopping: Pin<&mut (impl Future<Output = ()> + Send)>) -> Event {
        let (is_open, deadline) = (self.is_open(), self.deadline());
        let late = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let presence = self.service.presence().filter(|_| is_open);
        let may_leave = presence.filter(|_| self.requests.is_empty());
        if may_leave.is_none() {
            presence.inspect(|presence| presence.is_busy());
        }
        let leave = async {
            match may_leave {
                Some(presence) => poll_fn(|cx| presence.poll_leave(cx)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = stopping, if is_open => Event::Stopping,
            Some(ended) = self.requests.next() => Event::Ended(ended),
            Some(Some(named)) = self.others.next() => Event::Named(named),
            request = self.connection.accept_bi() => match request {
                Ok((send, receive)) => Event::Request(send, receive),
                Err(_) => Event::Over,
            },
            other = self.connection.accept_uni() => match other {
                Ok(stream) => Event::Other(stream),
                Err(_) => Event::Over,
            },
            () = leave => Event::Late,
            () = late => Event::Late,
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open { .. })
    }

    /// Until when something must happen; requests under way keep limits of their own.
    fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open { active_at } if self.requests.is_empty() => Some(active_at + IDLE_TIME_MAX),
            Phase::Open { .. } => None,
            Phase::Announced { since } => Some(since + ANNOUNCED_TIME),
            Phase::Ending { since, .. } if self.requests.is_empty() => Some(since + LINGER_TIME_MAX),
            Phase::Ending { since, patience } => since.checked_add(patience),
        }
    }

    fn take(&mut self, mut send: SendStream, mut receive: RecvStream) {
        let id = u64::from(send.id());
        match &mut self.phase {
            Phase::Open { active_at } => *active_at = Instant::now(),
            Phase::Announced { .. } => {}
            // The visitor has been told by GOAWAY, and may ask somewhere else (RFC 9114 §5.2).
            Phase::Ending { .. } => {
                let _ =
                    (send.reset(Code::RequestRejected.into()), receive.stop(Code::RequestRejected.into()));
                return;
            }
        }
        self.next_stream = id + 4;
        let reader = Reader::new(receive, Frames::of_request(), Held::clone(&self.held));
        self.requests.push(Box::pin(one_request(self.service, self.connection, send, reader)));
    }

    fn listen(&mut self, Named { kind, begun, stream }: Named) {
        match self.opened.take(kind) {
            Ok(()) => {
                let (connection, held) = (self.connection, Held::clone(&self.held));
                self.others.push(Box::pin(async move {
                    control::listen(kind, begun, stream, connection, held).await;
                    None
                }));
            }
            Err(code) => close(self.connection, code),
        }
    }

    /// Sends a visitor away that asks and does not wait (the rapid reset attack).
    fn count(&mut self, ended: Ended) {
        let now = Instant::now();
        if self.abandonment.count(ended, now) && !matches!(self.phase, Phase::Ending { .. }) {
            self.phase = Phase::Ending { since: now, patience: ENDING_TIME_MAX };
            close(self.connection, Code::ExcessiveLoad);
        } else if let Phase::Open { active_at } = &mut self.phase {
            *active_at = now;
        }
    }

    fn announce(&mut self) {
        self.phase = Phase::Announced { since: Instant::now() };
        self.tell(STREAM_MAX);
    }

    fn end(&mut self, patience: Duration) {
        self.phase = Phase::Ending { since: Instant::now(), patience };
        self.tell(self.next_stream);
    }

    /// Requests from this stream on are not taken. A visitor that gives its peer no room for these few bytes is not told.
    fn tell(&mut self, stream: u64) {
        let _ = self.control.write_all_chunks(&mut [frames::goaway(stream)]).now_or_never();
    }
}

async fn name(mut stream: RecvStream) -> Option<Named> {
    let (kind, begun) = control::kind_of(&mut stream).await?;
    Some(Named { kind, begun, stream })
}

/// Why a request cannot be served.
enum Unserved {
    /// It is answered with a page.
    Refused(Reason),
    /// The visitor has broken it off.
    Abandoned,
    /// The connection has ended with it, or the stream needs no answer.
    Over,
}

async fn one_request<S: Service>(
    service: &S,
    connection: &Connection,
    mut send: SendStream,
    mut reader: Reader,
) -> Ended {
    let head = timeout(HEAD_TIME_MAX, head_of(connection, &mut reader)).await;
    let (lines, ended) = match head.unwrap_or(Err(Unserved::Refused(Reason::HeadSlow))) {
        Ok(head) => head,
        Err(Unserved::Refused(reason)) => {
            let mut answer = Http3Answer::new(send, false);
            service.refuse(reason, &mut answer).await;
            reader.stop(Code::NoError);
            return answer.end().await;
        }
        Err(unserved) => {
            // A visitor that has gone need not be told so.
            let _ = send.reset(Code::RequestIncomplete.into());
            return if matches!(unserved, Unserved::Over) { Ended::Answered } else { Ended::Abandoned };
        }
    };
    let is_head = lines.iter().any(|line| *line.name == *b":method" && *line.value == *b"HEAD");
    let mut answer = Http3Answer::new(send, is_head);
    let (mut reader, is_reset) = match section::request(lines, ended) {
        Ok(mut request) => {
            request.fingerprints = service.fingerprints().cloned();
            let call = is_call(&request).then(Conversation::default);
            answer.call.clone_from(&call);
            let pace = Pace::of(call);
            let mut content = Http3Content::new(reader, connection.clone(), request.length, pace);
            // Content that is said to be none, and is some, makes the request malformed (RFC 9114 §4.1.2): it
            // must not have gone on by then.
            let promised = request.length != Length::None || request.upgrade;
            match promised || content.is_none().await {
                true => service.serve(&request, &mut content, &mut answer).await,
                false => service.refuse(Reason::LengthMalformed, &mut answer).await,
            }
            content.into_reader()
        }
        Err(reason) => {
            service.refuse(reason, &mut answer).await;
            (reader, false)
        }
    };
    // What the visitor has still to send is of no use (RFC 9114 §4.1).
    if !reader.is_ended() {
        reader.stop(Code::NoError);
    }
    let ended = answer.end().await;
    if is_reset { Ended::Abandoned } else { ended }
}

/// The lines of a request's head, and whether they are all of it.
async fn head_of(connection: &Connection, reader: &mut Reader) -> Result<(Vec<Line>, bool), Unserved> {
    let over = |code| {
        close(connection, code);
        Unserved::Over
    };
    let coded = match reader.next().await {
        Ok(Some(Frame::Head(coded))) => coded,
        Err(Broken::Fault(Fault::Connection(code))) => return Err(over(code)),
        Err(Broken::Fault(Fault::TooLarge)) => return Err(Unserved::Refused(Reason::HeadTooLarge)),
        Err(Broken::Lost) => return Err(Unserved::Over),
        // A stream that ends without a head was opened for nothing.
        Ok(_) | Err(Broken::Fault(Fault::Incomplete) | Broken::Reset) => return Err(Unserved::Abandoned),
    };
    let lines = qpack::decode(coded, HEAD_BYTES_MAX).map_err(|unread| match unread {
        Unread::TooLarge => Unserved::Refused(Reason::HeadTooLarge),
        Unread::Malformed => over(Code::Decompression),
    })?;
    // Often the end of the stream comes a moment after the head. Content is rarely sent with a method that has no
    // use for it, so its first byte, or the end, is waited for; with any other, what is there now decides.
    let bare = lines.iter().any(|line| *line.name == *b":method" && matches!(&*line.value, b"GET" | b"HEAD"));
    let ended = match bare {
        true => reader.peek_end().await,
        false => reader.peek_end().now_or_never().unwrap_or(Ok(false)),
    };
    match ended {
        Ok(ended) => Ok((lines, ended)),
        Err(Broken::Reset) => Err(Unserved::Abandoned),
        Err(Broken::Fault(Fault::Connection(code))) => Err(over(code)),
        Err(Broken::Fault(_) | Broken::Lost) => Err(Unserved::Over),
    }
}
