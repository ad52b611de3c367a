//! `Idempotency-Key`: a repeated request gets the first one's answer.

use crate::StoreError;
use async_trait::async_trait;
use vocabulary::{Digest, Timestamp};

/// The answer a repeated request gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Media type of the body.
    pub media_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// What a claim found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The key is new, or its last holder never finished and the hold is over: do the work, then
    /// settle it or let go.
    Fresh,
    /// The same request is being worked on.
    Running,
    /// The same request was answered so.
    Answered(Answer),
    /// The key was used for another request.
    Different,
}

/// Keeps the answers of requests that carried a key.
#[async_trait]
pub trait Idempotency: Send + Sync + 'static {
    /// Claims a key (with the caller's principal and route in it) for a request
    /// known by its digest. A fresh claim holds until `hold_until`, then anybody may claim it anew.
    async fn claim(
        &self,
        key: &str,
        request: &Digest,
        now: Timestamp,
        hold_until: Timestamp,
    ) -> Result<Claim, StoreError>;

    /// Keeps the answer under a claimed key until `keep_until`; harmless when the claim is gone or
    /// another request has it.
    async fn settle(
        &self,
        key: &str,
        request: &Digest,
        answer: &Answer,
        keep_until: Timestamp,
    ) -> Result<(), StoreError>;

    /// Gives a claimed key back without an answer; a settled one, or one that another request has
    /// claimed since, stays.
    async fn release(&self, key: &str, request: &Digest) -> Result<(), StoreError>;
}
