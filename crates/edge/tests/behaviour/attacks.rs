//! What is tried against caches, one test for each.

use crate::support::{Stage, get};
use snapshot::CacheMode;
use std::time::Duration;
use testkit::{Head, Peer};
use tokio::io::AsyncWriteExt;

const FRESH: &str = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nConnection: close\r\n";

async fn asking(stage: &Stage, request: &str) -> Peer {
    let mut visitor = stage.visit().await;
    visitor.send(request).await;
    visitor
}

fn with(path: &str, field: &str) -> String {
    get(path).replace("\r\n\r\n", &format!("\r\n{field}\r\n\r\n"))
}

/// Sends a request that reaches the origin, and answers it. Returns what the origin saw.
async fn through(stage: &Stage, request: &str, fields: &str, body: &str) -> Head {
    let mut visitor = asking(stage, request).await;
    let mut origin = stage.origin.accept().await;
    let seen = origin.head().await;
    origin.send(format!("{FRESH}{fields}Content-Length: {}\r\n\r\n{body}", body.len())).await;
    visitor.head().await;
    visitor.text(body).await;
    seen
}

async fn is_held(stage: &Stage, path: &str) -> bool {
    stage.ask(&with(path, "Cache-Control: only-if-cached")).await.0.status() == 200
}

#[tokio::test]
async fn fields_outside_the_key_reach_no_origin_or_keep_the_answer_out_of_the_store() {
    let stage = Stage::set().await;
    for (path, field, name, seen) in [
        ("/host", "X-Forwarded-Host: evil.test", "x-forwarded-host", "a.test"),
        ("/proto", "X-Forwarded-Proto: https", "x-forwarded-proto", "http"),
        ("/port", "X-Forwarded-Port: 1", "x-forwarded-port", ""),
    ] {
        let head = through(&stage, &with(path, field), "", "page").await;
        assert_eq!(head.field(name), seen);
        assert!(is_held(&stage, path).await, "{field}");
    }
    for (path, field) in [
        ("/method", "X-HTTP-Method-Override: POST"),
        ("/method2", "X_HTTP_Method_Override: DELETE"),
        ("/method3", "X-Method-Override: PUT"),
        ("/url", "X-Original-URL: /admin"),
        ("/url2", "X-Rewrite-URL: /admin"),
        ("/host2", "X-Host: evil.test"),
    ] {
        through(&stage, &with(path, field), "", "poison").await;
        assert!(!is_held(&stage, path).await, "{field}");
        through(&stage, &get(path), "", "clean").await;
        // And what is held answers nobody who steers.
        through(&stage, &with(path, field), "", "steered").await;
        assert_eq!(stage.ask(&get(path)).await.1, b"clean");
    }
}

#[tokio::test]
async fn a_get_with_content_is_neither_stored_nor_answered_from_the_store() {
    let stage = Stage::set().await;
    let fat = with("/x", "Content-Length: 6") + "q=evil";
    through(&stage, &fat, "", "poison").await;
    through(&stage, &get("/x"), "", "clean").await;
    through(&stage, &fat, "", "poison").await;
    assert_eq!(stage.ask(&get("/x")).await.1, b"clean");
}

#[tokio::test]
async fn the_query_is_keyed_and_sent_on_byte_for_byte() {
    let stage = Stage::set().await;
    for target in ["/q?a=1&a=2", "/q?a=2&a=1", "/q?a=1;a=2", "/q?a=1&a=2&", "/q?a=%31&a=2", "/q?A=1&a=2"] {
        let seen = through(&stage, &get(target), "", target).await;
        assert_eq!(seen.line(), format!("GET {target} HTTP/1.1"));
    }
    assert_eq!(stage.ask(&get("/q?a=2&a=1")).await.1, b"/q?a=2&a=1");
}

