//! One exchange with an origin under way: the lent connection, and the request's content going up it.
//!
//! Everything here moves only while [`Transfer::during`] is awaited: whatever the exchange waits for, the
//! connection is driven and content goes up meanwhile. Dropped, the connection closes and the origin sees
//! the break.

use super::body::{OriginBody, OriginPiece};
use super::pool::Lease;
use crate::ports::{Content, Piece};
use crate::reasons::Reason;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The longest an origin may be silent: before its answer's head, within its answer, or in taking content.
pub(crate) const ORIGIN_TIME_MAX: Duration = Duration::from_secs(60);
/// Pieces of content between visitor and origin.
const PIECES_MAX: usize = 2;

type UploadFuture<'a> = Pin<Box<dyn Future<Output = Result<(), Reason>> + Send + 'a>>;

/// The lent connection and what goes up it.
pub(crate) struct Transfer<'a> {
    lease: Lease,
    upload: Option<UploadFuture<'a>>,
    /// Pieces that went up, to tell a slow origin from a slow visitor.
    progress: Arc<AtomicU64>,
}

impl<'a> Transfer<'a> {
    /// A transfer without content.
    pub(crate) fn without_content(lease: Lease) -> (Self, OriginBody) {
        (Self { lease, upload: None, progress: Arc::default() }, OriginBody::Empty)
    }

    /// A transfer that sends content up as it comes.
    pub(crate) fn with_content<C: Content>(lease: Lease, content: &'a mut C) -> (Self, OriginBody) {
        let (sender, pieces) = mpsc::channel(PIECES_MAX);
        let progress = Arc::<AtomicU64>::default();
        let upload = Box::pin(send_up(content, sender, Arc::clone(&progress)));
        (Self { lease, upload: Some(upload), progress }, OriginBody::Pieces(pieces))
    }

    /// The lent connection.
    pub(crate) fn lease(&mut self) -> &mut Lease {
        &mut self.lease
    }

    /// How many pieces went up.
    pub(crate) fn progress(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    /// Waits for something while the transfer goes on. Fails when the content does.
    pub(crate) async fn during<F: Future>(&mut self, awaited: F) -> Result<F::Output, Reason> {
        let mut awaited = pin!(awaited);
        poll_fn(|cx| self.poll_during(awaited.as_mut(), cx)).await
    }

    /// The same, but the origin may not be silent for longer than it is allowed.
    pub(crate) async fn during_at_most<F: Future>(
        &mut self,
        awaited: F,
        late: Reason,
    ) -> Result<F::Output, Reason> {
        timeout(ORIGIN_TIME_MAX, self.during(awaited)).await.unwrap_or(Err(late))
    }

    /// What is there now, without waiting.
    pub(crate) async fn now<F: Future>(&mut self, awaited: F) -> Result<Option<F::Output>, Reason> {
        let mut awaited = pin!(awaited);
        poll_fn(|cx| match self.poll_during(awaited.as_mut(), cx) {
            Poll::Ready(result) => Poll::Ready(result.map(Some)),
            Poll::Pending => Poll::Ready(Ok(None)),
        })
        .await
    }

    fn poll_during<F: Future>(
        &mut self,
        mut awaited: Pin<&mut F>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Reason>> {
        if let Poll::Ready(output) = awaited.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if let Some(upload) = &mut self.upload
            && let Poll::Ready(sent) = upload.as_mut().poll(cx)
        {
            self.upload = None;
            sent?;
        }
        self.lease.connection().poll_drive(cx);
        awaited.poll(cx).map(Ok)
    }

    /// Ends a transfer whose answer is whole: the connection goes back to its pool, unless content was
    /// still going up.
    pub(crate) async fn end(self) {
        if self.upload.is_none() {
            self.lease.give_back().await;
        }
    }

    /// Leaves the lent connection to a tunnel.
    pub(crate) fn into_lease(self) -> Lease {
        self.lease
    }
}

/// When content breaks off, the sender is dropped without the end, and the connection with it: an origin
/// must never take a part for the whole.
async fn send_up<C: Content>(
    content: &mut C,
    sender: mpsc::Sender<OriginPiece>,
    progress: Arc<AtomicU64>,
) -> Result<(), Reason> {
    loop {
        let piece = content.next().await?;
        progress.fetch_add(1, Ordering::Relaxed);
        let (piece, last) = match piece {
            Piece::Content(bytes) => (OriginPiece::Content(bytes), false),
            Piece::End(trailers) => (OriginPiece::End(trailers), true),
        };
        // An origin that has answered need not take the rest.
        if sender.send(piece).await.is_err() || last {
            return Ok(());
        }
    }
}
