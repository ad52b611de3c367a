//! Origins that speak HTTP/2: what goes to them, what they may answer, and how they fail.

use crate::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PING, PUSH_PROMISE,
    RST_STREAM, SETTINGS, block, frame,
};
use crate::http2_origin::{Asked, Http2Origin, answer, stage, stage_with};
use crate::support::{HOST, Stage, get};
use crate::tls;
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::server::Builder;
use http::{HeaderMap, HeaderValue, Request, Response};
use snapshot::{HealthCheck, OriginProtocol, Probe};
use std::time::Duration;
use testkit::{Origin, Peer};

/// A page that nobody keeps.
fn page() -> Response<()> {
    Response::builder()
        .header("cache-control", "no-store")
        .header("content-length", 2)
        .body(())
        .expect("a head")
}

fn post(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 5\r\n\r\nhello")
}

#[tokio::test]
async fn requests_of_many_visitors_share_one_connection_and_say_what_http_1_would() {
    let stage = stage().await;
    let (mut one, mut two) = (stage.visit().await, stage.visit().await);
    one.send(format!(
        "GET /1?x HTTP/1.1\r\nHost: {HOST}\r\nConnection: te, x-mine\r\nTE: trailers\r\nX-Mine: 1\r\n\r\n"
    ))
    .await;
    let mut origin = Http2Origin::accept(&stage).await;
    let first = origin.asked().await;
    two.send(post("/2")).await;
    let mut second = origin.asked().await;
    assert_eq!(first.head.uri().to_string(), format!("http://{HOST}/1?x"));
    for (name, value) in [("te", "trailers"), ("via", "1.1 wardmote"), ("x-forwarded-host", HOST)] {
        assert_eq!(first.head.headers()[name], value);
    }
    for name in ["host", "connection", "x-mine", "transfer-encoding", "content-length"] {
        assert!(!first.head.headers().contains_key(name), "{name}");
    }
    assert_eq!(second.head.headers()["content-length"], "5");
    assert_eq!(second.piece().await, "hello");
    // In whatever order.
    second.say(page(), "22");
    assert_eq!(answer(&mut two).await, (200, "22".to_owned()));
    first.say(page(), "11");
    assert_eq!(answer(&mut one).await, (200, "11".to_owned()));
    one.send(get("/3")).await;
    origin.asked().await.say(page(), "33");
    assert_eq!(answer(&mut one).await, (200, "33".to_owned()));
    assert!(!stage.origin.is_called().await, "one connection is enough");
}

#[tokio::test]
async fn content_interims_and_trailers_go_both_ways_and_at_once() {
    let stage = stage().await;
    let mut sender = tls::h2(&stage).await;
    let request =
        Request::builder().method("POST").uri(format!("https://{HOST}/p?q")).body(()).expect("a request");
    let (mut response, mut up) = sender.send_request(request, false).expect("sent");
    up.send_data(Bytes::from_static(b"one"), false).expect("sent");
    let mut origin = Http2Origin::accept(&stage).await;
    let mut asked = origin.asked().await;
    assert_eq!(asked.head.headers()["x-forwarded-proto"], "https");
    assert!(!asked.head.headers().contains_key("content-length"));
    assert_eq!(asked.piece().await, "one");
    let hints = Response::builder().status(103).header("link", "</a.css>").body(()).expect("a head");
    asked.respond.send_informational(hints).expect("sent");
    let interim =
        std::future::poll_fn(|cx| response.poll_informational(cx)).await.expect("one").expect("hints");
    assert_eq!(
        (interim.status().as_u16(), interim.headers()["link"].as_bytes()),
        (103, b"</a.css>".as_slice())
    );
    let mut down = asked.respond.send_response(Response::new(()), false).expect("sent");
    down.send_data(Bytes::from_static(b"half"), false).expect("sent");
    let mut body = response.await.expect("an answer").into_body();
    assert_eq!(body.data().await.expect("content").expect("content"), "half");
    let trailer =
        |name: &'static str| HeaderMap::from_iter([(name.parse().expect("a name"), HeaderValue::from(1))]);
    up.send_data(Bytes::from_static(b"two"), false).expect("sent");
    assert_eq!(asked.piece().await, "two");
    up.send_trailers(trailer("x-up")).expect("sent");
    assert!(asked.content.data().await.is_none());
    assert_eq!(asked.content.trailers().await.expect("read").expect("trailers")["x-up"], "1");
    down.send_data(Bytes::from_static(b"whole"), false).expect("sent");
    down.send_trailers(trailer("x-down")).expect("sent");
    assert_eq!(body.data().await.expect("content").expect("content"), "whole");
    assert!(body.data().await.is_none());
    assert_eq!(body.trailers().await.expect("read").expect("trailers")["x-down"], "1");
}

