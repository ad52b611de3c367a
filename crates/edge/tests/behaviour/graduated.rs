//! Measures that are less than a block, and blocks that act in some countries only: what they close, and nothing else.

use crate::support::{HOST, LEASE, Stage, get};
use error_pages::{Compiled, PageClass, compile};
use policy::{Demand, Feature, Ground, Measure, Scope, ServiceClass};
use snapshot::fixture::Draft;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use testkit::Head;
use vocabulary::Clock;

/// The salt of scopes that a test writes anew.
const SALT: policy::Salt = policy::Salt::from_bytes([7; 32]);

fn act(draft: &mut Draft, measure: Measure, class: ServiceClass, ground: Ground) {
    (draft.terms.measure, draft.statement.measure) = (measure, measure);
    (draft.terms.class, draft.statement.class) = (class, class);
    (draft.terms.ground, draft.statement.ground) = (ground, ground);
}

fn list(draft: &mut Draft, urls: &[&str], features: &[Feature]) {
    let mut sites = draft.scope.sites().to_vec();
    for site in &mut sites {
        site.urls = urls.iter().map(|url| url.parse().expect("an address")).collect();
        site.features = features.iter().copied().collect();
    }
    draft.scope = Scope::new(SALT, sites).expect("a scope");
}

fn order(draft: &mut Draft, measure: Measure, territories: &[&str]) {
    act(draft, measure, ServiceClass::S, Ground::Order);
    let url = "https://court.test/orders/1".to_owned();
    draft.terms.demand = Some(Demand { authority: "A court".to_owned(), law: "A law".to_owned(), url });
    draft.terms.territories = territories.iter().map(|code| code.parse().expect("a code")).collect();
}

/// A stage whose visitors come by a proxy that names them.
async fn proxied() -> Stage {
    let options = |options: &mut edge::Options| {
        options.trusted_proxies = vec!["127.0.0.1".parse().expect("a network")];
    };
    Stage::set_with(options, |_| {}).await
}

fn from(address: &str, path: &str) -> String {
    get(path).replace("\r\n\r\n", &format!("\r\nX-Forwarded-For: {address}\r\n\r\n"))
}

const AA: &str = "192.0.2.1";
const BB: &str = "198.51.100.1";
const NOWHERE: &str = "203.0.113.1";

/// Asks, and lets the origin answer 200 if it is asked at all.
async fn asked(stage: &Stage, request: &str) -> (Head, String) {
    let mut visitor = stage.visit().await;
    visitor.send(request).await;
    visitor.end().await;
    let answering = async {
        let mut origin = stage.origin.wait_for().await;
        origin.head().await;
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = async { (visitor.head().await, visitor.rest().await) } => {
            (answer.0, String::from_utf8_lossy(&answer.1).into_owned())
        }
        () = answering => unreachable!("it waits for good"),
    }
}

#[tokio::test]
async fn a_listed_address_is_closed_in_every_spelling_and_the_rest_of_the_site_is_open() {
    let mut stage = Stage::set().await;
    let urls = ["/Board/Thread-7.html", "/view?id=7&lang=en"];
    stage
        .decide(0, |draft| {
            act(draft, Measure::M3, ServiceClass::S, Ground::Emergency);
            list(draft, &urls, &[]);
        })
        .await;
    for path in [
        "/board/thread-7.html",
        "/BOARD//x/../%74hread-7.html?again",
        "/board%2fthread-7.html/",
        "/board/%2574hread-7.html",
        "/view?lang=en&page=2&id=7",
        "/View?id=%37&lang=EN",
    ] {
        let (head, body) = stage.ask(&get(path)).await;
        assert_eq!((head.status(), head.field("cache-control")), (403, "no-store"), "{path}");
        assert!(body.windows(9).any(|part| part == b"This page"), "{path}");
    }
    assert!(!stage.origin.is_called().await);
    for path in ["/", "/board/thread-8.html", "/view?id=8&lang=en", "/view"] {
        assert_eq!(asked(&stage, &get(path)).await.0.status(), 200, "{path}");
    }
    assert_eq!(asked(&stage, &get("/board/thread-7.html").replace(HOST, "b.test")).await.0.status(), 200);
}

