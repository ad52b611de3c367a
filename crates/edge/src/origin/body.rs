//! A request's content on its way to an origin, as hyper takes it.

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// The content will never be whole; the connection to the origin is ended so that the origin sees it.
#[derive(Debug, thiserror::Error)]
#[error("the visitor's request broke off")]
pub(crate) struct Broken;

/// Content handed over piece by piece.
pub(crate) enum OriginBody {
    /// There is none.
    Empty,
    /// What comes through the channel; the sender dropped before the end means it broke off.
    Pieces(mpsc::Receiver<OriginPiece>),
}

/// One piece.
pub(crate) enum OriginPiece {
    /// Bytes.
    Content(Bytes),
    /// The end.
    End(HeaderMap),
}

impl Body for OriginBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let Self::Pieces(pieces) = &mut *self else {
            return Poll::Ready(None);
        };
        let piece = std::task::ready!(pieces.poll_recv(cx));
        Poll::Ready(match piece {
            Some(OriginPiece::Content(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(OriginPiece::End(trailers)) => {
                *self = Self::Empty;
                (!trailers.is_empty()).then(|| Ok(Frame::trailers(trailers)))
            }
            None => Some(Err(Broken)),
        })
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Empty)
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}