#[tokio::test]
async fn a_page_that_pretends_to_be_a_file_is_not_stored() {
    let stage = Stage::set_with(|_| {}, |site| site.cache = CacheMode::Guarded).await;
    for path in [
        "/account/x.css",
        "/account;x.js",
        "/account%2fx.png",
        "/account%00.css",
        "/account/x%2ecss",
        "/account/x.jpg?y",
    ] {
        through(&stage, &get(path), "Content-Type: text/html\r\n", "secret").await;
        assert!(!is_held(&stage, path).await, "{path}");
    }
    let cookie = "Content-Type: text/css\r\nSet-Cookie: id=1\r\n";
    through(&stage, &get("/a.css"), cookie, "secret").await;
    assert!(!is_held(&stage, "/a.css").await);
    through(&stage, &get("/b.css"), "Content-Type: text/css\r\n", "style").await;
    assert!(is_held(&stage, "/b.css").await);
}

#[tokio::test]
async fn an_answer_that_varies_without_end_takes_a_bounded_place() {
    let stage = Stage::set().await;
    let agent = |n: usize| with("/v", &format!("User-Agent: agent-{n}"));
    for n in 0..40 {
        through(&stage, &agent(n), "Vary: User-Agent\r\n", &format!("for {n}")).await;
    }
    let only = |n: usize| agent(n).replace("\r\n\r\n", "\r\nCache-Control: only-if-cached\r\n\r\n");
    let mut held = Vec::new();
    for n in 0..40 {
        let (head, body) = stage.ask(&only(n)).await;
        if head.status() == 200 {
            assert_eq!(body, format!("for {n}").as_bytes());
            held.push(n);
        }
    }
    assert!(held.len() <= 8 && held.contains(&39), "{held:?}");
}

