//! Miss → Fetched in part: a range of something that is not held is fetched in whole slices, which are held
//! from then on. The rest is fetched when somebody asks for it.

use super::board::Voyage;
use super::fetch::Fetched;
use super::follow::clip;
use super::slices::{Run, ask, content_range, strong_tag, tag_of};
use crate::compress::announce_stored;
use crate::ports::{Answer, Fields, Head, OwnFields};
use crate::reasons::Reason;
use crate::request::Length;
use caching::{
    ByteRange, CacheStatus, ContentRange, Exchanged, Limits, Ranges, SLICE_BYTES, Storable, Stored,
    storable_under, stored_fields,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use object_cache::{Fill, StoredResponse};
use std::sync::Arc;

/// What a request asks of something whose length is not known yet.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    first: u64,
    /// None: to the end.
    last: Option<u64>,
}

/// What the origin says to a request for whole slices.
pub(crate) enum Ranged {
    /// The slices.
    Part(Box<Part>),
    /// Something else, to be passed on.
    Other(Box<Fetched<'static>>, Exchanged),
}

/// Slices under way.
pub(crate) struct Part {
    run: Run,
    /// What the visitor gets of them.
    wanted: ByteRange,
    length: u64,
    fields: HeaderMap,
    /// None: they are not for the store, for this reason.
    kept: Result<Kept, caching::Reason>,
}

/// What is needed to store slices.
struct Kept {
    stored: Stored,
    fields: Vec<(HeaderName, HeaderValue)>,
    fill: Fill,
}

/// What a request asks for, if it is one range, from a place on, of something of which nothing is held.
pub(crate) fn span_of(voyage: &Voyage<'_>) -> Option<Span> {
    let Voyage { request, routed, worker, now, .. } = voyage;
    if request.method != Method::GET || !routed.asked.has_range() {
        return None;
    }
    let own = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_RANGE];
    let rangeless = worker.shared.flights.rangeless.of_key(&routed.key).stands(*now);
    if rangeless || voyage.is_marked() || own.iter().any(|name| request.fields.contains_key(name)) {
        return None;
    }
    match routed.asked.ranges(u64::MAX) {
        // What lies so far behind is counted from the end, which nobody knows yet.
        Ranges::One(range) if range.first <= u64::MAX / 2 => {
            let last = (range.last < u64::MAX - 1).then_some(range.last);
            Some(Span { first: range.first, last })
        }
        _ => None,
    }
}

/// Asks the origin for the slices that a span touches. `fill` was begun before.
pub(crate) async fn fetch_slices(voyage: &Voyage<'_>, span: Span, fill: Fill) -> Result<Ranged, Reason> {
    let first = span.first - span.first % SLICE_BYTES;
    let last = span.last.map(|last| (last - last % SLICE_BYTES).saturating_add(SLICE_BYTES - 1));
    let fetched = ask(voyage, first, last, None).await?;
    let exchanged = fetched.exchanged;
    let brought = content_range(&fetched.fields).filter(|_| fetched.status == StatusCode::PARTIAL_CONTENT);
    let Some(ContentRange { range: Some(range), length: Some(length) }) = brought else {
        if fetched.status == StatusCode::OK {
            mark_rangeless(voyage, exchanged);
        }
        return Ok(Ranged::Other(Box::new(fetched), exchanged));
    };
    let wanted = ByteRange { first: span.first, last: span.last.unwrap_or(u64::MAX).min(length - 1) };
    // Too little for this visitor, who may still make something of it.
    if wanted.first <= wanted.last && (range.first > wanted.first || range.last < wanted.last) {
        return Ok(Ranged::Other(Box::new(fetched), exchanged));
    }
    let Fetched { mut fields, transfer, .. } = fetched;
    for name in [header::CONTENT_RANGE, header::CONTENT_LENGTH] {
        fields.remove(name);
    }
    let expected = last.unwrap_or(u64::MAX).min(length - 1);
    let whole_slices = range.first == first && range.last == expected;
    let kept = keep(voyage, &fields, length, fill, exchanged);
    let kept = kept.and_then(|kept| if whole_slices { Ok(kept) } else { Err(caching::Reason::Partial) });
    if kept.is_err() {
        mark_rangeless(voyage, exchanged);
    }
    let run = Run::new(transfer, range);
    Ok(Ranged::Part(Box::new(Part { run, wanted, length, fields, kept })))
}

fn mark_rangeless(voyage: &Voyage<'_>, exchanged: Exchanged) {
    voyage.worker.shared.flights.rangeless.of_key(&voyage.routed.key).set(exchanged.received);
}

