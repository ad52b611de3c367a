//! Whether a stored response answers a request (RFC 9111 §4).

use crate::conditional::{is_not_modified, range_applies};
use crate::delta::DeltaSeconds;
use crate::directives::Argument;
use crate::freshness::Basis;
use crate::range::{Asked, ByteRange, asked};
use crate::reason::Reason;
use crate::request::{Kind, Request};
use crate::stale::StaleLeave;
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
    /// It must be revalidated, before or after it is sent.
    Stale {
        /// The value of the `Age` field, should it be sent as it is.
        age: DeltaSeconds,
        /// Seconds it stays fresh, for `Cache-Status`; not negative where only the request wants it fresher.
        ttl: i64,
        /// In which form, should it be sent as it is.
        answer: Answer,
        /// Whether it may be sent without being revalidated first.
        leave: StaleLeave,
        /// Why it may not just be sent.
        reason: Reason,
    },
    /// Ask the origin; the stored response is no answer to this request.
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
    /// 206 with `multipart/byteranges` of what [`Request::ranges`] gives.
    Ranges,
    /// 416 with `Content-Range: bytes */LENGTH`.
    RangeNotSatisfiable,
}

/// Judges a stored response for a request whose plan is to look up. Does not allocate.
pub fn reuse(request: &Request<'_>, stored: &Stored, now: Timestamp) -> Reuse {
    if !stored.matches(request) {
        return Reuse::Forward(Reason::Vary);
    }
    match obstacle(request, stored, now) {
        None => Reuse::Fresh {
            age: stored.freshness.age(now),
            ttl: stored.freshness.remaining(now),
            answer: answer(request, stored),
        },
        Some((reason, leave)) => stale(request, stored, now, reason, leave),
    }
}

/// Judges a stored response that was purged softly: stale, however long it was to live.
pub fn reuse_purged(request: &Request<'_>, stored: &Stored, now: Timestamp) -> Reuse {
    if !stored.matches(request) {
        return Reuse::Forward(Reason::Vary);
    }
    let leave = match stored.stale.leave(stored.freshness.stale_secs(now)) {
        StaleLeave::Forbidden => StaleLeave::Forbidden,
        // Its owner knows of something newer: that is waited for.
        StaleLeave::WhileRevalidate | StaleLeave::IfError => StaleLeave::IfError,
    };
    stale(request, stored, now, Reason::Purged, leave)
}

fn stale(request: &Request<'_>, stored: &Stored, now: Timestamp, reason: Reason, leave: StaleLeave) -> Reuse {
    Reuse::Stale {
        age: stored.freshness.age(now),
        ttl: stored.freshness.remaining(now),
        answer: answer(request, stored),
        leave,
        reason,
    }
}

/// Why a response may not just be sent (§4), and what else may be done with it.
fn obstacle(request: &Request<'_>, stored: &Stored, now: Timestamp) -> Option<(Reason, StaleLeave)> {
    let directives = &request.directives;
    if stored.stale.always_revalidate {
        return Some((Reason::Revalidate, StaleLeave::Forbidden));
    }
    if !stored.freshness.is_fresh(now) {
        return Some((Reason::Stale, stale_leave(request, stored, now)));
    }
    let ttl = stored.freshness.remaining(now);
    let reason = if directives.no_cache {
        Reason::RequestNoCache
    } else if directives.max_age.seconds().is_some_and(|limit| stored.freshness.age(now) > limit) {
        Reason::RequestMaxAge
    } else if directives.min_fresh.seconds().is_some_and(|wanted| i64::from(wanted.as_secs()) > ttl) {
        Reason::RequestMinFresh
    } else if stored.cookieless && request.cookie {
        Reason::Cookie
    } else {
        return None;
    };
    Some((reason, stored.stale.leave_while_fresh()))
}

/// What the origin leaves open, less what the client asks, more what it accepts (§5.2.1).
fn stale_leave(request: &Request<'_>, stored: &Stored, now: Timestamp) -> StaleLeave {
    let directives = &request.directives;
    let stale_secs = stored.freshness.stale_secs(now);
    let leave = stored.stale.leave(stale_secs);
    let wants_fresh = directives.no_cache
        // How stale it is, nobody can say.
        || stored.freshness.basis() == Basis::Nothing
        || directives.min_fresh.seconds().is_some_and(|wanted| wanted > DeltaSeconds::ZERO)
        || directives.max_age.seconds().is_some_and(|limit| stored.freshness.age(now) > limit);
    let accepts = match directives.max_stale {
        Argument::Absent => directives.any_stale,
        Argument::Invalid => false,
        Argument::Seconds(limit) => i64::from(limit.as_secs()) > stale_secs,
    };
    match leave {
        StaleLeave::WhileRevalidate if wants_fresh => StaleLeave::IfError,
        StaleLeave::IfError if accepts && !wants_fresh && stored.stale.client_may_accept() => {
            StaleLeave::WhileRevalidate
        }
        leave => leave,
    }
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
    match asked(range, stored.length, &mut |_| ()) {
        Asked::Ignored => Answer::Full,
        Asked::One(range) => Answer::Range(range),
        Asked::Several => Answer::Ranges,
        Asked::Unsatisfiable => Answer::RangeNotSatisfiable,
    }
}
