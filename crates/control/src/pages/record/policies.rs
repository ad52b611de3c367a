//! `/record/policies`: every version of the policy, and what each changed.

use super::Frame;
use super::texts;
use crate::pages::difference::DiffLine;
use crate::pages::render;
use askama::Template;
use vocabulary::{Digest, Timestamp};

/// One version of the policy.
#[derive(Debug, Clone)]
pub struct PolicyRow {
    /// Its number.
    pub version: u32,
    /// The digest of its text.
    pub sha256: Digest,
    /// The number of its entry in the log.
    pub entry: u64,
    /// When it was published.
    pub published: Timestamp,
    /// From when it is applied.
    pub acts: Timestamp,
    /// When the next one takes its place; none for the newest.
    pub until: Option<Timestamp>,
}

impl PolicyRow {
    /// Whether it is the one that is applied at an instant.
    fn is_acting(&self, now: &Timestamp) -> bool {
        self.acts <= *now && self.until.is_none_or(|until| *now < until)
    }
}

/// All versions, newest first.
#[derive(Debug, Clone, Template)]
#[template(path = "record/policies.html")]
pub struct PoliciesPage {
    /// What all pages share.
    pub frame: Frame,
    /// The versions.
    pub versions: Vec<PolicyRow>,
}

/// One version: what it changes, and its text.
#[derive(Debug, Clone, Template)]
#[template(path = "record/policy.html")]
pub struct PolicyPage {
    /// What all pages share.
    pub frame: Frame,
    /// The version.
    pub version: PolicyRow,
    /// The number of the one before; none for the first.
    pub before: Option<u32>,
    /// What it changes against the one before.
    pub changes: Vec<DiffLine>,
    /// The whole text.
    pub text: String,
}

impl PoliciesPage {
    /// The whole page, to be sent with [`super::CONTENT_SECURITY_POLICY`].
    pub fn page(&self) -> String {
        render(self)
    }
}

impl PolicyPage {
    /// The whole page, to be sent with [`super::CONTENT_SECURITY_POLICY`].
    pub fn page(&self) -> String {
        render(self)
    }
}
