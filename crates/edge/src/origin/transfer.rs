//! One exchange with an origin under way: the lent connection, and the request's content going up it.
//!
//! Everything here moves only while something of [`Transfer`] is awaited: whatever the exchange waits for,
//! content goes up meanwhile. Dropped, the connection closes and the origin sees the break.

use super::answer::{AnswerHead, Asked, Framing};
use super::entrance::Stay;
use super::pool::Lease;
use super::replay::Replay;
use super::senders::Sender;
use crate::ports::{Content, Piece};
use crate::reasons::Reason;
use crate::request::Length;
use bytes::BytesMut;
use http::{HeaderMap, header};
use snapshot::Timeouts;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long an origin is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waits {
    /// For a connection.
    pub(crate) connect: Duration,
    /// For the head of an answer, and while it takes no content.
    pub(crate) first_byte: Duration,
    /// Between two pieces of an answer.
    pub(crate) between_bytes: Duration,
    /// For the whole exchange.
    pub(crate) total: Option<Duration>,
}

/// The longest silence of an origin that speaks when it has something to say: server-sent events, calls (gRPC).
pub(crate) const CONVERSATION_SILENCE_MAX: Duration = Duration::from_secs(600);

/// As long as a site sets it; where it sets nothing, as long as a conversation may pause.
fn patient(set: Duration, usual: Duration) -> Duration {
    if set == usual { CONVERSATION_SILENCE_MAX } else { set }
}

/// Whether the fields of an answer say that it is sent bit by bit, whenever there is something to say.
pub(crate) fn is_conversation(fields: &HeaderMap) -> bool {
    let kind = fields.get(header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let begins = |with: &[u8]| kind.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
    kind.eq_ignore_ascii_case(b"text/event-stream") || begins(b"application/grpc")
}

impl Waits {
    /// The same for a call, whose head may come with the first word of its answer.
    pub(crate) fn of_call(self) -> Self {
        Self { first_byte: patient(self.first_byte, Self::usual().first_byte), ..self }
    }

    /// As of a site that sets nothing.
    pub(crate) fn usual() -> Self {
        Self::of(&Timeouts::default())
    }

    /// As a site sets them.
    pub(crate) fn of(timeouts: &Timeouts) -> Self {
        let time = |time_ms: u32| Duration::from_millis(time_ms.into());
        Self {
            connect: time(timeouts.connect_ms),
            first_byte: time(timeouts.first_byte_ms),
            between_bytes: time(timeouts.between_bytes_ms),
            total: timeouts.total_ms.map(time),
        }
    }
}

/// How long one answer is waited for: no silence longer than one, no longer than the other in all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    /// Between two pieces.
    pub(crate) between_bytes: Duration,
    /// For the whole.
    pub(crate) until: Option<Instant>,
}

impl Deadlines {
    /// The same for a conversation.
    fn of_conversation(self) -> Self {
        Self { between_bytes: patient(self.between_bytes, Waits::usual().between_bytes), ..self }
    }

    /// The reason once a wait from now on is over, and when that is.
    fn next(self) -> (Instant, Reason) {
        let silent = Instant::now() + self.between_bytes;
        match self.until {
            Some(until) if until < silent => (until, Reason::OriginOvertime),
            _ => (silent, Reason::OriginStalled),
        }
    }
}

/// Pieces of content between visitor and origin.
const PIECES_MAX: usize = 2;

type UploadFuture<'a> = Pin<Box<dyn Future<Output = Result<(), Reason>> + Send + 'a>>;

/// The lent connection and what goes up it.
pub(crate) struct Transfer<'a> {
    lease: Lease,
    deadlines: Deadlines,
    upload: Option<Upload<'a>>,
    /// When the last of the content went up.
    uploaded: Option<Instant>,
    /// When the head of the answer came.
    answered: Option<Instant>,
}

/// A visitor's content on its way up.
struct Upload<'a> {
    reading: UploadFuture<'a>,
    pieces: mpsc::Receiver<Piece>,
}

impl<'a> Transfer<'a> {
    /// A transfer without content.
    pub(crate) fn without_content(lease: Lease, deadlines: Deadlines) -> Self {
        Self { lease, deadlines, upload: None, uploaded: None, answered: None }
    }

