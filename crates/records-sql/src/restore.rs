//! Putting a backup in place of records that are gone.

use crate::open::{OpenError, inspect, lock, with_suffix};
use crate::upkeep::PartialFile;
use records::BackupError;
use std::fs;
use std::path::{Path, PathBuf};

/// The backup was not put in place; nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// There are records already, or what is left of them.
    #[error("{} is there already; stop Wardmote and move it away first, a restore never overwrites", .0.display())]
    Exists(PathBuf),
    /// The backup is not one, or is damaged.
    #[error("this backup cannot be used: {0}")]
    Backup(OpenError),
    /// The records' place cannot be used.
    #[error("cannot restore there: {0}")]
    Place(OpenError),
    /// The copy failed.
    #[error("cannot restore: {0}")]
    Copy(BackupError),
}

/// Copies a backup to `database`, which must not exist, after a full check of the copy; returns its size in
/// bytes. A process that has records open there keeps this from happening.
pub async fn restore(backup: &Path, database: &Path) -> Result<u64, RestoreError> {
    let _lock = lock(database).map_err(RestoreError::Place)?;
    // A journal left by lost records would be played into the restored ones.
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let path = with_suffix(database, suffix);
        if fs::symlink_metadata(&path).is_ok() {
            return Err(RestoreError::Exists(path));
        }
    }
    let partial = PartialFile::create(database).map_err(RestoreError::Copy)?;
    let (from, to) = (backup.to_owned(), partial.path.clone());
    tokio::task::spawn_blocking(move || fs::copy(from, to))
        .await
        .map_err(|error| RestoreError::Copy(partial.refuse(&error)))?
        .map_err(|error| {
            RestoreError::Copy(partial.refuse(&format_args!("copying {}: {error}", backup.display())))
        })?;
    inspect(&partial.path).await.map_err(RestoreError::Backup)?;
    partial.finish().map_err(RestoreError::Copy)
}
