//! Sending what is stale (RFC 9111 §4.2.4, §5.2.1.2, RFC 5861).

use crate::reusing::judge;
use crate::{Asked, Lines};
use caching::{CacheMode, Reason, Reuse, StaleLeave, Stored, has_failed, reuse_purged};
use http::{Method, StatusCode};

const TAG: (&str, &str) = ("ETag", "\"a\"");

fn held(cache_control: &str) -> Stored {
    let response = [("Cache-Control", cache_control), TAG];
    Asked { response: &response, ..Asked::default() }.stored(10)
}

fn leave(cache_control: &str, request: Lines<'_>, seconds: i64) -> Option<(StaleLeave, Reason)> {
    match judge(&Method::GET, request, &held(cache_control), seconds) {
        Reuse::Stale { leave, reason, .. } => Some((leave, reason)),
        Reuse::Fresh { .. } | Reuse::Forward(_) => None,
    }
}

/// RFC 9111 §4.2.4, §5.2.2.2, §5.2.2.4, §5.2.2.8, §5.2.2.10; RFC 5861 §3, §4.
#[test]
fn the_origin_says_what_may_be_sent_stale() {
    use StaleLeave::{Forbidden, IfError, WhileRevalidate};
    for (cache_control, seconds, expected) in [
        ("max-age=60", 59, None),
        ("max-age=60", 60, Some(IfError)),
        ("max-age=60", 100_000, Some(IfError)),
        ("max-age=60, must-revalidate", 60, Some(Forbidden)),
        ("max-age=60, must-revalidate", 59, None),
        ("max-age=60, proxy-revalidate", 60, Some(Forbidden)),
        ("s-maxage=60", 60, Some(Forbidden)),
        ("s-maxage=60, max-age=1", 60, Some(Forbidden)),
        ("max-age=60, stale-while-revalidate=30", 60, Some(WhileRevalidate)),
        ("max-age=60, stale-while-revalidate=30", 89, Some(WhileRevalidate)),
        ("max-age=60, stale-while-revalidate=30", 90, Some(IfError)),
        ("max-age=60, stale-while-revalidate=\"30\"", 89, Some(WhileRevalidate)),
        ("max-age=60, stale-while-revalidate=30, stale-while-revalidate=90", 60, Some(IfError)),
        ("max-age=60, stale-while-revalidate=0", 60, Some(IfError)),
        ("max-age=60, stale-while-revalidate=x", 60, Some(IfError)),
        ("max-age=60, stale-while-revalidate=30, must-revalidate", 60, Some(Forbidden)),
        ("max-age=60, stale-while-revalidate=30, proxy-revalidate", 60, Some(Forbidden)),
        ("s-maxage=60, stale-while-revalidate=30", 60, Some(WhileRevalidate)),
        ("s-maxage=60, stale-while-revalidate=30", 90, Some(Forbidden)),
        ("max-age=60, stale-if-error=30", 60, Some(IfError)),
        ("max-age=60, stale-if-error=30", 1000, Some(IfError)),
        ("max-age=60, stale-if-error=0", 60, Some(Forbidden)),
        ("max-age=60, stale-if-error=30, must-revalidate", 60, Some(Forbidden)),
        ("s-maxage=60, stale-if-error=30", 89, Some(IfError)),
        ("s-maxage=60, stale-if-error=30", 90, Some(Forbidden)),
        ("max-age=0", 0, Some(IfError)),
    ] {
        let expected = expected.map(|leave| (leave, Reason::Stale));
        assert_eq!(leave(cache_control, &[], seconds), expected, "{cache_control} after {seconds} s");
    }
}

