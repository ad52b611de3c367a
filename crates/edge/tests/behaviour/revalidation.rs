//! What is stale: asked about once, sent meanwhile where that is allowed, and kept alive while the origin is
//! dead.

use crate::support::{Stage, get};
use std::time::Duration;
use testkit::{Head, Origin, Peer};

/// An answer with this Cache-Control.
fn answer(control: &str, fields: &str, body: &str) -> String {
    let head =
        format!("HTTP/1.1 200 OK\r\nCache-Control: {control}\r\nETag: \"v1\"\r\nConnection: close\r\n");
    format!("{head}{fields}Content-Length: {}\r\n\r\n{body}", body.len())
}

async fn asking(stage: &Stage, request: &str) -> Peer {
    let mut visitor = stage.visit().await;
    visitor.send(request).await;
    visitor
}

/// Has the origin's answer stored.
async fn store(stage: &Stage, path: &str, answer: &str) {
    let mut visitor = asking(stage, &get(path)).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send(answer).await;
    let length = visitor.head().await.length();
    visitor.bytes(length).await;
}

/// The next request to the origin, and the connection to answer it by.
async fn asked(stage: &Stage) -> (Head, Peer) {
    let mut origin = stage.origin.accept().await;
    (origin.head().await, origin)
}

async fn seconds(stage: &Stage, seconds: u64) {
    stage.clock.advance(Duration::from_secs(seconds));
}