#[tokio::test]
async fn a_neighbour_below_a_wildcard_is_left_alone_where_the_scope_says_so() {
    let mut stage =
        Stage::set_with(|_| {}, |site| site.hosts = vec!["*.test".parse().expect("a pattern")]).await;
    let on = |host: &str| get("/").replace(HOST, host);
    stage
        .decide(0, |draft| {
            let mut sites = draft.scope.sites().to_vec();
            sites[0].except = ["b.test".parse().expect("a pattern")].into();
            draft.scope = Scope::new(SALT, sites).expect("a scope");
        })
        .await;
    assert_eq!(stage.ask(&on("x.test")).await.0.status(), 403);
    assert_eq!(asked(&stage, &on("b.test")).await.0.status(), 200);
}

#[tokio::test]
async fn what_is_stored_of_a_listed_address_is_not_shown_and_an_answer_of_another_goes_on() {
    let mut stage = Stage::set().await;
    let (mut listed, mut other) = (stage.visit().await, stage.visit().await);
    let begin = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n";
    listed.send(get("/listed")).await;
    let mut first = stage.origin.accept().await;
    first.head().await;
    first.send(begin).await;
    listed.head().await;
    other.send(get("/other")).await;
    let mut second = stage.origin.accept().await;
    second.head().await;
    second.send(begin).await;
    other.head().await;
    stage
        .decide(0, |draft| {
            act(draft, Measure::M3, ServiceClass::S, Ground::Emergency);
            list(draft, &["/listed"], &[]);
        })
        .await;
    assert_eq!(listed.rest().await, b"1\r\nx\r\n", "cut without the last chunk");
    second.send("0\r\n\r\n").await;
    other.text("1\r\nx\r\n0\r\n\r\n").await;
}

#[tokio::test]
async fn a_warning_comes_before_pages_alone_and_leads_on_by_hand() {
    let mut stage = proxied().await;
    stage.decide(0, |draft| act(draft, Measure::M1, ServiceClass::S, Ground::Emergency)).await;
    let page = from(AA, "/a?b=c").replace("\r\n\r\n", "\r\nAccept: text/html,*/*;q=0.8\r\n\r\n");
    let (head, body) = stage.ask(&page).await;
    let body = String::from_utf8(body).expect("a page");
    assert_eq!((head.status(), head.field("cache-control")), (403, "no-store"));
    assert!(
        head.field("link").ends_with("rel=\"describedby\"") && !head.field("wardmote-decision").is_empty()
    );
    assert!(!stage.origin.is_called().await);
    // A picture, a call and what a form sends go through, and so do proofs of control.
    for request in [
        from(AA, "/logo.png").replace("\r\n\r\n", "\r\nAccept: image/avif,image/*\r\n\r\n"),
        from(AA, "/api").replace("\r\n\r\n", "\r\nAccept: application/json\r\n\r\n"),
        from(AA, "/").replace("\r\n\r\n", "\r\nAccept: text/html\r\nSec-Fetch-Mode: no-cors\r\n\r\n"),
        page.replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n"),
    ] {
        assert_eq!(asked(&stage, &request).await.0.status(), 200, "{request}");
    }
    let action = body.split("action=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a form");
    let action = action.replace("&amp;", "&");
    let post = |action: &str, by: &str| {
        from(by, action).replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n")
    };
    let (head, _) = stage.ask(&post(&action, AA)).await;
    assert_eq!((head.status(), head.field("location")), (303, "/a?b=c"));
    let cookie = head.field("set-cookie").split(';').next().expect("a cookie").to_owned();
    assert!(head.field("set-cookie").contains("HttpOnly") && cookie.starts_with("wm_seen="));
    let with = |cookie: &str, by: &str| {
        page.replace(AA, by).replace("\r\n\r\n", &format!("\r\nCookie: a=b; {cookie}\r\n\r\n"))
    };
    let mut visitor = stage.visit().await;
    visitor.send(with(&cookie, AA)).await;
    let mut origin = stage.origin.wait_for().await;
    assert_eq!(origin.head().await.field("cookie"), "a=b", "the edge's cookie is nothing to the site");
    drop((visitor, origin));
    // Another network's, a made-up one, a link in place of the form: the page again.
    // The first letter of the code, six whole bits of it.
    let (before, code) = cookie.split_at("wm_seen=".len() + 6);
    let forged = format!("{before}{}{}", if code.starts_with('A') { 'B' } else { 'A' }, &code[1..]);
    for request in [with(&cookie, BB), with(&forged, AA), with("wm_seen=", AA)] {
        assert_eq!(asked(&stage, &request).await.0.status(), 403, "{request}");
    }
    for request in [post(&action, BB), from(AA, &action)] {
        let (head, body) = stage.ask(&request).await;
        assert_eq!((head.status(), head.field("set-cookie")), (403, ""));
        assert!(String::from_utf8_lossy(&body).contains("&amp;to=/a%3Fb%3Dc\""), "it leads on as before");
    }
    stage.clock.advance(LEASE);
    assert_eq!(asked(&stage, &page).await.0.status(), 200);
}

