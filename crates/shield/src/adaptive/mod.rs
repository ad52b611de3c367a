//! Adaptive mitigation: noticing an attack on a site, finding what its requests have in common, and
//! acting upon exactly that for as long as it lasts.
//!
//! Owns the record of every site, the shared reference, the slabs of busy sites, the search, and the
//! life of each mitigation. Must not know how a challenge or a block is carried out.
//!
//! How it goes. Each site has a 64-byte record: its usual rate, its origin's usual state. Busy sites
//! have a slab: samples of the last seconds and from calm times, each 16 hashed attributes. When the
//! origin is in distress, or when the rate rises far above anything usual, the search looks for up to
//! four attributes that the excess shares and the usual visitors do not. What is found is tried on
//! one request in a hundred, then challenged, then blocked; undone when those challenged turn out to
//! be people; forgotten after a minute without a match.
//!
//! Invariants: a crowd is no attack: a signature must hold an attribute of the *program* (network, TLS,
//! header order, user agent) that is rare among the usual visitors, or meet requests that no crowd of
//! people sends (`manners`), and while the origin is well what is rare counts only where people are known; the share of usual visitors that a
//! signature would hit is estimated from above and capped; memory is fixed.

mod attributes;
mod engine;
mod manners;
mod mitigation;
mod record;
mod reference;
mod search;
mod slab;
#[cfg(test)]
mod tests;
mod usual;

pub use attributes::{Attribute, Attributes, CacheStatus, Fingerprinter};
pub use engine::{Adaptive, Answers, EVERYWHERE, Event, Evidence, HOT_SITES_MAX, Outcome, Undone};
pub use mitigation::{Stage, Tally, Treatment};
pub use record::{SiteKey, SiteRecord};
pub use search::Signature;
pub use slab::SLAB_BYTES_MAX;
