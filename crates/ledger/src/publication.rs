//! The public fields of entries that other crates write and read back.

use crate::commitment::Disclosure;
use policy::{Approval, EndReason};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use vocabulary::{DecisionId, Digest, Hasher, Timestamp};

/// `public` of `policy.published`; the entry's subject is [`PolicyPublished::SUBJECT`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyPublished {
    /// The policy file's version.
    pub version: u32,
    /// Digest of the policy file's bytes.
    pub sha256: Digest,
}

impl PolicyPublished {
    /// Policy files are one subject: their sequence is the order of publication.
    pub const SUBJECT: &str = "policy";
}

/// `public` of `roster.changed`; the entry's subject is [`RosterChanged::SUBJECT`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RosterChanged {
    /// The roster's serial number.
    pub serial: u64,
    /// Digest of the roster's canonical bytes.
    pub sha256: Digest,
    /// The tlog-policy text under which this record says it is kept. A convenience for readers
    /// without pinned keys: a record that names its own keys proves nothing about itself.
    pub tlog_policy: String,
}

impl RosterChanged {
    /// Rosters are one subject: their sequence is the order of change.
    pub const SUBJECT: &str = "roster";
}

/// `public` of `decision.lapsed`; the subject is the decision's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionLapsed {
    /// Which decision.
    pub decision: DecisionId,
    /// When its lease ran out.
    pub expires: Timestamp,
}

/// `public` of `statement.published`; the subject is the decision's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementPublished {
    /// Which decision.
    pub decision: DecisionId,
    /// Digest of the statement's canonical bytes.
    pub statement: Digest,
    /// Where it can be read.
    pub url: String,
}

/// `public` of `decision.lifted` and `decision.reversed`; the subject is the decision's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionEnded {
    /// Which decision.
    pub decision: DecisionId,
    /// From when its measure no longer acts.
    pub effective: Timestamp,
    /// Why.
    pub because: EndReason,
}

/// `public` of `suspension.begun`; the entry's subject is [`SuspensionBegun::SUBJECT`], and it acts from the entry's
/// own time on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuspensionBegun {
    /// Digest of the roster it is signed by.
    pub roster: Digest,
    /// When it ends by itself unless it is confirmed.
    pub until: Timestamp,
}

impl SuspensionBegun {
    /// Suspensions are one subject: their sequence is their order.
    pub const SUBJECT: &str = "suspend-all";
}

/// `public` of `suspension.confirmed`, which follows the beginning it confirms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuspensionConfirmed {
    /// Digest of the roster it is signed by.
    pub roster: Digest,
    /// When it began.
    pub since: Timestamp,
}

/// Longest time that fields stay sealed before somebody renews it, or they open.
pub const SEALED_MAX: Duration = Duration::from_secs(90 * 24 * 3600);

/// The member of an entry's public fields that says until when its confidential fields are sealed.
pub const SEALED_UNTIL: &str = "sealed_until";

/// `public` of `seal.opened`; the subject is that of the entry whose fields are opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealOpened {
    /// Leaf hash of that entry.
    pub entry: Digest,
    /// All of its confidential fields, with their salts.
    pub disclosure: Disclosure,
}

/// `public` of `seal.renewed`; the subject is that of the entry whose fields stay sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealRenewed {
    /// Leaf hash of that entry.
    pub entry: Digest,
    /// Until when.
    pub until: Timestamp,
}

/// `public` of `tombstone`; the subject is that of the entry whose confidential fields were erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// Leaf hash of that entry.
    pub entry: Digest,
    /// The `until` of the [`Erasure`] that was signed.
    pub until: Timestamp,
    /// Who signed that [`Erasure`].
    pub approvals: Vec<Approval>,
}

impl Tombstone {
    /// What those who signed it signed, under the roster of this digest.
    pub fn erasure(&self, roster: Digest) -> Erasure {
        Erasure { format: ErasureFormat::V1, entry: self.entry, roster, until: self.until }
    }
}

/// What officers sign who have an entry's confidential fields erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// What it is.
    pub format: ErasureFormat,
    /// Leaf hash of the entry.
    pub entry: Digest,
    /// The roster by which the signatures are judged.
    pub roster: Digest,
    /// When it is void unless enough have signed.
    pub until: Timestamp,
}

/// The format of an [`Erasure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ErasureFormat {
    /// The first.
    #[default]
    #[serde(rename = "wardmote-erasure/1")]
    V1,
}

/// `public` of `count.daily`; the entry's subject is [`CountDaily::SUBJECT`]. A count under 5 is told as none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountDaily {
    /// The day, in UTC, as `2026-11-22`.
    pub day: String,
    /// Cases that were opened on it.
    pub cases: Option<u64>,
    /// Reports that came in on it.
    pub reports: Option<u64>,
}

impl CountDaily {
    /// Days are one subject: one entry for each, in order.
    pub const SUBJECT: &str = "counts";
    /// The least count that is told.
    pub const LEAST: u64 = 5;

    /// A count as it is told.
    pub fn told(count: u64) -> Option<u64> {
        (count >= Self::LEAST).then_some(count)
    }
}

/// `public` of `enforcement.gap`; the subject is the decision's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnforcementGap {
    /// Which decision.
    pub decision: DecisionId,
    /// Since when an edge that enforced it no longer said so.
    pub from: Timestamp,
    /// When it did again, or its lease was over.
    pub until: Timestamp,
    /// Which edge, by a digest of its name and the decision; none in entries of a time when gaps had no edge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<Digest>,
    /// How many edges had enforced it, and how many of them still did when the gap began.
    pub edges: [u32; 2],
}

impl EnforcementGap {
    /// What an edge is called in the gaps of one decision. It tells gaps apart; the name of an edge is no secret.
    pub fn edge(decision: DecisionId, name: &str) -> Digest {
        let decision = decision.to_string();
        Hasher::domain("wardmote/gap-edge/v1").part(decision.as_bytes()).part(name.as_bytes()).finish()
    }
}
