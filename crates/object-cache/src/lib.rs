//! Stored responses in memory; the only door to foyer.
//!
//! Owns where responses are kept, how much they weigh, which go first, and their ready-to-send form. Knows
//! nothing of whether a response may be stored or reused: `caching` decides, and only its [`caching::Stored`]
//! gets in.
//!
//! Invariants: what is held never weighs more than the capacity; the whole key is compared on a hit; keys
//! are hashed with a secret of this process, so that nobody can aim at one bucket; a hit copies no bytes and
//! allocates nothing. A response is published whole or not at all.

mod cache;
mod codings;
mod counters;
mod hasher;
mod response;
mod variants;

pub use cache::{Fill, Inserted, Lookup, ObjectCache};
pub use codings::{Coding, CodingRoom, Codings, Suitability, Taken};
pub use counters::Figures;
pub use response::StoredResponse;
