//! Versions and pages.

use serde::{Deserialize, Serialize};

/// A value with the version under which it was read; the next put names this version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// Counts from 1 with each put.
    pub version: u64,
    /// The value.
    pub value: T,
}

/// A place in a list; opaque, but stable: it stays valid while items come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub u64);

/// Which part of a list: newest first, the items older than `after`.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// The last item already seen; `None` starts with the newest.
    pub after: Option<Cursor>,
    /// The number of items wanted; brought into 1..=[`PAGE_MAX`](crate::bounds::PAGE_MAX).
    pub limit: u32,
}

impl Page {
    /// The newest items.
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }

    /// The number of items a store gives at most.
    pub fn bounded_limit(&self) -> u32 {
        self.limit.clamp(1, crate::bounds::PAGE_MAX)
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::first(50)
    }
}

/// One page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<Cursor>,
}
