//! The public fields of entries that other crates write and read back.

use policy::EndReason;
use serde::{Deserialize, Serialize};
use vocabulary::{DecisionId, Digest, Timestamp};

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
