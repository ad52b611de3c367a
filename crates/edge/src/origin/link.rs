//! What carries one exchange with an origin: an HTTP/1.1 connection of its own, or a stream of an HTTP/2 connection
//! that it shares.

use super::answer::{AnswerHead, Asked};
use super::connection::OriginConnection;
use super::http2::Http2Exchange;
use crate::ports::Piece;
use crate::reasons::Reason;
use crate::request::Length;
use crate::timer::Timer;
use bytes::BytesMut;
use std::task::{Context, Poll};

/// Boxed: leases are handed from step to step, and a box is moved for less.
pub(super) enum Link {
    Http1(Box<OriginConnection>),
    Http2(Box<Http2Exchange>),
}

impl Link {
    /// Begins the exchange: `write` writes the request line and all fields but the empty line behind them.
    /// Content follows by [`Self::put`] where there is some.
    pub(super) fn begin(&mut self, asked: Asked, length: Length, write: impl FnOnce(&mut BytesMut)) {
        match self {
            Self::Http1(connection) => connection.begin(asked, length, write),
            Self::Http2(exchange) => exchange.begin(asked, length, write),
        }
    }

    /// Whether a piece of content can be taken: nothing much is held.
    pub(super) fn has_room(&self) -> bool {
        match self {
            Self::Http1(connection) => connection.has_room(),
            Self::Http2(exchange) => exchange.has_room(),
        }
    }

    /// Takes a piece of the request's content. Only where there [is room](Self::has_room).
    pub(super) fn put(&mut self, piece: Piece) -> Result<(), Reason> {
        match self {
            Self::Http1(connection) => connection.put(piece),
            Self::Http2(exchange) => exchange.put(piece),
        }
    }

    /// Whether nothing that was put still waits to go up.
    pub(super) fn is_drained(&self) -> bool {
        match self {
            Self::Http1(connection) => connection.is_drained(),
            Self::Http2(exchange) => exchange.is_drained(),
        }
    }

    /// Bytes that went up.
    pub(super) fn written(&self) -> u64 {
        match self {
            Self::Http1(connection) => connection.written(),
            Self::Http2(exchange) => exchange.written(),
        }
    }

    /// Sends what is held as far as it goes.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Http1(connection) => connection.poll_send(cx),
            Self::Http2(exchange) => exchange.poll_send(cx),
        }
    }

    /// The next head of the answer; its framing tells whether it is an interim one.
    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<AnswerHead, Reason>> {
        match self {
            Self::Http1(connection) => connection.poll_head(cx),
            Self::Http2(exchange) => exchange.poll_head(cx),
        }
    }

    /// Whether the answer has come whole.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Self::Http1(connection) => connection.is_whole(),
            Self::Http2(exchange) => exchange.is_whole(),
        }
    }

    /// The next piece of the answer's content.
    pub(super) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Reason>> {
        match self {
            Self::Http1(connection) => connection.poll_piece(cx),
            Self::Http2(exchange) => exchange.poll_piece(cx),
        }
    }

    /// For the exchange's waits.
    pub(super) fn timer(&mut self) -> &mut Timer {
        match self {
            Self::Http1(connection) => &mut connection.timer,
            Self::Http2(exchange) => &mut exchange.timer,
        }
    }
}
