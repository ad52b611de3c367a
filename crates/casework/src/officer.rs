//! Who acted: an officer under a role pseudonym.

use policy::{Pseudonym, Role, Roster};
use serde::{Deserialize, Serialize};
use std::fmt;
use vocabulary::Timestamp;

/// An officer as the record knows it. On a roster one pseudonym is one person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Officer {
    /// In which role.
    pub role: Role,
    /// Under which name.
    pub pseudonym: Pseudonym,
}

impl Officer {
    /// Looks an officer up on a roster; `None` for a name that is not on it.
    pub fn on(roster: &Roster, pseudonym: &Pseudonym) -> Option<Self> {
        roster.named(pseudonym).map(|member| Self { role: member.role, pseudonym: member.pseudonym.clone() })
    }
}

impl fmt::Display for Officer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.role, self.pseudonym)
    }
}

/// A fact with who recorded it and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded<T> {
    /// Who recorded it.
    pub by: Officer,
    /// When it was recorded.
    pub at: Timestamp,
    /// What was recorded.
    pub fact: T,
}
