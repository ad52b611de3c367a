//! The fields of a response head that decide about storing, read once.

use crate::conditional::{Validators, is_entity_tag};
use crate::directives::{Argument, ResponseDirectives};
use crate::fields::{Fields, date_of, trim};
use crate::freshness::TimeFields;
use crate::reason::Reason;
use crate::tags::{TagLines, Tags};
use crate::vary::VaryFields;
use http::StatusCode;
use vocabulary::Timestamp;

/// What a response head says.
pub(crate) struct Head<'a> {
    /// Those of the targeted field where there is one, else of Cache-Control.
    pub(crate) directives: ResponseDirectives,
    /// A targeted field took the place of Cache-Control and Expires (RFC 9213 §2.1).
    pub(crate) targeted: bool,
    /// RFC 9111 §5.2.2.6, in whichever field.
    pub(crate) no_transform: bool,
    pub(crate) times: TimeFields,
    pub(crate) vary: VaryFields,
    pub(crate) tags: Tags,
    pub(crate) content_length: Option<u64>,
    pub(crate) content_type: Option<&'a [u8]>,
    pub(crate) content_language: Option<&'a [u8]>,
    pub(crate) set_cookie: bool,
    pub(crate) last_modified: Option<Timestamp>,
    etag: Option<&'a [u8]>,
}

impl<'a> Head<'a> {
    pub(crate) fn read(fields: &'a dyn Fields) -> Self {
        let mut lines = Lines::default();
        fields.each(&mut |name, value| lines.line(name, value));
        lines.finish()
    }

    /// The validators of the response; `received` stands in for a missing Date (RFC 9110 §6.6.1).
    pub(crate) fn validators(&self, received: Timestamp) -> Validators {
        Validators {
            etag: self.etag.filter(|tag| is_entity_tag(tag)).map(Box::from),
            last_modified: self.last_modified,
            date: Some(self.times.date.unwrap_or(received)),
        }
    }
}

impl ResponseDirectives {
    /// The directives that count for this cache, read without the rest of the head: most answers that may
    /// not be stored say so here.
    pub(crate) fn of(fields: &dyn Fields) -> Self {
        let (mut cache_control, mut cdn) = (Self::default(), Vec::new());
        fields.each(&mut |name, value| match name.len() {
            13 if name.eq_ignore_ascii_case("cache-control") => cache_control.line(trim(value)),
            17 if name.eq_ignore_ascii_case("cdn-cache-control") => cdn.push(trim(value)),
            _ => {}
        });
        Self::targeted(&cdn).unwrap_or(cache_control)
    }

    /// Whether a shared cache may store an answer with this status under these directives (RFC 9111 §3,
    /// §3.5). `authorized`: the request had credentials.
    pub(crate) fn check(&self, status: StatusCode, authorized: bool) -> Result<(), Reason> {
        let code = status.as_u16();
        if code == 206 {
            return Err(Reason::Partial);
        }
        if code < 200 || code == 304 || NEVER_STORED.contains(&code) {
            return Err(Reason::Status);
        }
        let understood = UNDERSTOOD.contains(&code);
        if self.must_understand && !understood {
            return Err(Reason::Status);
        }
        // RFC 9111 §5.2.2.3: with a status it understands a cache passes over no-store.
        if self.no_store && !(self.must_understand && understood) {
            return Err(Reason::NoStore);
        }
        if self.private {
            return Err(Reason::Private);
        }
        let shared = self.public || self.must_revalidate || matches!(self.s_maxage, Argument::Seconds(_));
        if authorized && !shared {
            return Err(Reason::Authorization);
        }
        Ok(())
    }
}

#[derive(Default)]
struct Lines<'a> {
    cache_control: ResponseDirectives,
    cdn: Vec<&'a [u8]>,
    times: TimeFields,
    vary: VaryFields,
    tags: TagLines<'a>,
    etag: Option<&'a [u8]>,
    etag_repeated: bool,
    last_modified: Option<&'a [u8]>,
    content_length: Option<u64>,
    content_type: Option<&'a [u8]>,
    content_language: Option<&'a [u8]>,
    set_cookie: bool,
}

impl<'a> Lines<'a> {
    fn line(&mut self, name: &str, value: &'a [u8]) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let value = trim(value);
        match name.len() {
            3 if is("age") => self.times.age_line(value),
            4 if is("date") => self.times.date_line(value),
            4 if is("etag") => self.etag_repeated |= self.etag.replace(value).is_some(),
            4 if is("vary") => self.vary.line(value),
            7 if is("expires") => self.times.expires_line(value),
            9 if is("cache-tag") => self.tags.cache_tag(value),
            10 if is("set-cookie") => self.set_cookie = true,
            12 if is("content-type") => self.content_type = Some(value),
            13 if is("cache-control") => self.cache_control.line(value),
            13 if is("last-modified") => self.last_modified = Some(value),
            13 if is("surrogate-key") => self.tags.surrogate_key(value),
            14 if is("content-length") => {
                // Unreadable lengths were refused with the response's framing; here they match no body.
                let read = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                self.content_length = Some(read.unwrap_or(u64::MAX));
            }
            16 if is("content-language") => self.content_language = Some(value),
            17 if is("cdn-cache-control") => self.cdn.push(value),
            _ => {}
        }
    }

    fn finish(self) -> Head<'a> {
        let targeted = ResponseDirectives::targeted(&self.cdn);
        Head {
            directives: targeted.unwrap_or(self.cache_control),
            targeted: targeted.is_some(),
            no_transform: self.cache_control.no_transform || targeted.is_some_and(|field| field.no_transform),
            times: self.times,
            vary: self.vary,
            tags: self.tags.finish(),
            content_length: self.content_length,
            content_type: self.content_type,
            content_language: self.content_language,
            set_cookie: self.set_cookie,
            last_modified: self.last_modified.and_then(date_of),
            etag: self.etag.filter(|_| !self.etag_repeated),
        }
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
