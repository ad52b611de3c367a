//! What an edge remembers, so that nobody can show it an older or another past.
//!
//! Owns the counters: the largest tree of each log, the newest record of each decision, and leaves it
//! has seen at their places. Kept durably by the edge beside its replica. Losing it makes the edge ask
//! for fresh cosignatures again; it never makes the edge accept more than a newly joined one would.

use crate::Consistency;
use crate::{Refusal, Suspension, Suspensions};
use ledger::checkpoint::Checkpoint;
use ledger::merkle::{contradicts, empty_root, verify_consistency};
use policy::floor;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use vocabulary::canonical::{self, CanonicalError};
use vocabulary::{DecisionId, Digest, Timestamp};

/// Most leaves remembered by their place, per log.
const LANDMARKS_MAX: usize = 1_024;
/// How long after the end of its newest record a decision is remembered: what goes before that record was in force
/// when it was made, so none of it can act for longer than the longest lease beyond; a day more for clocks that differ.
const REMEMBERED_AFTER_END: Duration = floor::ORDER_LEASE_MAX.saturating_add(Duration::from_secs(24 * 3600));

/// The rollback counters of one edge.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    format: TrustFormat,
    logs: BTreeMap<String, SeenLog>,
    decisions: BTreeMap<DecisionId, SeenRecord>,
    /// The newest suspensions: they act until their end, whatever later parcels leave out.
    #[serde(default, skip_serializing_if = "Suspensions::is_empty")]
    suspensions: Suspensions,
    /// Number of the newest roster seen: whoever shows fewer hides whom it took away.
    #[serde(default, skip_serializing_if = "is_zero")]
    newest_roster: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum TrustFormat {
    #[default]
    #[serde(rename = "wardmote-trust/1")]
    V1,
}

/// The largest tree seen of one log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeenLog {
    size: u64,
    root: Digest,
    /// The checkpoint note with its signatures, as evidence.
    note: String,
    /// Leaves seen at their places: another leaf there proves another tree.
    landmarks: BTreeMap<u64, Digest>,
    contradiction: Option<Contradiction>,
}

/// Two checkpoints of one log, both signed by it and cosigned by a quorum, that cannot both be true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contradiction {
    /// Which log.
    pub origin: String,
    /// The checkpoint seen first, as a signed note.
    pub first: String,
    /// The one that contradicts it.
    pub second: String,
}

/// The newest record seen of one decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeenRecord {
    sequence: u64,
    leaf: Digest,
    expires: Timestamp,
    /// When it ended, or ends, before its time. Stays with the decision whatever record comes after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<Timestamp>,
}

/// A record as trust sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) decision: DecisionId,
    pub(crate) sequence: u64,
    pub(crate) leaf: Digest,
    pub(crate) expires: Timestamp,
    pub(crate) ended: Option<Timestamp>,
}

/// A witnessed tree, and leaves proved to stand in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) note: String,
    pub(crate) leaves: Vec<(u64, Digest)>,
}

