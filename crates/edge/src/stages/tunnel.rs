//! Fetched → Tunnelled: after 101 both sides speak another protocol through the same two ports.

use crate::origin::{Lease, OriginStream};
use crate::ports::{Answer, Content, Fields, Head, OwnFields, Piece};
use crate::reasons::Reason;
use crate::request::Length;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

/// A tunnel in which neither side says anything ends after this time.
pub(crate) const TUNNEL_IDLE_TIME_MAX: Duration = Duration::from_secs(600);
/// What is read from an origin at once.
const PIECE_BYTES: usize = 16 * 1024;

/// Passes the switch of protocols on and then bytes both ways, until the origin has ended.
pub(crate) async fn run<C: Content, A: Answer>(
    mut fields: HeaderMap,
    mut lease: Lease,
    own: OwnFields,
    content: &mut C,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let connection = lease.take().ok_or(Reason::Internal)?;
    content.become_tunnel().await?;
    let (stream, early) = connection.into_stream();
    fields.remove(header::CONTENT_LENGTH);
    fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let (status, length) = (StatusCode::SWITCHING_PROTOCOLS, Length::None);
    answer.head(Head { status, fields: Fields::Map(&fields), length, own, close: true }).await?;
    answer.data(early).await?;
    answer.flush().await?;
    let moved = AtomicU64::new(0);
    let (read, write) = tokio::io::split(stream);
    let mut up = pin!(up(content, write, &moved));
    let mut down = pin!(down(read, answer, &moved));
    let mut silence = pin!(silence(&moved));
    let mut up_ended = false;
    poll_fn(|cx| {
        if !up_ended && let Poll::Ready(ended) = up.as_mut().poll(cx) {
            ended?;
            up_ended = true;
        }
        // The origin's end is the tunnel's: a visitor that has closed its side may still be answered, an
        // origin that has closed has nothing more to say.
        match down.as_mut().poll(cx) {
            Poll::Ready(ended) => Poll::Ready(ended),
            Poll::Pending => silence.as_mut().poll(cx).map(Ok),
        }
    })
    .await?;
    Ok(Reason::Tunnelled)
}

async fn up<C: Content>(
    content: &mut C,
    mut write: WriteHalf<OriginStream>,
    moved: &AtomicU64,
) -> Result<(), Reason> {
    while let Piece::Content(bytes) = content.next().await.map_err(|_| Reason::VisitorGone)? {
        moved.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        write.write_all(&bytes).await.map_err(|_| Reason::OriginCut)?;
        write.flush().await.map_err(|_| Reason::OriginCut)?;
    }
    // The origin may have closed already.
    let _ = write.shutdown().await;
    Ok(())
}

async fn down<A: Answer>(
    mut read: ReadHalf<OriginStream>,
    answer: &mut A,
    moved: &AtomicU64,
) -> Result<(), Reason> {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(PIECE_BYTES);
        if read.read_buf(&mut buffer).await.map_err(|_| Reason::OriginCut)? == 0 {
            return answer.finish(None).await;
        }
        moved.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        let piece: Bytes = buffer.split().freeze();
        answer.data(piece).await?;
        answer.flush().await?;
    }
}

/// Ends when nothing has moved for a while.
async fn silence(moved: &AtomicU64) {
    let mut before = moved.load(Ordering::Relaxed);
    loop {
        tokio::time::sleep(TUNNEL_IDLE_TIME_MAX).await;
        let now = moved.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
    }
}
