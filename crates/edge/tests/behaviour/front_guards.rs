//! Guards of the front door that stand before or behind another: each seen by itself.

use crate::frames::{
    Answer, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, RST_STREAM, WHOLE, block, frame, get, pseudo,
};
use crate::quic::{self, Exact};
use crate::support::Stage;
use bytes::Bytes;
use http::HeaderValue;
use std::time::Duration;
use tokio::time::sleep;

const ENHANCE_YOUR_CALM: u32 = 0xb;
const CLOSED_CRITICAL_STREAM: u64 = 0x104;
const REQUEST_REJECTED: u64 = 0x10b;

/// A request over HTTP/3 that is answered without an origin.
fn misdirected() -> Vec<u8> {
    let fields = [(":method", "GET"), (":scheme", "https"), (":authority", "c.test"), (":path", "/")];
    quic::frame(quic::HEADERS, &quic::section(&fields))
}

/// RFC 9113 §6.5.2: what is held of a head is bounded, fields that were said before included.
#[tokio::test]
async fn a_head_of_http_2_has_the_bound_of_every_other_head() {
    let stage = Stage::set().await;
    let mut visitor = Frames::greet(&stage).await;
    // One field of 450 bytes, kept in the table and said 95 times (RFC 7541 §6.2.1, §6.1): 42 KiB of a head in a few
    // bytes, and within the count of fields.
    let kept = [&[0x40, 1, b'x', 127, 0xc3, 2][..], &[b'y'; 450]].concat();
    let head = [block(&pseudo("GET", "/")), kept, vec![0xbe; 94]].concat();
    visitor.send(&frame(HEADERS, WHOLE, 1, &head)).await;
    assert_eq!(visitor.answer().await, Answer::Status(431));
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn whoever_has_its_streams_reset_over_and_over_is_sent_away() {
    let stage = Stage::set().await;
    let mut visitor = Frames::greet(&stage).await;
    // Malformed, so that the stream alone is at fault (RFC 9113 §8.1.1).
    let malformed = |stream| {
        frame(HEADERS, WHOLE, stream, &block(&[&pseudo("GET", "/")[..], &[("connection", "close")]].concat()))
    };
    let mut resets = 0;
    let end = loop {
        visitor.send(&malformed(2 * resets + 1)).await;
        match visitor.answer().await {
            Answer::Stream(_) => resets += 1,
            other => break other,
        }
        assert!(resets < 200, "nobody stops it");
    };
    assert_eq!((end, resets), (Answer::Connection(ENHANCE_YOUR_CALM), 64));
}

/// RFC 9113 §5.4.2: who has given a request up waits for nothing, and the origin has no work with it.
#[tokio::test]
async fn a_request_that_is_reset_in_the_same_breath_reaches_no_origin() {
    let stage = Stage::set().await;
    let mut visitor = Frames::greet(&stage).await;
    let elsewhere = [(":method", "GET"), (":scheme", "https"), (":authority", "c.test"), (":path", "/")];
    let cancel = 8_u32.to_be_bytes();
    let both = [get(1, WHOLE, &[]), frame(RST_STREAM, 0, 1, &cancel)].concat();
    visitor.send(&[both, frame(HEADERS, WHOLE, 3, &block(&elsewhere))].concat()).await;
    // Answered by the edge alone, after the first was looked at.
    assert_eq!(visitor.answer().await, Answer::Status(421));
    assert!(!stage.origin.is_called().await);
}

/// RFC 9113 §8.1.1: what is found out too late has gone to the origin as another request.
#[tokio::test]
async fn content_that_was_said_to_be_none_is_waited_for_before_the_origin_is_asked() {
    let stage = Stage::set().await;
    let mut visitor = Frames::greet(&stage).await;
    let fields = [&pseudo("POST", "/")[..], &[("content-length", "0")]].concat();
    visitor.send(&frame(HEADERS, END_HEADERS, 1, &block(&fields))).await;
    assert_eq!(visitor.goes_on().await, Answer::GoesOn);
    assert!(!stage.origin.is_called().await, "its end has not come");
    visitor.send(&frame(DATA, END_STREAM, 1, b"x")).await;
    assert!(matches!(visitor.answer().await, Answer::Stream(_) | Answer::Status(400)));
    assert!(!stage.origin.is_called().await);
}

/// RFC 9114 §4.1.2, told by the page: what stands behind these guards says something else.
#[tokio::test]
async fn content_of_http_3_is_as_long_as_was_announced() {
    // What is too long already is not waited for any further.
    for (content, ends) in [(&b"longer"[..], false), (b"four", true)] {
        let stage = Stage::set().await;
        let (mut sender, _connection) = quic::visit(&stage).await;
        let mut request = quic::request("POST", "/");
        request.headers_mut().insert("content-length", HeaderValue::from(5));
        let mut stream = sender.send_request(request).await.expect("sent");
        stream.send_data(Bytes::from_static(content)).await.expect("sent");
        if ends {
            stream.finish().await.expect("sent");
        }
        let (head, page, _) = quic::patient(quic::read(&mut stream)).await;
        let page = String::from_utf8_lossy(&page);
        assert!(head.status() == 400 && page.contains("length-malformed"), "{} {page}", head.status());
    }
}

/// RFC 9114 §5.2: what was not looked at is told apart, so that it may be asked elsewhere.
#[tokio::test]
async fn what_is_asked_behind_a_goaway_of_http_3_is_rejected() {
    let stage = Stage::set().await;
    let visitor = Exact::greet(&stage).await;
    // Under way, so that the connection stays.
    let (mut busy, _answer) = visitor.connection.open_bi().await.expect("a stream");
    busy.write_all(&quic::usual("/slow")).await.expect("sent");
    busy.finish().expect("open");
    let _origin = quic::patient(stage.origin.accept()).await;
    stage.stop();
    let refused = async {
        loop {
            match visitor.ask(&misdirected()).await {
                quic::Answer::Status(421) => sleep(Duration::from_millis(20)).await,
                other => return other,
            }
        }
    };
    assert_eq!(quic::patient(refused).await, quic::Answer::Stream(REQUEST_REJECTED));
}

/// RFC 9114 §6.2.1.
#[tokio::test]
async fn a_control_stream_of_http_3_that_is_reset_ends_its_connection() {
    let stage = Stage::set().await;
    let mut visitor = Exact::greet(&stage).await;
    // It was read.
    assert_eq!(visitor.ask(&misdirected()).await, quic::Answer::Status(421));
    visitor.control.reset(0x10c_u32.into()).expect("open");
    assert_eq!(visitor.closed().await, CLOSED_CRITICAL_STREAM);
}
