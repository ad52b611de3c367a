//! The parts of a key, kept while a fill is under way.

use caching::{KeyRef, Scheme};
use vocabulary::SiteId;

/// A [`KeyRef`] that owns what it points to.
pub(crate) struct OwnedKey {
    site: SiteId,
    scheme: Scheme,
    host: Box<str>,
    port: Option<u16>,
    path: Box<[u8]>,
    query: Option<Box<[u8]>>,
}

impl OwnedKey {
    pub(crate) fn as_ref(&self) -> KeyRef<'_> {
        KeyRef {
            site: self.site,
            scheme: self.scheme,
            host: &self.host,
            port: self.port,
            path: &self.path,
            query: self.query.as_deref(),
        }
    }
}

impl From<&KeyRef<'_>> for OwnedKey {
    fn from(key: &KeyRef<'_>) -> Self {
        Self {
            site: key.site,
            scheme: key.scheme,
            host: key.host.into(),
            port: key.port,
            path: key.path.into(),
            query: key.query.map(Box::from),
        }
    }
}
