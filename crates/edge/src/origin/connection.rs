//! One HTTP/1.1 connection to an origin, driven by whoever uses it: no task of its own, so nothing is
//! woken twice and nothing is left behind.
//!
//! Invariant: bytes of one answer never become part of another. Only a connection whose answer came whole,
//! with nothing behind it and nothing left to send, carries another exchange.

use super::answer::{AnswerHead, Asked, Framing};
use super::repeats::Repeats;
use super::stream::OriginStream;
use crate::http1::chunked::{ChunkedDecoder, Step};
use crate::http1::lines::write_fields;
use crate::http1::scan::Scan;
use crate::http1::wire::{COPIED_BYTES_MAX, poll_write};
use crate::ports::Piece;
use crate::reasons::Reason;
use crate::request::Length;
use crate::timer::Timer;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::HeaderMap;
use std::future::poll_fn;
use std::io::Write as _;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::task::coop::unconstrained;
use tokio::time::Instant;

/// Room for a head and what comes with it.
const READ_BYTES: usize = 16 * 1024;
/// Room while much content is to come.
const LARGE_READ_BYTES: usize = 64 * 1024;
/// A read is worth its system call only with some room.
const ROOM_BYTES_MIN: usize = 2 * 1024;

/// A connection, and how far the exchange on it has come.
pub(crate) struct OriginConnection {
    stream: OriginStream,
    /// What has arrived and is not yet taken.
    input: BytesMut,
    sending: Sending,
    receiving: Receiving,
    repeats: Repeats,
    /// For the waits of its exchanges.
    pub(super) timer: Timer,
    /// When it was last used; its pool's clock.
    pub(crate) idle_since: Instant,
    /// Which of its name's answers its address was last found in; its pool's.
    pub(super) names_revision: u64,
}

/// The request on its way up.
#[derive(Default)]
struct Sending {
    /// The head and small pieces, still to be written.
    held: BytesMut,
    /// A large piece behind them.
    tail: Bytes,
    /// How content is delimited.
    length: Option<Length>,
    /// Whether a chunk's end is still to be written.
    in_chunk: bool,
    unflushed: bool,
    /// The origin takes no more; what it answers still counts.
    refused: bool,
    /// Bytes written in all.
    written: u64,
}

/// The answer on its way down.
enum Receiving {
    /// Nothing is asked, or the answer has come whole.
    Nothing {
        keep_alive: bool,
    },
    Head {
        scan: Scan,
        asked: Asked,
    },
    Sized {
        left: u64,
        keep_alive: bool,
    },
    Chunked {
        decoder: Box<ChunkedDecoder>,
        keep_alive: bool,
    },
    UntilClose,
    /// In another protocol, or out of step: of no further use here.
    Lost,
}

impl OriginConnection {
    /// Speaks HTTP/1.1 over a stream.
    pub(crate) fn new(stream: OriginStream) -> Self {
        Self {
            stream,
            input: BytesMut::new(),
            sending: Sending::default(),
            receiving: Receiving::Nothing { keep_alive: true },
            repeats: Repeats::default(),
            timer: Timer::default(),
            idle_since: Instant::now(),
            names_revision: 0,
        }
    }

    /// The address at the other end.
    pub(super) fn peer(&self) -> Option<IpAddr> {
        self.stream.peer()
    }

    /// Whether it can take a request, as far as is known without asking the kernel.
    fn is_free(&self) -> bool {
        matches!(self.receiving, Receiving::Nothing { keep_alive: true })
            && self.input.is_empty()
            && self.sending.is_over()
    }

    /// Lets go of what only an exchange needs; whether it can take another.
    pub(crate) fn rest(&mut self) -> bool {
        let free = self.is_free();
        if self.input.capacity() > READ_BYTES {
            self.input = BytesMut::new();
        }
        self.idle_since = Instant::now();
        free
    }

    /// Lets go of the memory of a connection at rest; the next exchange makes new ones.
    pub(crate) fn drop_buffers(&mut self) {
        if self.is_free() {
            self.input = BytesMut::new();
            self.sending.held = BytesMut::new();
            self.repeats.clear();
            // It holds on to whoever waited last.
            self.timer = Timer::default();
        }
    }

    /// Whether it can take a request; looks whether the origin has closed it or sent what nobody asked.
    pub(crate) fn poll_usable(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if !self.is_free() {
            return Poll::Ready(false);
        }
        // Silence is what a connection at rest should give. Asked outside of the task's budget: within it,
        // a task that has done much already is told of silence whatever has come.
        let filling = poll_fn(|cx| self.poll_fill(cx));
        Poll::Ready(pin!(unconstrained(filling)).poll(cx).is_pending())
    }

