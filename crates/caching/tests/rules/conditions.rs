//! Conditional requests answered from here (RFC 9110 §13, RFC 9111 §4.3.2).

use crate::reusing::judge;
use crate::{Asked, Lines, date, stored};
use caching::{Answer, Reuse, Stored};
use http::{HeaderName, Method};

fn is_304(lines: Lines<'_>, held: &Stored) -> bool {
    let both = [Method::GET, Method::HEAD].map(|method| match judge(&method, lines, held, 0) {
        Reuse::Fresh { answer, .. } => Some(answer == Answer::NotModified),
        Reuse::Stale { .. } | Reuse::Forward(_) => None,
    });
    assert_eq!(both[0], both[1]);
    both[0].expect("fresh")
}

/// RFC 9110 §13.1.2, §8.8.3.2: weak comparison.
#[test]
fn if_none_match_compares_weakly() {
    for (held, asked, expected) in [
        ("\"a\"", "\"a\"", true),
        ("\"a\"", "W/\"a\"", true),
        ("W/\"a\"", "\"a\"", true),
        ("W/\"a\"", "W/\"a\"", true),
        ("\"a\"", "\"b\"", false),
        ("\"a\"", "\"A\"", false),
        ("\"a\"", "*", true),
        ("\"a\"", "\"x\", \"a\", \"y\"", true),
        ("\"a\"", "\"x\",\"y\",W/\"a\"", true),
        ("\"a\"", "\"x\", \"y\"", false),
        ("\"a,b\"", "\"a,b\"", true),
        ("\"a\"", "\"x,\"a\"", false),
        ("\"a\\\"", "\"x\", \"a\\\", \"y\"", true),
        ("\"a\"", "a", false),
        ("a", "a", false),
        ("a", "*", true),
        ("\"a\"", "w/\"a\"", false),
        ("\"a\"", "junk, \"a\"", true),
        ("\"a\"", "\"a", false),
        ("\"\"", "\"\"", true),
        ("\"a\"", "", false),
    ] {
        let held_tag = stored(&[("ETag", held)], 10);
        assert_eq!(is_304(&[("If-None-Match", asked)], &held_tag), expected, "{held} asked {asked}");
    }
    let held = stored(&[("ETag", "\"a\"")], 10);
    assert!(is_304(&[("If-None-Match", "\"x\""), ("if-none-match", "\"a\"")], &held), "lines add up");
    let doubled = stored(&[("ETag", "\"a\""), ("ETag", "\"b\"")], 10);
    assert!(!is_304(&[("If-None-Match", "\"b\"")], &doubled), "two tags are none");
    assert!(!is_304(&[("If-None-Match", "\"a\"")], &stored(&[], 10)));
}

/// RFC 9110 §13.1.3, RFC 9111 §4.3.2.
#[test]
fn if_modified_since_compares_with_last_modified_or_date() {
    let (hour, half, two_hours, now) = (date(-3600), date(-1800), date(-7200), date(0));
    let held = stored(&[("Last-Modified", hour.as_str()), ("Date", now.as_str())], 10);
    for (asked, expected) in [
        (hour.as_str(), true),
        (&half, true),
        (&now, true),
        (&two_hours, false),
        ("junk", false),
        ("", false),
    ] {
        assert_eq!(is_304(&[("If-Modified-Since", asked)], &held), expected, "{asked}");
    }
    let old = stored(&[("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")], 10);
    for (asked, expected) in [
        ("Sunday, 06-Nov-94 08:49:37 GMT", true),
        ("Sun Nov  6 08:49:37 1994", true),
        ("sun, 06 nov 1994 08:49:37 gmt", true),
        ("Sunday, 06-Nov-94 08:49:36 GMT", false),
        ("Sun Nov  6 08:49:36 1994", false),
    ] {
        assert_eq!(is_304(&[("If-Modified-Since", asked)], &old), expected, "the same date as {asked}");
    }
    let twice = [("If-Modified-Since", now.as_str()), ("If-Modified-Since", now.as_str())];
    assert!(!is_304(&twice, &held), "twice is no date");
    let undated = stored(&[("Date", half.as_str())], 10);
    assert!(is_304(&[("If-Modified-Since", &half)], &undated), "Date stands in");
    assert!(!is_304(&[("If-Modified-Since", &hour)], &undated));
    let bare = stored(&[], 10);
    assert!(is_304(&[("If-Modified-Since", &now)], &bare), "the time of receipt stands in for Date");
    assert!(!is_304(&[("If-Modified-Since", &half)], &bare));
}

/// RFC 9110 §13.2.2 steps 3 and 4.
#[test]
fn if_none_match_takes_precedence() {
    let (hour, now) = (date(-3600), date(0));
    let held = stored(&[("ETag", "\"a\""), ("Last-Modified", hour.as_str())], 10);
    assert!(!is_304(&[("If-None-Match", "\"b\""), ("If-Modified-Since", now.as_str())], &held));
    assert!(is_304(&[("If-None-Match", "\"a\""), ("If-Modified-Since", "junk")], &held));
}

/// RFC 9110 §13.2.1.
#[test]
fn conditions_are_ignored_where_the_answer_would_not_be_2xx() {
    let response = &[("Cache-Control", "max-age=60"), ("ETag", "\"a\"")];
    for (status, expected) in [(200, true), (203, true), (301, false), (404, false), (500, false)] {
        let held = Asked { status, response, ..Asked::default() }.stored(10);
        assert_eq!(is_304(&[("If-None-Match", "\"a\"")], &held), expected, "{status}");
    }
}

/// RFC 9110 §15.4.5.
#[test]
fn a_304_carries_what_guides_caches_and_not_the_representation() {
    let tagged = stored(&[("ETag", "\"a\"")], 10);
    let dated = stored(&[("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")], 10);
    for (name, with_tag, with_date) in [
        ("etag", true, true),
        ("cache-control", true, true),
        ("content-location", true, true),
        ("date", true, true),
        ("expires", true, true),
        ("vary", true, true),
        ("access-control-allow-origin", true, true),
        ("last-modified", false, true),
        ("content-type", false, false),
        ("content-encoding", false, false),
        ("content-language", false, false),
    ] {
        let name = HeaderName::from_static(name);
        assert_eq!(tagged.goes_with_not_modified(&name), with_tag, "{name}");
        assert_eq!(dated.goes_with_not_modified(&name), with_date, "{name}");
    }
}
