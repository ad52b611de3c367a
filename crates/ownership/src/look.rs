//! When a claim is looked at, and what was found.

use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

/// When the proof was and will be looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Looked {
    /// The last time.
    pub last: Option<Look>,
    /// Looks since the last change of state.
    pub times: u32,
    /// The next time.
    pub next: Timestamp,
}

/// One look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// When.
    pub at: Timestamp,
    /// What was there.
    pub found: Found,
}

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// A proof that counts.
    Proof,
    /// None.
    Nothing,
    /// Nobody could tell.
    Unclear,
}
