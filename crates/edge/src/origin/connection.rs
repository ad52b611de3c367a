//! One HTTP/1.1 connection to an origin, driven by whoever uses it: no task of its own, so nothing is
//! woken twice and nothing is left behind.

use super::body::OriginBody;
use super::stream::OriginStream;
use crate::reasons::Reason;
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::Instant;

/// The largest head of an answer.
pub(super) const ORIGIN_HEAD_BYTES_MAX: usize = 64 * 1024;

/// A connection and the state machine that moves its bytes.
pub(crate) struct OriginConnection {
    sender: SendRequest<OriginBody>,
    driver: Box<Connection<TokioIo<OriginStream>, OriginBody>>,
    ended: bool,
    /// When it was last used; its pool's clock.
    pub(crate) idle_since: Instant,
}

/// A request that brought no answer.
pub(crate) struct Unanswered {
    /// Why, in the terms of the table.
    pub(crate) reason: Reason,
}

impl OriginConnection {
    /// Speaks HTTP/1.1 over a stream.
    pub(crate) async fn begin(stream: OriginStream) -> Result<Self, Reason> {
        let shaken =
            http1::Builder::new().max_buf_size(ORIGIN_HEAD_BYTES_MAX).handshake(TokioIo::new(stream)).await;
        let (sender, driver) = shaken.map_err(|_| Reason::OriginClosed)?;
        Ok(Self { sender, driver: Box::new(driver), ended: false, idle_since: Instant::now() })
    }

    /// Moves bytes both ways as far as they go now.
    pub(crate) fn poll_drive(&mut self, cx: &mut Context<'_>) {
        if !self.ended && Pin::new(&mut *self.driver).poll(cx).is_ready() {
            self.ended = true;
        }
    }

    /// Whether it can take a request; looks whether the origin has closed it or sent what nobody asked.
    pub(crate) async fn is_usable(&mut self) -> bool {
        poll_fn(|cx| {
            self.poll_drive(cx);
            Poll::Ready(!self.ended && self.sender.is_ready())
        })
        .await
    }

    /// Sends a request; the future gives the answer's head while someone drives the connection.
    pub(crate) fn send(
        &mut self,
        request: Request<OriginBody>,
    ) -> impl Future<Output = Result<Response<Incoming>, Unanswered>> + Send + use<> {
        let answered = self.sender.try_send_request(request);
        async move { answered.await.map_err(|failure| Unanswered { reason: reason_of(failure.error()) }) }
    }

    /// The stream, after the origin has switched protocols, and what it sent in the new one already.
    pub(crate) fn into_stream(self) -> (OriginStream, Bytes) {
        let parts = self.driver.into_parts();
        (parts.io.into_inner(), parts.read_buf)
    }
}

fn reason_of(error: &hyper::Error) -> Reason {
    if error.is_parse() {
        Reason::OriginMalformed
    } else if error.is_user() {
        Reason::BodyCut
    } else {
        Reason::OriginClosed
    }
}