#[tokio::test]
async fn many_visitors_of_a_stale_answer_are_one_conditional_request() {
    let stage = Stage::set().await;
    store(&stage, "/x", &answer("max-age=10", "Last-Modified: Mon, 02 Nov 2026 08:00:00 GMT\r\n", "one"))
        .await;
    seconds(&stage, 20).await;
    let mut visitors = vec![asking(&stage, &get("/x")).await];
    let (head, mut origin) = asked(&stage).await;
    assert_eq!(head.field("if-none-match"), "\"v1\"");
    assert_eq!(head.field("if-modified-since"), "Mon, 02 Nov 2026 08:00:00 GMT");
    for fields in ["", "If-None-Match: \"v1\"\r\n", "Range: bytes=1-1\r\n", ""] {
        visitors.push(asking(&stage, &get("/x").replace("\r\n\r\n", &format!("\r\n{fields}\r\n"))).await);
    }
    origin
        .send("HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nCache-Control: max-age=30\r\nX-New: 1\r\nConnection: close\r\n\r\n")
        .await;
    for (visitor, (status, body)) in
        visitors.iter_mut().zip([(200, "one"), (200, "one"), (304, ""), (206, "n"), (200, "one")])
    {
        let head = visitor.head().await;
        assert_eq!((head.status(), head.field("x-new"), head.field("age")), (status, "1", "0"));
        // Who came too late to follow finds the renewed answer.
        let status = head.field("cache-status");
        assert!(status.contains("fwd=stale; fwd-status=304") || status.contains("hit; ttl=30"), "{status}");
        visitor.text(body).await;
    }
    seconds(&stage, 25).await;
    let (head, body) = stage.ask(&get("/x")).await;
    assert_eq!((head.field("cache-status"), body.as_slice()), ("wardmote; hit; ttl=5", b"one".as_slice()));
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn a_changed_answer_takes_the_place_of_the_stale_one() {
    let stage = Stage::set().await;
    store(&stage, "/x", &answer("max-age=10", "", "one")).await;
    seconds(&stage, 20).await;
    let mut visitor = asking(&stage, &get("/x")).await;
    let (_, mut origin) = asked(&stage).await;
    origin.send(answer("max-age=10", "", "two").replace("v1", "v2")).await;
    visitor.head().await;
    visitor.text("two").await;
    let (head, body) = stage.ask(&get("/x")).await;
    assert_eq!((head.field("etag"), body.as_slice()), ("\"v2\"", b"two".as_slice()));
}

#[tokio::test]
async fn while_it_is_revalidated_a_stale_answer_is_sent_and_a_storm_is_one_request() {
    let stage = Stage::set().await;
    store(&stage, "/x", &answer("max-age=10, stale-while-revalidate=60", "", "one")).await;
    seconds(&stage, 20).await;
    for _ in 0..20 {
        let (head, body) = stage.ask(&get("/x")).await;
        assert_eq!((head.field("age"), body.as_slice()), ("20", b"one".as_slice()));
        assert_eq!(head.field("cache-status"), "wardmote; hit; ttl=-10; detail=stale-while-revalidate");
    }
    let (head, mut origin) = asked(&stage).await;
    assert_eq!(head.field("if-none-match"), "\"v1\"");
    assert!(!stage.origin.is_called().await, "one revalidation is enough");
    origin.send(answer("max-age=10", "", "two").replace("v1", "v2")).await;
    loop {
        let (head, body) = stage.ask(&get("/x")).await;
        if head.field("etag") == "\"v2\"" {
            assert_eq!(body, b"two");
            break;
        }
    }
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn an_origin_that_fails_is_stood_in_for_unless_it_forbade_that() {
    let stage = Stage::set().await;
    let failure = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 4\r\n\r\nsorry";
    let failure = &failure[..failure.len() - 1];
    for (path, control, stands_in) in [
        ("/plain", "max-age=10", true),
        ("/if-error", "max-age=10, stale-if-error=60", true),
        ("/must", "max-age=10, must-revalidate", false),
        ("/shared", "s-maxage=10", false),
        ("/each-time", "no-cache", false),
        ("/not-even-then", "max-age=10, stale-if-error=0", false),
    ] {
        store(&stage, path, &answer(control, "", "one")).await;
        seconds(&stage, 20).await;
        let mut visitor = asking(&stage, &get(path)).await;
        let (_, mut origin) = asked(&stage).await;
        origin.send(failure).await;
        let head = visitor.head().await;
        let (status, body) = if stands_in { (200, "one") } else { (503, "sorr") };
        assert_eq!(head.status(), status, "{path}");
        visitor.text(body).await;
        if stands_in {
            let expected = "wardmote; fwd=stale; fwd-status=503; ttl=-10; detail=stale-if-error";
            assert_eq!(head.field("cache-status"), expected);
        }
    }
}

#[tokio::test]
async fn an_hour_without_the_origin_loses_no_page_and_its_return_costs_one_request_for_each() {
    let mut stage = Stage::set().await;
    let paths: Vec<_> = (0..20).map(|n| format!("/page/{n}")).collect();
    for path in &paths {
        store(&stage, path, &answer("max-age=60", "", path)).await;
    }
    let address = stage.origin.address();
    stage.origin = Origin::listen().await;
    for _ in 0..6 {
        seconds(&stage, 600).await;
        for path in &paths {
            let (head, body) = stage.ask(&get(path)).await;
            assert_eq!((head.status(), body.as_slice()), (200, path.as_bytes()), "{}", head.text);
            assert!(head.field("cache-status").contains("stale-unreachable"), "{}", head.text);
        }
    }
    let (head, _) = stage.ask(&get("/never-seen")).await;
    assert_eq!(head.status(), 502);
    let (head, body) = stage.ask(&get(&paths[0]).replace("GET", "HEAD")).await;
    assert_eq!((head.status(), head.length(), body.len()), (200, paths[0].len(), 0));
    stage.origin = Origin::listen_at(address).await;
    seconds(&stage, 10).await;
    for path in &paths {
        let mut visitors = [asking(&stage, &get(path)).await, asking(&stage, &get(path)).await];
        let (head, mut origin) = asked(&stage).await;
        assert_eq!(
            (head.line(), head.field("if-none-match")),
            (format!("GET {path} HTTP/1.1").as_str(), "\"v1\"")
        );
        origin.send("HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nConnection: close\r\n\r\n").await;
        for visitor in &mut visitors {
            let head = visitor.head().await;
            assert!(!head.field("cache-status").contains("detail=stale"), "{}", head.text);
            visitor.text(path).await;
        }
    }
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn what_must_be_asked_about_each_time_is_and_costs_no_body() {
    let stage = Stage::set().await;
    store(&stage, "/x", &answer("no-cache", "", "one")).await;
    for _ in 0..3 {
        let mut visitor = asking(&stage, &get("/x")).await;
        let (head, mut origin) = asked(&stage).await;
        assert_eq!(head.field("if-none-match"), "\"v1\"");
        origin.send("HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nConnection: close\r\n\r\n").await;
        assert_eq!(visitor.head().await.status(), 200);
        visitor.text("one").await;
    }
    // Two at once: neither is answered with what the other's request brought.
    let mut visitors = [asking(&stage, &get("/x")).await, asking(&stage, &get("/x")).await];
    for _ in 0..2 {
        let (_, mut origin) = asked(&stage).await;
        origin.send("HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nConnection: close\r\n\r\n").await;
    }
    for visitor in &mut visitors {
        visitor.head().await;
        visitor.text("one").await;
    }
}

#[tokio::test]
async fn a_304_about_something_else_is_asked_again_without_conditions() {
    let stage = Stage::set().await;
    store(&stage, "/x", &answer("max-age=10", "", "one")).await;
    seconds(&stage, 20).await;
    let mut visitor = asking(&stage, &get("/x")).await;
    let (_, mut origin) = asked(&stage).await;
    origin.send("HTTP/1.1 304 Not Modified\r\nETag: \"other\"\r\nConnection: close\r\n\r\n").await;
    let (head, mut origin) = asked(&stage).await;
    assert_eq!(head.field("if-none-match"), "");
    origin.send(answer("max-age=10", "", "two")).await;
    visitor.head().await;
    visitor.text("two").await;
}

#[tokio::test]
async fn a_cut_answer_does_not_take_the_place_of_the_stale_one() {
    let mut stage = Stage::set().await;
    store(&stage, "/x", &answer("max-age=10", "", "one")).await;
    seconds(&stage, 20).await;
    let mut visitor = asking(&stage, &get("/x").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")).await;
    let (_, mut origin) = asked(&stage).await;
    let whole = answer("max-age=10", "", "two");
    origin.send(&whole[..whole.len() - 1]).await;
    drop(origin);
    assert_eq!(visitor.head().await.length(), 3);
    assert_eq!(visitor.rest().await, b"tw", "the visitor can tell");
    stage.origin = Origin::listen().await;
    let (head, body) = stage.ask(&get("/x")).await;
    assert_eq!((head.status(), body.as_slice()), (200, b"one".as_slice()));
}

#[tokio::test]
async fn only_what_is_stored_or_willingly_stale_answers_who_wants_no_origin() {
    let stage = Stage::set().await;
    store(&stage, "/x", &answer("max-age=10", "", "one")).await;
    seconds(&stage, 20).await;
    let with =
        |control: &str| get("/x").replace("\r\n\r\n", &format!("\r\nCache-Control: {control}\r\n\r\n"));
    assert_eq!(stage.ask(&with("only-if-cached")).await.0.status(), 504);
}

#[tokio::test]
async fn head_goes_to_the_origin_and_renews_what_is_stored_for_get() {
    let stage = Stage::set().await;
    store(&stage, "/x", &answer("max-age=10", "", "one")).await;
    seconds(&stage, 20).await;
    let mut visitor = asking(&stage, &get("/x").replace("GET", "HEAD")).await;
    let (head, mut origin) = asked(&stage).await;
    assert_eq!(head.line(), "HEAD /x HTTP/1.1");
    let renewed = answer("max-age=30", "X-New: 1\r\n", "one");
    origin.send(renewed.strip_suffix("one").expect("a body")).await;
    assert_eq!(visitor.head().await.status(), 200);
    let (head, body) = stage.ask(&get("/x")).await;
    assert_eq!((head.field("x-new"), body.as_slice()), ("1", b"one".as_slice()));
    assert!(head.field("cache-status").contains("hit"));
    // Another one now lives there: what is held is not served as if nothing had happened.
    let mut visitor = asking(
        &stage,
        &get("/x").replace("GET", "HEAD").replace("\r\n\r\n", "\r\nCache-Control: no-cache\r\n\r\n"),
    )
    .await;
    let (_, mut origin) = asked(&stage).await;
    origin.send(renewed.strip_suffix("one").expect("a body").replace("v1", "v2")).await;
    visitor.head().await;
    let _visitor = asking(&stage, &get("/x")).await;
    let (head, _) = asked(&stage).await;
    assert_eq!(head.line(), "GET /x HTTP/1.1");
}
