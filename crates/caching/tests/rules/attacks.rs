//! Poisoning and deception: each guard, and what it must not break.

use crate::site::under;
use crate::{Asked, Lines, stored};
use caching::{CacheMode, KeyRef, Plan, Reason, Request, Reuse, Rules, Scheme, StaleLeave, TAGS_MAX};
use http::Method;
use vocabulary::SiteId;

const FRESH: (&str, &str) = ("Cache-Control", "max-age=60");

/// Web cache deception: the tail of an address promises a static file, the content is a page.
#[test]
fn content_of_another_kind_than_its_address_ends_like_is_not_stored() {
    let outcome = |path, content_type: Option<&str>| {
        let mut response = vec![FRESH];
        response.extend(content_type.map(|value| ("content-type", value)));
        under(&Rules::default(), CacheMode::Guarded, path, &[], 200, &response).err()
    };
    let html = Some("text/html; charset=utf-8");
    for path in [
        "/account/x.css",
        "/account/x.CSS",
        "/account;x.js",
        "/account%2fx.css",
        "/account%2Fx%2ecss",
        "/account%00.css",
        "/account%0a.png",
        "/account%3fx.woff2",
        "/account%23.ico",
        "/account/%2e%2e%2fx.jpg",
        "/account/x.%63%73%73",
        "/account/.css",
        "/account/x.pdf",
        "/account/x.json",
        "/account/x.webmanifest",
        "/account/x.mp4",
        "/account/x.txt",
    ] {
        assert_eq!(outcome(path, html), Some(Reason::ContentType), "{path}");
        assert_eq!(outcome(path, None), Some(Reason::ContentType), "{path} without a type");
        assert_eq!(outcome(path, Some("")), Some(Reason::ContentType), "{path} with an empty type");
    }
    for (path, content_type) in [
        ("/account/x.css", "application/json"),
        ("/account/x.js", "application/json"),
        ("/account/x.png", "application/octet-stream"),
        ("/account/x.csv", "application/json"),
        ("/account/x.csv", "application/xhtml+xml"),
        ("/account/x.css", "text/css2"),
        ("/account/x.css", "xtext/css"),
    ] {
        assert_eq!(outcome(path, Some(content_type)), Some(Reason::ContentType), "{path} {content_type}");
    }
    for (path, content_type) in [
        ("/a.css", "text/css"),
        ("/a.css", "TEXT/CSS; charset=utf-8"),
        ("/a.js", "text/javascript"),
        ("/a.js", "application/javascript"),
        ("/a.mjs", "application/x-javascript"),
        ("/a.json", "application/json"),
        ("/a.map", "application/json"),
        ("/a.webmanifest", "application/manifest+json"),
        ("/a.png", "image/webp"),
        ("/favicon.ico", "image/vnd.microsoft.icon"),
        ("/a.svg", "image/svg+xml"),
        ("/a.woff2", "font/woff2"),
        ("/a.woff", "application/font-woff"),
        ("/a.eot", "application/vnd.ms-fontobject"),
        ("/a.ttf", "application/octet-stream"),
        ("/a.mp4", "video/mp4"),
        ("/a.mp3", "audio/mpeg"),
        ("/a.ogg", "application/ogg"),
        ("/a.pdf", "application/pdf"),
        ("/a.txt", "text/plain"),
        ("/a.zip", "application/zip"),
        ("/", "text/html"),
        ("/account", "text/html"),
        ("/account/x.html", "text/html"),
        ("/x.css/page", "text/html"),
        ("/v1.2", "text/html"),
        ("/x.css%zz", "text/html"),
    ] {
        assert_eq!(outcome(path, Some(content_type)), None, "{path} {content_type}");
    }
}

