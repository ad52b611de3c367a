//! What the operator sets for all sites: bans and allowances of traffic sources, switches with an end, lists.
//!
//! None of it is a measure: it is aimed at traffic, and each of it ends by itself.

use super::settings::ListSource;
use serde::{Deserialize, Serialize};
use shield::lists::ListKind;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use vocabulary::{Cidr, Digest, SiteId, Timestamp};

/// Most entries at once.
pub const ENTRIES_MAX: usize = 4_096;
/// Most lists of the operator; a site's rules may name them beside its own.
pub const OPERATOR_LISTS_MAX: usize = 32;

/// Everything the operator sets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OperatorShield {
    /// Bans and allowances.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
    /// Sites whose every visitor is challenged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub under_attack: Vec<UnderAttackSwitch>,
    /// Lists by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: BTreeMap<String, OperatorList>,
}

impl OperatorShield {
    /// Whether nothing is set.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A ban or an allowance of a source of traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its number, never used twice: how it is ended before its time.
    pub number: u64,
    /// What it does.
    pub effect: Effect,
    /// For whom.
    pub subject: Subject,
    /// At which site; none: at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteId>,
    /// From when on.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Why, for people.
    pub reason: String,
    /// Who made it.
    pub by: String,
}

/// What an entry or a list does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Refused.
    Ban,
    /// Neither banned nor challenged nor limited, whatever else says so.
    Allow,
}

/// A source of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// An address or a network.
    Network(Cidr),
    /// An autonomous system.
    Asn(u32),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Asn(number) => write!(f, "AS{number}"),
        }
    }
}

/// Every visitor of a site is challenged for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnderAttackSwitch {
    /// Which site.
    pub site: SiteId,
    /// From when on.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Why, for people.
    pub reason: String,
    /// Who switched it on.
    pub by: String,
}

/// A list of the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorList {
    /// What it holds.
    pub kind: ListKind,
    /// Where its items come from.
    pub source: ListSource,
    /// What it does by itself at every site; none: only rules use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acting: Option<Acting>,
}

/// What a list does by itself, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acting {
    /// What it does.
    pub effect: Effect,
    /// Until when.
    pub until: Timestamp,
}

/// The latest good version of a feed, as an edge gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedVersion {
    /// Where it was read.
    pub address: String,
    /// What it holds.
    pub kind: ListKind,
    /// The digest of the text.
    pub digest: Digest,
    /// One item a line.
    #[serde(with = "shared_text")]
    pub text: Arc<str>,
}

mod shared_text {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::sync::Arc;

    pub(super) fn serialize<S: Serializer>(text: &Arc<str>, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(from).map(Arc::from)
    }
}
