//! Revalidation: what is asked, and what a 304 or a HEAD changes (RFC 9111 §3.2, §4.3).

use crate::reusing::judge;
use crate::{Asked, Lines, at, date};
use caching::{
    CacheMode, Exchanged, HeadUpdate, Limits, Policy, Reason, Reuse, Revalidated, Rules, Stored,
    conditional_fields, head_update, revalidated, stored_fields,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use vocabulary::Timestamp;

type Kept = Vec<(HeaderName, HeaderValue)>;

fn map(lines: Lines<'_>) -> HeaderMap {
    let read = |(name, value): &(&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).expect("name"), HeaderValue::from_str(value).expect("value"))
    };
    lines.iter().map(read).collect()
}

fn held(lines: Lines<'_>) -> (Stored, Kept) {
    let stored = Asked { response: lines, ..Asked::default() }.stored(10);
    let kept = stored_fields(&stored, &map(lines));
    (stored, kept)
}

/// The outcome of an answer a hundred seconds after noon.
fn answer(held: &(Stored, Kept), status: u16, lines: Lines<'_>) -> Revalidated {
    let rules = Rules::default();
    let policy = Policy { mode: CacheMode::Origin, limits: Limits::default(), rules: &rules, path: b"/" };
    let exchanged = Exchanged { requested: at(100), received: at(100) };
    let status = StatusCode::from_u16(status).expect("status");
    revalidated(&held.0, &held.1, status, &map(lines), &policy, exchanged)
}

fn head(held: &(Stored, Kept), status: u16, lines: Lines<'_>) -> HeadUpdate {
    let rules = Rules::default();
    let policy = Policy { mode: CacheMode::Origin, limits: Limits::default(), rules: &rules, path: b"/" };
    let exchanged = Exchanged { requested: at(100), received: at(100) };
    let status = StatusCode::from_u16(status).expect("status");
    head_update(&held.0, &held.1, status, &map(lines), &policy, exchanged)
}

fn values<'a>(kept: &'a Kept, name: &str) -> Vec<&'a str> {
    kept.iter().filter(|(n, _)| n == name).map(|(_, value)| value.to_str().expect("text")).collect()
}

/// RFC 9111 §4.3.1.
#[test]
fn the_stored_validators_are_asked_about() {
    let modified = date(-100);
    let (etag, modified) = (("ETag", "W/\"a\""), ("Last-Modified", modified.as_str()));
    let life = ("Cache-Control", "max-age=60");
    for (lines, expected) in [
        (&[life, etag, modified][..], vec![("if-none-match", "W/\"a\""), ("if-modified-since", modified.1)]),
        (&[life, etag], vec![("if-none-match", "W/\"a\"")]),
        (&[life, modified], vec![("if-modified-since", modified.1)]),
        (&[life, ("ETag", "unquoted")], vec![]),
        (&[life], vec![]),
    ] {
        let asked = conditional_fields(&held(lines).0);
        let asked: Vec<_> =
            asked.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("text"))).collect();
        assert_eq!(asked, expected, "{lines:?}");
    }
}

