//! The disk store under faults.

use crate::body::ObjectId;
use crate::held::HeldKey;
use crate::{Disk, Lookup, ObjectCache, Options, StoredResponse};
use bytes::Bytes;
use caching::{
    CacheMode, Exchanged, KeyRef, Limits, Purge, PurgeTarget, PurgeWindow, Request, Scheme, storable,
    stored_fields,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use vocabulary::{SeededRandom, SiteId, Timestamp};

/// What a test has the disk do.
#[derive(Default)]
pub(crate) struct Faults {
    delay_ms: AtomicU64,
}

impl Faults {
    pub(super) async fn delay(&self) {
        let delay = self.delay_ms.load(Ordering::Relaxed);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
    }
}

fn key(target: &str) -> KeyRef<'_> {
    KeyRef::of_target(SiteId::from_bytes([1; 16]), Scheme::Https, "a.test", target.as_bytes())
}

fn response(length: usize) -> Arc<StoredResponse> {
    let now = Timestamp::from_secs(1_795_348_800);
    let lines = vec![("host", "a.test")];
    let request = Request::read(&Method::GET, &lines);
    let mut fields = HeaderMap::new();
    fields.insert("cache-control", HeaderValue::from_static("max-age=3600"));
    let exchanged = Exchanged { requested: now, received: now };
    let storable =
        storable(&request, StatusCode::OK, &fields, CacheMode::Origin, Limits::default(), exchanged);
    let stored = storable.and_then(|storable| storable.complete(length as u64)).expect("storable");
    let kept = stored_fields(&stored, &fields);
    Arc::new(StoredResponse::new(stored, kept, vec![b'x'; length]))
}

async fn open(folder: &Path) -> ObjectCache {
    let disk = Disk { folder: folder.into(), bytes: 32 << 20 };
    let options = Options { memory_bytes: 16 << 20, disk: Some(disk) };
    ObjectCache::open(options, &SeededRandom::new(1)).await.expect("opened")
}

async fn load(cache: &ObjectCache, target: &str) -> Lookup {
    let lines = vec![("host", "a.test")];
    cache.load(&key(target), &Request::read(&Method::GET, &lines)).await
}

fn put(cache: &ObjectCache, target: &str) {
    let fill = cache.begin(&key(target));
    cache.insert(&key(target), fill, response(1000));
}

fn slow(cache: &ObjectCache, ms: u64) {
    let disk = cache.disk().expect("disk");
    disk.faults.delay_ms.store(ms, Ordering::Relaxed);
}

#[tokio::test]
async fn a_disk_slow_by_half_a_second_costs_little_and_then_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = open(folder.path()).await;
    (0..20).for_each(|n| put(&cache, &format!("/{n}")));
    cache.clear();
    slow(&cache, 500);
    for n in 0..3 {
        let begun = Instant::now();
        assert!(matches!(load(&cache, &format!("/{n}")).await, Lookup::Absent));
        assert!(begun.elapsed() < Duration::from_millis(400), "{:?}", begun.elapsed());
    }
    let begun = Instant::now();
    for n in 3..20 {
        assert!(matches!(load(&cache, &format!("/{n}")).await, Lookup::Absent));
    }
    assert!(begun.elapsed() < Duration::from_millis(100), "left alone: {:?}", begun.elapsed());
    let figures = cache.figures();
    assert_eq!((figures.disk_timeouts, figures.disk_skips), (3, 17), "{figures:?}");
    // What is stored meanwhile is held, and later the disk is asked again.
    put(&cache, "/new");
    assert!(matches!(load(&cache, "/new").await, Lookup::Found(_)));
    slow(&cache, 0);
    tokio::time::sleep(Duration::from_millis(5100)).await;
    assert!(matches!(load(&cache, "/5").await, Lookup::Found(_)));
    assert!(matches!(load(&cache, "/6").await, Lookup::Found(_)));
}

#[tokio::test]
async fn many_who_ask_for_one_record_share_a_read() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = Arc::new(open(folder.path()).await);
    put(&cache, "/a");
    cache.clear();
    slow(&cache, 50);
    let asking: Vec<_> = (0..1000)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { matches!(load(&cache, "/a").await, Lookup::Found(_)) })
        })
        .collect();
    for asked in asking {
        assert!(asked.await.expect("asked"));
    }
    assert_eq!(cache.figures().disk_skips, 0);
}

