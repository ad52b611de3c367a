//! The steps of writing the log, one at a time.

use super::batch::{Batch, Item, Logged, Numbered, Refused};
use super::witness::{WitnessError, Witnesses};
use ledger::checkpoint::Checkpoint;
use ledger::key::{KeyError, SignerKey};
use ledger::merkle::Tree;
use ledger::note::Note;
use records::{AppendError, Epoch, Log, PublishError, StoreError};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;
use tokio::sync::watch;
use vocabulary::{Clock, Timestamp};

/// Cosignatures older than this are made anew, so that a measure may start at any time: edges take
/// none older than an hour.
const COSIGNATURE_FRESH: Duration = Duration::from_secs(15 * 60);

/// All hashes of the log; grows only by what the records hold, and may be ahead of what is published.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedTree(Arc<RwLock<Tree>>);

impl SharedTree {
    /// The tree for reading; hold it briefly and across no wait.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Tree> {
        // Pushing a leaf leaves the tree whole or the process dead; a poisoned lock guards a whole one.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn extend(&self, leaves: impl IntoIterator<Item = vocabulary::Digest>) {
        let mut tree = self.0.write().unwrap_or_else(PoisonError::into_inner);
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
    }
}

/// A checkpoint that the public sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    /// Number of leaves.
    pub(crate) size: u64,
    /// The note with all its signatures.
    pub(crate) note: Note,
    /// When it was cosigned.
    pub(crate) cosigned: Timestamp,
}

/// Why the log was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum WriterError {
    /// The records failed.
    #[error("{0}")]
    Store(StoreError),
    /// The witnesses gave too few cosignatures.
    #[error("{0}")]
    Witness(WitnessError),
    /// Another process writes this log now.
    #[error("another process has taken over the log (epoch {current}); this one must not write any more")]
    Fenced { current: u64 },
    /// What the records hold is not what was signed.
    #[error("the log contradicts what was signed: {0}; nothing more is signed, restore a backup")]
    Contradiction(String),
    /// The log's key cannot sign for this log.
    #[error("the log key cannot be used: {0}")]
    Key(KeyError),
}

impl WriterError {
    /// Whether no repetition can help.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Store(error) => !error.may_retry(),
            Self::Witness(WitnessError::State(_) | WitnessError::TooFew(_) | WitnessError::Overtaken) => {
                false
            }
            Self::Witness(_) | Self::Fenced { .. } | Self::Contradiction(_) | Self::Key(_) => true,
        }
    }
}

impl From<StoreError> for WriterError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The one writer of the log.
pub(crate) struct Writer {
    log: Arc<dyn Log>,
    epoch: Epoch,
    key: SignerKey,
    witnesses: Witnesses,
    clock: Arc<dyn Clock>,
    tree: SharedTree,
    published: watch::Sender<Option<Arc<Published>>>,
}

