//! Rate rules: who sends how much, and what is done about it.
//!
//! Owns the rules (what is counted, for whom, how long it is mitigated) and the counters. Must not
//! know how a request is refused.
//!
//! A limit of so many requests in a period is kept as a bucket that drains evenly (GCRA, ITU-T I.371
//! annex A): the whole limit may come at once, and each drained part may come again.
//!
//! Invariants: the memory is fixed when the table is made, whatever keys come; keys are hashed under a
//! secret, so that nobody can aim at another's counter.

mod sketch;
mod table;
#[cfg(test)]
mod tests;

use crate::expression::{Condition, ExpressionError, Overrun, Phase, Scratch, Value};
use crate::lists::Lists;
use crate::request::Request;
use crate::rules::ChallengeKind;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher24;
use std::hash::Hasher;
use std::time::Duration;

pub use table::{RateTable, Standing, TableSize};

/// The shortest and the longest period.
pub const PERIOD_SECONDS: (u32, u32) = (10, 3600);
/// The most requests of a period.
pub const REQUESTS_MAX: u32 = 1_000_000;
/// The longest time for which going over a limit has consequences.
pub const MITIGATION_SECONDS_MAX: u32 = 86_400;
/// The most characteristics of one rule.
pub const CHARACTERISTICS_MAX: usize = 8;
/// The most rate rules of one site.
pub const RATE_RULES_MAX: usize = 64;

/// What is done with a request that is over a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RateAction {
    /// 429 with `Retry-After`.
    Refuse,
    /// A challenge.
    Challenge(ChallengeKind),
    /// Noted, and nothing else.
    Log,
}

/// A rate rule as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateRuleText {
    /// What events call it.
    pub name: String,
    /// Whose requests are counted together: expressions such as `ip.src` or `http.request.headers["x-key"][0]`.
    pub characteristics: Vec<String>,
    /// Which answers are counted; without it every request that the rule applies to.
    pub counting: Option<String>,
    /// How many may come in a period.
    pub requests: u32,
    /// The period, in seconds.
    pub period: u32,
    /// For how many seconds everything of the same characteristics is acted upon once it is over; 0 acts
    /// only upon what is over.
    pub mitigation: u32,
    /// What is done.
    pub action: RateAction,
}

/// Why a rate rule is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateRuleError {
    /// A characteristic is wrong.
    #[error("characteristic {0}: {1}")]
    Characteristic(usize, ExpressionError),
    /// The counting expression is wrong.
    #[error("counting: {0}")]
    Counting(ExpressionError),
    /// There are none, or too many.
    #[error("{0} characteristics; write 1 to {CHARACTERISTICS_MAX}")]
    Characteristics(usize),
    /// The period is out of bounds.
    #[error("a period of {0} s; write 10 to 3600 s")]
    Period(u32),
    /// The number of requests is out of bounds.
    #[error("{0} requests; write 1 to {REQUESTS_MAX}")]
    Requests(u32),
    /// The mitigation is too long.
    #[error("a mitigation of {0} s; write at most {MITIGATION_SECONDS_MAX} s")]
    Mitigation(u32),
}

/// A limit, checked: what the table works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    period_us: u64,
    interval_us: u64,
    mitigation: u32,
}

impl Limit {
    /// So many requests in so many seconds, and for how many seconds going over has consequences.
    pub fn new(requests: u32, period: u32, mitigation: u32) -> Result<Self, RateRuleError> {
        if !(PERIOD_SECONDS.0..=PERIOD_SECONDS.1).contains(&period) {
            return Err(RateRuleError::Period(period));
        }
        if !(1..=REQUESTS_MAX).contains(&requests) {
            return Err(RateRuleError::Requests(requests));
        }
        if mitigation > MITIGATION_SECONDS_MAX {
            return Err(RateRuleError::Mitigation(mitigation));
        }
        let period_us = u64::from(period) * 1_000_000;
        Ok(Self { period_us, interval_us: period_us / u64::from(requests), mitigation })
    }

    /// How long the consequences last.
    pub fn mitigation(&self) -> Duration {
        Duration::from_secs(self.mitigation.into())
    }
}

/// The secret under which keys are hashed; fresh in every process.
#[derive(Clone)]
pub struct RateSecret([u8; 16]);

impl RateSecret {
    /// A fresh one.
    pub fn fresh(random: &dyn vocabulary::Random) -> Self {
        Self(random.bytes())
    }
}

/// Whose counter: site, rule and characteristics, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RateKey(u64);

impl RateKey {
    /// From a hash under a secret, of what is no rule's.
    pub fn of(hash: u64) -> Self {
        Self(hash)
    }

    /// The number, to choose a shard by.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// A compiled rate rule.
#[derive(Debug)]
pub struct RateRule {
    name: Box<str>,
    characteristics: Vec<Value>,
    counting: Option<Condition>,
    limit: Limit,
    action: RateAction,
}

impl RateRule {
    /// Compiles a rule.
    pub fn compile(text: &RateRuleText, lists: &Lists) -> Result<Self, RateRuleError> {
        let count = text.characteristics.len();
        if !(1..=CHARACTERISTICS_MAX).contains(&count) {
            return Err(RateRuleError::Characteristics(count));
        }
        let characteristics = (1..)
            .zip(&text.characteristics)
            .map(|(place, source)| {
                Value::parse_printed(source, Phase::Request, lists)
                    .map_err(|error| RateRuleError::Characteristic(place, error))
            })
            .collect::<Result<_, _>>()?;
        let counting = text
            .counting
            .as_deref()
            .map(|source| Condition::parse(source, Phase::Response, lists).map_err(RateRuleError::Counting));
        Ok(Self {
            name: text.name.as_str().into(),
            characteristics,
            counting: counting.transpose()?,
            limit: Limit::new(text.requests, text.period, text.mitigation)?,
            action: text.action,
        })
    }

    /// What events call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is done with a request that is over.
    pub fn action(&self) -> RateAction {
        self.action
    }

    /// The limit.
    pub fn limit(&self) -> &Limit {
        &self.limit
    }

    /// Whether requests are counted by their answers: then the request only looks.
    pub fn counts_answers(&self) -> bool {
        self.counting.is_some()
    }

    /// Whether an answer counts. What is too large to be evaluated counts.
    pub fn counts(&self, answered: &Request<'_>, lists: &Lists, scratch: &mut Scratch) -> bool {
        scratch.begin();
        let Some(counting) = &self.counting else { return false };
        counting.holds(answered, lists, scratch).unwrap_or(true)
    }

    /// The counter that a request belongs to. `site` and `place` say whose rule it is; `text` is working
    /// memory. All requests too large to be evaluated share one counter of the rule.
    pub fn key(
        &self,
        (site, place): (&[u8], u16),
        secret: &RateSecret,
        request: &Request<'_>,
        lists: &Lists,
        (scratch, text): (&mut Scratch, &mut Vec<u8>),
    ) -> RateKey {
        scratch.begin();
        let mut hasher = SipHasher24::new_with_key(&secret.0);
        hasher.write_usize(site.len());
        hasher.write(site);
        hasher.write_u16(place);
        for value in &self.characteristics {
            text.clear();
            match value.write(request, lists, scratch, text) {
                Ok(true) => {
                    hasher.write_usize(text.len());
                    hasher.write(text);
                }
                Ok(false) => hasher.write_usize(usize::MAX),
                Err(Overrun) => hasher.write_usize(usize::MAX - 1),
            }
        }
        RateKey(hasher.finish())
    }
}
