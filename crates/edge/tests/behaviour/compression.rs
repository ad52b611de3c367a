//! Other codings of stored responses.

use crate::support::{HOST, Stage, get};
use std::io::Read as _;
use std::time::Duration;
use testkit::{Head, Peer};

const HTML: &str =
    "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nETag: \"v1\"\r\nContent-Type: text/html\r\n";

fn page() -> String {
    "<p>the same words again and again, as pages have them</p>\n".repeat(80)
}

async fn store(stage: &Stage, visitor: &mut Peer, path: &str, fields: &str, body: &str) -> Head {
    visitor.send(get(path)).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    let length = body.len();
    origin.send(format!("{fields}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")).await;
    let head = visitor.head().await;
    visitor.bytes(head.length()).await;
    head
}

async fn ask(visitor: &mut Peer, path: &str, fields: &str) -> (Head, Vec<u8>) {
    visitor.send(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n")).await;
    let head = visitor.head().await;
    let body = if head.status() == 304 { Vec::new() } else { visitor.bytes(head.length()).await };
    (head, body)
}

/// Asks until the coding is there: the first visitors get identity.
async fn ask_until_coded(visitor: &mut Peer, path: &str, accepted: &str) -> (Head, Vec<u8>) {
    let fields = format!("Accept-Encoding: {accepted}\r\n");
    for _ in 0..1000 {
        let (head, body) = ask(visitor, path, &fields).await;
        if !head.field("content-encoding").is_empty() {
            return (head, body);
        }
        assert_eq!(body, page().as_bytes());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    unreachable!("{accepted} was never made")
}

fn decoded(coding: &str, body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match coding {
        "zstd" => plain = zstd::decode_all(body).expect("zstd"),
        "br" => drop(brotli::Decompressor::new(body, 4096).read_to_end(&mut plain).expect("br")),
        "gzip" => drop(flate2::read::GzDecoder::new(body).read_to_end(&mut plain).expect("gzip")),
        other => unreachable!("{other}"),
    }
    plain
}

#[tokio::test]
async fn a_stored_page_is_coded_once_and_served_by_the_visitors_weights() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    let head = store(&stage, &mut visitor, "/", HTML, &page()).await;
    assert_eq!((head.field("vary"), head.field("etag")), ("Accept-Encoding", "\"v1\""));
    for (accepted, coding) in
        [("gzip", "gzip"), ("br;q=1, gzip;q=0.2", "br"), ("gzip;q=0.1, br;q=0.2, zstd;q=0.3", "zstd")]
    {
        let (head, body) = ask_until_coded(&mut visitor, "/", accepted).await;
        // What is ready already answers where it is accepted, until the one preferred is made.
        if head.field("content-encoding") == coding {
            assert!(body.len() < page().len() / 2);
        }
        assert_eq!(decoded(head.field("content-encoding"), &body), page().as_bytes(), "{coding}");
        assert_eq!((head.field("vary"), head.field("etag")), ("Accept-Encoding", "W/\"v1\""));
        assert!(head.field("cache-status").starts_with("wardmote; hit"), "{}", head.text);
    }
    let (head, body) = ask(&mut visitor, "/", "").await;
    assert_eq!((head.field("content-encoding"), head.field("etag")), ("", "\"v1\""));
    assert_eq!((head.field("vary"), body), ("Accept-Encoding", page().into_bytes()));
    assert!(!stage.origin.is_called().await);
    let figures = stage.edge.figures().codings;
    assert!((1..=3).contains(&figures.made), "{figures:?}");
    assert!(figures.saved_bytes > 0 && figures.bytes > 0, "{figures:?}");
}

#[tokio::test]
async fn conditions_and_ranges_keep_their_meaning() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    store(&stage, &mut visitor, "/", HTML, &page()).await;
    ask_until_coded(&mut visitor, "/", "gzip").await;
    for tag in ["W/\"v1\"", "\"v1\""] {
        let fields = format!("Accept-Encoding: gzip\r\nIf-None-Match: {tag}\r\n");
        let (head, _) = ask(&mut visitor, "/", &fields).await;
        assert_eq!((head.status(), head.field("etag")), (304, "W/\"v1\""), "{tag}");
        assert_eq!(head.field("vary"), "Accept-Encoding");
    }
    let (head, _) = ask(&mut visitor, "/", "Accept-Encoding: gzip\r\nIf-None-Match: \"v2\"\r\n").await;
    assert_eq!((head.status(), head.field("content-encoding")), (200, "gzip"));
    let range = "Accept-Encoding: gzip\r\nRange: bytes=3-10\r\n";
    let (head, body) = ask(&mut visitor, "/", range).await;
    assert_eq!((head.status(), head.field("content-encoding"), head.field("etag")), (206, "", "\"v1\""));
    assert_eq!(body, &page().as_bytes()[3..=10]);
    // A weak tag names no bytes, so the range is not applied (RFC 9110 §13.1.5).
    let (head, _) = ask(&mut visitor, "/", &format!("{range}If-Range: W/\"v1\"\r\n")).await;
    assert_eq!((head.status(), head.field("content-encoding")), (200, "gzip"));
}

