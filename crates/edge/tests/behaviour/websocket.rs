//! WebSocket from streams of HTTP/2 and HTTP/3 to an origin that speaks HTTP/1.1, and calls with trailers.

use crate::quic::{Answer, DATA, Exact, HEADERS, frame, patient, section};
use crate::support::{HOST, Stage};
use crate::tls;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use h2::ext::Protocol;
use http::{Method, Request};
use sha1::{Digest, Sha1};
use std::time::Duration;
use testkit::Head;

fn connect() -> Request<()> {
    let request = Request::builder().method(Method::CONNECT).uri(format!("https://{HOST}/chat?room=1"));
    let request = request.header("sec-websocket-version", "13").header("sec-websocket-protocol", "talk");
    request.extension(Protocol::from_static("websocket")).body(()).expect("a request")
}

/// RFC 6455 §4.2.2.
fn accepted(asked: &Head, proof: Option<&str>) -> String {
    let key = asked.field("sec-websocket-key");
    assert_eq!(STANDARD.decode(key).map(|nonce| nonce.len()), Ok(16), "{key}");
    let right = STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
    let proof = proof.unwrap_or(&right);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {proof}\r\nSec-WebSocket-Protocol: talk\r\n\r\n"
    )
}

fn is_asked_for_websocket(asked: &Head) {
    assert_eq!(asked.line(), "GET /chat?room=1 HTTP/1.1");
    for (name, value) in [
        ("host", HOST),
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "talk"),
        ("content-length", ""),
        ("transfer-encoding", ""),
    ] {
        assert_eq!(asked.field(name), value, "{name}");
    }
}

#[tokio::test]
async fn a_stream_of_http_2_becomes_a_websocket_and_is_cut_by_a_measure() {
    let mut stage = Stage::set().await;
    let mut sender = tls::h2(&stage).await;
    while !sender.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
    }
    let (answer, mut up) = sender.send_request(connect(), false).expect("sent");
    let mut origin = stage.origin.accept().await;
    let asked = origin.head().await;
    is_asked_for_websocket(&asked);
    origin.send([accepted(&asked, None), "hello".to_owned()].concat()).await;
    let (head, mut down) = patient(answer).await.expect("an answer").into_parts();
    assert_eq!(
        (head.status.as_u16(), head.headers["sec-websocket-protocol"].as_bytes()),
        (200, &b"talk"[..])
    );
    for name in ["upgrade", "connection", "sec-websocket-accept", "content-length"] {
        assert!(!head.headers.contains_key(name), "{name}");
    }
    assert_eq!(patient(down.data()).await.expect("a piece").expect("content"), "hello");
    for n in 0..3 {
        up.send_data(Bytes::from(format!("up {n}")), false).expect("sent");
        origin.text(&format!("up {n}")).await;
        origin.send(format!("down {n}")).await;
        assert_eq!(patient(down.data()).await.expect("a piece").expect("content"), format!("down {n}"));
    }
    stage.block(0, Duration::from_secs(60)).await;
    assert!(patient(down.data()).await.expect("a reset").is_err());
    origin.closed().await;
    // And no other is opened.
    let (answer, _up) = sender.send_request(connect(), false).expect("sent");
    assert_eq!(patient(answer).await.expect("an answer").status().as_u16(), 403);
}

#[tokio::test]
async fn only_a_switch_with_its_proof_opens_a_websocket() {
    let stage = Stage::set().await;
    let mut sender = tls::h2(&stage).await;
    while !sender.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
    }
    let plain = |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nno");
    for (answered, status) in [
        (None, 502),
        (Some(plain("200 OK")), 502),
        (Some(plain("403 Forbidden")), 403),
        (Some(plain("302 Found")), 302),
    ] {
        let (answer, _up) = sender.send_request(connect(), false).expect("sent");
        let mut origin = stage.origin.accept().await;
        let asked = origin.head().await;
        let answered = answered.unwrap_or_else(|| accepted(&asked, Some("AAAAAAAAAAAAAAAAAAAAAAAAAAA=")));
        origin.send(answered).await;
        assert_eq!(patient(answer).await.expect("an answer").status().as_u16(), status);
        drop(origin);
    }
    // Another protocol on a stream is none that is spoken.
    let mut other = connect();
    other.extensions_mut().insert(Protocol::from_static("connect-udp"));
    let (answer, _up) = sender.send_request(other, false).expect("sent");
    assert_eq!(patient(answer).await.expect("an answer").status().as_u16(), 501);
}

#[tokio::test]
async fn a_stream_of_http_3_becomes_a_websocket() {
    let stage = Stage::set().await;
    let visitor = Exact::greet(&stage).await;
    let head = section(&[
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":authority", HOST),
        (":path", "/chat?room=1"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "talk"),
    ]);
    let (mut up, mut down) = visitor.connection.open_bi().await.expect("a stream");
    up.write_all(&frame(HEADERS, &head)).await.expect("sent");
    let mut origin = stage.origin.accept().await;
    let asked = origin.head().await;
    is_asked_for_websocket(&asked);
    origin.send(accepted(&asked, None)).await;
    up.write_all(&frame(DATA, b"up")).await.expect("sent");
    origin.text("up").await;
    origin.send("down").await;
    let mut told = Vec::new();
    while !told.ends_with(&frame(DATA, b"down")) {
        told.extend_from_slice(
            &patient(down.read_chunk(4096, true)).await.expect("open").expect("more").bytes,
        );
    }
    let head = [0, 0, 0xc0 + 25];
    assert!(told.windows(3).any(|window| window == head), "200 (RFC 9220 §3): {told:?}");
    origin.end().await;
    assert_eq!(visitor.answer(down).await, Answer::Nothing);
}

/// A call as gRPC makes it: the status comes in a trailer, and its absence is an error to the caller.
#[tokio::test]
async fn a_call_keeps_its_trailers_in_both_directions() {
    let stage = Stage::set().await;
    let mut sender = tls::h2(&stage).await;
    let call = Request::post(format!("https://{HOST}/greeter/hello"));
    let call =
        call.header("content-type", "application/grpc").header("te", "trailers").body(()).expect("a call");
    let (answer, mut up) = sender.send_request(call, false).expect("sent");
    up.send_data(Bytes::from_static(b"\0\0\0\0\x01a"), false).expect("sent");
    let mut origin = stage.origin.accept().await;
    let asked = origin.head().await;
    for (name, value) in
        [("te", "trailers"), ("content-type", "application/grpc"), ("transfer-encoding", "chunked")]
    {
        assert_eq!(asked.field(name), value, "{name}");
    }
    origin.text("6\r\n\0\0\0\0\x01a\r\n").await;
    // The server speaks before the caller has ended.
    origin
        .send("HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    let (head, mut down) = patient(answer).await.expect("an answer").into_parts();
    assert_eq!(head.headers["content-type"], "application/grpc");
    origin.send("6\r\n\0\0\0\0\x01b\r\n").await;
    assert_eq!(patient(down.data()).await.expect("a piece").expect("content"), &b"\0\0\0\0\x01b"[..]);
    up.send_data(Bytes::new(), true).expect("sent");
    origin.text("0\r\n\r\n").await;
    origin.send("0\r\nGrpc-Status: 0\r\nGrpc-Message: fine\r\n\r\n").await;
    assert!(patient(down.data()).await.is_none());
    let trailers = patient(down.trailers()).await.expect("trailers").expect("some");
    assert_eq!(
        (&trailers["grpc-status"], &trailers["grpc-message"]),
        (&"0".parse().expect("a value"), &"fine".parse().expect("a value"))
    );
}
