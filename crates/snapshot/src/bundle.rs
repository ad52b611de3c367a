//! The decision bundle: everything that one measure needs to prove itself offline.
//!
//! Canonical JSON without slack: each byte is under the entry's leaf, a proof or a signature, so a
//! changed byte fails verification. Also the public `/record/decisions/ID.json`.

use crate::Refusal;
use ledger::Entry;
use ledger::checkpoint::Checkpoint;
use ledger::merkle::Tree;
use ledger::note::Note;
use ledger::tlog_proof::TlogProof;
use policy::{Scope, Statement};
use serde::{Deserialize, Serialize};
use vocabulary::DecisionId;
use vocabulary::canonical::{self, CanonicalError};

/// Most bytes of a bundle: 5,000 sites with a few hosts and a reason each, and room beside.
pub const BUNDLE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A decision with its proofs. Nothing in it is checked yet; [`crate::verify`] does that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Always `wardmote-decision/1`.
    pub format: BundleFormat,
    /// The decision's entry, with its approvals.
    pub entry: Entry,
    /// Where the log holds it, as tlog-proof text.
    pub proof: String,
    /// The policy applied, with its publication.
    pub policy: Document,
    /// The roster it was approved by, with its publication.
    pub roster: Document,
    /// The log's other rosters with their publications, in the order of their numbers: an edge gets from the one that it
    /// pinned to the one in force by them, and learns which keys were taken away since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rosters: Vec<Document>,
    /// The sites in scope.
    pub scope: Scope,
    /// The statement of reasons.
    pub statement: Statement,
    /// The decision's earlier records, the first one first: a ratification or renewal proves itself only
    /// together with what it follows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Step>,
    /// The record that ends the measure before its time, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Step>,
}

/// One more record of the same decision, and where the log holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The record's entry, with its approvals.
    pub entry: Entry,
    /// As tlog-proof text, under the same checkpoint as the decision's.
    pub proof: String,
}

/// Most earlier records of one decision that are read.
pub const STEPS_MAX: usize = 16;

/// A published document, the entry that publishes it, and where the log holds that entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The document's exact text; its digest stands in the entry.
    pub document: String,
    /// `policy.published` or `roster.changed`.
    pub entry: Entry,
    /// As tlog-proof text, under the same checkpoint as the decision's.
    pub proof: String,
}

/// The format tag of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum BundleFormat {
    /// The one there is.
    #[default]
    #[serde(rename = "wardmote-decision/1")]
    V1,
}

/// An entry and its place in the log.
#[derive(Debug, Clone, Copy)]
pub struct Logged<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// Its index, from 0.
    pub index: u64,
}

/// What a bundle is assembled from.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The decision's entry.
    pub decision: Logged<'a>,
    /// The policy file's text and its publication.
    pub policy: (&'a str, Logged<'a>),
    /// The roster's canonical text and its publication.
    pub roster: (&'a str, Logged<'a>),
    /// The log's other rosters, likewise.
    pub rosters: &'a [(&'a str, Logged<'a>)],
    /// The sites in scope.
    pub scope: &'a Scope,
    /// The statement of reasons.
    pub statement: &'a Statement,
    /// The decision's earlier records, the first one first.
    pub before: &'a [Logged<'a>],
    /// The record that ends it before its time.
    pub ending: Option<Logged<'a>>,
}

/// Why a bundle cannot be assembled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// The checkpoint is not one of this tree.
    #[error("the checkpoint is not one of this log's tree")]
    Checkpoint,
    /// Another entry stands there, or the checkpoint is older than the entry.
    #[error("the checkpoint's tree does not hold the given entry at index {0}")]
    NotThere(u64),
}

impl Bundle {
    /// Reads a bundle strictly: bounded, canonical, no unknown members.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(Refusal::TooLong { bytes: bytes.len(), max: BUNDLE_BYTES_MAX });
        }
        canonical::parse(bytes).map_err(Refusal::Unreadable)
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::to_bytes(self)
    }

    /// The decision that these bytes say they are about, for reports about bundles that do not hold.
    pub fn claimed_decision(bytes: &[u8]) -> Option<DecisionId> {
        Self::parse(bytes).ok()?.entry.body.subject.parse().ok()
    }

    /// Puts a decision together with proofs that all lead to one cosigned checkpoint.
    ///
    /// `tree` may be larger than the checkpoint's. Assemble again with a newer checkpoint whenever an
    /// edge may see the decision for the first time: cosignatures must then be of the last hour.
    pub fn assemble(parts: &Parts<'_>, tree: &Tree, checkpoint: &Note) -> Result<Self, AssembleError> {
        let head = Checkpoint::parse(checkpoint.text()).map_err(|_| AssembleError::Checkpoint)?;
        if tree.root_at(head.size) != Ok(head.root) {
            return Err(AssembleError::Checkpoint);
        }
        let prove = |logged: Logged<'_>| {
            let there = || AssembleError::NotThere(logged.index);
            let leaf = logged.entry.leaf_hash().map_err(|_| there())?;
            if tree.leaf(logged.index) != Some(&leaf) {
                return Err(there());
            }
            let hashes = tree.inclusion(logged.index, head.size).map_err(|_| there())?;
            let proof =
                TlogProof { extra: None, index: logged.index, hashes, checkpoint: checkpoint.clone() };
            Ok(proof.to_string())
        };
        let document = |(text, logged): (&str, Logged<'_>)| {
            Ok(Document { document: text.to_owned(), entry: logged.entry.clone(), proof: prove(logged)? })
        };
        let step = |logged: Logged<'_>| Ok(Step { entry: logged.entry.clone(), proof: prove(logged)? });
        Ok(Self {
            before: parts.before.iter().copied().map(step).collect::<Result<_, _>>()?,
            ending: parts.ending.map(step).transpose()?,
            format: BundleFormat::V1,
            entry: parts.decision.entry.clone(),
            proof: prove(parts.decision)?,
            policy: document(parts.policy)?,
            roster: document(parts.roster)?,
            rosters: parts.rosters.iter().copied().map(document).collect::<Result<_, _>>()?,
            scope: parts.scope.clone(),
            statement: parts.statement.clone(),
        })
    }
}

#[cfg(test)]
mod tests;
