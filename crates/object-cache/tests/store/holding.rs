//! Finding, replacing and dropping.

use crate::{Lines, cache, found, key, lookup, put, response};
use object_cache::{Inserted, Lookup, ObjectCache};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn is_other_variant(cache: &ObjectCache, target: &str, lines: Lines<'_>) -> bool {
    matches!(lookup(cache, target, lines), Lookup::OtherVariant)
}

#[test]
fn what_was_stored_is_found_under_its_own_key_only() {
    let cache = cache(1 << 20);
    let stored = response(&[], &[], 10);
    assert_eq!(put(&cache, "/a?b", stored.clone()), Inserted::Stored);
    assert!(
        found(&cache, "/a?b", &[]).is_some_and(|found| Arc::ptr_eq(&found, &stored)),
        "shared, not copied"
    );
    for other in ["/a", "/a?", "/a?c", "/A?b", "/a%3fb"] {
        assert!(found(&cache, other, &[]).is_none(), "{other}");
    }
    assert!(cache.remove(&key("/a?b")));
    assert!(!cache.remove(&key("/a?b")));
    assert!(found(&cache, "/a?b", &[]).is_none());
    let figures = cache.figures();
    assert_eq!((figures.hits, figures.misses, figures.inserts, figures.removals), (1, 6, 1, 1));
    assert_eq!((figures.keys, figures.bytes), (0, 0));
}

#[test]
fn very_long_targets_are_held_too() {
    let cache = cache(1 << 20);
    let long = format!("/{}", "a".repeat(30_000));
    put(&cache, &long, response(&[], &[], 10));
    assert!(found(&cache, &long, &[]).is_some());
    assert!(found(&cache, &long[..29_999], &[]).is_none());
}

/// RFC 9111 §4.1.
#[test]
fn variants_live_side_by_side() {
    let cache = cache(1 << 20);
    let vary: Lines<'_> = &[("vary", "foo")];
    let one = response(&[("foo", "1")], vary, 10);
    let two = response(&[("foo", "2")], vary, 20);
    put(&cache, "/", one.clone());
    put(&cache, "/", two);
    assert_eq!(found(&cache, "/", &[("foo", "1")]).map(|r| r.body().len()), Some(10));
    assert_eq!(found(&cache, "/", &[("foo", "2")]).map(|r| r.body().len()), Some(20));
    assert!(is_other_variant(&cache, "/", &[("foo", "3")]));
    assert!(!is_other_variant(&cache, "/other", &[]));
    assert_eq!(cache.figures().vary_misses, 1);

    put(&cache, "/", response(&[("foo", "1")], vary, 11));
    assert_eq!(found(&cache, "/", &[("foo", "1")]).map(|r| r.body().len()), Some(11), "replaced");
    assert_eq!(one.body().len(), 10, "readers keep what they have");
    assert!(found(&cache, "/", &[("foo", "2")]).is_some());

    put(&cache, "/", response(&[], &[], 30));
    for lines in [&[][..], &[("foo", "1")], &[("foo", "3")]] {
        assert_eq!(found(&cache, "/", lines).map(|r| r.body().len()), Some(30), "{lines:?}");
    }
    assert_eq!(cache.figures().keys, 1);
}

#[test]
fn what_is_replaced_takes_no_room() {
    let cache = cache(1 << 20);
    let vary: Lines<'_> = &[("vary", "foo")];
    put(&cache, "/", response(&[("foo", "1")], vary, 1_000));
    put(&cache, "/", response(&[("foo", "2")], vary, 1_000));
    let two = cache.figures().bytes;
    for _ in 0..20 {
        put(&cache, "/", response(&[("foo", "1")], vary, 1_000));
    }
    assert_eq!(cache.figures().bytes, two);
    assert!(found(&cache, "/", &[("foo", "2")]).is_some(), "the other is not crowded out");
    put(&cache, "/", response(&[], &[], 1_000));
    assert!(cache.figures().bytes < two / 2 + 300, "one that does not vary replaces all");
}

#[test]
fn among_many_keys_each_finds_its_own() {
    let cache = cache(64 << 20);
    let targets: Vec<String> = (0..3_000).map(|n| format!("/{n}")).collect();
    for (n, target) in targets.iter().enumerate() {
        put(&cache, target, response(&[], &[], n));
    }
    for (n, target) in targets.iter().enumerate() {
        assert_eq!(found(&cache, target, &[]).map(|r| r.body().len()), Some(n as u64));
        assert!(found(&cache, &format!("/x{n}"), &[]).is_none(), "{n}");
    }
}

