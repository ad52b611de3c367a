//! Freshness against two independent readings of RFC 9111: the crate `http-cache-semantics` 3.0 as oracle,
//! and the arithmetic of §4.2 written out plainly.
//!
//! Whatever is sent here without asking the origin, the oracle sends too. Where it differs it is not right,
//! so these inputs are left out (o) or excused in the test (e):
//!
//! - o: it knows RFC 7234, so not 400, 403, 451, 502, 503 and unknown statuses, must-understand (§5.2.2.3),
//!   stale-while-revalidate and stale-if-error, CDN-Cache-Control;
//! - o: it reads directive names in one case only and splits quoted strings at commas (§5.2);
//! - o: it reads dates as RFC 2822 has them, without the obsolete forms (RFC 9110 §5.6.7), and `Age` only as
//!   one number (§5.1);
//! - o: it takes `Pragma` in responses for Cache-Control, and in requests beside Cache-Control (§5.4);
//! - o: it takes proxy-revalidate for "never fresh"; it means "never stale" (§5.2.2.8);
//! - o: it gives `immutable` a lifetime of a day, which RFC 8246 does not;
//! - o: of a request directive given twice it takes the first, here contradicting ones are ignored (§5.2.1);
//! - o: it compares Vary fields byte for byte, without the normal forms of §4.1;
//! - e: it leaves apparent_age and the delay of the response out of the age (§4.2.3), so it sends for longer;
//! - e: it lets a guess from Last-Modified grow beyond a day, and takes it for a status that is not
//!   heuristically cacheable when no lifetime can be read (§4.2.2);
//! - e: it sends what has two different values for one directive if it finds the first one long enough; that
//!   counts as stale here (§4.2.1); a directive without its value it passes over, here it is unreadable;
//! - e: to max-stale it answers with what s-maxage or no-cache forbids to send (§5.2.2.10, §5.2.2.4), and
//!   with what min-fresh or max-age of the same request rules out; what is stale on arrival and has no
//!   validator is not kept here for the sake of max-stale;
//! - e: it adds must-revalidate to any directive given twice, in another spelling too, and with it leave to
//!   share what was authorised (§3.5);
//! - e: guarded sites keep nothing that sets a cookie, the oracle lets `public` lift that.
//! - e: a 304 without validators it takes only for a response without any; a conditional request has one
//!   answer here (§4.3.4).

use crate::{NOON, at, date};
use caching::{
    CacheMode, Exchanged, Limits, Policy, Request, Reuse, Revalidated, Rules, StaleLeave, conditional_fields,
    reuse, revalidated, storable, stored_fields,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_cache_semantics::{AfterResponse, BeforeRequest, CacheOptions, CachePolicy};
use proptest::prelude::*;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

type Lines = Vec<(&'static str, String)>;

fn instant(seconds_after_noon: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(NOON + seconds_after_noon).expect("after 1970"))
}

fn seconds() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), Just(1), 0..200i64, Just(100_000)]
}

fn response_directives() -> impl Strategy<Value = Option<String>> {
    let directive = prop_oneof![
        4 => seconds().prop_map(|n| format!("max-age={n}")),
        2 => seconds().prop_map(|n| format!("s-maxage={n}")),
        1 => seconds().prop_map(|n| format!("max-age=\"{n}\"")),
        2 => prop::sample::select(vec![
            "no-store", "no-cache", "private", "public", "must-revalidate", "no-cache=\"a\"", "private=\"a\"",
            "max-age=x", "max-age=-1", "max-age", "s-maxage=x", "s-maxage", "extension", "extension=5",
        ]).prop_map(str::to_owned),
    ];
    prop::option::weighted(0.9, prop::collection::vec(directive, 1..4).prop_map(|all| all.join(", ")))
}

