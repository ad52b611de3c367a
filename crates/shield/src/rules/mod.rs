//! Rules: a condition and what is done where it holds; their order; what happens when one cannot be evaluated.
//!
//! Owns the actions and the order of evaluation. Must not know how an action is carried out: the
//! verdict names it, the edge does it.
//!
//! Order: `allow` and `skip challenge` first, so that they beat every ban; then `block`, `challenge`
//! and `log` in the order written, of which the first block or challenge ends; then rate rules that
//! apply; then the changes (redirect, which ends; rewrite, headers, cache, origin), in the order written.
//!
//! Invariants: evaluation allocates nothing unless a change is made; a rule that cannot be evaluated
//! because the request is too large protects if it is a protecting rule and does nothing otherwise;
//! a change whose value keeps failing is disabled for good, by itself, with one event.

mod health;
mod set;
#[cfg(test)]
mod tests;

use crate::expression::{Condition, ExpressionError, Phase, Value};
use crate::lists::Lists;
use serde::{Deserialize, Serialize};

pub use health::{FAILURES_MIN, RuleFault};
pub use set::{CHANGES_MAX, Change, Decision, RULES_MAX, RuleSet, RuleSetError, Verdict};

/// The longest name of a rule, in bytes.
pub const RULE_NAME_BYTES_MAX: usize = 64;

/// How a visitor is challenged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChallengeKind {
    /// Without the visitor's noticing, where that can be done.
    Silent,
    /// A page that passes by itself after a moment, else by a button.
    Wait,
    /// A page that computes before it passes.
    Work,
}

/// A status with which a redirect may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct RedirectStatus(u16);

impl RedirectStatus {
    /// 301, 302, 303, 307 or 308.
    pub fn new(status: u16) -> Option<Self> {
        matches!(status, 301 | 302 | 303 | 307 | 308).then_some(Self(status))
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl From<RedirectStatus> for u16 {
    fn from(status: RedirectStatus) -> Self {
        status.get()
    }
}

impl TryFrom<u16> for RedirectStatus {
    type Error = String;

    fn try_from(status: u16) -> Result<Self, String> {
        Self::new(status).ok_or_else(|| format!("{status} is no status of a redirect"))
    }
}

/// What the cache is told for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheSetting {
    /// Neither stored nor answered from the store.
    Bypass,
    /// Fresh for so many seconds, where the origin's answer may be shared at all.
    TimeToLive(u32),
    /// As the site's settings say, whatever earlier rules said.
    Usual,
}

/// What a rule does, as written: values are expressions yet to be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// No ban, no challenge, no rate rule applies.
    Allow,
    /// Noted, and nothing else.
    Log,
    /// Refused with 403.
    Block,
    /// Challenged.
    Challenge(ChallengeKind),
    /// Not challenged, by rules or otherwise; blocks and rates still apply.
    SkipChallenge,
    /// Counted by the rate rule of this place in the site's list.
    RateLimit(u16),
    /// Answered with a redirect.
    Redirect {
        /// The status.
        status: RedirectStatus,
        /// An expression for the target.
        target: String,
        /// Whether the query of the request is added to a target without one.
        keep_query: bool,
    },
    /// Passed on with another path, another query, or both.
    Rewrite {
        /// An expression for the path; it must come out with a `/` in front.
        path: Option<String>,
        /// An expression for the query.
        query: Option<String>,
    },
    /// Passed on with a header field set.
    SetHeader {
        /// The field's name.
        name: String,
        /// An expression for its value.
        value: String,
    },
    /// Passed on without a header field.
    RemoveHeader {
        /// The field's name.
        name: String,
    },
    /// Cached otherwise.
    Cache(CacheSetting),
    /// Passed on to the origin of this place in the site's list.
    Origin(u16),
}

/// A rule as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleText {
    /// What events call it; unique in its set.
    pub name: String,
    /// The condition.
    pub when: String,
    /// What is done.
    pub action: Action,
}

