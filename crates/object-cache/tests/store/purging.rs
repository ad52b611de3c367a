//! Purges: what they hit, what they leave, and that nothing fetched before them comes back.

use crate::{SITE, cache, found, headers, judged, key, lookup, put, response};
use caching::{Purge, PurgeTarget, PurgeWindow, stored_fields};
use object_cache::{Body, Inserted, Lookup, ObjectCache};
use vocabulary::Hostname;

pub(crate) fn host() -> Hostname {
    "a.test".parse().expect("host")
}

pub(crate) fn url(path_and_query: &str) -> PurgeTarget {
    PurgeTarget::Url { host: host(), port: None, path_and_query: path_and_query.into() }
}

pub(crate) fn window(after: u64, targets: &[(PurgeTarget, bool)]) -> PurgeWindow {
    let purge = |(n, (target, soft)): (usize, &(PurgeTarget, bool))| Purge {
        revision: after + 1 + n as u64,
        site: SITE,
        target: target.clone(),
        soft: *soft,
    };
    PurgeWindow { after, purges: targets.iter().enumerate().map(purge).collect() }
}

fn hard(cache: &ObjectCache, target: PurgeTarget) {
    let after = cache.held_revision();
    assert_eq!(cache.apply(&window(after, &[(target, false)])).expect("applied"), after + 1);
}

fn fill(cache: &ObjectCache) {
    put(cache, "/a", response(&[], &[("cache-tag", "red, blue")], 10));
    put(cache, "/b?q=1", response(&[], &[("cache-tag", "blue")], 10));
    put(cache, "/news/one", response(&[], &[], 10));
    put(cache, "/news/two", response(&[("foo", "1")], &[("vary", "foo")], 10));
}

fn held(cache: &ObjectCache) -> Vec<&'static str> {
    let one = [("foo", "1")];
    let all: [(&str, &[(&str, &str)]); 4] =
        [("/a", &[]), ("/b?q=1", &[]), ("/news/one", &[]), ("/news/two", &one)];
    all.into_iter().filter(|(target, lines)| found(cache, target, lines).is_some()).map(|(t, _)| t).collect()
}

#[test]
fn a_purge_takes_what_it_names_and_nothing_else() {
    let cases: [(PurgeTarget, &[&str]); 7] = [
        (url("/a"), &["/b?q=1", "/news/one", "/news/two"]),
        (url("/b"), &["/a", "/b?q=1", "/news/one", "/news/two"]),
        (url("/b?q=1"), &["/a", "/news/one", "/news/two"]),
        (PurgeTarget::Tag("blue".into()), &["/news/one", "/news/two"]),
        (PurgeTarget::Tag("red".into()), &["/b?q=1", "/news/one", "/news/two"]),
        (PurgeTarget::Prefix { host: host(), path: "/news/".into() }, &["/a", "/b?q=1"]),
        (PurgeTarget::Host(host()), &[]),
    ];
    for (target, rest) in cases {
        let cache = cache(1 << 20);
        fill(&cache);
        hard(&cache, target.clone());
        assert_eq!(held(&cache), rest, "{target:?}");
        assert_eq!(held(&cache), rest, "a second look: {target:?}");
        fill(&cache);
        assert_eq!(held(&cache).len(), 4, "what is fetched afterwards stays: {target:?}");
    }
}

#[test]
fn what_was_purged_gives_its_room_back() {
    let cache = cache(1 << 20);
    fill(&cache);
    hard(&cache, PurgeTarget::Everything);
    assert!(held(&cache).is_empty());
    assert_eq!((cache.figures().keys, cache.figures().bytes), (0, 0));
}

#[test]
fn only_the_tagged_variant_goes() {
    let cache = cache(1 << 20);
    put(&cache, "/", response(&[("foo", "1")], &[("vary", "foo"), ("cache-tag", "one")], 10));
    put(&cache, "/", response(&[("foo", "2")], &[("vary", "foo"), ("cache-tag", "two")], 10));
    hard(&cache, PurgeTarget::Tag("one".into()));
    assert!(found(&cache, "/", &[("foo", "1")]).is_none());
    assert!(found(&cache, "/", &[("foo", "2")]).is_some());
    assert!(matches!(lookup(&cache, "/", &[("foo", "1")]), Lookup::OtherVariant), "it is out of the list");
}

