//! The rules of one site, compiled, and their evaluation in order.

use super::health::{Health, RuleFault};
use super::{CacheSetting, ChallengeKind, Compiled, RedirectStatus, Rule, RuleError, RuleText};
use crate::expression::{Overrun, Scratch, Value};
use crate::lists::Lists;
use crate::request::Request;
use http::{HeaderName, HeaderValue};

/// The most rules of one site.
pub const RULES_MAX: usize = 256;
/// The most changes that rules make to one request; further ones are left out.
pub const CHANGES_MAX: usize = 32;

/// What the protecting rules say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'a> {
    /// No rule ends it here.
    Pass,
    /// A rule allows it: no ban, no challenge, no rate applies.
    Allow {
        /// The rule's name.
        rule: &'a str,
    },
    /// A rule blocks it.
    Block {
        /// The rule's name.
        rule: &'a str,
    },
    /// A rule challenges it.
    Challenge {
        /// The rule's name.
        rule: &'a str,
        /// How.
        kind: ChallengeKind,
    },
    /// A rule answers it with a redirect.
    Redirect {
        /// The rule's name.
        rule: &'a str,
        /// The status.
        status: RedirectStatus,
    },
}

/// A change to a request that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Another path and query.
    Target(String),
    /// A header field set, all earlier lines of that name gone.
    SetHeader(HeaderName, HeaderValue),
    /// A header field removed.
    RemoveHeader(HeaderName),
    /// Another treatment by the cache.
    Cache(CacheSetting),
    /// Another origin, by its place in the site's list.
    Origin(u16),
}

/// What the rules made of a request. Reused from one request to the next, so that nothing is allocated
/// while no rule changes anything.
#[derive(Debug, Default)]
pub struct Verdict {
    changes: Vec<Change>,
    location: String,
    rates: Vec<u16>,
    logged: Vec<u16>,
    faults: Vec<(u16, RuleFault, bool)>,
    skip_challenge: bool,
    overrun: bool,
    text: Vec<u8>,
}

impl Verdict {
    /// The changes, in their order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The target of a redirect.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// The places of the rate rules that count this request.
    pub fn rates(&self) -> &[u16] {
        &self.rates
    }

    /// The places of the rules that want it noted.
    pub fn logged(&self) -> &[u16] {
        &self.logged
    }

    /// The rules that held and could do nothing: their places, why, and whether each was disabled by it.
    pub fn faults(&self) -> &[(u16, RuleFault, bool)] {
        &self.faults
    }

    /// Whether challenges from elsewhere are to be left out.
    pub fn skips_challenge(&self) -> bool {
        self.skip_challenge
    }

    /// Whether the request was too large for a rule to be evaluated.
    pub fn overrun(&self) -> bool {
        self.overrun
    }

    fn clear(&mut self) {
        self.changes.clear();
        self.location.clear();
        self.rates.clear();
        self.logged.clear();
        self.faults.clear();
        self.skip_challenge = false;
        self.overrun = false;
    }
}

/// Why a set of rules is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleSetError {
    /// One rule is wrong.
    #[error("rule {place} ({name}): {error}")]
    Rule {
        /// Counted from 1.
        place: usize,
        /// Its name.
        name: String,
        /// What is wrong.
        error: RuleError,
    },
    /// There are too many.
    #[error("{0} rules; at most {RULES_MAX} are allowed")]
    TooMany(usize),
}

/// The rules of one site.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    health: Vec<Health>,
    /// Places by duty, so that each pass looks only at its own.
    exempting: Vec<u16>,
    protecting: Vec<u16>,
    changing: Vec<u16>,
}

