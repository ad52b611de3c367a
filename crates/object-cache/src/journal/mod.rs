//! What must not be forgotten in a crash: purges and invalidations, on disk before they are answered.
//!
//! Owns one file, to which records are only ever added, and its compaction into one base record. Knows what
//! a record says but not what it means for a response.
//!
//! Invariants: records stand in the order of the events they tell of; what [`Journal::commit`] has answered
//! is read again by [`read::read`]; a record cut short at the end was never answered and is left out; damage
//! anywhere else is told apart and makes the file unreadable as a whole.

mod compact;
mod read;
mod record;
#[cfg(test)]
mod tests;

pub(crate) use read::read;
pub(crate) use record::{Base, Event, checksum};

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What every file begins with.
const MAGIC: &[u8] = b"wardmote-purges-1\n";
/// A file this long is compacted, if it is also twice as long as it was after the last time.
const COMPACT_BYTES: u64 = 8 << 20;

/// A purge is in force, but it is not sure that it outlives a crash.
#[derive(Debug)]
pub struct JournalError(pub(crate) io::Error);

impl std::fmt::Display for JournalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the purge journal cannot be written, and what it guards cannot be given up")
    }
}

impl std::error::Error for JournalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// An open journal, shared by all who add to it.
pub(crate) struct Journal {
    path: PathBuf,
    secret: [u8; 16],
    state: Mutex<State>,
    /// A write has ended.
    turned: Condvar,
}

struct State {
    file: File,
    /// Bytes of the file, without what is pending.
    bytes: u64,
    /// Bytes after the last compaction.
    base_bytes: u64,
    /// Records not written yet.
    pending: Vec<u8>,
    /// Records added since the file was opened, and how many of them are on disk.
    added: u64,
    durable: u64,
    /// Somebody is writing without holding the lock.
    writing: bool,
    /// Records added since a compaction began; none while there is none.
    since: Option<Vec<u8>>,
    /// After a failed write the end of the file is unknown, and nothing is added any more.
    failed: Option<io::ErrorKind>,
}

/// How far the journal must be on disk for an event to be safe.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub(crate) struct Ticket(u64);

impl Journal {
    /// A journal that begins with a base, in place of what is there.
    pub(crate) fn create(path: &Path, secret: [u8; 16], base: &Base) -> io::Result<Self> {
        let (file, bytes) = compact::write_base(path, secret, base)?;
        compact::put_in_place(path)?;
        let state = State {
            file,
            bytes,
            base_bytes: bytes,
            pending: Vec::new(),
            added: 0,
            durable: 0,
            writing: false,
            since: None,
            failed: None,
        };
        Ok(Self { path: path.into(), secret, state: Mutex::new(state), turned: Condvar::new() })
    }

    /// Adds an event; in memory until somebody commits it or a later one.
    pub(crate) fn add(&self, event: &Event<'_>) -> Ticket {
        let record = record::framed(self.secret, |out| event.encode(out));
        let mut state = self.lock();
        state.pending.extend_from_slice(&record);
        if let Some(since) = &mut state.since {
            since.extend_from_slice(&record);
        }
        state.added += 1;
        Ticket(state.added)
    }

    /// The ticket of the event added last.
    pub(crate) fn latest(&self) -> Ticket {
        Ticket(self.lock().added)
    }

    /// Whether an event is on disk.
    pub(crate) fn is_settled(&self, ticket: Ticket) -> bool {
        self.lock().durable >= ticket.0
    }

    /// Returns once an event is on disk. Blocks; all who wait at the same time share one write.
    pub(crate) fn commit(&self, ticket: Ticket) -> io::Result<()> {
        let mut state = self.lock();
        loop {
            if state.durable >= ticket.0 {
                return Ok(());
            }
            if let Some(kind) = state.failed {
                return Err(kind.into());
            }
            state = match state.writing {
                true => self.turned.wait(state).unwrap_or_else(PoisonError::into_inner),
                false => self.write(state),
            };
        }
    }

    /// Writes what is pending, alone and without the lock.
    fn write<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.writing = true;
        let (pending, added) = (std::mem::take(&mut state.pending), state.added);
        let file = state.file.try_clone();
        drop(state);
        let written = file.and_then(|mut file| {
            file.write_all(&pending)?;
            file.sync_data()
        });
        let mut state = self.lock();
        state.writing = false;
        match written {
            Ok(()) => {
                state.bytes += pending.len() as u64;
                state.durable = added;
            }
            Err(error) => {
                tracing::error!(path = %self.path.display(), %error, "the purge journal cannot be written");
                state.failed = Some(error.kind());
            }
        }
        self.turned.notify_all();
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here is half done when a panic can come.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a file for this process's user alone.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}