#[tokio::test]
async fn of_two_warnings_each_is_shown_once_and_none_makes_the_other_forgotten() {
    let mut stage = proxied().await;
    let mut decided = Vec::new();
    for _ in 0..2 {
        let warns = |draft: &mut Draft| act(draft, Measure::M1, ServiceClass::S, Ground::Emergency);
        decided.push(stage.decide(0, warns).await.0.terms.decision.to_string());
    }
    let page = |cookie: &str| {
        let fields = format!("\r\nAccept: text/html\r\nCookie: a=b; {cookie}\r\n\r\n");
        from(AA, "/a").replace("\r\n\r\n", &fields)
    };
    let (mut cookie, mut shown) = ("wm_seen=".to_owned(), Vec::new());
    for _ in 0..2 {
        let (head, body) = stage.ask(&page(&cookie)).await;
        assert_eq!(head.status(), 403);
        shown.push(head.field("wardmote-decision").to_owned());
        let body = String::from_utf8(body).expect("a page");
        let action = body.split("action=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a form");
        let sent = format!("\r\nContent-Length: 0\r\nCookie: {cookie}\r\n\r\n");
        let post = from(AA, &action.replace("&amp;", "&")).replace("GET", "POST").replace("\r\n\r\n", &sent);
        let (head, _) = stage.ask(&post).await;
        assert_eq!((head.status(), head.field("location")), (303, "/a"));
        cookie = head.field("set-cookie").split(';').next().expect("a cookie").to_owned();
    }
    shown.sort_unstable();
    decided.sort_unstable();
    assert_eq!(shown, decided, "each of them once");
    assert_eq!(asked(&stage, &page(&cookie)).await.0.status(), 200);
    // What one of them was seen for is not enough, and what is made up adds nothing.
    let one = cookie.split('.').next().expect("the first");
    assert_eq!(asked(&stage, &page(&format!("{one}.{}", "A".repeat(28)))).await.0.status(), 403);
}

#[tokio::test]
async fn a_ratified_warning_stays_a_warning_and_ratified_addresses_close_no_more_than_them() {
    let mut stage = proxied().await;
    let html = |path: &str| from(AA, path).replace("\r\n\r\n", "\r\nAccept: text/html\r\n\r\n");
    for (measure, listed, open) in [(Measure::M1, "/", None), (Measure::M3, "/listed", Some("/other"))] {
        let (draft, made) = stage
            .decide(0, |draft| {
                act(draft, measure, ServiceClass::S, Ground::Emergency);
                if measure == Measure::M3 {
                    list(draft, &["/listed"], &[]);
                }
            })
            .await;
        let now = stage.clock.now();
        let mut confirmed = stage.mote.confirmation(&draft, Ground::RatifiedEmergency, now, 24 * LEASE);
        (confirmed.terms.measure, confirmed.statement.measure) = (measure, measure);
        confirmed.bind();
        let ratified = stage.mote.ratify(&made, &confirmed, now);
        stage.prove(&ratified).await;
        stage.clock.advance(2 * LEASE);
        assert_eq!(asked(&stage, &html(listed)).await.0.status(), 403, "{measure} outlives its first lease");
        let api = from(AA, "/api").replace("\r\n\r\n", "\r\nAccept: application/json\r\n\r\n");
        assert_eq!(asked(&stage, &api).await.0.status(), 200, "{measure} is no block");
        if let Some(open) = open {
            assert_eq!(asked(&stage, &html(open)).await.0.status(), 200);
        }
        stage.clock.advance(24 * LEASE);
        assert_eq!(asked(&stage, &html(listed)).await.0.status(), 200);
    }
}

