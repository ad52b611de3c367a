//! Requests through to the origin and answers back.

use crate::support::{HOST, Stage, get};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn an_origin_sees_the_request_with_the_edges_own_fields_and_the_visitor_the_answer() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor
        .send("GET /a?b HTTP/1.1\r\nHost: A.test\r\nUser-Agent: t\r\nConnection: x-mine\r\nX-Mine: 1\r\n\r\n")
        .await;
    let mut origin = stage.origin.accept().await;
    let asked = origin.head().await;
    assert_eq!(asked.line(), "GET /a?b HTTP/1.1");
    for (name, value) in [
        ("host", HOST),
        ("user-agent", "t"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", HOST),
        ("forwarded", "for=127.0.0.1;host=\"a.test\";proto=http"),
        ("cdn-loop", "wardmote"),
        ("x-mine", ""),
        ("connection", ""),
    ] {
        assert_eq!(asked.field(name), value, "{name}");
    }
    origin
        .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Own: y\r\nKeep-Alive: timeout=5\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\nhi")
        .await;
    let answer = visitor.head().await;
    assert_eq!(answer.line(), "HTTP/1.1 200 OK");
    for (name, value) in [
        ("content-length", "2"),
        ("x-own", "y"),
        ("via", "1.1 wardmote"),
        ("cache-status", "wardmote; fwd=uri-miss; fwd-status=200; detail=no-freshness"),
        ("wardmote-ray", asked.field("wardmote-ray")),
        ("keep-alive", ""),
        ("connection", ""),
        ("x-hop", ""),
    ] {
        assert!(
            answer.field(name).starts_with(value) && answer.field(name).is_empty() == value.is_empty(),
            "{name} {answer:?}"
        );
    }
    assert!(!answer.field("date").is_empty(), "a missing Date is put in");
    visitor.text("hi").await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_over_one_origin_connection() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor.send([get("/1"), get("/2"), get("/3")].concat()).await;
    let mut origin = stage.origin.accept().await;
    for path in ["/1", "/2", "/3"] {
        assert_eq!(origin.head().await.line(), format!("GET {path} HTTP/1.1"));
        origin.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{path}")).await;
    }
    for path in ["/1", "/2", "/3"] {
        assert_eq!(visitor.head().await.status(), 200);
        visitor.text(path).await;
    }
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn chunked_content_goes_both_ways_as_it_comes_with_its_trailers() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor
        .send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3;ext=1\r\nabc\r\n")
        .await;
    let mut origin = stage.origin.accept().await;
    let asked = origin.head().await;
    assert_eq!(asked.field("transfer-encoding"), "chunked");
    assert_eq!(asked.field("content-length"), "");
    origin.text("3\r\nabc\r\n").await;
    visitor.send("2\r\nde\r\n0\r\nX-Sum: 5\r\nHost: evil\r\n\r\n").await;
    origin.text("2\r\nde\r\n0\r\nx-sum: 5\r\n\r\n").await;
    origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n").await;
    let answer = visitor.head().await;
    assert_eq!(answer.field("transfer-encoding"), "chunked");
    assert_eq!(answer.field("content-length"), "");
    visitor.text("1\r\nx\r\n").await;
    origin.send("2\r\nyz\r\n0\r\nX-End: 1\r\n\r\n").await;
    visitor.text("2\r\nyz\r\n0\r\nx-end: 1\r\n\r\n").await;
    visitor.send(get("/next")).await;
    assert_eq!(origin.head().await.line(), "GET /next HTTP/1.1");
}

#[tokio::test]
async fn what_a_visitor_may_not_say_in_a_field_it_may_not_say_in_a_trailer() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n").await;
    for name in [
        "X-Real-IP",
        "True-Client-IP",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X_Forwarded_For",
        "X_Real_IP",
        "Wardmote-Tier",
        "Wardmote_Ray",
    ] {
        visitor.send(format!("{name}: 6.6.6.6\r\n")).await;
    }
    visitor.send("X-Sum: 5\r\n\r\n").await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.text("0\r\nx-sum: 5\r\n\r\n").await;
}

#[tokio::test]
async fn sized_content_streams_up_before_all_of_it_is_there() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor.send("PUT /f HTTP/1.1\r\nHost: a.test\r\nContent-Length: 8\r\n\r\n1234").await;
    let mut origin = stage.origin.accept().await;
    assert_eq!(origin.head().await.field("content-length"), "8");
    origin.text("1234").await;
    visitor.send("5678").await;
    origin.text("5678").await;
    origin.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    let answer = visitor.head().await;
    assert_eq!((answer.status(), answer.field("content-length")), (204, ""));
}

