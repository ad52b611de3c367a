//! Authorities: who they are for, whether anyone verified them, and what they may send us.

use crate::{DirectoryEntry, Officer, Text};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;
use vocabulary::{AuthorityId, Timestamp};

/// An authority as the case knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// Its name.
    pub name: Text,
    /// Its entry in the directory. Without one nobody can verify it, and it gets neither a pass nor mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<AuthorityId>,
    /// Who verified it out of band, if anyone.
    pub verified: Option<Verification>,
    /// Whether what it sends is taken in.
    #[serde(default)]
    pub inbound: Inbound,
}

/// A verification by call-back to a number from an independent source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// By whom.
    pub by: Officer,
    /// When.
    pub at: Timestamp,
}

/// Whether what an authority sends is taken in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Inbound {
    /// It is.
    #[default]
    Open,
    /// Something came that nobody could verify; a call-back clears it.
    Frozen {
        /// Since when.
        since: Timestamp,
    },
}

impl Authority {
    /// An authority that nobody has verified yet.
    pub fn unverified(name: Text) -> Self {
        Self { name, directory: None, verified: None, inbound: Inbound::Open }
    }

    /// The authority of an entry, as the directory knows it at `now`: name and verification are its.
    pub fn of(entry: &DirectoryEntry, now: Timestamp) -> Self {
        let known = Self { directory: Some(entry.id), ..Self::unverified(entry.name.clone()) };
        known.verified_again(entry, now).unwrap_or(known)
    }

    /// Takes the verification of its own entry, where that has one now; clears a frozen inbound channel.
    pub fn verified_again(&self, entry: &DirectoryEntry, now: Timestamp) -> Option<Self> {
        let call = entry.verifying_call(now).filter(|_| self.directory == Some(entry.id))?;
        Some(self.clone().called_back(call.by.clone(), call.at))
    }

    /// Whether what it sends is taken in.
    pub fn is_believed(&self) -> bool {
        self.verified.is_some() && self.inbound == Inbound::Open
    }

    /// Verified by call-back; clears a frozen inbound channel.
    #[must_use]
    pub fn called_back(self, by: Officer, at: Timestamp) -> Self {
        Self { verified: Some(Verification { by, at }), inbound: Inbound::Open, ..self }
    }
}

/// Whom a referral is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Addressee {
    /// The authority of a jurisdiction concerned.
    Jurisdiction(Jurisdiction),
    /// The fallback, where a jurisdiction is unknown or its authority endangers the person.
    Fallback,
}

impl fmt::Display for Addressee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jurisdiction(code) => code.fmt(f),
            Self::Fallback => f.write_str("the fallback"),
        }
    }
}

/// A jurisdiction by its two-letter code (ISO 3166-1 alpha-2, upper case).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jurisdiction([u8; 2]);

/// The text is no such code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a jurisdiction is two upper-case letters, as in ISO 3166-1")]
pub struct JurisdictionError;

impl FromStr for Jurisdiction {
    type Err = JurisdictionError;

    fn from_str(text: &str) -> Result<Self, JurisdictionError> {
        match *text.as_bytes() {
            [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Self([a, b])),
            _ => Err(JurisdictionError),
        }
    }
}

impl fmt::Display for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(self.0[0]), char::from(self.0[1]))
    }
}

impl Serialize for Jurisdiction {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Jurisdiction {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}
