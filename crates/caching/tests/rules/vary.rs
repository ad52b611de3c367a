//! Secondary keys (RFC 9111 §4.1, RFC 9110 §12.5).

use crate::{Asked, Lines, stored};
use caching::{Reason, Request};
use http::Method;

/// Whether a response that varied by `vary` for the request `first` answers the request `second`.
fn same(vary: Lines<'_>, first: Lines<'_>, second: Lines<'_>) -> bool {
    let response = [&[("Cache-Control", "max-age=60")], vary].concat();
    let held = Asked { request: first, response: &response, ..Asked::default() }.stored(1);
    let second = second.to_vec();
    held.matches(&Request::read(&Method::GET, &second))
}

#[test]
fn nominated_fields_must_be_equal() {
    let two: Lines<'_> = &[("Vary", "Foo, bar")];
    for (first, second, expected) in [
        (&[("Foo", "1"), ("Bar", "x")][..], &[("foo", "1"), ("BAR", "x")][..], true),
        (&[("Foo", "1"), ("Bar", "x")], &[("Bar", "x"), ("Foo", "1"), ("Other", "z")], true),
        (&[("Foo", "1"), ("Bar", "x")], &[("Foo", "2"), ("Bar", "x")], false),
        (&[("Foo", "1"), ("Bar", "x")], &[("Foo", "1")], false),
        (&[("Foo", "1")], &[("Foo", "1")], true),
        (&[("Foo", "1")], &[("Foo", "1"), ("Bar", "")], false),
        (&[("Foo", "1"), ("Bar", "")], &[("Foo", "1"), ("Bar", "")], true),
        (&[], &[], true),
        (&[("Foo", "a")], &[("Foo", "A")], false),
        (&[("Foo", "ab")], &[("Foo", "a")], false),
        (&[("Foo", "a")], &[("Foo", "ab")], false),
    ] {
        assert_eq!(same(two, first, second), expected, "{first:?} {second:?}");
    }
    assert!(same(&[], &[("Foo", "1")], &[("Foo", "2")]), "without Vary all requests match");
    assert!(same(&[("Vary", "Host, X-Forwarded-Proto")], &[("Host", "a")], &[("Host", "b")]), "in the key");
    assert!(!same(&[("Vary", "Foo"), ("Vary", "Bar")], &[("Bar", "1")], &[("Bar", "2")]), "lines add up");
}

/// RFC 9111 §4.1: combining lines and white space.
#[test]
fn values_are_compared_in_normal_form() {
    let vary: Lines<'_> = &[("Vary", "Foo")];
    for (first, second, expected) in [
        (&[("Foo", "1, 2")][..], &[("Foo", "1"), ("Foo", "2")][..], true),
        (&[("Foo", "1,2")], &[("Foo", " 1,  2 ")], true),
        (&[("Foo", "1, 2")], &[("Foo", "2, 1")], false),
        (&[("Foo", "1 2")], &[("Foo", "1  2")], false),
        (&[("Foo", "\"a,b\"")], &[("Foo", "\"a, b\"")], false),
        (&[("Foo", "1, 2")], &[("Foo", "1"), ("Bar", "2")], false),
        (&[("Foo", "")], &[], false),
    ] {
        assert_eq!(same(vary, first, second), expected, "{first:?} {second:?}");
    }
}

/// RFC 9110 §12.5.5.
#[test]
fn a_star_or_an_unusable_vary_is_not_stored() {
    let many = (0..17).map(|n| format!("f{n}")).collect::<Vec<_>>().join(", ");
    let long = "x".repeat(1025);
    for (lines, refusal) in [
        (vec![("Vary", "*")], Some(Reason::VaryStar)),
        (vec![("Vary", "Foo, *")], Some(Reason::VaryStar)),
        (vec![("Vary", "*, *")], Some(Reason::VaryStar)),
        (vec![("Vary", ", *")], Some(Reason::VaryStar)),
        (vec![("Vary", ""), ("Vary", "*")], Some(Reason::VaryStar)),
        (vec![("Vary", "X-Forwarded-For")], Some(Reason::VaryStar)),
        (vec![("Vary", "Accept, forwarded")], Some(Reason::VaryStar)),
        (vec![("Vary", "a b")], Some(Reason::VaryUnusable)),
        (vec![("Vary", "f(o)o")], Some(Reason::VaryUnusable)),
        (vec![("Vary", many.as_str())], Some(Reason::VaryUnusable)),
        (vec![("Vary", "Long")], Some(Reason::VaryUnusable)),
        (vec![("Vary", "")], None),
        (vec![("Vary", "Foo, foo, FOO")], None),
    ] {
        let response = [&[("Cache-Control", "max-age=60")], lines.as_slice()].concat();
        let request = &[("Long", long.as_str())];
        let outcome = Asked { request, response: &response, ..Asked::default() }.storable().err();
        assert_eq!(outcome, refusal, "{lines:?}");
    }
}

/// RFC 9110 §12.5.3, §12.4.2, §8.4.1.3.
#[test]
fn accept_encoding_has_sixteen_spellings_at_most() {
    for (lines, expected) in [
        (&[][..], "identity"),
        (&[("Accept-Encoding", "")], "identity"),
        (&[("Accept-Encoding", "identity")], "identity"),
        (&[("Accept-Encoding", "gzip")], "gzip"),
        (&[("Accept-Encoding", "x-gzip")], "gzip"),
        (&[("Accept-Encoding", "GZIP")], "gzip"),
        (&[("Accept-Encoding", "gzip, deflate, br, zstd")], "zstd, br, gzip"),
        (&[("Accept-Encoding", "br;q=1.0, gzip;q=0.8, *;q=0.1")], "zstd, br, gzip"),
        (&[("Accept-Encoding", "gzip;q=0, br")], "br"),
        (&[("Accept-Encoding", "gzip; q=0.000, br")], "br"),
        (&[("Accept-Encoding", "gzip;q=0.001")], "gzip"),
        (&[("Accept-Encoding", "*")], "zstd, br, gzip"),
        (&[("Accept-Encoding", "*, gzip;q=0")], "zstd, br"),
        (&[("Accept-Encoding", "gzip, *;q=0")], "gzip, identity;q=0"),
        (&[("Accept-Encoding", "gzip, identity;q=0")], "gzip, identity;q=0"),
        (&[("Accept-Encoding", "identity, *;q=0")], "identity"),
        (&[("Accept-Encoding", "gzip"), ("accept-encoding", "br")], "br, gzip"),
        (&[("Accept-Encoding", "deflate, compress")], "identity"),
        (&[("Accept-Encoding", ";;;,,q=0,gzip;;q=0")], "identity"),
    ] {
        let lines = lines.to_vec();
        assert_eq!(Request::read(&Method::GET, &lines).accept_encoding(), expected, "{lines:?}");
    }
}

/// The key holds what the origin was sent.
#[test]
fn accept_encoding_is_compared_as_the_origin_saw_it() {
    let vary: Lines<'_> = &[("Vary", "accept-encoding")];
    let ae = |value| [("Accept-Encoding", value)];
    assert!(same(vary, &ae("gzip, br"), &ae("br;q=0.5,gzip, deflate")));
    assert!(!same(vary, &ae("gzip"), &ae("br")));
    assert!(same(vary, &[], &ae("identity")));
    assert!(!same(vary, &[], &ae("gzip")));
    assert!(stored(vary, 1).variant().heap_bytes() > 0);
}
