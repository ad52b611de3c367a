//! Conditions judged against a stored response (RFC 9110 §13, RFC 9111 §4.3.2).

use crate::fields::trim;
use crate::request::Request;
use vocabulary::Timestamp;

/// What identifies the stored representation (RFC 9110 §8.8).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Validators {
    /// The entity-tag as received, `W/` included; only if it is well formed and stands alone.
    pub(crate) etag: Option<Box<[u8]>>,
    /// Last-Modified, where it is a date.
    pub(crate) last_modified: Option<Timestamp>,
    /// Date, else the time of receipt.
    pub(crate) date: Option<Timestamp>,
}

impl Validators {
    /// The entity-tag as received.
    pub fn etag(&self) -> Option<&[u8]> {
        self.etag.as_deref()
    }

    /// Last-Modified.
    pub fn last_modified(&self) -> Option<Timestamp> {
        self.last_modified
    }
}

/// An entity-tag taken apart (RFC 9110 §8.8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EntityTag<'a> {
    weak: bool,
    opaque: &'a [u8],
}

impl<'a> EntityTag<'a> {
    /// Reads one tag at the start and returns what follows. `W/` is case-sensitive; there are no escapes.
    fn first(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let strong = text.strip_prefix(b"W/");
        let body = strong.unwrap_or(text).strip_prefix(b"\"")?;
        let end = body.iter().position(|byte| *byte == b'"')?;
        let opaque = &body[..end];
        let legal = opaque.iter().all(|byte| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..));
        legal.then_some((Self { weak: strong.is_some(), opaque }, &body[end + 1..]))
    }

    fn whole(text: &'a [u8]) -> Option<Self> {
        Self::first(text).filter(|(_, rest)| rest.is_empty()).map(|(tag, _)| tag)
    }
}

/// Whether a field value is one well-formed entity-tag.
pub(crate) fn is_entity_tag(value: &[u8]) -> bool {
    EntityTag::whole(value).is_some()
}

/// The weak form of an entity-tag; one that is weak already stays as it is.
pub(crate) fn weakened(tag: &[u8]) -> Box<[u8]> {
    if tag.starts_with(b"W/") { tag.into() } else { [b"W/", tag].concat().into() }
}

/// RFC 9110 §8.8.3.2: the same tag, and neither weak.
pub(crate) fn strongly_equal(one: &[u8], other: &[u8]) -> bool {
    let both = EntityTag::whole(one).zip(EntityTag::whole(other));
    both.is_some_and(|(one, other)| !one.weak && !other.weak && one.opaque == other.opaque)
}

/// RFC 9110 §8.8.3.2: the same tag, weak or not.
pub(crate) fn weakly_equal(one: &[u8], other: &[u8]) -> bool {
    EntityTag::whole(one).zip(EntityTag::whole(other)).is_some_and(|(one, other)| one.opaque == other.opaque)
}

/// Whether a GET or HEAD gets 304 from this stored response. If-None-Match takes precedence over
/// If-Modified-Since (RFC 9110 §13.2.2).
pub(crate) fn is_not_modified(request: &Request<'_>, stored: &Validators) -> bool {
    if request.conditions.none_match {
        return any_tag_matches(request, stored);
    }
    // RFC 9111 §4.3.2: where Last-Modified is missing, Date stands in for it.
    let modified = stored.last_modified.or(stored.date);
    match (request.conditions.modified_since_date(), modified) {
        (Some(since), Some(modified)) => modified <= since,
        _ => false,
    }
}

/// Weak comparison (RFC 9110 §13.1.2, §8.8.3.2); `*` matches whatever is stored.
fn any_tag_matches(request: &Request<'_>, stored: &Validators) -> bool {
    let held = stored.etag().and_then(EntityTag::whole);
    let mut found = false;
    request.fields.each(&mut |name, value| {
        if !found && name.len() == 13 && name.eq_ignore_ascii_case("if-none-match") {
            found = line_matches(trim(value), held);
        }
    });
    found
}

fn line_matches(line: &[u8], held: Option<EntityTag<'_>>) -> bool {
    if line == b"*" {
        return true;
    }
    let Some(held) = held else { return false };
    let mut rest = line;
    while !rest.is_empty() {
        match EntityTag::first(rest) {
            Some((tag, _)) if tag.opaque == held.opaque => return true,
            Some((_, tail)) => rest = tail,
            // What is no tag is skipped up to the next comma.
            None => rest = &rest[rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len())..],
        }
        let separator = |byte: &u8| matches!(byte, b',' | b' ' | b'\t');
        rest = &rest[rest.iter().position(|byte| !separator(byte)).unwrap_or(rest.len())..];
    }
    false
}

/// Whether the Range of a request may be applied (RFC 9110 §13.1.5): no If-Range, or one that names
/// exactly this representation by a strong validator.
pub(crate) fn range_applies(if_range: &[u8], stored: &Validators) -> bool {
    let text = trim(if_range);
    if is_entity_tag(text) {
        return stored.etag().is_some_and(|held| strongly_equal(held, text));
    }
    let wanted = crate::fields::date_of(text);
    match (wanted, stored.last_modified, stored.date) {
        // RFC 9110 §8.8.2.2: strong only if it was made at least a second before it was sent.
        (Some(wanted), Some(modified), Some(date)) => {
            wanted == modified && date.since(modified).as_secs() >= 1
        }
        _ => false,
    }
}
