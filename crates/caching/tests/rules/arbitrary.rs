//! Whatever comes in, nothing panics, and what is stored for a request answers it while fresh.

use crate::{at, date};
use caching::{
    CacheMode, Exchanged, Limits, Plan, Policy, QueryRule, Ranges, Request, Reuse, Revalidated, Rules,
    Scheme, Target, TtlRule, head_update, invalidation, reuse, reuse_purged, revalidated, storable,
    storable_post, storable_under, stored_fields,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use proptest::prelude::*;

const REQUEST_NAMES: [&str; 15] = [
    "cache-control",
    "pragma",
    "if-none-match",
    "if-modified-since",
    "if-range",
    "range",
    "accept-encoding",
    "content-length",
    "authorization",
    "foo",
    "if-match",
    "accept-language",
    "cookie",
    "x-http-method",
    "transfer-encoding",
];
const RESPONSE_NAMES: [&str; 17] = [
    "cache-control",
    "expires",
    "date",
    "age",
    "vary",
    "etag",
    "last-modified",
    "content-length",
    "location",
    "connection",
    "set-cookie",
    "content-location",
    "cdn-cache-control",
    "cache-tag",
    "surrogate-key",
    "content-type",
    "content-language",
];

/// Values near the grammar, and any bytes.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "max-age=",
        "s-maxage=",
        "60",
        "\"",
        ",",
        " ",
        "=",
        ";q=0",
        "gzip",
        "*",
        "br",
        "bytes=",
        "-",
        "W/",
        "\"a\"",
        "no-cache",
        "private",
        "public",
        "min-fresh=",
        "foo",
        "Vary",
        "\\",
        "99999999999999999999",
        "/",
        "..",
        "?",
        "#",
        "http://a.test",
        "//",
        "0",
        "\t",
        "foo, bar",
        "accept-language",
        "stale-while-revalidate=",
        "stale-if-error=",
        "max-stale",
        "?0",
        ":",
        "(",
        "de",
        "en;q=0.5",
        "text/css",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..24),
        Just(date(0).into_bytes()),
        Just(b"max-age=60".to_vec()),
    ]
}

fn lines(names: &'static [&'static str]) -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    prop::collection::vec((prop::sample::select(names), value()), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn input_from_outside_never_panics(
        request in lines(&REQUEST_NAMES),
        other in lines(&REQUEST_NAMES),
        mut response in lines(&RESPONSE_NAMES),
        fresh in any::<bool>(),
        status in prop_oneof![Just(200u16), 100u16..1000],
        post in any::<bool>(),
        target in value(),
        news in lines(&RESPONSE_NAMES),
        pattern in value(),
    ) {
        if fresh {
            response.insert(0, ("cache-control", b"max-age=60".to_vec()));
        }
        let method = if post { Method::POST } else { Method::GET };
        let status = StatusCode::from_u16(status).expect("in range");
        let base = Target { scheme: Scheme::Https, host: "a.test", port: None, path_and_query: &target };
        let found = invalidation(&method, status, base, &response);
        prop_assert!(found.targets.len() <= 1 + response.len());

        let first = Request::read(&method, &request);
        let exchanged = Exchanged { requested: at(0), received: at(0) };
        let Ok(storable) =
            storable(&first, status, &response, CacheMode::Origin, Limits::default(), exchanged)
        else {
            return Ok(());
        };
        prop_assert_eq!(first.plan(), Plan::Lookup);
        let length = 100;
        let Ok(stored) = storable.complete(length) else { return Ok(()) };
        prop_assert!(stored.matches(&first), "it answers the request it was stored for");
        if !stored.freshness().is_fresh(at(0)) {
            prop_assert!(!matches!(reuse(&first, &stored, at(0)), Reuse::Fresh { .. }), "§4.2");
        }
        let fields: HeaderMap = response.iter().filter_map(|(name, value)| {
            Some((HeaderName::from_static(name), HeaderValue::from_bytes(value).ok()?))
        }).collect();
        let kept = stored_fields(&stored, &fields);
        prop_assert!(kept.iter().any(|(name, _)| name == "date"));
        let later = Request::read(&Method::GET, &other);
        for seconds in [0, 30, 1 << 33] {
            let _ = reuse(&first, &stored, at(seconds));
            let _ = reuse(&later, &stored, at(seconds));
            let _ = reuse_purged(&later, &stored, at(seconds));
        }
        if let Ranges::Several(ranges) = later.ranges(length) {
            prop_assert!(ranges.iter().map(|range| range.byte_count()).sum::<u64>() <= length);
        }
        let pattern = String::from_utf8_lossy(&pattern).into_owned();
        let rules = Rules {
            ttl: vec![TtlRule { path: pattern.clone(), status: None, ttl_seconds: 5 }],
            bypass_cookies: vec![pattern.clone()],
            query: QueryRule { ignore: vec![pattern.clone()], sort: true },
            ..Rules::default()
        };
        let _ = rules.bypass(&later);
        let rewritten = rules.rewritten(&target);
        prop_assert!(rewritten.len() <= target.len());
        for mode in [CacheMode::Guarded, CacheMode::Origin] {
            let policy = Policy { mode, limits: Limits::default(), rules: &rules, path: &target };
            let _ = storable_under(&later, status, &response, &policy, exchanged);
            let _ = storable_post(&first, base, status, &response, &policy, exchanged);
            let new: HeaderMap = news.iter().filter_map(|(name, value)| {
                Some((HeaderName::from_static(name), HeaderValue::from_bytes(value).ok()?))
            }).collect();
            let outcome = revalidated(&stored, &kept, StatusCode::NOT_MODIFIED, &new, &policy, exchanged);
            if let Revalidated::Updated(renewed, fields) = outcome {
                prop_assert!(renewed.matches(&first), "it still answers the request it was stored for");
                prop_assert_eq!(renewed.length(), stored.length());
                prop_assert_eq!(renewed.validators().etag(), stored.validators().etag());
                prop_assert_eq!(fields.iter().filter(|(name, _)| name == "age").count(), 0);
            }
            let _ = head_update(&stored, &kept, status, &new, &policy, exchanged);
        }
    }
}