impl Writer {
    /// Takes over the log: fences off earlier writers, reads the tree, compares it with what was
    /// signed and with what the witness knows. What an earlier writer left undone, the first flush
    /// finishes: there is no other way of writing.
    pub(crate) async fn open(
        log: Arc<dyn Log>,
        key: SignerKey,
        witnesses: Witnesses,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, WriterError> {
        let epoch = log.take_epoch().await?;
        let (published, _) = watch::channel(None);
        let mut writer = Self { log, epoch, key, witnesses, clock, tree: SharedTree::default(), published };
        writer.catch_up().await?;
        writer.compare_with_witnesses().await?;
        Ok(writer)
    }

    /// All hashes.
    pub(crate) fn tree(&self) -> SharedTree {
        self.tree.clone()
    }

    /// Witnesses elsewhere that did not cosign lately, and why; empty when all do.
    pub(crate) fn silent(&self) -> &str {
        self.witnesses.silent()
    }

    /// The published checkpoint, watched.
    pub(crate) fn published(&self) -> watch::Receiver<Option<Arc<Published>>> {
        self.published.subscribe()
    }

    /// Logs a batch and publishes the checkpoint over it; says for each item where it lies or why it
    /// is not taken. After an error nothing or everything of the batch may be in the log; the same
    /// batch may be given again.
    pub(crate) async fn flush(
        &mut self,
        items: &[Item],
    ) -> Result<Vec<Result<Logged, Refused>>, WriterError> {
        self.catch_up().await?;
        let batch = Batch::number(&*self.log, items).await?;
        let first = self.tree.read().size();
        if !batch.leaves.is_empty() {
            self.append(first, &batch).await?;
        }
        self.settle().await?;
        let place = |numbered| match numbered {
            Numbered::There(logged) => Ok(logged),
            Numbered::New(place) => Ok(Logged { index: first + place as u64 }),
            Numbered::Refused(refused) => Err(refused),
        };
        Ok(batch.items.into_iter().map(place).collect())
    }

    /// Signs the checkpoint over the tree as it would be, then appends both in one step. The signed
    /// note leaves this process only by way of the records.
    async fn append(&mut self, first: u64, batch: &Batch) -> Result<(), WriterError> {
        let root = self.tree.read().root_after(&batch.hashes);
        let size = first + batch.leaves.len() as u64;
        let note = Checkpoint::new(self.key.name(), size, root).sign(&self.key).map_err(WriterError::Key)?;
        match self.log.append(self.epoch, first, &batch.leaves, &note.to_string()).await {
            Ok(()) => {
                self.tree.extend(batch.hashes.iter().copied());
                Ok(())
            }
            Err(AppendError::Store(error)) => Err(error.into()),
            Err(AppendError::Fenced { current, .. }) => Err(WriterError::Fenced { current }),
            // The batch was numbered on the very state that the records refuse it for.
            Err(other) => Err(WriterError::Contradiction(other.to_string())),
        }
    }

    /// Brings the tree up to the records: at the start, and after a write whose fate is not known.
    async fn catch_up(&mut self) -> Result<(), WriterError> {
        let Some(head) = self.log.head().await? else { return Ok(()) };
        let known = self.tree.read().size();
        if head.size < known {
            return Err(contradiction(format!("{known} entries were there, {} are left", head.size)));
        }
        if head.size == known && known > 0 {
            return Ok(());
        }
        let hashes = self.log.leaf_hashes(known..head.size).await?;
        self.tree.extend(hashes);
        let signed = Note::parse(&head.note).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
        let root = self.tree.read().root_at(head.size).ok();
        match (signed, root) {
            (Some(signed), Some(root)) if signed == Checkpoint::new(self.key.name(), head.size, root) => {
                Ok(())
            }
            _ => Err(contradiction(format!("the checkpoint over {} entries does not fit them", head.size))),
        }
    }

    /// Refuses to go on when a witness knows a larger log, or another one.
    async fn compare_with_witnesses(&self) -> Result<(), WriterError> {
        self.compare_with_local().await?;
        let (size, root) = {
            let tree = self.tree.read();
            (tree.size(), tree.root())
        };
        let note = Checkpoint::new(self.key.name(), size, root).sign(&self.key).map_err(WriterError::Key)?;
        self.witnesses.compare(&note).await.map_err(WriterError::Witness)
    }

    async fn compare_with_local(&self) -> Result<(), WriterError> {
        let known = self.witnesses.local().latest().await.map_err(WriterError::Witness)?;
        let tree = self.tree.read();
        match tree.root_at(known.size) {
            Err(_) => Err(WriterError::Witness(WitnessError::LogRolledBack {
                witness: known.size,
                log: tree.size(),
            })),
            Ok(root) if root != known.root => {
                Err(contradiction(format!("the witness cosigned another tree of {} entries", known.size)))
            }
            Ok(_) => Ok(()),
        }
    }

    /// Has the newest checkpoint cosigned and publishes it, unless that is done and still fresh.
    async fn settle(&mut self) -> Result<(), WriterError> {
        let Some(head) = self.log.head().await? else { return Ok(()) };
        let now = self.clock.now();
        if self.published.borrow().as_ref().is_some_and(|last| {
            last.size == head.size && now.since(last.cosigned) < COSIGNATURE_FRESH && now >= last.cosigned
        }) {
            return Ok(());
        }
        let note = Note::parse(&head.note).map_err(|error| contradiction(error.to_string()))?;
        let tree = self.tree.clone();
        let proof = Arc::new(move |old| tree.read().consistency(old, head.size).ok());
        let note = match self.witnesses.cosign(note, proof, head.size, now).await {
            Ok(note) => note,
            Err(_) if self.is_overtaken(head.size).await? => {
                return Err(WriterError::Witness(WitnessError::Overtaken));
            }
            Err(error) => return Err(WriterError::Witness(error)),
        };
        match self.log.publish(self.epoch, head.size, &note.to_string()).await {
            Ok(()) => {}
            Err(PublishError::Store(error)) => return Err(error.into()),
            Err(PublishError::Fenced { current, .. }) => return Err(WriterError::Fenced { current }),
            Err(other) => return Err(WriterError::Contradiction(other.to_string())),
        }
        self.published.send_replace(Some(Arc::new(Published { size: head.size, note, cosigned: now })));
        Ok(())
    }
}

impl Writer {
    /// Whether the records have grown since: then another process writes, and a witness that knows more
    /// than it was asked about contradicts nothing. The next write finds itself fenced off.
    async fn is_overtaken(&self, size: u64) -> Result<bool, StoreError> {
        Ok(self.log.head().await?.is_some_and(|head| head.size > size))
    }
}

fn contradiction(why: String) -> WriterError {
    WriterError::Contradiction(why)
}
