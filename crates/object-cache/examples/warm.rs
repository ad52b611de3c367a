//! Measures a restart: `cargo run --release -p object-cache --example warm -- FOLDER [ENTRIES [purge|SITE]]`.
//!
//! The first run fills a disk cache in the folder with so many small responses, all with one tag. Every run
//! opens it, prints how long that took and how many of some random addresses are held, and then purges: tags
//! nobody has, to see what a purge takes, and at last the tag of all, if `purge` is the third argument. With the
//! id of a site there, the folder is filled for it and left so, for a whole edge to be started over.

#![allow(clippy::print_stdout, clippy::disallowed_methods, clippy::unwrap_used)]

use caching::{
    CacheMode, Exchanged, KeyRef, Limits, Purge, PurgeTarget, PurgeWindow, Request, Scheme, storable,
    stored_fields,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use object_cache::{Disk, Lookup, ObjectCache, Options, StoredResponse};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vocabulary::{SeededRandom, SiteId, Timestamp};

const BODY_BYTES: usize = 1024;
const LOOKUPS: u64 = 10_000;
const PURGES: u64 = 200;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder");
    let entries: u64 = arguments.next().map_or(1_000_000, |text| text.parse().expect("a number"));
    let third = arguments.next();
    let purge_all = third.as_deref() == Some("purge");
    let random = SeededRandom::new(1);
    let own = third.filter(|_| !purge_all).map(|id| id.parse().expect("the id of a site"));
    let site = own.unwrap_or_else(|| SiteId::from_bytes([1; 16]));
    if !Path::new(&folder).join("identity").exists() {
        let cache = open(&folder, entries, &random).await;
        fill(&cache, site, entries).await;
        cache.close().await;
    }
    if own.is_some() {
        return;
    }
    let begun = Instant::now();
    let cache = open(&folder, entries, &random).await;
    println!("opened with {entries} entries in {:.2?}; resident {} MiB", begun.elapsed(), resident_mib());
    sample(&cache, site, entries, &random).await;
    purge_tags_of_nobody(&cache, site);
    if purge_all {
        let begun = Instant::now();
        apply(&cache, site, "all");
        println!("purge of a tag with {entries} objects: {:.2?}", begun.elapsed());
        sample(&cache, site, entries, &random).await;
    }
    println!("{:?}", cache.figures());
    cache.close().await;
}

async fn open(folder: &str, entries: u64, random: &SeededRandom) -> ObjectCache {
    // A page for each, and some room.
    let disk = Disk { folder: folder.into(), bytes: (entries * 4096 * 5 / 4).max(64 << 20) };
    let options = Options { memory_bytes: 64 << 20, disk: Some(disk) };
    ObjectCache::open(options, random).await.unwrap()
}

async fn fill(cache: &ObjectCache, site: SiteId, entries: u64) {
    let begun = Instant::now();
    let lines = vec![("host", "www.bench.test")];
    let request = Request::read(&Method::GET, &lines);
    for n in 0..entries {
        let target = target(n);
        let key = key(site, &target);
        cache.insert(&key, cache.begin(&key), response(&request));
        while cache.figures().disk_queued > 4 << 20 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    println!("filled in {:.2?}", begun.elapsed());
}

async fn sample(cache: &ObjectCache, site: SiteId, entries: u64, random: &SeededRandom) {
    let lines = vec![("host", "www.bench.test")];
    let request = Request::read(&Method::GET, &lines);
    let mut held = 0;
    let mut times = Vec::new();
    for _ in 0..LOOKUPS {
        let target = target(random.below(entries));
        let begun = Instant::now();
        let found = cache.load(&key(site, &target), &request).await;
        times.push(begun.elapsed());
        held += u64::from(matches!(found, Lookup::Found(_)));
    }
    let share = held as f64 * 100.0 / LOOKUPS as f64;
    println!("{share:.1} % of {LOOKUPS} random addresses held; a look takes {}", spread(times));
}

fn purge_tags_of_nobody(cache: &ObjectCache, site: SiteId) {
    let mut times = Vec::new();
    for n in 0..PURGES {
        let begun = Instant::now();
        apply(cache, site, &format!("nobody-{n}"));
        times.push(begun.elapsed());
    }
    println!("{PURGES} purges of a tag, each on disk before it is answered: {}", spread(times));
}

fn apply(cache: &ObjectCache, site: SiteId, tag: &str) {
    let after = cache.held_revision();
    let target = PurgeTarget::Tag(tag.into());
    let purges = vec![Purge { revision: after + 1, site, target, soft: false }];
    cache.apply(&PurgeWindow { after, purges }).unwrap();
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    format!("{:.1?} (median), {:.1?} (p99), {:.1?} (longest)", at(50), at(99), at(100))
}

fn target(n: u64) -> String {
    format!("/assets/page-{n}/index.html")
}

fn key(site: SiteId, target: &str) -> KeyRef<'_> {
    KeyRef::of_target(site, Scheme::Https, "www.bench.test", target.as_bytes())
}

fn response(request: &Request<'_>) -> Arc<StoredResponse> {
    let now = Timestamp::from_secs(1_795_348_800);
    let mut fields = HeaderMap::new();
    fields.insert("cache-control", HeaderValue::from_static("max-age=86400"));
    fields.insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
    fields.insert("etag", HeaderValue::from_static("\"abcdef\""));
    fields.insert("cache-tag", HeaderValue::from_static("all"));
    let exchanged = Exchanged { requested: now, received: now };
    let storable =
        storable(request, StatusCode::OK, &fields, CacheMode::Origin, Limits::default(), exchanged).unwrap();
    let stored = storable.complete(BODY_BYTES as u64).unwrap();
    let kept = stored_fields(&stored, &fields);
    Arc::new(StoredResponse::new(stored, kept, vec![b'x'; BODY_BYTES]))
}

/// What this process takes up in memory.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
