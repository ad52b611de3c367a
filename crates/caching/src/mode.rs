//! What a site's owner sets for the cache.

/// How far the cache goes for a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CacheMode {
    /// What the origin's fields allow, except responses that set a cookie.
    #[default]
    Guarded,
    /// What the origin's fields allow.
    Origin,
}

/// Bounds of what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest body, in bytes.
    pub body_bytes_max: u64,
}

impl Default for Limits {
    /// 1 MiB: longer bodies pass through.
    fn default() -> Self {
        Self { body_bytes_max: 1 << 20 }
    }
}
