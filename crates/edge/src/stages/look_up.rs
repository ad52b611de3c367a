//! Routed → Hit | Stale | Miss: whether a stored response answers.

use caching::{Answer, KeyRef, Reason, Request, Reuse, StaleLeave, reuse, reuse_purged};
use object_cache::{Lookup, ObjectCache, StoredResponse};
use std::sync::Arc;
use vocabulary::Timestamp;

/// What the cache has for a request.
pub(crate) enum Found {
    /// A stored response that may be sent now.
    Hit(Selected),
    /// A stored response that is to be revalidated, before or after it is sent.
    Stale {
        /// The response.
        held: Selected,
        /// Whether it may be sent without being revalidated first.
        leave: StaleLeave,
        /// Why it may not just be sent.
        why: Reason,
    },
    /// Nothing that answers this request.
    Miss(Reason),
}

/// A stored response that a request selects.
#[derive(Clone)]
pub(crate) struct Selected {
    pub(crate) stored: Arc<StoredResponse>,
    /// The value of `Age`.
    pub(crate) age: u32,
    /// Seconds it stays fresh.
    pub(crate) ttl: i64,
    /// In which form it answers.
    pub(crate) form: Answer,
}

/// Looks a request up in memory whose plan is to be looked up.
pub(crate) fn look_up(cache: &ObjectCache, key: &KeyRef<'_>, asked: &Request<'_>, now: Timestamp) -> Found {
    judged(cache.get(key, asked), asked, now)
}

/// The same, on disk too.
pub(crate) async fn load(
    cache: &ObjectCache,
    key: &KeyRef<'_>,
    asked: &Request<'_>,
    now: Timestamp,
) -> Found {
    judged(cache.load(key, asked).await, asked, now)
}

fn judged(lookup: Lookup, asked: &Request<'_>, now: Timestamp) -> Found {
    match lookup {
        Lookup::Absent => Found::Miss(Reason::Absent),
        Lookup::OtherVariant => Found::Miss(Reason::Vary),
        Lookup::Found(stored) => found(reuse(asked, stored.stored(), now), stored),
        Lookup::Soft(stored) => found(reuse_purged(asked, stored.stored(), now), stored),
    }
}

/// What a verdict on a stored response comes to.
pub(crate) fn found(verdict: Reuse, stored: Arc<StoredResponse>) -> Found {
    match verdict {
        Reuse::Fresh { age, ttl, answer } => {
            Found::Hit(Selected { stored, age: age.as_secs(), ttl, form: answer })
        }
        Reuse::Stale { age, ttl, answer, leave, reason } => {
            let held = Selected { stored, age: age.as_secs(), ttl, form: answer };
            Found::Stale { held, leave, why: reason }
        }
        Reuse::Forward(reason) => Found::Miss(reason),
    }
}
