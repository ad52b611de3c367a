//! Fetched → Answered: an origin's answer goes out as it comes in.

use crate::fields::remove_hop_by_hop;
use crate::origin::Transfer;
use crate::ports::{Answer, Fields, Head, OwnFields, RAY_FIELD};
use crate::reasons::Reason;
use crate::request::Length;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use std::future::poll_fn;
use std::pin::Pin;

/// How long an origin's answer is, from its own framing.
pub(crate) fn length_of(status: StatusCode, fields: &HeaderMap, body: &Incoming, is_head: bool) -> Length {
    let without = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    if without {
        return Length::None;
    }
    if is_head {
        let stated = fields.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        return stated.map_or(Length::Unknown, Length::Known);
    }
    body.size_hint().exact().map_or(Length::Unknown, Length::Known)
}

/// The fields to pass on: those of the origin's connection left out, a missing `Date` put in (RFC 9110
/// §6.6.1).
pub(crate) fn passed_on(mut fields: HeaderMap, date: &[u8]) -> HeaderMap {
    remove_hop_by_hop(&mut fields);
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
    (mut body, mut transfer): (Incoming, Transfer<'_>),
    answer: &mut A,
    mut each: impl FnMut(&Bytes) + Send,
) -> Result<Reason, Reason> {
    let head = Head { status, fields: Fields::Map(&fields), length, own, close: false };
    transfer.during(answer.head(head)).await??;
    let mut trailers = None;
    // Content of known length is whole with its last byte: there is no need to ask for an end.
    while !body.is_end_stream()
        && let Some(frame) = next_frame(&mut body, &mut transfer, answer).await?
    {
        match frame.into_data() {
            Ok(bytes) => {
                each(&bytes);
                transfer.during(answer.data(bytes)).await??;
            }
            Err(other) => trailers = other.into_trailers().ok().map(permitted),
        }
    }
    transfer.during(answer.finish(trailers.as_ref())).await??;
    transfer.end().await;
    Ok(Reason::Passed)
}

/// The next piece; what is held back is sent before it is waited for.
async fn next_frame<A: Answer>(
    body: &mut Incoming,
    transfer: &mut Transfer<'_>,
    answer: &mut A,
) -> Result<Option<Frame<Bytes>>, Reason> {
    let ready = transfer.now(poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx))).await?;
    let frame = match ready {
        Some(frame) => frame,
        None => {
            transfer.during(answer.flush()).await??;
            let gone_or_frame = poll_fn(|cx| {
                if answer.poll_gone(cx).is_ready() {
                    return std::task::Poll::Ready(Err(Reason::VisitorGone));
                }
                Pin::new(&mut *body).poll_frame(cx).map(Ok)
            });
            transfer.during_at_most(gone_or_frame, Reason::OriginStalled).await??
        }
    };
    frame.transpose().map_err(|_| Reason::OriginCut)
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
