//! The classes of pages.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a page is about. Each class may have a page of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageClass {
    /// The origin failed, or this network did: 5xx.
    Origin,
    /// The site is not set up in a way that can be served.
    Configuration,
    /// The visitor asks too often.
    RateLimited,
    /// A rule of the site's owner refuses the request.
    BlockedRule,
    /// A rule of the site's owner refuses the visitor's country.
    BlockedCountry,
    /// The visitor is asked to show that it is no machine.
    Challenge,
    /// The owner has closed the site for a while.
    Maintenance,
}

impl PageClass {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Origin,
        Self::Configuration,
        Self::RateLimited,
        Self::BlockedRule,
        Self::BlockedCountry,
        Self::Challenge,
        Self::Maintenance,
    ];

    /// The name in settings and addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::Configuration => "configuration",
            Self::RateLimited => "rate_limited",
            Self::BlockedRule => "blocked_rule",
            Self::BlockedCountry => "blocked_country",
            Self::Challenge => "challenge",
            Self::Maintenance => "maintenance",
        }
    }
}

impl fmt::Display for PageClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PageClass {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|class| class.name() == name).ok_or(())
    }
}
