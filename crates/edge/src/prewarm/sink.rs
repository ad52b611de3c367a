//! The two ports of an exchange without a visitor.

use crate::ports::{Answer, Content, Fields, Head, Piece, Waiting};
use crate::reasons::Reason;
use bytes::Bytes;
use caching::CacheStatus;
use http::{HeaderMap, StatusCode, header};
use std::task::{Context, Poll};

/// A request without content.
pub(super) struct NoContent;

impl Content for NoContent {
    async fn next(&mut self) -> Result<Piece, Reason> {
        Ok(Piece::End(HeaderMap::new()))
    }

    async fn become_tunnel(&mut self) -> Result<(), Reason> {
        Ok(())
    }
}

/// Takes an answer, and keeps of it what was asked for.
#[derive(Default)]
pub(super) struct Sink {
    pub(super) status: u16,
    pub(super) cache: Option<CacheStatus>,
    pub(super) bytes: u64,
    pub(super) is_whole: bool,
    pub(super) coding: Option<String>,
    pub(super) body: Vec<u8>,
    begun: bool,
    /// Bytes of the body to keep; more end the exchange.
    keep: Option<usize>,
}

impl Sink {
    /// Counts only.
    pub(super) fn counting() -> Self {
        Self::default()
    }

    /// Keeps a body of at most so many bytes.
    pub(super) fn keeping(bytes_max: usize) -> Self {
        Self { keep: Some(bytes_max), ..Self::default() }
    }
}

impl Waiting for Sink {
    async fn informational(&mut self, _: StatusCode, _: &HeaderMap) -> Result<(), Reason> {
        Ok(())
    }

    fn poll_gone(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Answer for Sink {
    async fn head(&mut self, head: Head<'_>) -> Result<(), Reason> {
        self.begun = true;
        self.status = head.status.as_u16();
        self.cache = head.own.cache;
        let coding = match head.fields {
            Fields::Map(fields) => fields.get(header::CONTENT_ENCODING),
            Fields::Stored(stored) | Fields::NotModified(stored) => {
                let mut fields = stored.fields().iter();
                fields.find(|(name, _)| *name == header::CONTENT_ENCODING).map(|(_, value)| value)
            }
        };
        self.coding = coding.and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(())
    }

    async fn data(&mut self, bytes: Bytes) -> Result<(), Reason> {
        self.bytes += bytes.len() as u64;
        match self.keep {
            Some(most) if self.body.len() + bytes.len() > most => return Err(Reason::VisitorGone),
            Some(_) => self.body.extend_from_slice(&bytes),
            None => {}
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Reason> {
        Ok(())
    }

    async fn finish(&mut self, _: Option<&HeaderMap>) -> Result<(), Reason> {
        self.is_whole = true;
        Ok(())
    }

    fn has_begun(&self) -> bool {
        self.begun
    }
}
