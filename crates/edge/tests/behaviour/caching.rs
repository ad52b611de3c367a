//! What is stored, what is not, and what comes back.

use crate::support::{Stage, get};
use std::time::Duration;
use testkit::{Head, Peer};

const FRESH: &str =
    "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nETag: \"v1\"\r\nContent-Type: text/plain\r\n";

async fn serve(stage: &Stage, visitor: &mut Peer, request: &str, answer: &str) -> Head {
    visitor.send(request).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send(answer).await;
    origin.end().await;
    visitor.head().await
}

#[tokio::test]
async fn a_whole_fresh_answer_is_served_again_with_its_age() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    let answer = format!("{FRESH}Content-Length: 5\r\nConnection: close\r\n\r\nhello");
    let head = serve(&stage, &mut visitor, &get("/x"), &answer).await;
    assert_eq!(
        head.field("cache-status"),
        "wardmote; fwd=uri-miss; fwd-status=200; stored; ttl=60; detail=absent"
    );
    visitor.text("hello").await;
    stage.clock.advance(Duration::from_secs(7));
    visitor.send(get("/x")).await;
    let head = visitor.head().await;
    assert_eq!(head.field("cache-status"), "wardmote; hit; ttl=53");
    assert_eq!((head.field("age"), head.field("etag"), head.length()), ("7", "\"v1\"", 5));
    visitor.text("hello").await;
    visitor.send(get("/x").replace("GET", "HEAD")).await;
    assert_eq!(visitor.head().await.length(), 5);
    visitor.send(get("/x").replace("\r\n\r\n", "\r\nIf-None-Match: \"v1\"\r\n\r\n")).await;
    let head = visitor.head().await;
    assert_eq!((head.status(), head.field("content-type"), head.field("etag")), (304, "", "\"v1\""));
    visitor.send(get("/x").replace("\r\n\r\n", "\r\nRange: bytes=1-3\r\n\r\n")).await;
    let head = visitor.head().await;
    assert_eq!((head.status(), head.field("content-range")), (206, "bytes 1-3/5"));
    visitor.text("ell").await;
    visitor.send(get("/x").replace("\r\n\r\n", "\r\nRange: bytes=9-\r\n\r\n")).await;
    let head = visitor.head().await;
    assert_eq!((head.status(), head.field("content-range")), (416, "bytes */5"));
    stage.clock.advance(Duration::from_secs(53));
    visitor.send(get("/x")).await;
    assert_eq!(stage.origin.accept().await.head().await.line(), "GET /x HTTP/1.1");
}