#[tokio::test]
async fn what_must_not_be_transformed_never_is() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    let small = "x".repeat(859);
    let image = HTML.replace("text/html", "image/png");
    let kept = HTML.replace("max-age=60", "max-age=60, no-transform");
    let gzipped = HTML.replace("ETag", "Content-Encoding: gzip\r\nETag");
    for (path, fields, body) in [
        ("/small", HTML, &small),
        ("/image", &image, &page()),
        ("/kept", &kept, &page()),
        ("/coded", &gzipped, &page()),
    ] {
        store(&stage, &mut visitor, path, fields, body).await;
        for _ in 0..3 {
            let (head, got) = ask(&mut visitor, path, "Accept-Encoding: zstd, br, gzip\r\n").await;
            assert_eq!((&got, head.field("vary")), (&body.clone().into_bytes(), ""), "{path}");
        }
    }
    assert_eq!(stage.edge.figures().codings, edge::EncodingFigures::default());
    store(&stage, &mut visitor, "/", HTML, &page()).await;
    ask_until_coded(&mut visitor, "/", "br").await;
    let (head, _) = ask(&mut visitor, "/", "Accept-Encoding: br\r\nCache-Control: no-transform\r\n").await;
    assert_eq!(head.field("content-encoding"), "");
}

#[tokio::test]
async fn codings_go_with_what_they_were_made_from() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    store(&stage, &mut visitor, "/", HTML, &page()).await;
    ask_until_coded(&mut visitor, "/", "gzip").await;
    visitor.send(get("/").replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
    assert_eq!(visitor.head().await.status(), 204);
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nAccept-Encoding: gzip\r\n\r\n")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send(format!("{HTML}Content-Length: 3\r\nConnection: close\r\n\r\nnew")).await;
    let head = visitor.head().await;
    assert_eq!((head.field("content-encoding"), head.length()), ("", 3));
    visitor.text("new").await;
    assert_eq!(stage.edge.figures().codings.bytes, 0);
}

#[tokio::test]
async fn a_revalidated_page_keeps_its_codings() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    store(&stage, &mut visitor, "/", HTML, &page()).await;
    ask_until_coded(&mut visitor, "/", "gzip").await;
    stage.clock.advance(Duration::from_secs(61));
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nAccept-Encoding: gzip\r\n\r\n")).await;
    let mut origin = stage.origin.accept().await;
    assert_eq!(origin.head().await.field("if-none-match"), "\"v1\"");
    let fields = "Cache-Control: max-age=60\r\nETag: \"v1\"\r\nX-New: 1\r\nConnection: close\r\n";
    origin.send(format!("HTTP/1.1 304 Not Modified\r\n{fields}\r\n")).await;
    let head = visitor.head().await;
    assert_eq!((head.field("content-encoding"), head.field("x-new")), ("gzip", "1"), "{}", head.text);
    assert_eq!(decoded("gzip", &visitor.bytes(head.length()).await), page().as_bytes());
    let figures = stage.edge.figures();
    assert_eq!((figures.codings.made, figures.revalidations.count()), (1, 1));
}
