//! What a site's owner sets: lifetimes, cookies, queries.

use crate::{Asked, Lines, at};
use caching::{
    Basis, CacheMode, Exchanged, Limits, Policy, QueryRule, Reason, Request, Rules, StatusRange, Storable,
    TtlRule, storable_under,
};
use http::{Method, StatusCode};

pub(crate) fn under(
    rules: &Rules,
    mode: CacheMode,
    path: &str,
    request: Lines<'_>,
    status: u16,
    response: Lines<'_>,
) -> Result<Storable, Reason> {
    let (request, response) = (request.to_vec(), response.to_vec());
    let request = Request::read(&Method::GET, &request);
    let policy = Policy { mode, limits: Limits::default(), rules, path: path.as_bytes() };
    let exchanged = Exchanged { requested: at(0), received: at(0) };
    let status = StatusCode::from_u16(status).expect("status");
    storable_under(&request, status, &response, &policy, exchanged)
}

fn ttl(path: &str, status: Option<(u16, u16)>, ttl_seconds: u32) -> TtlRule {
    let status = status.map(|(from, to)| StatusRange { from, to });
    TtlRule { path: path.to_owned(), status, ttl_seconds }
}

#[test]
fn the_first_fitting_rule_sets_the_lifetime() {
    let rules = Rules {
        ttl: vec![
            ttl("/img/private/", None, 1),
            ttl("/img/", None, 600),
            ttl("*.css", None, 60),
            ttl("/missing/", Some((404, 410)), 30),
            ttl("/*/feed/*.xml", None, 5),
        ],
        ..Rules::default()
    };
    let life = |path, status| {
        let response = [("Cache-Control", "max-age=7"), ("Content-Type", "text/css")];
        let storable = under(&rules, CacheMode::Origin, path, &[], status, &response);
        storable.map(|storable| (storable.freshness().lifetime().as_secs(), storable.freshness().basis()))
    };
    for (path, status, expected) in [
        ("/img/private/a", 200, (1, Basis::Rule)),
        ("/img/a", 200, (600, Basis::Rule)),
        ("/img/a", 404, (7, Basis::Explicit)),
        ("/img", 200, (7, Basis::Explicit)),
        ("/a/b.css", 200, (60, Basis::Rule)),
        ("/a/b.css/c", 200, (7, Basis::Explicit)),
        ("/missing/x", 404, (30, Basis::Rule)),
        ("/missing/x", 410, (30, Basis::Rule)),
        ("/missing/x", 200, (7, Basis::Explicit)),
        ("/x/feed/y.xml", 200, (5, Basis::Rule)),
        ("/x/feed/y.xml2", 200, (7, Basis::Explicit)),
    ] {
        assert_eq!(life(path, status), Ok(expected), "{path} {status}");
    }
}

/// RFC 9111 §3: an owner's lifetime does not lift what the origin forbids.
#[test]
fn a_rule_gives_no_leave_that_the_origin_withholds() {
    let rules = Rules { ttl: vec![ttl("/", Some((200, 599)), 60)], ..Rules::default() };
    let outcome =
        |request, status, response| under(&rules, CacheMode::Origin, "/a", request, status, response).err();
    let cc = "Cache-Control";
    for (request, status, response, refusal) in [
        (&[][..], 200, &[][..], None),
        (&[], 200, &[(cc, "max-age=0")], None),
        (&[], 200, &[(cc, "max-age=x")], None),
        (&[], 200, &[("Expires", "0")], None),
        (&[], 404, &[], None),
        (&[("Cookie", "a=b")], 200, &[], None),
        (&[], 200, &[(cc, "no-store")], Some(Reason::NoStore)),
        (&[], 200, &[(cc, "private")], Some(Reason::Private)),
        (&[], 200, &[(cc, "no-cache")], Some(Reason::NoCache)),
        (&[], 200, &[("Set-Cookie", "a=b")], Some(Reason::NoFreshness)),
        (&[], 200, &[("Vary", "*")], Some(Reason::VaryStar)),
        (&[], 401, &[], Some(Reason::Status)),
        (&[], 206, &[], Some(Reason::Partial)),
        (&[("Authorization", "Basic x")], 200, &[], Some(Reason::Authorization)),
        (&[("Cache-Control", "no-store")], 200, &[], Some(Reason::RequestNoStore)),
    ] {
        assert_eq!(outcome(request, status, response), refusal, "{request:?} {status} {response:?}");
    }
    let zero = Rules { ttl: vec![ttl("/", None, 0)], ..Rules::default() };
    let tagged: Lines<'_> = &[(cc, "max-age=60"), ("ETag", "\"a\"")];
    let storable = under(&zero, CacheMode::Origin, "/a", &[], 200, tagged).expect("revalidated each time");
    assert!(!storable.freshness().is_fresh(at(0)));
}

