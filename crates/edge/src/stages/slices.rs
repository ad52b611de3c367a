//! Large bodies, of which slices are held: what is missing is fetched from the origin by range, and held from
//! then on.
//!
//! Invariant: bytes of two representations never end up in one answer. Every range is asked for under the
//! strong entity-tag of the stored response; where the origin has another by now, the answer is cut, if it has
//! begun, and the stored response is let go of.

use super::board::Voyage;
use super::fetch::{Fetched, fetch_without_content};
use super::follow::clip;
use super::relay::next_piece;
use super::stored::Source;
use crate::origin::Transfer;
use crate::origin_request::OnBehalf;
use crate::ports::{Answer, Piece, Waiting};
use crate::reasons::Reason;
use bytes::{Bytes, BytesMut};
use caching::{ByteRange, ContentRange, has_failed, slices};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use object_cache::{ObjectCache, ObjectId, StoredResponse};
use std::sync::Arc;
use std::task::{Context, Poll};

/// Slices that one request to an origin fetches at most, when an answer finds them missing.
const RUN_SLICES_MAX: u32 = 256;

/// A stored response in slices, read for one visitor.
pub(crate) struct Sliced<'a> {
    pub(crate) voyage: &'a Voyage<'a>,
    pub(crate) stored: &'a Arc<StoredResponse>,
    pub(crate) object: ObjectId,
    /// The first missing slices, asked for already.
    pub(crate) run: Option<Run>,
}

/// Bytes under way from an origin: whole slices, in order.
pub(crate) struct Run {
    transfer: Transfer<'static>,
    at: u64,
    last: u64,
    /// The slice that comes in now.
    slice: BytesMut,
}

impl Source for Sliced<'_> {
    async fn ready(&mut self, range: ByteRange) -> Result<(), Reason> {
        let first = slices::of_range(range, self.length()).ok_or(Reason::Internal)?;
        if self.cache().slice(self.object, *first.start()).await.is_none() && self.run.is_none() {
            self.run = Some(self.begin_run(*first.start(), *first.end()).await?);
        }
        Ok(())
    }

    async fn send<A: Answer>(&mut self, range: ByteRange, answer: &mut A) -> Result<(), Reason> {
        let wanted = slices::of_range(range, self.length()).ok_or(Reason::Internal)?;
        let (mut index, last) = wanted.into_inner();
        while index <= last {
            let start = slices::span(index, self.length()).ok_or(Reason::Internal)?.first;
            if self.run.as_ref().is_some_and(|run| run.at != start) {
                self.run = None;
            }
            let held = match &self.run {
                Some(_) => None,
                None => self.cache().slice(self.object, index).await,
            };
            index = match held {
                Some(bytes) => {
                    answer.data(clip(&bytes, start, range)).await?;
                    index + 1
                }
                None => self.send_run(index, last, range, answer).await?,
            };
        }
        Ok(())
    }
}

impl Sliced<'_> {
    fn length(&self) -> u64 {
        self.stored.body().len()
    }

    fn cache(&self) -> &ObjectCache {
        &self.voyage.worker.shared.cache
    }

    /// Sends what is missing as it comes in; returns the first slice behind it.
    async fn send_run<A: Answer>(
        &mut self,
        index: u32,
        last: u32,
        range: ByteRange,
        answer: &mut A,
    ) -> Result<u32, Reason> {
        let mut run = match self.run.take() {
            Some(run) => run,
            None => self.begin_run(index, last).await?,
        };
        let mut index = index;
        while !run.is_over() {
            let (at, piece) = run.next(answer).await?;
            let part = clip(&piece, at, range);
            if !part.is_empty() {
                run.send(part, answer).await?;
            }
            while let Some(slice) = run.take_slice() {
                self.cache().put_slice(self.voyage.routed.key.site, self.object, index, slice).await;
                index += 1;
            }
        }
        run.end();
        Ok(index)
    }

    /// Asks the origin for a missing slice and those behind it that are missing too.
    async fn begin_run(&mut self, first: u32, last: u32) -> Result<Run, Reason> {
        let mut end = first;
        while end < last
            && end - first < RUN_SLICES_MAX
            && self.cache().slice(self.object, end + 1).await.is_none()
        {
            end += 1;
        }
        let length = self.length();
        let span = |index| slices::span(index, length).ok_or(Reason::Internal);
        let range = ByteRange { first: span(first)?.first, last: span(end)?.last };
        let fetched = match strong_tag(self.stored.stored().validators().etag()) {
            Some(tag) => ask(self.voyage, range.first, Some(range.last), Some(tag)).await?,
            None => return Err(self.let_go()),
        };
        let brought = content_range(&fetched.fields);
        let expected = ContentRange { range: Some(range), length: Some(length) };
        let same = fetched.status == StatusCode::PARTIAL_CONTENT
            && brought == Some(expected)
            && tag_of(&fetched.fields) == self.stored.stored().validators().etag();
        if has_failed(fetched.status) {
            // It says nothing about what is held.
            return Err(Reason::OriginPartFailed);
        }
        if !same {
            if fetched.status == StatusCode::OK {
                let flights = &self.voyage.worker.shared.flights;
                flights.rangeless.of_key(&self.voyage.routed.key).set(self.voyage.now);
            }
            return Err(self.let_go());
        }
        Ok(Run::new(fetched.transfer, range))
    }

    fn let_go(&self) -> Reason {
        self.cache().drop_response(&self.voyage.routed.key, self.stored);
        Reason::OriginChanged
    }
}

