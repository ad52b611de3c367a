//! A proved measure in force: what visitors of its hosts get, and nobody else.

use crate::support::{Stage, get};
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_block_answers_every_form_of_request_and_other_sites_stay_untouched() {
    let mut stage = Stage::set().await;
    stage.block(0, LEASE).await;
    let (head, body) = stage.ask(&get("/any")).await;
    assert_eq!(head.status(), 403);
    assert_eq!(
        (head.field("cache-control"), head.field("content-type")),
        ("no-store", "text/html; charset=utf-8")
    );
    let decision = head.field("wardmote-decision");
    assert_eq!(
        head.field("link"),
        format!("<http://localhost:9091/record/decisions/{decision}>; rel=\"describedby\"")
    );
    let page = String::from_utf8(body).expect("a page");
    for fact in [decision, head.field("wardmote-ray"), "Provisional block", "review@wardmote.test"] {
        assert!(page.contains(fact), "{fact}");
    }
    let json = get("/").replace("\r\n\r\n", "\r\nAccept: application/json\r\n\r\n");
    let (head, body) = stage.ask(&json).await;
    assert_eq!((head.status(), head.field("content-type")), (403, "application/problem+json"));
    let problem: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(
        (problem["reason"].as_str(), problem["decision"].as_str()),
        (Some("blocked-by-decision"), Some(decision))
    );
    let (head, body) = stage.ask("HEAD / HTTP/1.1\r\nHost: A.TEST.\r\n\r\n").await;
    assert_eq!((head.status(), body.len()), (403, 0));
    let upgrade = "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(stage.ask(&get("/").replace("\r\n\r\n", upgrade)).await.0.status(), 403);
    assert!(!stage.origin.is_called().await);
    let mut other = stage.visit().await;
    other.send(get("/").replace("a.test", "b.test")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(other.head().await.status(), 200);
}

#[tokio::test]
async fn a_post_with_content_on_a_kept_connection_is_blocked_and_the_connection_stays_in_step() {
    let mut stage = Stage::set().await;
    stage.block(0, LEASE).await;
    let mut visitor = stage.visit().await;
    let post =
        "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 28\r\n\r\nGET /x HTTP/1.1\r\nHost: b\r\n\r\n";
    visitor.send([post, post, &get("/")].concat()).await;
    for _ in 0..3 {
        let head = visitor.head().await;
        assert_eq!(head.status(), 403);
        visitor.bytes(head.length()).await;
    }
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn the_lease_ends_to_the_request_without_any_news() {
    let mut stage = Stage::set().await;
    stage.block(0, LEASE).await;
    let mut visitor = stage.visit().await;
    stage.clock.advance(LEASE - Duration::from_millis(1));
    visitor.send(get("/")).await;
    let head = visitor.head().await;
    assert_eq!(head.status(), 403);
    visitor.bytes(head.length()).await;
    stage.clock.advance(Duration::from_millis(1));
    visitor.send(get("/")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(visitor.head().await.status(), 200);
}

#[tokio::test]
async fn what_is_stored_is_not_served_past_a_block() {
    let mut stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/x")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: 1\r\n\r\n1").await;
    visitor.head().await;
    visitor.text("1").await;
    stage.block(0, LEASE).await;
    visitor.send(get("/x")).await;
    let head = visitor.head().await;
    assert_eq!((head.status(), head.field("cache-status")), (403, ""));
    visitor.bytes(head.length()).await;
    stage.clock.advance(LEASE);
    visitor.send(get("/x")).await;
    assert!(visitor.head().await.field("cache-status").contains("hit"), "back with its copy");
}

#[tokio::test]
async fn an_answer_under_way_is_cut_and_one_not_begun_becomes_the_page() {
    let mut stage = Stage::set().await;
    let (mut streaming, mut waiting, mut other) =
        (stage.visit().await, stage.visit().await, stage.visit().await);
    streaming.send(get("/stream")).await;
    let mut stream_origin = stage.origin.accept().await;
    stream_origin.head().await;
    stream_origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n").await;
    streaming.head().await;
    streaming.text("1\r\nx\r\n").await;
    waiting.send(get("/wait")).await;
    let mut wait_origin = stage.origin.accept().await;
    wait_origin.head().await;
    other.send(get("/other").replace("a.test", "b.test")).await;
    let mut other_origin = stage.origin.accept().await;
    other_origin.head().await;
    let started = tokio::time::Instant::now();
    stage.block(0, LEASE).await;
    assert_eq!(streaming.rest().await, b"", "cut without the last chunk");
    assert_eq!(waiting.head().await.status(), 403);
    assert!(started.elapsed() < Duration::from_secs(1));
    wait_origin.closed().await;
    stream_origin.closed().await;
    other_origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(other.head().await.status(), 200, "other sites go on");
}

#[tokio::test]
async fn an_open_tunnel_is_cut() {
    let mut stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor
        .send(get("/ws").replace("\r\n\r\n", "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"))
        .await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin
        .send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        .await;
    assert_eq!(visitor.head().await.status(), 101);
    visitor.send("ping").await;
    origin.text("ping").await;
    stage.block(0, LEASE).await;
    visitor.closed().await;
    origin.closed().await;
}

#[tokio::test]
async fn a_measure_that_begins_while_the_last_visitors_finish_holds_for_them_too() {
    let mut stage = Stage::set().await;
    let mut streaming = stage.visit().await;
    streaming.send(get("/stream")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n").await;
    streaming.head().await;
    streaming.text("1\r\nx\r\n").await;
    stage.stop();
    tokio::time::timeout(Duration::from_secs(10), stage.block(0, LEASE)).await.expect("heard");
    assert_eq!(streaming.rest().await, b"", "cut without the last chunk");
    origin.closed().await;
}