#[test]
fn cookies_of_the_list_pass_the_cache_by() {
    let names = ["session", "wordpress_logged_in_*", "*-auth"].map(str::to_owned).to_vec();
    let rules = Rules { bypass_cookies: names, ..Rules::default() };
    for (lines, expected) in [
        (&[][..], false),
        (&[("Cookie", "theme=dark")], false),
        (&[("Cookie", "session=1")], true),
        (&[("Cookie", "theme=dark; session=1")], true),
        (&[("Cookie", "theme=dark"), ("cookie", "session=1")], true),
        (&[("Cookie", "theme=dark;session")], true),
        (&[("Cookie", "SESSION=1")], false),
        (&[("Cookie", "xsession=1")], false),
        (&[("Cookie", "x=session")], false),
        (&[("Cookie", "wordpress_logged_in_0af=1")], true),
        (&[("Cookie", "wordpress_logged_in_=1")], true),
        (&[("Cookie", "wordpress_test=1")], false),
        (&[("Cookie", "my-auth=1")], true),
    ] {
        let lines = lines.to_vec();
        let request = Request::read(&Method::GET, &lines);
        assert_eq!(rules.bypass(&request), expected.then_some(Reason::BypassCookie), "{lines:?}");
        assert_eq!(Rules::default().bypass(&request), None);
    }
}

#[test]
fn queries_are_rewritten_as_the_owner_says() {
    let ignore = ["utm_*", "fbclid"].map(str::to_owned).to_vec();
    for (sort, target, expected) in [
        (false, "/a", "/a"),
        (false, "/a?", "/a?"),
        (false, "/a?x=1", "/a?x=1"),
        (false, "/a?utm_source=x", "/a"),
        (false, "/a?b=2&utm_source=x&a=1&fbclid", "/a?b=2&a=1"),
        (false, "/a?fbclid2=1&utm=1", "/a?fbclid2=1&utm=1"),
        (false, "/a?b=2?utm_x=1", "/a?b=2?utm_x=1"),
        (false, "/utm_x", "/utm_x"),
        (true, "/a?b=2&utm_source=x&a=1", "/a?a=1&b=2"),
        (true, "/a?b=2&a=2&b=1&a=1", "/a?a=2&a=1&b=2&b=1"),
        (true, "/a?b&a", "/a?a&b"),
        (true, "/a?%62=1&a=1", "/a?%62=1&a=1"),
    ] {
        let rules = Rules { query: QueryRule { ignore: ignore.clone(), sort }, ..Rules::default() };
        let rewritten = rules.rewritten(target.as_bytes());
        assert_eq!(std::str::from_utf8(&rewritten), Ok(expected), "{target}");
        assert_eq!(rules.rewritten(&rewritten), rewritten, "rewriting again changes nothing");
    }
    let untouched = Rules::default();
    assert!(matches!(
        untouched.rewritten(b"/a?utm_source=x"),
        std::borrow::Cow::Borrowed(b"/a?utm_source=x")
    ));
}

/// The origin keeps the last word about how long a pattern may take.
#[test]
fn hostile_patterns_and_names_end_soon() {
    let rules = Rules { bypass_cookies: vec!["*a*a*a*a*a*a*a*b".to_owned()], ..Rules::default() };
    let line = format!("{}=1", "a".repeat(30_000));
    let lines = vec![("Cookie", line.as_str())];
    assert_eq!(rules.bypass(&Request::read(&Method::GET, &lines)), None);
}

#[test]
fn rules_that_change_nothing_are_written_as_nothing() {
    let text = serde_json::to_string(&Rules::default()).expect("json");
    assert_eq!(text, "{}");
    assert_eq!(serde_json::from_str::<Rules>("{}").expect("json"), Rules::default());
    let rules = Rules {
        ttl: vec![ttl("/a", Some((200, 404)), 5)],
        bypass_cookies: vec!["s".to_owned()],
        languages: vec!["en".to_owned()],
        query: QueryRule { ignore: vec!["x".to_owned()], sort: true },
        agree_content_type: Some(false),
    };
    let text = serde_json::to_string(&rules).expect("json");
    assert_eq!(serde_json::from_str::<Rules>(&text).expect("json"), rules);
    assert!(serde_json::from_str::<Rules>("{\"unknown\":1}").is_err());
    assert!(Asked { response: &[("Cache-Control", "max-age=1")], ..Asked::default() }.storable().is_ok());
}
