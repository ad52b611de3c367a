//! How a case stands to earlier decisions: follows, distinguishes, overrules.
//!
//! A record for readers and for equal treatment; the gate never reads it, so that an earlier decision
//! neither opens nor closes it.

use crate::{Case, CaseRefusal, Officer, Recorded, Text, case::room};
use serde::{Deserialize, Serialize};
use vocabulary::{DecisionId, Timestamp};

/// Most earlier decisions that a case is compared with.
pub const PRECEDENTS_MAX: usize = 50;

/// How a case stands to one earlier decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Precedent {
    /// The earlier decision.
    pub decision: DecisionId,
    /// How.
    pub relation: Relation,
    /// Wherein they are alike, or differ.
    pub reason: Text,
}

/// How a case stands to an earlier decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// The same rule leads to the same end.
    Follows,
    /// The facts differ in what matters.
    Distinguished,
    /// The earlier decision is no longer held to be right.
    Overruled,
}

impl Case {
    /// Records how the case stands to an earlier decision, in place of what was said of it before.
    pub fn compare(&mut self, precedent: Precedent, by: Officer, at: Timestamp) -> Result<(), CaseRefusal> {
        self.check_open()?;
        self.precedents.retain(|other| other.fact.decision != precedent.decision);
        room("earlier decisions", self.precedents.len(), PRECEDENTS_MAX)?;
        self.precedents.push(Recorded { by, at, fact: precedent });
        Ok(())
    }
}
