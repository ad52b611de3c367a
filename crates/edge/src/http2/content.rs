//! The content port over HTTP/2: DATA frames, given back to flow control as they are taken.

use crate::fields::may_trail;
use crate::http1::BODY_BYTES_MAX;
use crate::pace::Pace;
use crate::ports::{Content, Piece};
use crate::reasons::Reason;
use h2::RecvStream;
use http::HeaderMap;
use std::future::poll_fn;

/// Reads one request's content off its stream.
pub(crate) struct Http2Content {
    stream: RecvStream,
    taken: u64,
    pace: Pace,
    /// Whether the stream has gone over to another protocol, which has a limit of its own for silence and none for
    /// bytes.
    is_tunnel: bool,
}

impl Http2Content {
    pub(crate) fn new(stream: RecvStream, pace: Pace) -> Self {
        Self { stream, taken: 0, pace, is_tunnel: false }
    }

    /// Waits for the end; `false` where something comes before it.
    pub(crate) async fn is_none(&mut self) -> bool {
        matches!(self.next().await, Ok(Piece::End(_)))
    }

    async fn trailers(&mut self) -> Result<HeaderMap, Reason> {
        let stream = &mut self.stream;
        let waited = self.pace.wait(poll_fn(|cx| stream.poll_trailers(cx))).await;
        let trailers = waited.map_err(|_| Reason::BodySlow)?.map_err(|_| Reason::BodyCut)?;
        let all = trailers.unwrap_or_default();
        let mut permitted = HeaderMap::new();
        for (name, value) in all.iter().filter(|(name, _)| may_trail(name)) {
            permitted.append(name.clone(), value.clone());
        }
        Ok(permitted)
    }
}

impl Content for Http2Content {
    async fn next(&mut self) -> Result<Piece, Reason> {
        loop {
            let stream = &mut self.stream;
            let arriving = poll_fn(|cx| stream.poll_data(cx));
            let waited = if self.is_tunnel { Ok(arriving.await) } else { self.pace.wait(arriving).await };
            let Some(frame) = waited.map_err(|_| Reason::BodySlow)? else {
                return self.trailers().await.map(Piece::End);
            };
            let bytes = frame.map_err(|_| Reason::BodyCut)?;
            if bytes.is_empty() {
                continue;
            }
            self.taken += bytes.len() as u64;
            if self.taken > BODY_BYTES_MAX && !self.is_tunnel {
                return Err(Reason::BodyTooLarge);
            }
            self.pace.credit(bytes.len());
            self.stream.flow_control().release_capacity(bytes.len()).map_err(|_| Reason::BodyCut)?;
            return Ok(Piece::Content(bytes));
        }
    }

    /// What has come before the switch belongs to the stream's new protocol: there is no other on it.
    async fn become_tunnel(&mut self) -> Result<(), Reason> {
        self.is_tunnel = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderName, HeaderValue, Request};

    /// The content of one request that a visitor sends with this trailer.
    async fn with_trailer(names: &[&'static str]) -> (HeaderMap, Vec<u8>) {
        let (near, far) = tokio::io::duplex(4096);
        let visitor = async {
            let (mut sender, connection) = h2::client::handshake(near).await.expect("a greeting");
            let sending = async {
                let request = Request::post("https://a.test/").body(()).expect("a request");
                let (response, mut stream) = sender.send_request(request, false).expect("sent");
                stream.send_data(Bytes::from_static(b"all"), false).expect("sent");
                let field = |name: &&'static str| (HeaderName::from_static(name), HeaderValue::from(1));
                stream.send_trailers(names.iter().map(field).collect()).expect("sent");
                response.await
            };
            let _ = futures_util::future::join(sending, connection).await;
        };
        let edge = async {
            let mut connection = h2::server::handshake(far).await.expect("a greeting");
            let (request, _respond) = connection.accept().await.expect("a stream").expect("a request");
            let mut content = Http2Content::new(request.into_body(), Pace::of(None));
            let reading = async {
                let mut all = Vec::new();
                loop {
                    match content.next().await.expect("content") {
                        Piece::Content(bytes) => all.extend_from_slice(&bytes),
                        Piece::End(trailers) => return (trailers, all),
                    }
                }
            };
            tokio::select! {
                read = reading => read,
                _ = connection.accept() => panic!("the stream is still read"),
            }
        };
        tokio::select! {
            read = edge => read,
            () = visitor => panic!("the visitor waits for an answer"),
        }
    }

    #[tokio::test]
    async fn a_trailer_says_nothing_that_only_a_head_may() {
        let names = ["x-end", "authorization", "x-forwarded-for", "content-type", "cdn-loop"];
        let (trailers, content) = with_trailer(&names).await;
        let trailers: Vec<_> = trailers.keys().map(HeaderName::as_str).collect();
        assert_eq!((trailers, content), (vec!["x-end"], b"all".to_vec()));
    }
}
