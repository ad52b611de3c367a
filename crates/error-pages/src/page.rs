//! A page that is ready to be sent, and which pages a site has.

use crate::PageClass;
use crate::tokens::{self, Values};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use vocabulary::{Digest, canonical};

/// Most bytes of a page, what was inlined included.
pub const BYTES_MAX: usize = 1_500_000;

/// Most bytes of the line by which a customer can be reached.
pub const CONTACT_BYTES_MAX: usize = 200;

/// A self-contained page with its tokens, and the policy it is sent with. Named by the digest of its canonical
/// bytes, so that sites that share a page share its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    html: String,
    policy: String,
}

/// The bytes are no page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no page of at most {BYTES_MAX} bytes")]
pub struct PageError;

impl Page {
    /// Made by `compile` alone.
    pub(crate) fn new(html: String, policy: String) -> Self {
        Self { html, policy }
    }

    /// The bytes that it is kept as.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Two texts have a canonical form.
        canonical::to_bytes(self).unwrap_or_default()
    }

    /// Reads what [`Page::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PageError> {
        let page: Self = canonical::parse(bytes).map_err(|_| PageError)?;
        if page.html.len() > BYTES_MAX { Err(PageError) } else { Ok(page) }
    }

    /// Its name: the digest of its bytes.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// Bytes of its HTML.
    pub fn len(&self) -> usize {
        self.html.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.html.is_empty()
    }

    /// Whether it may stand for a class: a challenge has its box, and nothing else has one.
    pub fn suits(&self, class: PageClass) -> bool {
        self.html.contains("::CHALLENGE_BOX::") == (class == PageClass::Challenge)
    }

    /// The `Content-Security-Policy` it is sent with.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The HTML with every token filled in, escaped.
    pub fn fill(&self, values: &Values<'_>) -> String {
        tokens::fill(&self.html, values)
    }
}

/// The pages of a site.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pages {
    /// By class; a class without one has the default.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_class: BTreeMap<PageClass, Digest>,
    /// How its owner can be reached, in one line of plain text; stands on the page of a measure in force, which
    /// no customer can replace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

impl Pages {
    /// Whether nothing is set.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
