//! Whether a stored response may be sent although it is stale (RFC 9111 §4.2.4, RFC 5861).
//!
//! `no-cache`, `must-revalidate` and `proxy-revalidate` forbid it whatever else is said. So does
//! `s-maxage` (RFC 9111 §5.2.2.10), unless the same origin names the occasion itself: then
//! `stale-while-revalidate` or `stale-if-error` is the explicit leave that §4.2.4 asks for.

use crate::delta::DeltaSeconds;
use crate::directives::{Argument, ResponseDirectives};
use http::StatusCode;

/// How a stale response may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleLeave {
    /// Send it now and revalidate in the background (RFC 5861 §3, RFC 9111 §5.2.1.2).
    WhileRevalidate,
    /// Revalidate first; send it if the origin cannot be reached or [`has_failed`].
    IfError,
    /// Never without successful validation.
    Forbidden,
}

/// Whether a status says that the origin has failed, so that a stale response may stand in for it where
/// [`StaleLeave::IfError`] allows it (RFC 5861 §4; RFC 9111 §4.3.3).
pub fn has_failed(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// What the origin said about staleness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct StaleRules {
    /// `no-cache`: not even a fresh one is sent without validation.
    pub(crate) always_revalidate: bool,
    /// `must-revalidate`, `proxy-revalidate`.
    pub(crate) forbidden: bool,
    /// `s-maxage`: only for what is named.
    pub(crate) only_if_named: bool,
    pub(crate) while_revalidate: DeltaSeconds,
    pub(crate) if_error: Option<DeltaSeconds>,
}

impl StaleRules {
    pub(crate) fn of(directives: &ResponseDirectives) -> Self {
        Self {
            always_revalidate: directives.no_cache,
            forbidden: directives.must_revalidate || directives.proxy_revalidate,
            only_if_named: directives.s_maxage != Argument::Absent,
            while_revalidate: directives.stale_while_revalidate.seconds().unwrap_or_default(),
            if_error: directives.stale_if_error.seconds(),
        }
    }

    /// The leave for a response that has been stale for so many seconds.
    pub(crate) fn leave(&self, stale_secs: i64) -> StaleLeave {
        if self.always_revalidate || self.forbidden {
            return StaleLeave::Forbidden;
        }
        if i64::from(self.while_revalidate.as_secs()) > stale_secs {
            return StaleLeave::WhileRevalidate;
        }
        match self.if_error {
            // The only thing 0 can mean is: not even then.
            Some(DeltaSeconds::ZERO) => StaleLeave::Forbidden,
            Some(limit) if self.only_if_named && i64::from(limit.as_secs()) <= stale_secs => {
                StaleLeave::Forbidden
            }
            None if self.only_if_named => StaleLeave::Forbidden,
            // Disconnected from the origin, a cache may send what is not forbidden (RFC 9111 §4.2.4).
            Some(_) | None => StaleLeave::IfError,
        }
    }

    /// The leave for a response that is fresh but not fresh enough for a request: being fresh, it is not
    /// under any rule about stale ones.
    pub(crate) fn leave_while_fresh(&self) -> StaleLeave {
        if self.always_revalidate { StaleLeave::Forbidden } else { StaleLeave::IfError }
    }

    /// Whether the origin lets it be sent stale on some occasion, in so many words.
    pub(crate) fn has_leave(&self) -> bool {
        let named = self.while_revalidate > DeltaSeconds::ZERO || self.if_error > Some(DeltaSeconds::ZERO);
        named && !self.always_revalidate && !self.forbidden
    }

    /// Whether a client may say that a stale response is good enough for it.
    pub(crate) fn client_may_accept(&self) -> bool {
        !(self.always_revalidate || self.forbidden || self.only_if_named)
    }
}
