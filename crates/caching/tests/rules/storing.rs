//! Storing responses (RFC 9111 §3).

use crate::{Asked, Lines, at, date};
use caching::{
    CacheMode, Exchanged, Limits, Plan, Policy, Reason, Request, Rules, Scheme, Target, end_to_end, storable,
    storable_post, stored_fields,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

const FRESH: (&str, &str) = ("Cache-Control", "max-age=60");

fn outcome(response: Lines<'_>) -> Option<Reason> {
    Asked { response, ..Asked::default() }.storable().err()
}

/// RFC 9111 §3, §5.2.2.
#[test]
fn directives_of_the_response_decide() {
    for (value, refusal) in [
        ("max-age=60", None),
        ("MAX-AGE=60", None),
        ("public, max-age=60", None),
        ("max-age=60, must-revalidate", None),
        ("max-age=60, foo, bar=\"a, no-store\"", None),
        ("no-store", Some(Reason::NoStore)),
        ("max-age=60, No-StOrE", Some(Reason::NoStore)),
        ("max-age=60, no-store=now", Some(Reason::NoStore)),
        ("max-age=60, no-store =x", Some(Reason::NoStore)),
        ("private, max-age=60", Some(Reason::Private)),
        ("private=\"set-cookie\", max-age=60", Some(Reason::Private)),
        ("no-cache, max-age=60", Some(Reason::NoCache)),
        ("no-cache=\"set-cookie, b\", max-age=60", Some(Reason::NoCache)),
        ("public", Some(Reason::NoFreshness)),
        ("max-age=0", Some(Reason::Expired)),
        ("max-age=60, foo=\"bar, no-store", Some(Reason::Malformed)),
    ] {
        assert_eq!(outcome(&[("Cache-Control", value)]), refusal, "{value}");
    }
    assert_eq!(outcome(&[FRESH, ("cache-control", "no-store")]), Some(Reason::NoStore), "lines add up");
    assert_eq!(outcome(&[]), Some(Reason::NoFreshness));
    assert_eq!(outcome(&[FRESH, ("Pragma", "no-cache")]), None, "Pragma means nothing here (§5.4)");
}

/// RFC 9111 §3, §5.2.2.3; RFC 6585; RFC 9110 §15.
#[test]
fn statuses_that_answer_the_target_are_stored() {
    let outcome = |status| Asked { status, response: &[FRESH], ..Asked::default() }.storable().err();
    for status in [
        200, 203, 204, 299, 300, 301, 302, 303, 307, 308, 400, 403, 404, 405, 410, 414, 451, 499, 500, 501,
        502, 503, 504, 599,
    ] {
        assert_eq!(outcome(status), None, "{status}");
    }
    for status in
        [101, 103, 304, 401, 407, 408, 411, 412, 413, 415, 416, 417, 421, 425, 426, 428, 429, 431, 511]
    {
        assert_eq!(outcome(status), Some(Reason::Status), "{status}");
    }
    assert_eq!(outcome(206), Some(Reason::Partial), "RFC 9111 §3.3");
}

/// RFC 9111 §5.2.2.3.
#[test]
fn must_understand_asks_for_a_known_status() {
    let outcome = |status, value| {
        Asked { status, response: &[("Cache-Control", value)], ..Asked::default() }.storable().err()
    };
    assert_eq!(outcome(200, "max-age=60, must-understand"), None);
    assert_eq!(outcome(200, "max-age=60, must-understand, no-store"), None);
    assert_eq!(outcome(599, "max-age=60, must-understand"), Some(Reason::Status));
    assert_eq!(outcome(599, "max-age=60, must-understand, no-store"), Some(Reason::Status));
    assert_eq!(outcome(200, "max-age=60, must-understand =1, no-store"), Some(Reason::NoStore));
    assert_eq!(outcome(200, "max-age=60, must-understand, private"), Some(Reason::Private));
}

/// RFC 9111 §3.3.
#[test]
fn parts_and_cut_bodies_are_not_stored() {
    let part =
        Asked { status: 206, response: &[FRESH, ("Content-Range", "bytes 0-1/2")], ..Asked::default() };
    assert_eq!(part.storable().err(), Some(Reason::Partial));
    assert_eq!(
        outcome(&[FRESH, ("Content-Range", "x")]),
        None,
        "without meaning outside 206 (RFC 9110 §14.4)"
    );
    let asked = |response| Asked { response, ..Asked::default() }.storable().expect("storable");
    assert_eq!(asked(&[FRESH, ("Content-Length", "10")]).complete(9).err(), Some(Reason::Incomplete));
    assert_eq!(asked(&[FRESH, ("Content-Length", "10")]).complete(11).err(), Some(Reason::Incomplete));
    assert!(asked(&[FRESH, ("Content-Length", "10")]).complete(10).is_ok_and(|s| s.length() == 10));
    assert!(asked(&[FRESH]).complete(11).is_ok());
}

#[test]
fn bodies_above_the_bound_are_not_stored() {
    let limits = Limits { body_bytes_max: 10 };
    let exchanged = Exchanged { requested: at(0), received: at(0) };
    let none: Vec<(&str, &str)> = Vec::new();
    let request = Request::read(&Method::GET, &none);
    let judge = |response: Vec<(&str, &str)>| {
        storable(&request, StatusCode::OK, &response, CacheMode::Origin, limits, exchanged)
    };
    assert_eq!(judge(vec![FRESH, ("Content-Length", "11")]).err(), Some(Reason::TooLarge));
    assert_eq!(judge(vec![FRESH, ("Content-Length", "x")]).err(), Some(Reason::TooLarge));
    assert_eq!(judge(vec![FRESH]).and_then(|s| s.complete(11)).err(), Some(Reason::TooLarge));
    assert!(judge(vec![FRESH, ("Content-Length", "10")]).and_then(|s| s.complete(10)).is_ok());
}

/// RFC 9111 §3.5.
#[test]
fn authorised_answers_need_leave_to_be_shared() {
    let outcome = |value| {
        let response = &[("Cache-Control", value)];
        Asked { request: &[("Authorization", "Basic x")], response, ..Asked::default() }.storable().err()
    };
    for (value, refusal) in [
        ("max-age=60", Some(Reason::Authorization)),
        ("max-age=60, public", None),
        ("max-age=60, must-revalidate", None),
        ("s-maxage=60", None),
        ("max-age=60, proxy-revalidate", Some(Reason::Authorization)),
        ("max-age=60, public =1", Some(Reason::Authorization)),
        ("max-age=60, s-maxage=x", Some(Reason::Authorization)),
    ] {
        assert_eq!(outcome(value), refusal, "{value}");
    }
}

#[test]
fn guarded_sites_never_store_cookies() {
    let outcome =
        |mode| Asked { response: &[FRESH, ("Set-Cookie", "a=b")], mode, ..Asked::default() }.storable().err();
    assert_eq!(outcome(CacheMode::Guarded), Some(Reason::SetCookie));
    assert_eq!(outcome(CacheMode::Origin), None);
}

/// RFC 9111 §4, §5.2.1, §4.3.2; RFC 9110 §9.3.1, §7.8.
#[test]
fn some_requests_pass_the_cache_by() {
    let plan = |method: &str, lines: Lines<'_>| {
        let lines = lines.to_vec();
        Request::read(&Method::from_bytes(method.as_bytes()).expect("method"), &lines).plan()
    };
    for (method, lines, expected) in [
        ("GET", &[][..], Plan::Lookup),
        ("HEAD", &[], Plan::Lookup),
        ("POST", &[], Plan::Bypass(Reason::Method)),
        ("PUT", &[], Plan::Bypass(Reason::Method)),
        ("OPTIONS", &[], Plan::Bypass(Reason::Method)),
        ("get", &[], Plan::Bypass(Reason::Method)),
        ("GET", &[("content-length", "0")], Plan::Lookup),
        ("GET", &[("content-length", "5")], Plan::Bypass(Reason::RequestContent)),
        ("GET", &[("Transfer-Encoding", "chunked")], Plan::Bypass(Reason::RequestContent)),
        ("GET", &[("Upgrade", "websocket")], Plan::Bypass(Reason::Upgrade)),
        ("GET", &[("Cache-Control", "no-store")], Plan::Bypass(Reason::RequestNoStore)),
        ("GET", &[("cache-control", "foo, NO-STORE")], Plan::Bypass(Reason::RequestNoStore)),
        ("GET", &[("If-Match", "\"a\"")], Plan::Bypass(Reason::Precondition)),
        ("GET", &[("If-Unmodified-Since", "x")], Plan::Bypass(Reason::Precondition)),
        ("GET", &[("Cache-Control", "no-cache")], Plan::Lookup),
        ("GET", &[("Authorization", "Basic x")], Plan::Lookup),
        ("GET", &[("Range", "bytes=0-1")], Plan::Lookup),
        ("GET", &[("If-None-Match", "\"a\"")], Plan::Lookup),
    ] {
        assert_eq!(plan(method, lines), expected, "{method} {lines:?}");
    }
    let lines = vec![("Cache-Control", "only-if-cached")];
    assert!(Request::read(&Method::GET, &lines).only_if_cached());
}

