//! The scope list: exactly which sites a decision touches.

use crate::{Feature, ListedUrl, ScopeFormat};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::BTreeSet;
use vocabulary::canonical::{self, CanonicalError};
use vocabulary::{AccountId, Digest, Hostname, Random, SiteId, SitePattern};

#[cfg(test)]
mod tests;

/// Most sites one decision may list: the absolute part of the blast-radius limit.
pub const SITES_MAX: usize = 5_000;
/// Most host patterns of one site.
const HOSTS_MAX: usize = 1_000;
/// Most listed addresses of one site.
const URLS_MAX: usize = 1_000;
/// Longest reason, in bytes.
const REASON_MAX: usize = 2_000;

/// The explicit list of sites in scope. The log commits to its digest only; the salt keeps the
/// list from being guessed from that digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct Scope {
    salt: Salt,
    sites: Vec<ScopeSite>,
}

/// One site in scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeSite {
    /// Which site.
    pub site: SiteId,
    /// Whose.
    pub account: AccountId,
    /// The host patterns that the measure covers, strictly sorted, at least one.
    pub hosts: Vec<SitePattern>,
    /// Host patterns within these that belong to sites not in scope: the measure leaves them alone.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub except: BTreeSet<SitePattern>,
    /// The addresses below these hosts that are disabled; for M3 alone, and there at least one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub urls: BTreeSet<ListedUrl>,
    /// The features that are withdrawn; for M2 alone, and there at least one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub features: BTreeSet<Feature>,
    /// Why this site is in scope.
    pub reason: String,
}

/// Whether a host pattern lies whole below a wildcard, and is not the wildcard itself.
pub fn lies_below(pattern: &SitePattern, wide: &SitePattern) -> bool {
    matches!(wide, SitePattern::Wildcard(_)) && pattern != wide && wide.matches(pattern.base())
}

impl ScopeSite {
    /// Whether a host that one of its patterns covers is left alone.
    pub fn leaves(&self, host: &Hostname) -> bool {
        self.except.iter().any(|pattern| pattern.matches(host))
    }
}

/// 32 random bytes; 64 lower-case hex digits in documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 32]);

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    format: ScopeFormat,
    salt: Salt,
    sites: Vec<ScopeSite>,
}

/// Why a list is no scope.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// Nothing listed.
    #[error("a scope lists at least one site")]
    Empty,
    /// Over a bound.
    #[error("{what}: {count}, at most {max} are allowed")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        count: usize,
        /// The bound.
        max: usize,
    },
    /// A site twice, or out of order.
    #[error("sites are listed once each and sorted; {0} is not")]
    Unsorted(SiteId),
    /// An exception from nothing, or from all.
    #[error("an exception of {0} is not within a host pattern of the site, or is one")]
    Exception(SiteId),
    /// A site whose hosts are missing, doubled or unsorted.
    #[error("the hosts of {0} must be listed once each, sorted, at least one")]
    Hosts(SiteId),
    /// A site without a reason.
    #[error("{0} needs its own reason")]
    NoReason(SiteId),
    /// Not canonical JSON of this shape.
    #[error("the scope list is unreadable")]
    Encoding(#[source] CanonicalError),
}

impl Scope {
    /// A scope from sites in any order; each site's hosts are sorted here too.
    pub fn new(salt: Salt, mut sites: Vec<ScopeSite>) -> Result<Self, ScopeError> {
        sites.sort_by_key(|entry| entry.site);
        for entry in &mut sites {
            entry.hosts.sort();
        }
        Self::checked(salt, sites)
    }

    fn checked(salt: Salt, sites: Vec<ScopeSite>) -> Result<Self, ScopeError> {
        if sites.is_empty() {
            return Err(ScopeError::Empty);
        }
        at_most("sites in scope", sites.len(), SITES_MAX)?;
        if let Some(pair) = sites.windows(2).find(|pair| pair[0].site >= pair[1].site) {
            return Err(ScopeError::Unsorted(pair[1].site));
        }
        for entry in &sites {
            at_most("hosts of one site", entry.hosts.len(), HOSTS_MAX)?;
            at_most("exceptions of one site", entry.except.len(), HOSTS_MAX)?;
            let within = |other: &SitePattern| entry.hosts.iter().any(|host| lies_below(other, host));
            if !entry.except.iter().all(within) {
                return Err(ScopeError::Exception(entry.site));
            }
            at_most("addresses of one site", entry.urls.len(), URLS_MAX)?;
            at_most("bytes of a reason", entry.reason.len(), REASON_MAX)?;
            if entry.hosts.is_empty() || entry.hosts.windows(2).any(|pair| pair[0] >= pair[1]) {
                return Err(ScopeError::Hosts(entry.site));
            }
            if entry.reason.trim().is_empty() {
                return Err(ScopeError::NoReason(entry.site));
            }
        }
        Ok(Self { salt, sites })
    }

    /// Reads the canonical bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ScopeError> {
        canonical::parse(bytes).map_err(ScopeError::Encoding)
    }

    /// The sites, strictly sorted by id.
    pub fn sites(&self) -> &[ScopeSite] {
        &self.sites
    }

    /// All host patterns in scope.
    pub fn hosts(&self) -> impl Iterator<Item = &SitePattern> {
        self.sites.iter().flat_map(|entry| &entry.hosts)
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::to_bytes(self).expect("a scope holds only ASCII keys and no numbers")
    }

    /// The digest that terms commit to.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }
}

fn at_most(what: &'static str, count: usize, max: usize) -> Result<(), ScopeError> {
    if count <= max { Ok(()) } else { Err(ScopeError::TooMany { what, count, max }) }
}

impl TryFrom<Unchecked> for Scope {
    type Error = ScopeError;

    fn try_from(list: Unchecked) -> Result<Self, ScopeError> {
        Self::checked(list.salt, list.sites)
    }
}

impl From<Scope> for Unchecked {
    fn from(scope: Scope) -> Self {
        Self { format: ScopeFormat, salt: scope.salt, sites: scope.sites }
    }
}

impl Salt {
    /// A fresh salt.
    pub fn random(random: &dyn Random) -> Self {
        Self(random.bytes())
    }

    /// A given salt, for scopes that must be the same in each run.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl Serialize for Salt {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Salt {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let mut bytes = [0; 32];
        let read = hex::decode_to_slice(&text, &mut bytes).is_ok();
        if read && hex::encode(bytes) == text {
            Ok(Self(bytes))
        } else {
            Err(de::Error::custom("a salt is 64 lower-case hex digits"))
        }
    }
}
