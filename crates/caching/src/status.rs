//! The `Cache-Status` field (RFC 9211).

use crate::reason::Reason;
use http::StatusCode;
use std::fmt::{self, Display, Formatter, Write};

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
    /// Appends the field value to a buffer that grows; short and without other allocation.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let mut text = Text(out);
        // Writing to a Vec cannot fail.
        let _ = write!(text, "{self}");
    }
}

struct Text<'a>(&'a mut Vec<u8>);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl Display for CacheStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("wardmote")?;
        match self {
            Self::Hit { ttl } => write!(f, "; hit; ttl={ttl}"),
            Self::Stale { ttl, ground: StaleGround::WhileRevalidate } => {
                write!(f, "; hit; ttl={ttl}; detail=stale-while-revalidate")
            }
            // RFC 9211 §2.1: what was sent on is no hit.
            Self::Stale { ttl, ground: StaleGround::Error(status) } => {
                write!(f, "; fwd=stale; fwd-status={}; ttl={ttl}; detail=stale-if-error", status.as_u16())
            }
            Self::Stale { ttl, ground: StaleGround::Unreachable } => {
                write!(f, "; fwd=stale; ttl={ttl}; detail=stale-unreachable")
            }
            Self::Collapsed { why, status } => {
                write!(f, "; fwd={}", why.forward())?;
                if let Some(status) = status {
                    write!(f, "; fwd-status={}", status.as_u16())?;
                }
                f.write_str("; collapsed")?;
                if why.forward() == why.name() { Ok(()) } else { detail(f, *why) }
            }
            Self::Forwarded { why, status, kept } => {
                write!(f, "; fwd={}", why.forward())?;
                if let Some(status) = status {
                    write!(f, "; fwd-status={}", status.as_u16())?;
                }
                match kept {
                    Ok(ttl) => write!(f, "; stored; ttl={ttl}")?,
                    Err(None) => {}
                    Err(Some(reason)) => return detail(f, *reason),
                }
                if why.forward() == why.name() { Ok(()) } else { detail(f, *why) }
            }
            Self::Local { why } => detail(f, *why),
        }
    }
}

/// Reason names are tokens, a legal form of `detail` (RFC 9211 §2.8).
fn detail(f: &mut Formatter<'_>, reason: Reason) -> fmt::Result {
    write!(f, "; detail={}", reason.name())
}
