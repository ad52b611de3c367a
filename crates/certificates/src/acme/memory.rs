//! What the plan remembers over restarts: what was spent, who is away, what has failed.
//!
//! Written before each order begins, so that no crash makes an account forget what it spent.

use super::budget::Spent;
use crate::files;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use vocabulary::{SitePattern, Timestamp};

/// The longest text of a failure that is kept, in characters.
pub(crate) const TROUBLE_MAX: usize = 300;

/// All of it, as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Memory {
    /// By directory URL.
    pub(crate) authorities: BTreeMap<String, KeptAuthority>,
    /// Names whose last order failed.
    pub(crate) names: BTreeMap<SitePattern, KeptName>,
}

/// An authority.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeptAuthority {
    pub(crate) spent: Spent,
    pub(crate) away_until: Option<Timestamp>,
    pub(crate) failures: u32,
}

/// A name whose last order failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeptName {
    pub(crate) failures: u32,
    pub(crate) trouble: Option<String>,
    pub(crate) retry_at: Timestamp,
}

impl Memory {
    /// Reads the file; nothing is remembered where there is none or it is damaged. The second is said.
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::default(),
            Err(error) => {
                tracing::error!(%error, "what was spent at certificate authorities cannot be read");
                return Self::default();
            }
        };
        serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            tracing::error!(%error, "what was spent at certificate authorities is damaged; it is counted anew");
            Self::default()
        })
    }

    /// Writes it whole, or not at all.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        files::write_new(path, 0o600, &serde_json::to_vec(self).map_err(io::Error::other)?)
    }
}

/// A text that fits.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(TROUBLE_MAX).collect()
}
