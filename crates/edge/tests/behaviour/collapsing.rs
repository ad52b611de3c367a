//! Many visitors, one request to the origin.

use crate::support::{Stage, get};
use std::time::Duration;
use testkit::Peer;

const FRESH: &str = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Type: text/plain\r\n";

/// Asks on a connection of its own.
async fn asking(stage: &Stage, request: &str) -> Peer {
    let mut visitor = stage.visit().await;
    visitor.send(request).await;
    visitor
}

#[tokio::test]
async fn one_request_is_for_all_and_each_reads_while_the_answer_comes_in() {
    let stage = Stage::set().await;
    let mut first = asking(&stage, &get("/x")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(asking(&stage, &get("/x")).await);
    }
    origin.send(format!("{FRESH}Content-Length: 10\r\nAge: 3\r\n\r\nhello")).await;
    assert_eq!(first.head().await.length(), 10);
    first.text("hello").await;
    for visitor in &mut others {
        let head = visitor.head().await;
        assert_eq!((head.length(), head.field("age")), (10, "3"));
        visitor.text("hello").await;
    }
    // Whoever comes in the middle reads from the beginning.
    let mut late = asking(&stage, &get("/x")).await;
    late.head().await;
    late.text("hello").await;
    origin.send("world").await;
    for visitor in others.iter_mut().chain([&mut first, &mut late]) {
        visitor.text("world").await;
    }
    assert!(stage.ask(&get("/x")).await.0.field("cache-status").contains("hit"));
    assert!(!stage.origin.is_called().await, "one request was enough");
}

#[tokio::test]
async fn interim_answers_and_trailers_reach_everyone() {
    let stage = Stage::set().await;
    let mut visitors = vec![asking(&stage, &get("/x")).await];
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    visitors.push(asking(&stage, &get("/x")).await);
    origin.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n").await;
    for visitor in &mut visitors {
        let hint = visitor.head().await;
        assert_eq!((hint.status(), hint.field("link")), (103, "</a.css>"));
    }
    origin
        .send(format!("{FRESH}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"))
        .await;
    for visitor in &mut visitors {
        assert_eq!(visitor.head().await.status(), 200);
        visitor.text("5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n").await;
    }
}

#[tokio::test]
async fn the_visitor_who_began_may_leave_and_the_others_go_on() {
    let stage = Stage::set().await;
    for (path, before_the_head) in [("/early", true), ("/late", false)] {
        let mut first = asking(&stage, &get(path)).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        let mut second = asking(&stage, &get(path)).await;
        if before_the_head {
            drop(first);
            origin.send(format!("{FRESH}Content-Length: 10\r\n\r\nhello")).await;
        } else {
            origin.send(format!("{FRESH}Content-Length: 10\r\n\r\nhello")).await;
            first.head().await;
            drop(first);
        }
        second.head().await;
        second.text("hello").await;
        origin.send("world").await;
        second.text("world").await;
        assert!(stage.ask(&get(path)).await.0.field("cache-status").contains("hit"), "{path}");
    }
}

