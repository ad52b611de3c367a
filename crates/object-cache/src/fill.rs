//! What a fetch needs of the store: leave to fill a key, and what became of it.

/// Leave to store what a fetch brings, taken before the fetch begins. Something fetched before its key was
/// dropped or purged is as old as what was dropped, and is refused (RFC 9111 §4.4).
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Fill {
    /// How many drops the key's stripe had seen.
    pub(crate) drops: u64,
    /// Its number, higher than that of every earlier fill of this node, restarts included.
    pub(crate) sequence: u64,
    /// The stamp of the latest purge.
    pub(crate) fetched: u64,
}

/// What became of a response given to [`crate::ObjectCache::insert`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It is held.
    Stored,
    /// Too heavy to hold; what was held stays.
    TooHeavy,
    /// New, and its account has had its share of a memory that others go short of.
    OverShare,
    /// Its key was dropped or purged since the fetch began.
    Dropped,
}
