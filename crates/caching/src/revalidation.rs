//! Asking the origin whether a stored response still holds (RFC 9111 §4.3), and taking in what it says.

use crate::conditional::weakly_equal;
use crate::fields::{end_to_end, http_date, is_hop_by_hop};
use crate::freshness::Exchanged;
use crate::head::Head;
use crate::stored::{Judged, Policy, Stored};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// What a conditional request to the origin brought.
#[derive(Debug)]
pub enum Revalidated {
    /// 304: the stored response with its new freshness, and the fields to keep and send from now on. The body
    /// is the one that is held.
    Updated(Stored, Vec<(HeaderName, HeaderValue)>),
    /// Another response, to be judged like any other; an error may give way to the stored one,
    /// [`crate::has_failed`].
    Replaced,
    /// 304 for something else than is held, or one after which it may no longer be kept: ask again without
    /// conditions.
    Mismatch,
}

/// What the answer to a HEAD says about the stored response to GET (RFC 9111 §4.3.5).
#[derive(Debug)]
pub enum HeadUpdate {
    /// It is the same: the stored response, updated.
    Updated(Stored, Vec<(HeaderName, HeaderValue)>),
    /// It is another, or may no longer be kept: what is held counts as stale from now on.
    Outdated,
    /// It says nothing.
    Nothing,
}

/// The conditions for revalidating a stored response (§4.3.1); none if it has no validator. They take the
/// place of the visitor's own conditions and range, which are judged against the outcome.
pub fn conditional_fields(stored: &Stored) -> Vec<(HeaderName, HeaderValue)> {
    let mut fields = Vec::with_capacity(2);
    let tag = stored.validators.etag().and_then(|tag| HeaderValue::from_bytes(tag).ok());
    fields.extend(tag.map(|tag| (header::IF_NONE_MATCH, tag)));
    let modified = stored.validators.last_modified().map(http_date);
    let modified = modified.and_then(|date| HeaderValue::try_from(date).ok());
    fields.extend(modified.map(|date| (header::IF_MODIFIED_SINCE, date)));
    fields
}

/// Takes in the origin's answer to a request with [`conditional_fields`]. `old` are the stored fields.
pub fn revalidated(
    stored: &Stored,
    old: &[(HeaderName, HeaderValue)],
    status: StatusCode,
    new: &HeaderMap,
    policy: &Policy<'_>,
    exchanged: Exchanged,
) -> Revalidated {
    if status != StatusCode::NOT_MODIFIED {
        return Revalidated::Replaced;
    }
    if !speaks_of(stored, new) {
        return Revalidated::Mismatch;
    }
    match updated(stored, old, new, policy, exchanged) {
        Some((stored, fields)) => Revalidated::Updated(stored, fields),
        None => Revalidated::Mismatch,
    }
}

/// Takes in the origin's answer to a HEAD request that the stored response could have answered.
pub fn head_update(
    stored: &Stored,
    old: &[(HeaderName, HeaderValue)],
    status: StatusCode,
    new: &HeaderMap,
    policy: &Policy<'_>,
    exchanged: Exchanged,
) -> HeadUpdate {
    if status != StatusCode::OK || stored.status != StatusCode::OK {
        return HeadUpdate::Nothing;
    }
    let head = Head::read(new);
    let same_length = head.content_length.is_none_or(|length| length == stored.length);
    let theirs = head.validators(exchanged.received);
    let ours = &stored.validators;
    let same_tag = theirs.etag().is_none_or(|tag| ours.etag() == Some(tag));
    let same_date = theirs.last_modified().is_none_or(|date| ours.last_modified() == Some(date));
    if !(same_length && same_tag && same_date) {
        return HeadUpdate::Outdated;
    }
    match updated(stored, old, new, policy, exchanged) {
        Some((stored, fields)) => HeadUpdate::Updated(stored, fields),
        None => HeadUpdate::Outdated,
    }
}

/// Whether a 304 is about the stored response (§4.3.4). Tags are compared weakly both ways: servers that compress
/// weaken the tag of a 200 and name the strong one in a 304, and what is weakly the same may stand for it. Where
/// none is held, a tag alone says nothing of what is. A 304 without validators answers the only condition that was
/// sent.
fn speaks_of(stored: &Stored, new: &HeaderMap) -> bool {
    let head = Head::read(new);
    let theirs = head.validators(stored.freshness.received());
    let ours = &stored.validators;
    match (theirs.etag(), ours.etag()) {
        (Some(tag), Some(own)) => weakly_equal(own, tag),
        (Some(_), None) => theirs.last_modified().is_some() && theirs.last_modified() == ours.last_modified(),
        (None, _) => {
            theirs.last_modified().is_none_or(|date| ours.last_modified().is_none_or(|own| own == date))
        }
    }
}

/// The stored response with its fields updated (§3.2): every field of the answer takes the place of the
/// stored ones of its name, except those that describe the body that is held.
fn updated(
    stored: &Stored,
    old: &[(HeaderName, HeaderValue)],
    new: &HeaderMap,
    policy: &Policy<'_>,
    exchanged: Exchanged,
) -> Option<(Stored, Vec<(HeaderName, HeaderValue)>)> {
    let taken: Vec<_> = end_to_end(new).filter(|(name, _)| !describes_body(name)).collect();
    let replaced = |name: &HeaderName| *name == header::DATE || taken.iter().any(|(new, _)| *new == name);
    let mut fields: Vec<_> = old.iter().filter(|(name, _)| !replaced(name)).cloned().collect();
    fields.extend(taken.into_iter().map(|(name, value)| (name.clone(), value.clone())));
    if !new.contains_key(header::DATE) {
        // RFC 9110 §6.6.1.
        let date = HeaderValue::try_from(http_date(exchanged.received)).ok();
        fields.extend(date.map(|date| (header::DATE, date)));
    }
    // Age is not kept, and counts for this exchange.
    let mut judged_fields = fields.clone();
    let ages = new.get_all(header::AGE).iter().map(|value| (header::AGE, value.clone()));
    judged_fields.extend(ages);
    let head = Head::read(&judged_fields);
    head.directives.check(stored.status, false).ok()?;
    if !head.vary.names_of(&stored.variant) {
        return None;
    }
    let judged = Judged::of(false, stored.status, &head, policy, exchanged).ok()?;
    let mut renewed = judged.stored(stored.status, stored.variant.clone(), head.tags, head.no_transform);
    renewed.length = stored.length;
    Some((renewed, fields))
}

/// Fields that belong to the body that is held (RFC 9111 §3.2), and the tag it is known by.
fn describes_body(name: &HeaderName) -> bool {
    const OF_BODY: [&str; 6] =
        ["content-encoding", "content-length", "content-md5", "content-range", "content-digest", "etag"];
    OF_BODY.contains(&name.as_str()) || is_hop_by_hop(name)
}
