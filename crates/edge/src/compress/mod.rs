//! Other content codings of stored responses: which one answers, and how they come about.
//!
//! A visitor who would rather have a stored response in a coding gets it where it is made already. Where it
//! is not, this visitor gets the identity form and a job goes into a queue; a few blocking threads encode
//! once, and the result joins the stored response for everybody after (`object_cache::Codings`). Nothing is
//! ever encoded while a visitor waits.
//!
//! Invariants: a transformed answer has a weak entity-tag, `Vary: Accept-Encoding` and no field that was
//! computed over the identity form; ranges are served from the identity form only; `no-transform` of either
//! side is kept (RFC 9110 §7.7). Queue, threads and bytes are bounded; what does not fit is dropped, counted,
//! and asked for again by a later visitor.

mod encode;
pub(crate) mod negotiate;
mod pool;
mod suitable;

pub use pool::EncodingFigures;
pub(crate) use pool::{EncoderPool, Encoders};
pub(crate) use suitable::{announce, announce_stored, unannounced};

use crate::request::Request;
use caching::Answer;
use object_cache::{Coding, StoredResponse, Suitability};
use std::sync::Arc;

/// The form of a stored response that answers a request: a coding that is ready and that the visitor
/// prefers, else the response itself. Allocates nothing.
pub(crate) fn choose(
    encoders: &Encoders,
    stored: Arc<StoredResponse>,
    answer: &Answer,
    request: &Request,
) -> Arc<StoredResponse> {
    // A child stores what it gets and codes for itself.
    let whole = matches!(answer, Answer::Full | Answer::NotModified) && request.child.is_none();
    if !whole || !is_suitable(&stored) {
        return stored;
    }
    let wanted = negotiate::preferences(&request.fields);
    let Some(first) = wanted[0] else { return stored };
    if negotiate::forbids_transformation(&request.fields) {
        return stored;
    }
    let codings = stored.codings();
    if let Some(form) = wanted.iter().flatten().find_map(|coding| codings.ready(*coding)) {
        return Arc::clone(form);
    }
    if codings.begin(first) {
        encoders.order(&stored, first);
    }
    stored
}

/// Gives the coded forms of a response to the one that a revalidation has made of it: their bytes are the same.
pub(crate) fn carry_over(encoders: &Encoders, old: &StoredResponse, fresh: &StoredResponse) {
    for coding in Coding::ALL {
        if let Some(form) = old.codings().ready(coding)
            && is_suitable(fresh)
            && fresh.codings().begin(coding)
        {
            encoders.refresh(fresh, coding, form);
        }
    }
}

/// Looks at a response's fields once, and remembers.
fn is_suitable(stored: &StoredResponse) -> bool {
    match stored.codings().suitability() {
        Suitability::Suitable => true,
        Suitability::Unsuitable => false,
        Suitability::Unknown => {
            let suitable = suitable::is_suitable_stored(stored);
            stored.codings().judge(suitable);
            suitable
        }
    }
}
