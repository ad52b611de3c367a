//! Whether a response may be stored (RFC 9111 §3), and what is remembered of it.

use crate::conditional::{Validators, is_entity_tag};
use crate::directives::{Argument, ResponseDirectives};
use crate::fields::{Fields, date_of, end_to_end, http_date, trim};
use crate::freshness::{Exchanged, Freshness, TimeFields};
use crate::mode::{CacheMode, Limits};
use crate::reason::Reason;
use crate::request::{Kind, Plan, Request};
use crate::vary::{Variant, VaryFields};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// A response head that may be stored once its body has come whole. Only [`storable`] makes one.
#[derive(Debug, Clone)]
pub struct Storable {
    stored: Stored,
    content_length: Option<u64>,
    limits: Limits,
}

/// What the cache knows of a response it holds. Only [`Storable::complete`] makes one.
#[derive(Debug, Clone)]
pub struct Stored {
    pub(crate) status: StatusCode,
    pub(crate) freshness: Freshness,
    pub(crate) variant: Variant,
    pub(crate) validators: Validators,
    pub(crate) length: u64,
}

impl Storable {
    /// The body has ended after `length` bytes. A body that is not as long as Content-Length said is
    /// incomplete and not kept (RFC 9111 §3.3).
    pub fn complete(mut self, length: u64) -> Result<Stored, Reason> {
        if self.content_length.is_some_and(|stated| stated != length) {
            return Err(Reason::Incomplete);
        }
        if length > self.limits.body_bytes_max {
            return Err(Reason::TooLarge);
        }
        self.stored.length = length;
        Ok(self.stored)
    }

    /// How long the response stays fresh.
    pub fn freshness(&self) -> &Freshness {
        &self.stored.freshness
    }
}

impl Stored {
    /// Whether the secondary key fits a request (RFC 9111 §4.1).
    pub fn matches(&self, request: &Request<'_>) -> bool {
        self.variant.matches(request)
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Age and lifetime.
    pub fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    /// The secondary key.
    pub fn variant(&self) -> &Variant {
        &self.variant
    }

    /// Entity-tag and Last-Modified.
    pub fn validators(&self) -> &Validators {
        &self.validators
    }

    /// Length of the body in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The same response in another content coding, in which it has `length` bytes: equivalent, but not byte
    /// for byte the same, so a strong entity-tag turns weak (RFC 9110 §8.8.1).
    pub fn recoded(&self, length: u64) -> Self {
        let mut recoded = self.clone();
        recoded.length = length;
        recoded.validators.etag = self.validators.etag().map(crate::conditional::weakened);
        recoded
    }

    /// Whether a field goes with a 304 made from this response (RFC 9110 §15.4.5): not what describes the
    /// representation, except a Last-Modified that is its only validator.
    pub fn goes_with_not_modified(&self, name: &HeaderName) -> bool {
        match name.as_str() {
            "content-type" | "content-encoding" | "content-language" | "content-length" | "content-range" => {
                false
            }
            "last-modified" => self.validators.etag.is_none(),
            _ => true,
        }
    }

    /// Bytes on the heap beyond the value itself, for weighing.
    pub fn heap_bytes(&self) -> usize {
        self.variant.heap_bytes() + self.validators.etag().map_or(0, <[u8]>::len)
    }
}

/// Whether a response to `request` may be stored (RFC 9111 §3), by explicit freshness only.
///
/// `request` is the visitor's; its Accept-Encoding has gone to the origin as
/// [`Request::accept_encoding`]. `fields` are the origin's, as received.
pub fn storable(
    request: &Request<'_>,
    status: StatusCode,
    fields: &dyn Fields,
    mode: CacheMode,
    limits: Limits,
    exchanged: Exchanged,
) -> Result<Storable, Reason> {
    if let Plan::Bypass(reason) = request.plan() {
        return Err(reason);
    }
    if request.method == Kind::Head {
        return Err(Reason::Head);
    }
    let mut head = Head::default();
    fields.each(&mut |name, value| head.line(name, value));
    head.check_status(status)?;
    head.check_directives(status, request.is_authorized())?;
    if mode == CacheMode::Guarded && head.set_cookie {
        return Err(Reason::SetCookie);
    }
    if head.content_length.is_some_and(|length| length > limits.body_bytes_max) {
        return Err(Reason::TooLarge);
    }
    let freshness = Freshness::explicit(&head.directives, &head.times, exchanged)?;
    let variant = head.vary.variant(request)?;
    let date = head.times.date.unwrap_or(exchanged.received);
    let validators = Validators {
        etag: head.etag.filter(|tag| !head.etag_repeated && is_entity_tag(tag)).map(Box::from),
        last_modified: head.last_modified.and_then(date_of),
        date: Some(date),
    };
    let stored = Stored { status, freshness, variant, validators, length: 0 };
    Ok(Storable { stored, content_length: head.content_length, limits })
}

/// The fields to keep and send again: those of the connection left out, a missing Date put in (RFC 9110
/// §6.6.1).
pub fn stored_fields(stored: &Stored, fields: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let mut kept: Vec<_> = end_to_end(fields).map(|(name, value)| (name.clone(), value.clone())).collect();
    if !fields.contains_key(header::DATE) {
        let date = http_date(stored.freshness.received());
        kept.extend(HeaderValue::try_from(date).ok().map(|date| (header::DATE, date)));
    }
    kept
}

/// The fields of a response that decide about storing.
#[derive(Default)]
struct Head<'a> {
    directives: ResponseDirectives,
    times: TimeFields,
    vary: VaryFields,
    etag: Option<&'a [u8]>,
    etag_repeated: bool,
    last_modified: Option<&'a [u8]>,
    content_length: Option<u64>,
    content_range: bool,
    set_cookie: bool,
}

