//! Miss → Following: an answer that comes in for several goes out to one of them.

use crate::flights::{Arriving, Landed, Part, Reader};
use crate::ports::{Answer, Fields, Head, OwnFields};
use crate::reasons::Reason;
use crate::request::Length;
use caching::ByteRange;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Waits until the head has come; interim answers go out meanwhile.
pub(crate) async fn landed<A: Answer>(reader: &mut Reader, answer: &mut A) -> Result<Landed, Reason> {
    loop {
        match or_gone(reader.landed(), answer).await? {
            Ok(landed) => return Ok(landed),
            Err((status, fields)) => answer.informational(status, &fields).await?,
        }
    }
}

/// Sends an answer in the form that suits the request, as it comes in.
pub(crate) async fn follow<A: Answer>(
    reader: &Reader,
    arriving: &Arriving,
    form: caching::Answer,
    own: OwnFields,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let Arriving { status, fields, length, stored, .. } = arriving;
    let (status, length, close) = (*status, *length, false);
    match (form, length) {
        (caching::Answer::NotModified, _) => {
            let kept = fields.iter().filter(|(name, _)| stored.goes_with_not_modified(name));
            let kept: HeaderMap = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
            let (status, length) = (StatusCode::NOT_MODIFIED, Length::None);
            answer.head(Head { status, fields: Fields::Map(&kept), length, own, close }).await?;
            answer.finish(None).await?;
            Ok(Reason::NotModified)
        }
        (caching::Answer::Range(range), Length::Known(whole)) => {
            let mut fields = fields.clone();
            let text = format!("bytes {}-{}/{whole}", range.first, range.last);
            // Digits and plain words are a field value.
            if let Ok(value) = HeaderValue::try_from(text) {
                fields.insert(header::CONTENT_RANGE, value);
            }
            let (status, length) = (StatusCode::PARTIAL_CONTENT, Length::Known(range.byte_count()));
            answer.head(Head { status, fields: Fields::Map(&fields), length, own, close }).await?;
            content(reader, Some(range), answer).await
        }
        // Whoever asked for a range of something whose length nobody knows yet gets all of it.
        _ => {
            answer.head(Head { status, fields: Fields::Map(fields), length, own, close }).await?;
            content(reader, None, answer).await
        }
    }
}

async fn content<A: Answer>(
    reader: &Reader,
    range: Option<ByteRange>,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let mut at = 0;
    loop {
        let part = match reader.now() {
            Some(part) => part?,
            None => {
                answer.flush().await?;
                or_gone(reader.next(), answer).await??
            }
        };
        match part {
            Part::Content(piece) => {
                let end = at + piece.len() as u64;
                let wanted = match range {
                    Some(range) => clip(&piece, at, range),
                    None => piece,
                };
                at = end;
                if !wanted.is_empty() {
                    answer.data(wanted).await?;
                }
                // The rest of the body is none of this visitor's business.
                if range.is_some_and(|range| at > range.last) {
                    answer.finish(None).await?;
                    return Ok(Reason::Passed);
                }
            }
            Part::End(trailers) => {
                answer.finish(trailers.as_deref()).await?;
                return Ok(Reason::Passed);
            }
        }
    }
}

/// The part of a piece that begins at `at` which lies in a range.
pub(crate) fn clip(piece: &bytes::Bytes, at: u64, range: ByteRange) -> bytes::Bytes {
    let place = |to: u64| usize::try_from(to.saturating_sub(at)).unwrap_or(usize::MAX).min(piece.len());
    let (first, end) = (place(range.first), place(range.last.saturating_add(1)));
    piece.slice(first..end.max(first))
}

/// Waits for something, or for the visitor to leave.
async fn or_gone<A: Answer, F: Future>(awaited: F, answer: &mut A) -> Result<F::Output, Reason> {
    let mut awaited = pin!(awaited);
    poll_fn(|cx| match awaited.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => answer.poll_gone(cx).map(|()| Err(Reason::VisitorGone)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_range_is_cut_out_of_pieces_wherever_they_break() {
        let body = Bytes::from_static(b"0123456789");
        for first in 0..10 {
            for last in first..10 {
                for size in 1..=10 {
                    let range = ByteRange { first, last };
                    let mut got = Vec::new();
                    for (n, piece) in body.chunks(size).enumerate() {
                        got.extend_from_slice(&clip(
                            &Bytes::copy_from_slice(piece),
                            (n * size) as u64,
                            range,
                        ));
                    }
                    assert_eq!(got, &body[first as usize..=last as usize], "{first}-{last} by {size}");
                }
            }
        }
    }
}