    /// Begins an exchange: `write` writes the request line and all fields but the empty line behind them.
    /// Content follows by [`Self::put`] where there is some.
    pub(crate) fn begin(&mut self, asked: Asked, length: Length, write: impl FnOnce(&mut BytesMut)) {
        debug_assert!(self.is_free(), "one exchange at a time");
        // The last answer is gone by now: the next comes to the same memory, which is warm, and not to what lies behind.
        let _ = self.input.try_reclaim(READ_BYTES);
        write(&mut self.sending.held);
        self.sending.held.extend_from_slice(b"\r\n");
        self.sending.length = (length != Length::None).then_some(length);
        self.receiving = Receiving::Head { scan: Scan::default(), asked };
    }

    /// Whether a piece of content can be taken: nothing much is held.
    pub(crate) fn has_room(&self) -> bool {
        self.sending.tail.is_empty() && self.sending.held.len() < READ_BYTES
    }

    /// Takes a piece of the request's content. Only where there [is room](Self::has_room).
    pub(crate) fn put(&mut self, piece: Piece) -> Result<(), Reason> {
        self.sending.put(piece)
    }

    /// Whether nothing that was put still waits to be written.
    pub(crate) fn is_drained(&self) -> bool {
        self.sending.is_written()
    }

    /// Bytes written since the connection was made.
    pub(crate) fn written(&self) -> u64 {
        self.sending.written
    }

    /// Writes what is held as far as it goes.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.sending.poll(&mut self.stream, cx)
    }

    /// The next head of the answer; its framing tells whether it is an interim one.
    pub(crate) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<AnswerHead, Reason>> {
        let _ = self.poll_send(cx);
        loop {
            let Receiving::Head { scan, asked } = &mut self.receiving else {
                return Poll::Ready(Err(Reason::Internal));
            };
            match AnswerHead::read(&mut self.input, scan, &mut self.repeats, *asked) {
                Ok(Some(head)) => {
                    self.follow(&head);
                    return Poll::Ready(Ok(head));
                }
                Err(reason) => return Poll::Ready(Err(self.lose(reason))),
                Ok(None) => {}
            }
            match ready!(self.poll_fill(cx)) {
                Ok(0) | Err(_) => return Poll::Ready(Err(self.lose(Reason::OriginClosed))),
                Ok(_) => {}
            }
        }
    }

    /// What follows a head.
    fn follow(&mut self, head: &AnswerHead) {
        let keep_alive = head.keep_alive;
        self.receiving = match head.framing {
            Framing::Interim => return,
            Framing::Bodiless(_) | Framing::Sized(0) => Receiving::Nothing { keep_alive },
            Framing::Sized(left) => Receiving::Sized { left, keep_alive },
            Framing::Chunked => Receiving::Chunked { decoder: Box::default(), keep_alive },
            Framing::UntilClose => Receiving::UntilClose,
            Framing::Tunnel => Receiving::Lost,
        };
    }

    /// Whether the answer has come whole.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.receiving, Receiving::Nothing { .. })
    }

    /// The next piece of the answer's content.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Reason>> {
        loop {
            if let Some(piece) = self.arrived().transpose() {
                return Poll::Ready(piece.map_err(|reason| self.lose(reason)));
            }
            let until_close = matches!(self.receiving, Receiving::UntilClose);
            match ready!(self.poll_fill(cx)) {
                Ok(0) if until_close => self.receiving = Receiving::Nothing { keep_alive: false },
                Ok(0) | Err(_) => return Poll::Ready(Err(self.lose(Reason::OriginCut))),
                Ok(_) => {}
            }
        }
    }

    /// Takes a piece out of what has arrived; `None` while that is nothing.
    fn arrived(&mut self) -> Result<Option<Piece>, Reason> {
        let input = &mut self.input;
        match &mut self.receiving {
            Receiving::Nothing { .. } => Ok(Some(Piece::End(HeaderMap::new()))),
            Receiving::Head { .. } | Receiving::Lost => Err(Reason::Internal),
            Receiving::Sized { .. } | Receiving::UntilClose if input.is_empty() => Ok(None),
            Receiving::Sized { left, keep_alive } => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= take as u64;
                if *left == 0 {
                    self.receiving = Receiving::Nothing { keep_alive: *keep_alive };
                }
                Ok(Some(Piece::Content(input.split_to(take).freeze())))
            }
            Receiving::UntilClose => Ok(Some(Piece::Content(input.split().freeze()))),
            Receiving::Chunked { decoder, keep_alive } => {
                match decoder.step(input).map_err(|_| Reason::OriginMalformed)? {
                    Step::NeedMore => Ok(None),
                    Step::Content(bytes) => Ok(Some(Piece::Content(bytes))),
                    Step::End(trailers) => {
                        self.receiving = Receiving::Nothing { keep_alive: *keep_alive };
                        Ok(Some(Piece::End(trailers)))
                    }
                }
            }
        }
    }

    /// Reads once; 0 is the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        let Self { input, stream, .. } = self;
        if input.capacity() - input.len() < ROOM_BYTES_MIN {
            let much = matches!(self.receiving, Receiving::Sized { left, .. } if left > READ_BYTES as u64);
            input.reserve(if much { LARGE_READ_BYTES } else { READ_BYTES });
        }
        // The future holds no state of its own, so making it anew for each poll loses nothing.
        pin!(stream.read_buf(input)).poll(cx)
    }

    fn lose(&mut self, reason: Reason) -> Reason {
        self.receiving = Receiving::Lost;
        reason
    }

    /// The stream, after the origin has switched protocols, and what it sent in the new one already.
    pub(crate) fn into_stream(self) -> (OriginStream, Bytes) {
        (self.stream, self.input.freeze())
    }
}

