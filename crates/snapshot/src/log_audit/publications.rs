//! Policies and rosters as the log publishes them, and which of them act when.

use super::Placed;
use super::report::{LogReport, Tally};
use crate::POLICY_NOTICE;
use ledger::tlog_policy::TlogPolicy;
use ledger::{Body, Kind, PolicyPublished, RosterChanged};
use policy::{Approval, Roster, examine};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use vocabulary::{Digest, Timestamp};

/// How long after its publication a changed roster begins to act. The removal of a key, which acts at
/// once, is not known here: a decision under the newer roster within this time is told as a fault.
pub const ROSTER_NOTICE: Duration = Duration::from_secs(7 * 24 * 3600);

/// What was published so far.
#[derive(Debug)]
pub(super) struct Publications {
    given: BTreeMap<Digest, Roster>,
    policies: Vec<Published>,
    rosters: Vec<Published>,
    named_keys: Option<String>,
    policy_tally: Tally,
    roster_tally: Tally,
}

/// One version of a document, by its number and digest.
#[derive(Debug, Clone, Copy)]
struct Published {
    number: u64,
    sha256: Digest,
    acts: Timestamp,
}

impl Publications {
    pub(super) fn new(given: &[Roster]) -> Self {
        Self {
            given: given.iter().map(|roster| (roster.hash(), roster.clone())).collect(),
            policies: Vec::new(),
            rosters: Vec::new(),
            named_keys: None,
            policy_tally: Tally::new("policies"),
            roster_tally: Tally::new("rosters"),
        }
    }

    pub(super) fn place(&mut self, Placed { index, entry, .. }: Placed<'_>) {
        let body = &entry.body;
        match body.kind {
            Kind::PolicyPublished => {
                let result = self.policy(body);
                self.policy_tally.judge(index, result);
            }
            Kind::RosterChanged => {
                let result = self.roster(body, &entry.approvals);
                self.roster_tally.judge(index, result);
            }
            _ => {}
        }
    }

    fn policy(&mut self, body: &Body) -> Result<(), String> {
        let said: PolicyPublished = public(body, PolicyPublished::SUBJECT)?;
        follows(&self.policies, said.version.into())?;
        let acts = body.time.plus(if body.sequence > 1 { POLICY_NOTICE } else { Duration::ZERO });
        self.policies.push(Published { number: said.version.into(), sha256: said.sha256, acts });
        Ok(())
    }

    fn roster(&mut self, body: &Body, approvals: &[Approval]) -> Result<(), String> {
        let said: RosterChanged = public(body, RosterChanged::SUBJECT)?;
        follows(&self.rosters, said.serial)?;
        if let Some(old) = self.rosters.last() {
            match self.given.get(&old.sha256) {
                Some(old) => signed_by_quorum(body, approvals, old)?,
                None => return Err("its approvals need the roster before it, which was not given".into()),
            }
        }
        let acts = body.time.plus(if body.sequence > 1 { ROSTER_NOTICE } else { Duration::ZERO });
        self.rosters.push(Published { number: said.serial, sha256: said.sha256, acts });
        self.named_keys = Some(said.tlog_policy);
        Ok(())
    }

    /// The keys under which the log says it is kept.
    pub(super) fn named_keys(&self) -> Option<TlogPolicy> {
        self.named_keys.as_deref().and_then(|text| TlogPolicy::parse(text).ok())
    }

    /// Whether this policy was published and had begun to act.
    pub(super) fn policy_acts(&self, sha256: Digest, at: Timestamp) -> bool {
        self.policies.iter().any(|policy| policy.sha256 == sha256 && policy.acts <= at)
    }

    /// Digest of the roster in force.
    pub(super) fn roster_in_force(&self, at: Timestamp) -> Option<Digest> {
        self.rosters.iter().rfind(|roster| roster.acts <= at).map(|roster| roster.sha256)
    }

    /// A roster that the reader brought.
    pub(super) fn given(&self, sha256: Digest) -> Option<&Roster> {
        self.given.get(&sha256)
    }

    pub(super) fn report(mut self, report: &mut LogReport) {
        for (sha256, roster) in &self.given {
            if !self.rosters.iter().any(|published| published.sha256 == *sha256) {
                let place = format!("the given roster {}", roster.serial());
                self.roster_tally.fault_at(place, "the log never published it");
            }
        }
        report.tally(&self.policy_tally, "policies published in order");
        report.tally(&self.roster_tally, "rosters published in order, each change signed by the one before");
    }
}

/// The public fields of a publication of this subject.
fn public<T: serde::de::DeserializeOwned>(body: &Body, subject: &str) -> Result<T, String> {
    if body.subject != subject {
        return Err(format!("its subject must be {subject:?}"));
    }
    serde_json::from_value(body.public.clone()).map_err(|_| "its public fields cannot be read".to_owned())
}

fn follows(earlier: &[Published], number: u64) -> Result<(), String> {
    match earlier.last().filter(|last| last.number >= number) {
        Some(last) => Err(format!("number {number} was published after number {}", last.number)),
        None => Ok(()),
    }
}

/// A change of the roster carries what the old roster asks of a decision.
fn signed_by_quorum(body: &Body, approvals: &[Approval], old: &Roster) -> Result<(), String> {
    let bytes = body.to_bytes().map_err(|error| error.to_string())?;
    let (mut people, mut roles, mut organisations) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for approval in approvals {
        let member = examine(&bytes, approval, old).map_err(|refusal| refusal.to_string())?;
        if !people.insert(member.person) {
            return Err("one person signed twice".to_owned());
        }
        roles.insert(member.role);
        organisations.insert(&member.organisation);
    }
    let asked = old.thresholds();
    let enough = |have: usize, need: u32| usize::try_from(need).is_ok_and(|need| have >= need);
    let whole = enough(people.len(), asked.approvals)
        && enough(roles.len(), asked.roles)
        && enough(organisations.len(), asked.organisations);
    if whole { Ok(()) } else { Err("the roster before it did not approve it".to_owned()) }
}