#[tokio::test]
async fn trailers_reach_a_visitor_of_http_1_in_chunks() {
    let stage = stage().await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/")).await;
    let mut origin = Http2Origin::accept(&stage).await;
    let mut asked = origin.asked().await;
    let mut down = asked.respond.send_response(Response::new(()), false).expect("sent");
    down.send_data(Bytes::from_static(b"hi"), false).expect("sent");
    down.send_trailers(HeaderMap::from_iter([("x-end".parse().expect("a name"), HeaderValue::from(1))]))
        .expect("sent");
    assert_eq!(visitor.head().await.field("transfer-encoding"), "chunked");
    visitor.text("2\r\nhi\r\n0\r\nx-end: 1\r\n\r\n").await;
}

#[tokio::test]
async fn what_may_be_stored_is_filled_over_http_2_and_asked_for_once() {
    let stage = stage().await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/kept")).await;
    let mut origin = Http2Origin::accept(&stage).await;
    let stored = Response::builder().header("cache-control", "max-age=60").body(()).expect("a head");
    origin.asked().await.say(stored, "hello");
    assert_eq!(visitor.head().await.status(), 200);
    visitor.text("5\r\nhello\r\n0\r\n\r\n").await;
    visitor.send(get("/kept")).await;
    let head = visitor.head().await;
    assert!(head.field("cache-status").starts_with("wardmote; hit"), "{}", head.text);
}

/// RFC 9113 §6.8, §8.7.
#[tokio::test]
async fn what_the_origin_has_not_looked_at_is_asked_again_whatever_its_method() {
    let stage = stage().await;
    let mut visitor = stage.visit().await;
    visitor.send(post("/refused")).await;
    let mut origin = Http2Origin::accept(&stage).await;
    origin.asked().await.respond.send_reset(h2::Reason::REFUSED_STREAM);
    let mut again = origin.asked().await;
    assert_eq!(again.piece().await, "hello");
    again.say(page(), "hi");
    assert_eq!(answer(&mut visitor).await, (200, "hi".to_owned()));
    // Once, and no more.
    visitor.send(post("/refused")).await;
    for _ in 0..2 {
        origin.asked().await.respond.send_reset(h2::Reason::REFUSED_STREAM);
    }
    let (status, text) = answer(&mut visitor).await;
    assert!(status == 502 && text.contains("origin-refused"), "{status} {text}");
}

/// Frames by hand: the library would look at what it has taken.
#[tokio::test]
async fn a_request_behind_the_last_one_of_a_goaway_goes_on_by_another_connection() {
    let stage = stage().await;
    let mut visitor = stage.visit().await;
    visitor.send(post("/late")).await;
    let mut origin = greeted(&stage).await;
    while origin.next().await.expect("frames").0 != HEADERS {}
    origin.send(&frame(GOAWAY, 0, 0, &[0; 8])).await;
    let mut second = Http2Origin::accept(&stage).await;
    second.asked().await.say(page(), "hi");
    assert_eq!(answer(&mut visitor).await, (200, "hi".to_owned()));
}

