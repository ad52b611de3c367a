//! What the memory holds under one key.

use crate::body::ObjectId;
use crate::shares::Owner;
use crate::variants::Variants;
use bytes::Bytes;
use std::hash::{Hash, Hasher};

/// What is held, and on whose account.
pub(crate) struct Held {
    pub(crate) owner: Owner,
    pub(crate) content: Content,
}

/// The responses of an address, or one slice of a large body.
pub(crate) enum Content {
    Responses(Variants),
    Slice(Bytes),
}

impl Held {
    pub(crate) fn responses(&self) -> Option<&Variants> {
        match &self.content {
            Content::Responses(variants) => Some(variants),
            Content::Slice(_) => None,
        }
    }

    pub(crate) fn slice(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Slice(bytes) => Some(bytes),
            Content::Responses(_) => None,
        }
    }

    pub(crate) fn weight(&self) -> usize {
        match &self.content {
            Content::Responses(variants) => variants.weight(),
            Content::Slice(bytes) => bytes.len(),
        }
    }
}

/// A key as the index holds it: that of an address, or that of a slice, which is shorter than any other.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct HeldKey(Box<[u8]>);

impl HeldKey {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Hash for HeldKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

/// The bytes of a key; hashes like the [`HeldKey`] of the same bytes.
pub(crate) struct Probe<'a>(pub(crate) &'a [u8]);

impl Hash for Probe<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.0);
    }
}

impl equivalent::Equivalent<HeldKey> for Probe<'_> {
    fn equivalent(&self, key: &HeldKey) -> bool {
        *self.0 == *key.0
    }
}

/// The key of one slice.
pub(crate) fn slice_key(object: ObjectId, index: u32) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&object.0.to_be_bytes());
    bytes[8..].copy_from_slice(&index.to_be_bytes());
    bytes
}
