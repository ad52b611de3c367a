//! The one table of reasons for which an edge does not apply a bundle.

use crate::Contradiction;
use ledger::tlog_policy::OpenError;
use ledger::tlog_proof::TlogProofError;
use ledger::{EntryError, Kind};
use vocabulary::Timestamp;
use vocabulary::canonical::CanonicalError;

/// Why a bundle is not applied. `name()` is stable and for programs; the text is for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Over the bound.
    #[error("the bundle has {bytes} bytes; at most {max} are read")]
    TooLong {
        /// Its size.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// Not a bundle in canonical form.
    #[error("the bundle is not canonical JSON of the expected shape")]
    Unreadable(#[source] CanonicalError),
    /// An entry that no log could hold.
    #[error("an entry of the bundle is malformed")]
    Entry(#[source] EntryError),
    /// The entry starts no measure.
    #[error("the entry is a {0}, and only decision.made, .ratified and .renewed carry a measure")]
    NotADecision(Kind),
    /// The records in the bundle are no chain of one decision.
    #[error("the records in the bundle do not follow each other: {0}")]
    Chain(&'static str),
    /// The record that would end the measure does not.
    #[error("the measure's end does not hold: {0}")]
    Ending(&'static str),
    /// The measure ended before its time.
    #[error("the measure was ended on {0}")]
    Ended(Timestamp),
    /// The entry's public part are no terms of a decision, or not of its own subject.
    #[error("the entry's public part are not the terms of its decision")]
    Terms,
    /// A proof that is no tlog-proof.
    #[error("the proof of the {what} cannot be read")]
    Proof {
        /// Of which entry.
        what: &'static str,
        /// Why.
        source: TlogProofError,
    },
    /// Extra data, which nothing authenticates.
    #[error("the proof of the {0} carries extra data, which nothing authenticates")]
    ExtraData(&'static str),
    /// Rosters are left out that this edge knows of.
    #[error("the newest roster shown is number {newest}; number {seen} was seen before")]
    OlderRosters {
        /// The newest shown.
        newest: u64,
        /// The newest seen.
        seen: u64,
    },
    /// Proofs under several checkpoints.
    #[error("the proofs of one bundle must all lead to the same checkpoint")]
    SeveralCheckpoints,
    /// The leaf is not under the checkpoint's root.
    #[error("the log does not hold the {0} where its proof says")]
    NotIncluded(&'static str),
    /// The checkpoint is not one of a pinned log.
    #[error("the checkpoint does not hold: {0}")]
    Checkpoint(OpenError),
    /// A signature line by a key that is not pinned.
    #[error("the checkpoint carries a signature by {0:?}, whose key is not pinned")]
    ForeignSignature(String),
    /// Not enough pinned witnesses cosigned.
    #[error("too few pinned witnesses cosigned the checkpoint")]
    TooFewWitnesses,
    /// A quorum that two views of the log could each reach.
    #[error("the pinned quorum could be reached by two views of the log at once (2k ≤ n + own)")]
    QuorumSplittable,
    /// Two trees of one log that contradict each other, both signed and witnessed: the evidence.
    #[error("the log {:?} has shown two trees that contradict each other", .0.origin)]
    SplitView(Box<Contradiction>),
    /// A contradiction was seen before.
    #[error("the log has contradicted itself before; no new measure is taken from it")]
    LogFrozen,
    /// The log was seen larger already.
    #[error("the checkpoint has {size} entries, and the log was seen with {seen} already")]
    OlderTree {
        /// Size of the checkpoint.
        size: u64,
        /// Size seen before.
        seen: u64,
    },
    /// No proof that the log only grew.
    #[error("there is no proof that the log grew from {seen} to {size} entries without change")]
    NoConsistencyProof {
        /// Size seen before.
        seen: u64,
        /// Size of the checkpoint.
        size: u64,
    },
    /// A proof that the log only grew, and it does not hold.
    #[error("the proof that the log grew from {seen} to {size} entries without change does not hold")]
    Inconsistent {
        /// Size seen before.
        seen: u64,
        /// Size of the checkpoint.
        size: u64,
    },
    /// Cosignatures too old (or too far in the future) to start a measure.
    #[error("the quorum's cosignatures are not of the last hour, and the measure has not run before")]
    CosignaturesStale,
    /// A newer record of the same decision was seen.
    #[error("record {sequence} of this decision; record {seen} was seen already")]
    OlderRecord {
        /// Its number.
        sequence: u64,
        /// The newest seen.
        seen: u64,
    },
    /// Another record with the same number was seen.
    #[error("two different records {0} of this decision exist")]
    RecordTwice(u64),
    /// The roster in the bundle is not the pinned one.
    #[error("the roster in the bundle is not the pinned one")]
    RosterNotPinned,
    /// The document's own entry does not publish it.
    #[error("the {0} in the bundle is not the one that its log entry publishes")]
    NotPublished(&'static str),
    /// The policy in the bundle is not the one the decision names.
    #[error("the policy in the bundle is not the one that the decision names")]
    PolicyChanged,
    /// A changed policy acts 15 days after its publication.
    #[error("the policy was published on {published} and acts only 15 days later")]
    PolicyTooNew {
        /// When it was published.
        published: Timestamp,
    },
    /// Terms, approvals, scope or statement are refused.
    #[error(transparent)]
    Decision(policy::Refusal),
    /// The record of a suspension does not hold.
    #[error("the suspension does not hold: {0}")]
    Suspension(&'static str),
    /// The lease has not begun.
    #[error("the lease begins at {0}")]
    NotYet(Timestamp),
    /// The lease has ended.
    #[error("the lease ended at {0}")]
    Expired(Timestamp),
    /// A record that does not build on the one that runs here.
    #[error("the record does not follow the one that runs here, which keeps its lease")]
    DoesNotFollow,
}

impl Refusal {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "bundle-too-long",
            Self::Unreadable(_) => "bundle-unreadable",
            Self::Entry(_) => "entry-malformed",
            Self::NotADecision(_) => "not-a-decision",
            Self::Terms => "terms-unreadable",
            Self::Proof { .. } => "proof-unreadable",
            Self::ExtraData(_) => "proof-with-extra-data",
            Self::OlderRosters { .. } => "older-rosters",
            Self::SeveralCheckpoints => "several-checkpoints",
            Self::NotIncluded(_) => "not-in-log",
            Self::Checkpoint(error) => checkpoint_name(error),
            Self::ForeignSignature(_) => "foreign-signature",
            Self::TooFewWitnesses => "too-few-witnesses",
            Self::QuorumSplittable => "quorum-splittable",
            Self::SplitView(_) => "split-view",
            Self::LogFrozen => "log-frozen",
            Self::OlderTree { .. } => "older-tree",
            Self::NoConsistencyProof { .. } => "no-consistency-proof",
            Self::Inconsistent { .. } => "inconsistent-tree",
            Self::CosignaturesStale => "cosignatures-stale",
            Self::OlderRecord { .. } => "older-record",
            Self::RecordTwice(_) => "record-twice",
            Self::RosterNotPinned => "roster-not-pinned",
            Self::NotPublished(_) => "document-not-published",
            Self::PolicyChanged => "policy-changed",
            Self::PolicyTooNew { .. } => "policy-too-new",
            Self::Decision(refusal) => refusal.name(),
            Self::NotYet(_) => "not-yet",
            Self::Expired(_) => "expired",
            Self::DoesNotFollow => "does-not-follow",
            Self::Chain(_) => "records-out-of-chain",
            Self::Ending(_) => "ending-refused",
            Self::Ended(_) => "ended",
            Self::Suspension(_) => "suspension-refused",
        }
    }
}

fn checkpoint_name(error: &OpenError) -> &'static str {
    match error {
        OpenError::UnknownLog(_) => "log-unknown",
        OpenError::Unsigned(_) => "log-did-not-sign",
        OpenError::Signature(_) => "checkpoint-signature-wrong",
        OpenError::Twice(_) => "checkpoint-signed-twice",
        _ => "checkpoint-unreadable",
    }
}

impl From<policy::Refusal> for Refusal {
    fn from(refusal: policy::Refusal) -> Self {
        Self::Decision(refusal)
    }
}
