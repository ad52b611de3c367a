//! Hit → Answered: a stored response goes out.

use crate::ports::{Answer, Fields, Head, OwnFields};
use crate::reasons::Reason;
use crate::request::Length;
use bytes::Bytes;
use caching::ByteRange;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use object_cache::StoredResponse;

/// Sends a stored response in the form that answers the request.
pub(crate) async fn send<A: Answer>(
    stored: &StoredResponse,
    form: caching::Answer,
    asked: &caching::Request<'_>,
    own: OwnFields,
    answer: &mut A,
) -> Result<Reason, Reason> {
    match form {
        // Several ranges may be answered with the whole (RFC 9110 §14.2).
        caching::Answer::Full | caching::Answer::Ranges => {
            let length = Length::Known(stored.body().len());
            let fields = Fields::Stored(stored);
            answer.head(Head { status: stored.status(), fields, length, own, close: false }).await?;
            if !asked.is_head() {
                answer.data(whole(stored)).await?;
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
        caching::Answer::Range(range) => Box::pin(send_range(stored, range, own, answer)).await,
        caching::Answer::RangeNotSatisfiable => Box::pin(refuse_range(stored, own, answer)).await,
    }
}

async fn refuse_range<A: Answer>(
    stored: &StoredResponse,
    own: OwnFields,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let mut fields = HeaderMap::new();
    insert(&mut fields, header::CONTENT_RANGE, format!("bytes */{}", stored.body().len()));
    let status = StatusCode::RANGE_NOT_SATISFIABLE;
    let fields = Fields::Map(&fields);
    answer.head(Head { status, fields, length: Length::None, own, close: false }).await?;
    answer.finish(None).await?;
    Ok(Reason::Hit)
}

async fn send_range<A: Answer>(
    stored: &StoredResponse,
    range: ByteRange,
    own: OwnFields,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let body = whole(stored);
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(body.len());
    let part = body.slice(place(range.first)..place(range.last.saturating_add(1)));
    let mut fields: HeaderMap = stored.fields().iter().cloned().collect();
    let whole = stored.body().len();
    insert(&mut fields, header::CONTENT_RANGE, format!("bytes {}-{}/{whole}", range.first, range.last));
    let (status, length) = (StatusCode::PARTIAL_CONTENT, Length::Known(part.len() as u64));
    let fields = Fields::Map(&fields);
    answer.head(Head { status, fields, length, own, close: false }).await?;
    answer.data(part).await?;
    answer.finish(None).await?;
    Ok(Reason::Hit)
}

/// The edge stores no bodies in slices yet.
fn whole(stored: &StoredResponse) -> Bytes {
    stored.body().whole().cloned().unwrap_or_default()
}

fn insert(fields: &mut HeaderMap, name: header::HeaderName, text: String) {
    // Digits and plain words are a field value.
    if let Ok(value) = HeaderValue::try_from(text) {
        fields.insert(name, value);
    }
}
