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
