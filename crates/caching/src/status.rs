//! The `Cache-Status` field (RFC 9211).

use crate::reason::Reason;
use http::StatusCode;
use std::fmt::{self, Display, Formatter};

/// What this cache did with one request; `Display` gives the field value, with the name `wardmote`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheStatus {
    /// Answered from a stored response.
    Hit {
        /// Seconds it stays fresh.
        ttl: i64,
    },
    /// Answered from a stored response that is no longer fresh.
    Stale {
        /// Seconds it stays fresh, negative since it is stale.
        ttl: i64,
        /// On what ground.
        ground: StaleGround,
    },
    /// Answered with what another request, already under way, brought from the origin.
    Collapsed {
        /// Why it was not answered from here.
        why: Reason,
        /// The origin's status, where one came.
        status: Option<StatusCode>,
    },
    /// Sent on to the origin.
    Forwarded {
        /// Why it was not answered from here.
        why: Reason,
        /// The origin's status, where one came.
        status: Option<StatusCode>,
        /// Whether the answer is being stored, and if not, why, where there is more to say than `why`.
        kept: Result<i64, Option<Reason>>,
    },
    /// Answered here without a stored response and without the origin: 504 to only-if-cached, refusals.
    Local {
        /// Why there was nothing to send.
        why: Reason,
    },
}

/// Why a stale response was sent (RFC 9111 §4.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleGround {
    /// It is being revalidated meanwhile (RFC 5861 §3).
    WhileRevalidate,
    /// The origin answered that it has failed (RFC 5861 §4, RFC 9111 §4.3.3).
    Error(StatusCode),
    /// The origin could not be reached.
    Unreachable,
}

impl CacheStatus {
    /// Shows the field value part by part, without formatting and without allocation.
    pub fn each_part(&self, mut see: impl FnMut(&str)) {
        let mut room = itoa::Buffer::new();
        see("wardmote");
        match *self {
            Self::Hit { ttl } => parts(&mut see, ["; hit; ttl=", room.format(ttl)]),
            Self::Stale { ttl, ground } => {
                match ground {
                    StaleGround::WhileRevalidate => see("; hit"),
                    // RFC 9211 §2.1: what was sent on is no hit.
                    StaleGround::Unreachable => see("; fwd=stale"),
                    StaleGround::Error(status) => {
                        parts(&mut see, ["; fwd=stale; fwd-status=", status.as_str()]);
                    }
                }
                parts(&mut see, ["; ttl=", room.format(ttl), "; detail=", ground.detail()]);
            }
            Self::Collapsed { why, status } => {
                forwarded(&mut see, why, status);
                see("; collapsed");
                more_than_forward(&mut see, why);
            }
            Self::Forwarded { why, status, kept } => {
                forwarded(&mut see, why, status);
                match kept {
                    Ok(ttl) => parts(&mut see, ["; stored; ttl=", room.format(ttl)]),
                    Err(None) => {}
                    Err(Some(reason)) => return detail(&mut see, reason),
                }
                more_than_forward(&mut see, why);
            }
            Self::Local { why } => detail(&mut see, why),
        }
    }
}

impl StaleGround {
    fn detail(self) -> &'static str {
        match self {
            Self::WhileRevalidate => "stale-while-revalidate",
            Self::Error(_) => "stale-if-error",
            Self::Unreachable => "stale-unreachable",
        }
    }
}

impl Display for CacheStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut written = Ok(());
        self.each_part(|part| written = written.and_then(|()| f.write_str(part)));
        written
    }
}

fn parts<const N: usize>(see: &mut impl FnMut(&str), parts: [&str; N]) {
    parts.into_iter().for_each(see);
}

fn forwarded(see: &mut impl FnMut(&str), why: Reason, status: Option<StatusCode>) {
    parts(see, ["; fwd=", why.forward()]);
    if let Some(status) = status {
        parts(see, ["; fwd-status=", status.as_str()]);
    }
}

fn more_than_forward(see: &mut impl FnMut(&str), why: Reason) {
    if why.forward() != why.name() {
        detail(see, why);
    }
}

/// Reason names are tokens, a legal form of `detail` (RFC 9211 §2.8).
fn detail(see: &mut impl FnMut(&str), reason: Reason) {
    parts(see, ["; detail=", reason.name()]);
}
