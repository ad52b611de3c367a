//! The rows under the Merkle log: leaves, staged and published checkpoints, the fencing epoch.
//!
//! Sees bytes: what an entry means, and whether a note's signatures hold, is the ledger's business.

use crate::StoreError;
use crate::bounds::{CHECKPOINT_BYTES_MAX, LEAF_BYTES_MAX, LEAVES_PER_APPEND_MAX, NAME_BYTES_MAX};
use async_trait::async_trait;
use std::ops::Range;
use vocabulary::{Digest, Hasher};

/// Who may append: each new sequencer takes the next epoch, and all earlier ones are fenced off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

/// The log's newest checkpoint of its kind (staged or published).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The number of leaves.
    pub size: u64,
    /// The signed note of the checkpoint of that size.
    pub note: String,
}

/// A leaf on its way into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLeaf {
    /// The entry's bytes, 1 to [`bounds::LEAF_BYTES_MAX`](crate::bounds::LEAF_BYTES_MAX).
    pub bytes: Vec<u8>,
    /// The subject the entry names.
    pub subject: String,
    /// The entry's number among those of its subject: 1, 2, 3, …
    pub sequence: u64,
}

impl NewLeaf {
    /// The leaf's hash: SHA-256 over a zero byte and the entry's bytes (RFC 6962, section 2.1).
    pub fn hash(&self) -> Digest {
        Hasher::default().part(&[0]).part(&self.bytes).finish()
    }
}

/// A leaf as it lies in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafRead {
    /// Its place, counted from 0.
    pub index: u64,
    /// The entry's bytes.
    pub bytes: Vec<u8>,
    /// Its hash.
    pub hash: Digest,
}

/// The newest entry of one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubjectHead {
    /// Its number among those of the subject.
    pub sequence: u64,
    /// Its leaf hash, which the next entry names as its predecessor.
    pub hash: Digest,
    /// Its place in the log.
    pub index: u64,
}

/// Nothing was appended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The log has another size; read the head and plan again.
    #[error("the log has {found} entries, {expected} were expected; read its head and plan again")]
    Behind {
        /// The size the caller knew.
        expected: u64,
        /// The size that is there.
        found: u64,
    },
    /// A newer sequencer took over; this one must stop.
    #[error(
        "sequencer epoch {mine} is fenced off: epoch {current} has taken over; this process must not write the log"
    )]
    Fenced {
        /// The caller's epoch.
        mine: u64,
        /// The epoch that may write.
        current: u64,
    },
    /// A leaf does not follow the last one of its subject.
    #[error("subject {subject} is at entry {last}; entry {sequence} does not follow")]
    Sequence {
        /// The subject in question.
        subject: String,
        /// The number of its last entry; 0 when it has none.
        last: u64,
        /// The number that was offered.
        sequence: u64,
    },
    /// The very same entry is in the log already, or twice in this append.
    #[error("the same entry is already in the log at {index}")]
    Duplicate {
        /// Its place.
        index: u64,
    },
    /// The note is not a checkpoint of the size the log would have, or contradicts the one staged at
    /// this size.
    #[error("the checkpoint does not fit: {reason}")]
    Checkpoint {
        /// What is wrong.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Nothing was published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// A newer sequencer took over; this one must stop.
    #[error(
        "sequencer epoch {mine} is fenced off: epoch {current} has taken over; this process must not publish"
    )]
    Fenced {
        /// The caller's epoch.
        mine: u64,
        /// The epoch that may write.
        current: u64,
    },
    /// A larger checkpoint is published already; what is published never goes back.
    #[error("a checkpoint of {published} entries is published; one of {size} would go back")]
    Backwards {
        /// The size that is published.
        published: u64,
        /// The size that was offered.
        size: u64,
    },
    /// The note is no checkpoint of that size, or says other than what was staged at that size.
    #[error("the checkpoint does not fit: {reason}")]
    Checkpoint {
        /// What is wrong.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps the log's rows.
///
/// One sequencer writes: it takes an epoch, and every write names it. Leaves never change and never go.
/// Between an append and its publication the staged checkpoint waits for cosignatures; a restart finds
/// both heads and goes on from there.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// Takes the next epoch; every holder of an earlier one is fenced off from now on.
    async fn take_epoch(&self) -> Result<Epoch, StoreError>;

    /// The newest staged checkpoint, whose size is the log's; `None` before the first append.
    async fn head(&self) -> Result<Option<Head>, StoreError>;

    /// Appends the leaves and stages the checkpoint over them, all or nothing.
    ///
    /// Refused unless the log has exactly `expected_size` leaves, the epoch is the current one, each
    /// leaf follows the last of its subject, and `note` is a checkpoint of the new size. Without leaves
    /// it stages a checkpoint of the present size: the log's first, or one that says the same as before
    /// under other signatures.
    async fn append(
        &self,
        epoch: Epoch,
        expected_size: u64,
        leaves: &[NewLeaf],
        note: &str,
    ) -> Result<(), AppendError>;

    /// The leaves of a range, in order; at most [`bounds::LEAVES_PER_READ_MAX`](crate::bounds::LEAVES_PER_READ_MAX) from its start, and only those
    /// that exist.
    async fn leaves(&self, range: Range<u64>) -> Result<Vec<LeafRead>, StoreError>;

    /// The hashes of a range of leaves, in order, without a bound: 32 bytes each.
    async fn leaf_hashes(&self, range: Range<u64>) -> Result<Vec<Digest>, StoreError>;

    /// Where the leaf with this hash lies.
    async fn index_of(&self, hash: &Digest) -> Result<Option<u64>, StoreError>;

    /// The newest entry of a subject.
    async fn last_of_subject(&self, subject: &str) -> Result<Option<SubjectHead>, StoreError>;

    /// The places of a subject's entries, in order.
    async fn entries_of_subject(&self, subject: &str) -> Result<Vec<u64>, StoreError>;

    /// Publishes a cosigned checkpoint.
    ///
    /// Its body (everything before the signatures) must be the one staged at `size`, and `size` must not
    /// be below what is published. Publishing the same size again replaces the signatures.
    async fn publish(&self, epoch: Epoch, size: u64, note: &str) -> Result<(), PublishError>;

    /// What is published; `None` before the first publication.
    async fn published(&self) -> Result<Option<Head>, StoreError>;
}

