//! Fetched → Answered: an origin's answer goes out as it comes in.

use crate::origin::Transfer;
use crate::ports::{Answer, Fields, Head, OwnFields, Piece, RAY_FIELD};
use crate::reasons::Reason;
use crate::request::Length;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::future::poll_fn;
use std::task::Poll;

/// The fields to pass on: framing left to the visitor's connection, a missing `Date` put in (RFC 9110
/// §6.6.1).
pub(crate) fn passed_on(mut fields: HeaderMap, date: &[u8]) -> HeaderMap {
    fields.remove(header::CONTENT_LENGTH);
    fields.remove(RAY_FIELD);
    if !fields.contains_key(header::DATE)
        && let Ok(date) = HeaderValue::from_bytes(date)
    {
        fields.insert(header::DATE, date);
    }
    fields
}

/// Sends an origin's answer on; `each` sees every piece of content first.
pub(crate) async fn relay<A: Answer>(
    status: StatusCode,
    fields: HeaderMap,
    length: Length,
    own: OwnFields,
    mut transfer: Transfer<'_>,
    answer: &mut A,
    mut each: impl FnMut(&Bytes) + Send,
) -> Result<Reason, Reason> {
    let head = Head { status, fields: Fields::Map(&fields), length, own, close: false };
    transfer.during(answer.head(head)).await??;
    let mut trailers = None;
    // Content of known length is whole with its last byte: there is no need to ask for an end.
    while !transfer.is_whole() {
        match next_piece(&mut transfer, answer).await? {
            Piece::Content(bytes) => {
                each(&bytes);
                transfer.during(answer.data(bytes)).await??;
            }
            Piece::End(fields) => {
                trailers = (!fields.is_empty()).then(|| permitted(fields));
                break;
            }
        }
    }
    transfer.during(answer.finish(trailers.as_ref())).await??;
    transfer.end();
    Ok(Reason::Passed)
}

/// The next piece; what is held back is sent before it is waited for.
pub(crate) async fn next_piece<A: Answer>(
    transfer: &mut Transfer<'_>,
    answer: &mut A,
) -> Result<Piece, Reason> {
    let now = poll_fn(|cx| Poll::Ready(transfer.poll_piece(cx))).await;
    if let Poll::Ready(piece) = now {
        return piece;
    }
    transfer.during(answer.flush()).await??;
    transfer.next_piece_unless(|cx| answer.poll_gone(cx).map(|()| Reason::VisitorGone)).await
}

pub(crate) fn permitted(trailers: HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (name, value) in &trailers {
        if crate::fields::may_trail(name) {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}
