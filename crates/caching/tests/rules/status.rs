//! The Cache-Status field (RFC 9211).

use caching::{CacheStatus, Reason};
use http::StatusCode;
use std::collections::BTreeSet;

#[test]
fn each_outcome_has_its_value() {
    let ok = Some(StatusCode::OK);
    for (status, expected) in [
        (CacheStatus::Hit { ttl: 376 }, "wardmote; hit; ttl=376"),
        (
            CacheStatus::Forwarded { why: Reason::Absent, status: ok, kept: Ok(60) },
            "wardmote; fwd=uri-miss; fwd-status=200; stored; ttl=60; detail=absent",
        ),
        (
            CacheStatus::Forwarded { why: Reason::Stale, status: ok, kept: Ok(60) },
            "wardmote; fwd=stale; fwd-status=200; stored; ttl=60",
        ),
        (
            CacheStatus::Forwarded { why: Reason::Vary, status: ok, kept: Err(Some(Reason::NoStore)) },
            "wardmote; fwd=vary-miss; fwd-status=200; detail=no-store",
        ),
        (
            CacheStatus::Forwarded { why: Reason::RequestNoStore, status: None, kept: Err(None) },
            "wardmote; fwd=bypass; detail=request-no-store",
        ),
        (
            CacheStatus::Forwarded { why: Reason::Method, status: ok, kept: Err(None) },
            "wardmote; fwd=method; fwd-status=200",
        ),
        (CacheStatus::Local { why: Reason::Absent }, "wardmote; detail=absent"),
    ] {
        assert_eq!(status.to_string(), expected);
    }
}

#[test]
fn reasons_have_distinct_token_names_and_registered_forwards() {
    const REGISTERED: [&str; 8] =
        ["bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"];
    let mut names = BTreeSet::new();
    for reason in Reason::ALL {
        let name = reason.name();
        assert!(names.insert(name), "{name} twice");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
        assert!(REGISTERED.contains(&reason.forward()), "{name}");
        assert!(!reason.text().is_empty());
    }
}
