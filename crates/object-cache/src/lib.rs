//! Stored responses in memory; the only door to foyer.
//!
//! Owns where responses are kept, how much they weigh, which go first, and their ready-to-send form. Knows
//! nothing of whether a response may be stored or reused: `caching` decides, and only its [`caching::Stored`]
//! gets in.
//!
//! Invariants: what is held never weighs more than the capacity; the whole key is compared on a hit; keys
//! are hashed with a secret of this process, so that nobody can aim at one bucket; a hit copies no bytes and
//! allocates nothing. A response is published whole or not at all.

mod body;
mod cache;
mod codings;
mod counters;
mod disk;
mod drops;
mod fill;
mod hasher;
mod held;
mod journal;
mod loading;
mod options;
mod owned_key;
mod purges;
mod quota;
mod removal;
mod response;
mod shares;
mod slices;
mod standing;
mod variants;

pub use body::{Body, ObjectId};
pub use cache::{Lookup, ObjectCache};
pub use codings::{Coding, CodingRoom, Codings, Suitability, Taken};
pub use counters::Figures;
pub use fill::{Fill, Inserted};
pub use journal::JournalError;
pub use options::{Disk, OpenError, Options};
pub use quota::Quota;
pub use response::StoredResponse;
pub use shares::Owner;
pub use slices::SliceWriter;
