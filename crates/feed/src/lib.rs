//! How snapshots reach edges: publish, current, changed.
