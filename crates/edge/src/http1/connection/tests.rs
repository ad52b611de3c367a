//! Deadlines, with time that passes only when everyone waits.

use super::*;
use crate::http1::transport::Writable;
use crate::ports::{Fields, Head, OwnFields, Piece};
use crate::ray::Rays;
use crate::request::Length;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use testkit::Peer;
use tokio::io::{AsyncRead, DuplexStream, ReadBuf, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;
use vocabulary::SeededRandom;

/// Answers with the length of the content it read, or with `size` bytes to a GET.
struct Measuring {
    size: usize,
    winding_down: AtomicBool,
}

impl Measuring {
    fn of(size: usize) -> Self {
        Self { size, winding_down: false.into() }
    }
}

impl Service for Measuring {
    async fn serve<C: Content, A: Answer>(&self, request: &Request, content: &mut C, answer: &mut A) {
        let mut length = 0;
        let outcome = loop {
            match content.next().await {
                Ok(Piece::Content(bytes)) => length += bytes.len(),
                Ok(Piece::End(_)) => break Ok(()),
                Err(reason) => break Err(reason),
            }
        };
        let (status, body) = match outcome {
            Ok(()) if request.method == Method::GET => (200, vec![b'x'; self.size]),
            Ok(()) => (200, length.to_string().into_bytes()),
            Err(reason) => (reason.status(), reason.name().into()),
        };
        reply(status, body, answer).await;
    }

    async fn refuse<A: Answer>(&self, reason: Reason, answer: &mut A) {
        reply(reason.status(), reason.name().into(), answer).await;
    }

    fn winding_down(&self) -> &AtomicBool {
        &self.winding_down
    }
}

async fn reply<A: Answer>(status: u16, body: Vec<u8>, answer: &mut A) {
    let ray = Rays::new(&SeededRandom::new(1)).next();
    let own = OwnFields { ray, cache: None, age: None, hsts: None };
    let status = StatusCode::from_u16(status).expect("a status");
    let length = Length::Known(body.len() as u64);
    let head = Head { status, fields: Fields::Map(&HeaderMap::new()), length, own, close: false };
    // A visitor that left is what some of these tests are about.
    let _ = answer.head(head).await;
    if answer.data(Bytes::from(body)).await.is_ok() {
        let _ = answer.finish(None).await;
    }
}

pub(crate) struct Read(ReadHalf<DuplexStream>);

impl AsyncRead for Read {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl Readable for Read {
    fn poll_readable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Writable for WriteHalf<DuplexStream> {
    fn reset_on_close(&mut self) {}
}

impl Transport for DuplexStream {
    type Read = Read;
    type Write = WriteHalf<DuplexStream>;

    fn split(self) -> (Self::Read, Self::Write) {
        let (read, write) = tokio::io::split(self);
        (Read(read), write)
    }
}

/// A visitor's end, and the connection at the other.
fn visit(size: usize) -> (Peer, JoinHandle<()>) {
    let (ours, theirs) = tokio::io::duplex(16 * 1024);
    let serving = tokio::spawn(async move {
        serve(theirs, Scheme::Http, &Measuring::of(size), &ScratchPool::default()).await;
    });
    (Peer::over(ours), serving)
}

async fn seconds(count: u64) {
    tokio::time::sleep(Duration::from_secs(count)).await;
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_not_whole_in_ten_seconds_is_refused() {
    let (mut visitor, serving) = visit(1);
    seconds(60).await;
    let started = Instant::now();
    for byte in "GET / HTTP/1.1\r\nHost: a.te".bytes() {
        if !visitor.try_send([byte]).await {
            break;
        }
        seconds(1).await;
    }
    let answer = visitor.head().await;
    assert_eq!((answer.status(), answer.field("connection")), (408, "close"));
    visitor.text("head-slow").await;
    visitor.end().await;
    serving.await.expect("the connection ends");
    assert!(started.elapsed() < Duration::from_secs(28));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_and_each_exchange_gives_it_new_time() {
    let (mut visitor, serving) = visit(1);
    let started = Instant::now();
    for _ in 0..3 {
        seconds(70).await;
        visitor.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(visitor.head().await.status(), 200);
        visitor.text("x").await;
    }
    serving.await.expect("the connection ends");
    visitor.closed().await;
    let open = started.elapsed().as_secs();
    assert!((284..=286).contains(&open), "{open}");
}

#[tokio::test(start_paused = true)]
async fn content_that_trickles_is_refused_and_content_that_keeps_the_rate_is_not() {
    let (mut visitor, _) = visit(1);
    visitor.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n").await;
    for _ in 0..7 {
        visitor.try_send("x").await;
        seconds(1).await;
    }
    assert_eq!(visitor.head().await.status(), 408);
    visitor.text("body-slow").await;
    let (mut visitor, _) = visit(1);
    visitor.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 24000\r\n\r\n").await;
    for _ in 0..80 {
        visitor.send([b'x'; 300]).await;
        seconds(1).await;
    }
    assert_eq!(visitor.head().await.status(), 200);
    visitor.text("24000").await;
}

#[tokio::test(start_paused = true)]
async fn a_visitor_that_does_not_read_is_left() {
    let (mut visitor, serving) = visit(1 << 20);
    visitor.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let started = Instant::now();
    serving.await.expect("the connection ends");
    assert!(started.elapsed() <= Duration::from_secs(30), "{:?}", started.elapsed());
    assert!(visitor.rest().await.len() < 1 << 20);
}

#[tokio::test(start_paused = true)]
async fn where_the_process_winds_down_an_idle_connection_has_one_more_answer() {
    let (ours, theirs) = tokio::io::duplex(1024);
    let service = Arc::new(Measuring::of(1));
    let serving = tokio::spawn({
        let service = Arc::clone(&service);
        async move { serve(theirs, Scheme::Http, &*service, &ScratchPool::default()).await }
    });
    let mut visitor = Peer::over(ours);
    for close in ["", "close"] {
        visitor.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(visitor.head().await.all("connection").concat(), close);
        visitor.text("x").await;
        service.winding_down.store(true, Ordering::Relaxed);
        seconds(30).await;
    }
    visitor.closed().await;
    serving.await.expect("the connection ends");
}
