//! What a restart keeps, and what it must not bring back.

use crate::purging::{url, window};
use crate::{DISK_BYTES, headers, judged, key, load, loaded, lookup, on_disk, put, response, written};
use bytes::Bytes;
use caching::{PurgeTarget, stored_fields};
use object_cache::{Body, Disk, Inserted, Lookup, ObjectCache, OpenError, Options};
use std::os::unix::fs::PermissionsExt;
use vocabulary::SeededRandom;

#[tokio::test]
async fn what_was_whole_is_held_again() {
    let folder = tempfile::tempdir().expect("folder");
    let targets: Vec<String> = (0..300).map(|n| format!("/page/{n}")).collect();
    let cache = on_disk(folder.path()).await;
    for (n, target) in targets.iter().enumerate() {
        put(&cache, target, response(&[], &[("x-number", &n.to_string()), ("etag", "\"e\"")], n * 100));
    }
    cache.close().await;
    drop(cache);
    let cache = on_disk(folder.path()).await;
    assert!(matches!(lookup(&cache, "/page/7", &[]), Lookup::Absent), "memory is empty");
    for (n, target) in targets.iter().enumerate() {
        let found = loaded(&cache, target).await.expect(target);
        let expected = response(&[], &[("x-number", &n.to_string()), ("etag", "\"e\"")], n * 100);
        assert_eq!((found.head(), found.body()), (expected.head(), expected.body()), "{target}");
        assert_eq!(found.not_modified_head(), expected.not_modified_head());
        assert_eq!(found.stored().freshness(), expected.stored().freshness());
        assert!(matches!(lookup(&cache, target, &[]), Lookup::Found(_)), "memory has it again");
    }
    assert!(loaded(&cache, "/page/300").await.is_none());
    let figures = cache.figures();
    assert_eq!((figures.disk_hits, figures.disk_errors, figures.disk_unreadable), (300, 0, 0));
}

#[tokio::test]
async fn a_disk_that_was_let_go_of_is_another_ones_while_memory_serves_on() {
    let folder = tempfile::tempdir().expect("folder");
    let before = on_disk(folder.path()).await;
    put(&before, "/both", response(&[], &[], 10));
    before.release_disk().await;
    let after = on_disk(folder.path()).await;
    assert!(loaded(&after, "/both").await.is_some(), "what was queued is written");
    // Whatever the first does now, it does to its memory alone.
    put(&before, "/late", response(&[], &[], 10));
    before.remove(&key("/both"));
    assert!(before.remove_durably(&key("/late")).await);
    put(&before, "/late", response(&[], &[], 10));
    assert!(matches!(lookup(&before, "/late", &[]), Lookup::Found(_)));
    assert!(matches!(lookup(&before, "/both", &[]), Lookup::Absent));
    before.apply(&window(0, &[(url("/never"), false)])).expect("in memory");
    before.close().await;
    put(&after, "/new", response(&[], &[], 20));
    after.close().await;
    drop((before, after));
    let third = on_disk(folder.path()).await;
    for (target, is_held) in [("/both", true), ("/new", true), ("/late", false)] {
        assert_eq!(loaded(&third, target).await.is_some(), is_held, "{target}");
    }
}

#[tokio::test]
async fn variants_come_back_together() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = on_disk(folder.path()).await;
    put(&cache, "/", response(&[("foo", "1")], &[("vary", "foo")], 10));
    put(&cache, "/", response(&[("foo", "2")], &[("vary", "foo")], 20));
    cache.close().await;
    drop(cache);
    let cache = on_disk(folder.path()).await;
    assert!(matches!(load(&cache, "/", &[("foo", "3")]).await, Lookup::OtherVariant));
    for (value, length) in [("1", 10), ("2", 20)] {
        let Lookup::Found(found) = load(&cache, "/", &[("foo", value)]).await else { panic!("{value}") };
        assert_eq!(found.body().len(), length);
    }
}

#[tokio::test]
async fn slices_come_back_with_their_response() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = on_disk(folder.path()).await;
    let mut writer = cache.begin_slices(&key("/film"), cache.begin(&key("/film")));
    for n in 0..4u8 {
        assert!(writer.put(u32::from(n), Bytes::from(vec![n; 1 << 20])).await);
    }
    let fields = headers(&[("cache-control", "max-age=60")]);
    let stored = judged(&[], 200, &fields, 4 << 20);
    let kept = stored_fields(&stored, &fields);
    assert_eq!(writer.finish(stored, kept).0, Inserted::Stored);
    cache.close().await;
    drop(cache);
    let cache = on_disk(folder.path()).await;
    let found = loaded(&cache, "/film").await.expect("held");
    let Body::Sliced { object, length } = *found.body() else { panic!("sliced") };
    assert_eq!(length, 4 << 20);
    for n in 0..4u8 {
        let slice = cache.slice(object, u32::from(n)).await.expect("slice");
        assert!(slice.len() == 1 << 20 && slice.iter().all(|byte| *byte == n));
    }
    assert!(cache.slice(object, 4).await.is_none());
    let other = cache.begin_slices(&key("/film"), cache.begin(&key("/film")));
    assert_ne!(other.object(), object, "numbers go on where the earlier process ended");
}

