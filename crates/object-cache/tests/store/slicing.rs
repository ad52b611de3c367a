//! Large bodies in slices.

use crate::{cache, found, headers, judged, key, lookup};
use bytes::Bytes;
use caching::stored_fields;
use object_cache::{Body, Inserted, Lookup};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn slices_are_read_as_they_come_and_the_response_is_published_last() {
    let cache = cache(64 << 20);
    let fill = cache.begin(&key("/film"));
    let mut writer = cache.begin_slices(&key("/film"), fill);
    let object = writer.object();
    assert!(writer.put(0, Bytes::from(vec![1; MIB])).await);
    assert!(cache.slice(object, 0).await.is_some_and(|slice| slice[..] == vec![1; MIB][..]));
    assert!(cache.slice(object, 1).await.is_none());
    assert!(matches!(lookup(&cache, "/film", &[]), Lookup::Absent), "not yet");
    assert!(writer.put(1, Bytes::from(vec![2; 5])).await);
    let fields = headers(&[("cache-control", "max-age=60")]);
    let stored = judged(&[], 200, &fields, MIB as u64 + 5);
    let kept = stored_fields(&stored, &fields);
    let (inserted, response) = writer.finish(stored, kept);
    assert_eq!(inserted, Inserted::Stored);
    assert_eq!(response.body(), &Body::Sliced { object, length: MIB as u64 + 5 });
    let found = found(&cache, "/film", &[]).expect("published");
    assert!(String::from_utf8_lossy(found.head()).ends_with("content-length: 1048581\r\n"));
    assert!(found.weight() < 4096, "a list of slices weighs little");
}

#[tokio::test]
async fn a_writer_that_is_dropped_has_published_nothing() {
    let cache = cache(64 << 20);
    let mut writer = cache.begin_slices(&key("/film"), cache.begin(&key("/film")));
    writer.put(0, Bytes::from(vec![1; MIB])).await;
    drop(writer);
    assert!(found(&cache, "/film", &[]).is_none());
}

#[tokio::test]
async fn two_fills_of_one_address_do_not_mix() {
    let cache = cache(64 << 20);
    let mut one = cache.begin_slices(&key("/film"), cache.begin(&key("/film")));
    let mut two = cache.begin_slices(&key("/film"), cache.begin(&key("/film")));
    one.put(0, Bytes::from_static(b"one")).await;
    two.put(0, Bytes::from_static(b"two")).await;
    assert_eq!(cache.slice(one.object(), 0).await.as_deref(), Some(&b"one"[..]));
    assert_eq!(cache.slice(two.object(), 0).await.as_deref(), Some(&b"two"[..]));
}