    /// A transfer with content that is all here.
    pub(crate) fn with_replay(lease: Lease, deadlines: Deadlines, mut replay: Replay) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES_MAX);
        let reading = Box::pin(async move { read_all(&mut replay, sender).await });
        Self { lease, deadlines, upload: Some(Upload { reading, pieces }), uploaded: None, answered: None }
    }

    /// A transfer that sends content up as it comes.
    pub(crate) fn with_content<C: Content>(lease: Lease, deadlines: Deadlines, content: &'a mut C) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES_MAX);
        Self {
            lease,
            deadlines,
            upload: Some(Upload { reading: Box::pin(read_all(content, sender)), pieces }),
            uploaded: None,
            answered: None,
        }
    }

    /// Begins the exchange now: `write` writes the request line and the fields.
    pub(crate) fn begin(
        &mut self,
        (asked, length): (Asked, Length),
        now: Instant,
        write: impl FnOnce(&mut BytesMut),
    ) {
        let length = if self.upload.is_some() { length } else { Length::None };
        self.lease.count_request();
        if let Some(stay) = &mut self.lease.stay {
            stay.begin(now);
        }
        self.lease.link().begin(asked, length, write);
    }

    /// Whether all that is here of the content has gone up, and more is still to come from its visitor.
    pub(crate) fn awaits_visitor(&mut self) -> bool {
        self.upload.is_some() && self.lease.link().is_drained()
    }

    /// How many bytes went up.
    pub(crate) fn progress(&mut self) -> u64 {
        self.lease.link().written()
    }

    /// How long the origin was the one that was waited for until the head of its answer came: from `began` on where nothing
    /// went up, else from the last of it; no time, where some of it is still to come.
    pub(crate) fn origins_time(&self, began: Instant) -> Duration {
        let since = self.uploaded.unwrap_or(began);
        let answered = self.answered.filter(|_| self.upload.is_none());
        answered.map_or(Duration::ZERO, |answered| answered.saturating_duration_since(since))
    }

    /// The next head of the answer; its framing tells whether it is an interim one.
    pub(crate) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<AnswerHead, Reason>> {
        // The answer first: an origin that has answered need not take the rest.
        if let Poll::Ready(head) = self.lease.link().poll_head(cx) {
            // What comes from here on is at the visitor's pace, and not the origin's.
            if head.as_ref().is_ok_and(|head| head.framing != Framing::Interim) {
                let now = Instant::now();
                self.answered = Some(now);
                self.lease.stay.take().iter_mut().for_each(|stay| stay.answered(now));
            }
            return Poll::Ready(head);
        }
        self.poll_upload(cx)?;
        Poll::Pending
    }

    /// Whether the answer has come whole.
    pub(crate) fn is_whole(&mut self) -> bool {
        self.lease.link().is_whole()
    }

    /// The next piece of the answer's content, as soon as it is there.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Reason>> {
        // Also where it is there whenever it is asked for: an answer without end would else be one without a limit.
        if self.deadlines.until.is_some_and(|until| Instant::now() >= until) {
            return Poll::Ready(Err(Reason::OriginOvertime));
        }
        if let Poll::Ready(piece) = self.lease.link().poll_piece(cx) {
            return Poll::Ready(piece);
        }
        self.poll_upload(cx)?;
        Poll::Pending
    }

    /// The next piece of the answer's content, from an origin that may not be silent for long.
    pub(crate) async fn next_piece(&mut self) -> Result<Piece, Reason> {
        self.next_piece_unless(|_| Poll::Pending).await
    }

    /// The same, given up with the reason of what comes first.
    pub(crate) async fn next_piece_unless(
        &mut self,
        mut given_up: impl FnMut(&mut Context<'_>) -> Poll<Reason> + Send,
    ) -> Result<Piece, Reason> {
        let mut deadline = None;
        poll_fn(|cx| {
            if let Poll::Ready(reason) = given_up(cx) {
                return Poll::Ready(Err(reason));
            }
            if let Poll::Ready(piece) = self.poll_piece(cx) {
                return Poll::Ready(piece);
            }
            let (until, over) = *deadline.get_or_insert_with(|| self.deadlines.next());
            self.poll_until(until, cx).map(|()| Err(over))
        })
        .await
    }

    /// Ready from an instant on.
    pub(crate) fn poll_until(&mut self, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
        self.lease.link().timer().poll(until, cx)
    }

    /// From here on the origin speaks when it has something to say.
    pub(crate) fn converse(&mut self) {
        self.deadlines = self.deadlines.of_conversation();
    }

    /// How long the answer is waited for.
    pub(crate) fn deadlines(&self) -> Deadlines {
        self.deadlines
    }

    /// Waits for something else while the transfer goes on. Fails when the content does, and where the connection is
    /// given up to somebody else (`stalls.rs`).
    pub(crate) async fn during<F: Future>(&mut self, awaited: F) -> Result<F::Output, Reason> {
        let mut awaited = pin!(awaited);
        let mut stall = None;
        poll_fn(|cx| {
            if let Poll::Ready(output) = awaited.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            if stall.is_none() {
                stall = self.lease.stall();
            }
            if stall.as_ref().is_some_and(|stall| stall.is_cut(cx.waker())) {
                return Poll::Ready(Err(Reason::GaveWay));
            }
            if let Some(until) = self.deadlines.until
                && self.poll_until(until, cx).is_ready()
            {
                return Poll::Ready(Err(Reason::OriginOvertime));
            }
            let uploads = self.upload.is_some();
            self.poll_upload(cx)?;
            // What goes up and what is awaited may move each other.
            if uploads { awaited.as_mut().poll(cx).map(Ok) } else { Poll::Pending }
        })
        .await
    }

    /// Moves content up as far as it goes now. Fails where its visitor is to give way to others who send.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Result<(), Reason> {
        let gives_way = |sender: &Sender| sender.gives_way(cx.waker());
        if self.upload.is_some() && self.sender().is_some_and(gives_way) {
            return Err(Reason::OriginOverloaded);
        }
        loop {
            let link = self.lease.link();
            let sent = link.poll_send(cx);
            let Some(upload) = self.upload.as_mut().filter(|_| link.has_room()) else {
                return Ok(());
            };
            let Poll::Ready(piece) = upload.poll_piece(cx)? else { return Ok(()) };
            let last = matches!(piece, Piece::End(_));
            if let (Piece::Content(bytes), Some(sender)) = (&piece, self.sender()) {
                sender.sent(bytes.len() as u64);
            }
            self.lease.link().put(piece)?;
            if sent.is_pending() && !self.lease.link().has_room() && !last {
                return Ok(());
            }
            if last {
                self.upload = None;
                self.uploaded = Some(Instant::now());
                self.lease.stay.iter_mut().for_each(Stay::sent);
            }
        }
    }

    fn sender(&self) -> Option<&Sender> {
        self.lease.stay.as_ref()?.sender()
    }

    /// Ends a transfer whose answer is whole: the connection goes back to its pool, unless content was
    /// still going up.
    pub(crate) fn end(self) {
        if self.upload.is_none() {
            self.lease.give_back();
        }
    }

    /// Leaves the lent connection to a tunnel.
    pub(crate) fn into_lease(self) -> Lease {
        self.lease
    }
}