/// Why a rule is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The condition is wrong.
    #[error("condition: {0}")]
    Condition(ExpressionError),
    /// A value is wrong.
    #[error("{0}: {1}")]
    Value(&'static str, ExpressionError),
    /// The name of a header field is wrong or may not be touched.
    #[error("{0:?} is no header field that a rule may change")]
    Header(String),
    /// A rewrite that rewrites nothing.
    #[error("a rewrite needs a path, a query, or both")]
    EmptyRewrite,
    /// The name is empty, too long, or used twice.
    #[error("{0:?} is no name of a rule: 1 to {RULE_NAME_BYTES_MAX} bytes, each name once")]
    Name(String),
}

/// Fields that frame a message, say where it comes from, or belong to the edge.
const HEADERS_KEPT: [&str; 14] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "proxy-connection",
    "forwarded",
    "x-forwarded-for",
    "cdn-loop",
    "via",
    "wardmote-ray",
];

/// A compiled rule.
#[derive(Debug)]
pub struct Rule {
    name: Box<str>,
    when: Condition,
    action: Compiled,
}

/// An action with its values compiled.
#[derive(Debug)]
pub(crate) enum Compiled {
    Allow,
    Log,
    Block,
    Challenge(ChallengeKind),
    SkipChallenge,
    RateLimit(u16),
    Redirect { status: RedirectStatus, target: Value, keep_query: bool },
    Rewrite { path: Option<Value>, query: Option<Value> },
    SetHeader { name: http::HeaderName, value: Value },
    RemoveHeader { name: http::HeaderName },
    Cache(CacheSetting),
    Origin(u16),
}

impl Compiled {
    /// Whether it protects: then it holds, too, for a request that is too large to be looked at.
    fn protects(&self) -> bool {
        matches!(self, Self::Log | Self::Block | Self::Challenge(_) | Self::RateLimit(_))
    }
}

impl Rule {
    /// Compiles a rule.
    pub fn compile(text: &RuleText, lists: &Lists) -> Result<Self, RuleError> {
        if text.name.is_empty() || text.name.len() > RULE_NAME_BYTES_MAX {
            return Err(RuleError::Name(text.name.chars().take(RULE_NAME_BYTES_MAX).collect()));
        }
        let when = Condition::parse(&text.when, Phase::Request, lists).map_err(RuleError::Condition)?;
        let value = |what: &'static str, source: &str| {
            Value::parse(source, Phase::Request, lists).map_err(|error| RuleError::Value(what, error))
        };
        let action = match &text.action {
            Action::Allow => Compiled::Allow,
            Action::Log => Compiled::Log,
            Action::Block => Compiled::Block,
            Action::Challenge(kind) => Compiled::Challenge(*kind),
            Action::SkipChallenge => Compiled::SkipChallenge,
            Action::RateLimit(place) => Compiled::RateLimit(*place),
            Action::Redirect { status, target, keep_query } => Compiled::Redirect {
                status: *status,
                target: value("target", target)?,
                keep_query: *keep_query,
            },
            Action::Rewrite { path: None, query: None } => return Err(RuleError::EmptyRewrite),
            Action::Rewrite { path, query } => Compiled::Rewrite {
                path: path.as_deref().map(|source| value("path", source)).transpose()?,
                query: query.as_deref().map(|source| value("query", source)).transpose()?,
            },
            Action::SetHeader { name, value: source } => {
                Compiled::SetHeader { name: header(name)?, value: value("value", source)? }
            }
            Action::RemoveHeader { name } => Compiled::RemoveHeader { name: header(name)? },
            Action::Cache(setting) => Compiled::Cache(*setting),
            Action::Origin(place) => Compiled::Origin(*place),
        };
        Ok(Self { name: text.name.as_str().into(), when, action })
    }

    /// What events call it.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn header(name: &str) -> Result<http::HeaderName, RuleError> {
    let wrong = || RuleError::Header(name.chars().take(60).collect());
    let name = http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
    if HEADERS_KEPT.contains(&name.as_str()) { Err(wrong()) } else { Ok(name) }
}
