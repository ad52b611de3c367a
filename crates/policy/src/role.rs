//! Roles, role pseudonyms and operator profiles.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// What an officer on the roster does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Receives reports.
    Intake,
    /// Rates findings; may decide.
    Assessor,
    /// Concludes on the law; may decide.
    Legal,
    /// On call; may decide.
    DutyOfficer,
    /// Speaks with authorities.
    AuthorityLiaison,
    /// Speaks with people at risk.
    VictimLiaison,
    /// Independent: hears appeals, ratifies; never decides first.
    Reviewer,
    /// Keeps keys.
    KeyCustodian,
    /// Reads everything, decides nothing.
    Auditor,
    /// Runs machines; has no power over decisions.
    EdgeOperator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 10] = [
        Self::Intake,
        Self::Assessor,
        Self::Legal,
        Self::DutyOfficer,
        Self::AuthorityLiaison,
        Self::VictimLiaison,
        Self::Reviewer,
        Self::KeyCustodian,
        Self::Auditor,
        Self::EdgeOperator,
    ];

    /// Whether an approval by this role can count at all. Who hears appeals, receives reports or runs
    /// machines never decides, whatever a roster says.
    pub fn may_decide(self) -> bool {
        matches!(self, Self::Assessor | Self::Legal | Self::DutyOfficer)
    }

    /// The name used in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Assessor => "assessor",
            Self::Legal => "legal",
            Self::DutyOfficer => "duty-officer",
            Self::AuthorityLiaison => "authority-liaison",
            Self::VictimLiaison => "victim-liaison",
            Self::Reviewer => "reviewer",
            Self::KeyCustodian => "key-custodian",
            Self::Auditor => "auditor",
            Self::EdgeOperator => "edge-operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No role has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such role: {0:?}")]
pub struct RoleError(String);

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| RoleError(text.chars().take(40).collect()))
    }
}

/// What kind of operator runs this roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Seven pseudonyms on one disk; only loopback and reserved names.
    Trial,
    /// One or two people.
    Solo,
    /// Three staff and at least three sworn outsiders.
    Ward,
    /// Own legal, duty, assessors and reviewer.
    Full,
}

impl Profile {
    /// The name used in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Solo => "solo",
            Self::Ward => "ward",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name an officer acts under: 1 to 32 of `a-z`, `0-9` and inner hyphens. Also a safe file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym(String);

/// The text is no pseudonym.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a pseudonym: {0:?}; 1 to 32 lower-case letters, digits and inner hyphens")]
pub struct PseudonymError(String);

impl Pseudonym {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Pseudonym {
    type Err = PseudonymError;

    fn from_str(text: &str) -> Result<Self, PseudonymError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let whole = (1..=32).contains(&text.len())
            && text.bytes().all(plain)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if whole { Ok(Self(text.to_owned())) } else { Err(PseudonymError(text.chars().take(40).collect())) }
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Pseudonym {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Pseudonym {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}