#[tokio::test]
async fn a_visitor_of_http_1_0_gets_an_answer_that_ends_with_the_connection() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor.send("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n").await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").await;
    let answer = visitor.head().await;
    assert_eq!((answer.field("transfer-encoding"), answer.field("connection")), ("", "close"));
    assert_eq!(visitor.rest().await, b"abc");
}

#[tokio::test]
async fn an_http_1_0_connection_stays_open_where_both_sides_want_it() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    let request = "GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n";
    visitor.send(request).await;
    let mut origin = stage.origin.accept().await;
    for _ in 0..2 {
        origin.head().await;
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx").await;
        assert_eq!(visitor.head().await.field("connection"), "keep-alive");
        visitor.text("x").await;
        visitor.send(request).await;
    }
}

#[tokio::test]
async fn head_has_the_length_and_no_content() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor.send("HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    let mut origin = stage.origin.accept().await;
    assert_eq!(origin.head().await.line(), "HEAD / HTTP/1.1");
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
    assert_eq!(visitor.head().await.length(), 1000);
    visitor.send(get("/")).await;
    assert_eq!(origin.head().await.line(), "GET / HTTP/1.1");
    origin.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\n").await;
    let answer = visitor.head().await;
    assert_eq!((answer.status(), answer.field("etag")), (304, "\"x\""));
    visitor.send(get("/")).await;
    assert_eq!(origin.head().await.line(), "GET / HTTP/1.1");
}

#[tokio::test]
async fn who_expects_100_gets_it_from_the_edge_and_the_origin_hears_nothing_of_it() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor
        .send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        .await;
    assert_eq!(visitor.head().await.text, "HTTP/1.1 100 Continue\r\n\r\n");
    visitor.send("abc").await;
    let mut origin = stage.origin.accept().await;
    assert_eq!(origin.head().await.field("expect"), "");
    origin.text("abc").await;
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(visitor.head().await.status(), 200);
}

#[tokio::test]
async fn interim_answers_of_the_origin_are_passed_on_except_100() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin
        .send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\n\r\n")
        .await;
    let interim = visitor.head().await;
    assert_eq!((interim.status(), interim.field("link")), (103, "</s.css>; rel=preload"));
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(visitor.head().await.status(), 200);
}

#[tokio::test]
async fn an_answer_streams_down_before_all_of_it_is_there() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/events")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n").await;
    assert_eq!(visitor.head().await.field("transfer-encoding"), "chunked");
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        origin.send(event).await;
        visitor.text(&format!("9\r\n{event}\r\n")).await;
    }
    origin.end().await;
    visitor.text("0\r\n\r\n").await;
}

#[tokio::test]
async fn an_origin_that_answers_early_does_not_leave_the_connection_out_of_step() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n12345").await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.text("12345").await;
    origin.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await;
    assert_eq!(visitor.head().await.status(), 403);
    visitor.text("no").await;
    // The rest of the content, then another request: the content must never be read as one.
    visitor.send(["67890", &get("/after")].concat()).await;
    let mut origin = stage.origin.accept().await;
    assert_eq!(origin.head().await.line(), "GET /after HTTP/1.1");
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(visitor.head().await.status(), 200);
}

#[tokio::test]
async fn websocket_is_passed_through_both_ways_until_the_origin_ends() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor
        .send("GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n")
        .await;
    let mut origin = stage.origin.accept().await;
    let asked = origin.head().await;
    assert_eq!((asked.field("connection"), asked.field("upgrade")), ("upgrade", "websocket"));
    origin
        .send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s\r\n\r\nhello")
        .await;
    let answer = visitor.head().await;
    assert_eq!((answer.status(), answer.field("sec-websocket-accept")), (101, "s"));
    assert_eq!((answer.field("connection"), answer.field("upgrade")), ("upgrade", "websocket"));
    visitor.text("hello").await;
    visitor.send("from the visitor").await;
    origin.text("from the visitor").await;
    origin.send("bye").await;
    origin.end().await;
    assert_eq!(visitor.rest().await, b"bye");
}

