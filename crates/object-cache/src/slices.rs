//! Storing large bodies slice by slice, and finding the slices again.

use crate::body::ObjectId;
use crate::cache::{ObjectCache, weight};
use crate::counters::count;
use crate::disk::{Loaded, Payload};
use crate::fill::{Fill, Inserted};
use crate::held::{Content, Held, HeldKey, Probe, slice_key};
use crate::owned_key::OwnedKey;
use crate::response::StoredResponse;
use bytes::Bytes;
use caching::{KeyRef, Stored};
use http::{HeaderName, HeaderValue};
use std::sync::Arc;
use std::time::Duration;
use vocabulary::SiteId;

/// How long a fill waits for a disk that is behind, for each slice.
const PATIENCE: Duration = Duration::from_millis(50);

impl ObjectCache {
    /// Begins to store a body too long for one record. A writer that is dropped has published nothing.
    pub fn begin_slices(&self, key: &KeyRef<'_>, fill: Fill) -> SliceWriter<'_> {
        SliceWriter { cache: self, key: key.into(), fill }
    }

    /// Adds a slice to a large body of a site, one that was missing: [`caching::SLICE_BYTES`] long, but for the last.
    /// Waits a little where the disk is behind, then leaves the slice out. Returns whether it is held.
    pub async fn put_slice(&self, site: SiteId, object: ObjectId, index: u32, bytes: Bytes) -> bool {
        let owned = HeldKey::new(&slice_key(object, index));
        if let Some(disk) = self.disk() {
            return disk.write_patiently(owned, Payload::Slice(bytes), PATIENCE).await;
        }
        let held = Held { owner: self.owner(site), content: Content::Slice(bytes) };
        weight(&owned, &held) <= self.entry_bytes_max && self.hold(owned, held, true)
    }

    /// A slice of a large body, if it is still held. The wait for the disk is bounded.
    pub async fn slice(&self, object: ObjectId, index: u32) -> Option<Bytes> {
        let key = slice_key(object, index);
        if let Some(disk) = self.disk() {
            let loaded = disk.load(&HeldKey::new(&key)).await;
            let Loaded::Record { payload: Payload::Slice(bytes), .. } = loaded else { return None };
            count(&self.counters.disk_hits);
            return Some(bytes);
        }
        self.memory.get(&Probe(&key))?.value().slice().cloned()
    }
}

/// A large body on its way in. Its slices can be read as soon as they are put, by who knows its object; the
/// response that leads to them is published last, by [`SliceWriter::finish`].
pub struct SliceWriter<'a> {
    cache: &'a ObjectCache,
    key: OwnedKey,
    fill: Fill,
}

impl SliceWriter<'_> {
    /// Names the slices, for readers that follow the fill.
    pub fn object(&self) -> ObjectId {
        ObjectId(self.fill.sequence)
    }

    /// [`ObjectCache::put_slice`] for this body.
    pub async fn put(&mut self, index: u32, bytes: Bytes) -> bool {
        self.cache.put_slice(self.key.as_ref().site, self.object(), index, bytes).await
    }

    /// Publishes the response. Slices that are missing then are fetched when somebody asks for them.
    pub fn finish(
        self,
        stored: Stored,
        fields: Vec<(HeaderName, HeaderValue)>,
    ) -> (Inserted, Arc<StoredResponse>) {
        let response = Arc::new(StoredResponse::sliced(stored, fields, self.object()));
        (self.cache.insert(&self.key.as_ref(), self.fill, response.clone()), response)
    }
}
