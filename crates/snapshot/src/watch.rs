//! What a monitor remembers of a log, and what it alarms about.
//!
//! Owns the comparison of each checkpoint with everything seen before: a monitor reads every entry once,
//! so that a log which changes its past or shows another face is caught whatever proofs it offers. Must
//! not know where the bytes come from. Approvals and chains are the auditor's ([`crate::LogAudit`]).
//!
//! Invariants: what was seen is replaced only by a tree that extends it; a contradiction once seen stays,
//! with both checkpoints as evidence.

use crate::log_audit::LAPSE_GRACE;
use crate::verification::steps;
use crate::{Refusal, SealError, Seals};
use ledger::checkpoint::Checkpoint;
use ledger::merkle::{Frontier, leaf_hash};
use ledger::note::Note;
use ledger::tiles::{TILE_WIDTH, Tile, TileKind, split_bundle};
use ledger::tlog_policy::TlogPolicy;
use ledger::{Body, DecisionLapsed, Entry, Kind, SEALED_UNTIL};
use policy::{Profile, Terms};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use vocabulary::canonical::{self, CanonicalError};
use vocabulary::{DecisionId, Timestamp};

/// Most leases that run at once and are watched.
pub const LEASES_MAX: usize = 100_000;

/// Everything seen of one log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    format: WatchFormat,
    /// The newest checkpoint, as it was read.
    note: Option<String>,
    tree: Frontier,
    leases: BTreeMap<DecisionId, Lease>,
    #[serde(default)]
    seals: Seals,
    /// The checkpoint that contradicts `note`, once there was one.
    contradiction: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum WatchFormat {
    #[default]
    #[serde(rename = "wardmote-watch/1")]
    V1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lease {
    expires: Timestamp,
    told: bool,
}

/// What somebody must look at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchAlarm {
    /// The checkpoint is not one of the pinned log, or too few witnesses signed it.
    #[error("the checkpoint does not hold: {0}")]
    Checkpoint(Refusal),
    /// Fewer entries than before.
    #[error("rolled back: the log shows {size} entries, and {seen} were seen")]
    Rollback {
        /// Entries now.
        size: u64,
        /// Entries seen.
        seen: u64,
    },
    /// Another tree than the one seen, or one that does not extend it.
    #[error("fork: the tree of {size} entries is not the one that was seen with {seen}, grown")]
    Fork {
        /// Entries now.
        size: u64,
        /// Entries seen.
        seen: u64,
    },
    /// A contradiction seen earlier.
    #[error("the log contradicted itself before; the evidence is kept with the state")]
    Contradicted,
    /// Something in the log that is no entry.
    #[error("entry {0} cannot be read")]
    Unreadable(u64),
    /// A lease ended and the log does not say so.
    #[error("missed lapse: {decision} ended {expires}, and the log has no end of it")]
    MissedLapse {
        /// Which.
        decision: DecisionId,
        /// When its lease ended.
        expires: Timestamp,
    },
    /// A lapse logged long after the end.
    #[error("late lapse: {decision} ended {expires}, logged {logged}")]
    LateLapse {
        /// Which.
        decision: DecisionId,
        /// When its lease ended.
        expires: Timestamp,
        /// When the log says so.
        logged: Timestamp,
    },
    /// Fields were to be opened and the log does not say so.
    #[error(
        "missed unsealing: what {subject} holds was sealed until {until}, and the log has no opening of it"
    )]
    MissedUnsealing {
        /// What they are about.
        subject: String,
        /// Until when they were sealed.
        until: Timestamp,
    },
    /// An entry about sealed fields that does not hold.
    #[error("entry {index}: {why}")]
    Seal {
        /// Which.
        index: u64,
        /// Why.
        why: SealError,
    },
    /// More leases at once than are watched.
    #[error("more than {LEASES_MAX} leases run at once; further ones are not watched")]
    TooManyLeases,
}

impl WatchAlarm {
    /// Stable kebab-case name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Checkpoint(refusal) => refusal.name(),
            Self::Rollback { .. } => "rollback",
            Self::Fork { .. } => "fork",
            Self::Contradicted => "contradicted",
            Self::Unreadable(_) => "entry-unreadable",
            Self::MissedLapse { .. } => "missed-lapse",
            Self::LateLapse { .. } => "late-lapse",
            Self::MissedUnsealing { .. } => "missed-unsealing",
            Self::Seal { .. } => "seal-broken",
            Self::TooManyLeases => "too-many-leases",
        }
    }

    /// Whether the log cannot be followed any further.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Rollback { .. } | Self::Fork { .. } | Self::Contradicted)
    }
}

impl Watch {
    /// Reads what [`Watch::to_bytes`] wrote.
    pub fn parse(bytes: &[u8]) -> Result<Self, CanonicalError> {
        canonical::parse(bytes)
    }