#[tokio::test]
async fn bytes_after_a_request_to_switch_and_before_its_answer_end_the_connection() {
    let stage = Stage::set().await;
    let upgrade = get("/ws").replace("\r\n\r\n", "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    let mut visitor = stage.visit().await;
    visitor.send([upgrade.as_str(), &get("/smuggled")].concat()).await;
    assert_eq!(visitor.head().await.status(), 400);
    visitor.rest().await;
    assert!(!stage.origin.is_called().await);
    // The same, later than the head but before the origin has answered.
    let mut visitor = stage.visit().await;
    visitor.send(&upgrade).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    visitor.send(get("/smuggled")).await;
    // An answer on another connection of the same worker: what was sent before it has arrived.
    assert_eq!(stage.ask(&get("/x").replace("a.test", "c.test")).await.0.status(), 421);
    origin
        .send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        .await;
    assert_eq!(visitor.head().await.status(), 400);
    visitor.rest().await;
    origin.closed().await;
}

#[tokio::test]
async fn another_protocol_than_websocket_is_not_asked_of_the_origin() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor
        .send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n")
        .await;
    let mut origin = stage.origin.accept().await;
    let asked = origin.head().await;
    for name in ["connection", "upgrade", "http2-settings"] {
        assert_eq!(asked.field(name), "", "{name}");
    }
}

#[tokio::test]
async fn megabytes_go_both_ways_at_once_whoever_reads_last() {
    const PIECE: usize = 10_007;
    const PIECES: usize = 600;
    let stage = Stage::set().await;
    for visitor_reads_last in [true, false] {
        let visitor = TcpStream::connect(stage.edge.http()[0]).await.expect("connected");
        let (mut from_edge, mut to_edge) = visitor.into_split();
        let length = PIECE * PIECES;
        let upload = async {
            let head = format!(
                "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            to_edge.write_all(head.as_bytes()).await.expect("sent");
            for n in 0..PIECES {
                to_edge.write_all(&vec![n as u8; PIECE]).await.expect("sent");
            }
        };
        let echo = async {
            let mut origin = stage.origin.accept().await;
            origin.head().await;
            origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            for n in 0..PIECES {
                if visitor_reads_last {
                    // Nothing is held up below until all is there.
                    origin.bytes(PIECE).await;
                } else {
                    let piece = origin.bytes(PIECE).await;
                    assert!(piece.iter().all(|byte| *byte == n as u8), "piece {n}");
                    origin.send(format!("{PIECE:x}\r\n")).await;
                    origin.send(piece).await;
                    origin.send("\r\n").await;
                }
            }
            origin.send("0\r\n\r\n").await;
            origin
        };
        let mut answer = Vec::new();
        if visitor_reads_last {
            tokio::join!(upload, echo);
            from_edge.read_to_end(&mut answer).await.expect("whole");
        } else {
            let reading = async { from_edge.read_to_end(&mut answer).await.expect("whole") };
            tokio::join!(upload, echo, reading);
        }
        assert!(answer.ends_with(b"0\r\n\r\n"));
        let echoed = answer.len() > length;
        assert_eq!(echoed, !visitor_reads_last);
    }
}

#[tokio::test]
async fn an_answer_that_nobody_reads_yet_holds_up_no_upload() {
    const LENGTH: usize = 6 << 20;
    let stage = Stage::set().await;
    let visitor = TcpStream::connect(stage.edge.http()[0]).await.expect("connected");
    let (mut from_edge, mut to_edge) = visitor.into_split();
    let head = format!("PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {LENGTH}\r\n\r\n");
    to_edge.write_all(head.as_bytes()).await.expect("sent");
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    // Two hands of one origin: it answers at length before it takes anything.
    origin.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n")).await;
    origin.send(vec![b'a'; 1 << 20]).await;
    to_edge.write_all(&vec![b'u'; LENGTH]).await.expect("all of it went up");
    assert!(origin.bytes(LENGTH).await.iter().all(|byte| *byte == b'u'));
    let down = async {
        origin.send(vec![b'a'; LENGTH - (1 << 20)]).await;
        origin
    };
    let reading = async {
        let mut answer = vec![0; LENGTH];
        from_edge.read_exact(&mut answer).await.expect("the answer");
        answer
    };
    let (_origin, answer) = tokio::join!(down, reading);
    assert!(answer.starts_with(b"HTTP/1.1 200 OK") && answer.ends_with(b"aaaa"));
}
