//! Routed → Hit | Miss: whether a stored response answers.

use caching::{Answer, KeyRef, Reason, Request, Reuse, reuse};
use object_cache::{Lookup, ObjectCache, StoredResponse};
use std::sync::Arc;
use vocabulary::Timestamp;

/// What the cache has for a request.
pub(crate) enum Found {
    /// A stored response that may be sent now.
    Hit {
        /// The response.
        stored: Arc<StoredResponse>,
        /// The value of `Age`.
        age: u32,
        /// Seconds it stays fresh.
        ttl: i64,
        /// In which form it answers.
        form: Answer,
    },
    /// Nothing that may be sent without the origin.
    Miss(Reason),
}

/// Looks a request up whose plan is to be looked up.
pub(crate) fn look_up(cache: &ObjectCache, key: &KeyRef<'_>, asked: &Request<'_>, now: Timestamp) -> Found {
    match cache.get(key, asked) {
        Lookup::Absent => Found::Miss(Reason::Absent),
        Lookup::Soft(_) => Found::Miss(Reason::Purged),
        Lookup::OtherVariant => Found::Miss(Reason::Vary),
        Lookup::Found(stored) => match reuse(asked, stored.stored(), now) {
            Reuse::Stale { reason, .. } | Reuse::Forward(reason) => Found::Miss(reason),
            Reuse::Fresh { age, ttl, answer } => Found::Hit { stored, age: age.as_secs(), ttl, form: answer },
        },
    }
}