#[test]
fn a_fill_begun_before_a_purge_does_not_survive_it() {
    let cache = cache(1 << 20);
    let (before, other) = (cache.begin(&key("/a")), cache.begin(&key("/b")));
    hard(&cache, url("/a"));
    assert_eq!(cache.insert(&key("/a"), before, response(&[], &[], 10)), Inserted::Dropped);
    assert!(found(&cache, "/a", &[]).is_none());
    assert_eq!(cache.insert(&key("/b"), other, response(&[], &[], 10)), Inserted::Stored);
    assert_eq!(put(&cache, "/a", response(&[], &[], 10)), Inserted::Stored);
}

#[test]
fn what_is_purged_softly_is_found_as_stale_until_it_is_revalidated() {
    let cache = cache(1 << 20);
    put(&cache, "/a", response(&[], &[("etag", "\"1\"")], 10));
    put(&cache, "/b", response(&[], &[], 10));
    cache.apply(&window(0, &[(url("/a"), true)])).expect("applied");
    for _ in 0..2 {
        assert!(matches!(lookup(&cache, "/a", &[]), Lookup::Soft(_)));
        assert!(matches!(lookup(&cache, "/b", &[]), Lookup::Found(_)));
    }
    let Lookup::Soft(old) = lookup(&cache, "/a", &[]) else { panic!("soft") };
    let fill = cache.begin(&key("/a"));
    let fields = headers(&[("cache-control", "max-age=60"), ("etag", "\"1\"")]);
    let stored = judged(&[], 200, &fields, 10);
    let kept = stored_fields(&stored, &fields);
    let (inserted, fresh) = cache.update(&key("/a"), fill, &old, stored, kept);
    assert_eq!(inserted, Inserted::Stored);
    let Lookup::Found(found) = lookup(&cache, "/a", &[]) else { panic!("found") };
    assert_eq!(found.stored().freshness().lifetime().as_secs(), 60);
    let (Body::Whole(old), Body::Whole(new)) = (old.body(), fresh.body()) else { panic!("whole") };
    assert_eq!(old.as_ptr(), new.as_ptr(), "the body is not copied");
}

#[test]
fn a_revalidation_begun_before_a_purge_does_not_survive_it() {
    let cache = cache(1 << 20);
    put(&cache, "/a", response(&[], &[], 10));
    let Lookup::Found(old) = lookup(&cache, "/a", &[]) else { panic!("found") };
    let fill = cache.begin(&key("/a"));
    hard(&cache, url("/a"));
    let fields = headers(&[("cache-control", "max-age=60")]);
    let (inserted, _) = cache.update(&key("/a"), fill, &old, judged(&[], 200, &fields, 10), Vec::new());
    assert_eq!(inserted, Inserted::Dropped);
    assert!(found(&cache, "/a", &[]).is_none());
}

#[test]
fn an_edge_that_missed_purges_revalidates_everything() {
    let cache = cache(1 << 20);
    fill(&cache);
    assert_eq!(cache.apply(&window(7, &[(url("/a"), false)])).expect("applied"), 8);
    assert!(matches!(lookup(&cache, "/a", &[]), Lookup::Absent));
    assert!(matches!(lookup(&cache, "/news/one", &[]), Lookup::Soft(_)));
    assert_eq!(cache.apply(&window(2, &[(url("/b?q=1"), false)])).expect("applied"), 8, "held already");
    assert!(matches!(lookup(&cache, "/b?q=1", &[]), Lookup::Soft(_)));
}

#[test]
fn an_invalidation_drops_both_schemes() {
    let cache = cache(1 << 20);
    let http = caching::KeyRef { scheme: caching::Scheme::Http, ..key("/a") };
    put(&cache, "/a", response(&[], &[], 10));
    let late = cache.begin(&http);
    assert!(cache.remove(&http));
    assert!(found(&cache, "/a", &[]).is_none());
    assert_eq!(cache.insert(&http, late, response(&[], &[], 10)), Inserted::Dropped);
    assert!(!cache.remove(&http));
}

#[test]
fn only_the_response_meant_is_dropped() {
    let cache = cache(1 << 20);
    let (old, new) = (response(&[], &[], 10), response(&[], &[], 20));
    put(&cache, "/a", old.clone());
    put(&cache, "/a", new.clone());
    cache.drop_response(&key("/a"), &old);
    assert!(found(&cache, "/a", &[]).is_some());
    cache.drop_response(&key("/a"), &new);
    assert!(found(&cache, "/a", &[]).is_none());
}
