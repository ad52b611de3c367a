//! What an edge pins when it joins.

use ledger::tlog_policy::{PolicyError, TlogPolicy};
use policy::{Profile, Roster, RosterError};

/// The log and witness keys with their quorum, and the roster. Everything else proves itself
/// against these two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    tlog_policy: TlogPolicy,
    roster: Roster,
}

/// Why files are no roots.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootsError {
    /// The tlog-policy is unreadable.
    #[error("the pinned tlog-policy cannot be used: {0}")]
    TlogPolicy(PolicyError),
    /// The roster is unreadable.
    #[error("the pinned roster cannot be used: {0}")]
    Roster(RosterError),
    /// A policy without log or without quorum.
    #[error(
        "the pinned tlog-policy must name a log and a quorum of witnesses; \"quorum none\" proves too little"
    )]
    TooLittle,
}

impl Roots {
    /// Reads the two pinned files: the tlog-policy text and the roster's canonical bytes.
    pub fn parse(tlog_policy: &str, roster: &[u8]) -> Result<Self, RootsError> {
        let tlog_policy = TlogPolicy::parse(tlog_policy).map_err(RootsError::TlogPolicy)?;
        Self::new(tlog_policy, Roster::parse(roster).map_err(RootsError::Roster)?)
    }

    /// Roots from what was read already.
    pub fn new(tlog_policy: TlogPolicy, roster: Roster) -> Result<Self, RootsError> {
        if tlog_policy.logs().is_empty() || !tlog_policy.asks_for_witnesses() {
            return Err(RootsError::TooLittle);
        }
        Ok(Self { tlog_policy, roster })
    }

    /// Log keys, witness keys and quorum.
    pub fn tlog_policy(&self) -> &TlogPolicy {
        &self.tlog_policy
    }

    /// Who may decide.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The operator's profile: the pinned roster's.
    pub fn profile(&self) -> Profile {
        self.roster.profile()
    }
}