fn response_lines() -> impl Strategy<Value = Lines> {
    let dated = |range: std::ops::Range<i64>| prop::option::of(range.prop_map(date));
    let expires = prop::option::weighted(
        0.4,
        prop_oneof![
            3 => (-50..200i64).prop_map(date),
            1 => Just("0".to_owned()),
            1 => Just("junk".to_owned()),
        ],
    );
    let tag =
        prop::option::of(prop::sample::select(vec!["\"a\"", "W/\"a\"", "\"b\""]).prop_map(str::to_owned));
    (
        response_directives(),
        expires,
        dated(-30..30),
        prop::option::weighted(0.3, seconds().prop_map(|n| n.to_string())),
        prop::option::weighted(0.4, (-1_000_000..10i64).prop_map(date)),
        tag,
        prop::option::weighted(0.1, Just("a=b".to_owned())),
    )
        .prop_map(|(cc, expires, date, age, modified, tag, cookie)| {
            let named = [
                ("cache-control", cc),
                ("expires", expires),
                ("date", date),
                ("age", age),
                ("last-modified", modified),
                ("etag", tag),
                ("set-cookie", cookie),
            ];
            named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
        })
}

fn request_lines() -> impl Strategy<Value = Lines> {
    let directive = prop_oneof![
        seconds().prop_map(|n| format!("max-age={n}")),
        seconds().prop_map(|n| format!("min-fresh={n}")),
        seconds().prop_map(|n| format!("max-stale={n}")),
        prop::sample::select(vec!["max-stale", "no-cache", "max-age=x", "extension"]).prop_map(str::to_owned),
    ];
    let once = |mut all: Vec<String>| {
        all.sort();
        all.dedup_by_key(|directive| directive.split('=').next().map(str::to_owned));
        all.join(", ")
    };
    let cc = prop::option::of(prop::collection::vec(directive, 1..3).prop_map(once));
    (cc, prop::bool::weighted(0.2)).prop_map(|(cc, authorized)| {
        let mut lines: Lines = cc.into_iter().map(|value| ("cache-control", value)).collect();
        if authorized {
            lines.push(("authorization", "Basic x".to_owned()));
        }
        lines
    })
}

fn map(lines: &Lines) -> HeaderMap {
    let read = |(name, value): &(&'static str, String)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).expect("value"))
    };
    lines.iter().map(read).collect()
}

fn request(lines: &Lines) -> http::Request<()> {
    let mut request = http::Request::new(());
    *request.headers_mut() = map(lines);
    request
}

fn response(status: u16, lines: &Lines) -> http::Response<()> {
    let mut response = http::Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).expect("status");
    *response.headers_mut() = map(lines);
    response
}

fn value<'a>(lines: &'a Lines, wanted: &str) -> Option<&'a str> {
    lines.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str())
}

fn directives(lines: &Lines) -> Vec<&str> {
    value(lines, "cache-control").map(|line| line.split(", ").collect()).unwrap_or_default()
}

/// Every value a directive has, unquoted; `None` for one without.
fn arguments<'a>(lines: &'a Lines, wanted: &str) -> Vec<Option<&'a str>> {
    let pairs = directives(lines).into_iter().map(|directive| match directive.split_once('=') {
        Some((name, value)) => (name, Some(value.trim_matches('"'))),
        None => (directive, None),
    });
    pairs.filter(|(name, _)| *name == wanted).map(|(_, value)| value).collect()
}

/// §4.2.1 and §4.2.2 written out: the lifetime in seconds, none if it cannot be read or is not given.
fn lifetime(status: u16, lines: &Lines) -> Option<i64> {
    for name in ["s-maxage", "max-age"] {
        let values = arguments(lines, name);
        if let Some(first) = values.first() {
            let same = values.iter().all(|value| value == first);
            return first.filter(|_| same)?.parse::<u32>().ok().map(i64::from);
        }
    }
    let made = value(lines, "date")
        .map_or(NOON, |text| caching::date_of(text.as_bytes()).map_or(NOON, |d| d.as_secs()));
    if let Some(text) = value(lines, "expires") {
        return caching::date_of(text.as_bytes()).map(|expires| (expires.as_secs() - made).max(0));
    }
    let guessable = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501].contains(&status)
        || directives(lines).contains(&"public");
    let modified = caching::date_of(value(lines, "last-modified")?.as_bytes())?;
    guessable.then(|| ((made - modified.as_secs()).max(0) / 10).min(86_400)).filter(|guess| *guess > 0)
}

