//! Bytes in and out of one HTTP/1 connection.

use super::scratch::READ_BYTES;
use super::transport::{Readable, Writable};
use crate::pace::Pace;
use crate::reasons::Reason;
use bytes::{Buf, Bytes, BytesMut};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncReadExt, AsyncWrite};

/// Content up to this size is copied behind its head, to leave in one piece with it.
pub(crate) const COPIED_BYTES_MAX: usize = 4 * 1024;
/// Held-back bytes are sent once they are so many.
const HELD_BYTES_MAX: usize = 32 * 1024;
/// A read is worth its system call only with some room.
const ROOM_BYTES_MIN: usize = 2 * 1024;

/// The reading side: what has arrived and is not yet understood.
pub(crate) struct Incoming<R> {
    pub(crate) io: R,
    pub(crate) buffer: BytesMut,
}

impl<R: Readable> Incoming<R> {
    /// Reads once into the buffer; 0 is the end.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.buffer.capacity() - self.buffer.len() < ROOM_BYTES_MIN {
            self.buffer.reserve(READ_BYTES);
        }
        // The future holds no state of its own, so making it anew for each poll loses nothing.
        pin!(self.io.read_buf(&mut self.buffer)).poll(cx)
    }

    /// Waits for bytes; 0 is the end. May be dropped and called again.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }
}

/// The writing side: what is held back to leave in few pieces.
pub(crate) struct Outgoing<W> {
    pub(crate) io: W,
    pub(crate) buffer: BytesMut,
    pace: Pace,
}

impl<W: Writable> Outgoing<W> {
    pub(crate) fn new(io: W) -> Self {
        Self { io, buffer: BytesMut::new(), pace: Pace::default() }
    }

    /// A new exchange owes nothing for the one before.
    pub(crate) fn begin_exchange(&mut self) {
        self.pace = Pace::default();
    }

    /// Takes content: small pieces are held back, large ones leave with what is held.
    pub(crate) async fn put(&mut self, bytes: Bytes) -> Result<(), Reason> {
        if bytes.len() <= COPIED_BYTES_MAX {
            self.buffer.extend_from_slice(&bytes);
            if self.buffer.len() < HELD_BYTES_MAX { Ok(()) } else { self.send(Bytes::new()).await }
        } else {
            self.send(bytes).await
        }
    }

    /// Sends everything held back.
    pub(crate) async fn flush(&mut self) -> Result<(), Reason> {
        if self.buffer.is_empty() { Ok(()) } else { self.send(Bytes::new()).await }
    }

    async fn send(&mut self, mut tail: Bytes) -> Result<(), Reason> {
        while self.buffer.has_remaining() || tail.has_remaining() {
            let Self { io, buffer, pace } = self;
            let written = pace.wait(poll_fn(|cx| poll_write(io, buffer, &tail, cx))).await;
            let written = match written {
                Ok(written) => written.map_err(|_| Reason::VisitorGone)?,
                Err(_) => return Err(self.give_up()),
            };
            pace.credit(written);
            let held = written.min(buffer.len());
            buffer.advance(held);
            tail.advance(written - held);
        }
        self.buffer.clear();
        let Self { io, pace, .. } = self;
        let flushed = pace.wait(poll_fn(|cx| Pin::new(&mut *io).poll_flush(cx))).await;
        match flushed {
            Ok(flushed) => flushed.map_err(|_| Reason::VisitorGone),
            Err(_) => Err(self.give_up()),
        }
    }

    /// A visitor that takes too little is reset: closed in order, the socket would stay in the kernel, with all that its
    /// buffer swallowed, for as long as the visitor likes.
    fn give_up(&mut self) -> Reason {
        self.io.reset_on_close();
        Reason::VisitorSlow
    }
}

/// Writes once what is held back and the tail behind it; nothing written is an error.
pub(crate) fn poll_write<W: AsyncWrite + Unpin>(
    io: &mut W,
    held: &[u8],
    tail: &[u8],
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let io = Pin::new(io);
    let written = match (held.is_empty(), tail.is_empty()) {
        (false, false) => ready!(io.poll_write_vectored(cx, &[IoSlice::new(held), IoSlice::new(tail)])),
        (true, _) => ready!(io.poll_write(cx, tail)),
        (_, true) => ready!(io.poll_write(cx, held)),
    };
    Poll::Ready(match written {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        other => other,
    })
}
