//! HTTP caching semantics: keys, freshness, Vary, storing and reuse, with a reason for each.