#[tokio::test]
async fn purges_and_invalidations_outlive_a_restart() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = on_disk(folder.path()).await;
    for target in ["/hard", "/soft", "/removed", "/tagged", "/kept"] {
        let tag: &[(&str, &str)] = if target == "/tagged" { &[("cache-tag", "red")] } else { &[] };
        put(&cache, target, response(&[], tag, 10));
    }
    let red = PurgeTarget::Tag("red".into());
    cache.apply(&window(0, &[(url("/hard"), false), (url("/soft"), true), (red, false)])).expect("held");
    assert!(cache.remove_durably(&key("/removed")).await);
    cache.close().await;
    drop(cache);
    let cache = on_disk(folder.path()).await;
    assert_eq!(cache.held_revision(), 3);
    for gone in ["/hard", "/removed", "/tagged"] {
        assert!(matches!(load(&cache, gone, &[]).await, Lookup::Absent), "{gone}");
    }
    assert!(matches!(load(&cache, "/soft", &[]).await, Lookup::Soft(_)));
    assert!(matches!(load(&cache, "/kept", &[]).await, Lookup::Found(_)));
    put(&cache, "/hard", response(&[], &[], 11));
    cache.close().await;
    drop(cache);
    let cache = on_disk(folder.path()).await;
    assert_eq!(loaded(&cache, "/hard").await.map(|found| found.body().len()), Some(11));
}

#[tokio::test]
async fn a_purge_hits_what_only_the_disk_holds() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = on_disk(folder.path()).await;
    put(&cache, "/a", response(&[], &[], 10));
    put(&cache, "/b", response(&[], &[], 10));
    written(&cache).await;
    cache.clear();
    cache.apply(&window(0, &[(url("/a"), false)])).expect("held");
    assert!(loaded(&cache, "/a").await.is_none());
    assert!(loaded(&cache, "/b").await.is_some());
    cache.clear();
    cache.remove(&key("/b"));
    assert!(loaded(&cache, "/b").await.is_none());
    assert_eq!(cache.figures().disk_outdated, 1, "the other was taken off the disk at once");
}

#[tokio::test]
async fn a_folder_has_one_user_and_its_secrets_are_private() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = on_disk(folder.path()).await;
    for file in ["identity", "purges"] {
        let mode = std::fs::metadata(folder.path().join(file)).expect(file).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let disk = Disk { folder: folder.path().into(), bytes: DISK_BYTES };
    let options = Options { memory_bytes: 1 << 20, disk: Some(disk) };
    let second = ObjectCache::open(options, &SeededRandom::new(2)).await;
    assert!(matches!(second, Err(OpenError::InUse { .. })), "{second:?}");
    cache.close().await;
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let folder = tempfile::tempdir().expect("folder");
    let open = async |folder: &std::path::Path, bytes| {
        let disk = Disk { folder: folder.into(), bytes };
        let options = Options { memory_bytes: 1 << 20, disk: Some(disk) };
        ObjectCache::open(options, &SeededRandom::new(1)).await.expect_err("refused").to_string()
    };
    assert!(open(folder.path(), 1000).await.contains("at least 33554432"));
    std::fs::write(folder.path().join("file"), "").expect("file");
    assert!(open(&folder.path().join("file"), DISK_BYTES).await.contains("may write to"));
}

#[tokio::test]
async fn another_size_begins_empty() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = on_disk(folder.path()).await;
    put(&cache, "/a", response(&[], &[], 10));
    cache.close().await;
    drop(cache);
    let disk = Disk { folder: folder.path().into(), bytes: 2 * DISK_BYTES };
    let options = Options { memory_bytes: 1 << 20, disk: Some(disk) };
    let cache = ObjectCache::open(options, &SeededRandom::new(2)).await.expect("opened");
    assert!(loaded(&cache, "/a").await.is_none());
    put(&cache, "/a", response(&[], &[], 10));
    cache.clear();
    assert!(loaded(&cache, "/a").await.is_some());
}

/// More than the disk holds: the newest stay, and so does what is asked for again and again.
#[tokio::test]
async fn a_full_disk_keeps_the_newest_and_what_memory_holds() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = on_disk(folder.path()).await;
    put(&cache, "/hot", response(&[], &[], 1000));
    let last = 3 * DISK_BYTES / (100 << 10);
    for n in 0..last {
        assert!(matches!(lookup(&cache, "/hot", &[]), Lookup::Found(_)), "{n}");
        while cache.figures().disk_queued > 4 << 20 {
            tokio::task::yield_now().await;
        }
        put(&cache, &format!("/page/{n}"), response(&[], &[], 100 << 10));
    }
    assert_eq!(cache.figures().disk_drops, 0);
    assert!(cache.figures().disk_rewrites > 0);
    cache.close().await;
    drop(cache);
    let cache = on_disk(folder.path()).await;
    assert!(loaded(&cache, "/hot").await.is_some());
    let mut held = 0;
    for n in 0..last {
        held += u64::from(loaded(&cache, &format!("/page/{n}")).await.is_some());
    }
    let most = DISK_BYTES / (100 << 10);
    assert!(held > most * 3 / 4 && held <= most, "{held} of {most}");
    assert!(loaded(&cache, &format!("/page/{}", last - 1)).await.is_some());
    assert!(loaded(&cache, "/page/0").await.is_none());
}
