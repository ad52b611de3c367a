//! Customers' error pages: compiled, kept, handed to edges, looked at.
//!
//! Owns the way of a page from a file or a request to the records, where it lies under the digest of its bytes,
//! and into the parcel, which carries each page once however many sites name it. What a page may say is
//! `error_pages`' work; what is fetched for it comes by `outbound`.
//!
//! Invariant: a site names only pages that are held and suit their class.

mod press;
mod preview;
mod shelf;

pub(crate) use press::{PressRefusal, press, settle};
pub(crate) use preview::{preview, sample};
pub(crate) use shelf::Shelf;