/// RFC 5861 §3, RFC 9111 §4.2.3: the window begins when the age reaches the lifetime, wherever it was spent.
#[test]
fn time_spent_on_the_way_counts_against_the_window() {
    let cache_control = "max-age=60, stale-while-revalidate=30";
    let response = [("Cache-Control", cache_control), ("Age", "50"), TAG];
    let held = Asked { response: &response, ..Asked::default() }.stored(10);
    for (seconds, expected) in [
        (9, None),
        (10, Some(StaleLeave::WhileRevalidate)),
        (39, Some(StaleLeave::WhileRevalidate)),
        (40, Some(StaleLeave::IfError)),
    ] {
        let leave = match judge(&Method::GET, &[], &held, seconds) {
            Reuse::Stale { leave, .. } => Some(leave),
            Reuse::Fresh { .. } | Reuse::Forward(_) => None,
        };
        assert_eq!(leave, expected, "after {seconds} s");
    }
}

/// RFC 9111 §5.2.2.4: not even while it is fresh.
#[test]
fn no_cache_is_revalidated_each_time() {
    for cache_control in
        ["no-cache", "no-cache, max-age=60, stale-while-revalidate=60", "no-cache=\"a\", max-age=60"]
    {
        for request in [&[][..], &[("Cache-Control", "max-stale")]] {
            let expected = Some((StaleLeave::Forbidden, Reason::Revalidate));
            assert_eq!(leave(cache_control, request, 0), expected, "{cache_control}");
        }
    }
}

/// RFC 9111 §5.2.1.
#[test]
fn requests_ask_for_more_or_are_content_with_less() {
    use StaleLeave::{Forbidden, IfError, WhileRevalidate};
    let cc = "Cache-Control";
    let revalidating = "max-age=60, stale-while-revalidate=30";
    for (held, request, seconds, expected) in [
        ("max-age=60", &[(cc, "max-stale")][..], 1000, (WhileRevalidate, Reason::Stale)),
        ("max-age=60", &[(cc, "max-stale=10")], 69, (WhileRevalidate, Reason::Stale)),
        ("max-age=60", &[(cc, "max-stale=10")], 70, (IfError, Reason::Stale)),
        ("max-age=60", &[(cc, "max-stale=x")], 60, (IfError, Reason::Stale)),
        ("max-age=60", &[(cc, "max-stale, no-cache")], 60, (IfError, Reason::Stale)),
        ("max-age=60, must-revalidate", &[(cc, "max-stale")], 60, (Forbidden, Reason::Stale)),
        ("max-age=60, proxy-revalidate", &[(cc, "max-stale")], 60, (Forbidden, Reason::Stale)),
        ("s-maxage=60", &[(cc, "max-stale")], 60, (Forbidden, Reason::Stale)),
        ("s-maxage=60, stale-if-error=60", &[(cc, "max-stale")], 60, (IfError, Reason::Stale)),
        ("max-age=60, stale-if-error=0", &[(cc, "max-stale")], 60, (Forbidden, Reason::Stale)),
        (revalidating, &[(cc, "no-cache")], 60, (IfError, Reason::Stale)),
        (revalidating, &[("Pragma", "no-cache")], 60, (IfError, Reason::Stale)),
        (revalidating, &[(cc, "max-age=10")], 60, (IfError, Reason::Stale)),
        (revalidating, &[(cc, "min-fresh=1")], 60, (IfError, Reason::Stale)),
        (revalidating, &[(cc, "max-age=100")], 60, (WhileRevalidate, Reason::Stale)),
        // Fresh, and the request wants it fresher: no rule about stale ones applies.
        ("max-age=60, must-revalidate", &[(cc, "no-cache")], 10, (IfError, Reason::RequestNoCache)),
        ("s-maxage=60", &[(cc, "max-age=5")], 10, (IfError, Reason::RequestMaxAge)),
        ("max-age=60", &[(cc, "min-fresh=55")], 10, (IfError, Reason::RequestMinFresh)),
    ] {
        assert_eq!(
            leave(held, request, seconds),
            Some(expected),
            "{held} asked {request:?} after {seconds} s"
        );
    }
}