#[test]
fn the_owner_chooses_where_content_types_must_agree() {
    let html = [FRESH, ("Content-Type", "text/html")];
    let outcome = |rules: &Rules, mode, status| under(rules, mode, "/a/x.css", &[], status, &html).err();
    let (unset, on) = (Rules::default(), Rules { agree_content_type: Some(true), ..Rules::default() });
    let off = Rules { agree_content_type: Some(false), ..Rules::default() };
    assert_eq!(outcome(&unset, CacheMode::Guarded, 200), Some(Reason::ContentType));
    assert_eq!(outcome(&unset, CacheMode::Origin, 200), None);
    assert_eq!(outcome(&on, CacheMode::Origin, 200), Some(Reason::ContentType));
    assert_eq!(outcome(&off, CacheMode::Guarded, 200), None);
    assert_eq!(outcome(&unset, CacheMode::Guarded, 404), None, "a missing file is a page by right");
    // A lifetime by the ending of the path is what deception lives on, so there it is the rule in any mode.
    let rule = "{\"ttl\":[{\"path\":\"*.css\",\"ttl_seconds\":60}]}";
    let by_ending: Rules = serde_json::from_str(rule).expect("rules");
    assert_eq!(outcome(&by_ending, CacheMode::Origin, 200), Some(Reason::ContentType));
}

/// A personal page that says nothing of caching, or too little, is not kept for others.
#[test]
fn on_guarded_sites_a_cookie_and_silence_do_not_make_a_shared_page() {
    let modified = crate::date(-864_000);
    let modified = ("Last-Modified", modified.as_str());
    let cookie = &[("Cookie", "session=1")][..];
    let outcome = |mode, request, response| under(&Rules::default(), mode, "/", request, 200, response).err();
    let cc = "Cache-Control";
    for (request, response, refusal) in [
        (cookie, &[modified][..], Some(Reason::Cookie)),
        (cookie, &[(cc, "no-cache"), ("ETag", "\"a\"")], Some(Reason::Cookie)),
        (cookie, &[(cc, "max-age=0"), ("ETag", "\"a\"")], Some(Reason::Cookie)),
        (cookie, &[(cc, "public"), modified], None),
        (cookie, &[(cc, "max-age=60")], None),
        (&[], &[modified], None),
        (&[], &[(cc, "no-cache"), ("ETag", "\"a\"")], None),
    ] {
        assert_eq!(outcome(CacheMode::Guarded, request, response), refusal, "{request:?} {response:?}");
        assert_eq!(outcome(CacheMode::Origin, request, response), None);
    }
    // And the other way round: what was kept for strangers is not sent to someone the site may know.
    let guessed = Asked { response: &[modified], mode: CacheMode::Guarded, ..Asked::default() }.stored(1);
    let judged = crate::reusing::judge(&Method::GET, cookie, &guessed, 1);
    assert!(
        matches!(judged, Reuse::Stale { reason: Reason::Cookie, leave: StaleLeave::IfError, .. }),
        "{judged:?}"
    );
    assert!(matches!(crate::reusing::judge(&Method::GET, &[], &guessed, 1), Reuse::Fresh { .. }));
    let said = stored(&[modified], 1);
    assert!(matches!(crate::reusing::judge(&Method::GET, cookie, &said, 1), Reuse::Fresh { .. }));
}

/// Fields that steer some origins past the request line, and content that some read: no part of the key.
#[test]
fn requests_that_mean_more_than_their_key_pass_the_cache_by() {
    let plan = |lines: Lines<'_>| {
        let lines = lines.to_vec();
        Request::read(&Method::GET, &lines).plan()
    };
    for name in [
        "X-HTTP-Method-Override",
        "x-http-method",
        "X-Method-Override",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Original-Host",
        "X-Original-Path",
        "X-Host",
        "X-Forwarded-Path",
        "X-Forwarded-Prefix",
        "X_HTTP_METHOD_OVERRIDE",
        "x_original-url",
    ] {
        assert_eq!(plan(&[(name, "x")]), Plan::Bypass(Reason::Steering), "{name}");
    }
    for name in [
        "X-Forwarded-For",
        "X-Requested-With",
        "Accept",
        "X-Hosts",
        "X-Original",
        "Hosts-X",
        "X-HTTP-Methods",
    ] {
        assert_eq!(plan(&[(name, "x")]), Plan::Lookup, "{name}");
    }
    assert_eq!(plan(&[("Content-Length", "1")]), Plan::Bypass(Reason::RequestContent), "fat GET");
    let steered = Asked { request: &[("X-Original-URL", "/admin")], response: &[FRESH], ..Asked::default() };
    assert_eq!(steered.storable().err(), Some(Reason::Steering));
}

