//! A case: what is looked into, with everything that officers recorded about it.

#[cfg(test)]
mod tests;

use crate::{
    Appeal, AppealRefusal, Fact, Facts, Finding, LinkRefusal, LinkedSite, Officer, Precedent, Rating,
    RatingRefusal, Ratings, Recorded, Referral, ReferralRefusal, Text,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vocabulary::{AccountId, AppealId, CaseId, FindingId, ReferralId, Timestamp};

/// Most findings of one case.
pub const FINDINGS_MAX: usize = 500;
/// Most referrals of one case.
pub const REFERRALS_MAX: usize = 100;
/// Most facts of one case that newer ones replaced.
pub const SUPERSEDED_MAX: usize = 500;
/// Most captures of one finding.
const EVIDENCE_MAX: usize = 20;

/// A case about one customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Which case.
    pub id: CaseId,
    /// About which customer.
    pub account: AccountId,
    /// What is alleged, in one line.
    pub allegation: Text,
    /// Open or closed.
    pub status: CaseStatus,
    /// Who opened it.
    pub opened_by: Officer,
    /// When.
    pub opened_at: Timestamp,
    /// How much attention the matter gets. Steers what is looked at first; the gate never reads it.
    #[serde(default)]
    pub attention: Attention,
    /// What was captured and rated.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// The recorded facts E2 to E9.
    #[serde(default)]
    pub facts: Facts,
    /// Facts that newer ones replaced, oldest first. The gate never reads them.
    #[serde(default)]
    pub superseded: Vec<Recorded<Fact>>,
    /// The referrals to authorities.
    #[serde(default)]
    pub referrals: Vec<Referral>,
    /// Appeals against what was decided in it, or not done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub appeals: Vec<Appeal>,
    /// How it stands to earlier decisions. The gate never reads them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub precedents: Vec<Recorded<Precedent>>,
    /// Sites that seem to be run by the same people; each confirmed one has a case of its own. The gate never reads them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<LinkedSite>,
}

/// Whether a case is still worked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseStatus {
    /// It is.
    Open,
    /// It is not.
    Closed {
        /// By whom.
        by: Officer,
        /// When.
        at: Timestamp,
        /// Why.
        reason: Text,
    },
}

/// Counts of what came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attention {
    /// Reports.
    pub reports: u64,
    /// Signals of a campaign: press, calls, posts.
    pub campaign_signals: u64,
}

/// Why a change of a case is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaseRefusal {
    /// The case is closed.
    #[error("the case is closed; open a new one")]
    Closed,
    /// No such finding.
    #[error("the case has no finding {0}")]
    NoFinding(FindingId),
    /// No such referral.
    #[error("the case has no referral {0}")]
    NoReferral(ReferralId),
    /// One id twice.
    #[error("the case already has {0}")]
    Twice(String),
    /// A finding with a rating of its own making.
    #[error("a new finding comes without ratings; they are added one by one")]
    RatedAlready,
    /// Over a bound.
    #[error("a case has at most {max} {what}")]
    TooMany {
        /// What.
        what: &'static str,
        /// How many.
        max: usize,
    },
    /// A legal conclusion by someone else.
    #[error("{0} is no legal reviewer; the conclusion is recorded by the role legal")]
    NotLegal(Officer),
    /// A declared conflict taken back.
    #[error("{0} declared a conflict of interest in this case, and that stands")]
    ConflictStands(Officer),
    /// No such appeal.
    #[error("the case has no appeal {0}")]
    NoAppeal(AppealId),
    /// The appeal is refused.
    #[error(transparent)]
    Appeal(AppealRefusal),
    /// The rating is refused.
    #[error(transparent)]
    Rating(RatingRefusal),
    /// The referral is refused.
    #[error(transparent)]
    Referral(ReferralRefusal),
    /// The link is refused.
    #[error(transparent)]
    Link(LinkRefusal),
}

impl CaseRefusal {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Closed => "case-closed",
            Self::NoFinding(_) => "no-such-finding",
            Self::NoReferral(_) => "no-such-referral",
            Self::Twice(_) => "already-there",
            Self::RatedAlready => "rated-already",
            Self::TooMany { .. } => "too-many",
            Self::NotLegal(_) => "not-legal",
            Self::ConflictStands(_) => "conflict-stands",
            Self::NoAppeal(_) => "no-such-appeal",
            Self::Appeal(refusal) => refusal.name(),
            Self::Rating(refusal) => refusal.name(),
            Self::Referral(refusal) => refusal.name(),
            Self::Link(refusal) => refusal.name(),
        }
    }
}

impl Case {
    /// Opens a case.
    pub fn open(id: CaseId, account: AccountId, allegation: Text, by: Officer, at: Timestamp) -> Self {
        Self {
            id,
            account,
            allegation,
            status: CaseStatus::Open,
            opened_by: by,
            opened_at: at,
            attention: Attention::default(),
            findings: Vec::new(),
            facts: Facts::default(),
            superseded: Vec::new(),
            referrals: Vec::new(),
            appeals: Vec::new(),
            precedents: Vec::new(),
            links: Vec::new(),
        }
    }

