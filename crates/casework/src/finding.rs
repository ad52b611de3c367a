//! A finding: one captured item with its source, its age, its author and its ratings.

use crate::{Officer, Ratings, Text};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use vocabulary::{Digest, EvidenceId, FindingId, Timestamp};

/// What was captured, and what officers make of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Which finding.
    pub id: FindingId,
    /// The stored captures behind it, at least one for it to count.
    pub evidence: Vec<EvidenceId>,
    /// SHA-256 of each of these captures, in the same order: one file sealed twice is one capture.
    #[serde(default)]
    pub sha256: Vec<Digest>,
    /// Where the captures come from.
    pub source: Source,
    /// When it was captured.
    pub captured_at: Timestamp,
    /// Who filed it.
    pub filed_by: Officer,
    /// The item, by a mark that is the same for two captures of it, such as its permanent address.
    pub item: Text,
    /// The apparent author; `None` where nothing tells authors apart.
    pub author: Option<Text>,
    /// Whether the site carries it.
    pub appearance: Appearance,
    /// When it was posted, or promoted.
    pub posted_at: PostedAt,
    /// Its ratings.
    #[serde(default)]
    pub ratings: Ratings,
}

/// Where a capture comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "grade", deny_unknown_fields)]
pub enum Source {
    /// Our own capture from two vantages.
    A,
    /// Our own capture from one.
    B,
    /// A signed package.
    C {
        /// The authority or trusted flagger that signed it.
        supplier: Text,
    },
    /// A reporter's screenshot.
    D,
    /// Press or other secondary text.
    E,
}

/// The grade of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SourceGrade {
    /// Own, two vantages.
    A,
    /// Own, one vantage.
    B,
    /// Signed package.
    C,
    /// Screenshot.
    D,
    /// Secondary.
    E,
}

/// Whether the site carries the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Appearance {
    /// It was posted on the site.
    Posted,
    /// The site promoted it: pinned, featured, announced.
    Promoted,
    /// It stands elsewhere.
    Elsewhere,
}

/// When an item was posted or promoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PostedAt {
    /// Known, zone included.
    Instant(Timestamp),
    /// Known up to an interval, such as a local time without its zone.
    Interval {
        /// Not before.
        from: Timestamp,
        /// Not after.
        to: Timestamp,
    },
    /// Not known.
    Unknown,
}

impl Finding {
    /// Whether two findings are of one item: their marks are the same, or are spellings of one address.
    pub(crate) fn same_item(&self, other: &Self) -> bool {
        spelled(self.item.as_str()) == spelled(other.item.as_str())
    }
}

/// An address without what does not change the page: fragment, case of scheme and host, the scheme's
/// own port, slashes at the end of the path (RFC 3986 §6.2). Other marks stay as they are.
fn spelled(mark: &str) -> String {
    let Some((scheme, rest)) = mark.split_once("://") else { return mark.to_owned() };
    let rest = rest.split('#').next().unwrap_or(rest);
    let (host, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
    let port = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    let host = host.strip_suffix(port).unwrap_or(&host).trim_end_matches('.');
    format!("{scheme}://{host}{}{query}", path.trim_end_matches('/'))
}

impl Source {
    /// The grade alone.
    pub fn grade(&self) -> SourceGrade {
        match self {
            Self::A => SourceGrade::A,
            Self::B => SourceGrade::B,
            Self::C { .. } => SourceGrade::C,
            Self::D => SourceGrade::D,
            Self::E => SourceGrade::E,
        }
    }
}

impl SourceGrade {
    /// Whether findings of this grade count at the gate.
    pub fn counts(self) -> bool {
        matches!(self, Self::A | Self::B | Self::C)
    }

    /// Whether it is our own capture.
    pub fn own(self) -> bool {
        matches!(self, Self::A | Self::B)
    }
}

impl PostedAt {
    /// A clock time read off a page that does not name its zone: the interval over every zone there is
    /// (UTC−12 to UTC+14), given the reading as if it were UTC.
    pub fn without_zone(reading: Timestamp) -> Self {
        const HOUR: Duration = Duration::from_secs(3_600);
        Self::Interval { from: reading.minus(HOUR * 14), to: reading.plus(HOUR * 12) }
    }

    /// The earliest instant it can have been; `None` when unknown.
    pub fn earliest(self) -> Option<Timestamp> {
        match self {
            Self::Instant(at) => Some(at),
            Self::Interval { from, to } => Some(from.min(to)),
            Self::Unknown => None,
        }
    }
}
