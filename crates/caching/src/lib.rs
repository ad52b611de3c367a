//! HTTP caching semantics: keys, freshness, Vary, storing and reuse, with a reason for each.
//!
//! Owns every decision of RFC 9111 (caching), RFC 9110 §13 (conditions) and §14 (ranges), RFC 9211
//! (`Cache-Status`), as pure functions over requests and responses. Knows no clock, no store, no socket:
//! instants come in, decisions go out.
//!
//! The road of one response: [`Request::plan`] says whether the cache takes part, [`storable`] turns a
//! response head into a [`Storable`], [`Storable::complete`] turns that and the whole body's length into a
//! [`Stored`], and only a `Stored` can be given to [`reuse`].
//!
//! Invariants: nothing that comes from outside panics; [`Request::read`], [`Stored::matches`] and [`reuse`]
//! do not allocate; in doubt a response is not stored and not reused.

mod conditional;
mod delta;
mod directives;
mod encoding;
mod fields;
mod freshness;
mod invalidation;
mod key;
mod mode;
mod range;
mod reason;
mod request;
mod reuse;
mod status;
mod stored;
mod vary;

pub use conditional::Validators;
pub use delta::DeltaSeconds;
pub use directives::{Argument, RequestDirectives, ResponseDirectives};
pub use encoding::AcceptedEncodings;
pub use fields::{Fields, date_of, end_to_end, http_date};
pub use freshness::{Exchanged, Freshness};
pub use invalidation::{Invalidation, Target, invalidation, is_safe};
pub use key::{Key, KeyRef, Scheme};
pub use mode::{CacheMode, Limits};
pub use range::ByteRange;
pub use reason::Reason;
pub use request::{Plan, Request};
pub use reuse::{Answer, Reuse, reuse};
pub use status::CacheStatus;
pub use stored::{Storable, Stored, storable, stored_fields};
pub use vary::Variant;