#[tokio::test]
async fn an_origin_that_goes_away_finishes_what_it_has_and_gets_nothing_more() {
    let stage = stage().await;
    let (mut one, mut two) = (stage.visit().await, stage.visit().await);
    one.send(get("/1")).await;
    let mut origin = Http2Origin::accept(&stage).await;
    let first = origin.asked().await;
    origin.go_away();
    // A graceful farewell takes a PING there and back until it names the last stream (RFC 9113 §6.8).
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    two.send(get("/2")).await;
    let mut next = Http2Origin::accept(&stage).await;
    next.asked().await.say(page(), "22");
    assert_eq!(answer(&mut two).await, (200, "22".to_owned()));
    first.say(page(), "11");
    assert_eq!(answer(&mut one).await, (200, "11".to_owned()));
    assert!(origin.ends().await);
}

#[tokio::test]
async fn a_broken_connection_has_only_what_may_be_repeated_asked_again() {
    let stage = stage().await;
    for (text, repeated) in [(get("/get"), true), (post("/post"), false)] {
        let mut visitor = stage.visit().await;
        visitor.send(get("/first")).await;
        let mut origin = Http2Origin::accept(&stage).await;
        origin.asked().await.say(page(), "hi");
        assert_eq!(answer(&mut visitor).await.0, 200);
        visitor.send(text).await;
        let _asked = origin.asked().await;
        drop(origin);
        if repeated {
            let mut next = Http2Origin::accept(&stage).await;
            next.asked().await.say(page(), "hi");
            assert_eq!(answer(&mut visitor).await, (200, "hi".to_owned()));
        } else {
            let (status, text) = answer(&mut visitor).await;
            assert!(status == 502 && text.contains("origin-closed"), "{status} {text}");
        }
    }
}

#[tokio::test]
async fn a_request_that_the_origin_has_broken_off_is_not_asked_again_there() {
    let stage = stage().await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/")).await;
    let mut origin = Http2Origin::accept(&stage).await;
    origin.asked().await.respond.send_reset(h2::Reason::INTERNAL_ERROR);
    let (status, text) = answer(&mut visitor).await;
    assert!(status == 502 && text.contains("origin-reset"), "{status} {text}");
    // The connection is as good as before.
    visitor.send(get("/next")).await;
    origin.asked().await.say(page(), "hi");
    assert_eq!(answer(&mut visitor).await, (200, "hi".to_owned()));
}

#[tokio::test]
async fn a_visitor_that_leaves_has_its_stream_reset_and_no_other() {
    let stage = stage().await;
    let mut sender = tls::h2(&stage).await;
    let ask =
        |path: &str| Request::builder().uri(format!("https://{HOST}{path}")).body(()).expect("a request");
    let (gone, mut up) = sender.send_request(ask("/gone"), false).expect("sent");
    let (stays, _) = sender.send_request(ask("/stays"), true).expect("sent");
    let mut origin = Http2Origin::accept(&stage).await;
    let (one, two) = (origin.asked().await, origin.asked().await);
    let (mut leaving, staying) = if one.path() == "/gone" { (one, two) } else { (two, one) };
    up.send_reset(h2::Reason::CANCEL);
    drop(gone);
    let reset = crate::quic::patient(std::future::poll_fn(|cx| leaving.respond.poll_reset(cx))).await;
    assert_eq!(reset.expect("a reset"), h2::Reason::CANCEL);
    staying.say(page(), "hi");
    assert_eq!(tls::read(stays.await.expect("an answer")).await.1, b"hi");
}

