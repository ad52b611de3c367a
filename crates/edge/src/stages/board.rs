//! Miss | Stale → boarded: a request takes its place in the flight that will bring its answer, and begins
//! that flight where it is the first.

use super::look_up::{Found, Selected, found};
use crate::fill::{self, Order};
use crate::flights::{Arriving, Flights, Joined, Reader};
use crate::ray::Ray;
use crate::request::Request;
use crate::stages::Admitted;
use crate::stages::fetch::Fetched;
use crate::stages::identify::Identified;
use crate::stages::route::Routed;
use crate::worker::Worker;
use caching::{Answer, CacheStatus, Reason, Reuse, StaleLeave, reuse};
use http::uri::PathAndQuery;
use http::{Method, StatusCode, header};
use object_cache::StoredResponse;
use std::sync::Arc;
use vocabulary::Timestamp;

/// A request that may share its answer with others.
pub(crate) struct Voyage<'a> {
    pub(crate) worker: &'a Arc<Worker>,
    pub(crate) request: &'a Request,
    /// The target, where the site's rules have rewritten it.
    pub(crate) target: Option<&'a PathAndQuery>,
    pub(crate) identified: &'a Identified,
    pub(crate) admitted: &'a Admitted,
    pub(crate) routed: &'a Routed<'a>,
    pub(crate) ray: Ray,
    pub(crate) now: Timestamp,
}

/// A stored response that is to be revalidated.
pub(crate) struct Held {
    pub(crate) selected: Selected,
    pub(crate) leave: StaleLeave,
}

/// A place in a flight.
pub(crate) struct Boarded {
    pub(crate) reader: Reader,
    leads: bool,
    why: Reason,
}

/// How an answer that comes in suits a request.
pub(crate) struct Suited {
    pub(crate) form: Answer,
    pub(crate) age: Option<u32>,
    pub(crate) status: CacheStatus,
}

impl Voyage<'_> {
    /// Whether answers for this key were not for everyone a moment ago.
    pub(crate) fn is_marked(&self) -> bool {
        self.worker.shared.flights.alone.of_key(&self.routed.key).stands(self.now)
    }

    /// Whether the origin could not be reached, or failed for this key, a moment ago.
    pub(crate) fn origin_is_away(&self) -> bool {
        let away = &self.worker.shared.flights.away;
        away.of_site(self.routed.key.site).stands(self.now) || away.of_key(&self.routed.key).stands(self.now)
    }

    /// Takes a place; none where the request is between this visitor and the origin. `alone`: nobody may
    /// follow, and it follows nobody.
    pub(crate) fn board(&self, held: Option<&Held>, why: Reason, alone: bool) -> Option<Boarded> {
        if self.request.method != Method::GET || (held.is_none() && self.is_between_two()) {
            return None;
        }
        // Whoever insists on an answer from the origin waits for none that was asked for earlier.
        let insists = matches!(why, Reason::RequestNoCache | Reason::RequestMaxAge | Reason::RequestMinFresh);
        // What credentials bring is seldom for others (RFC 9111 §3.5), and they may be made up to have others wait.
        let apart = alone || insists || self.routed.asked.is_authorized();
        let (reader, listing) = if apart || self.is_marked() {
            Flights::unlisted()?
        } else {
            match self.worker.shared.flights.join(&self.routed.key, self.variant(held, why)) {
                Joined::Closed => return None,
                Joined::Follows(reader) => return Some(Boarded { reader, leads: false, why }),
                Joined::Leads(reader, listing) => (reader, listing),
            }
        };
        let stands_in = held.is_some_and(|held| held.leave != StaleLeave::Forbidden);
        let held = held.map(|held| Arc::clone(&held.selected.stored));
        fill::begin(self.order(held, stands_in, false), listing);
        Some(Boarded { reader, leads: true, why })
    }

    /// Has what is held revalidated while nobody waits for it, unless that is under way.
    pub(crate) fn revalidate_in_background(&self, held: &Held) {
        if self.request.method != Method::GET || self.origin_is_away() {
            return;
        }
        let variant = self.variant(Some(held), Reason::Stale);
        if let Some(listing) = self.worker.shared.flights.list_unread(&self.routed.key, variant) {
            fill::begin(self.order(Some(Arc::clone(&held.selected.stored)), true, true), listing);
        }
    }

    /// Nothing is held, and what stands in a condition or a range is for the origin.
    fn is_between_two(&self) -> bool {
        let own = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::RANGE];
        own.iter().any(|name| self.request.fields.contains_key(name))
    }

    /// Until an answer says that it varies, one flight is for all.
    fn variant(&self, held: Option<&Held>, why: Reason) -> &'static str {
        let varies =
            held.map_or(why == Reason::Vary, |held| !held.selected.stored.stored().variant().is_empty());
        if varies { self.routed.asked.accept_encoding() } else { "" }
    }

    /// The request without what is between it and this visitor, with the target of the key.
    pub(crate) fn without_conditions(&self) -> Request {
        let mut request = self.request.clone();
        if let Some(target) = self.target {
            request.target = target.clone();
        }
        for name in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::RANGE, header::IF_RANGE] {
            request.fields.remove(name);
        }
        request
    }

    fn order(&self, held: Option<Arc<StoredResponse>>, stands_in: bool, unattended: bool) -> Order {
        Order {
            worker: Arc::clone(self.worker),
            admitted: self.admitted.clone(),
            request: self.without_conditions(),
            identified: *self.identified,
            ray: self.ray,
            held,
            stands_in,
            unattended,
        }
    }
}

impl Boarded {
    /// The answer that is not for others, if it is for this one.
    pub(crate) fn handed(&self) -> Option<Box<Fetched<'static>>> {
        if self.leads { self.reader.take_handed() } else { None }
    }

    /// Whether, and in which form, an answer that comes in is this request's. Whoever asked first gets it in
    /// any case; others as if it were stored already (RFC 9111 §4).
    pub(crate) fn suits(
        &self,
        asked: &caching::Request<'_>,
        arriving: &Arriving,
        now: Timestamp,
    ) -> Option<Suited> {
        let verdict = reuse(asked, &arriving.stored, now);
        let (age, ttl, form) = match verdict {
            Reuse::Fresh { age, ttl, answer } => (age, ttl, answer),
            Reuse::Stale { age, ttl, answer, .. } if self.leads => (age, ttl, answer),
            Reuse::Stale { .. } | Reuse::Forward(_) => return None,
        };
        let age = (!self.leads || arriving.aged).then_some(age.as_secs());
        Some(Suited { form, age, status: self.status(arriving.status, ttl) })
    }

    /// The same for a response that was revalidated.
    pub(crate) fn selects(
        &self,
        asked: &caching::Request<'_>,
        stored: Arc<StoredResponse>,
        now: Timestamp,
    ) -> Option<(Selected, CacheStatus)> {
        let verdict = reuse(asked, stored.stored(), now);
        let selected = match found(verdict, stored) {
            Found::Hit(selected) => selected,
            Found::Stale { held, .. } if self.leads => held,
            Found::Stale { .. } | Found::Miss(_) => return None,
        };
        let status = self.status(StatusCode::NOT_MODIFIED, selected.ttl);
        Some((selected, status))
    }

    fn status(&self, status: StatusCode, ttl: i64) -> CacheStatus {
        let (why, status) = (self.why, Some(status));
        match self.leads {
            true => CacheStatus::Forwarded { why, status, kept: Ok(ttl) },
            false => CacheStatus::Collapsed { why, status },
        }
    }
}
