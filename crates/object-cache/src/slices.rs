//! Storing a large body slice by slice.

use crate::body::ObjectId;
use crate::cache::ObjectCache;
use crate::fill::{Fill, Inserted};
use crate::held::HeldKey;
use crate::response::StoredResponse;
use bytes::Bytes;
use caching::Stored;
use http::{HeaderName, HeaderValue};
use std::sync::Arc;

/// A large body on its way in. Its slices can be read as soon as they are put, by who knows its object; the
/// response that leads to them is published last, by [`SliceWriter::finish`].
pub struct SliceWriter<'a> {
    cache: &'a ObjectCache,
    key: HeldKey,
    fill: Fill,
}

impl<'a> SliceWriter<'a> {
    pub(crate) fn new(cache: &'a ObjectCache, key: HeldKey, fill: Fill) -> Self {
        Self { cache, key, fill }
    }

    /// Names the slices, for readers that follow the fill.
    pub fn object(&self) -> ObjectId {
        ObjectId(self.fill.sequence)
    }

    /// Stores a slice: [`caching::slices::SLICE_BYTES`] long, but for the last. Waits a little where the disk is
    /// behind, then leaves the slice out. Returns whether it is held.
    pub async fn put(&mut self, index: u32, bytes: Bytes) -> bool {
        self.cache.put_slice(self.object(), index, bytes).await
    }

    /// Publishes the response. Slices that are missing then are fetched when somebody asks for them.
    pub fn finish(
        self,
        stored: Stored,
        fields: Vec<(HeaderName, HeaderValue)>,
    ) -> (Inserted, Arc<StoredResponse>) {
        let response = Arc::new(StoredResponse::sliced(stored, fields, self.object()));
        (self.cache.publish(self.key, self.fill, response.clone()), response)
    }
}
