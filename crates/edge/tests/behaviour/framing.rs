//! What is ambiguous is refused, and a connection never gets out of step.

use crate::support::{Stage, get};

#[tokio::test]
async fn what_is_ambiguous_gets_a_clear_400_and_the_connection_ends_before_the_origin_hears_of_it() {
    let stage = Stage::set().await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";
    for (head, reason) in [
        (
            "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "length-and-coding",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "length-repeated",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
            "coding-unsupported",
        ),
        ("POST / HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n", "coding-before-http-1-1"),
        ("GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n", "host-repeated"),
        ("GET / HTTP/1.1\r\n\r\n", "host-missing"),
        ("GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", "target-mismatch"),
        ("GET / HTTP/1.1\r\nHost: a.test\r\nX: a\r\n b\r\n\r\n", "field-folded"),
        ("GET / HTTP/1.1\nHost: a.test\n\n", "bare-line-feed"),
        ("GET / HTTP/1.1\r\nHost: a.test\r\nX: a\rb\r\n\r\n", "bare-carriage-return"),
        ("GET / HTTP/1.1\r\nHost : a.test\r\n\r\n", "space-before-colon"),
    ] {
        let mut visitor = stage.visit().await;
        visitor.send([head, smuggled].concat()).await;
        let answer = visitor.head().await;
        assert_eq!((answer.status(), answer.field("connection")), (400, "close"), "{head:?}");
        let page = String::from_utf8(visitor.rest().await).expect("a page");
        assert!(page.contains(reason), "{head:?} gave {page}");
        assert_eq!(page.len(), answer.length(), "nothing after the page: {head:?}");
    }
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn other_refusals_of_a_head_have_their_own_status() {
    let stage = Stage::set().await;
    let large = format!("GET / HTTP/1.1\r\nHost: a.test\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    let many = format!("GET / HTTP/1.1\r\nHost: a.test\r\n{}\r\n", "X: y\r\n".repeat(101));
    let long = format!("GET /{} HTTP/1.1\r\nHost: a.test\r\n\r\n", "x".repeat(40_000));
    for (request, status) in [
        (large.as_str(), 431),
        (&many, 431),
        (&long, 414),
        ("GET / HTTP/2.0\r\nHost: a.test\r\n\r\n", 505),
        ("TRACE / HTTP/1.1\r\nHost: a.test\r\n\r\n", 405),
        ("GET / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\nExpect: tea\r\n\r\nx", 417),
        ("GET / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 99999999999\r\n\r\n", 413),
        ("GET / HTTP/1.1\r\nHost: a.test\r\nCDN-Loop: wardmote\r\n\r\n", 508),
        ("GET / HTTP/1.1\r\nHost: c.test\r\n\r\n", 421),
    ] {
        assert_eq!(stage.ask(request).await.0.status(), status, "{}", &request[..60.min(request.len())]);
    }
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn a_chunk_trick_in_the_middle_of_a_body_reaches_the_origin_as_a_break_never_as_a_request() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.text("3\r\nabc\r\n").await;
    visitor.send("3\nabc\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(visitor.head().await.status(), 400);
    origin.closed().await;
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn a_body_that_breaks_off_reaches_the_origin_as_a_break() {
    let stage = Stage::set().await;
    for head in ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
        let mut visitor = stage.visit().await;
        visitor.send(format!("POST / HTTP/1.1\r\nHost: a.test\r\n{head}")).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        visitor.end().await;
        let seen = origin.rest().await;
        assert!(!seen.ends_with(b"0\r\n\r\n"), "the origin must not take it for whole");
        assert_eq!(visitor.head().await.status(), 400);
    }
}

#[tokio::test]
async fn content_that_nobody_reads_is_drained_when_small_and_ends_the_connection_when_large() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    let refused = "POST / HTTP/1.1\r\nHost: c.test\r\nContent-Length: 5\r\n\r\nhello";
    visitor.send([refused, refused].concat()).await;
    for _ in 0..2 {
        let answer = visitor.head().await;
        assert_eq!((answer.status(), answer.field("connection")), (421, ""));
        visitor.bytes(answer.length()).await;
    }
    for head in [
        "Content-Length: 100000\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nExpect: 100-continue\r\n",
    ] {
        let mut visitor = stage.visit().await;
        visitor.send(format!("POST / HTTP/1.1\r\nHost: c.test\r\n{head}\r\n")).await;
        let answer = visitor.head().await;
        assert_eq!((answer.status(), answer.field("connection")), (421, "close"), "{head}");
        let rest = visitor.rest().await;
        assert_eq!(rest.len(), answer.length(), "{head}");
    }
}

#[tokio::test]
async fn a_request_may_follow_an_empty_line_and_arrive_in_pieces() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    let request = format!("\r\n{}", get("/pieces").replace("a.test", "c.test"));
    for byte in request.bytes() {
        visitor.send([byte]).await;
    }
    assert_eq!(visitor.head().await.status(), 421);
}

#[tokio::test]
async fn a_request_on_a_reused_origin_connection_is_asked_anew_only_where_that_is_safe() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/1")).await;
    let mut first = stage.origin.accept().await;
    first.head().await;
    first.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    visitor.head().await;
    // The origin takes the second request on the kept connection and hangs up without an answer.
    visitor.send(get("/2")).await;
    first.head().await;
    drop(first);
    let mut second = stage.origin.accept().await;
    assert_eq!(second.head().await.line(), "GET /2 HTTP/1.1");
    second.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(visitor.head().await.status(), 200);
    visitor.send("POST /3 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n").await;
    second.head().await;
    drop(second);
    assert_eq!(visitor.head().await.status(), 502);
    assert!(!stage.origin.is_called().await, "a POST is not sent twice");
}

#[tokio::test]
async fn content_of_any_method_goes_along_and_is_never_taken_for_a_request() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    let smuggled = get("/smuggled");
    let mut origin = None;
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "QUERY"] {
        let length = smuggled.len();
        let head = format!("{method} /real HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n\r\n");
        visitor.send([head.as_str(), &smuggled].concat()).await;
        let origin = match &mut origin {
            Some(origin) => origin,
            none => none.insert(stage.origin.accept().await),
        };
        let asked = origin.head().await;
        assert_eq!(asked.line(), format!("{method} /real HTTP/1.1"));
        assert_eq!(asked.length(), length);
        origin.text(&smuggled).await;
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(visitor.head().await.status(), 200);
    }
    visitor.send(get("/last")).await;
    assert_eq!(origin.expect("a connection").head().await.line(), "GET /last HTTP/1.1");
}
