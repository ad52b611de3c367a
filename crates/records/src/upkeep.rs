//! What the operator does with the store as a whole.

use crate::{BackupError, StoreError};
use async_trait::async_trait;
use std::path::Path;
use vocabulary::Timestamp;

/// Keeps the store in order.
#[async_trait]
pub trait Upkeep: Send + Sync + 'static {
    /// Whether the store can be read and written now; changes nothing. For `/readyz`.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Writes a whole, consistent copy to a file that must not exist yet, while others go on working;
    /// returns its size in bytes. The file is durable when this returns, and readable by its owner only.
    async fn backup(&self, to: &Path) -> Result<u64, BackupError>;

    /// Removes ended sessions, setup tokens and idempotency keys; returns how many.
    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError>;
}