#[test]
fn what_was_purged_softly_waits_for_the_origin() {
    let request: Vec<(&str, &str)> = Vec::new();
    let request = caching::Request::read(&Method::GET, &request);
    for (cache_control, expected) in [
        ("max-age=60", StaleLeave::IfError),
        ("max-age=60, stale-while-revalidate=60", StaleLeave::IfError),
        ("max-age=60, must-revalidate", StaleLeave::Forbidden),
        ("no-cache", StaleLeave::Forbidden),
    ] {
        let judged = reuse_purged(&request, &held(cache_control), crate::at(1));
        let Reuse::Stale { leave, reason, .. } = judged else { panic!("{judged:?}") };
        assert_eq!((leave, reason), (expected, Reason::Purged), "{cache_control}");
    }
    let varied = Asked { response: &[("Cache-Control", "max-age=60"), ("Vary", "Foo")], ..Asked::default() };
    let other = vec![("Foo", "1")];
    let other = caching::Request::read(&Method::GET, &other);
    assert_eq!(reuse_purged(&other, &varied.stored(1), crate::at(0)), Reuse::Forward(Reason::Vary));
}

/// RFC 9111 §3, §4.3: what can be validated, or sent on some occasion, is worth keeping.
#[test]
fn what_is_stale_on_arrival_is_kept_if_something_can_come_of_it() {
    let outcome = |lines: Lines<'_>| Asked { response: lines, ..Asked::default() }.storable().err();
    let cc = "Cache-Control";
    let modified = ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT");
    for (lines, refusal) in [
        (&[(cc, "max-age=0")][..], Some(Reason::Expired)),
        (&[(cc, "max-age=0"), TAG], None),
        (&[(cc, "max-age=0"), modified], None),
        (&[(cc, "max-age=0"), ("ETag", "unquoted")], Some(Reason::Expired)),
        (&[(cc, "max-age=0, stale-while-revalidate=10")], None),
        (&[(cc, "max-age=0, stale-if-error=10")], None),
        (&[(cc, "max-age=0, stale-if-error=0")], Some(Reason::Expired)),
        (&[(cc, "max-age=0, stale-if-error=10, must-revalidate")], Some(Reason::Expired)),
        (&[(cc, "max-age=60"), ("Age", "60"), TAG], None),
        (&[("Expires", "0"), TAG], None),
        (&[(cc, "max-age=x"), TAG], None),
        (&[(cc, "max-age=x")], Some(Reason::Malformed)),
        (&[(cc, "no-cache"), TAG], None),
        (&[(cc, "no-cache"), modified], None),
        (&[(cc, "no-cache, stale-if-error=10")], Some(Reason::NoCache)),
        (&[(cc, "no-cache, no-store"), TAG], Some(Reason::NoStore)),
        (&[(cc, "no-cache, private"), TAG], Some(Reason::Private)),
        // Without a word about freshness a page may be one visitor's: a validator alone is no leave.
        (&[TAG], Some(Reason::NoFreshness)),
        (&[(cc, "must-revalidate"), TAG], Some(Reason::NoFreshness)),
    ] {
        assert_eq!(outcome(lines), refusal, "{lines:?}");
    }
    let stale = Asked { response: &[(cc, "max-age=0"), TAG], mode: CacheMode::Origin, ..Asked::default() };
    let judged = judge(&Method::GET, &[], &stale.stored(1), 0);
    assert!(matches!(judged, Reuse::Stale { .. }), "{judged:?}");
}

/// RFC 5861 §4.
#[test]
fn only_some_statuses_say_that_the_origin_has_failed() {
    for (status, expected) in [
        (200, false),
        (404, false),
        (429, false),
        (500, true),
        (501, false),
        (502, true),
        (503, true),
        (504, true),
    ] {
        assert_eq!(has_failed(StatusCode::from_u16(status).expect("status")), expected, "{status}");
    }
}
