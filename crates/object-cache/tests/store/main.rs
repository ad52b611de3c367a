//! What the store promises, through its public face.

mod crashing;
mod damage;
mod full;
mod holding;
mod purging;
mod restarting;
mod sending;
mod sharing;
mod slicing;

use caching::{CacheMode, Exchanged, KeyRef, Limits, Request, Scheme, Stored, storable, stored_fields};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use object_cache::{Disk, Inserted, Lookup, ObjectCache, Options, StoredResponse};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{SeededRandom, SiteId, Timestamp};

pub(crate) type Lines<'a> = &'a [(&'a str, &'a str)];

pub(crate) const SITE: SiteId = SiteId::from_bytes([1; 16]);
pub(crate) const NOW: i64 = 1_795_348_800;

pub(crate) fn cache(bytes: u64) -> ObjectCache {
    ObjectCache::new(bytes, &SeededRandom::new(1))
}

pub(crate) fn key(target: &str) -> KeyRef<'_> {
    KeyRef::of_target(SITE, Scheme::Https, "a.test", target.as_bytes())
}

pub(crate) fn headers(lines: Lines<'_>) -> HeaderMap {
    let read = |(name, value): &(&str, &str)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("name");
        (name, HeaderValue::from_str(value).expect("value"))
    };
    lines.iter().map(read).collect()
}

pub(crate) fn judged(request: Lines<'_>, status: u16, response: &HeaderMap, length: u64) -> Stored {
    let now = Timestamp::from_secs(NOW);
    let exchanged = Exchanged { requested: now, received: now };
    let request = request.to_vec();
    let request = Request::read(&Method::GET, &request);
    let status = StatusCode::from_u16(status).expect("status");
    let limits = Limits { body_bytes_max: 64 << 20 };
    let storable = storable(&request, status, response, CacheMode::Origin, limits, exchanged);
    storable.and_then(|storable| storable.complete(length)).expect("storable")
}

/// A response of `length` bytes to a request, with some fields besides its lifetime.
pub(crate) fn response(request: Lines<'_>, lines: Lines<'_>, length: usize) -> Arc<StoredResponse> {
    let fields = headers(&[&[("cache-control", "max-age=3600")], lines].concat());
    let stored = judged(request, 200, &fields, length as u64);
    let kept = stored_fields(&stored, &fields);
    Arc::new(StoredResponse::new(stored, kept, vec![b'x'; length]))
}

/// Stores without anything happening in between.
pub(crate) fn put(cache: &ObjectCache, target: &str, response: Arc<StoredResponse>) -> Inserted {
    let fill = cache.begin(&key(target));
    cache.insert(&key(target), fill, response)
}

pub(crate) fn lookup(cache: &ObjectCache, target: &str, lines: Lines<'_>) -> Lookup {
    let lines = lines.to_vec();
    cache.get(&key(target), &Request::read(&Method::GET, &lines))
}

pub(crate) fn found(cache: &ObjectCache, target: &str, lines: Lines<'_>) -> Option<Arc<StoredResponse>> {
    match lookup(cache, target, lines) {
        Lookup::Found(found) => Some(found),
        Lookup::Soft(_) | Lookup::OtherVariant | Lookup::Absent => None,
    }
}

/// A cache with a disk in a folder.
pub(crate) async fn on_disk(folder: &Path) -> ObjectCache {
    let disk = Disk { folder: folder.into(), bytes: DISK_BYTES };
    let options = Options { memory_bytes: 16 << 20, disk: Some(disk) };
    ObjectCache::open(options, &SeededRandom::new(1)).await.expect("opened")
}

pub(crate) const DISK_BYTES: u64 = 64 << 20;

/// Until nothing waits to be written any more.
pub(crate) async fn written(cache: &ObjectCache) {
    let writing = async {
        while cache.figures().disk_queued > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), writing).await.expect("written");
}

pub(crate) async fn load(cache: &ObjectCache, target: &str, lines: Lines<'_>) -> Lookup {
    let lines = lines.to_vec();
    cache.load(&key(target), &Request::read(&Method::GET, &lines)).await
}

pub(crate) async fn loaded(cache: &ObjectCache, target: &str) -> Option<Arc<StoredResponse>> {
    match load(cache, target, &[]).await {
        Lookup::Found(found) => Some(found),
        Lookup::Soft(_) | Lookup::OtherVariant | Lookup::Absent => None,
    }
}