#[test]
fn a_key_holds_eight_variants_and_drops_the_oldest() {
    let cache = cache(1 << 20);
    let values: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    for value in &values {
        put(&cache, "/", response(&[("foo", value)], &[("vary", "foo")], 10));
    }
    let held: Vec<_> =
        values.iter().filter(|value| found(&cache, "/", &[("foo", value)]).is_some()).collect();
    assert_eq!(held, values[12..].iter().collect::<Vec<_>>());
}

#[test]
fn the_capacity_is_kept_and_counted() {
    let capacity = 1 << 20;
    let cache = cache(capacity);
    for n in 0..1_000 {
        put(&cache, &format!("/{n}"), response(&[], &[], 10_000));
        assert!(cache.figures().bytes <= capacity, "{:?}", cache.figures());
    }
    let figures = cache.figures();
    assert!(figures.keys >= 80, "the room is used: {figures:?}");
    assert_eq!(figures.evictions, 1_000 - figures.keys);
    cache.clear();
    assert_eq!((cache.figures().keys, cache.figures().bytes), (0, 0), "and the room is free again");
}

#[test]
fn what_is_asked_for_often_outlives_what_is_asked_for_once() {
    let cache = cache(1 << 20);
    put(&cache, "/often", response(&[], &[], 10_000));
    for n in 0..2_000 {
        assert!(found(&cache, "/often", &[]).is_some(), "after {n}");
        put(&cache, &format!("/once/{n}"), response(&[], &[], 10_000));
    }
}

#[test]
fn a_response_too_heavy_for_its_shard_is_refused_and_nothing_else_lost() {
    let cache = cache(1 << 20);
    put(&cache, "/small", response(&[], &[], 10));
    put(&cache, "/", response(&[], &[], 20));
    assert_eq!(put(&cache, "/", response(&[], &[], 600_000)), Inserted::TooHeavy);
    assert!(found(&cache, "/small", &[]).is_some());
    assert_eq!(found(&cache, "/", &[]).map(|r| r.body().len()), Some(20));
    assert_eq!(cache.figures().refusals, 1);
    assert_eq!(cache.figures().evictions, 0);
}

#[test]
fn large_caches_are_sharded_and_take_large_bodies() {
    let cache = cache(1 << 30);
    for n in 0..16 {
        assert_eq!(put(&cache, &format!("/{n}"), response(&[], &[], 1 << 20)), Inserted::Stored, "{n}");
    }
    assert_eq!(cache.figures().keys, 16);
    assert!(cache.figures().bytes >= 16 << 20);
}

#[test]
fn variants_stored_at_once_are_all_kept() {
    let values = ["1", "2"];
    let responses = values.map(|value| response(&[("foo", value)], &[("vary", "foo")], 10));
    let targets: Vec<String> = (0..5_000).map(|n| format!("/{n}")).collect();
    let cache = cache(64 << 20);
    let arrived = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for response in &responses {
            let (cache, arrived, targets) = (&cache, &arrived, &targets);
            scope.spawn(move || {
                for (round, target) in targets.iter().enumerate() {
                    // Both leave within nanoseconds of each other, which a barrier that sleeps would not give.
                    arrived.fetch_add(1, Ordering::SeqCst);
                    while arrived.load(Ordering::SeqCst) < 2 * (round + 1) {
                        std::thread::yield_now();
                    }
                    put(cache, target, response.clone());
                }
            });
        }
    });
    for target in &targets {
        for value in values {
            assert!(found(&cache, target, &[("foo", value)]).is_some(), "{target}, variant {value}");
        }
    }
}

/// RFC 9111 §4.4: a change made while an answer is on its way makes that answer old.
#[test]
fn a_fill_begun_before_its_key_was_dropped_does_not_survive() {
    let cache = cache(1 << 20);
    let early = cache.begin(&key("/"));
    cache.remove(&key("/"));
    let late = cache.begin(&key("/"));
    assert_eq!(cache.insert(&key("/"), early, response(&[], &[], 1)), Inserted::Dropped);
    assert!(found(&cache, "/", &[]).is_none());
    assert_eq!(cache.insert(&key("/"), late, response(&[], &[], 2)), Inserted::Stored);
    assert_eq!(
        cache.insert(&key("/"), late, response(&[], &[], 3)),
        Inserted::Stored,
        "again without a drop"
    );
    cache.clear();
    assert_eq!(cache.insert(&key("/"), late, response(&[], &[], 2)), Inserted::Dropped);
    assert!(found(&cache, "/", &[]).is_none());
}