/// A record read before an event and promoted after it.
#[tokio::test]
async fn what_was_read_before_an_event_does_not_come_in_after_it() {
    for event in ["purge", "remove", "insert"] {
        let folder = tempfile::tempdir().expect("folder");
        let cache = Arc::new(open(folder.path()).await);
        put(&cache, "/a");
        cache.clear();
        slow(&cache, 100);
        let loading = tokio::spawn({
            let cache = cache.clone();
            async move { load(&cache, "/a").await }
        });
        tokio::time::sleep(Duration::from_millis(30)).await;
        let newer = response(2000);
        match event {
            "purge" => {
                let host = "a.test".parse().expect("host");
                let target = PurgeTarget::Url { host, port: None, path_and_query: "/a".into() };
                let purge = Purge { revision: 1, site: SiteId::from_bytes([1; 16]), target, soft: false };
                cache.apply(&PurgeWindow { after: 0, purges: vec![purge] }).expect("held");
            }
            "remove" => assert!(!cache.remove(&key("/a"))),
            _ => drop(cache.insert(&key("/a"), cache.begin(&key("/a")), newer.clone())),
        }
        let found = loading.await.expect("loaded");
        match found {
            Lookup::Found(found) => assert!(event == "insert" && Arc::ptr_eq(&found, &newer), "{event}"),
            Lookup::Absent => assert_ne!(event, "insert"),
            other => panic!("{event}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_purge_that_cannot_be_written_down_gives_the_disk_up_at_the_next_start() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = open(folder.path()).await;
    put(&cache, "/a");
    put(&cache, "/b");
    cache.disk().expect("disk").journal().fail_for_test();
    let host = "a.test".parse().expect("host");
    let target = PurgeTarget::Url { host, port: None, path_and_query: "/a".into() };
    let purge = Purge { revision: 1, site: SiteId::from_bytes([1; 16]), target, soft: false };
    let window = PurgeWindow { after: 0, purges: vec![purge] };
    assert_eq!(cache.apply(&window).expect("in force"), 1);
    cache.clear();
    assert!(matches!(load(&cache, "/a").await, Lookup::Absent));
    assert!(matches!(load(&cache, "/b").await, Lookup::Found(_)));
    cache.close().await;
    drop(cache);
    let cache = open(folder.path()).await;
    assert!(matches!(load(&cache, "/b").await, Lookup::Absent));
}

#[tokio::test]
async fn a_version_replaced_while_fresh_is_not_used_again() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = open(folder.path()).await;
    put(&cache, "/a");
    let disk = cache.disk().expect("disk").clone();
    while disk.queued() > 0 {
        tokio::task::yield_now().await;
    }
    // The newer one finds no room on the disk, and then goes from memory.
    let full = disk.room.take(super::QUEUE_BYTES).expect("all the room");
    put(&cache, "/a");
    drop(full);
    cache.clear();
    assert!(matches!(load(&cache, "/a").await, Lookup::Absent));
    assert_eq!(cache.figures().disk_drops, 1);
    let least = disk.versions.list();
    cache.close().await;
    drop((cache, disk));
    let cache = open(folder.path()).await;
    assert_eq!(cache.disk().expect("disk").versions.list(), least, "remembered");
    assert!(matches!(load(&cache, "/a").await, Lookup::Absent));
}

#[tokio::test]
async fn what_is_removed_before_it_is_handed_over_does_not_come_back() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = open(folder.path()).await;
    put(&cache, "/a");
    put(&cache, "/b");
    assert!(cache.remove(&key("/a")));
    tokio::time::sleep(2 * super::GATHER_TIME).await;
    cache.clear();
    assert!(matches!(load(&cache, "/a").await, Lookup::Absent));
    assert!(matches!(load(&cache, "/b").await, Lookup::Found(_)));
    cache.close().await;
    drop(cache);
    let cache = open(folder.path()).await;
    assert!(matches!(load(&cache, "/a").await, Lookup::Absent));
    assert!(matches!(load(&cache, "/b").await, Lookup::Found(_)));
}

#[tokio::test]
async fn what_is_removed_while_it_is_handed_over_is_gone() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = Arc::new(open(folder.path()).await);
    put(&cache, "/a");
    let disk = cache.disk().expect("disk");
    let key = key("/a").with_bytes(HeldKey::new);
    // Somebody hands it over, and is in the middle of it.
    let order = disk.order.lock().expect("free");
    let under_way = disk.gathering.take();
    assert_eq!(under_way.len(), 1);
    let (sender, forgotten) = std::sync::mpsc::channel();
    let removing = std::thread::spawn({
        let (disk, key) = (disk.clone(), key.clone());
        move || {
            disk.forget(&key);
            sender.send(()).expect("heard");
        }
    });
    assert!(forgotten.recv_timeout(Duration::from_millis(50)).is_err(), "it waits for the other");
    for waiting in under_way {
        drop(disk.hybrid().storage_writer(waiting.key).force().insert(waiting.record));
    }
    drop(order);
    removing.join().expect("removed");
    while disk.queued() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(!disk.hybrid().storage().may_contains(&key));
}

#[tokio::test]
async fn a_fill_waits_only_a_little_for_a_disk_that_is_behind() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = open(folder.path()).await;
    let room = cache.disk().expect("disk").room.clone();
    let full = room.take(super::QUEUE_BYTES).expect("all the room");
    let begun = Instant::now();
    assert!(
        !cache.put_slice(SiteId::from_bytes([1; 16]), ObjectId(1), 0, Bytes::from(vec![1; 1 << 20])).await
    );
    assert!(begun.elapsed() < Duration::from_millis(200));
    let (put, ()) = tokio::join!(
        cache.put_slice(SiteId::from_bytes([1; 16]), ObjectId(1), 0, Bytes::from(vec![1; 1 << 20])),
        async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            drop(full);
        }
    );
    assert!(put);
    assert!(cache.slice(ObjectId(1), 0).await.is_some());
}
