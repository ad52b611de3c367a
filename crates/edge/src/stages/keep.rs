//! Fetched → kept: a response that may be stored is gathered while it goes out, and published once it is
//! whole. A cut body is dropped, never stored.

use crate::compress::announce_stored;
use crate::stages::fetch::Fetched;
use crate::stages::route::Routed;
use crate::worker::Worker;
use bytes::Bytes;
use caching::{Exchanged, KeyRef, Limits, Policy, Reason, Request, SLICE_BYTES, Storable, Stored, Target};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use object_cache::{Fill, Inserted, Owner, SliceWriter, StoredResponse};
use snapshot::Site;
use std::sync::Arc;
use vocabulary::Timestamp;

/// The most pieces of a body that wait to be put together: each takes room of its own besides its bytes.
const PIECES_MAX: usize = 16 * 1024;

/// A response on its way into the cache.
pub(crate) struct Filling<'a> {
    worker: &'a Worker,
    key: KeyRef<'a>,
    /// On whose account.
    owner: Owner,
    fill: Fill,
    storable: Storable,
    /// When the origin was asked.
    requested: Timestamp,
    fields: HeaderMap,
    body: Vec<Bytes>,
    length: usize,
    /// Bytes taken from the budget.
    taken: usize,
    /// Whether it is only too long for one record, should it be too much.
    within_bounds: bool,
    /// The longest body of one record, and the longest of all.
    limit: usize,
    large_limit: u64,
}

/// A response too long for one record on its way into the cache, slice by slice. At most one slice of it is
/// in memory here.
pub(crate) struct LargeFilling<'a> {
    writer: SliceWriter<'a>,
    /// What it began as; books its part of the budget.
    begun: Filling<'a>,
    /// The slice that comes in now.
    slice: Vec<Bytes>,
    length: usize,
    index: u32,
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
        policy: &Policy<'_>,
    ) -> Result<Box<Self>, Reason> {
        let Received { status, fields, delimited, exchanged } = *received;
        let storable = match caching::storable_under(asked, status, fields, policy, exchanged) {
            Err(Reason::Method) => posted(asked, &key, received, policy)?,
            judged => judged?,
        };
        if !delimited {
            return Err(Reason::Incomplete);
        }
        let large_limit = policy.limits.body_bytes_max;
        let limit = usize::try_from(large_limit.min(SLICE_BYTES)).unwrap_or(usize::MAX);
        // Boxed: it is handed on several times, and most answers that pass by are not stored.
        Ok(Box::new(Self {
            worker,
            key,
            owner: worker.shared.cache.owner(key.site),
            fill,
            storable,
            requested: exchanged.requested,
            fields: fields.clone(),
            body: Vec::new(),
            length: 0,
            taken: 0,
            within_bounds: true,
            limit,
            large_limit,
        }))
    }

    /// Seconds the answer will stay fresh.
    pub(crate) fn ttl(&self, now: Timestamp) -> i64 {
        self.storable.freshness().remaining(now)
    }

    /// Adds a piece; `false` when it has become too much, and nothing will be stored of it in one record.
    pub(crate) fn add(&mut self, piece: &Bytes) -> bool {
        if self.length + piece.len() > self.limit {
            return false;
        }
        self.within_bounds = self.body.len() < PIECES_MAX && self.take(piece.len());
        if self.within_bounds {
            self.taken += piece.len();
            self.length += piece.len();
            self.body.push(piece.clone());
        }
        self.within_bounds
    }

    /// The answer as it will be stored, if its content is so long.
    pub(crate) fn stored(&self, length: u64) -> Result<Stored, Reason> {
        self.storable.clone().complete(length)
    }

    /// Publishes the whole answer.
    pub(crate) fn publish(mut self) {
        // A body of another length than was announced is no whole answer, and is dropped here.
        let Ok(stored) = self.stored(self.length as u64) else { return };
        let mut body = Vec::with_capacity(self.length);
        self.body.drain(..).for_each(|piece| body.extend_from_slice(&piece));
        let mut fields: Vec<(HeaderName, HeaderValue)> = caching::stored_fields(&stored, &self.fields);
        announce_stored(&mut fields, stored.status(), Some(stored.length()));
        let response = StoredResponse::new(stored, fields, body);
        let inserted = self.worker.shared.cache.insert(&self.key, self.fill, Arc::new(response));
        if inserted == Inserted::Stored {
            let took = self.worker.shared.clock.now().since(self.requested);
            self.worker.counters.fills.observe(took);
        }
    }

    /// Goes on in slices, where the answer may be so long; what was gathered is the beginning.
    pub(crate) fn into_large(mut self) -> Option<LargeFilling<'a>> {
        let length = self.length as u64;
        let longer = self.storable.content_length().is_none_or(|stated| stated > length);
        (self.within_bounds && longer && length < self.large_limit).then(|| LargeFilling {
            writer: self.worker.shared.cache.begin_slices(&self.key, self.fill),
            slice: std::mem::take(&mut self.body),
            length: self.length,
            index: 0,
            begun: self,
        })
    }

    fn take(&self, bytes: usize) -> bool {
        self.worker.shared.filling.take(self.owner, bytes)
    }
}

