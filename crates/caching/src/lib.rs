//! HTTP caching semantics: keys, freshness, Vary, storing and reuse, with a reason for each.
//!
//! Owns every decision of RFC 9111 (caching), RFC 9110 §13 (conditions) and §14 (ranges), RFC 9211
//! (`Cache-Status`), RFC 9213 (targeted fields) and RFC 5861 (stale responses), as pure functions over
//! requests and responses; what a site's owner sets beside them ([`Rules`]); and what was purged when
//! ([`Epochs`]). Knows no clock, no store, no socket: instants come in, decisions go out.
//!
//! The road of one response: [`Request::plan`] says whether the cache takes part, [`storable_under`] turns a
//! response head into a [`Storable`], [`Storable::complete`] turns that and the whole body's length into a
//! [`Stored`], and only a `Stored` can be given to [`reuse`]. When that says [`Reuse::Stale`], the origin is
//! asked with [`conditional_fields`] and [`revalidated`] takes in its answer.
//!
//! Invariants: nothing that comes from outside panics; [`Request::read`], [`Stored::matches`] and [`reuse`]
//! do not allocate; in doubt a response is not stored and not reused; what was fetched before a hard purge
//! is never found current.

mod codec;
mod conditional;
mod content_kind;
mod delta;
mod dictionary;
mod directives;
mod encoding;
mod epochs;
mod fields;
mod freshness;
mod head;
mod invalidation;
mod key;
mod language;
mod mode;
pub mod multipart;
mod purge;
mod range;
mod reason;
mod request;
mod reuse;
mod revalidation;
mod rules;
pub mod slices;
mod stale;
mod status;
mod stored;
mod tags;
mod vary;

pub use conditional::Validators;
pub use delta::DeltaSeconds;
pub use directives::{Argument, RequestDirectives, ResponseDirectives};
pub use encoding::AcceptedEncodings;
pub use epochs::{EPOCHS_MAX, EPOCHS_TOTAL_MAX, EntryFacts, Epochs, INVALIDATIONS_MAX, Stamp, Verdict};
pub use fields::{Fields, date_of, end_to_end, http_date};
pub use freshness::{Basis, Exchanged, Freshness};
pub use invalidation::{Invalidation, Target, invalidation, is_safe};
pub use key::{Key, KeyRef, Scheme};
pub use mode::{CacheMode, Limits};
pub use purge::{Purge, PurgeTarget, PurgeWindow};
pub use range::{ByteRange, ContentRange, RANGES_MAX, Ranges};
pub use reason::Reason;
pub use request::{Plan, Request};
pub use reuse::{Answer, Reuse, reuse, reuse_purged};
pub use revalidation::{HeadUpdate, Revalidated, conditional_fields, head_update, revalidated};
pub use rules::{QueryRule, Rules, StatusRange, TtlRule};
pub use slices::SLICE_BYTES;
pub use stale::{StaleLeave, has_failed};
pub use status::{CacheStatus, StaleGround};
pub use stored::{Policy, Storable, Stored, storable, storable_post, storable_under, stored_fields};
pub use tags::{TAG_BYTES_MAX, TAGS_MAX, Tags};
pub use vary::Variant;
