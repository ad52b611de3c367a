//! A request's content that is all here and may be sent more than once.

use crate::ports::{Content, Piece};
use crate::reasons::Reason;
use crate::request::Length;
use bytes::Bytes;
use http::HeaderMap;
use std::collections::VecDeque;

/// The most content of a request that is held, so that it can be sent a second time.
pub(crate) const REPLAY_BYTES_MAX: u64 = 64 * 1024;

/// Content that is all here. Clones share its bytes.
#[derive(Clone)]
pub(crate) struct Replay {
    pieces: VecDeque<Bytes>,
    trailers: HeaderMap,
}

impl Replay {
    /// Whether content of this length is held.
    pub(crate) fn fits(length: Length) -> bool {
        matches!(length, Length::Known(length) if length <= REPLAY_BYTES_MAX)
    }

    /// Takes all of a visitor's content, whose length [fits](Self::fits): its framing keeps to it.
    pub(crate) async fn gather<C: Content>(content: &mut C) -> Result<Self, Reason> {
        let mut pieces = VecDeque::new();
        loop {
            match content.next().await? {
                Piece::Content(bytes) => pieces.push_back(bytes),
                Piece::End(trailers) => return Ok(Self { pieces, trailers }),
            }
        }
    }
}

impl Content for Replay {
    async fn next(&mut self) -> Result<Piece, Reason> {
        Ok(match self.pieces.pop_front() {
            Some(bytes) => Piece::Content(bytes),
            None => Piece::End(std::mem::take(&mut self.trailers)),
        })
    }

    async fn become_tunnel(&mut self) -> Result<(), Reason> {
        Err(Reason::Internal)
    }
}
