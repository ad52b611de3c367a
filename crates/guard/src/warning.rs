//! The warning of a decision (M1), which a visitor can pass: who is shown it, and how it is known that somebody has
//! seen it.

use crate::Guard;
use memchr::memmem;
use shield::Request;
use shield::budgets::Prefix;
use shield::challenge::{has_seen, seen};
use std::net::IpAddr;
use std::sync::PoisonError;
use vocabulary::DecisionId;

/// The cookie of whoever has seen a warning and goes on.
pub const SEEN: &str = "wm_seen";
/// The same over TLS.
pub const SEEN_OVER_TLS: &str = "__Host-wm_seen";
/// Cookies of these names that are looked at in one request.
const COOKIES_MAX: usize = 4;

impl Guard {
    /// What a visitor takes along who has seen the warning of a decision.
    pub fn seen(&self, decision: DecisionId, visitor: IpAddr) -> String {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        seen(&keys, decision.as_bytes(), Prefix::of(visitor))
    }

    /// Whether this is what [`Guard::seen`] gave to a visitor.
    pub fn holds(&self, text: &[u8], decision: DecisionId, visitor: IpAddr) -> bool {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        has_seen(text, &keys, decision.as_bytes(), Prefix::of(visitor))
    }

    /// Whether a request comes from somebody who has seen the warning of a decision.
    pub fn has_seen(&self, request: &Request<'_>, decision: DecisionId) -> bool {
        let (mut left, mut found) = (COOKIES_MAX, false);
        request.fields.each_of("cookie", &mut |line| {
            if memmem::find(line, SEEN.as_bytes()).is_some() {
                for value in line.split(|byte| *byte == b';').filter_map(seen_of).take(left) {
                    left -= 1;
                    found |= self.holds(value, decision, request.source.address);
                }
            }
            left > 0 && !found
        });
        found
    }
}

fn seen_of(pair: &[u8]) -> Option<&[u8]> {
    let pair = pair.trim_ascii();
    [SEEN, SEEN_OVER_TLS].into_iter().find_map(|name| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}
