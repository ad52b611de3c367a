//! A suspension on its way: put up by one officer, signed by two, or by three to confirm one.

use crate::signing::one_more;
use policy::{Approval, Pseudonym, Refusal, Roster, SUSPENSION, Signed, may_confirm, may_suspend};
use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

/// A record of a suspension that waits for signatures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuspensionDraft {
    /// The exact bytes to sign.
    pub body: String,
    /// What it does.
    pub step: SuspensionStep,
    /// Who put it up.
    pub by: Pseudonym,
    /// Signatures so far.
    pub approvals: Vec<Approval>,
    /// Whether it may have reached the log: then nothing takes its place.
    #[serde(default)]
    pub handed_in: bool,
}

/// What a record of a suspension does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuspensionStep {
    /// Sets every measure without an order aside, from this instant on.
    Begin(Timestamp),
    /// Keeps aside what was set aside at this instant.
    Confirm(Timestamp),
}

impl SuspensionDraft {
    /// From when it is void: an hour after the beginning that it is, or confirms.
    pub fn void_from(&self) -> Timestamp {
        let (SuspensionStep::Begin(from) | SuspensionStep::Confirm(from)) = self.step;
        from.plus(SUSPENSION)
    }

    /// Whether those who signed so far suffice.
    pub fn check(&self, roster: &Roster) -> Result<(), Refusal> {
        let record = Signed { body: self.body.as_bytes(), approvals: &self.approvals, proposer: None };
        match self.step {
            SuspensionStep::Begin(_) => may_suspend(record, roster),
            SuspensionStep::Confirm(_) => may_confirm(record, roster),
        }
    }

    /// Takes one more signature; a record that has enough takes none, for its entry may be on the way.
    pub fn sign(mut self, approval: Approval, roster: &Roster) -> Result<Self, Refusal> {
        self.approvals = one_more(&self.body, self.approvals, approval, roster)?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::Trial;

    #[test]
    fn a_draft_takes_each_person_once_and_two_begin_it() {
        let trial = Trial::new();
        let step = SuspensionStep::Begin(Timestamp::from_secs(1_790_000_000));
        let by = "legal-1".parse().expect("a pseudonym");
        let draft =
            SuspensionDraft { body: "bytes".to_owned(), step, by, approvals: Vec::new(), handed_in: false };
        assert_eq!(draft.void_from(), Timestamp::from_secs(1_790_003_600));
        let signed = |draft: &SuspensionDraft, by: &str| {
            draft.clone().sign(trial.key(by).approve(b"bytes"), &trial.founding.roster)
        };
        let one = signed(&draft, "legal-1").expect("signed");
        assert!(one.check(&trial.founding.roster).is_err());
        assert!(matches!(signed(&one, "legal-1"), Err(Refusal::SamePersonTwice)));
        assert!(matches!(signed(&one, "intake-1"), Err(Refusal::RoleMayNotDecide(_))));
        let two = signed(&one, "assessor-1").expect("signed");
        assert!(two.check(&trial.founding.roster).is_ok());
        let confirming = SuspensionDraft { step: SuspensionStep::Confirm(draft.void_from()), ..two };
        assert!(confirming.check(&trial.founding.roster).is_err(), "three confirm");
    }
}
