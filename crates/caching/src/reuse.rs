//! Whether a stored response answers a request (RFC 9111 §4).

use crate::conditional::{is_not_modified, range_applies};
use crate::delta::DeltaSeconds;
use crate::range::{Asked, ByteRange, asked};
use crate::reason::Reason;
use crate::request::{Kind, Request};
use crate::stored::Stored;
use http::StatusCode;
use vocabulary::Timestamp;

/// What to do with a stored response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// Send it.
    Fresh {
        /// The value of the `Age` field to send.
        age: DeltaSeconds,
        /// Seconds it stays fresh, for `Cache-Status`.
        ttl: i64,
        /// In which form.
        answer: Answer,
    },
    /// Ask the origin.
    Forward(Reason),
}

/// The form in which a stored response is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// As stored; without its body when the method is HEAD.
    Full,
    /// 304 with the fields of RFC 9110 §15.4.5.
    NotModified,
    /// 206 with these bytes.
    Range(ByteRange),
    /// 416 with `Content-Range: bytes */LENGTH`.
    RangeNotSatisfiable,
}

/// Judges a stored response for a request whose plan is to look up. Does not allocate.
pub fn reuse(request: &Request<'_>, stored: &Stored, now: Timestamp) -> Reuse {
    match obstacle(request, stored, now) {
        Some(reason) => Reuse::Forward(reason),
        None => Reuse::Fresh {
            age: stored.freshness.age(now),
            ttl: stored.freshness.remaining(now),
            answer: answer(request, stored),
        },
    }
}

fn obstacle(request: &Request<'_>, stored: &Stored, now: Timestamp) -> Option<Reason> {
    if !stored.matches(request) {
        return Some(Reason::Vary);
    }
    if !stored.freshness.is_fresh(now) {
        return Some(Reason::Stale);
    }
    let directives = &request.directives;
    if directives.no_cache {
        return Some(Reason::RequestNoCache);
    }
    let age = stored.freshness.age(now);
    if directives.max_age.seconds().is_some_and(|limit| age > limit) {
        return Some(Reason::RequestMaxAge);
    }
    let ttl = stored.freshness.remaining(now);
    if directives.min_fresh.seconds().is_some_and(|wanted| i64::from(wanted.as_secs()) > ttl) {
        return Some(Reason::RequestMinFresh);
    }
    None
}

/// Conditions first, then the range (RFC 9110 §13.2.2). Both are ignored where the answer without them
/// would not be 2xx (§13.2.1), a range where it would not be 200 (§14.2) or the method is not GET.
fn answer(request: &Request<'_>, stored: &Stored) -> Answer {
    if !stored.status.is_success() {
        return Answer::Full;
    }
    if is_not_modified(request, &stored.validators) {
        return Answer::NotModified;
    }
    let conditions = &request.conditions;
    let Some(range) = conditions.range.value() else { return Answer::Full };
    let refused = match conditions.if_range {
        crate::request::Single::Absent => false,
        crate::request::Single::Once(value) => !range_applies(value, &stored.validators),
        crate::request::Single::Repeated => true,
    };
    if refused || stored.status != StatusCode::OK || request.method != Kind::Get {
        return Answer::Full;
    }
    match asked(range, stored.length) {
        Asked::Ignored => Answer::Full,
        Asked::Range(range) => Answer::Range(range),
        Asked::Unsatisfiable => Answer::RangeNotSatisfiable,
    }
}