impl<'a> Head<'a> {
    fn line(&mut self, name: &str, value: &'a [u8]) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let value = trim(value);
        match name.len() {
            3 if is("age") => self.times.age_line(value),
            4 if is("date") => self.times.date_line(value),
            4 if is("etag") => self.etag_repeated |= self.etag.replace(value).is_some(),
            4 if is("vary") => self.vary.line(value),
            7 if is("expires") => self.times.expires_line(value),
            10 if is("set-cookie") => self.set_cookie = true,
            13 if is("cache-control") => self.directives.line(value),
            13 if is("last-modified") => self.last_modified = Some(value),
            13 if is("content-range") => self.content_range = true,
            14 if is("content-length") => {
                // Unreadable lengths were refused with the response's framing; here they match no body.
                let read = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                self.content_length = Some(read.unwrap_or(u64::MAX));
            }
            _ => {}
        }
    }

    fn check_status(&self, status: StatusCode) -> Result<(), Reason> {
        if status == StatusCode::PARTIAL_CONTENT || self.content_range {
            return Err(Reason::Partial);
        }
        let code = status.as_u16();
        if code < 200 || code == 304 || NEVER_STORED.contains(&code) {
            return Err(Reason::Status);
        }
        if self.directives.must_understand && !UNDERSTOOD.contains(&code) {
            return Err(Reason::Status);
        }
        Ok(())
    }

    fn check_directives(&self, status: StatusCode, authorized: bool) -> Result<(), Reason> {
        let directives = &self.directives;
        // RFC 9111 §5.2.2.3: with a status it understands a cache passes over no-store.
        let understood = directives.must_understand && UNDERSTOOD.contains(&status.as_u16());
        if directives.no_store && !understood {
            return Err(Reason::NoStore);
        }
        if directives.private {
            return Err(Reason::Private);
        }
        if directives.no_cache {
            return Err(Reason::NoCache);
        }
        let shared = directives.public
            || directives.must_revalidate
            || matches!(directives.s_maxage, Argument::Seconds(_));
        if authorized && !shared {
            return Err(Reason::Authorization);
        }
        Ok(())
    }
}

/// Statuses whose caching rules are built in, for must-understand (RFC 9110 §15, RFC 7725 §3).
const UNDERSTOOD: [u16; 19] =
    [200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 403, 404, 405, 410, 414, 451, 501, 502, 503];

/// Statuses that judge how a request was made, which the key does not hold, and not its target: credentials
/// (401, 407), timing and framing (408, 411, 413, 417), conditions and ranges (412, 416), content (415),
/// connection (421, 426), early data (425, RFC 8470 §5.2); and those that RFC 6585 §3–6 forbids to store
/// (428, 429, 431, 511).
const NEVER_STORED: [u16; 16] =
    [401, 407, 408, 411, 412, 413, 415, 416, 417, 421, 425, 426, 428, 429, 431, 511];
