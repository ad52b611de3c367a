//! Answering from a stored response (RFC 9111 §4, §5.2.1).

use crate::{Asked, Lines, at, stored};
use caching::{Answer, Reason, Request, Reuse, Stored, reuse};
use http::Method;

pub(crate) fn judge(method: &Method, lines: Lines<'_>, stored: &Stored, seconds: i64) -> Reuse {
    let lines = lines.to_vec();
    reuse(&Request::read(method, &lines), stored, at(seconds))
}

fn reason(lines: Lines<'_>, seconds: i64) -> Option<Reason> {
    match judge(&Method::GET, lines, &stored(&[], 10), seconds) {
        Reuse::Stale { reason, .. } | Reuse::Forward(reason) => Some(reason),
        Reuse::Fresh { .. } => None,
    }
}

#[test]
fn a_fresh_response_is_sent_with_its_age() {
    for method in [Method::GET, Method::HEAD] {
        let judged = judge(&method, &[], &stored(&[("Age", "5")], 10), 7);
        let Reuse::Fresh { age, ttl, answer } = judged else { panic!("{judged:?}") };
        assert_eq!((age.as_secs(), ttl, answer), (12, 3588, Answer::Full));
    }
}

/// RFC 9111 §4.2, §5.2.1, §5.4.
#[test]
fn requests_may_want_fresher_answers() {
    let cc = "Cache-Control";
    for (lines, seconds, expected) in [
        (&[][..], 3599, None),
        (&[], 3600, Some(Reason::Stale)),
        (&[(cc, "no-cache")], 0, Some(Reason::RequestNoCache)),
        (&[(cc, "NO-CACHE")], 0, Some(Reason::RequestNoCache)),
        (&[("Pragma", "no-cache")], 0, Some(Reason::RequestNoCache)),
        (&[("Pragma", "foo, no-cache")], 0, Some(Reason::RequestNoCache)),
        (&[("Pragma", "no-cache"), (cc, "max-age=100")], 0, None),
        (&[("Pragma", "foo")], 0, None),
        (&[(cc, "max-age=0")], 0, None),
        (&[(cc, "max-age=0")], 1, Some(Reason::RequestMaxAge)),
        (&[(cc, "max-age=10")], 10, None),
        (&[(cc, "max-age=10")], 11, Some(Reason::RequestMaxAge)),
        (&[(cc, "max-age=x")], 11, None),
        (&[(cc, "min-fresh=3600")], 0, None),
        (&[(cc, "min-fresh=3600")], 1, Some(Reason::RequestMinFresh)),
        (&[(cc, "max-stale=100")], 3600, Some(Reason::Stale)),
        (&[(cc, "only-if-cached")], 0, None),
    ] {
        assert_eq!(reason(lines, seconds), expected, "{lines:?} after {seconds} s");
    }
}

/// RFC 9110 §14.2, §13.1.5, §15.5.17.
#[test]
fn ranges_of_a_whole_stored_response_are_cut_from_it() {
    let modified = crate::date(-100);
    let lines = [("ETag", "\"a\""), ("Last-Modified", modified.as_str())];
    let whole = stored(&lines, 10);
    let weak = stored(&[("ETag", "W/\"a\"")], 10);
    let range = ("Range", "bytes=2-5");
    let cut = |answer: Answer| matches!(answer, Answer::Range(r) if (r.first, r.last) == (2, 5) && r.byte_count() == 4);
    let answer = |method: &Method, lines: Lines<'_>, held: &Stored| match judge(method, lines, held, 0) {
        Reuse::Fresh { answer, .. } => answer,
        Reuse::Stale { reason, .. } | Reuse::Forward(reason) => panic!("{reason}"),
    };
    for (held, lines, expected) in [
        (&whole, &[range][..], true),
        (&whole, &[range, ("If-Range", "\"a\"")], true),
        (&whole, &[range, ("If-Range", "\"b\"")], false),
        (&whole, &[range, ("If-Range", "W/\"a\"")], false),
        (&whole, &[range, ("If-Range", modified.as_str())], true),
        (&whole, &[range, ("If-Range", "Sun, 06 Nov 1994 08:49:37 GMT")], false),
        (&whole, &[range, ("If-Range", "junk")], false),
        (&whole, &[range, ("If-Range", "\"a\""), ("If-Range", "\"a\"")], false),
        (&whole, &[range, range], false),
        (&weak, &[range, ("If-Range", "W/\"a\"")], false),
        (&weak, &[range], true),
    ] {
        let answer = answer(&Method::GET, lines, held);
        assert_eq!(cut(answer), expected, "{lines:?}");
        assert!(expected || answer == Answer::Full);
    }
    let several = [("Range", "bytes=0-1,4-5")];
    assert_eq!(answer(&Method::GET, &several, &whole), Answer::Ranges);
    assert_eq!(answer(&Method::GET, &[several[0], ("If-Range", "\"b\"")], &whole), Answer::Full);
    assert_eq!(answer(&Method::HEAD, &[range], &whole), Answer::Full, "only GET has ranges");
    assert_eq!(answer(&Method::GET, &[("Range", "bytes=10-")], &whole), Answer::RangeNotSatisfiable);
    let conditional = [range, ("If-None-Match", "\"a\"")];
    assert_eq!(answer(&Method::GET, &conditional, &whole), Answer::NotModified, "RFC 9110 §13.2.2");
    let response = &[("Cache-Control", "max-age=60")];
    for status in [203, 404] {
        let other = Asked { status, response, ..Asked::default() }.stored(10);
        assert_eq!(answer(&Method::GET, &[range], &other), Answer::Full, "not a 200");
    }
}

/// RFC 9110 §8.8.2.2: a Last-Modified of the same second as Date is no strong validator.
#[test]
fn a_date_within_the_second_of_sending_does_not_vouch_for_a_range() {
    let now = crate::date(0);
    let held = stored(&[("Last-Modified", &now), ("Date", &now)], 10);
    let lines = [("Range", "bytes=2-5"), ("If-Range", now.as_str())];
    let judged = judge(&Method::GET, &lines, &held, 0);
    assert!(matches!(judged, Reuse::Fresh { answer: Answer::Full, .. }), "{judged:?}");
}