/// The body of a signed note: everything up to the blank line before its signatures, with its last
/// newline (C2SP signed-note). `None` when there is no such blank line.
pub fn checkpoint_body(note: &str) -> Option<&str> {
    note.rfind("\n\n").map(|end| &note[..=end])
}

/// The tree size a checkpoint's body states on its second line (C2SP tlog-checkpoint); `None` when it
/// is not a decimal number without leading zeros.
pub fn checkpoint_size(note: &str) -> Option<u64> {
    let line = checkpoint_body(note)?.lines().nth(1)?;
    let size: u64 = line.parse().ok()?;
    (size.to_string() == line).then_some(size)
}

/// What every store checks of an append before it looks at single leaves; returns the new size.
/// `staged` is the checkpoint already staged at `expected_size`.
pub fn check_append(
    expected_size: u64,
    leaves: &[NewLeaf],
    note: &str,
    staged: Option<&str>,
) -> Result<u64, AppendError> {
    StoreError::check_size("one append, counted in entries,", leaves.len(), LEAVES_PER_APPEND_MAX)?;
    StoreError::check_size("a checkpoint", note.len(), CHECKPOINT_BYTES_MAX)?;
    for leaf in leaves {
        StoreError::check_size("an entry", leaf.bytes.len(), LEAF_BYTES_MAX)?;
        StoreError::check_size("an entry's subject", leaf.subject.len(), NAME_BYTES_MAX)?;
    }
    let refuse = |reason: String| AppendError::Checkpoint { reason };
    if leaves.iter().any(|leaf| leaf.bytes.is_empty()) {
        return Err(refuse("it would cover an empty entry".to_owned()));
    }
    let size = expected_size.saturating_add(leaves.len() as u64);
    match checkpoint_size(note) {
        Some(stated) if stated == size => {}
        Some(stated) => return Err(refuse(format!("it is of {stated} entries, the log would have {size}"))),
        None => return Err(refuse("it is no signed checkpoint".to_owned())),
    }
    let same_size = staged.filter(|_| leaves.is_empty());
    if same_size.is_some_and(|staged| checkpoint_body(staged) != checkpoint_body(note)) {
        return Err(refuse(format!("another one is staged at {size} entries")));
    }
    Ok(size)
}

/// What every store checks before it publishes. `published` is the size that is published, `staged` the
/// checkpoint staged at `size`.
pub fn check_publication(
    size: u64,
    note: &str,
    published: Option<u64>,
    staged: Option<&str>,
) -> Result<(), PublishError> {
    StoreError::check_size("a checkpoint", note.len(), CHECKPOINT_BYTES_MAX)?;
    if let Some(published) = published.filter(|published| *published > size) {
        return Err(PublishError::Backwards { published, size });
    }
    let refuse = |reason: String| PublishError::Checkpoint { reason };
    let staged = staged.ok_or_else(|| refuse(format!("none was staged at {size} entries")))?;
    if checkpoint_size(note) != Some(size) {
        return Err(refuse(format!("it is no signed checkpoint of {size} entries")));
    }
    if checkpoint_body(note) != checkpoint_body(staged) {
        return Err(refuse(format!("it contradicts the one staged at {size} entries")));
    }
    Ok(())
}
