//! The operator's part in the defence: bans, allowances, switches with an end, lists and their feeds.
//!
//! Owns the book in which they stand, the cap on what lowers a site's service, the reading of feeds, and the
//! port to the data plane's events. Must not know what an edge does with them. The book is one register of the
//! records; edges get it with the next parcel.

mod book;
mod cap;
mod desk;
mod feeds;
mod port;

pub(crate) use book::{Book, BookRefusal, Order, SwitchOrder};
pub(crate) use cap::CAP;
pub(crate) use desk::{DeskRefusal, book, change};
pub(crate) use feeds::{FeedState, Feeds, check_feed_place, read_feeds, recall_feeds};
pub use port::{Defence, EventsWanted};