#[tokio::test]
async fn neither_an_error_page_nor_the_page_of_a_measure_is_ever_stored() {
    let mut stage = Stage::set().await;
    let mut visitor = asking(&stage, &get("/x")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    drop(origin);
    let head = visitor.head().await;
    assert_eq!((head.status(), head.field("cache-control")), (502, "no-store"));
    through(&stage, &get("/x"), "", "clean").await;
    stage.block(0, Duration::from_secs(30)).await;
    for path in ["/x", "/new"] {
        let (head, body) = stage.ask(&get(path)).await;
        assert!(head.status() >= 400 && body != b"clean" && head.field("cache-control") == "no-store");
    }
    stage.clock.advance(Duration::from_secs(31));
    assert_eq!(stage.ask(&get("/x")).await.1, b"clean");
    through(&stage, &get("/new"), "", "clean").await;
}

#[tokio::test]
async fn invented_queries_fill_no_store() {
    let stage = Stage::set().await;
    let origin = async {
        let mut origin = stage.origin.accept().await;
        while !origin.head().await.line().contains("/end") {
            let kept = FRESH.replace("Connection: close\r\n", "");
            origin.send(format!("{kept}Content-Length: 1\r\n\r\nx")).await;
        }
    };
    let attack = async {
        let mut visitor = stage.visit().await;
        let mut stored = 0;
        for n in 0..2500 {
            visitor.send(get(&format!("/?{n}"))).await;
            stored += usize::from(visitor.head().await.field("cache-status").contains("stored"));
            visitor.text("x").await;
        }
        assert_eq!(stored, 2000);
        visitor.send(get("/page")).await;
        assert!(visitor.head().await.field("cache-status").contains("stored"), "pages are stored as ever");
        visitor.text("x").await;
        visitor.send(get("/end")).await;
    };
    tokio::join!(origin, attack);
}

#[tokio::test]
async fn a_visitor_who_resets_the_connection_holds_no_origin() {
    let stage = Stage::set().await;
    let mut visitor = tokio::net::TcpStream::connect(stage.edge.http()[0]).await.expect("connected");
    let request = with("/x", "Cache-Control: no-store");
    visitor.write_all(request.as_bytes()).await.expect("sent");
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    visitor.set_zero_linger().expect("a socket");
    drop(visitor);
    origin.closed().await;
}

#[tokio::test]
async fn bodies_on_their_way_into_the_cache_are_bounded_all_together() {
    const LENGTH: usize = 1 << 20;
    let stage = Stage::set().await;
    let mut under_way = Vec::new();
    for n in 0..64 {
        let mut visitor = stage.visit().await;
        visitor.send(get(&format!("/{n}"))).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        origin
            .send(format!("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: {LENGTH}\r\n\r\n"))
            .await;
        origin.send(vec![b'x'; LENGTH - 1]).await;
        visitor.head().await;
        under_way.push((visitor, origin));
    }
    for (visitor, _) in &mut under_way {
        visitor.bytes(LENGTH - 1).await;
    }
    for _ in 0..2 {
        let mut visitor = stage.visit().await;
        // A whole one more is too much for the account; of another account it has room.
        visitor.send(get("/one-more")).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        origin
            .send(format!("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nConnection: close\r\nContent-Length: {LENGTH}\r\n\r\n"))
            .await;
        origin.send(vec![b'x'; LENGTH]).await;
        assert_eq!(visitor.head().await.length(), LENGTH);
        visitor.bytes(LENGTH).await;
    }
    // The other site is on another account.
    for held in [false, true] {
        let mut visitor = stage.visit().await;
        visitor.send(get("/one-more").replace("a.test", "b.test")).await;
        if !held {
            let mut origin = stage.origin.accept().await;
            origin.head().await;
            let head = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nConnection: close\r\n";
            origin.send(format!("{head}Content-Length: {LENGTH}\r\n\r\n")).await;
            origin.send(vec![b'x'; LENGTH]).await;
        }
        assert_eq!(visitor.head().await.field("cache-status").contains("hit"), held);
        visitor.bytes(LENGTH).await;
    }
}

#[tokio::test]
async fn a_body_that_comes_in_crumbs_is_passed_on_and_not_gathered() {
    let stage = Stage::set().await;
    for (crumbs, stored) in [(1_000, true), (20_000, false)] {
        for again in [false, true] {
            let mut visitor = stage.visit().await;
            visitor.send(get(&format!("/{crumbs}"))).await;
            if !(again && stored) {
                let mut origin = stage.origin.accept().await;
                origin.head().await;
                let head = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nConnection: close\r\n";
                origin.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n")).await;
                origin.send(format!("{}0\r\n\r\n", "1\r\nx\r\n".repeat(crumbs))).await;
            }
            let head = visitor.head().await;
            assert_eq!(head.status(), 200);
            match again && stored {
                true => drop(visitor.bytes(crumbs).await),
                false => drop(visitor.bytes(6 * crumbs + 5).await),
            }
        }
    }
}

#[tokio::test]
async fn a_large_body_that_ends_in_crumbs_is_stored_as_it_came() {
    let stage = Stage::set().await;
    let large: Vec<u8> = (0..1_200_000).map(|at| (at % 251) as u8).collect();
    let crumbs: Vec<u8> = (0..40_000).map(|at| (at % 241) as u8).collect();
    let mut visitor = asking(&stage, &get("/large")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send(format!("{FRESH}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", large.len())).await;
    origin.send(&large).await;
    let mut coded = b"\r\n".to_vec();
    crumbs.iter().for_each(|crumb| coded.extend_from_slice(&[b'1', b'\r', b'\n', *crumb, b'\r', b'\n']));
    let sending = async {
        origin.send(&coded).await;
        origin.send("0\r\n\r\n").await;
    };
    let reading = async {
        visitor.end().await;
        visitor.rest().await;
    };
    tokio::join!(sending, reading);
    let (head, got) = stage.ask(&get("/large")).await;
    assert!(head.field("cache-status").starts_with("wardmote; hit"), "{}", head.text);
    assert!(got == [large, crumbs].concat());
}
