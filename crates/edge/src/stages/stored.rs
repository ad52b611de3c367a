//! Hit → Answered: a stored response goes out.

use crate::ports::{Answer, Fields, Head, OwnFields};
use crate::reasons::Reason;
use crate::request::Length;
use bytes::Bytes;
use caching::{ByteRange, ContentRange, Ranges};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use object_cache::StoredResponse;
use std::fmt::Write as _;

/// Where the bytes of a stored response come from.
pub(crate) trait Source: Send {
    /// Makes sure that the first bytes of a range can be sent, before any head promises them.
    fn ready(&mut self, range: ByteRange) -> impl Future<Output = Result<(), Reason>> + Send;

    /// Sends a range; it lies within the body.
    fn send<A: Answer>(
        &mut self,
        range: ByteRange,
        answer: &mut A,
    ) -> impl Future<Output = Result<(), Reason>> + Send;
}

/// A body that is all here.
pub(crate) struct Whole<'a>(pub(crate) &'a Bytes);

impl Source for Whole<'_> {
    async fn ready(&mut self, _: ByteRange) -> Result<(), Reason> {
        Ok(())
    }

    async fn send<A: Answer>(&mut self, range: ByteRange, answer: &mut A) -> Result<(), Reason> {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(self.0.len());
        answer.data(self.0.slice(place(range.first)..place(range.last.saturating_add(1)))).await
    }
}

/// Sends a stored response in the form that answers the request.
pub(crate) async fn send<A: Answer, S: Source>(
    stored: &StoredResponse,
    mut source: S,
    form: caching::Answer,
    asked: &caching::Request<'_>,
    own: OwnFields,
    answer: &mut A,
) -> Result<Reason, Reason> {
    match form {
        caching::Answer::Full => {
            let whole = whole(stored).filter(|_| !asked.is_head());
            if let Some(whole) = whole {
                source.ready(whole).await?;
            }
            let (fields, length) = (Fields::Stored(stored), Length::Known(stored.body().len()));
            answer.head(Head { status: stored.status(), fields, length, own, close: false }).await?;
            if let Some(whole) = whole {
                source.send(whole, answer).await?;
            }
            answer.finish(None).await?;
            Ok(Reason::Hit)
        }
        caching::Answer::NotModified => {
            let fields = Fields::NotModified(stored);
            let status = StatusCode::NOT_MODIFIED;
            answer.head(Head { status, fields, length: Length::None, own, close: false }).await?;
            answer.finish(None).await?;
            Ok(Reason::NotModified)
        }
        caching::Answer::Range(range) => Box::pin(send_range(stored, source, range, own, answer)).await,
        caching::Answer::Ranges => match asked.ranges(stored.body().len()) {
            Ranges::Several(ranges) => Box::pin(send_ranges(stored, source, &ranges, own, answer)).await,
            Ranges::One(range) => Box::pin(send_range(stored, source, range, own, answer)).await,
            Ranges::Ignored | Ranges::Unsatisfiable => Box::pin(refuse_range(stored, own, answer)).await,
        },
        caching::Answer::RangeNotSatisfiable => Box::pin(refuse_range(stored, own, answer)).await,
    }
}

/// All bytes of a body; none of one that has none.
fn whole(stored: &StoredResponse) -> Option<ByteRange> {
    let last = stored.body().len().checked_sub(1)?;
    Some(ByteRange { first: 0, last })
}

async fn refuse_range<A: Answer>(
    stored: &StoredResponse,
    own: OwnFields,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let mut fields = HeaderMap::new();
    let content_range = ContentRange { range: None, length: Some(stored.body().len()) };
    insert(&mut fields, header::CONTENT_RANGE, content_range.to_string());
    let status = StatusCode::RANGE_NOT_SATISFIABLE;
    let fields = Fields::Map(&fields);
    answer.head(Head { status, fields, length: Length::None, own, close: false }).await?;
    answer.finish(None).await?;
    Ok(Reason::Hit)
}

async fn send_range<A: Answer, S: Source>(
    stored: &StoredResponse,
    mut source: S,
    range: ByteRange,
    own: OwnFields,
    answer: &mut A,
) -> Result<Reason, Reason> {
    source.ready(range).await?;
    let mut fields: HeaderMap = stored.fields().iter().cloned().collect();
    let content_range = ContentRange { range: Some(range), length: Some(stored.body().len()) };
    insert(&mut fields, header::CONTENT_RANGE, content_range.to_string());
    let (status, length) = (StatusCode::PARTIAL_CONTENT, Length::Known(range.byte_count()));
    let fields = Fields::Map(&fields);
    answer.head(Head { status, fields, length, own, close: false }).await?;
    source.send(range, answer).await?;
    answer.finish(None).await?;
    Ok(Reason::Hit)
}

/// `multipart/byteranges` (RFC 9110 §14.6).
async fn send_ranges<A: Answer, S: Source>(
    stored: &StoredResponse,
    mut source: S,
    ranges: &[ByteRange],
    own: OwnFields,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let (first, whole) = (ranges.first().ok_or(Reason::Internal)?, stored.body().len());
    source.ready(*first).await?;
    let mut fields: HeaderMap = stored.fields().iter().cloned().collect();
    let kind = fields.remove(header::CONTENT_TYPE);
    // Chosen anew for each answer: nobody can have put it into a body.
    let boundary = format!("wardmote-{}", own.ray);
    insert(&mut fields, header::CONTENT_TYPE, format!("multipart/byteranges; boundary={boundary}"));
    let heads: Vec<_> =
        ranges.iter().map(|range| part_head(&boundary, kind.as_ref(), *range, whole)).collect();
    let end = Bytes::from(format!("\r\n--{boundary}--\r\n"));
    let parts = ranges.iter().zip(&heads).map(|(range, head)| range.byte_count() + head.len() as u64);
    let length = Length::Known(parts.sum::<u64>() + end.len() as u64);
    let (status, fields) = (StatusCode::PARTIAL_CONTENT, Fields::Map(&fields));
    answer.head(Head { status, fields, length, own, close: false }).await?;
    for (range, head) in ranges.iter().zip(heads) {
        answer.data(head).await?;
        source.send(*range, answer).await?;
    }
    answer.data(end).await?;
    answer.finish(None).await?;
    Ok(Reason::Hit)
}

fn part_head(boundary: &str, kind: Option<&HeaderValue>, range: ByteRange, whole: u64) -> Bytes {
    let mut head = format!("\r\n--{boundary}\r\n").into_bytes();
    if let Some(kind) = kind {
        head.extend_from_slice(b"content-type: ");
        head.extend_from_slice(kind.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ =
        write!(text, "content-range: {}\r\n\r\n", ContentRange { range: Some(range), length: Some(whole) });
    head.extend_from_slice(text.as_bytes());
    head.into()
}

fn insert(fields: &mut HeaderMap, name: header::HeaderName, text: String) {
    // Digits and plain words are a field value.
    if let Ok(value) = HeaderValue::try_from(text) {
        fields.insert(name, value);
    }
}