    /// The canonical bytes to keep.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::to_bytes(self)
    }

    /// Number of entries seen.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The two checkpoints that contradict each other, if the log ever did.
    pub fn evidence(&self) -> Option<(&str, &str)> {
        Some((self.note.as_deref()?, self.contradiction.as_deref()?))
    }

    /// Judges a checkpoint before anything is read under it; says how many entries it has. A rollback is
    /// kept as evidence; whether the tree is the one seen, grown, shows on arrival.
    pub fn judge(&mut self, note: &Note, policy: &TlogPolicy) -> Result<Checkpoint, WatchAlarm> {
        if self.contradiction.is_some() {
            return Err(WatchAlarm::Contradicted);
        }
        let opened = policy.open(note).map_err(|error| WatchAlarm::Checkpoint(Refusal::Checkpoint(error)))?;
        let profile = if policy.is_self_witnessed() { Profile::Trial } else { Profile::Full };
        steps::check_quorum(policy, &opened, profile).map_err(WatchAlarm::Checkpoint)?;
        let head = opened.checkpoint().clone();
        let (size, seen) = (head.size, self.tree.size());
        if size < seen {
            return Err(self.contradicted(note, WatchAlarm::Rollback { size, seen }));
        }
        Ok(head)
    }

    fn contradicted(&mut self, note: &Note, alarm: WatchAlarm) -> WatchAlarm {
        self.contradiction = Some(note.to_string());
        alarm
    }

    /// The bundle that holds the next unseen entry of a tree of `size`; none when all are seen.
    pub fn wanted(&self, size: u64) -> Option<Tile> {
        let (seen, wide) = (self.tree.size(), u64::from(TILE_WIDTH));
        let index = seen / wide;
        // At most TILE_WIDTH, by the first bound.
        let width = (size.checked_sub(index * wide)?).min(wide) as u16;
        (seen < size).then_some(Tile { kind: TileKind::Entries, index, width })
    }

    /// Takes the bundle that was wanted.
    pub fn bundle(&mut self, bytes: &[u8]) -> Vec<WatchAlarm> {
        let skip = (self.tree.size() % u64::from(TILE_WIDTH)) as usize;
        let Some(entries) = split_bundle(bytes) else { return vec![WatchAlarm::Unreadable(self.size())] };
        entries.into_iter().skip(skip).flat_map(|entry| self.entry(entry)).collect()
    }

    /// What is wrong with an entry's sealed fields does not keep its lease from being watched.
    fn entry(&mut self, bytes: &[u8]) -> Vec<WatchAlarm> {
        let index = self.tree.size();
        let leaf = leaf_hash(bytes);
        self.tree.push(leaf);
        let Ok(entry) = Entry::parse(bytes) else { return vec![WatchAlarm::Unreadable(index)] };
        let seal = self.seals.place_dated(leaf, &entry).err().map(|why| WatchAlarm::Seal { index, why });
        seal.into_iter().chain(self.lease(entry.body)).collect()
    }

    /// Follows the lease that an entry begins, carries further or ends. When its fields are opened is no part of that.
    fn lease(&mut self, mut body: Body) -> Option<WatchAlarm> {
        if let Some(members) = body.public.as_object_mut() {
            members.remove(SEALED_UNTIL);
        }
        let decision: Option<DecisionId> = body.subject.parse().ok();
        match body.kind {
            Kind::DecisionMade => {
                let terms: Terms = serde_json::from_value(body.public).ok()?;
                if self.leases.len() >= LEASES_MAX {
                    return Some(WatchAlarm::TooManyLeases);
                }
                self.leases.insert(terms.decision, Lease { expires: terms.expires, told: false });
                None
            }
            Kind::DecisionLapsed => {
                let said: DecisionLapsed = serde_json::from_value(body.public).ok()?;
                let Lease { expires, .. } = self.leases.remove(&said.decision)?;
                let late = body.time > expires.plus(LAPSE_GRACE);
                let (decision, logged) = (said.decision, body.time);
                late.then_some(WatchAlarm::LateLapse { decision, expires, logged })
            }
            Kind::DecisionRatified | Kind::DecisionRenewed => {
                let terms: Terms = serde_json::from_value(body.public).ok()?;
                let lease = self.leases.get_mut(&terms.decision)?;
                *lease = Lease { expires: terms.expires, told: false };
                None
            }
            Kind::DecisionLifted | Kind::DecisionReversed => {
                self.leases.remove(&decision?);
                None
            }
            _ => None,
        }
    }

    /// Ends the way to a checkpoint: the entries read after those seen must give its root. `before` is
    /// what was seen before them, and keeps the evidence if they do not.
    pub fn arrive(mut self, before: &mut Self, note: &Note, head: &Checkpoint) -> Result<Self, WatchAlarm> {
        if (self.tree.size(), self.tree.root()) != (head.size, head.root) {
            let alarm = WatchAlarm::Fork { size: head.size, seen: before.size() };
            // Before anything was seen there is no other face: the log's tiles are wrong.
            return Err(if before.note.is_some() { before.contradicted(note, alarm) } else { alarm });
        }
        self.note = Some(note.to_string());
        Ok(self)
    }

    /// Leases whose end is missing in the log, and fields whose opening is; each told once.
    pub fn overdue(&mut self, now: Timestamp) -> Vec<WatchAlarm> {
        let late = self.seals.overdue(now).into_iter();
        let mut alarms: Vec<_> =
            late.map(|(subject, until)| WatchAlarm::MissedUnsealing { subject, until }).collect();
        for (decision, lease) in &mut self.leases {
            if !lease.told && lease.expires.plus(LAPSE_GRACE) < now {
                lease.told = true;
                alarms.push(WatchAlarm::MissedLapse { decision: *decision, expires: lease.expires });
            }
        }
        alarms
    }
}

#[cfg(test)]
mod tests;
