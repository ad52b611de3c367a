//! What state-changing requests invalidate (RFC 9111 §4.4).

use crate::Lines;
use caching::{Scheme, Target, invalidation};
use http::{Method, StatusCode};

fn targets(method: &str, status: u16, response: Lines<'_>) -> Vec<String> {
    let method = Method::from_bytes(method.as_bytes()).expect("method");
    let target =
        Target { scheme: Scheme::Http, host: "a.test", port: Some(8080), path_and_query: b"/dir/x?q=1" };
    let response = response.to_vec();
    let found = invalidation(&method, StatusCode::from_u16(status).expect("status"), target, &response);
    found.targets.into_iter().map(|t| String::from_utf8(t).expect("utf-8")).collect()
}

#[test]
fn unsafe_methods_that_succeed_invalidate_their_target() {
    let own = vec!["/dir/x?q=1".to_owned()];
    for (method, status, expected) in [
        ("POST", 200, &own),
        ("PUT", 204, &own),
        ("DELETE", 302, &own),
        ("PATCH", 200, &own),
        ("FOO", 200, &own),
        ("M-SEARCH", 200, &own),
        ("POST", 404, &vec![]),
        ("POST", 500, &vec![]),
        ("GET", 200, &vec![]),
        ("HEAD", 200, &vec![]),
        ("OPTIONS", 200, &vec![]),
        ("TRACE", 200, &vec![]),
        ("QUERY", 200, &vec![]),
    ] {
        assert_eq!(targets(method, status, &[]), *expected, "{method} {status}");
    }
}

/// RFC 3986 §5.4 in part; another origin's targets are left alone.
#[test]
fn location_and_content_location_of_the_same_origin_go_too() {
    for (reference, expected) in [
        ("/y", Some("/y")),
        ("y", Some("/dir/y")),
        ("./y", Some("/dir/y")),
        ("../y", Some("/y")),
        ("../../../y", Some("/y")),
        ("y/.", Some("/dir/y/")),
        (".", Some("/dir/")),
        ("..", Some("/")),
        ("?z", Some("/dir/x?z")),
        ("#f", None),
        ("", None),
        ("/y?z#f", Some("/y?z")),
        ("http://a.test:8080/y", Some("/y")),
        ("HTTP://A.test:8080/y", Some("/y")),
        ("http://a.test:8080", Some("/")),
        ("//a.test:8080/y", Some("/y")),
        ("http://a.test/y", None),
        ("https://a.test:8080/y", None),
        ("http://b.test:8080/y", None),
        ("//b.test/y", None),
        ("http://u@a.test:8080/y", None),
        ("http://a.test:8080@b.test/y", None),
        ("mailto:x@a.test", None),
        ("http://[broken/y", None),
        ("y:z", None),
        ("./y:z", Some("/dir/y:z")),
    ] {
        for name in ["Location", "content-location"] {
            let mut all = vec!["/dir/x?q=1".to_owned()];
            all.extend(expected.map(str::to_owned));
            assert_eq!(targets("POST", 201, &[(name, reference)]), all, "{name}: {reference}");
        }
    }
    let both = [("Location", "/y"), ("Content-Location", "/y")];
    assert_eq!(targets("POST", 201, &both).len(), 2, "each target once");
}
