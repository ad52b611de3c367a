//! An erasing of confidential fields on its way: put up by one officer, signed by two.

use crate::Text;
use crate::signing::one_more;
use policy::{Approval, Pseudonym, Refusal, Roster, Signed, may_erase};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use vocabulary::{Digest, Timestamp};

/// How long one waits for its signatures.
pub const ERASURE_WINDOW: Duration = Duration::from_secs(3600);

/// An erasing that waits for signatures, or for its place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureDraft {
    /// The exact bytes to sign.
    pub body: String,
    /// Place of the entry whose fields are erased.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: Digest,
    /// The root of the commitments.
    pub root: Digest,
    /// What the entry is about.
    pub subject: String,
    /// Who put it up.
    pub by: Pseudonym,
    /// Why, for the operator.
    pub reason: Text,
    /// When it is void unless enough have signed.
    pub until: Timestamp,
    /// Signatures so far.
    pub approvals: Vec<Approval>,
}

impl ErasureDraft {
    /// Whether those who signed so far suffice.
    pub fn check(&self, roster: &Roster) -> Result<(), Refusal> {
        may_erase(Signed { body: self.body.as_bytes(), approvals: &self.approvals, proposer: None }, roster)
    }

    /// Whether it still waits for somebody to sign.
    pub fn waits(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// Takes one more signature.
    pub fn sign(mut self, approval: Approval, roster: &Roster) -> Result<Self, Refusal> {
        self.approvals = one_more(&self.body, self.approvals, approval, roster)?;
        Ok(self)
    }
}
