//! The body of a stored response: whole in memory, or in slices that are held one by one.

use bytes::Bytes;

/// A large object: names its slices, so that no slice of one answer can end up in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ObjectId(pub(crate) u64);

/// Where the bytes of a stored response are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// All of them, here.
    Whole(Bytes),
    /// In slices of [`caching::slices::SLICE_BYTES`], each of which may be held or not: see
    /// [`crate::ObjectCache::slice`].
    Sliced {
        /// Names the slices.
        object: ObjectId,
        /// Bytes of all slices together.
        length: u64,
    },
}

impl Body {
    /// Bytes of the whole body.
    pub fn len(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Sliced { length, .. } => *length,
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, if they are all here.
    pub fn whole(&self) -> Option<&Bytes> {
        match self {
            Self::Whole(bytes) => Some(bytes),
            Self::Sliced { .. } => None,
        }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.whole().map_or(0, Bytes::len)
    }
}
