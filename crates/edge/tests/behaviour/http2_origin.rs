//! The origin's side of a script over HTTP/2.

use crate::support::Stage;
use bytes::Bytes;
use h2::RecvStream;
use h2::server::{Builder, Connection, SendResponse};
use http::{Request, Response};
use snapshot::{OriginProtocol, Site};
use std::future::poll_fn;
use std::task::Poll;
use testkit::Peer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A stage whose first site's origin is known to speak HTTP/2.
pub async fn stage() -> Stage {
    stage_with(|_| {}).await
}

pub async fn stage_with(site: impl FnOnce(&mut Site)) -> Stage {
    let set = |it: &mut Site| {
        it.origins[0].protocol = OriginProtocol::Http2;
        site(it);
    };
    Stage::set_with(|_| {}, set).await
}

/// A request in the origin's hand.
pub struct Asked {
    pub head: Request<()>,
    pub content: RecvStream,
    pub respond: SendResponse<Bytes>,
}

impl Asked {
    pub fn path(&self) -> &str {
        self.head.uri().path()
    }

    /// Answers with a whole body.
    pub fn say(mut self, response: Response<()>, body: &'static str) {
        let mut stream = self.respond.send_response(response, false).expect("a stream");
        stream.send_data(Bytes::from_static(body.as_bytes()), true).expect("a stream");
    }

    /// The next piece of content.
    pub async fn piece(&mut self) -> Bytes {
        let piece = self.content.data().await.expect("content").expect("content");
        self.content.flow_control().release_capacity(piece.len()).expect("capacity");
        piece
    }
}

struct GoAway;

/// One connection to the origin. Dropped, it is cut.
pub struct Http2Origin {
    requests: mpsc::UnboundedReceiver<Asked>,
    farewells: mpsc::UnboundedSender<GoAway>,
    driver: JoinHandle<()>,
}

impl Http2Origin {
    /// The next connection of a stage.
    pub async fn accept(stage: &Stage) -> Self {
        Self::accept_with(stage, &Builder::new()).await
    }

    pub async fn accept_with(stage: &Stage, settings: &Builder) -> Self {
        Self::over(stage.origin.accept_stream().await, settings).await
    }

    pub async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        settings: &Builder,
    ) -> Self {
        let connection = settings.handshake(stream).await.expect("HTTP/2 is spoken");
        let ((sender, requests), (farewells, received)) =
            (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let driver = tokio::spawn(drive(connection, sender, received));
        Self { requests, farewells, driver }
    }

    pub async fn asked(&mut self) -> Asked {
        crate::quic::patient(self.requests.recv()).await.expect("a request")
    }

    /// Whether nothing more is asked: the connection has ended.
    pub async fn ends(&mut self) -> bool {
        crate::quic::patient(self.requests.recv()).await.is_none()
    }

    /// Takes no more streams than those that have come, and finishes these.
    pub fn go_away(&self) {
        self.farewells.send(GoAway).expect("a connection");
    }
}

impl Drop for Http2Origin {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn drive<T: AsyncRead + AsyncWrite + Unpin>(
    mut connection: Connection<T, Bytes>,
    sender: mpsc::UnboundedSender<Asked>,
    mut farewells: mpsc::UnboundedReceiver<GoAway>,
) {
    poll_fn(|cx| {
        while let Poll::Ready(Some(GoAway)) = farewells.poll_recv(cx) {
            connection.graceful_shutdown();
        }
        loop {
            match connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    let (parts, content) = request.into_parts();
                    let head = Request::from_parts(parts, ());
                    // The test may have enough.
                    let _ = sender.send(Asked { head, content, respond });
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
}

/// The status and the body of the next answer on an HTTP/1.1 connection.
pub async fn answer(visitor: &mut Peer) -> (u16, String) {
    let head = visitor.head().await;
    let body = visitor.bytes(head.length()).await;
    (head.status(), String::from_utf8_lossy(&body).into_owned())
}
