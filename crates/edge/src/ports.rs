//! The two ports between the exchange and a protocol: the request's content comes in by one, the answer
//! goes out by the other. HTTP/1 and HTTP/2 implement both once.

use crate::ray::Ray;
use crate::reasons::Reason;
use crate::request::Length;
use bytes::Bytes;
use caching::CacheStatus;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use object_cache::StoredResponse;
use snapshot::Hsts;
use std::future::Future;
use std::task::{Context, Poll};

/// A piece of a message's content.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Bytes, never none.
    Content(Bytes),
    /// The end, with trailer fields (none in most messages).
    End(HeaderMap),
}

/// The content of one request.
///
/// Contract: `next` may be dropped while it waits and called again without loss; after `End` or an error
/// it is not called again. An error means the content will never be whole: it must not reach an origin as
/// if it were.
pub(crate) trait Content: Send {
    /// Waits for the next piece.
    fn next(&mut self) -> impl Future<Output = Result<Piece, Reason>> + Send;

    /// From here on the pieces are what the visitor sends within the protocol it has switched to. An error
    /// where it has sent something before it could know: those bytes belong to neither protocol for certain.
    fn become_tunnel(&mut self) -> impl Future<Output = Result<(), Reason>> + Send;
}

/// Whoever waits for the head of an answer.
pub(crate) trait Waiting: Send {
    /// Sends an interim answer (1xx but not 101).
    fn informational(
        &mut self,
        status: StatusCode,
        fields: &HeaderMap,
    ) -> impl Future<Output = Result<(), Reason>> + Send;

    /// Ready once nobody wants the answer any more, as far as the protocol says so.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// One answer: `informational`* `head` `data`* `finish`.
///
/// Contract: an error is a visitor that left or reads too slowly, and ends the answer. An answer dropped
/// before `finish` is cut: the visitor can tell that it is not whole. Only `flush` and `finish` promise
/// that bytes are on their way; the others may hold them back to send more at once.
pub(crate) trait Answer: Waiting {
    /// Begins the answer. A head with status 101 turns the rest into a tunnel.
    fn head(&mut self, head: Head<'_>) -> impl Future<Output = Result<(), Reason>> + Send;

    /// Sends content. Waits while the visitor takes none.
    fn data(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), Reason>> + Send;

    /// Sends what was held back; called when more will take a while.
    fn flush(&mut self) -> impl Future<Output = Result<(), Reason>> + Send;

    /// Ends the answer as whole.
    fn finish(&mut self, trailers: Option<&HeaderMap>) -> impl Future<Output = Result<(), Reason>> + Send;

    /// Whether `head` was called: after that nothing else can be answered.
    fn has_begun(&self) -> bool;
}

/// The head of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    /// The status.
    pub(crate) status: StatusCode,
    /// The end-to-end fields without `Content-Length`.
    pub(crate) fields: Fields<'a>,
    /// How long the content is; for HEAD, how long it would be.
    pub(crate) length: Length,
    /// The fields the edge adds.
    pub(crate) own: OwnFields,
    /// Whether the connection should end here, where the protocol has one per exchange.
    pub(crate) close: bool,
}

/// Where an answer's fields come from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fields<'a> {
    /// From the origin or from the edge itself.
    Map(&'a HeaderMap),
    /// A stored response, whole.
    Stored(&'a StoredResponse),
    /// A stored response as 304.
    NotModified(&'a StoredResponse),
}

impl Fields<'_> {
    /// A copy of them.
    pub(crate) fn to_map(self) -> HeaderMap {
        match self {
            Fields::Map(fields) => fields.clone(),
            Fields::Stored(stored) | Fields::NotModified(stored) => stored.fields().iter().cloned().collect(),
        }
    }
}

/// The fields the edge adds to every answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnFields {
    /// `Wardmote-Ray`.
    pub(crate) ray: Ray,
    /// `Cache-Status`; none where the cache had no part.
    pub(crate) cache: Option<CacheStatus>,
    /// `Age`, of answers from the cache.
    pub(crate) age: Option<u32>,
    /// `Strict-Transport-Security`; written by [`Head::hsts`], unless the answer has one.
    pub(crate) hsts: Option<Hsts>,
}

impl Head<'_> {
    /// The `Strict-Transport-Security` to add: browsers heed the first of several alone (RFC 6797 §8.1), so the
    /// origin's own stays the only one.
    pub(crate) fn hsts(&self) -> Option<HeaderValue> {
        let hsts = self.own.hsts?;
        let name = header::STRICT_TRANSPORT_SECURITY;
        let has_one = match self.fields {
            Fields::Map(fields) => fields.contains_key(name),
            Fields::Stored(stored) | Fields::NotModified(stored) => {
                stored.fields().iter().any(|(stored, _)| *stored == name)
            }
        };
        // Its text is plain ASCII by construction.
        if has_one { None } else { HeaderValue::try_from(hsts.to_string()).ok() }
    }
}

/// The pseudonym in `Via`, `Cache-Status` and `CDN-Loop`.
pub(crate) const NAME: &str = "wardmote";
/// The field that carries a ray.
pub(crate) const RAY_FIELD: &str = "wardmote-ray";