/// Duplicate and reordered parameters are other addresses: what an origin makes of them is its own affair.
#[test]
fn no_two_spellings_of_a_target_share_a_key() {
    let site = SiteId::from_bytes([7; 16]);
    let targets =
        ["/?a=1&a=2", "/?a=2&a=1", "/?a=1;a=2", "/?a=1", "/?a=1&", "/?A=1", "/%3Fa=1", "/?a=%31", "/;a=1"];
    for (at, one) in targets.iter().enumerate() {
        for (other_at, other) in targets.iter().enumerate() {
            let key =
                |target: &str| KeyRef::of_target(site, Scheme::Https, "a.test", target.as_bytes()).to_key();
            assert_eq!(key(one) == key(other), at == other_at, "{one} {other}");
        }
    }
}

/// Vary explosion: however a visitor spells a wish, there are few variants; what cannot be bounded is not kept.
#[test]
fn a_visitor_cannot_make_variants_at_will() {
    let spelled: std::collections::BTreeSet<_> = (0..500)
        .map(|n| {
            let value = format!("gzip;q=0.{n}, br;q=0.{}, x{n}, *;q=0", n % 7);
            let lines = vec![("Accept-Encoding", value)];
            Request::read(&Method::GET, &lines).accept_encoding()
        })
        .collect();
    assert!(spelled.len() <= 4, "{spelled:?}");
    let long = "x".repeat(2000);
    let outcome = |request: Lines<'_>, vary| {
        Asked { request, response: &[FRESH, ("Vary", vary)], ..Asked::default() }.storable().err()
    };
    assert_eq!(outcome(&[("Foo", &long)], "Foo"), Some(Reason::VaryUnusable));
    let languages = (0..200).map(|n| format!("l{n}")).collect::<Vec<_>>().join(",");
    assert_eq!(outcome(&[("Accept-Language", &languages)], "Accept-Language"), None, "cut to a few");
}

/// Range amplification: no answer is longer than the body and its part heads.
#[test]
fn ranges_never_add_up_to_more_than_the_body() {
    let held = stored(&[], 1000);
    for field in ["bytes=0-,0-,0-,0-", "bytes=0-999,0-999", "bytes=500-,0-600", "bytes=-1000,-1000"] {
        let judged = crate::reusing::judge(&Method::GET, &[("Range", field)], &held, 0);
        let Reuse::Fresh { answer, .. } = judged else { panic!("{judged:?}") };
        assert_eq!(answer, caching::Answer::RangeNotSatisfiable, "{field}");
    }
    let backwards = crate::reusing::judge(&Method::GET, &[("Range", "bytes=900-999,0-9")], &held, 0);
    assert!(matches!(backwards, Reuse::Fresh { answer: caching::Answer::Full, .. }), "{backwards:?}");
}

/// Tags come from the origin and are bounded; none is lost by there being too many.
#[test]
fn tags_are_bounded_and_an_overflow_is_remembered() {
    let many = (0..TAGS_MAX + 1).map(|n| format!("t{n}")).collect::<Vec<_>>();
    let (commas, spaces) = (many.join(","), many.join(" "));
    for (lines, count, overflowed) in [
        (&[][..], 0, false),
        (&[("Cache-Tag", "a, b ,,c"), ("cache-tag", "a")], 3, false),
        (&[("Surrogate-Key", " a  b\tc "), ("Cache-Tag", "c,d e")], 4, false),
        (&[("Cache-Tag", &commas)], TAGS_MAX, true),
        (&[("Surrogate-Key", &spaces)], TAGS_MAX, true),
        (&[("Cache-Tag", &"x".repeat(257))], 0, true),
    ] {
        let held = stored(lines, 1);
        assert_eq!((held.tags().each().count(), held.tags().overflowed()), (count, overflowed), "{lines:?}");
    }
}

/// What an error page of another layer says about itself decides; nothing is kept without a word.
#[test]
fn errors_without_a_lifetime_are_not_kept() {
    for status in [400, 403, 404, 500, 502, 503, 504] {
        let outcome =
            Asked { status, response: &[("Content-Type", "text/html")], ..Asked::default() }.storable().err();
        assert_eq!(outcome, Some(Reason::NoFreshness), "{status}");
    }
}
