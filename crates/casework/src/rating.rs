//! Two ratings of one finding, made without sight of each other.

use crate::{Officer, Text};
use policy::Role;
use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

/// One officer's judgement of one finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rating {
    /// Who rated.
    pub by: Officer,
    /// When.
    pub at: Timestamp,
    /// The judgement.
    pub credibility: Credibility,
    /// Whether the officer declares not to have seen the other rating.
    pub unsighted: bool,
    /// Why.
    pub reason: Text,
}

/// Whether a finding is a credible threat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credibility {
    /// It is.
    Credible,
    /// It is not: a quotation, a news report, an empty boast.
    NotCredible,
}

/// How far a finding is rated. A lone rating is sealed: its judgement is not shown before the second
/// one is in (see `Case::sealed_view`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ratings {
    /// Nobody has rated yet.
    #[default]
    Awaited,
    /// One officer has; the second is awaited.
    Sealed(Rating),
    /// Both have; their ratings are open to each other.
    Opened {
        /// The first.
        first: Rating,
        /// The second, by another officer.
        second: Rating,
    },
}

/// Why a rating is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RatingRefusal {
    /// The role does not rate.
    #[error("the role {0} does not rate findings; assessors and duty officers do")]
    RoleDoesNotRate(Role),
    /// The same officer again.
    #[error("{0} has rated this finding already; the second rating is another officer's")]
    SameOfficer(Officer),
    /// Two ratings are in.
    #[error("this finding has both its ratings")]
    Complete,
}

impl RatingRefusal {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RoleDoesNotRate(_) => "role-does-not-rate",
            Self::SameOfficer(_) => "same-officer-rates-twice",
            Self::Complete => "ratings-complete",
        }
    }
}

impl Ratings {
    /// Adds a rating.
    pub fn rate(self, rating: Rating) -> Result<Self, RatingRefusal> {
        if !matches!(rating.by.role, Role::Assessor | Role::DutyOfficer) {
            return Err(RatingRefusal::RoleDoesNotRate(rating.by.role));
        }
        match self {
            Self::Awaited => Ok(Self::Sealed(rating)),
            Self::Sealed(first) if first.by.pseudonym == rating.by.pseudonym => {
                Err(RatingRefusal::SameOfficer(rating.by))
            }
            Self::Sealed(first) => Ok(Self::Opened { first, second: rating }),
            Self::Opened { .. } => Err(RatingRefusal::Complete),
        }
    }

    /// The ratings that are in.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Rating> {
        let (first, second) = match self {
            Self::Awaited => (None, None),
            Self::Sealed(first) => (Some(first), None),
            Self::Opened { first, second } => (Some(first), Some(second)),
        };
        first.into_iter().chain(second)
    }
}
