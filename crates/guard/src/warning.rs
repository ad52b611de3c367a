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
/// Warnings that one cookie says were seen: what a host can have.
const SEEN_MAX: usize = snapshot::WARNINGS_MAX;
/// Stands between them.
const BETWEEN: u8 = b'.';

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
        let mut found = false;
        each_seen(request, |text| {
            found |= self.holds(text, decision, request.source.address);
            !found
        });
        found
    }

    /// The cookie of a visitor who has just seen one warning, and brings along those of `others` that were seen before:
    /// the next warning must not make the last one forgotten.
    pub fn seen_with(
        &self,
        request: &Request<'_>,
        decision: DecisionId,
        others: impl Iterator<Item = DecisionId>,
    ) -> String {
        let visitor = request.source.address;
        let before = others.filter(|other| *other != decision && self.has_seen(request, *other));
        let seen = std::iter::once(decision).chain(before).take(SEEN_MAX);
        let texts: Vec<String> = seen.map(|decision| self.seen(decision, visitor)).collect();
        texts.join(".")
    }
}

/// Goes through what the request says was seen, as long as `go_on` says so.
fn each_seen(request: &Request<'_>, mut go_on: impl FnMut(&[u8]) -> bool) {
    let mut left = COOKIES_MAX;
    request.fields.each_of("cookie", &mut |line| {
        if memmem::find(line, SEEN.as_bytes()).is_none() {
            return true;
        }
        for value in line.split(|byte| *byte == b';').filter_map(seen_of).take(left) {
            left -= 1;
            for text in value.split(|byte| *byte == BETWEEN).take(SEEN_MAX) {
                if !go_on(text) {
                    return false;
                }
            }
        }
        left > 0
    });
}

fn seen_of(pair: &[u8]) -> Option<&[u8]> {
    let pair = pair.trim_ascii();
    [SEEN, SEEN_OVER_TLS].into_iter().find_map(|name| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}
