//! The content port over HTTP/1: a request's body as its framing delimits it.

use super::chunked::{ChunkedDecoder, Step};
use super::transport::Readable;
use super::wire::Incoming;
use crate::pace::Pace;
use crate::ports::{Content, Piece};
use crate::reasons::Reason;
use crate::request::Length;
use http::HeaderMap;
use std::future::poll_fn;
use std::task::Poll;

/// The most content one request may have, in bytes.
pub(crate) const BODY_BYTES_MAX: u64 = 1 << 30;

/// Reads one request's body off its connection, and not one byte more.
pub(crate) struct Http1Content<'a, R> {
    incoming: &'a mut Incoming<R>,
    framing: Framing,
    taken: u64,
    pace: Pace,
}

enum Framing {
    Sized(u64),
    Chunked(Box<ChunkedDecoder>),
    Tunnel,
    Ended,
    Broken,
}

impl<'a, R: Readable> Http1Content<'a, R> {
    pub(crate) fn new(incoming: &'a mut Incoming<R>, length: Length) -> Self {
        let framing = match length {
            Length::None => Framing::Ended,
            Length::Known(length) => Framing::Sized(length),
            Length::Unknown => Framing::Chunked(Box::default()),
        };
        Self { incoming, framing, taken: 0, pace: Pace::default() }
    }

    /// Whether the next byte on the connection belongs to the next request.
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.framing, Framing::Ended)
    }

    /// Reads and drops what is left, if that is at most `limit` bytes; says whether the end was reached.
    pub(crate) async fn drain(&mut self, limit: u64) -> bool {
        if matches!(self.framing, Framing::Sized(left) if left > limit) {
            return false;
        }
        let end = self.taken.saturating_add(limit);
        while !self.is_ended() && self.taken <= end {
            if self.next().await.is_err() {
                return false;
            }
        }
        self.is_ended()
    }

    /// Takes a piece out of what has arrived; `None` while that is nothing.
    fn arrived(&mut self) -> Result<Option<Piece>, Reason> {
        let buffer = &mut self.incoming.buffer;
        match &mut self.framing {
            Framing::Ended => Ok(Some(Piece::End(HeaderMap::new()))),
            Framing::Broken => Err(Reason::BodyCut),
            Framing::Sized(_) | Framing::Tunnel if buffer.is_empty() => Ok(None),
            Framing::Tunnel => Ok(Some(Piece::Content(buffer.split().freeze()))),
            Framing::Sized(left) => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                *left -= take as u64;
                if *left == 0 {
                    self.framing = Framing::Ended;
                }
                Ok(Some(Piece::Content(buffer.split_to(take).freeze())))
            }
            Framing::Chunked(decoder) => match decoder.step(buffer)? {
                Step::NeedMore => Ok(None),
                Step::Content(bytes) => Ok(Some(Piece::Content(bytes))),
                Step::End(trailers) => {
                    self.framing = Framing::Ended;
                    Ok(Some(Piece::End(trailers)))
                }
            },
        }
    }

    async fn fill(&mut self) -> Result<(), Reason> {
        let tunnel = matches!(self.framing, Framing::Tunnel);
        let filling = poll_fn(|cx| self.incoming.poll_fill(cx));
        let read = match tunnel {
            // Whoever drives the tunnel bounds its silence.
            true => filling.await,
            false => self.pace.wait(filling).await.map_err(|_| Reason::BodySlow)?,
        };
        match read {
            Ok(0) if tunnel => {
                self.framing = Framing::Ended;
                Ok(())
            }
            Ok(0) | Err(_) => Err(Reason::BodyCut),
            Ok(read) => {
                self.pace.credit(read);
                Ok(())
            }
        }
    }

    async fn next_or_fail(&mut self) -> Result<Piece, Reason> {
        loop {
            if let Some(piece) = self.arrived()? {
                if let Piece::Content(bytes) = &piece {
                    self.taken += bytes.len() as u64;
                }
                let over = self.taken > BODY_BYTES_MAX && !matches!(self.framing, Framing::Tunnel);
                return if over { Err(Reason::BodyTooLarge) } else { Ok(piece) };
            }
            self.fill().await?;
        }
    }
}

impl<R: Readable> Content for Http1Content<'_, R> {
    async fn next(&mut self) -> Result<Piece, Reason> {
        let piece = self.next_or_fail().await;
        if piece.is_err() {
            self.framing = Framing::Broken;
        }
        piece
    }

    async fn become_tunnel(&mut self) -> Result<(), Reason> {
        // One look at what the kernel holds; bytes that cross the answer on the wire are the tunnel's.
        let arrived = poll_fn(|cx| Poll::Ready(self.incoming.poll_fill(cx))).await;
        let early = !self.incoming.buffer.is_empty() || matches!(arrived, Poll::Ready(Ok(1..)));
        self.framing = if early { Framing::Broken } else { Framing::Tunnel };
        if early { Err(Reason::EarlyBytes) } else { Ok(()) }
    }
}