/// Stored trust that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the edge's stored trust state cannot be read; remove it to join anew")]
pub struct TrustError(#[source] CanonicalError);

impl Trust {
    /// Reads stored bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustError> {
        canonical::parse(bytes).map_err(TrustError)
    }

    /// The bytes to store.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TrustError> {
        canonical::to_bytes(self).map_err(TrustError)
    }

    /// Number of leaves in the largest tree seen of a log: what a feed needs a consistency proof from.
    pub fn size_of(&self, origin: &str) -> Option<u64> {
        self.logs.get(origin).map(|seen| seen.size)
    }

    /// Contradictions found, with both checkpoints as evidence.
    pub fn contradictions(&self) -> impl Iterator<Item = &Contradiction> {
        self.logs.values().filter_map(|seen| seen.contradiction.as_ref())
    }

    /// Whether this very record was applied before: its lease runs on whatever the log does now.
    pub(crate) fn knows(&self, record: &Record) -> bool {
        let seen = self.decisions.get(&record.decision);
        seen.is_some_and(|seen| (seen.sequence, seen.leaf) == (record.sequence, record.leaf))
    }

    /// The log only grew since it was last seen.
    pub(crate) fn check_tree(&self, tree: &Tree, proofs: &[Consistency]) -> Result<(), Refusal> {
        let Some(seen) = self.logs.get(&tree.checkpoint.origin) else { return Ok(()) };
        if seen.contradiction.is_some() {
            return Err(Refusal::LogFrozen);
        }
        let (size, root) = (tree.checkpoint.size, tree.checkpoint.root);
        let moved =
            |(index, leaf): &(u64, Digest)| seen.landmarks.get(index).is_some_and(|known| known != leaf);
        let split = || {
            let (origin, first) = (tree.checkpoint.origin.clone(), seen.note.clone());
            Refusal::SplitView(Box::new(Contradiction { origin, first, second: tree.note.clone() }))
        };
        if tree.leaves.iter().any(moved) || (size == seen.size && root != seen.root) {
            return Err(split());
        }
        let between = |from, to| proofs.iter().find(|proof| (proof.from, proof.to) == (from, to));
        if size < seen.size {
            let shown = between(size, seen.size)
                .is_some_and(|proof| contradicts(size, &root, seen.size, &seen.root, &proof.proof));
            return Err(if shown { split() } else { Refusal::OlderTree { size, seen: seen.size } });
        }
        if size == seen.size || (seen.size == 0 && seen.root == empty_root()) {
            return Ok(());
        }
        let missing = Refusal::NoConsistencyProof { seen: seen.size, size };
        let proof = &between(seen.size, size).ok_or(missing)?.proof;
        verify_consistency(seen.size, &seen.root, size, &root, proof).map_err(|_| {
            // A proof that is merely wrong may be the feed's fault; one that fits the newer tree is the log's.
            if contradicts(seen.size, &seen.root, size, &root, proof) {
                split()
            } else {
                Refusal::Inconsistent { seen: seen.size, size }
            }
        })
    }

    /// No newer and no other record of the decision was seen.
    pub(crate) fn check_record(&self, record: &Record) -> Result<(), Refusal> {
        let Some(seen) = self.decisions.get(&record.decision) else { return Ok(()) };
        if record.sequence < seen.sequence {
            return Err(Refusal::OlderRecord { sequence: record.sequence, seen: seen.sequence });
        }
        if record.sequence == seen.sequence && record.leaf != seen.leaf {
            return Err(Refusal::RecordTwice(record.sequence));
        }
        Ok(())
    }

    /// The newest suspensions seen.
    pub fn suspensions(&self) -> Suspensions {
        self.suspensions
    }

    /// Nothing is shown under rosters older than those seen.
    pub(crate) fn check_rosters(&self, newest: u64) -> Result<(), Refusal> {
        if newest < self.newest_roster {
            return Err(Refusal::OlderRosters { newest, seen: self.newest_roster });
        }
        Ok(())
    }

    /// Remembers the newest roster that was proved. The first one needs no memory: it is pinned.
    pub(crate) fn see_rosters(&mut self, newest: u64) {
        if newest > 1 {
            self.newest_roster = self.newest_roster.max(newest);
        }
    }

    /// Takes a proved suspension; an older one never displaces a newer.
    pub(crate) fn suspend(&mut self, suspension: Suspension) -> Result<(), Refusal> {
        self.suspensions.take(suspension)
    }

    /// Remembers what a proved measure showed.
    pub(crate) fn accept(&mut self, record: &Record, tree: &Tree) {
        let Record { decision, sequence, leaf, expires, ended } = *record;
        self.decisions.insert(decision, SeenRecord { sequence, leaf, expires, ended });
        self.see(tree);
    }

    /// Remembers a witnessed tree that was checked.
    pub(crate) fn see(&mut self, tree: &Tree) {
        let Checkpoint { origin, size, root, .. } = &tree.checkpoint;
        let seen = self.logs.entry(origin.clone()).or_insert_with(|| SeenLog {
            size: *size,
            root: *root,
            note: tree.note.clone(),
            landmarks: BTreeMap::new(),
            contradiction: None,
        });
        if *size > seen.size {
            (seen.size, seen.root, seen.note) = (*size, *root, tree.note.clone());
        }
        for (index, leaf) in &tree.leaves {
            if seen.landmarks.len() < LANDMARKS_MAX {
                seen.landmarks.insert(*index, *leaf);
            }
        }
    }

    /// Remembers when a known decision ends before its time; nothing moves that back.
    pub(crate) fn end(&mut self, record: &Record) {
        if let (Some(seen), Some(ended)) = (self.decisions.get_mut(&record.decision), record.ended) {
            seen.ended = Some(seen.ended.map_or(ended, |before| before.min(ended)));
        }
    }

    /// Keeps the evidence; from now on no new measure is taken from this log.
    pub(crate) fn freeze(&mut self, contradiction: Contradiction) {
        if let Some(seen) = self.logs.get_mut(&contradiction.origin) {
            seen.contradiction.get_or_insert(contradiction);
        }
    }

    /// When a decision ended, or ends, before its time.
    pub(crate) fn ended(&self, decision: DecisionId) -> Option<Timestamp> {
        self.decisions.get(&decision)?.ended
    }

    /// Decisions once proved here whose measure acts on.
    pub(crate) fn unended(&self, now: Timestamp) -> impl Iterator<Item = DecisionId> {
        let acts = move |seen: &SeenRecord| now < seen.expires && seen.ended.is_none_or(|ended| now < ended);
        self.decisions.iter().filter(move |(_, seen)| acts(seen)).map(|(decision, _)| *decision)
    }

    /// Forgets decisions that ended long ago.
    pub(crate) fn forget_ended(&mut self, now: Timestamp) {
        self.decisions.retain(|_, seen| seen.expires.plus(REMEMBERED_AFTER_END) > now);
    }
}