impl RuleSet {
    /// Compiles rules in the order written; the first mistake is the error.
    pub fn compile(texts: &[RuleText], lists: &Lists) -> Result<Self, RuleSetError> {
        if texts.len() > RULES_MAX {
            return Err(RuleSetError::TooMany(texts.len()));
        }
        let mut set = Self::default();
        for (place, text) in (0u16..).zip(texts) {
            let compiled = if texts.iter().filter(|other| other.name == text.name).count() > 1 {
                Err(RuleError::Name(text.name.clone()))
            } else {
                Rule::compile(text, lists)
            };
            let rule = compiled.map_err(|error| RuleSetError::Rule {
                place: usize::from(place) + 1,
                name: text.name.clone(),
                error,
            })?;
            match rule.action {
                Compiled::Allow | Compiled::SkipChallenge => set.exempting.push(place),
                ref action if action.protects() => set.protecting.push(place),
                _ => set.changing.push(place),
            }
            set.rules.push(rule);
            set.health.push(Health::default());
        }
        Ok(set)
    }

    /// The rule of a place.
    pub fn rule(&self, place: u16) -> Option<&Rule> {
        self.rules.get(usize::from(place))
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether a rule was disabled because it kept failing.
    pub fn is_disabled(&self, place: u16) -> bool {
        self.health.get(usize::from(place)).is_some_and(Health::is_disabled)
    }

    /// What the rules say of a request. `lists` must be those of compilation, or newer versions.
    pub fn evaluate<'a>(
        &'a self,
        request: &Request<'_>,
        lists: &Lists,
        scratch: &mut Scratch,
        verdict: &mut Verdict,
    ) -> Decision<'a> {
        self.evaluate_for(None, request, lists, (scratch, verdict))
    }

    /// The same for a visitor who has passed a challenge: rules that ask for no more than that one let it by.
    pub fn evaluate_for<'a>(
        &'a self,
        cleared: Option<ChallengeKind>,
        request: &Request<'_>,
        lists: &Lists,
        (scratch, verdict): (&mut Scratch, &mut Verdict),
    ) -> Decision<'a> {
        scratch.begin();
        verdict.clear();
        let mut pass = Pass { set: self, cleared, request, lists, scratch, verdict };
        if let Some(rule) = pass.exempted() {
            pass.change();
            return Decision::Allow { rule };
        }
        let decision = pass.protect();
        if decision == Decision::Pass { pass.change() } else { decision }
    }
}

struct Pass<'a, 'r> {
    set: &'a RuleSet,
    cleared: Option<ChallengeKind>,
    request: &'r Request<'r>,
    lists: &'r Lists,
    scratch: &'r mut Scratch,
    verdict: &'r mut Verdict,
}