/// RFC 9111 §3.2, §4.3.4.
#[test]
fn a_304_updates_all_fields_but_those_of_the_body() {
    let now = date(100);
    let old = [
        ("Cache-Control", "max-age=60"),
        ("ETag", "\"a\""),
        ("Date", "Sun, 22 Nov 2026 12:00:00 GMT"),
        ("Content-Type", "text/plain"),
        ("Content-Encoding", "gzip"),
        ("Content-MD5", "x"),
        ("Content-Range", "x"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=1"),
        ("X-Kept", "1"),
        ("X-Changed", "1"),
    ];
    let new = [
        ("Cache-Control", "max-age=120"),
        ("ETag", "\"a\""),
        ("Date", now.as_str()),
        ("Content-Type", "text/html"),
        ("Content-Encoding", "br"),
        ("Content-Length", "99"),
        ("Content-MD5", "y"),
        ("Content-Range", "y"),
        ("Set-Cookie", "c=2"),
        ("X-Changed", "2"),
        ("X-New", "3"),
        ("Connection", "X-Hop"),
        ("X-Hop", "4"),
        ("Age", "5"),
    ];
    let held = held(&old);
    let Revalidated::Updated(stored, kept) = answer(&held, 304, &new) else { panic!("not updated") };
    for (name, expected) in [
        ("cache-control", vec!["max-age=120"]),
        ("etag", vec!["\"a\""]),
        ("date", vec![now.as_str()]),
        ("content-type", vec!["text/html"]),
        ("content-encoding", vec!["gzip"]),
        ("content-md5", vec!["x"]),
        ("content-range", vec!["x"]),
        ("content-length", vec![]),
        ("set-cookie", vec!["c=2"]),
        ("x-kept", vec!["1"]),
        ("x-changed", vec!["2"]),
        ("x-new", vec!["3"]),
        ("connection", vec![]),
        ("x-hop", vec![]),
        ("age", vec![]),
    ] {
        assert_eq!(values(&kept, name), expected, "{name}");
    }
    assert_eq!((stored.status(), stored.length()), (StatusCode::OK, 10));
    assert_eq!(stored.freshness().lifetime().as_secs(), 120);
    assert_eq!(stored.freshness().age(at(100)).as_secs(), 5, "the Age of the 304 counts");
    assert!(stored.freshness().is_fresh(at(214)) && !stored.freshness().is_fresh(at(215)));
}

/// RFC 9111 §3.2, §4.2.1, RFC 9213 §2.2: what a lifetime rests on is read again from the fields as they are then.
#[test]
fn a_304_gives_the_lifetime_that_the_fields_together_say() {
    let (past, soon, later, now) = (date(-10), date(60), date(400), date(100));
    let (past, now) = (("Expires", past.as_str()), ("Date", now.as_str()));
    let (soon, later) = (("Expires", soon.as_str()), ("Expires", later.as_str()));
    let (tag, cc, cdn) = (("ETag", "\"a\""), "Cache-Control", "CDN-Cache-Control");
    for (old, new, expected) in [
        (vec![soon], vec![later, now], 300),
        (vec![soon], vec![now], 0),
        (vec![later], vec![now], 300),
        (vec![later], vec![past, now], 0),
        (vec![later], vec![(cc, "max-age=7"), now], 7),
        (vec![(cc, "max-age=7"), later], vec![later, now], 7),
        (vec![(cdn, "max-age=60")], vec![(cdn, "max-age=120")], 120),
        (vec![(cdn, "max-age=60")], vec![(cc, "max-age=5")], 60),
        (vec![(cc, "max-age=5")], vec![(cdn, "max-age=60")], 60),
        (vec![(cdn, "max-age=60"), (cc, "max-age=5")], vec![(cdn, "&")], 5),
    ] {
        let held = held(&[&old[..], &[tag]].concat());
        let Revalidated::Updated(stored, _) = answer(&held, 304, &new) else { panic!("{old:?} {new:?}") };
        let lifetime = stored.freshness().lifetime().as_secs();
        assert_eq!(
            (lifetime, stored.freshness().is_fresh(at(100))),
            (expected, expected > 0),
            "{old:?} {new:?}"
        );
    }
}

/// RFC 9111 §4.3.4: the stored directives stay where the 304 has none; Date is the time of receipt at least.
#[test]
fn a_bare_304_renews_what_was_stored() {
    let held = held(&[("Cache-Control", "max-age=60"), ("ETag", "\"a\"")]);
    let Revalidated::Updated(stored, kept) = answer(&held, 304, &[]) else { panic!("not updated") };
    assert_eq!(values(&kept, "date"), [date(100)]);
    assert!(stored.freshness().is_fresh(at(159)) && !stored.freshness().is_fresh(at(160)));
    assert_eq!(stored.validators().etag(), Some(&b"\"a\""[..]), "the tag is kept");
    assert!(matches!(judge(&Method::GET, &[], &stored, 100), Reuse::Fresh { .. }));
}

/// RFC 9111 §4.3.4: a 304 about something else updates nothing.
#[test]
fn a_304_for_something_else_is_no_update() {
    let (older, newer) = (date(-100), date(-50));
    let life = ("Cache-Control", "max-age=60");
    let (older, newer) = (("Last-Modified", older.as_str()), ("Last-Modified", newer.as_str()));
    for (old, new, expected) in [
        (vec![life, ("ETag", "\"a\"")], vec![("ETag", "\"a\"")], true),
        (vec![life, ("ETag", "\"a\"")], vec![("ETag", "\"b\"")], false),
        (vec![life, ("ETag", "\"a\"")], vec![("ETag", "W/\"a\"")], true),
        (vec![life, ("ETag", "W/\"a\"")], vec![("ETag", "W/\"b\"")], false),
        (vec![life, ("ETag", "W/\"a\"")], vec![("ETag", "\"a\"")], true),
        (vec![life, ("ETag", "W/\"a\"")], vec![("ETag", "\"b\"")], false),
        // A tag where none is held: only the date can say that it is the same.
        (vec![life, older], vec![("ETag", "\"a\""), older], true),
        (vec![life, older], vec![("ETag", "\"a\""), newer], false),
        (vec![life, older], vec![("ETag", "\"a\"")], false),
        (vec![life, older], vec![("ETag", "W/\"a\"")], false),
        (vec![life, ("ETag", "\"a\"")], vec![], true),
        (vec![life, older], vec![older], true),
        (vec![life, older], vec![newer], false),
        (vec![life, older], vec![], true),
        (vec![life, ("ETag", "\"a\""), older], vec![("ETag", "\"a\""), newer], true),
        // It may no longer be kept, or is chosen by other fields: asked for whole again.
        (vec![life, ("ETag", "\"a\"")], vec![("Cache-Control", "no-store")], false),
        (vec![life, ("ETag", "\"a\"")], vec![("Cache-Control", "private")], false),
        (vec![life, ("ETag", "\"a\"")], vec![("Vary", "Foo")], false),
        (vec![life, ("ETag", "\"a\""), ("Vary", "Foo")], vec![("Vary", "foo")], true),
        (vec![life, ("ETag", "\"a\""), ("Vary", "Foo")], vec![("Vary", "*")], false),
        (vec![life, ("ETag", "\"a\"")], vec![("Cache-Control", "no-cache")], true),
        (vec![life, ("ETag", "\"a\"")], vec![("Cache-Control", "max-age=0")], true),
    ] {
        let outcome = answer(&held(&old), 304, &new);
        assert_eq!(matches!(outcome, Revalidated::Updated(..)), expected, "{old:?} {new:?}");
        assert!(expected || matches!(outcome, Revalidated::Mismatch));
    }
}

/// RFC 9111 §4.3.3.
#[test]
fn any_other_answer_stands_for_itself() {
    let held = held(&[("Cache-Control", "max-age=60"), ("ETag", "\"a\"")]);
    for status in [200, 206, 301, 404, 412, 500, 503] {
        assert!(matches!(answer(&held, status, &[("ETag", "\"a\"")]), Revalidated::Replaced), "{status}");
    }
}

/// RFC 9111 §4.3.5.
#[test]
fn a_head_updates_or_outdates_what_is_stored() {
    let (modified, other) = (date(-100), date(-50));
    let (modified, other) = (("Last-Modified", modified.as_str()), ("Last-Modified", other.as_str()));
    let held = held(&[("Cache-Control", "max-age=60"), ("ETag", "\"a\""), modified, ("X", "1")]);
    for (status, lines, expected) in [
        (200, &[("Cache-Control", "max-age=1000"), ("X", "2")][..], "updated"),
        (200, &[("ETag", "\"a\""), modified, ("Content-Length", "10"), ("X", "2")], "updated"),
        (200, &[("ETag", "\"b\"")], "outdated"),
        (200, &[("ETag", "W/\"a\"")], "outdated"),
        (200, &[other], "outdated"),
        (200, &[("Content-Length", "11")], "outdated"),
        (200, &[("Cache-Control", "no-store")], "outdated"),
        (404, &[("ETag", "\"b\"")], "nothing"),
        (304, &[("ETag", "\"b\"")], "nothing"),
        (503, &[], "nothing"),
    ] {
        let outcome = match head(&held, status, lines) {
            HeadUpdate::Updated(stored, kept) => {
                assert_eq!(values(&kept, "x"), ["2"]);
                assert!(stored.freshness().is_fresh(at(101)));
                "updated"
            }
            HeadUpdate::Outdated => "outdated",
            HeadUpdate::Nothing => "nothing",
        };
        assert_eq!(outcome, expected, "{status} {lines:?}");
    }
}

/// RFC 9111 §4.2.3: a 304 does not make a response younger than its own fields say.
#[test]
fn a_304_with_an_old_date_is_old() {
    let held = held(&[("Cache-Control", "max-age=60"), ("ETag", "\"a\"")]);
    let old = date(50);
    let Revalidated::Updated(stored, _) = answer(&held, 304, &[("Date", &old)]) else {
        panic!("not updated")
    };
    assert_eq!(stored.freshness().age(at(100)).as_secs(), 50);
    let exchanged = Exchanged { requested: at(100), received: Timestamp::from_millis(at(103).as_millis()) };
    let rules = Rules::default();
    let policy = Policy { mode: CacheMode::Origin, limits: Limits::default(), rules: &rules, path: b"/" };
    let slow =
        revalidated(&held.0, &held.1, StatusCode::NOT_MODIFIED, &map(&[("Age", "10")]), &policy, exchanged);
    let Revalidated::Updated(stored, _) = slow else { panic!("not updated") };
    assert_eq!(stored.freshness().age(at(103)).as_secs(), 13);
}

/// A guarded site does not take a cookie from a 304 either.
#[test]
fn a_304_that_sets_a_cookie_is_not_kept_on_a_guarded_site() {
    let held = held(&[("Cache-Control", "max-age=60"), ("ETag", "\"a\"")]);
    let rules = Rules::default();
    let policy = Policy { mode: CacheMode::Guarded, limits: Limits::default(), rules: &rules, path: b"/" };
    let exchanged = Exchanged { requested: at(100), received: at(100) };
    let new = map(&[("Set-Cookie", "session=1")]);
    let outcome = revalidated(&held.0, &held.1, StatusCode::NOT_MODIFIED, &new, &policy, exchanged);
    assert!(matches!(outcome, Revalidated::Mismatch));
    let fresh =
        Asked { response: &[("Cache-Control", "max-age=9"), ("Set-Cookie", "a=b")], ..Asked::default() };
    assert_eq!(Asked { mode: CacheMode::Guarded, ..fresh }.storable().err(), Some(Reason::SetCookie));
}