#[tokio::test]
async fn a_visitor_that_reads_nothing_holds_up_nobody_else() {
    let stage = stage().await;
    // Its window is never opened again.
    let mut slow = tls::h2(&stage).await;
    let ask =
        |path: &str| Request::builder().uri(format!("https://{HOST}{path}")).body(()).expect("a request");
    let mut origin = None;
    let mut held = Vec::new();
    for _ in 0..8 {
        let (response, _) = slow.send_request(ask("/large"), true).expect("sent");
        let origin = match &mut origin {
            Some(origin) => origin,
            none => none.insert(Http2Origin::accept(&stage).await),
        };
        let mut asked = origin.asked().await;
        let mut down = asked.respond.send_response(Response::new(()), false).expect("sent");
        down.send_data(Bytes::from(vec![b'x'; 4 << 20]), true).expect("sent");
        held.push((response.await.expect("a head"), down));
    }
    let mut visitor = stage.visit().await;
    visitor.send(get("/small")).await;
    let origin = origin.as_mut().expect("a connection");
    origin.asked().await.say(page(), "hi");
    assert_eq!(answer(&mut visitor).await, (200, "hi".to_owned()));
}

#[tokio::test]
async fn a_connection_takes_as_many_streams_as_the_origin_allows_and_then_there_is_another() {
    let stage = stage().await;
    let mut settings = Builder::new();
    settings.max_concurrent_streams(1);
    let (mut one, mut two) = (stage.visit().await, stage.visit().await);
    one.send(get("/1")).await;
    let mut first = Http2Origin::accept_with(&stage, &settings).await;
    let asked = first.asked().await;
    two.send(get("/2")).await;
    let mut second = Http2Origin::accept_with(&stage, &settings).await;
    second.asked().await.say(page(), "22");
    assert_eq!(answer(&mut two).await.1, "22");
    asked.say(page(), "11");
    assert_eq!(answer(&mut one).await.1, "11");
    // Both wait for the next: there is no third.
    one.send(get("/3")).await;
    second.asked().await.say(page(), "33");
    assert_eq!(answer(&mut one).await.1, "33");
    assert!(!stage.origin.is_called().await);
}

/// The connection, after both have greeted.
async fn greeted(stage: &Stage) -> Frames {
    let mut origin = Frames::of_origin(stage.origin.accept().await).await;
    origin.send(&[frame(SETTINGS, 0, 0, &[]), frame(SETTINGS, ACK, 0, &[])].concat()).await;
    origin
}

/// Frames of an answer on the first stream.
fn head(flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, 1, &block(fields))
}

fn fields<'f>(more: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
    [&[(":status", "200")], more].concat()
}