impl<'a> Pass<'a, '_> {
    fn holds(&mut self, rule: &Rule) -> bool {
        match rule.when.holds(self.request, self.lists, self.scratch) {
            Ok(holds) => holds,
            Err(Overrun) => {
                self.verdict.overrun = true;
                rule.action.protects()
            }
        }
    }

    fn exempted(&mut self) -> Option<&'a str> {
        let set = self.set;
        for place in &set.exempting {
            let rule = &set.rules[usize::from(*place)];
            if self.holds(rule) {
                match rule.action {
                    Compiled::Allow => return Some(&rule.name),
                    _ => self.verdict.skip_challenge = true,
                }
            }
        }
        None
    }

    fn protect(&mut self) -> Decision<'a> {
        let set = self.set;
        for place in &set.protecting {
            let rule = &set.rules[usize::from(*place)];
            if !self.holds(rule) {
                continue;
            }
            match rule.action {
                Compiled::Block => return Decision::Block { rule: &rule.name },
                Compiled::Challenge(kind)
                    if !self.verdict.skip_challenge && self.cleared.is_none_or(|passed| passed < kind) =>
                {
                    return Decision::Challenge { rule: &rule.name, kind };
                }
                Compiled::RateLimit(rate) => self.verdict.rates.push(rate),
                Compiled::Log => self.verdict.logged.push(*place),
                _ => {}
            }
        }
        Decision::Pass
    }

    fn change(&mut self) -> Decision<'a> {
        let set = self.set;
        for place in &set.changing {
            let (rule, health) = (&set.rules[usize::from(*place)], &set.health[usize::from(*place)]);
            if health.is_disabled() || self.verdict.changes.len() >= CHANGES_MAX || !self.holds(rule) {
                continue;
            }
            match self.make(&rule.action) {
                Ok(None) => health.succeeded(),
                Ok(Some(status)) => {
                    health.succeeded();
                    return Decision::Redirect { rule: &rule.name, status };
                }
                Err(fault) => {
                    let disabled = health.failed();
                    self.verdict.faults.push((*place, fault, disabled));
                }
            }
        }
        Decision::Pass
    }

    /// Makes a change; the status where it is a redirect.
    fn make(&mut self, action: &Compiled) -> Result<Option<RedirectStatus>, RuleFault> {
        let change = match action {
            Compiled::Redirect { status, target, keep_query } => {
                self.location(target, *keep_query)?;
                return Ok(Some(*status));
            }
            Compiled::Rewrite { path, query } => self.target(path.as_ref(), query.as_ref())?,
            Compiled::SetHeader { name, value } => {
                self.write(value)?;
                let value = HeaderValue::from_bytes(&self.verdict.text).map_err(|_| RuleFault::Unfit)?;
                Change::SetHeader(name.clone(), value)
            }
            Compiled::RemoveHeader { name } => Change::RemoveHeader(name.clone()),
            Compiled::Cache(setting) => Change::Cache(*setting),
            Compiled::Origin(place) => Change::Origin(*place),
            _ => return Ok(None),
        };
        self.verdict.changes.push(change);
        Ok(None)
    }

    fn write(&mut self, value: &Value) -> Result<(), RuleFault> {
        self.verdict.text.clear();
        let there = value
            .write(self.request, self.lists, self.scratch, &mut self.verdict.text)
            .map_err(|Overrun| RuleFault::Overrun)?;
        if there { Ok(()) } else { Err(RuleFault::Missing) }
    }

    /// The value just written, as visible ASCII: what a target may hold (RFC 3986 §2).
    fn written(&self) -> Result<&str, RuleFault> {
        let text = std::str::from_utf8(&self.verdict.text).map_err(|_| RuleFault::Unfit)?;
        let fine = text.bytes().all(|byte| {
            byte.is_ascii_graphic()
                && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
        });
        if fine { Ok(text) } else { Err(RuleFault::Unfit) }
    }

    fn location(&mut self, target: &Value, keep_query: bool) -> Result<(), RuleFault> {
        self.write(target)?;
        let text = self.written()?;
        // A path of this site, or a whole address; `//host` would leave the site by accident.
        let path = text.starts_with('/') && !text.starts_with("//");
        if !path && !text.starts_with("https://") && !text.starts_with("http://") {
            return Err(RuleFault::Unfit);
        }
        let mut location = text.to_owned();
        let query = self.request.query();
        if keep_query && !query.is_empty() && !location.contains('?') {
            location.push('?');
            location.push_str(query);
        }
        self.verdict.location = location;
        Ok(())
    }

    /// Path and query after a rewrite; the latest earlier rewrite counts for the part left alone.
    fn target(&mut self, path: Option<&Value>, query: Option<&Value>) -> Result<Change, RuleFault> {
        let so_far = self.verdict.changes.iter().rev().find_map(|change| match change {
            Change::Target(target) => Some(target.clone()),
            _ => None,
        });
        let so_far = so_far.unwrap_or_else(|| self.request.target.to_owned());
        let (old_path, old_query) = so_far.split_once('?').unwrap_or((&so_far, ""));
        let mut target = match path {
            Some(value) => {
                self.write(value)?;
                let text = self.written()?;
                if !text.starts_with('/') || text.contains(['?', '#']) {
                    return Err(RuleFault::Unfit);
                }
                text.to_owned()
            }
            None => old_path.to_owned(),
        };
        let query = match query {
            Some(value) => {
                self.write(value)?;
                let text = self.written()?;
                if text.contains('#') {
                    return Err(RuleFault::Unfit);
                }
                text
            }
            None => old_query,
        };
        if !query.is_empty() {
            target.push('?');
            target.push_str(query);
        }
        Ok(Change::Target(target))
    }
}
