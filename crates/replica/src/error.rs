//! Why the replica could not be opened, read or written.

use std::path::PathBuf;

/// The replica was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory or a file cannot be used.
    #[error("cannot use the replica in {}: {source}", dir.display())]
    Unusable {
        /// The directory.
        dir: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The file is not one that LMDB can read.
    #[error(
        "the replica in {0} is damaged: {reason}; the edge does not start, for it no longer knows how far it has seen \
         the log and could be shown an older one. Compare the log with a witness or a monitor, then move {0} away and \
         start again: the edge fetches everything anew",
        dir.display()
    )]
    Damaged {
        /// The directory.
        dir: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// This process has opened the same directory already.
    #[error("the replica in {} is open in this process already", .0.display())]
    AlreadyOpen(PathBuf),
    /// LMDB gave another error.
    #[error("cannot open the replica in {}: {reason}", dir.display())]
    Failed {
        /// The directory.
        dir: PathBuf,
        /// LMDB's words.
        reason: String,
    },
}

/// The replica could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// LMDB gave an error.
    #[error("cannot read the replica: {reason}")]
    Unreadable {
        /// LMDB's words.
        reason: String,
    },
    /// A trust state was kept, and no generation of it is whole: an edge that went on with none would take an older
    /// log, or another one, for the first that it sees.
    #[error(
        "the trust state in the replica is damaged in every generation ({reason}); the edge does not start, for it no \
         longer knows how far it has seen the log and could be shown an older one. Compare the log with a witness or \
         a monitor, then move the replica away and start again: the edge fetches everything anew"
    )]
    TrustLost {
        /// What is wrong with the newest generation.
        reason: String,
    },
}

/// Nothing was kept; what was there before is still there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeepError {
    /// Over the bound.
    #[error("the {what} is {size} bytes, and the replica keeps at most {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The bound in bytes.
        limit: usize,
    },
    /// No room on the disk or in the file's bound.
    #[error("no room for the replica: {reason}; free some disk space, the edge goes on from memory")]
    Full {
        /// What is full.
        reason: String,
    },
    /// The write failed.
    #[error("cannot write the replica: {reason}; the edge goes on from memory")]
    Failed {
        /// LMDB's words.
        reason: String,
    },
}

/// One kept value that is not whole, and was passed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the kept {what} is damaged ({reason}); the one before it is used, if there is one")]
pub struct Damage {
    /// Which value, as "parcel".
    pub what: &'static str,
    /// What is wrong with it.
    pub reason: String,
}