/// What an origin must not say, and what becomes of it: a page with this reason, or an answer that is cut.
fn lies() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let malformed = |name, bytes| (name, bytes, "origin-malformed");
    let alone = |more: &[(&'static str, &'static str)]| head(END_STREAM, &fields(more));
    let with = |more: &[(&'static str, &'static str)], data: Vec<u8>| [head(0, &fields(more)), data].concat();
    let data = |flags, bytes: &[u8]| frame(DATA, flags, 1, bytes);
    let many: Vec<_> = (0..101).map(|_| ("x", "y")).collect();
    vec![
        malformed("a connection", alone(&[("connection", "close")])),
        malformed("a coding", alone(&[("transfer-encoding", "chunked")])),
        malformed("an upgrade", alone(&[("upgrade", "websocket")])),
        malformed("keep-alive", alone(&[("keep-alive", "1")])),
        malformed("capitals in a name", alone(&[("X-Odd", "1")])),
        malformed("CR LF in a value", alone(&[("x", "a\r\nb: c")])),
        malformed("a null in a value", alone(&[("x", "a\0b")])),
        malformed("a space before a value", alone(&[("x", " a")])),
        malformed(
            "two lengths",
            with(&[("content-length", "2"), ("content-length", "2")], data(END_STREAM, b"hi")),
        ),
        malformed("a list of lengths", with(&[("content-length", "2, 2")], data(END_STREAM, b"hi"))),
        malformed("a length with a plus", with(&[("content-length", "+2")], data(END_STREAM, b"hi"))),
        malformed("a length and nothing", alone(&[("content-length", "2")])),
        malformed("no status", head(END_STREAM, &[("x", "y")])),
        malformed("two statuses", alone(&[(":status", "200")])),
        malformed("a status behind the fields", head(END_STREAM, &[("x", "y"), (":status", "200")])),
        malformed("a switch of protocols", head(0, &[(":status", "101")])),
        malformed("too many fields", alone(&many)),
        malformed("content before a head", data(END_STREAM, b"hi")),
        malformed("a push", frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0x82])),
        malformed("fields that go on for ever", {
            let more = frame(CONTINUATION, 0, 1, &block(&[("x", &"y".repeat(100))]).repeat(100));
            [frame(HEADERS, 0, 1, &block(&fields(&[]))), more.repeat(40)].concat()
        }),
        malformed("a frame too large", [&[0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1], &[0; 64][..]].concat()),
        ("frames that say nothing", frame(PING, 0, 0, &[7; 8]).repeat(5000), "origin-closed"),
        ("settings without end", frame(SETTINGS, 0, 0, &[]).repeat(5000), "origin-closed"),
        ("an end", vec![], "origin-closed"),
        ("a reset", frame(RST_STREAM, 0, 1, &[0, 0, 0, 2]), "origin-reset"),
        ("less than its length", with(&[("content-length", "5")], data(END_STREAM, b"hi")), "cut"),
        ("more than its length", with(&[("content-length", "1")], data(END_STREAM, b"hi")), "cut"),
        ("an end in the middle", with(&[("content-length", "5")], data(0, b"hi")), "cut"),
        (
            "a reset in the middle",
            with(&[], [data(0, b"hi"), frame(RST_STREAM, 0, 1, &[0, 0, 0, 2])].concat()),
            "cut",
        ),
        (
            "a malformed trailer",
            with(&[], [data(0, b"hi"), head(END_STREAM, &[("x", " y")])].concat()),
            "cut",
        ),
    ]
}

