//! Measures a hit: `cargo run --release -p object-cache --example hit`.
//!
//! Prints nanoseconds per lookup, single-threaded, over keys in random order, beside a plain sharded map
//! with the same hasher, so that the price of the cache itself is seen.

#![allow(clippy::print_stdout, clippy::disallowed_methods, clippy::unwrap_used)]

use caching::{CacheMode, Exchanged, KeyRef, Limits, Request, Scheme, reuse, storable, stored_fields};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use object_cache::{Lookup, ObjectCache, StoredResponse};
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, RwLock};
use std::time::Instant;
use vocabulary::{SeededRandom, SiteId, Timestamp};

const KEYS: usize = 1_000;
const LOOKUPS: usize = 3_000_000;

fn main() {
    let random = SeededRandom::new(1);
    let site = SiteId::random(&random);
    let cache = ObjectCache::new(256 << 20, &random);
    let targets: Vec<String> = (0..KEYS).map(|n| format!("/assets/page-{n}/index.html?v={n}")).collect();
    let request_lines: Vec<(&str, &str)> = vec![
        ("host", "www.bench.test"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/130.0"),
        ("accept", "text/html,application/xhtml+xml"),
        ("accept-language", "en-US,en;q=0.5"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("connection", "keep-alive"),
    ];
    let request = Request::read(&Method::GET, &request_lines);
    let now = Timestamp::from_secs(1_795_348_800);
    let mut map: HashMap<Vec<u8>, Arc<StoredResponse>> = HashMap::new();
    for (n, target) in targets.iter().enumerate() {
        let response = response(&request, now, n % 2 == 1);
        let key = KeyRef::of_target(site, Scheme::Https, "www.bench.test", target.as_bytes());
        cache.insert(&key, cache.begin(&key), response.clone());
        map.insert(key.to_key().as_bytes().to_vec(), response);
    }
    let order: Vec<usize> = (0..65_536).map(|_| random.below(KEYS as u64) as usize).collect();
    let key_of = |n: usize| KeyRef::of_target(site, Scheme::Https, "www.bench.test", targets[n].as_bytes());

    time("foyer: get, found", |n| {
        let n = order[n % order.len()];
        match cache.get(&key_of(n), &request) {
            Lookup::Found(found) => found.body().len() as usize,
            _ => 0,
        }
    });
    time("foyer: get and reuse", |n| {
        let n = order[n % order.len()];
        match cache.get(&key_of(n), &request) {
            Lookup::Found(found) => match reuse(&request, found.stored(), now) {
                caching::Reuse::Fresh { age, .. } => age.as_secs() as usize,
                _ => 0,
            },
            _ => 0,
        }
    });
    time("foyer: get, absent", |n| {
        let key = KeyRef::of_target(site, Scheme::Http, "www.bench.test", targets[n % KEYS].as_bytes());
        usize::from(matches!(cache.get(&key, &request), Lookup::Absent))
    });
    let map = RwLock::new(map);
    time("locked std map: get, found", |n| {
        let n = order[n % order.len()];
        let found = key_of(n).with_bytes(|bytes| map.read().unwrap().get(bytes).cloned());
        found.map_or(0, |found| found.body().len() as usize)
    });
    time("key bytes only", |n| key_of(n % KEYS).with_bytes(|bytes| black_box(bytes).len()));
    time("Request::read, 6 lines", |_| {
        let request = Request::read(&Method::GET, black_box(&request_lines));
        request.accept_encoding().len()
    });
    println!("{:?}", cache.figures());
}

fn time(name: &str, mut each: impl FnMut(usize) -> usize) {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        let mut sum = 0;
        for n in 0..LOOKUPS / 5 {
            sum += black_box(each(n));
        }
        black_box(sum);
        best = best.min(start.elapsed().as_nanos() as f64 / (LOOKUPS / 5) as f64);
    }
    println!("{name:<28} {best:>7.1} ns");
}

fn response(request: &Request<'_>, now: Timestamp, vary: bool) -> Arc<StoredResponse> {
    let mut fields = HeaderMap::new();
    fields.insert("cache-control", HeaderValue::from_static("max-age=3600"));
    fields.insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
    fields.insert("etag", HeaderValue::from_static("\"abcdef\""));
    if vary {
        fields.insert("vary", HeaderValue::from_static("accept-encoding"));
    }
    let exchanged = Exchanged { requested: now, received: now };
    let storable =
        storable(request, StatusCode::OK, &fields, CacheMode::Origin, Limits::default(), exchanged).unwrap();
    let stored = storable.complete(1024).unwrap();
    let kept = stored_fields(&stored, &fields);
    Arc::new(StoredResponse::new(stored, kept, vec![b'x'; 1024]))
}