impl Upload<'_> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Reason>> {
        loop {
            // Not `poll_recv`: in a task that has spent its budget it says that nothing is there, for ever.
            // Nobody sends but `reading`, so there is nothing to be woken for.
            if let Ok(piece) = self.pieces.try_recv() {
                return Poll::Ready(Ok(piece));
            }
            match self.reading.as_mut().poll(cx)? {
                // The last piece is in the channel.
                Poll::Ready(()) if !self.pieces.is_empty() => {}
                Poll::Ready(()) => return Poll::Ready(Err(Reason::BodyCut)),
                Poll::Pending if self.pieces.is_empty() => return Poll::Pending,
                Poll::Pending => {}
            }
        }
    }
}

/// When content breaks off, the exchange ends without its end, and the connection with it: an origin must
/// never take a part for the whole.
async fn read_all<C: Content>(content: &mut C, sender: mpsc::Sender<Piece>) -> Result<(), Reason> {
    loop {
        let piece = content.next().await?;
        let last = matches!(piece, Piece::End(_));
        if sender.send(piece).await.is_err() || last {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_conversation_may_pause_unless_the_site_says_otherwise() {
        for (kind, is_one) in [
            (Some("text/event-stream"), true),
            (Some("Text/Event-Stream; charset=utf-8"), true),
            (Some("application/grpc+proto"), true),
            (Some("text/event-streams"), false),
            (Some("text/html"), false),
            (None, false),
        ] {
            let mut fields = HeaderMap::new();
            fields.extend(kind.map(|kind| (header::CONTENT_TYPE, HeaderValue::from_static(kind))));
            assert_eq!(is_conversation(&fields), is_one, "{kind:?}");
        }
        let minute = Duration::from_secs(60);
        for (set_ms, allowed) in [(60_000, CONVERSATION_SILENCE_MAX), (5_000, minute / 12)] {
            let timeouts =
                Timeouts { first_byte_ms: set_ms, between_bytes_ms: set_ms, ..Timeouts::default() };
            let waits = Waits::of(&timeouts);
            let deadlines = Deadlines { between_bytes: waits.between_bytes, until: None };
            assert_eq!(deadlines.of_conversation().between_bytes, allowed);
            assert_eq!(waits.of_call().first_byte, allowed);
        }
    }
}