#[tokio::test]
async fn what_an_origin_may_not_say_becomes_a_page_or_a_cut_answer() {
    let mut faults = Vec::new();
    let stage = stage().await;
    for (what, said, outcome) in lies() {
        let mut visitor = stage.visit().await;
        visitor
            .send(format!(
                "GET / HTTP/1.1\r\nHost: {HOST}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
            ))
            .await;
        let mut origin = greeted(&stage).await;
        while origin.next().await.expect("frames").0 != HEADERS {}
        origin.send(&said).await;
        origin.end().await;
        let answer = String::from_utf8_lossy(&visitor.rest().await).into_owned();
        let right = match outcome {
            "cut" => answer.starts_with("HTTP/1.1 200 ") && is_cut(&answer),
            reason => answer.starts_with("HTTP/1.1 502 ") && answer.contains(reason),
        };
        if !right {
            faults.push(format!("{what}: {outcome} expected, and {answer:?} came"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The h2 crate forgets pseudo-header fields that have no place where they stand, and gives no sign of it. What it has
/// forgotten goes no further.
#[tokio::test]
async fn pseudo_fields_out_of_place_are_left_out_by_h2_and_heard_by_nobody() {
    let stage = stage().await;
    for said in [
        head(END_STREAM, &fields(&[(":path", "/odd")])),
        [head(0, &fields(&[])), frame(DATA, 0, 1, b"hi"), head(END_STREAM, &[(":status", "500")])].concat(),
    ] {
        let mut visitor = stage.visit().await;
        visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n")).await;
        let mut origin = greeted(&stage).await;
        while origin.next().await.expect("frames").0 != HEADERS {}
        origin.send(&said).await;
        origin.end().await;
        let answer = String::from_utf8_lossy(&visitor.rest().await).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200 ") && !is_cut(&answer), "{answer}");
        assert!(!answer.contains("odd") && !answer.contains("500"), "{answer}");
    }
}

/// Whether an answer lacks its end.
fn is_cut(answer: &str) -> bool {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    match length {
        Some(length) => body.len() < length,
        None => !body.ends_with("0\r\n\r\n"),
    }
}

#[tokio::test]
async fn nothing_is_asked_of_who_does_not_greet_in_http_2() {
    let stage = stage().await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/")).await;
    let mut origin = stage.origin.accept().await;
    origin.bytes(24).await;
    origin.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    let (status, text) = answer(&mut visitor).await;
    assert!(status == 502 && text.contains("origin-malformed"), "{status} {text}");
    // SETTINGS and a WINDOW_UPDATE greet; whatever ends the connection follows. No HEADERS.
    let sent = origin.rest().await;
    assert!(!String::from_utf8_lossy(&sent).contains(HOST), "{sent:?}");
}

#[tokio::test]
async fn the_answer_to_a_request_that_is_still_coming_ends_it() {
    let stage = stage().await;
    let mut sender = tls::h2(&stage).await;
    let request =
        Request::builder().method("POST").uri(format!("https://{HOST}/")).body(()).expect("a request");
    let (response, mut up) = sender.send_request(request, false).expect("sent");
    up.send_data(Bytes::from_static(b"one"), false).expect("sent");
    let mut origin = Http2Origin::accept(&stage).await;
    let mut asked = origin.asked().await;
    let mut down = asked.respond.send_response(page(), false).expect("sent");
    down.send_data(Bytes::from_static(b"hi"), true).expect("sent");
    let (head, body, _) = tls::read(response.await.expect("an answer")).await;
    assert_eq!((head.status().as_u16(), body.as_slice()), (200, b"hi".as_slice()));
    // The rest of the request is not waited for, and never taken for a whole.
    assert_eq!(asked.piece().await, "one");
    let rest = crate::quic::patient(asked.content.data()).await;
    assert!(rest.is_none_or(|rest| rest.is_err()), "the stream was reset");
}

#[tokio::test]
async fn a_check_speaks_http_2_where_the_origin_does() {
    let probe = Probe::Http { path: "/up".into(), host: None, status_min: 200, status_max: 299 };
    let health = HealthCheck { interval_ms: 1000, fall: 1, ..HealthCheck::with(probe) };
    let stage = stage_with(|site| site.origin_policy.health = Some(health)).await;
    let mut origin = Http2Origin::accept(&stage).await;
    let asked = origin.asked().await;
    assert_eq!(
        (asked.path(), asked.head.headers()["user-agent"].as_bytes()),
        ("/up", b"wardmote-health".as_slice())
    );
    asked.say(Response::builder().status(503).body(()).expect("a head"), "");
    assert!(origin.ends().await, "a check has a connection of its own");
    crate::quic::patient(async {
        while stage.edge.figures().origins[0].up {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_websocket_goes_to_the_origin_by_http_1() {
    let stage = stage().await;
    let mut visitor = stage.visit().await;
    visitor
        .send(format!(
            "GET /chat HTTP/1.1\r\nHost: {HOST}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ))
        .await;
    let mut origin = stage.origin.accept().await;
    assert_eq!(origin.head().await.line(), "GET /chat HTTP/1.1");
    origin
        .send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhi",
        )
        .await;
    assert_eq!(visitor.head().await.status(), 101);
    visitor.text("hi").await;
}

#[tokio::test]
async fn what_one_origin_has_broken_off_goes_on_to_the_next() {
    let second = Origin::listen().await;
    let port = second.address().port();
    let stage = stage_with(|site| {
        let mut other = site.origins[0].clone();
        other.port = port;
        site.origins.push(other);
    })
    .await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/")).await;
    let mut origin = Http2Origin::accept(&stage).await;
    origin.asked().await.respond.send_reset(h2::Reason::INTERNAL_ERROR);
    let mut other = Http2Origin::over(second.accept_stream().await, &Builder::new()).await;
    other.asked().await.say(page(), "hi");
    assert_eq!(answer(&mut visitor).await, (200, "hi".to_owned()));
}

#[tokio::test]
async fn a_plain_origin_that_sets_nothing_is_spoken_to_in_http_1() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/")).await;
    let mut origin: Peer = stage.origin.accept().await;
    assert_eq!(origin.head().await.line(), "GET / HTTP/1.1");
}

/// What an origin may send ahead for an exchange, in bytes.
fn window(asked: &mut Asked) -> usize {
    let mut stream = asked.respond.send_response(Response::new(()), false).expect("sent");
    stream.reserve_capacity(1 << 20);
    stream.capacity()
}

/// Exchanges of one site that hold windows, from the visitors to the origin.
#[derive(Default)]
struct Held {
    visitors: Vec<SendRequest<Bytes>>,
    origins: Vec<Http2Origin>,
    asked: Vec<(Asked, ResponseFuture)>,
}

/// Wide windows that a site gets where no other holds any, and narrow ones.
const WIDE: usize = 256;
const NARROW: usize = 4_096;

impl Held {
    /// Sends one more.
    async fn send(&mut self, stage: &Stage) -> ResponseFuture {
        let place = self.asked.len();
        if place.is_multiple_of(100) {
            self.visitors.push(tls::h2(stage).await);
        }
        let request = Request::builder().method("POST").uri(format!("https://{HOST}/{place}"));
        let visitor = self.visitors.last_mut().expect("a visitor");
        visitor.send_request(request.body(()).expect("a request"), true).expect("sent").0
    }

    /// Has so many more reach the origin.
    async fn take(&mut self, stage: &Stage, count: usize) {
        for _ in 0..count {
            let (place, response) = (self.asked.len(), self.send(stage).await);
            // Each connection takes 100, all of one width.
            if place.checked_sub(WIDE).unwrap_or(place).is_multiple_of(100) {
                self.origins.push(Http2Origin::accept(stage).await);
            }
            let asked = self.origins.last_mut().expect("an origin").asked().await;
            self.asked.push((asked, response));
        }
    }
}

/// Answers that nobody takes may lie in windows of 256 KiB; beyond a site's share of these, each has less.
#[tokio::test]
async fn windows_are_narrow_beyond_a_sites_share_of_the_wide_ones_and_wide_again_when_those_are_free() {
    let (stage, mut held) = (stage().await, Held::default());
    held.take(&stage, WIDE + 1).await;
    let windows = [0, WIDE - 1, WIDE].map(|place| window(&mut held.asked[place].0));
    assert_eq!(windows, [256 * 1024, 256 * 1024, 16 * 1024]);
    // The wide connections are cut; the narrow one stays busy.
    held.origins.drain(..3);
    for (_, response) in held.asked.drain(..WIDE) {
        assert_eq!(response.await.expect("a page").status(), 502);
    }
    let mut visitor = stage.visit().await;
    visitor.send(post("/next")).await;
    let mut wide = Http2Origin::accept(&stage).await;
    assert_eq!(window(&mut wide.asked().await), 256 * 1024);
}

#[tokio::test]
async fn a_site_that_holds_all_the_windows_it_can_get_is_refused_and_no_other() {
    let (mut stage, mut held) = (stage().await, Held::default());
    stage.sites[1].origins[0].protocol = OriginProtocol::Http2;
    stage.publish().await;
    held.take(&stage, WIDE + NARROW).await;
    let refused = held.send(&stage).await.await.expect("an answer");
    assert_eq!(refused.status(), 503);
    assert!(String::from_utf8_lossy(&tls::read(refused).await.1).contains("origin-busy"));
    assert!(!stage.origin.is_called().await, "it is known before anybody connects");
    let mut visitor = stage.visit().await;
    visitor.send(get("/").replace(HOST, "b.test")).await;
    let mut origin = Http2Origin::accept(&stage).await;
    let mut asked = origin.asked().await;
    assert_eq!(window(&mut asked), 256 * 1024, "of the other's room nothing is gone");
    assert_eq!(visitor.head().await.status(), 200);
}