#[tokio::test]
async fn neither_a_cut_answer_nor_one_without_a_marked_end_is_stored() {
    let stage = Stage::set().await;
    for (path, framing, body) in [
        ("/cut", "Content-Length: 10\r\n", "hello"),
        ("/chunks", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"),
        ("/until-close", "", "hello"),
    ] {
        let request = get(path).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        for _ in 0..2 {
            let mut visitor = stage.visit().await;
            let answer = format!("{FRESH}{framing}\r\n{body}");
            let head = serve(&stage, &mut visitor, &request, &answer).await;
            assert!(head.field("cache-status").starts_with("wardmote; fwd=uri-miss"), "{path}");
            visitor.rest().await;
        }
    }
}

#[tokio::test]
async fn a_large_answer_of_unknown_length_streams_through_and_is_stored_whole() {
    let stage = Stage::set().await;
    let body = vec![b'x'; 3 << 20];
    {
        let mut visitor = stage.visit().await;
        visitor.send(get("/large")).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        let sending = async {
            origin.send(format!("{FRESH}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len())).await;
            origin.send(&body).await;
            origin.send("\r\n0\r\n\r\n").await;
        };
        let reading = async {
            visitor.head().await;
            let mut content = 0;
            while content < body.len() {
                let size = loop {
                    let byte = visitor.bytes(1).await[0];
                    if byte.is_ascii_hexdigit() {
                        let mut line = vec![byte];
                        while !line.ends_with(b"\r\n") {
                            line.extend(visitor.bytes(1).await);
                        }
                        let text = String::from_utf8_lossy(&line);
                        break usize::from_str_radix(text.trim(), 16).expect("a size");
                    }
                };
                assert!(visitor.bytes(size).await.iter().all(|byte| *byte == b'x'));
                visitor.text("\r\n").await;
                content += size;
            }
            visitor.text("0\r\n\r\n").await;
        };
        tokio::join!(sending, reading);
    }
    let (head, content) = stage.ask(&get("/large")).await;
    assert!(head.field("cache-status").contains("hit") && head.length() == body.len() && content == body);
}

#[tokio::test]
async fn variants_are_told_apart_and_the_origin_is_asked_with_what_the_key_holds() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    let with =
        |encodings: &str| get("/v").replace("\r\n\r\n", &format!("\r\nAccept-Encoding: {encodings}\r\n\r\n"));
    for (encodings, sent, body) in [("gzip, deflate", "gzip", "zip"), ("br;q=0", "identity", "raw")] {
        visitor.send(with(encodings)).await;
        let mut origin = stage.origin.accept().await;
        let asked = origin.head().await;
        assert_eq!(asked.field("accept-encoding"), sent);
        let answer =
            format!("{FRESH}Vary: Accept-Encoding\r\nContent-Length: 3\r\nConnection: close\r\n\r\n{body}");
        origin.send(answer).await;
        visitor.head().await;
        visitor.text(body).await;
    }
    for (encodings, body) in [("deflate, gzip", "zip"), ("identity", "raw")] {
        visitor.send(with(encodings)).await;
        assert!(visitor.head().await.field("cache-status").contains("hit"), "{encodings}");
        visitor.text(body).await;
    }
}

#[tokio::test]
async fn a_site_that_lists_its_languages_keeps_a_copy_for_each_and_no_more() {
    let languages = |site: &mut snapshot::Site| {
        site.cache_rules.languages = ["en", "de"].map(str::to_owned).into();
    };
    let stage = Stage::set_with(|_| {}, languages).await;
    let mut visitor = stage.visit().await;
    let wishing = |wish| get("/").replace("\r\n\r\n", &format!("\r\nAccept-Language: {wish}\r\n\r\n"));
    let varies =
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nVary: Accept-Language\r\nContent-Length: 2\r\n\r\n";
    let mut origin = None;
    for (wish, sent) in [("de-AT, de;q=0.9", "de"), ("fr", "en")] {
        visitor.send(wishing(wish)).await;
        let mut asked = match origin.take() {
            Some(origin) => origin,
            None => stage.origin.accept().await,
        };
        assert_eq!(asked.head().await.field("accept-language"), sent);
        asked.send(format!("{varies}{sent}")).await;
        visitor.head().await;
        visitor.text(sent).await;
        origin = Some(asked);
    }
    for (wish, got) in [("de", "de"), ("fr, de;q=0.1", "de"), ("en-GB, de;q=0.5", "en"), ("ja", "en")] {
        visitor.send(wishing(wish)).await;
        assert!(visitor.head().await.field("cache-status").starts_with("wardmote; hit"), "{wish}");
        visitor.text(got).await;
    }
}

#[tokio::test]
async fn a_change_makes_what_is_stored_unusable() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    let stored = format!("{FRESH}Content-Length: 1\r\nConnection: close\r\n\r\n1");
    serve(&stage, &mut visitor, &get("/x"), &stored).await;
    visitor.text("1").await;
    let change = "POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n";
    let done = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    assert_eq!(serve(&stage, &mut visitor, change, done).await.status(), 204);
    let head = serve(&stage, &mut visitor, &get("/x"), &stored).await;
    assert!(head.field("cache-status").contains("fwd=uri-miss"));
}

/// RFC 9110 §9.3.3.
#[tokio::test]
async fn the_answer_to_a_post_is_kept_if_it_is_the_content_of_its_target() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    let post = "POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi";
    let other = format!("{FRESH}Content-Location: /y\r\nContent-Length: 1\r\nConnection: close\r\n\r\n0");
    let head = serve(&stage, &mut visitor, post, &other).await;
    assert!(!head.field("cache-status").contains("stored"));
    visitor.text("0").await;
    let own = other.replace("/y", "/x").replace("\r\n0", "\r\n1");
    let head = serve(&stage, &mut visitor, post, &own).await;
    assert!(head.field("cache-status").contains("stored"), "{}", head.field("cache-status"));
    visitor.text("1").await;
    visitor.send(get("/x")).await;
    assert!(visitor.head().await.field("cache-status").contains("hit"));
    visitor.text("1").await;
}

#[tokio::test]
async fn sites_share_nothing_and_a_request_may_insist_on_what_is_stored() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    let stored = format!("{FRESH}Content-Length: 1\r\nConnection: close\r\n\r\n1");
    serve(&stage, &mut visitor, &get("/x"), &stored).await;
    visitor.text("1").await;
    let head = serve(&stage, &mut visitor, &get("/x").replace("a.test", "b.test"), &stored).await;
    assert!(head.field("cache-status").contains("fwd=uri-miss"));
    visitor.text("1").await;
    visitor.send(get("/y").replace("\r\n\r\n", "\r\nCache-Control: only-if-cached\r\n\r\n")).await;
    let head = visitor.head().await;
    assert_eq!((head.status(), head.field("cache-status")), (504, "wardmote; detail=absent"));
}

#[tokio::test]
async fn a_port_in_the_host_field_is_part_of_the_key() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    let stored = format!("{FRESH}Content-Length: 1\r\nConnection: close\r\n\r\n1");
    for host in ["a.test:1234", "a.test"] {
        visitor.send(get("/x").replace("a.test", host)).await;
        let mut origin = stage.origin.accept().await;
        assert_eq!(origin.head().await.field("host"), host);
        origin.send(&stored).await;
        assert!(visitor.head().await.field("cache-status").contains("fwd=uri-miss"));
        visitor.text("1").await;
    }
}

#[tokio::test]
async fn a_field_that_connection_names_selects_no_variant_because_the_origin_never_sees_it() {
    let stage = Stage::set().await;
    let vary = format!("{FRESH}Vary: X-V\r\nConnection: close\r\nContent-Length: 4\r\n\r\n");
    let poisoned = get("/v").replace("\r\n\r\n", "\r\nX-V: mine\r\nConnection: X-V, close\r\n\r\n");
    let honest = get("/v").replace("\r\n\r\n", "\r\nX-V: mine\r\nConnection: close\r\n\r\n");
    for (request, seen, body) in [(&poisoned, false, "none"), (&honest, true, "mine")] {
        let mut visitor = stage.visit().await;
        visitor.send(request.as_str()).await;
        let mut origin = stage.origin.accept().await;
        assert_eq!(!origin.head().await.all("x-v").is_empty(), seen);
        origin.send(format!("{vary}{body}")).await;
        assert_eq!(visitor.head().await.status(), 200);
        visitor.text(body).await;
    }
    let (_, body) = stage.ask(&honest).await;
    assert_eq!(body, b"mine");
}
