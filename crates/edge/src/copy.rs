//! The way from a stored copy to one visitor.

use crate::compress::choose;
use crate::passage::Facts;
use crate::ports::{Answer, OwnFields};
use crate::reasons::Reason;
use crate::stages::board::Held;
use crate::stages::look_up::Selected;
use crate::stages::slices::Sliced;
use crate::stages::stored::{self, Whole};
use crate::trail::Trail;
use caching::{CacheStatus, StaleGround};
use object_cache::Body;
use std::pin::Pin;

/// Hit | Stale | Revalidated → Answered.
pub(crate) async fn send<A: Answer>(
    facts: &Facts<'_>,
    selected: Selected,
    status: CacheStatus,
    trail: &mut Trail,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let Facts { worker, request, routed, .. } = facts;
    let Selected { stored, age, form, .. } = selected;
    trail.cache = Some(status);
    let stored = choose(&worker.shared.encoders, stored, &form, request);
    let own = OwnFields { age: Some(age), ..trail.own_fields() };
    match stored.body() {
        Body::Whole(body) => stored::send(&stored, Whole(body), form, &routed.asked, own, answer).await,
        Body::Sliced { object, .. } => {
            let voyage = facts.voyage(trail);
            let sliced = Sliced { voyage: &voyage, stored: &stored, object: *object, run: None };
            boxed(stored::send(&stored, sliced, form, &routed.asked, own, answer)).await
        }
    }
}

/// Sends what is held as it is.
pub(crate) async fn stale<A: Answer>(
    facts: &Facts<'_>,
    held: &Held,
    ground: StaleGround,
    trail: &mut Trail,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let status = CacheStatus::Stale { ttl: held.selected.ttl, ground };
    send(facts, held.selected.clone(), status, trail, answer).await.map(|_| Reason::Stale)
}

/// What is not needed to answer from the cache has a box of its own, so that a connection does not carry
/// its memory while idle.
///
/// Inlined, so that the step is made in its box: of what is made elsewhere, all of its memory is copied, used or not.
#[inline(always)]
pub(crate) fn boxed<F: Future>(step: F) -> Pin<Box<F>> {
    Box::pin(step)
}
