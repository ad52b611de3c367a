//! The log's rows in memory.

use super::Memory;
use crate::bounds::LEAVES_PER_READ_MAX;
use crate::log::{check_append, check_publication};
use crate::{AppendError, Epoch, Head, LeafRead, Log, NewLeaf, PublishError, StoreError, SubjectHead};
use async_trait::async_trait;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use vocabulary::Digest;

#[derive(Default, Clone)]
pub(super) struct LogShelf {
    epoch: u64,
    leaves: Vec<LeafRead>,
    places: HashMap<Digest, u64>,
    subjects: BTreeMap<String, Vec<u64>>,
    staged: BTreeMap<u64, String>,
    published: Option<Head>,
}

impl LogShelf {
    fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    fn subject_head(&self, subject: &str) -> Option<SubjectHead> {
        let entries = self.subjects.get(subject)?;
        let index = *entries.last()?;
        let hash = self.leaves.get(usize::try_from(index).ok()?)?.hash;
        Some(SubjectHead { sequence: entries.len() as u64, hash, index })
    }

    fn append(
        &mut self,
        epoch: Epoch,
        expected: u64,
        leaves: &[NewLeaf],
        note: &str,
    ) -> Result<(), AppendError> {
        if epoch.0 != self.epoch {
            return Err(AppendError::Fenced { mine: epoch.0, current: self.epoch });
        }
        if expected != self.size() {
            return Err(AppendError::Behind { expected, found: self.size() });
        }
        let size = check_append(expected, leaves, note, self.staged.get(&expected).map(String::as_str))?;
        self.check_leaves(leaves)?;
        for leaf in leaves {
            let index = self.size();
            let hash = leaf.hash();
            self.places.insert(hash, index);
            self.subjects.entry(leaf.subject.clone()).or_default().push(index);
            self.leaves.push(LeafRead { index, bytes: leaf.bytes.clone(), hash });
        }
        self.staged.insert(size, note.to_owned());
        Ok(())
    }

    fn check_leaves(&self, leaves: &[NewLeaf]) -> Result<(), AppendError> {
        let mut last: HashMap<&str, u64> = HashMap::new();
        let mut fresh: HashMap<Digest, u64> = HashMap::new();
        for (leaf, index) in leaves.iter().zip(self.size()..) {
            let hash = leaf.hash();
            if let Some(index) = self.places.get(&hash).or(fresh.get(&hash)) {
                return Err(AppendError::Duplicate { index: *index });
            }
            fresh.insert(hash, index);
            let entries = || self.subjects.get(&leaf.subject).map_or(0, |entries| entries.len() as u64);
            let last = last.entry(&leaf.subject).or_insert_with(entries);
            if leaf.sequence != *last + 1 {
                let subject = leaf.subject.clone();
                return Err(AppendError::Sequence { subject, last: *last, sequence: leaf.sequence });
            }
            *last += 1;
        }
        Ok(())
    }

    fn slice(&self, range: Range<u64>) -> &[LeafRead] {
        let place = |index: u64| usize::try_from(index.min(self.size())).unwrap_or(usize::MAX);
        self.leaves.get(place(range.start)..place(range.end)).unwrap_or_default()
    }
}

#[async_trait]
impl Log for Memory {
    async fn take_epoch(&self) -> Result<Epoch, StoreError> {
        self.act("taking an epoch of the log", |state| {
            state.log.epoch += 1;
            Ok(Epoch(state.log.epoch))
        })
    }

    async fn head(&self) -> Result<Option<Head>, StoreError> {
        self.act("reading the log's head", |state| {
            let last = state.log.staged.last_key_value();
            Ok(last.map(|(size, note)| Head { size: *size, note: note.clone() }))
        })
    }

    async fn append(
        &self,
        epoch: Epoch,
        expected_size: u64,
        leaves: &[NewLeaf],
        note: &str,
    ) -> Result<(), AppendError> {
        self.act("appending to the log", |state| state.log.append(epoch, expected_size, leaves, note))
    }

    async fn leaves(&self, range: Range<u64>) -> Result<Vec<LeafRead>, StoreError> {
        self.act("reading the log", |state| {
            let end = range.end.min(range.start.saturating_add(LEAVES_PER_READ_MAX));
            Ok(state.log.slice(range.start..end).to_vec())
        })
    }

    async fn leaf_hashes(&self, range: Range<u64>) -> Result<Vec<Digest>, StoreError> {
        self.act("reading the log's hashes", |state| {
            Ok(state.log.slice(range).iter().map(|leaf| leaf.hash).collect())
        })
    }

    async fn index_of(&self, hash: &Digest) -> Result<Option<u64>, StoreError> {
        self.act("looking for a leaf", |state| Ok(state.log.places.get(hash).copied()))
    }

    async fn last_of_subject(&self, subject: &str) -> Result<Option<SubjectHead>, StoreError> {
        self.act("reading a subject's last entry", |state| Ok(state.log.subject_head(subject)))
    }

    async fn entries_of_subject(&self, subject: &str) -> Result<Vec<u64>, StoreError> {
        self.act("reading a subject's entries", |state| {
            Ok(state.log.subjects.get(subject).cloned().unwrap_or_default())
        })
    }

    async fn publish(&self, epoch: Epoch, size: u64, note: &str) -> Result<(), PublishError> {
        self.act("publishing a checkpoint", |state| {
            let log = &mut state.log;
            if epoch.0 != log.epoch {
                return Err(PublishError::Fenced { mine: epoch.0, current: log.epoch });
            }
            let published = log.published.as_ref().map(|head| head.size);
            check_publication(size, note, published, log.staged.get(&size).map(String::as_str))?;
            log.published = Some(Head { size, note: note.to_owned() });
            Ok(())
        })
    }

    async fn published(&self) -> Result<Option<Head>, StoreError> {
        self.act("reading the published checkpoint", |state| Ok(state.log.published.clone()))
    }
}
