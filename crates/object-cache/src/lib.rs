//! Stored responses in memory; the only door to foyer.
