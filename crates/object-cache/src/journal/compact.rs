//! Writing a journal anew, as one base record.

use super::record::{Base, framed};
use super::{COMPACT_BYTES, Journal, MAGIC, private};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

impl Journal {
    /// Whether the file has become long enough to be written anew.
    pub(crate) fn is_long(&self) -> bool {
        let state = self.lock();
        let long = state.bytes >= COMPACT_BYTES && state.bytes >= state.base_bytes.saturating_mul(2);
        long && state.since.is_none() && state.failed.is_none()
    }

    /// From here on, what is added is also kept for the file that a compaction writes. Call it at the very
    /// moment whose base is taken.
    pub(crate) fn begin_compaction(&self) {
        self.lock().since = Some(Vec::new());
    }

    /// Puts a file in place that begins with a base; what was added since follows. Blocks. After an error
    /// the old file goes on as if nothing had been tried.
    pub(crate) fn compact(&self, base: &Base) -> io::Result<()> {
        let written = write_base(&self.path, self.secret, base);
        let mut state = self.lock();
        while state.writing {
            state = self.turned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let since = state.since.take().unwrap_or_default();
        let (mut file, bytes) = written?;
        if let Some(kind) = state.failed {
            return Err(kind.into());
        }
        // Under the lock: no commit may be answered from the old file after it is gone.
        file.write_all(&since)?;
        file.sync_data()?;
        if let Err(error) = put_in_place(&self.path) {
            // Which of the two is the journal now is not known.
            state.failed = Some(error.kind());
            return Err(error);
        }
        state.file = file;
        state.bytes = bytes + since.len() as u64;
        state.base_bytes = state.bytes;
        state.pending.clear();
        state.durable = state.added;
        self.turned.notify_all();
        Ok(())
    }
}

fn beside(path: &Path) -> PathBuf {
    path.with_extension("new")
}

/// Writes a file with a base beside a journal. Returns it, open for adding, and its length.
pub(super) fn write_base(path: &Path, secret: [u8; 16], base: &Base) -> io::Result<(File, u64)> {
    let record = framed(secret, |out| base.encode(out));
    let mut file = private().create(true).write(true).truncate(true).open(beside(path))?;
    file.write_all(MAGIC)?;
    file.write_all(&record)?;
    file.sync_all()?;
    Ok((file, (MAGIC.len() + record.len()) as u64))
}

/// Makes the file beside a journal the journal.
pub(super) fn put_in_place(path: &Path) -> io::Result<()> {
    std::fs::rename(beside(path), path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