impl Run {
    pub(crate) fn new(transfer: Transfer<'static>, range: ByteRange) -> Self {
        Self { transfer, at: range.first, last: range.last, slice: BytesMut::new() }
    }

    /// The next bytes, and where in the body they lie; what is held back for the visitor is sent before they
    /// are waited for. Not called again before `take_slice` gave none.
    pub(crate) async fn next<A: Answer>(&mut self, answer: &mut A) -> Result<(u64, Bytes), Reason> {
        let Piece::Content(piece) = next_piece(&mut self.transfer, answer).await? else {
            return Err(Reason::OriginCut);
        };
        let (at, left) = (self.at, self.last + 1 - self.at);
        if piece.len() as u64 > left {
            return Err(Reason::OriginMalformed);
        }
        self.at += piece.len() as u64;
        self.slice.extend_from_slice(&piece);
        Ok((at, piece))
    }

    /// Hands a part of what has come to the visitor, who may have to give the connection up while it takes nothing.
    pub(crate) async fn send<A: Answer>(&mut self, part: Bytes, answer: &mut A) -> Result<(), Reason> {
        self.transfer.during(answer.data(part)).await?
    }

    /// A slice that has come whole; one piece may end several.
    pub(crate) fn take_slice(&mut self) -> Option<Bytes> {
        let size = usize::try_from(slices::SLICE_BYTES).unwrap_or(usize::MAX);
        let ended = self.at > self.last && !self.slice.is_empty();
        if self.slice.len() < size && !ended {
            return None;
        }
        // A copy of its own size: the rest of the buffer goes on.
        Some(Bytes::copy_from_slice(&self.slice.split_to(size.min(self.slice.len()))))
    }

    /// The slice that comes next.
    pub(crate) fn slice_index(&self) -> u32 {
        u32::try_from(self.at / slices::SLICE_BYTES).unwrap_or(u32::MAX)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.at > self.last
    }

    /// Whether all up to this place has come.
    pub(crate) fn is_behind(&self, last: u64) -> bool {
        self.at > last
    }

    pub(crate) fn end(self) {
        self.transfer.end();
    }
}

/// Asks the origin for a range, on condition that it still has the same.
pub(crate) async fn ask(
    voyage: &Voyage<'_>,
    first: u64,
    last: Option<u64>,
    tag: Option<HeaderValue>,
) -> Result<Fetched<'static>, Reason> {
    let Voyage { worker, admitted, routed, identified, ray, .. } = voyage;
    let request = voyage.without_conditions();
    let mut fields = routed.asked.normalised_fields();
    let last = last.map(|last| last.to_string()).unwrap_or_default();
    // Digits and plain words are a field value.
    let range = HeaderValue::try_from(format!("bytes={first}-{last}")).ok();
    fields.extend(range.map(|range| (header::RANGE, range)));
    fields.extend(tag.map(|tag| (header::IF_MATCH, tag)));
    let behalf = OnBehalf {
        peer: identified.peer,
        client: identified.client,
        trusted: identified.by_trusted_proxy,
        ray: *ray,
        normalised: Some(fields),
        target: None,
        joins_trace: admitted.site().front.trace,
        class: identified.class,
    };
    fetch_without_content(worker, admitted, &request, &behalf, &mut Nobody).await
}

/// A tag that stands for one representation byte for byte.
pub(crate) fn strong_tag(tag: Option<&[u8]>) -> Option<HeaderValue> {
    let tag = tag.filter(|tag| tag.starts_with(b"\""))?;
    HeaderValue::from_bytes(tag).ok()
}

/// What part of what a 206 brings.
pub(crate) fn content_range(fields: &HeaderMap) -> Option<ContentRange> {
    ContentRange::parse(single(fields, &header::CONTENT_RANGE)?)
}

/// The entity-tag of an answer.
pub(crate) fn tag_of(fields: &HeaderMap) -> Option<&[u8]> {
    single(fields, &header::ETAG)
}

fn single<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = fields.get_all(name).iter();
    let value = values.next().map(HeaderValue::as_bytes);
    value.filter(|_| values.next().is_none())
}

/// Interim answers to a request that the edge makes for itself are for nobody.
struct Nobody;

impl Waiting for Nobody {
    async fn informational(&mut self, _: StatusCode, _: &HeaderMap) -> Result<(), Reason> {
        Ok(())
    }

    fn poll_gone(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}