/// A part is stored under what would be stored of the whole, if a strong tag holds its parts together.
fn keep(
    voyage: &Voyage<'_>,
    fields: &HeaderMap,
    length: u64,
    fill: Fill,
    exchanged: Exchanged,
) -> Result<Kept, caching::Reason> {
    strong_tag(tag_of(fields)).ok_or(caching::Reason::Partial)?;
    let policy = voyage.routed.policy(Limits { body_bytes_max: u64::MAX });
    let storable: Storable =
        storable_under(&voyage.routed.asked, StatusCode::OK, fields, &policy, exchanged)?;
    let stored = storable.complete(length)?;
    let mut fields = stored_fields(&stored, fields);
    if length <= SLICE_BYTES {
        announce_stored(&mut fields, stored.status(), Some(length));
    }
    Ok(Kept { stored, fields, fill })
}

impl Part {
    /// What the cache did.
    pub(crate) fn status(&self, why: caching::Reason, voyage: &Voyage<'_>) -> CacheStatus {
        let kept = match &self.kept {
            Ok(kept) => Ok(kept.stored.freshness().remaining(voyage.now)),
            Err(reason) => Err(Some(*reason)),
        };
        CacheStatus::Forwarded { why, status: Some(StatusCode::PARTIAL_CONTENT), kept }
    }

    /// Sends what the visitor asked for, and stores the slices as they come whole.
    pub(crate) async fn send<A: Answer>(
        self,
        voyage: &Voyage<'_>,
        own: OwnFields,
        answer: &mut A,
    ) -> Result<Reason, Reason> {
        let Self { mut run, wanted, length, fields, kept } = self;
        let date = voyage.worker.date.at(voyage.now);
        let mut fields = super::relay::passed_on(fields, &date);
        // What a visitor asks may lie behind the end, which nobody knew before.
        let beyond = wanted.first > wanted.last;
        let content_range = ContentRange { range: (!beyond).then_some(wanted), length: Some(length) };
        // Digits and plain words are a field value.
        if let Ok(value) = HeaderValue::try_from(content_range.to_string()) {
            fields.insert(header::CONTENT_RANGE, value);
        }
        let (status, size) = match beyond {
            true => (StatusCode::RANGE_NOT_SATISFIABLE, Length::None),
            false => (StatusCode::PARTIAL_CONTENT, Length::Known(wanted.byte_count())),
        };
        answer.head(Head { status, fields: Fields::Map(&fields), length: size, own, close: false }).await?;
        if beyond {
            answer.finish(None).await?;
        }
        let mut index = run.slice_index();
        let mut shelf = kept.ok().map(|kept| Shelf::new(voyage, kept, length));
        // Where nothing is kept, what lies behind is of use to nobody.
        while !run.is_over() && (shelf.is_some() || !(beyond || run.is_behind(wanted.last))) {
            let (at, piece) = run.next(answer).await?;
            let part = clip(&piece, at, wanted);
            if !part.is_empty() {
                run.send(part, answer).await?;
            }
            while let Some(slice) = run.take_slice() {
                if let Some(shelf) = &mut shelf {
                    shelf.put(index, slice).await;
                }
                index += 1;
            }
        }
        if !beyond {
            answer.finish(None).await?;
        }
        if run.is_over() {
            run.end();
        }
        Ok(Reason::Passed)
    }
}

/// Where slices go: what leads to them is published with the first of them.
struct Shelf<'a> {
    voyage: &'a Voyage<'a>,
    kept: Option<Kept>,
    object: Option<object_cache::ObjectId>,
    length: u64,
}

impl<'a> Shelf<'a> {
    fn new(voyage: &'a Voyage<'a>, kept: Kept, length: u64) -> Self {
        Self { voyage, kept: Some(kept), object: None, length }
    }

    async fn put(&mut self, index: u32, slice: bytes::Bytes) {
        let cache = &self.voyage.worker.shared.cache;
        let key = &self.voyage.routed.key;
        match (self.kept.take(), self.object) {
            // One slice is all there is.
            (Some(Kept { stored, fields, fill }), _) if self.length <= SLICE_BYTES => {
                cache.insert(key, fill, Arc::new(StoredResponse::new(stored, fields, slice.to_vec())));
            }
            (Some(Kept { stored, fields, fill }), _) => {
                let mut writer = cache.begin_slices(key, fill);
                self.object = Some(writer.object());
                writer.put(index, slice).await;
                writer.finish(stored, fields);
            }
            (None, Some(object)) => drop(cache.put_slice(key.site, object, index, slice).await),
            (None, None) => {}
        }
    }
}
