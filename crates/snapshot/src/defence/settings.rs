//! What a site's owner sets for its defence.
//!
//! They are the customer's own settings and no measures: a measure in force is judged before any of them.

use serde::{Deserialize, Serialize};
use shield::lists::ListKind;
use shield::rates::RateAction;
use shield::rules::{CacheSetting, ChallengeKind, RedirectStatus};
use std::collections::BTreeMap;

/// The settings; the default defends as well as it can without asking anybody.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShieldSettings {
    /// How much the shield does by itself.
    pub profile: Profile,
    /// Whether every visitor is challenged.
    pub under_attack: UnderAttack,
    /// How challenges are.
    pub challenge: ChallengeSettings,
    /// The site's own rules, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<ShieldRule>,
    /// Lists that its rules may name as `$name`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: BTreeMap<String, SiteList>,
}

impl ShieldSettings {
    /// Whether nothing is set.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How much the shield does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Nothing, and it costs nothing.
    Off,
    /// Everything is judged and noted, nothing is acted upon.
    Monitor,
    /// What is surely an attack is acted upon.
    #[default]
    Balanced,
    /// The same, and what may be one is challenged, too: a visitor too many rather than one too few.
    Strict,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 4] = [Self::Off, Self::Monitor, Self::Balanced, Self::Strict];

    /// The name in settings and on pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Monitor => "monitor",
            Self::Balanced => "balanced",
            Self::Strict => "strict",
        }
    }

    /// Whether what is judged is acted upon.
    pub fn acts(self) -> bool {
        matches!(self, Self::Balanced | Self::Strict)
    }
}

/// When every visitor of a site is challenged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnderAttack {
    /// Never.
    Off,
    /// While the edge sees an attack that the signatures it acts upon do not end.
    #[default]
    Automatic,
    /// Until the owner says otherwise.
    On,
}

impl UnderAttack {
    /// The name in settings and on pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Automatic => "automatic",
            Self::On => "on",
        }
    }
}

/// How challenges are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChallengeSettings {
    /// How long a passed challenge counts, in seconds; at most [`shield::challenge::CLEARANCE_SECONDS_MAX`].
    pub clearance_seconds: u32,
    /// Leading zero bits that a challenge with work asks for; at most [`shield::challenge::DIFFICULTY_MAX`].
    pub difficulty: u8,
}

impl Default for ChallengeSettings {
    fn default() -> Self {
        Self { clearance_seconds: 3_600, difficulty: 16 }
    }
}

/// A rule as its owner wrote it; [`crate::SiteShield`] holds it compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShieldRule {
    /// What events call it; unique in its site.
    pub name: String,
    /// The condition, in the rules language.
    pub when: String,
    /// What is done where it holds.
    pub action: RuleAction,
}

/// What a rule does. Values are expressions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RuleAction {
    /// No ban, no challenge, no rate applies.
    Allow,
    /// Noted, and nothing else.
    Log,
    /// Refused with 403.
    Block,
    /// Challenged.
    Challenge(ChallengeKind),
    /// Not challenged; bans and rates still apply.
    SkipChallenge,
    /// Counted.
    RateLimit(RateTerms),
    /// Sent elsewhere.
    Redirect {
        /// The status.
        status: RedirectStatus,
        /// Where to.
        target: String,
        /// Whether the request's query is added to a target without one.
        #[serde(default)]
        keep_query: bool,
    },
    /// Passed on with another path, another query, or both.
    Rewrite {
        /// The path.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        /// The query.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        query: Option<String>,
    },
    /// Passed on with a header field set.
    SetHeader {
        /// The field's name.
        name: String,
        /// Its value.
        value: String,
    },
    /// Passed on without a header field.
    RemoveHeader {
        /// The field's name.
        name: String,
    },
    /// Cached otherwise.
    Cache(CacheSetting),
    /// Passed on to the origin of this place in the site's list, from 0.
    Origin(u16),
}

/// How many of whose requests are too many, and what is done then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateTerms {
    /// Whose requests are counted together: expressions such as `ip.src`.
    pub by: Vec<String>,
    /// Which answers are counted; none: every request that the rule holds for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counting: Option<String>,
    /// How many may come in a period.
    pub requests: u32,
    /// The period, in seconds.
    pub period_seconds: u32,
    /// For how long everything of the same key is acted upon once it is over, in seconds; 0: only what is over.
    #[serde(default)]
    pub mitigation_seconds: u32,
    /// What is done with what is over.
    pub over: RateAction,
}

/// A list of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteList {
    /// What it holds.
    pub kind: ListKind,
    /// Where its items come from.
    pub source: ListSource,
}

/// Where a list's items come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListSource {
    /// The settings themselves.
    Items(Vec<String>),
    /// A place that is read again and again; its latest good version comes in [`crate::Parcel::feeds`].
    Feed(Feed),
}

/// A place that is read again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// An `https` or `http` address, or the path of a file on the control plane's machine.
    pub address: String,
    /// From one reading to the next, in seconds.
    pub refresh_seconds: u32,
}