    /// Closes it.
    pub fn close(mut self, by: Officer, at: Timestamp, reason: Text) -> Result<Self, CaseRefusal> {
        self.check_open()?;
        self.status = CaseStatus::Closed { by, at, reason };
        Ok(self)
    }

    /// Adds an unrated finding.
    pub fn add_finding(&mut self, finding: Finding) -> Result<(), CaseRefusal> {
        self.check_open()?;
        room("findings", self.findings.len(), FINDINGS_MAX)?;
        if finding.evidence.len() > EVIDENCE_MAX {
            return Err(CaseRefusal::TooMany { what: "captures of one finding", max: EVIDENCE_MAX });
        }
        if finding.ratings != Ratings::Awaited {
            return Err(CaseRefusal::RatedAlready);
        }
        if self.findings.iter().any(|other| other.id == finding.id) {
            return Err(CaseRefusal::Twice(finding.id.to_string()));
        }
        self.findings.push(finding);
        Ok(())
    }

    /// Adds an officer's rating of a finding.
    pub fn rate(&mut self, finding: FindingId, rating: Rating) -> Result<(), CaseRefusal> {
        self.check_open()?;
        let found = self.findings.iter_mut().find(|other| other.id == finding);
        let found = found.ok_or(CaseRefusal::NoFinding(finding))?;
        found.ratings = found.ratings.clone().rate(rating).map_err(CaseRefusal::Rating)?;
        Ok(())
    }

    /// Records a fact. The findings it names must be this case's; that its files are ([`Fact::evidence`])
    /// is the caller's to check, who keeps them.
    pub fn record(&mut self, fact: Fact, by: Officer, at: Timestamp) -> Result<(), CaseRefusal> {
        self.check_open()?;
        let stranger = |id: &FindingId| !self.findings.iter().any(|finding| finding.id == *id);
        if let Some(unknown) = fact.findings().into_iter().find(stranger) {
            return Err(CaseRefusal::NoFinding(unknown));
        }
        room("facts that were replaced", self.superseded.len(), SUPERSEDED_MAX)?;
        let replaced = self.facts.record(fact, by, at)?;
        self.superseded.extend(replaced);
        Ok(())
    }

    /// Adds a referral.
    pub fn add_referral(&mut self, referral: Referral) -> Result<(), CaseRefusal> {
        self.check_open()?;
        room("referrals", self.referrals.len(), REFERRALS_MAX)?;
        if self.referrals.iter().any(|other| other.id == referral.id) {
            return Err(CaseRefusal::Twice(referral.id.to_string()));
        }
        self.referrals.push(referral);
        Ok(())
    }

    /// Moves a referral on; refused transitions leave it as it was. Answers may come in after the case
    /// was closed.
    pub fn step_referral<T>(
        &mut self,
        id: ReferralId,
        step: impl FnOnce(Referral) -> Result<(Referral, T), ReferralRefusal>,
    ) -> Result<T, CaseRefusal> {
        let found = self.referrals.iter_mut().find(|other| other.id == id);
        let found = found.ok_or(CaseRefusal::NoReferral(id))?;
        let (moved, outcome) = step(found.clone()).map_err(CaseRefusal::Referral)?;
        *found = moved;
        Ok(outcome)
    }

    /// Whether both ratings of every finding are in, so that nothing can bias them any more.
    pub fn is_rated(&self) -> bool {
        let rated = |finding: &Finding| matches!(finding.ratings, Ratings::Opened { .. });
        !self.findings.is_empty() && self.findings.iter().all(rated)
    }

    /// The case as officers may see it: a lone rating shows who rated and when, not what, and how much
    /// attention the matter gets shows only once it can bias no rating. Give out this and never the case itself.
    pub fn sealed_view(&self) -> Value {
        let mut view = serde_json::to_value(self).expect("a case has only string keys");
        if let Some(fields) = view.as_object_mut().filter(|_| !self.is_rated()) {
            fields.remove("attention");
        }
        for (place, finding) in self.findings.iter().enumerate() {
            if let Ratings::Sealed(rating) = &finding.ratings {
                view["findings"][place]["ratings"] = json!({"sealed": {"by": rating.by, "at": rating.at}});
            }
        }
        view
    }

    pub(crate) fn check_open(&self) -> Result<(), CaseRefusal> {
        if self.status == CaseStatus::Open { Ok(()) } else { Err(CaseRefusal::Closed) }
    }
}

pub(crate) fn room(what: &'static str, count: usize, max: usize) -> Result<(), CaseRefusal> {
    if count < max { Ok(()) } else { Err(CaseRefusal::TooMany { what, max }) }
}
