//! Readiness, backup and sweeping.

use crate::error::failed;
use crate::open::{SqliteRecords, commit, private, with_suffix};
use async_trait::async_trait;
use records::{BackupError, StoreError, Upkeep};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use vocabulary::Timestamp;

#[async_trait]
impl Upkeep for SqliteRecords {
    async fn ready(&self) -> Result<(), StoreError> {
        let during = "checking the store";
        sqlx::query("SELECT epoch FROM log_state").execute(self.readers()).await.map_err(failed(during))?;
        // Taking the write lock and letting it go writes nothing.
        let writing = self.begin(during).await?;
        writing.rollback().await.map_err(failed(during))
    }

    async fn backup(&self, to: &Path) -> Result<u64, BackupError> {
        let partial = PartialFile::create(to)?;
        let text = partial.path.to_str().ok_or_else(|| partial.refuse(&"its name is not UTF-8"))?;
        sqlx::query("VACUUM INTO ?")
            .bind(text.to_owned())
            .execute(self.readers())
            .await
            .map_err(failed("backing up"))?;
        tokio::task::spawn_blocking(move || partial.finish())
            .await
            .map_err(|error| target_error(to, &error))?
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let during = "sweeping out what has ended";
        let mut writing = self.begin(during).await?;
        let mut removed = 0;
        for statement in [
            "DELETE FROM sessions WHERE expires <= ?",
            "DELETE FROM setup_tokens WHERE expires <= ?",
            "DELETE FROM idempotency WHERE expires <= ?",
        ] {
            let done = sqlx::query(statement).bind(now.as_millis()).execute(&mut *writing).await;
            removed += done.map_err(failed(during))?.rows_affected();
        }
        let done = sqlx::query("DELETE FROM mails WHERE over <= ?")
            .bind(now.minus(records::bounds::MAIL_KEPT).as_millis())
            .execute(&mut *writing)
            .await;
        removed += done.map_err(failed(during))?.rows_affected();
        commit(writing, during).await?;
        Ok(removed)
    }
}

/// A file in the making beside its target; gone when dropped before it was finished.
pub(crate) struct PartialFile {
    pub(crate) path: PathBuf,
    target: PathBuf,
}

impl PartialFile {
    /// Makes an empty private file beside `target`, which must not exist.
    pub(crate) fn create(target: &Path) -> Result<Self, BackupError> {
        if fs::symlink_metadata(target).is_ok() {
            return Err(BackupError::Exists(target.display().to_string()));
        }
        let path = with_suffix(target, &format!(".partial-{}", std::process::id()));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(target_error(target, &error));
            }
            _ => {}
        }
        private().create_new(true).open(&path).map_err(|error| target_error(target, &error))?;
        Ok(Self { path, target: target.to_owned() })
    }

    /// Makes the file durable, then gives it its name; never in place of another file. Its size.
    pub(crate) fn finish(self) -> Result<u64, BackupError> {
        let refuse = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists(self.target.display().to_string()),
            _ => self.refuse(&error),
        };
        let file = File::open(&self.path).map_err(refuse)?;
        file.sync_all().map_err(refuse)?;
        let size = file.metadata().map_err(refuse)?.len();
        fs::hard_link(&self.path, &self.target).map_err(refuse)?;
        let directory = self.target.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))
            .and_then(|directory| directory.sync_all())
            .map_err(refuse)?;
        Ok(size)
    }

    pub(crate) fn refuse(&self, reason: &dyn std::fmt::Display) -> BackupError {
        target_error(&self.target, reason)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // The name it was made under; what was finished keeps its own.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(with_suffix(&self.path, "-journal"));
    }
}

fn target_error(target: &Path, reason: &dyn std::fmt::Display) -> BackupError {
    BackupError::Target { path: target.display().to_string(), reason: reason.to_string() }
}
