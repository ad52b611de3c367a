//! A stored response in its ready-to-send form.

use crate::body::{Body, ObjectId};
use crate::codings::Codings;
use crate::standing::Standing;
use bytes::{Bytes, BytesMut};
use caching::Stored;
use http::{HeaderName, HeaderValue, StatusCode, header};

/// A whole response: what `caching` knows of it, its fields, its body, and prepared HTTP/1.1 heads.
///
/// Field values are slices of the prepared head, so a response is one block for its head and one for its
/// body. Nothing that is sent changes after it is made, except that other codings join it; readers share it.
#[derive(Debug)]
pub struct StoredResponse {
    stored: Stored,
    fields: Box<[(HeaderName, HeaderValue)]>,
    head: Bytes,
    not_modified_head: Bytes,
    body: Body,
    codings: Codings,
    standing: Standing,
}

impl StoredResponse {
    /// Prepares a response for storing.
    ///
    /// `fields` are those to send again, [`caching::stored_fields`]; `body` has the length that `stored`
    /// was completed with.
    pub fn new(stored: Stored, fields: Vec<(HeaderName, HeaderValue)>, body: Vec<u8>) -> Self {
        Self::of_parts(stored, fields, Body::Whole(Bytes::from(body.into_boxed_slice())))
    }

    /// The same response with what a revalidation has brought (RFC 9111 §4.3.4). The body is shared.
    pub fn refreshed(&self, stored: Stored, fields: Vec<(HeaderName, HeaderValue)>) -> Self {
        Self::of_parts(stored, fields, self.body.clone())
    }

    /// A response whose body lies in the slices of an object; `stored` was completed with its length.
    pub(crate) fn sliced(stored: Stored, fields: Vec<(HeaderName, HeaderValue)>, object: ObjectId) -> Self {
        let length = stored.length();
        Self::of_parts(stored, fields, Body::Sliced { object, length })
    }

    pub(crate) fn of_parts(stored: Stored, fields: Vec<(HeaderName, HeaderValue)>, body: Body) -> Self {
        let sized = (!is_bodiless(stored.status())).then_some(body.len());
        let head = prepare(stored.status(), fields.iter(), sized);
        let kept = fields.iter().filter(|(name, _)| stored.goes_with_not_modified(name));
        let not_modified_head = prepare(StatusCode::NOT_MODIFIED, kept, None).block;
        let shared = fields.into_iter().zip(&head.values).map(|((name, value), range)| {
            // The slice holds the same bytes as the valid value it replaces; were it refused, the value stays.
            let slice = HeaderValue::from_maybe_shared(head.block.slice(range.clone()));
            (name, slice.unwrap_or(value))
        });
        let fields = shared.collect();
        let (codings, standing) = (Codings::default(), Standing::default());
        Self { stored, fields, head: head.block, not_modified_head, body, codings, standing }
    }

    /// What to give to [`caching::reuse`].
    pub fn stored(&self) -> &Stored {
        &self.stored
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.stored.status()
    }

    /// The fields to send, without `Age`, `Content-Length`, `Via` and what else is made per answer; for
    /// HTTP/2, 206 and 416.
    pub fn fields(&self) -> &[(HeaderName, HeaderValue)] {
        &self.fields
    }

    /// The fields to send with a 304 (RFC 9110 §15.4.5).
    pub fn not_modified_fields(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.fields.iter().filter(|(name, _)| self.stored.goes_with_not_modified(name))
    }

    /// `HTTP/1.1 200 OK` and all fields with `content-length`, each line ended by CRLF, without the empty
    /// line: `Age`, `Cache-Status` and others of this answer follow, then CRLF, then the body.
    pub fn head(&self) -> &Bytes {
        &self.head
    }

    /// The same for a 304 made from this response.
    pub fn not_modified_head(&self) -> &Bytes {
        &self.not_modified_head
    }

    /// The body.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Its forms in other content codings.
    pub fn codings(&self) -> &Codings {
        &self.codings
    }

    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Bytes this response holds, bookkeeping included; other codings weigh for themselves.
    pub fn weight(&self) -> usize {
        size_of::<Self>()
            + self.fields.len() * size_of::<(HeaderName, HeaderValue)>()
            + self.stored.heap_bytes()
            + self.head.len()
            + self.not_modified_head.len()
            + self.body.held_bytes()
            + ALLOCATIONS_BYTES
    }
}

/// What the allocator and the counts of shared blocks add, estimated: six blocks.
const ALLOCATIONS_BYTES: usize = 6 * 32;

/// RFC 9110 §8.6: no Content-Length with 204.
fn is_bodiless(status: StatusCode) -> bool {
    status == StatusCode::NO_CONTENT
}

struct Prepared {
    block: Bytes,
    /// Where each value lies in the block.
    values: Vec<std::ops::Range<usize>>,
}

fn prepare<'a>(
    status: StatusCode,
    fields: impl Iterator<Item = &'a (HeaderName, HeaderValue)>,
    length: Option<u64>,
) -> Prepared {
    let mut block = BytesMut::with_capacity(512);
    let mut values = Vec::new();
    block.extend_from_slice(b"HTTP/1.1 ");
    block.extend_from_slice(status.as_str().as_bytes());
    block.extend_from_slice(b" ");
    block.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    block.extend_from_slice(b"\r\n");
    for (name, value) in fields {
        block.extend_from_slice(name.as_str().as_bytes());
        block.extend_from_slice(b": ");
        let start = block.len();
        block.extend_from_slice(value.as_bytes());
        values.push(start..block.len());
        block.extend_from_slice(b"\r\n");
    }
    if let Some(length) = length {
        block.extend_from_slice(header::CONTENT_LENGTH.as_str().as_bytes());
        block.extend_from_slice(format!(": {length}\r\n").as_bytes());
    }
    // Copied into a block of its own size: the growing buffer may be twice as long.
    Prepared { block: Bytes::copy_from_slice(&block), values }
}