impl Sending {
    fn is_over(&self) -> bool {
        self.length.is_none() && self.is_written() && !self.refused
    }

    fn is_written(&self) -> bool {
        self.held.is_empty() && self.tail.is_empty() && !self.unflushed
    }

    fn put(&mut self, piece: Piece) -> Result<(), Reason> {
        if self.refused {
            return Ok(());
        }
        match (piece, &mut self.length) {
            (Piece::Content(bytes), Some(Length::Known(left))) => {
                // More than was announced would be read as another request.
                *left = left.checked_sub(bytes.len() as u64).ok_or(Reason::BodyTooLarge)?;
                self.put_bytes(bytes);
            }
            (Piece::Content(bytes), Some(Length::Unknown)) => {
                // Writing to a buffer cannot fail.
                let _ = write!((&mut self.held).writer(), "{:x}\r\n", bytes.len());
                self.in_chunk = true;
                self.put_bytes(bytes);
            }
            (Piece::Content(_), _) => return Err(Reason::Internal),
            (Piece::End(_), Some(Length::Known(left))) if *left > 0 => return Err(Reason::BodyCut),
            (Piece::End(trailers), Some(Length::Unknown)) => {
                self.held.extend_from_slice(b"0\r\n");
                write_fields(&mut self.held, &trailers);
                self.held.extend_from_slice(b"\r\n");
                self.length = None;
            }
            (Piece::End(_), length) => *length = None,
        }
        Ok(())
    }

    fn put_bytes(&mut self, bytes: Bytes) {
        if bytes.len() <= COPIED_BYTES_MAX {
            self.held.extend_from_slice(&bytes);
            self.end_chunk();
        } else {
            self.tail = bytes;
        }
    }

    fn end_chunk(&mut self) {
        if std::mem::take(&mut self.in_chunk) {
            self.held.extend_from_slice(b"\r\n");
        }
    }

    fn poll<S: AsyncWrite + Unpin>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<()> {
        while self.held.has_remaining() || self.tail.has_remaining() {
            match ready!(poll_write(stream, &self.held, &self.tail, cx)) {
                Ok(written) => {
                    self.written += written as u64;
                    let of_held = written.min(self.held.len());
                    self.held.advance(of_held);
                    self.tail.advance(written - of_held);
                    if self.tail.is_empty() && self.held.is_empty() {
                        self.end_chunk();
                    }
                    self.unflushed = true;
                }
                Err(_) => return self.refuse(),
            }
        }
        if self.unflushed {
            if ready!(Pin::new(stream).poll_flush(cx)).is_err() {
                return self.refuse();
            }
            self.unflushed = false;
        }
        Poll::Ready(())
    }

    /// An origin may answer and close before it has taken everything: its answer is read all the same.
    fn refuse(&mut self) -> Poll<()> {
        self.held.clear();
        self.tail.clear();
        self.unflushed = false;
        self.refused = true;
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc;

    /// Has a task's budget spent: whatever it polls from here on says that nothing is there.
    fn spend_budget(cx: &mut Context<'_>) {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        while {
            sender.send(()).expect("open");
            receiver.poll_recv(cx).is_ready()
        } {}
    }

    #[tokio::test]
    async fn a_busy_task_sees_too_that_a_waiting_connection_has_said_something() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let stream = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("connected");
        let (mut origin, _) = listener.accept().await.expect("accepted");
        stream.writable().await.expect("writable");
        origin.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.expect("sent");
        stream.readable().await.expect("readable");
        let mut connection = OriginConnection::new(OriginStream::Plain(stream));
        let usable = poll_fn(|cx| {
            spend_budget(cx);
            connection.poll_usable(cx)
        });
        assert!(!usable.await);
    }
}