impl LargeFilling<'_> {
    /// Adds a piece; `false` when it has become too much. Waits a little where the disk is behind; a slice
    /// that finds no room is left out.
    pub(crate) async fn add(&mut self, piece: &Bytes) -> bool {
        self.gather_crumbs();
        self.length += piece.len();
        self.slice.push(piece.clone());
        let size = usize::try_from(SLICE_BYTES).unwrap_or(usize::MAX);
        while self.length >= size {
            let slice = self.cut(size);
            self.writer.put(self.index, slice).await;
            self.index += 1;
        }
        self.whole() <= self.begun.large_limit
    }

    /// Many small pieces take more room than their bytes.
    fn gather_crumbs(&mut self) {
        if self.slice.len() >= PIECES_MAX {
            let length = self.length;
            let gathered = self.cut(length);
            self.slice.push(gathered);
            self.length = length;
        }
    }

    fn whole(&self) -> u64 {
        u64::from(self.index) * SLICE_BYTES + self.length as u64
    }

    /// Takes the first bytes of what was gathered.
    fn cut(&mut self, size: usize) -> Bytes {
        let mut slice = Vec::with_capacity(size);
        let mut rest = Vec::new();
        for mut piece in self.slice.drain(..) {
            let taken = piece.split_to(piece.len().min(size - slice.len()));
            slice.extend_from_slice(&taken);
            if !piece.is_empty() {
                rest.push(piece);
            }
        }
        self.length -= slice.len();
        self.slice = rest;
        slice.into()
    }

    /// Publishes the whole answer.
    pub(crate) async fn publish(mut self) {
        let whole = self.whole();
        if self.length > 0 {
            let last = self.cut(self.length);
            self.writer.put(self.index, last).await;
        }
        // A body of another length than was announced is no whole answer, and is dropped here.
        let Ok(stored) = self.begun.stored(whole) else { return };
        let fields = caching::stored_fields(&stored, &self.begun.fields);
        self.writer.finish(stored, fields);
    }
}

/// An answer to a POST that is the content of its target (RFC 9110 §9.3.3).
fn posted(
    asked: &Request<'_>,
    key: &KeyRef<'_>,
    received: &Received<'_>,
    policy: &Policy<'_>,
) -> Result<Storable, Reason> {
    let path_and_query = match key.query {
        Some(query) => [key.path, b"?", query].concat(),
        None => key.path.to_vec(),
    };
    let KeyRef { scheme, host, port, .. } = *key;
    let target = Target { scheme, host, port, path_and_query: &path_and_query };
    let Received { status, fields, exchanged, .. } = *received;
    caching::storable_post(asked, target, status, fields, policy, exchanged)
}

/// Whether one more address may be stored: those with queries are bounded in their number.
pub(crate) fn admitted(worker: &Worker, key: &KeyRef<'_>, now: Timestamp) -> Result<(), Reason> {
    let admitted = key.query.is_none() || worker.shared.flights.admission.take(key.site, now);
    if admitted { Ok(()) } else { Err(Reason::Admission) }
}

/// Begins to store an answer that goes straight to its visitor, and remembers whether requests of its key may
/// share one.
pub(crate) fn keep<'a>(
    worker: &'a Worker,
    routed: &Routed<'a>,
    fill: Fill,
    fetched: &Fetched<'_>,
    exchanged: Exchanged,
) -> Result<Box<Filling<'a>>, Reason> {
    let Fetched { status, fields, delimited, .. } = fetched;
    let received = Received { status: *status, fields, delimited: *delimited, exchanged };
    let filling = Filling::begin(
        worker,
        (routed.key, fill),
        &routed.asked,
        &received,
        &routed.policy(Limits::default()),
    );
    let filling =
        filling.and_then(|filling| admitted(worker, &routed.key, exchanged.received).map(|()| filling));
    let alone = worker.shared.flights.alone.of_key(&routed.key);
    match &filling {
        Ok(_) => alone.lift(),
        // An origin that fails now may be well again at once; HEAD and POST show nothing of GET.
        Err(Reason::TooLarge | Reason::Partial | Reason::Admission | Reason::Method) => {}
        Err(_) if status.is_server_error() || routed.asked.is_head() => {}
        Err(_) => alone.set(exchanged.received),
    }
    filling
}

/// Drops what a state-changing request has made unusable (RFC 9111 §4.4). `key` is that of the request.
pub(crate) async fn invalidate(
    worker: &Worker,
    site: &Site,
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
        let target = site.cache_rules.rewritten(&target);
        let target = KeyRef { port: key.port, ..KeyRef::of_target(key.site, key.scheme, key.host, &target) };
        // Held on disk before the visitor is told that the change was made.
        worker.shared.cache.remove_durably(&target).await;
        worker.shared.flights.close(&target);
    }
}

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        self.worker.shared.filling.give(self.owner, self.taken);
    }
}
