//! Fetched → learnt: what the answer to a HEAD says about the stored answer to GET (RFC 9111 §4.3.5).

use super::fetch::Fetched;
use super::route::Routed;
use crate::compress::{announce_stored, carry_over, unannounced};
use crate::worker::Worker;
use caching::{Exchanged, HeadUpdate, Limits, head_update};
use object_cache::{Fill, Lookup};

/// Renews what is stored where it is the same, and lets go of it where it is another. `fill` was begun before
/// the origin was asked.
pub(crate) fn learn_from_head(
    worker: &Worker,
    routed: &Routed<'_>,
    fill: Fill,
    fetched: &Fetched<'_>,
    exchanged: Exchanged,
) {
    let cache = &worker.shared.cache;
    let (Lookup::Found(held) | Lookup::Soft(held)) = cache.get(&routed.key, &routed.asked) else { return };
    let Fetched { status, fields, .. } = fetched;
    let policy = routed.policy(Limits::default());
    let theirs = unannounced(&held);
    match head_update(held.stored(), &theirs, *status, fields, &policy, exchanged) {
        HeadUpdate::Nothing => {}
        HeadUpdate::Updated(stored, mut fields) => {
            announce_stored(&mut fields, stored.status(), Some(stored.length()));
            let (_, fresh) = cache.update(&routed.key, fill, &held, stored, fields);
            carry_over(&worker.shared.encoders, &held, &fresh);
        }
        HeadUpdate::Outdated => cache.drop_response(&routed.key, &held),
    }
}