#[tokio::test]
async fn a_warning_never_leads_to_another_host() {
    let mut stage = Stage::set().await;
    stage.decide(0, |draft| act(draft, Measure::M1, ServiceClass::S, Ground::Emergency)).await;
    let page = get("/").replace("\r\n\r\n", "\r\nAccept: text/html\r\n\r\n");
    let (_, body) = stage.ask(&page).await;
    let body = String::from_utf8(body).expect("a page");
    let action = body.split("action=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a form");
    let action = action.replace("&amp;", "&");
    let start = action.strip_suffix("&to=/").expect("to where it was going");
    for to in ["//evil.test/", "%2F%2Fevil.test", "/%5Cevil.test", "https://evil.test/", "/a%0D%0AX:%20y"] {
        let post = get(&format!("{start}&to={to}")).replace("GET", "POST");
        let (head, _) = stage.ask(&post.replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n")).await;
        assert_eq!((head.status(), head.field("location")), (303, "/"), "{to}");
    }
}

#[tokio::test]
async fn a_withdrawn_feature_ends_and_everything_else_stays() {
    let mut stage = Stage::set().await;
    let Ok(Compiled::Whole(page)) = compile("<h1>ours</h1>", PageClass::Origin, &BTreeMap::new()) else {
        panic!("a page")
    };
    let page = Arc::new(page);
    stage.sites[0].pages.by_class.insert(PageClass::Origin, page.digest());
    stage.sites[0].error_page = Some("all of ours".to_owned());
    stage.pages.insert(page.digest(), page);
    stage.publish().await;
    let kept = "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: 1\r\n\r\n1";
    let mut visitor = stage.visit().await;
    visitor.send(get("/kept")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send(kept).await;
    visitor.head().await;
    visitor.text("1").await;
    stage.sites[0].origins[0].port = 1;
    stage.publish().await;
    let text = |body: Vec<u8>| String::from_utf8(body).expect("text");
    assert!(text(stage.ask(&get("/gone")).await.1).contains("<h1>ours</h1>"));
    stage
        .decide(0, |draft| {
            act(draft, Measure::M2, ServiceClass::H, Ground::Policy);
            list(draft, &[], &[Feature::ErrorPages]);
        })
        .await;
    let (head, body) = stage.ask(&get("/gone")).await;
    let body = text(body);
    assert_eq!(head.status(), 502);
    assert!(body.contains("Wardmote") && !body.contains("ours"), "{body}");
    visitor.send(get("/kept")).await;
    let head = visitor.head().await;
    assert!(head.status() == 200 && head.field("cache-status").contains("hit"), "the cache stays");
    stage.clock.advance(LEASE);
    assert!(text(stage.ask(&get("/gone")).await.1).contains("<h1>ours</h1>"), "back with the lease's end");
}

#[tokio::test]
async fn where_a_service_has_ended_the_page_says_so_and_the_origin_hears_nothing() {
    let mut stage = proxied().await;
    let day = Duration::from_secs(24 * 3_600);
    let ends = |draft: &mut Draft, notice: Duration| {
        act(draft, Measure::M7, ServiceClass::H, Ground::Policy);
        let begins = draft.terms.not_before.plus(notice);
        for (from, until) in [
            (&mut draft.terms.not_before, &mut draft.terms.expires),
            (&mut draft.statement.not_before, &mut draft.statement.expires),
        ] {
            (*from, *until) = (begins, begins.plus(14 * day));
        }
    };
    let mut draft = stage.mote.draft(&stage.sites[..1], stage.clock.now(), LEASE);
    ends(&mut draft, 30 * day);
    draft.bind();
    let decided = stage.mote.decide(&draft, stage.clock.now());
    assert_eq!(asked(&stage, &from(AA, "/")).await.0.status(), 200, "nothing changes before the day");
    stage.clock.advance(30 * day);
    stage.prove(&decided).await;
    let (head, body) = stage.ask(&from(AA, "/").replace("\r\n\r\n", "\r\nAccept: text/html\r\n\r\n")).await;
    let page = String::from_utf8(body).expect("a page");
    assert_eq!((head.status(), head.field("cache-control")), (403, "no-store"));
    assert!(page.contains("is no longer served here") && !page.contains("ends by itself"), "{page}");
    assert!(head.field("link").ends_with("rel=\"describedby\""));
    assert!(!stage.origin.is_called().await);
    stage.clock.advance(14 * day);
    assert_eq!(asked(&stage, &from(AA, "/")).await.0.status(), 200, "whoever still has the site serves it");
}

#[tokio::test]
async fn an_order_for_one_country_closes_the_site_there_alone() {
    let mut stage = proxied().await;
    stage.decide(0, |draft| order(draft, Measure::M4, &["AA"])).await;
    let (head, body) = stage.ask(&from(AA, "/")).await;
    assert_eq!(head.status(), 451);
    let links = head.all("link").join(", ");
    assert!(links.contains("<https://court.test/orders/1>; rel=\"blocked-by\""), "{links}");
    assert!(String::from_utf8_lossy(&body).contains("closed for now where you are"));
    for elsewhere in [BB, NOWHERE] {
        let (head, _) = asked(&stage, &from(elsewhere, "/")).await;
        assert_eq!((head.status(), head.field("wardmote-decision")), (200, ""), "{elsewhere}");
    }
}

#[tokio::test]
async fn an_order_of_one_country_takes_a_block_up_there_and_elsewhere_the_first_lease_ends() {
    let mut stage = proxied().await;
    let (draft, made) = stage.decide(0, |_| {}).await;
    for place in [AA, BB, NOWHERE] {
        assert_eq!(stage.ask(&from(place, "/")).await.0.status(), 403, "{place}");
    }
    stage.clock.advance(LEASE / 2);
    let now = stage.clock.now();
    let mut confirmed = stage.mote.confirmation(&draft, Ground::Order, now, 24 * LEASE);
    confirmed.terms.territories = ["AA".parse().expect("a code")].into();
    confirmed.bind();
    let ratified = stage.mote.ratify(&made, &confirmed, now);
    stage.prove(&ratified).await;
    let pages = [AA, BB].map(|place| from(place, "/").replace("\r\n\r\n", "\r\nAccept: text/html\r\n\r\n"));
    let ((there, page_there), (elsewhere, page_elsewhere)) =
        (stage.ask(&pages[0]).await, stage.ask(&pages[1]).await);
    let said = |page: &[u8], words: &str| String::from_utf8_lossy(page).contains(words);
    assert!(said(&page_there, "closed for now where you are") && said(&page_there, "A legal demand"));
    assert!(said(&page_elsewhere, "goes on here, and then it ends by itself"));
    assert!(!said(&page_elsewhere, "where you are") && !said(&page_elsewhere, "A legal demand"));
    assert_eq!((there.status(), elsewhere.status()), (451, 403));
    assert!(there.all("link").join(", ").contains("blocked-by"));
    assert!(!elsewhere.all("link").join(", ").contains("blocked-by"), "nobody demanded it there");
    assert_eq!(there.field("wardmote-decision"), elsewhere.field("wardmote-decision"));
    stage.clock.advance(LEASE / 2 - Duration::from_millis(1));
    assert_eq!(stage.ask(&from(BB, "/")).await.0.status(), 403);
    stage.clock.advance(Duration::from_millis(1));
    for place in [BB, NOWHERE] {
        assert_eq!(asked(&stage, &from(place, "/")).await.0.status(), 200, "{place}");
    }
    assert_eq!(stage.ask(&from(AA, "/")).await.0.status(), 451);
}