/// §4.2.3 written out.
fn age(lines: &Lines, delay: i64, later: i64) -> i64 {
    let made =
        value(lines, "date").and_then(|text| caching::date_of(text.as_bytes())).map_or(NOON, |d| d.as_secs());
    let apparent = (NOON - made).max(0);
    let corrected = value(lines, "age").and_then(|age| age.parse::<i64>().ok()).unwrap_or(0) + delay;
    apparent.max(corrected) + later
}

const STATUSES: [u16; 9] = [200, 203, 204, 301, 302, 307, 404, 410, 501];

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_sent_beyond_what_the_standard_allows(
        asked in request_lines(),
        later_asked in request_lines(),
        status in prop::sample::select(STATUSES.to_vec()),
        lines in response_lines(),
        delay in prop_oneof![3 => Just(0i64), 1 => 0..20i64],
        later in seconds(),
        guarded in any::<bool>(),
    ) {
        let policy = CachePolicy::new_options(
            &request(&asked), &response(status, &lines), instant(0), CacheOptions::default());
        let oracle = policy.is_storable() && matches!(
            policy.before_request(&request(&later_asked), instant(later)), BeforeRequest::Fresh(_));

        let first = Request::read(&Method::GET, &asked);
        let mode = if guarded { CacheMode::Guarded } else { CacheMode::Origin };
        let exchanged = Exchanged { requested: at(-delay), received: at(0) };
        let head = response(status, &lines);
        let stored = storable(&first, head.status(), head.headers(), mode, Limits::default(), exchanged)
            .and_then(|storable| storable.complete(0));
        let again = Request::read(&Method::GET, &later_asked);
        let judged = stored.as_ref().ok().map(|stored| reuse(&again, stored, at(later)));
        let sent = match judged {
            Some(Reuse::Fresh { .. }) => true,
            Some(Reuse::Stale { leave, .. }) => leave == StaleLeave::WhileRevalidate,
            Some(Reuse::Forward(_)) | None => false,
        };

        let cookie = value(&lines, "set-cookie").is_some();
        let age = age(&lines, delay, later);
        let lifetime = lifetime(status, &lines);
        // Never more than the plain arithmetic has, unless the client says that it takes stale ones.
        let accepts_stale = later_asked.iter().any(|(_, value)| value.contains("max-stale"));
        if sent && !accepts_stale {
            prop_assert!(lifetime.is_some_and(|lifetime| lifetime > age), "{:?} {}", lifetime, age);
        }
        if let Ok(stored) = &stored {
            prop_assert_eq!(i64::from(stored.freshness().age(at(later)).as_secs()), age);
            let seconds = i64::from(stored.freshness().lifetime().as_secs());
            prop_assert_eq!(seconds, lifetime.unwrap_or(0));
        }
        let doubled = {
            let mut names: Vec<_> = directives(&lines).iter().map(|d| d.split('=').next()).collect();
            let all = names.len();
            names.sort();
            names.dedup();
            names.len() < all
        };
        // The oracle wants `public` beside a cookie, which no standard does.
        let incomparable = (cookie && !guarded) || (doubled && accepts_stale);
        if sent && !incomparable {
            prop_assert!(oracle, "sent, and the oracle would ask: {:?}", judged);
        }
        if oracle && !sent {
            let differs = |name| {
                let values = arguments(&lines, name);
                values.iter().any(|value| *value != values[0] || value.is_none())
            };
            let unreadable = differs("max-age") || differs("s-maxage") || lifetime.is_none();
            let older = i64::try_from(policy.age(instant(later)).as_secs()).expect("small") < age;
            let capped = lifetime == Some(86_400);
            let forbidden = accepts_stale && directives(&lines).iter().any(|d| d.starts_with("s-maxage") || d.starts_with("no-cache"));
            let conflict = accepts_stale && later_asked.iter().any(|(_, value)| {
                ["max-age", "min-fresh"].iter().any(|name| value.contains(name))
            });
            let useless = matches!(stored, Err(caching::Reason::Expired));
            let excused = unreadable || older || capped || forbidden || conflict || (cookie && guarded) || useless || doubled;
            prop_assert!(excused, "the oracle sends, here the origin is asked: {:?} {:?}", stored, judged);
        }
    }

    #[test]
    fn a_304_renews_what_the_oracle_says_it_renews(
        lines in response_lines(),
        news in response_lines(),
        later in 0..100i64,
    ) {
        let lines: Lines = lines.into_iter().filter(|(name, _)| *name != "set-cookie").collect();
        let none = Lines::new();
        let first = Request::read(&Method::GET, &none);
        let exchanged = Exchanged { requested: at(0), received: at(0) };
        let head = response(200, &lines);
        let limits = Limits::default();
        let stored = storable(&first, head.status(), head.headers(), CacheMode::Origin, limits, exchanged)
            .and_then(|storable| storable.complete(5));
        let Ok(stored) = stored else { return Ok(()) };
        if conditional_fields(&stored).is_empty() {
            return Ok(());
        }
        let kept = stored_fields(&stored, head.headers());
        let rules = Rules::default();
        let site = Policy { mode: CacheMode::Origin, limits, rules: &rules, path: b"/" };
        let answered = Exchanged { requested: at(later), received: at(later) };
        let new = response(304, &news);
        let outcome = revalidated(&stored, &kept, new.status(), new.headers(), &site, answered);

        let policy = CachePolicy::new_options(&request(&vec![]), &head, instant(0), CacheOptions::default());
        let oracle = policy.after_response(&request(&vec![]), &new, instant(later));
        let renews = matches!(oracle, AfterResponse::NotModified(..));
        match outcome {
            Revalidated::Updated(renewed, fields) => {
                let bare = value(&news, "etag").is_none() && value(&news, "last-modified").is_none();
                let other_kind = value(&news, "etag").is_some() != value(&lines, "etag").is_some();
                let weak = [&lines, &news].iter().any(|all| value(all, "etag").is_some_and(|tag| tag.starts_with("W/")));
                prop_assert!(renews || bare || other_kind || weak);
                prop_assert_eq!(renewed.length(), 5);
                prop_assert_eq!(renewed.validators().etag(), stored.validators().etag());
                let dates = fields.iter().filter(|(name, _)| name == "date").count();
                prop_assert_eq!(dates, 1);
                let made = value(&news, "date").and_then(|text| caching::date_of(text.as_bytes()));
                let apparent = made.map_or(0, |made| (NOON + later - made.as_secs()).max(0));
                let stated = value(&news, "age").and_then(|age| age.parse::<i64>().ok()).unwrap_or(0);
                let age = i64::from(renewed.freshness().age(at(later)).as_secs());
                prop_assert_eq!(age, apparent.max(stated), "the age is that of the 304");
            }
            Revalidated::Mismatch => {
                let unkept = ["no-store", "private", "private=\"a\""].iter().any(|no| directives(&news).contains(no));
                // A Last-Modified that no longer leaves anything to go by.
                let spent = value(&news, "last-modified").is_some() || value(&news, "cache-control").is_some()
                    || value(&news, "expires").is_some() || value(&news, "date").is_some();
                prop_assert!(!renews || unkept || spent);
            }
            Revalidated::Replaced => prop_assert!(false, "it is a 304"),
        }
    }
}
