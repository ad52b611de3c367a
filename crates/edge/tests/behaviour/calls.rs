//! Calls (gRPC over HTTP/2) from end to end: every kind, their ends, their deadlines.

use crate::http2_origin::{Asked, Http2Origin, stage};
use crate::quic::patient;
use crate::support::{HOST, Stage};
use crate::tls;
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use std::future::poll_fn;
use tokio::time::Instant;

/// One message as gRPC delimits it: no compression, a length of four bytes.
fn message(text: &str) -> Bytes {
    let length = u32::try_from(text.len()).expect("short").to_be_bytes();
    [&[0], &length[..], text.as_bytes()].concat().into()
}

fn status(code: u16) -> HeaderMap {
    HeaderMap::from_iter([("grpc-status".parse().expect("a name"), HeaderValue::from(code))])
}

fn call(sender: &mut SendRequest<Bytes>, timeout: &str) -> (ResponseFuture, SendStream<Bytes>) {
    let request = Request::builder()
        .method("POST")
        .uri(format!("https://{HOST}/shop.Orders/Place"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", timeout);
    sender.send_request(request.body(()).expect("a request"), false).expect("sent")
}

fn accept(asked: &mut Asked) -> SendStream<Bytes> {
    let head = Response::builder().header("content-type", "application/grpc").body(()).expect("a head");
    asked.respond.send_response(head, false).expect("sent")
}

async fn next(body: &mut RecvStream) -> Bytes {
    let piece = patient(body.data()).await.expect("content").expect("content");
    body.flow_control().release_capacity(piece.len()).expect("capacity");
    piece
}

async fn end(body: &mut RecvStream) -> HeaderMap {
    assert!(patient(body.data()).await.is_none());
    body.trailers().await.expect("read").expect("trailers")
}

/// A call that has reached the origin, at both its ends.
struct Calling {
    response: ResponseFuture,
    up: SendStream<Bytes>,
    asked: Asked,
    /// When it was made.
    begun: Instant,
    /// What it runs over; the connections are closed with it.
    _over: (Stage, SendRequest<Bytes>, Http2Origin),
}

/// Calls with a time limit; with a message, that is all the caller says.
async fn calling(timeout: &str, only: Option<Bytes>) -> Calling {
    let stage = stage().await;
    let mut sender = tls::h2(&stage).await;
    let begun = Instant::now();
    let (response, mut up) = call(&mut sender, timeout);
    if let Some(message) = only {
        up.send_data(message, true).expect("sent");
    }
    let mut origin = Http2Origin::accept(&stage).await;
    let asked = origin.asked().await;
    Calling { response, up, asked, begun, _over: (stage, sender, origin) }
}

#[tokio::test]
async fn a_call_of_one_message_is_answered_by_one_and_its_status() {
    let Calling { response, mut asked, _over, .. } = calling("5S", Some(message("order"))).await;
    for (name, value) in [("te", "trailers"), ("content-type", "application/grpc"), ("grpc-timeout", "5S")] {
        assert_eq!(asked.head.headers()[name], value);
    }
    assert_eq!(asked.piece().await, message("order"));
    let mut down = accept(&mut asked);
    down.send_data(message("done"), false).expect("sent");
    down.send_trailers(status(0)).expect("sent");
    let mut body = response.await.expect("an answer").into_body();
    assert_eq!(next(&mut body).await, message("done"));
    assert_eq!(end(&mut body).await["grpc-status"], "0");
}

#[tokio::test]
async fn messages_go_in_both_directions_as_they_come() {
    let Calling { response, mut up, mut asked, _over, .. } = calling("1M", None).await;
    // The origin may speak first.
    let mut down = accept(&mut asked);
    down.send_data(message("hello"), false).expect("sent");
    let mut body = response.await.expect("an answer").into_body();
    assert_eq!(next(&mut body).await, message("hello"));
    for round in 0..5 {
        up.send_data(message(&format!("up {round}")), false).expect("sent");
        assert_eq!(asked.piece().await, message(&format!("up {round}")));
        down.send_data(message(&format!("down {round}")), false).expect("sent");
        assert_eq!(next(&mut body).await, message(&format!("down {round}")));
    }
    // One side ends and the other goes on.
    up.send_data(Bytes::new(), true).expect("sent");
    // The end may come in a frame of its own.
    while let Some(piece) = patient(asked.content.data()).await {
        assert!(piece.expect("no reset").is_empty());
    }
    down.send_data(message("last"), false).expect("sent");
    assert_eq!(next(&mut body).await, message("last"));
    down.send_trailers(status(0)).expect("sent");
    assert_eq!(end(&mut body).await["grpc-status"], "0");
}

#[tokio::test]
async fn many_messages_one_way_are_answered_by_one() {
    let Calling { response, mut up, mut asked, _over, .. } = calling("1M", None).await;
    let large = message(&"x".repeat(10_000));
    let mut expected = Vec::new();
    let sending = async {
        for round in 0..50 {
            up.reserve_capacity(large.len());
            while up.capacity() < large.len() {
                patient(poll_fn(|cx| up.poll_capacity(cx))).await.expect("open").expect("open");
            }
            up.send_data(large.clone(), round == 49).expect("sent");
        }
    };
    let taking = async {
        let mut taken = 0;
        while taken < 50 * large.len() {
            taken += asked.piece().await.len();
        }
        let mut down = accept(&mut asked);
        down.send_data(message("50"), false).expect("sent");
        down.send_trailers(status(0)).expect("sent");
    };
    tokio::join!(sending, taking);
    let mut body = response.await.expect("an answer").into_body();
    expected.extend(next(&mut body).await);
    assert_eq!(expected, message("50"));
    assert_eq!(end(&mut body).await["grpc-status"], "0");
}

/// "Trailers-Only": the head is the end, and nothing may stand between.
#[tokio::test]
async fn a_call_that_fails_at_once_ends_with_its_head() {
    let Calling { response, mut asked, _over, .. } = calling("5S", Some(message("order"))).await;
    let head = Response::builder()
        .header("content-type", "application/grpc")
        .header("grpc-status", "5")
        .header("grpc-message", "no such order");
    asked.respond.send_response(head.body(()).expect("a head"), true).expect("sent");
    let (head, body) = response.await.expect("an answer").into_parts();
    assert!(body.is_end_stream(), "the head is all there is");
    assert_eq!((head.status.as_u16(), head.headers["grpc-status"].as_bytes()), (200, b"5".as_slice()));
    assert!(!head.headers.contains_key("content-length"));
}

#[tokio::test]
async fn a_caller_that_gives_up_has_the_origins_stream_reset() {
    let Calling { response, mut up, mut asked, _over, .. } = calling("1M", None).await;
    let mut down = accept(&mut asked);
    down.send_data(message("one"), false).expect("sent");
    let mut body = response.await.expect("an answer").into_body();
    next(&mut body).await;
    up.send_reset(h2::Reason::CANCEL);
    let reset = patient(poll_fn(|cx| down.poll_reset(cx))).await.expect("a reset");
    assert_eq!(reset, h2::Reason::CANCEL);
}

#[tokio::test]
async fn a_call_ends_with_its_deadline_even_where_nobody_keeps_it() {
    let Calling { response, mut asked, begun, _over, .. } = calling("200m", Some(message("order"))).await;
    let reset = patient(poll_fn(|cx| asked.respond.poll_reset(cx))).await.expect("a reset");
    assert_eq!(reset, h2::Reason::CANCEL);
    assert_eq!(patient(response).await.expect("an answer").status(), 504);
    assert!(begun.elapsed().as_millis() >= 200);
}

#[tokio::test]
async fn an_origin_that_breaks_a_call_off_leaves_no_status_behind() {
    let Calling { response, up: _up, mut asked, _over, .. } = calling("1M", None).await;
    let mut down = accept(&mut asked);
    down.send_data(message("one"), false).expect("sent");
    let mut body = response.await.expect("an answer").into_body();
    next(&mut body).await;
    down.send_reset(h2::Reason::INTERNAL_ERROR);
    let failure = patient(body.data()).await.expect("no end").expect_err("a reset");
    assert_eq!(failure.reason(), Some(h2::Reason::INTERNAL_ERROR));
}
