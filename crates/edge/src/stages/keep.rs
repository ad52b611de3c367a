//! Fetched → kept: a response that may be stored is gathered while it goes out, and published once it is
//! whole. A cut body is dropped, never stored.

use crate::compress::announce_stored;
use crate::worker::{FillingBudget, Worker};
use caching::{CacheMode, Exchanged, KeyRef, Limits, Reason, Request, Storable, Target};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use object_cache::{Fill, Inserted, StoredResponse};
use std::sync::Arc;
use vocabulary::Timestamp;

/// A response on its way into the cache.
pub(crate) struct Filling<'a> {
    worker: &'a Worker,
    key: KeyRef<'a>,
    fill: Fill,
    storable: Storable,
    /// When the origin was asked.
    requested: Timestamp,
    fields: HeaderMap,
    body: Vec<u8>,
    /// Bytes taken from the budget.
    taken: usize,
    limit: usize,
}

/// What the origin answered, as far as storing goes.
pub(crate) struct Received<'a> {
    pub(crate) status: StatusCode,
    pub(crate) fields: &'a HeaderMap,
    /// Whether the end of the content is marked: an answer that ends with its connection may be cut.
    pub(crate) delimited: bool,
    pub(crate) exchanged: Exchanged,
}

impl<'a> Filling<'a> {
    /// Begins to store an answer, or says why it is not stored. `fill` was begun before the origin was asked.
    pub(crate) fn begin(
        worker: &'a Worker,
        (key, fill): (KeyRef<'a>, Fill),
        asked: &Request<'_>,
        received: &Received<'_>,
        mode: CacheMode,
    ) -> Result<Self, Reason> {
        let limits = Limits::default();
        let Received { status, fields, delimited, exchanged } = *received;
        let storable = caching::storable(asked, status, fields, mode, limits, exchanged)?;
        if !delimited {
            return Err(Reason::Incomplete);
        }
        let limit = usize::try_from(limits.body_bytes_max).unwrap_or(usize::MAX);
        Ok(Self {
            worker,
            key,
            fill,
            storable,
            requested: exchanged.requested,
            fields: fields.clone(),
            body: Vec::new(),
            taken: 0,
            limit,
        })
    }

    /// Seconds the answer will stay fresh.
    pub(crate) fn ttl(&self, now: Timestamp) -> i64 {
        self.storable.freshness().remaining(now)
    }

    /// Adds a piece; `false` when it has become too much, and nothing will be stored.
    pub(crate) fn add(&mut self, piece: &[u8]) -> bool {
        let within = self.body.len() + piece.len() <= self.limit && self.budget().take(piece.len());
        if within {
            self.taken += piece.len();
            self.body.extend_from_slice(piece);
        }
        within
    }

    /// Publishes the whole answer.
    pub(crate) fn publish(mut self) {
        let body = std::mem::take(&mut self.body);
        // A body of another length than was announced is no whole answer, and is dropped here.
        let Ok(stored) = self.storable.clone().complete(body.len() as u64) else { return };
        let mut fields: Vec<(HeaderName, HeaderValue)> = caching::stored_fields(&stored, &self.fields);
        announce_stored(&mut fields, stored.status(), Some(stored.length()));
        let response = StoredResponse::new(stored, fields, body);
        let inserted = self.worker.shared.cache.insert(&self.key, self.fill, Arc::new(response));
        if inserted == Inserted::Stored {
            let took = self.worker.shared.clock.now().since(self.requested);
            self.worker.counters.fills.observe(took);
        }
    }

    fn budget(&self) -> &FillingBudget {
        &self.worker.shared.filling
    }
}

/// Drops what a state-changing request has made unusable (RFC 9111 §4.4).
pub(crate) fn invalidate(
    worker: &Worker,
    key: &KeyRef<'_>,
    request: &crate::request::Request,
    status: StatusCode,
    fields: &HeaderMap,
) {
    if caching::is_safe(&request.method) {
        return;
    }
    let target = Target {
        scheme: key.scheme,
        host: request.authority.host().as_str(),
        port: request.authority.port(),
        path_and_query: request.target.as_str().as_bytes(),
    };
    for target in caching::invalidation(&request.method, status, target, fields).targets {
        worker.shared.cache.remove(&KeyRef::of_target(key.site, key.scheme, key.host, &target));
    }
}

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        self.budget().give(self.taken);
    }
}
