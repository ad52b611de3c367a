//! The matrix: which measure a policy admits on which class and ground, for how long, after what.
//!
//! Owns the policy file's meaning; [`grammar`] owns its spelling. Invariant: a `Matrix` is never
//! looser than the floor, because parsing is the only way to make one and the parser asks the floor.

mod grammar;
#[cfg(test)]
mod tests;

use crate::{Ground, Measure, Refusal, ServiceClass, floor};
use std::fmt;
use std::time::Duration;
use vocabulary::{Digest, SitePattern};

/// A policy: its version, the hash of its bytes and its cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    version: u32,
    hash: Digest,
    clauses: Vec<(Measure, ServiceClass, Clause)>,
    protected: Vec<Protected>,
}

/// A category of sites that are never blocked whole, such as emergency services: published with the
/// policy, so that nobody has to trust that it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Protected {
    category: String,
    patterns: Vec<SitePattern>,
}

/// One way to fill a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// The ground that this clause admits.
    pub ground: Ground,
    /// The longest lease; nothing for acts.
    pub lease: Option<Duration>,
    /// How often the lease may be renewed.
    pub renewals: Renewals,
    /// What must have happened before.
    pub after: Vec<Condition>,
}

/// How often a lease may be renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewals {
    /// This often.
    Times(u32),
    /// As long as the ground lasts.
    Unlimited,
}

/// What a clause wants to have happened before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// The customer was told and had its time to answer.
    Notice,
    /// M3 on the same items was tried and failed.
    FailedM3,
    /// An appeal was heard, or its time passed.
    Appeal,
    /// The time to appeal passed.
    AppealWindow,
    /// Notice of 30 days was given.
    ThirtyDaysNotice,
    /// No case on this customer is open or closed less than 90 days ago.
    NoCaseInNinetyDays,
}

/// Why a policy file is refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy, line {line}, column {column}: {problem}")]
pub struct PolicyError {
    line: usize,
    column: usize,
    problem: Problem,
}

/// What is wrong at a place of a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    Syntax(String),
    Looser(String),
}

/// The built-in policy: the matrix as the project's design lays it down.
pub fn default_policy_text() -> &'static str {
    include_str!("default.policy")
}

impl Matrix {
    /// Reads a policy file; refuses what the grammar does not know and what is looser than the floor.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let file = grammar::read(text)?;
        let (version, hash) = (file.version, Digest::of(text.as_bytes()));
        Ok(Self { version, hash, clauses: file.clauses, protected: file.protected })
    }

    /// The digest of the file's bytes.
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// The version the file states.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The clause that admits a measure on a class and ground: the ground's own if there is one, else
    /// the one it falls under.
    pub fn clause(&self, measure: Measure, class: ServiceClass, ground: Ground) -> Option<&Clause> {
        let cell = || self.cell(measure, class);
        cell()
            .find(|clause| clause.ground == ground)
            .or_else(|| cell().find(|clause| ground.falls_under(clause.ground)))
    }

    /// The category that keeps a host pattern from being blocked whole, if one does.
    pub fn never_blocks(&self, host: &SitePattern) -> Option<&str> {
        let holds = |kept: &&Protected| kept.patterns.iter().any(|pattern| pattern.overlaps(host));
        self.protected.iter().find(holds).map(|kept| kept.category.as_str())
    }

    /// All clauses of a cell; none where the policy says never.
    pub fn cell(&self, measure: Measure, class: ServiceClass) -> impl Iterator<Item = &Clause> {
        self.clauses
            .iter()
            .filter(move |(of, on, _)| *of == measure && *on == class)
            .map(|(_, _, clause)| clause)
    }
}

impl Renewals {
    /// Refuses a renewal beyond this number.
    pub fn check(self, renewal: u32) -> Result<(), Refusal> {
        match self {
            Self::Times(max) if renewal > max => Err(Refusal::RenewedTooOften { renewal, max }),
            _ => Ok(()),
        }
    }

    fn exceeds(self, other: Self) -> bool {
        match (self, other) {
            (_, Self::Unlimited) => false,
            (Self::Unlimited, Self::Times(_)) => true,
            (Self::Times(mine), Self::Times(theirs)) => mine > theirs,
        }
    }
}

impl fmt::Display for Renewals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) => write!(f, "{times}"),
            Self::Unlimited => f.write_str("unlimited"),
        }
    }
}

impl Condition {
    /// Every condition.
    pub const ALL: [Self; 6] = [
        Self::Notice,
        Self::FailedM3,
        Self::Appeal,
        Self::AppealWindow,
        Self::ThirtyDaysNotice,
        Self::NoCaseInNinetyDays,
    ];

    /// The word in policy files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::FailedM3 => "failed-M3",
            Self::Appeal => "appeal",
            Self::AppealWindow => "appeal-window",
            Self::ThirtyDaysNotice => "notice-30d",
            Self::NoCaseInNinetyDays => "no-case-90d",
        }
    }
}

impl PolicyError {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self.problem {
            Problem::Syntax(_) => "policy-unreadable",
            Problem::Looser(_) => "policy-looser-than-floor",
        }
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(text) => f.write_str(text),
            Self::Looser(text) => write!(f, "looser than the floor: {text}"),
        }
    }
}

/// What of a clause the floor forbids, if anything.
fn looser_than_floor(measure: Measure, class: ServiceClass, clause: &Clause) -> Option<String> {
    if floor::never(measure, class) {
        return Some(format!("{measure} never acts on class {class}; write \"{class} never\""));
    }
    let most = floor::lease_max(measure, clause.ground);
    if let (Some(lease), Some(most)) = (clause.lease, most)
        && lease > most
    {
        let hours = most.as_secs() / 3_600;
        return Some(format!("{measure} on {} lasts at most {hours}h", clause.ground));
    }
    let renewals = floor::renewals_max(measure, clause.ground);
    if clause.renewals.exceeds(renewals) {
        return Some(format!("{measure} on {} is renewed at most {renewals} times", clause.ground));
    }
    None
}
