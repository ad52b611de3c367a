//! What officers sign: the terms of a decision and its statement of reasons.

use crate::{Ground, Measure, Profile, Refusal, Scope, ServiceClass, StatementFormat, Territory, floor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use vocabulary::canonical::{self, CanonicalError};
use vocabulary::{DecisionId, Digest, Timestamp};

#[cfg(test)]
mod tests;

/// The terms of a decision: the public part of its record, in full.
///
/// The lease is absolute: it runs from `not_before` (the time of the proposal; of a termination, the end of its
/// notice) to `expires`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Which decision; the block page shows it.
    pub decision: DecisionId,
    /// The class of service it acts on.
    pub class: ServiceClass,
    /// What is done.
    pub measure: Measure,
    /// What it rests on.
    pub ground: Ground,
    /// First instant at which it may act.
    pub not_before: Timestamp,
    /// The instant from which it no longer acts.
    pub expires: Timestamp,
    /// How often the measure was renewed before; 0 for the first lease.
    pub renewal: u32,
    /// Count and digest of the scope list.
    pub scope: ScopeReference,
    /// Digest of the statement's canonical bytes.
    pub statement: Digest,
    /// Digest of the roster that the approvals are checked against.
    pub roster: Digest,
    /// Digest of the compiled-in floor.
    pub floor: Digest,
    /// The operator's profile.
    pub profile: Profile,
    /// The legal demand behind it, where there is one (RFC 7725).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand: Option<Demand>,
    /// Where it acts, for the ground order alone; nothing: everywhere.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub territories: BTreeSet<Territory>,
}

/// How terms commit to a scope list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeReference {
    /// Number of sites.
    pub sites: u32,
    /// Digest of the list's canonical bytes.
    pub sha256: Digest,
}

/// Who demanded a block, and under which law.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// The court or authority.
    pub authority: String,
    /// The law it named.
    pub law: String,
    /// Where the demand or its record can be read; the target of `rel="blocked-by"`.
    pub url: String,
}

/// Whether authorities were asked before the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthoritiesAsked {
    /// Not at all.
    No,
    /// In a way that left no delivered referral.
    Informally,
    /// By delivered referral.
    Formally,
}

/// Languages a statement may be in; English for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// English.
    En,
}

/// Which policy file was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyReference {
    /// Its version.
    pub version: u32,
    /// Digest of its bytes.
    pub sha256: Digest,
}

/// The statement of reasons, for the public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Always `wardmote-statement/1`.
    pub format: StatementFormat,
    /// Which decision.
    pub decision: DecisionId,
    /// One line.
    pub title: String,
    /// A few sentences.
    pub summary: String,
    /// What was found, one sentence each; never reporter, target or content.
    pub facts: Vec<String>,
    /// What it rests on.
    pub ground: Ground,
    /// The ground in words.
    pub ground_text: String,
    /// What is done.
    pub measure: Measure,
    /// On which class of service.
    pub class: ServiceClass,
    /// From when.
    pub not_before: Timestamp,
    /// Until when.
    pub expires: Timestamp,
    /// The operator's profile.
    pub profile: Profile,
    /// The policy applied.
    pub policy: PolicyReference,
    /// Digest of the compiled-in floor.
    pub floor: Digest,
    /// Whether authorities were asked.
    pub authorities_asked: AuthoritiesAsked,
    /// What this means for visitors.
    pub meaning: String,
    /// How to have it reviewed.
    pub redress: String,
    /// Whom to contact.
    pub contact: String,
    /// Where this statement is published.
    pub url: String,
    /// Language of the texts.
    pub language: Language,
}

/// Longest statement, in canonical bytes.
const STATEMENT_MAX: usize = 64 * 1024;

impl Statement {
    /// Reads the canonical bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, CanonicalError> {
        canonical::parse(bytes)
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::to_bytes(self).expect("a statement holds only ASCII keys and 32-bit numbers")
    }

    /// The digest that terms commit to.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }
}

impl Terms {
    /// When it was proposed: what was in force then decides.
    pub fn proposed_at(&self) -> Timestamp {
        match self.measure {
            Measure::M7 => self.not_before.minus(floor::TERMINATION_NOTICE),
            _ => self.not_before,
        }
    }

    /// Checks that a termination was recorded at the beginning of its notice.
    pub fn check_notice(&self, recorded_at: Timestamp) -> Result<(), Refusal> {
        let given = self.not_before.since(recorded_at);
        let late = self.measure == Measure::M7 && given < floor::TERMINATION_NOTICE;
        if late { Err(Refusal::NoticeTooShort { given }) } else { Ok(()) }
    }

    /// Checks that this scope list is the one the terms commit to.
    pub fn check_scope(&self, scope: &Scope) -> Result<(), Refusal> {
        let same = usize::try_from(self.scope.sites) == Ok(scope.sites().len());
        if same && self.scope.sha256 == scope.digest() { Ok(()) } else { Err(Refusal::ScopeChanged) }
    }

    /// Checks that this statement is the one the terms commit to, and that it says what they say.
    pub fn check_statement(&self, statement: &Statement) -> Result<(), Refusal> {
        let bytes = statement.to_bytes();
        if bytes.len() > STATEMENT_MAX {
            return Err(Refusal::StatementTooLong { bytes: bytes.len(), max: STATEMENT_MAX });
        }
        if self.statement != Digest::of(&bytes) {
            return Err(Refusal::StatementChanged);
        }
        for (field, same) in [
            ("decision", statement.decision == self.decision),
            ("ground", statement.ground == self.ground),
            ("measure", statement.measure == self.measure),
            ("class", statement.class == self.class),
            ("not_before", statement.not_before == self.not_before),
            ("expires", statement.expires == self.expires),
            ("profile", statement.profile == self.profile),
            ("floor", statement.floor == self.floor),
        ] {
            if !same {
                return Err(Refusal::StatementContradicts { field });
            }
        }
        Ok(())
    }
}