#[test]
fn what_passes_by_is_not_stored_either() {
    let outcome =
        |method, request| Asked { method, request, response: &[FRESH], ..Asked::default() }.storable().err();
    assert_eq!(outcome(Method::POST, &[]), Some(Reason::Method));
    assert_eq!(outcome(Method::HEAD, &[]), Some(Reason::Head));
    assert_eq!(outcome(Method::GET, &[("Cache-Control", "no-store")]), Some(Reason::RequestNoStore));
    assert_eq!(outcome(Method::GET, &[("Cache-Control", "no-cache")]), None);
    assert_eq!(outcome(Method::GET, &[]), None);
}

/// RFC 9111 §3.1, RFC 9110 §7.6.1, §6.6.1.
#[test]
fn fields_of_the_connection_are_not_kept() {
    let mut fields = HeaderMap::new();
    for (name, value) in [
        ("connection", "close, X-Hop"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("trailer", "x"),
        ("upgrade", "h2c"),
        ("proxy-authenticate", "Basic"),
        ("age", "5"),
        ("content-length", "10"),
        ("x-kept", "1"),
        ("etag", "\"a\""),
    ] {
        fields.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let kept: Vec<_> = end_to_end(&fields).map(|(name, _)| name.as_str()).collect();
    assert_eq!(kept.len(), 2);
    assert!(kept.contains(&"x-kept") && kept.contains(&"etag"));

    let stored = crate::stored(&[], 0);
    let with_date = stored_fields(&stored, &fields);
    let added = with_date.iter().find(|(name, _)| name == "date").map(|(_, value)| value.as_bytes());
    assert_eq!(added, Some(date(0).as_bytes()));
    fields.insert("date", HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
    let kept = stored_fields(&stored, &fields);
    assert_eq!(kept.iter().filter(|(name, _)| name == "date").count(), 1);
}

/// RFC 9110 §9.3.3: the answer to a POST is what a GET brings if it says so and for how long.
#[test]
fn an_answer_to_a_post_is_stored_if_it_is_the_content_of_its_target() {
    let outcome = |mode, method: &str, request: Lines<'_>, status, response: Lines<'_>| {
        let (request, response) = (request.to_vec(), response.to_vec());
        let request = Request::read(&Method::from_bytes(method.as_bytes()).expect("method"), &request);
        let target = Target { scheme: Scheme::Https, host: "a.test", port: None, path_and_query: b"/a?b" };
        let rules = Rules::default();
        let policy = Policy { mode, limits: Limits::default(), rules: &rules, path: b"/a" };
        let exchanged = Exchanged { requested: at(0), received: at(0) };
        let status = StatusCode::from_u16(status).expect("status");
        storable_post(&request, target, status, &response, &policy, exchanged).err()
    };
    let post = |request: Lines<'_>, status, response: Lines<'_>| {
        outcome(CacheMode::Origin, "POST", request, status, response)
    };
    let own = ("Content-Location", "/a?b");
    let body = ("Content-Length", "5");
    assert_eq!(post(&[body], 200, &[FRESH, own]), None);
    assert_eq!(post(&[body], 200, &[FRESH, ("Content-Location", "https://a.test/a?b")]), None);
    assert_eq!(post(&[body], 200, &[FRESH, ("Content-Location", "")]), None, "the target itself");
    for (request, status, response) in [
        (&[body][..], 200, &[FRESH][..]),
        (&[body], 200, &[FRESH, ("Content-Location", "/a")]),
        (&[body], 200, &[FRESH, ("Content-Location", "https://b.test/a?b")]),
        (&[body], 200, &[FRESH, own, ("Content-Location", "/other")]),
        (&[body], 200, &[("Cache-Control", "max-age=0"), ("ETag", "\"a\""), own]),
        (&[body], 200, &[FRESH, own, ("Vary", "Accept-Encoding")]),
        (&[body], 404, &[FRESH, own]),
        (&[("X-HTTP-Method-Override", "GET")], 200, &[FRESH, own]),
        (&[("Cache-Control", "no-store")], 200, &[FRESH, own]),
    ] {
        assert_eq!(
            post(request, status, response),
            Some(Reason::Method),
            "{request:?} {status} {response:?}"
        );
    }
    assert_eq!(post(&[body], 200, &[own]), Some(Reason::NoFreshness));
    assert_eq!(post(&[body], 200, &[("Cache-Control", "no-store"), own]), Some(Reason::NoStore));
    assert_eq!(post(&[("Authorization", "x")], 200, &[FRESH, own]), Some(Reason::Authorization));
    assert_eq!(outcome(CacheMode::Guarded, "POST", &[body], 200, &[FRESH, own]), Some(Reason::Method));
    assert_eq!(outcome(CacheMode::Origin, "PUT", &[body], 200, &[FRESH, own]), Some(Reason::Method));
}
