//! Why a record could not be read or written, and whether a retry may help.

/// Whether a failed write may have happened all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing was changed.
    None,
    /// The write may have happened: read before you repeat it, or repeat it with the same guard.
    Unknown,
}

/// The store itself failed; common to all duties.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process or a long write holds the store. Nothing was changed; a retry may succeed.
    #[error("the records are busy while {during}: another writer holds them; try again in a moment")]
    Busy {
        /// What was being done, as "reading the sites".
        during: &'static str,
    },
    /// No room on the disk. Nothing was changed; a retry helps once there is room.
    #[error("the disk is full while {during}; free some space, nothing was changed")]
    Full {
        /// What was being done.
        during: &'static str,
    },
    /// The store did not answer as it should (an I/O error, a closed pool).
    #[error("the records failed while {during}: {detail}")]
    Unavailable {
        /// What was being done.
        during: &'static str,
        /// The store's own words.
        detail: String,
        /// Whether a write may have happened.
        effect: Effect,
    },
    /// A stored record cannot be understood. A retry does not help: restore a backup.
    #[error("record {id} in table {table} is damaged: {reason}; restore a backup with `wardmote restore`")]
    Damaged {
        /// The table that holds it.
        table: &'static str,
        /// The record's id there.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The value is over the bound of what is kept. A retry does not help; nothing was changed.
    #[error("{what} is {size} bytes, and at most {limit} are kept")]
    TooLarge {
        /// What is too large, as "a case".
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The bound in bytes.
        limit: usize,
    },
}

impl StoreError {
    /// Whether the write that gave this error may have happened.
    pub fn effect(&self) -> Effect {
        match self {
            Self::Unavailable { effect, .. } => *effect,
            _ => Effect::None,
        }
    }

    /// Refuses what is over a bound; every store checks with this before it writes.
    pub fn check_size(what: &'static str, size: usize, limit: usize) -> Result<(), Self> {
        if size > limit { Err(Self::TooLarge { what, size, limit }) } else { Ok(()) }
    }

    /// Whether the same call may succeed later without anybody's help.
    pub fn may_retry(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Full { .. } | Self::Unavailable { .. })
    }
}

/// A versioned value was not put.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutError {
    /// Somebody else changed it first; read it again. Nothing was changed.
    #[error("it was changed meanwhile: version {expected} was expected, {found} is there; read it again")]
    Conflict {
        /// The version the caller knew; 0 means "not there yet".
        expected: u64,
        /// The version that is there; 0 means "not there".
        found: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A write-once value was not put.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteOnceError {
    /// Another value already has this id; it stays as it is.
    #[error("{id} is already kept with other contents, and what is kept here is never overwritten")]
    Immutable {
        /// The id or name in question.
        id: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A backup was not made; no file was left behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The target exists already; a backup never overwrites.
    #[error("{0} exists already; name a file that does not")]
    Exists(String),
    /// The target cannot be written.
    #[error("cannot write the backup to {path}: {reason}")]
    Target {
        /// The target as given.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// This store has no backup.
    #[error("this store keeps nothing that could be backed up")]
    Unsupported,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