#[tokio::test]
async fn a_fill_goes_on_when_its_only_visitor_leaves() {
    let stage = Stage::set().await;
    let mut only = asking(&stage, &get("/x")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send(format!("{FRESH}Content-Length: 10\r\n\r\nhello")).await;
    only.head().await;
    only.text("hello").await;
    drop(only);
    // The next one finds the fill under way, or what it has stored.
    let mut next = asking(&stage, &get("/x")).await;
    origin.send("world").await;
    next.head().await;
    next.text("helloworld").await;
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn a_cut_answer_is_cut_for_everyone_and_kept_for_nobody() {
    let stage = Stage::set().await;
    let close = get("/x").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let mut visitors = vec![asking(&stage, &close).await];
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    visitors.push(asking(&stage, &close).await);
    origin.send(format!("{FRESH}Content-Length: 10\r\n\r\nhello")).await;
    for visitor in &mut visitors {
        assert_eq!(visitor.head().await.length(), 10);
        visitor.text("hello").await;
    }
    drop(origin);
    for visitor in &mut visitors {
        visitor.closed().await;
    }
    let mut again = asking(&stage, &get("/x")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send(format!("{FRESH}Content-Length: 2\r\n\r\nok")).await;
    again.head().await;
    again.text("ok").await;
}

#[tokio::test]
async fn personal_answers_go_each_to_their_visitor_and_soon_without_waiting_for_each_other() {
    let stage = Stage::set().await;
    let me = |name: &str| get("/me").replace("\r\n\r\n", &format!("\r\nCookie: {name}\r\n\r\n"));
    let personal = |name: &str| {
        let head = "HTTP/1.1 200 OK\r\nCache-Control: private\r\nConnection: close\r\n";
        format!("{head}Content-Length: {}\r\n\r\n{name}", name.len())
    };
    let mut anna = asking(&stage, &me("anna")).await;
    let mut for_anna = stage.origin.accept().await;
    assert_eq!(for_anna.head().await.field("cookie"), "anna");
    let mut bert = asking(&stage, &me("bert")).await;
    for_anna.send(personal("anna")).await;
    anna.head().await;
    anna.text("anna").await;
    let mut for_bert = stage.origin.accept().await;
    assert_eq!(for_bert.head().await.field("cookie"), "bert");
    for_bert.send(personal("bert")).await;
    assert!(bert.head().await.field("cache-status").contains("detail=private"));
    bert.text("bert").await;
    // From now on nobody waits for anybody: all requests are at the origin before any answer is given.
    let (mut visitors, mut origins) = (Vec::new(), Vec::new());
    for name in ["carla", "dora", "emil"] {
        stage.clock.advance(Duration::from_secs(50));
        visitors.push((name, asking(&stage, &me(name)).await));
        let mut origin = stage.origin.accept().await;
        assert_eq!(origin.head().await.field("cookie"), name);
        origins.push(origin);
        if name == "carla" {
            // Each answer that is not for all renews the mark.
            origins[0].send(personal("carla")).await;
            visitors[0].1.head().await;
        }
    }
    for ((name, visitor), origin) in visitors.iter_mut().zip(&mut origins).skip(1) {
        origin.send(personal(name)).await;
        visitor.head().await;
        visitor.text(name).await;
    }
}

#[tokio::test]
async fn an_answer_that_varies_is_not_given_to_who_asked_otherwise() {
    let stage = Stage::set().await;
    let with =
        |coding: &str| get("/v").replace("\r\n\r\n", &format!("\r\nAccept-Encoding: {coding}\r\n\r\n"));
    let mut zip = asking(&stage, &with("gzip")).await;
    let mut first = stage.origin.accept().await;
    assert_eq!(first.head().await.field("accept-encoding"), "gzip");
    let head = format!("{FRESH}Vary: Accept-Encoding\r\nConnection: close\r\nContent-Length: 3\r\n\r\n");
    // The answer stays under way: who comes now finds a flight and nothing in the store.
    first.send(format!("{head}z")).await;
    zip.head().await;
    zip.text("z").await;
    let mut raw = asking(&stage, &with("identity")).await;
    let mut second = stage.origin.accept().await;
    assert_eq!(second.head().await.field("accept-encoding"), "identity");
    let mut also_zip = asking(&stage, &with("gzip")).await;
    also_zip.head().await;
    also_zip.text("z").await;
    first.send("ip").await;
    for visitor in [&mut zip, &mut also_zip] {
        visitor.text("ip").await;
    }
    second.send(format!("{head}raw")).await;
    raw.head().await;
    raw.text("raw").await;
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn a_change_closes_the_flights_that_began_before_it() {
    let stage = Stage::set().await;
    let mut early = asking(&stage, &get("/x")).await;
    let mut before = stage.origin.accept().await;
    before.head().await;
    before.send(format!("{FRESH}Content-Length: 3\r\n\r\no")).await;
    early.head().await;
    let mut editor = asking(&stage, "POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n").await;
    let mut change = stage.origin.accept().await;
    change.head().await;
    change.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
    assert_eq!(editor.head().await.status(), 204);
    let mut late = asking(&stage, &get("/x")).await;
    let mut after = stage.origin.accept().await;
    after.head().await;
    after.send(format!("{FRESH}Content-Length: 3\r\nConnection: close\r\n\r\nnew")).await;
    late.head().await;
    late.text("new").await;
    before.send("ld").await;
    early.text("old").await;
    let (head, body) = stage.ask(&get("/x")).await;
    assert!(head.field("cache-status").contains("hit"));
    assert_eq!(body, b"new", "what began before the change is not stored over what came after");
}

#[tokio::test]
async fn made_up_credentials_hold_nobody_up_and_mark_nothing() {
    let stage = Stage::set().await;
    let authorized = get("/x").replace("\r\n\r\n", "\r\nAuthorization: Basic bWFkZTp1cA==\r\n\r\n");
    let mut forger = asking(&stage, &authorized).await;
    let mut for_forger = stage.origin.accept().await;
    for_forger.head().await;
    // While that one waits, somebody else is served by a request of its own …
    let mut visitor = asking(&stage, &get("/x")).await;
    let mut for_visitor = stage.origin.accept().await;
    for_visitor.head().await;
    for_forger.send(format!("{FRESH}Content-Length: 6\r\n\r\nforged")).await;
    forger.head().await;
    forger.text("forged").await;
    // … which others still follow, whatever became of the first.
    let mut follower = asking(&stage, &get("/x")).await;
    for_visitor.send(format!("{FRESH}Content-Length: 2\r\n\r\nok")).await;
    for peer in [&mut visitor, &mut follower] {
        peer.head().await;
        peer.text("ok").await;
    }
    let (head, body) = stage.ask(&get("/x")).await;
    assert!(head.field("cache-status").contains("hit"), "{}", head.field("cache-status"));
    assert_eq!(body, b"ok");
}
