//! How far a decision is, and what is known in each state.

use policy::{Approval, EndReason};
use serde::{Deserialize, Serialize};
use vocabulary::{Digest, Timestamp};

/// How far a decision is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum DecisionState {
    /// Nobody has signed yet.
    Proposed,
    /// Some have signed, perhaps enough.
    Approving {
        /// Their approvals, in the order they came.
        approvals: Vec<Approval>,
    },
    /// In the log.
    Logged {
        /// The approvals in the entry.
        approvals: Vec<Approval>,
        /// Where.
        logged: Logged,
    },
    /// Statement and bundle are out.
    Published {
        /// The approvals in the entry.
        approvals: Vec<Approval>,
        /// Where it is logged.
        logged: Logged,
        /// What was published.
        published: Published,
    },
    /// At least one edge enforces it.
    InForce {
        /// The approvals in the entry.
        approvals: Vec<Approval>,
        /// Where it is logged.
        logged: Logged,
        /// What was published.
        published: Published,
        /// Which edges said so, the first one first.
        receipts: Vec<EdgeReceipt>,
    },
    /// Its lease ended by itself.
    Lapsed {
        /// The approvals in the entry.
        approvals: Vec<Approval>,
        /// Where it is logged.
        logged: Logged,
        /// What was published, if that was reached.
        published: Option<Published>,
        /// Which edges had it in force.
        receipts: Vec<EdgeReceipt>,
        /// Where the lapse is logged.
        lapse: Logged,
    },
    /// It was lifted or overturned before its time; edges are being told.
    Ended {
        /// The approvals in the entry.
        approvals: Vec<Approval>,
        /// Where it is logged.
        logged: Logged,
        /// What was published.
        published: Published,
        /// Which edges had it in force.
        receipts: Vec<EdgeReceipt>,
        /// The record that ended it.
        ending: Ending,
    },
    /// The lease of an ended measure is over too.
    Final {
        /// The approvals in the entry.
        approvals: Vec<Approval>,
        /// Where it is logged.
        logged: Logged,
        /// What was published.
        published: Published,
        /// Which edges had it in force.
        receipts: Vec<EdgeReceipt>,
        /// The record that ended it.
        ending: Ending,
    },
    /// Its lease ended before it was logged; it never acted.
    Expired {
        /// What approvals there were.
        approvals: Vec<Approval>,
        /// When that was noticed.
        at: Timestamp,
    },
}

/// The record that ended a measure before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// Why.
    pub because: EndReason,
    /// From when the measure no longer acts.
    pub effective: Timestamp,
    /// Where it is logged.
    pub logged: Logged,
    /// The exact bytes that were signed.
    pub body: String,
    /// Who signed.
    pub approvals: Vec<Approval>,
}

/// An entry's place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logged {
    /// Its index.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: Digest,
    /// When it was appended.
    pub at: Timestamp,
}

/// What went out to edges and the public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Digest of the bundle.
    pub bundle: Digest,
    /// When.
    pub at: Timestamp,
}

/// An edge says that it enforces the measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeReceipt {
    /// Which edge.
    pub edge: String,
    /// When it said so.
    pub at: Timestamp,
}

impl DecisionState {
    /// The names of all states, in the order in which a decision goes through them.
    pub const NAMES: [&str; 9] =
        ["proposed", "approving", "logged", "published", "in-force", "lapsed", "ended", "final", "expired"];

    /// The state's name, as in documents.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Approving { .. } => "approving",
            Self::Logged { .. } => "logged",
            Self::Published { .. } => "published",
            Self::InForce { .. } => "in-force",
            Self::Lapsed { .. } => "lapsed",
            Self::Ended { .. } => "ended",
            Self::Final { .. } => "final",
            Self::Expired { .. } => "expired",
        }
    }

    /// The approvals so far.
    pub fn approvals(&self) -> &[Approval] {
        match self {
            Self::Proposed => &[],
            Self::Approving { approvals }
            | Self::Logged { approvals, .. }
            | Self::Published { approvals, .. }
            | Self::InForce { approvals, .. }
            | Self::Lapsed { approvals, .. }
            | Self::Ended { approvals, .. }
            | Self::Final { approvals, .. }
            | Self::Expired { approvals, .. } => approvals,
        }
    }

    /// Its place in the log, once it has one.
    pub fn logged(&self) -> Option<&Logged> {
        match self {
            Self::Logged { logged, .. }
            | Self::Published { logged, .. }
            | Self::InForce { logged, .. }
            | Self::Lapsed { logged, .. }
            | Self::Ended { logged, .. }
            | Self::Final { logged, .. } => Some(logged),
            Self::Proposed | Self::Approving { .. } | Self::Expired { .. } => None,
        }
    }

    /// The record that ended it before its time.
    pub fn ending(&self) -> Option<&Ending> {
        match self {
            Self::Ended { ending, .. } | Self::Final { ending, .. } => Some(ending),
            _ => None,
        }
    }
}
