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
        (&[("Accept-Encoding", "gzip, deflate, br")], "br, gzip"),
        (&[("Accept-Encoding", "gzip, deflate, br"), ("Accept-Encoding", "gzip;q=0")], "br"),
        (&[("Accept-Encoding", "gzip;q=0"), ("Accept-Encoding", "gzip, deflate, br")], "br, gzip"),
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

/// RFC 4647 §3.4: of the languages that a site has, the one that suits.
#[test]
fn a_site_that_lists_its_languages_is_asked_for_one_of_them() {
    let spoken = ["en", "de", "pt-BR", "pt"].map(str::to_owned);
    for (lines, expected) in [
        (&[][..], "en"),
        (&[("Accept-Language", "")], "en"),
        (&[("Accept-Language", "de-AT, de;q=0.9, en;q=0.8")], "de"),
        (&[("Accept-Language", "fr, de;q=0.2, en;q=0.1")], "de"),
        (&[("Accept-Language", "fr, ja")], "en"),
        (&[("Accept-Language", "PT-br")], "pt-br"),
        (&[("Accept-Language", "pt")], "pt"),
        (&[("Accept-Language", "pt-PT")], "pt"),
        (&[("Accept-Language", "d")], "en"),
        (&[("Accept-Language", "deu")], "en"),
        (&[("Accept-Language", "*")], "en"),
        (&[("Accept-Language", "en;q=0, *")], "de"),
        (&[("Accept-Language", "fr, *;q=0.1, de;q=0.5")], "de"),
    ] {
        let lines = lines.to_vec();
        let request = Request::read(&Method::GET, &lines).spoken(&spoken);
        let sent = request.normalised_fields();
        let language = sent.iter().find(|(name, _)| name == "accept-language").expect("always sent");
        assert_eq!(language.1.to_str().expect("text"), expected, "{lines:?}");
    }
}

/// RFC 9110 §12.5.4, RFC 9111 §4.1: one wish, one spelling, and the origin is sent that one.
#[test]
fn accept_language_has_a_normal_form_that_the_origin_is_sent() {
    for (lines, expected) in [
        (&[][..], None),
        (&[("Accept-Language", "")], Some("")),
        (&[("Accept-Language", "en, de")], Some("de, en")),
        (&[("Accept-Language", "de, en")], Some("de, en")),
        (&[("Accept-Language", "eN, De")], Some("de, en")),
        (&[("Accept-Language", " en ,   de")], Some("de, en")),
        (&[("Accept-Language", "en"), ("accept-language", "de")], Some("de, en")),
        (&[("Accept-Language", "en-US,en;q=0.5")], Some("en-us, en;q=0.5")),
        (&[("Accept-Language", "en;q=0.5,en-US;q=1.0")], Some("en-us, en;q=0.5")),
        (&[("Accept-Language", "fr;q=0.9, de;q=0.95, *;q=0.01")], Some("de;q=0.9, fr;q=0.9, *;q=0.1")),
        (&[("Accept-Language", "de;q=0, en; q=0.000, fr")], Some("fr, de;q=0, en;q=0")),
        (&[("Accept-Language", "de, DE;q=0.1")], Some("de")),
        (&[("Accept-Language", "de;q=x, en;q=")], Some("de, en")),
        (&[("Accept-Language", "a b, \"c\", d/e, de")], Some("de")),
        (&[("Accept-Language", "a,b,c,d,e,f,g,h,i,j")], Some("a, b, c, d, e, f, g, h")),
        (&[("Accept-Language", "j,i,h,g,f,e,d,c,b,a;q=0.1")], Some("b, c, d, e, f, g, h, i")),
    ] {
        let lines = lines.to_vec();
        let request = Request::read(&Method::GET, &lines);
        let sent = request.normalised_fields();
        let language = sent.iter().find(|(name, _)| name == "accept-language");
        assert_eq!(language.map(|(_, value)| value.to_str().expect("text")), expected, "{lines:?}");
        let encoding = sent.iter().find(|(name, _)| name == "accept-encoding");
        assert_eq!(encoding.map(|(_, value)| value.as_bytes()), Some(request.accept_encoding().as_bytes()));
        if let Some(text) = expected {
            let again = vec![("Accept-Language", text)];
            let again = Request::read(&Method::GET, &again).normalised_fields();
            assert_eq!(again[1].1.as_bytes(), text.as_bytes(), "the normal form is its own");
        }
    }
}

#[test]
fn accept_language_is_compared_as_the_origin_saw_it() {
    let vary: Lines<'_> = &[("Vary", "accept-language")];
    let al = |value| [("Accept-Language", value)];
    for (first, second, expected) in [
        ("en, de", "de, EN", true),
        ("en;q=0.91, de", "de, en;q=0.9", true),
        ("en, de", "en, de;q=0.5", false),
        ("en", "en, de", false),
        ("en, de", "en", false),
        ("en", "", false),
        ("", "", true),
    ] {
        assert_eq!(same(vary, &al(first), &al(second)), expected, "{first} {second}");
    }
    assert!(same(vary, &[], &[]));
    assert!(!same(vary, &[], &al("en")) && !same(vary, &al("en"), &[]) && !same(vary, &[], &al("")));
}

/// RFC 9111 §4.1: what is wanted before all else is there.
#[test]
fn content_in_the_language_wanted_most_answers() {
    let german: Lines<'_> = &[("Vary", "Accept-Language"), ("Content-Language", "de")];
    let al = |value| [("Accept-Language", value)];
    for (second, expected) in [
        ("fr;q=0.5, de;q=1.0", true),
        ("DE", true),
        ("de;q=0.3", true),
        ("de, fr", false),
        ("fr, de;q=0.5", false),
        ("de-AT, de;q=0.9", false),
        ("de;q=0", false),
        ("*", false),
    ] {
        assert_eq!(same(german, &al("en, de"), &al(second)), expected, "{second}");
    }
    let two: Lines<'_> = &[("Vary", "Accept-Language"), ("Content-Language", "de, en")];
    assert!(!same(two, &al("en, de"), &al("de")), "content in two languages is for who asked for both");
    let both: Lines<'_> = &[("Vary", "Accept-Language, Foo"), ("Content-Language", "de")];
    let second = [("Accept-Language", "de"), ("Foo", "2")];
    assert!(!same(both, &[("Accept-Language", "en, de"), ("Foo", "1")], &second), "other fields count too");
}
