//! Why a request was answered as it was, and how one would be answered now.
//!
//! Owns what the edge tells people about single requests. Each exchange leaves a footprint in its worker's ring
//! (`ring`), from which the chain that led to its answer is told by its ray (`past`); for an address the chain is
//! worked out on what is held at this moment (`present`), without asking an origin and without leaving a trace
//! in the figures of a site.

mod past;
mod present;
mod ring;

pub(crate) use present::imagined;
pub(crate) use ring::{Footprint, Footprints};

use serde::Serialize;
use vocabulary::{SiteId, Timestamp};

/// An answer explained, step by step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The ray or the address that was asked about.
    pub asked: String,
    /// When it was answered, or now.
    pub at: Timestamp,
    /// In one word: `hit`, `stale`, `miss`, `bypass`, `blocked`, `refused`, `unknown-host`.
    pub verdict: &'static str,
    /// The site, where the host belongs to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteId>,
    /// The chain, first step first.
    pub steps: Vec<Step>,
    /// What is stored under the address, for addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<StoredFacts>,
}

/// One step of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name: `request`, `measure`, `site`, `shield`, `plan`, `key`, `store`, `purges`, `freshness`, `forms`, `cache`,
    /// `origin`, `kept`, `answer`.
    pub step: &'static str,
    /// The stable name of the reason, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// For people.
    pub text: String,
}

impl Step {
    fn new(step: &'static str, text: impl Into<String>) -> Self {
        Self { step, reason: None, text: text.into() }
    }

    fn because(step: &'static str, reason: caching::Reason) -> Self {
        Self { step, reason: Some(reason.name()), text: reason.text().to_owned() }
    }
}

/// What is known of a stored response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredFacts {
    /// Its status.
    pub status: u16,
    /// Bytes of its body.
    pub bytes: u64,
    /// When it came from the origin.
    pub received: Timestamp,
    /// Seconds since it was made.
    pub age: u32,
    /// Seconds it is fresh, counted from its making.
    pub lifetime: u32,
    /// Seconds it stays fresh; negative since it is stale.
    pub ttl: i64,
    /// Its entity-tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Whether it answers only requests with the same fields (Vary).
    pub varies: bool,
    /// Whether its body lies in slices.
    pub sliced: bool,
    /// Its tags, for purging.
    pub tags: Vec<String>,
    /// The other content codings that are ready.
    pub codings: Vec<&'static str>,
}

/// Why nothing can be explained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unexplained {
    /// The text is no ray.
    #[error("{0:?} is no ray; a ray has 16 hex digits, as in the field wardmote-ray of an answer")]
    NoRay(String),
    /// The ray is not remembered.
    #[error("ray {0} is not remembered: it is too old, or another edge answered")]
    Forgotten(String),
    /// The text is no address.
    #[error("{0:?} is no address of a site; write it whole, such as https://shop.example/page")]
    NoUrl(String),
}
