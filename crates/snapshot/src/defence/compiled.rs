//! A site's defence, compiled.

use super::settings::{
    ChallengeSettings, ListSource, Profile, RateTerms, RuleAction, ShieldRule, ShieldSettings, SiteList,
    UnderAttack,
};
use shield::expression::ExpressionError;
use shield::lists::{List, ListError, ListKind, ListName, Lists};
use shield::rates::{RATE_RULES_MAX, RateRule, RateRuleError, RateRuleText};
use shield::rules::{Action, RULES_MAX, RuleError, RuleSet, RuleSetError, RuleText};
use std::sync::Arc;

/// A site's defence as the edge asks it. Made only by compiling settings.
#[derive(Debug, Default)]
pub struct SiteShield {
    profile: Profile,
    under_attack: UnderAttack,
    challenge: ChallengeSettings,
    rules: Arc<SiteRules>,
    lists: Lists,
}

/// The compiled rules, kept while only the lists' items change.
#[derive(Debug, Default)]
pub(super) struct SiteRules {
    rules: RuleSet,
    rates: Vec<RateRule>,
}

/// Why settings are not taken. Places are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShieldError {
    /// A rule is wrong.
    #[error("rule {name:?}: {error}")]
    Rule {
        /// Its place in the list.
        place: usize,
        /// Its name.
        name: String,
        /// What is wrong.
        error: RuleError,
    },
    /// What a rule counts is wrong.
    #[error("rule {name:?}: {error}")]
    Rate {
        /// Its place in the list.
        place: usize,
        /// Its name.
        name: String,
        /// What is wrong.
        error: RateRuleError,
    },
    /// A rule chooses an origin that the site does not have.
    #[error("rule {name:?} chooses origin {chosen}; the site has {origins}")]
    Origin {
        /// Its place in the list.
        place: usize,
        /// Its name.
        name: String,
        /// Counted from 1.
        chosen: usize,
        /// How many there are.
        origins: usize,
    },
    /// There are too many rules.
    #[error("{0} rules; at most {RULES_MAX} are allowed")]
    TooManyRules(usize),
    /// There are too many rules that count.
    #[error("{0} rules that limit a rate; at most {RATE_RULES_MAX} are allowed")]
    TooManyRates(usize),
    /// A list is wrong.
    #[error("list {name:?}: {error}")]
    List {
        /// Its name.
        name: String,
        /// What is wrong.
        error: ListError,
    },
}

impl ShieldError {
    /// The expression that is wrong, by the rule's place, the key it stands under, and the mistake in it.
    pub fn expression(&self) -> Option<(usize, &'static str, &ExpressionError)> {
        match self {
            Self::Rule { place, error: RuleError::Condition(error), .. } => Some((*place, "when", error)),
            Self::Rule { place, error: RuleError::Value(key, error), .. } => Some((*place, key, error)),
            Self::Rate { place, error: RateRuleError::Characteristic(_, error), .. } => {
                Some((*place, "by", error))
            }
            Self::Rate { place, error: RateRuleError::Counting(error), .. } => {
                Some((*place, "counting", error))
            }
            _ => None,
        }
    }

    /// The place of the rule that is wrong.
    pub fn place(&self) -> Option<usize> {
        match self {
            Self::Rule { place, .. } | Self::Rate { place, .. } | Self::Origin { place, .. } => Some(*place),
            _ => None,
        }
    }
}

/// The lists of all feeds and of the operator, by where they come from.
pub(super) trait HeldLists {
    /// The latest good version of a feed; none yet: an empty one.
    fn feed(&self, address: &str, kind: ListKind) -> Option<Arc<List>>;

    /// The operator's own lists.
    fn shared(&self) -> &[(ListName, Arc<List>)];
}

/// No feed was read yet, and the operator has these lists.
pub(super) struct Unread<'a>(pub(super) &'a [(ListName, Arc<List>)]);

impl HeldLists for Unread<'_> {
    fn feed(&self, _address: &str, _kind: ListKind) -> Option<Arc<List>> {
        None
    }

    fn shared(&self) -> &[(ListName, Arc<List>)] {
        self.0
    }
}

impl SiteShield {
    /// Compiles settings for a site with so many origins, as a publisher does to check them: feeds count as
    /// empty. `shared` are the operator's lists.
    pub fn check(
        settings: &ShieldSettings,
        origins: usize,
        shared: &super::OperatorShield,
    ) -> Result<Self, ShieldError> {
        let shared = shared_lists(shared, |_, _| None)?;
        let lists = lists(settings, &Unread(&shared))?;
        Self::compile(settings, origins, lists)
    }

    pub(super) fn compile(
        settings: &ShieldSettings,
        origins: usize,
        lists: Lists,
    ) -> Result<Self, ShieldError> {
        let rules = Arc::new(SiteRules::compile(&settings.rules, origins, &lists)?);
        Ok(Self::with(settings, rules, lists))
    }

    fn with(settings: &ShieldSettings, rules: Arc<SiteRules>, lists: Lists) -> Self {
        Self {
            profile: settings.profile,
            under_attack: settings.under_attack,
            challenge: settings.challenge.clone(),
            rules,
            lists,
        }
    }

    /// The same rules with newer items in their lists, which must have the same names and kinds.
    pub(super) fn refreshed(&self, lists: Lists) -> Self {
        Self { rules: Arc::clone(&self.rules), challenge: self.challenge.clone(), lists, ..*self }
    }

    /// What is left of settings that do not compile: all but the rules.
    pub(super) fn without_rules(settings: &ShieldSettings) -> Self {
        Self::with(settings, Arc::default(), Lists::none())
    }

    /// That of a site that does not use the shield.
    pub(super) fn off() -> Self {
        Self { profile: Profile::Off, under_attack: UnderAttack::Off, ..Self::default() }
    }

    /// How much the shield does by itself; [`Profile::Off`] where the site does not use it.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// When every visitor is challenged, as the owner says. The operator's switch is the [`super::Gate`]'s.
    pub fn under_attack(&self) -> UnderAttack {
        self.under_attack
    }

    /// How challenges are.
    pub fn challenge(&self) -> &ChallengeSettings {
        &self.challenge
    }

    /// The site's rules.
    pub fn rules(&self) -> &RuleSet {
        &self.rules.rules
    }

    /// What they count, by the place that [`shield::rules::Verdict::rates`] names.
    pub fn rates(&self) -> &[RateRule] {
        &self.rules.rates
    }

    /// The lists that both were compiled with, or newer versions.
    pub fn lists(&self) -> &Lists {
        &self.lists
    }
}

impl SiteRules {
    fn compile(rules: &[ShieldRule], origins: usize, lists: &Lists) -> Result<Self, ShieldError> {
        let mut texts = Vec::with_capacity(rules.len());
        let mut rates = Vec::new();
        for (place, rule) in rules.iter().enumerate() {
            let action = action(place, rule, origins, rates.len())?;
            if let RuleAction::RateLimit(terms) = &rule.action {
                let rate = RateRule::compile(&rate(&rule.name, terms), lists);
                let wrong = |error| ShieldError::Rate { place, name: rule.name.clone(), error };
                rates.push(rate.map_err(wrong)?);
            }
            texts.push(RuleText { name: rule.name.clone(), when: rule.when.clone(), action });
        }
        if rates.len() > RATE_RULES_MAX {
            return Err(ShieldError::TooManyRates(rates.len()));
        }
        let rules = RuleSet::compile(&texts, lists).map_err(|error| match error {
            RuleSetError::Rule { place, name, error } => ShieldError::Rule { place: place - 1, name, error },
            RuleSetError::TooMany(count) => ShieldError::TooManyRules(count),
        })?;
        Ok(Self { rules, rates })
    }
}

/// The action in the words of the rules; one that limits a rate counts at the next free place.
fn action(place: usize, rule: &ShieldRule, origins: usize, next: usize) -> Result<Action, ShieldError> {
    Ok(match rule.action.clone() {
        RuleAction::Allow => Action::Allow,
        RuleAction::Log => Action::Log,
        RuleAction::Block => Action::Block,
        RuleAction::Challenge(kind) => Action::Challenge(kind),
        RuleAction::SkipChallenge => Action::SkipChallenge,
        RuleAction::RateLimit(_) => {
            Action::RateLimit(u16::try_from(next).map_err(|_| ShieldError::TooManyRates(next))?)
        }
        RuleAction::Redirect { status, target, keep_query } => {
            Action::Redirect { status, target, keep_query }
        }
        RuleAction::Rewrite { path, query } => Action::Rewrite { path, query },
        RuleAction::SetHeader { name, value } => Action::SetHeader { name, value },
        RuleAction::RemoveHeader { name } => Action::RemoveHeader { name },
        RuleAction::Cache(setting) => Action::Cache(setting),
        RuleAction::Origin(chosen) if usize::from(chosen) < origins => Action::Origin(chosen),
        RuleAction::Origin(chosen) => {
            let (name, chosen) = (rule.name.clone(), usize::from(chosen) + 1);
            return Err(ShieldError::Origin { place, name, chosen, origins });
        }
    })
}

fn rate(name: &str, terms: &RateTerms) -> RateRuleText {
    RateRuleText {
        name: name.to_owned(),
        characteristics: terms.by.clone(),
        counting: terms.counting.clone(),
        requests: terms.requests,
        period: terms.period_seconds,
        mitigation: terms.mitigation_seconds,
        action: terms.over,
    }
}

/// The lists that a site's rules may name: its own, then the operator's. A site without rules needs none.
pub(super) fn lists(settings: &ShieldSettings, held: &dyn HeldLists) -> Result<Lists, ShieldError> {
    let mut lists = Lists::none();
    for (name, SiteList { kind, source }) in &settings.lists {
        let wrong = |error| ShieldError::List { name: name.clone(), error };
        let own = ListName::parse(name).map_err(wrong)?;
        let list = read(*kind, source, |address, kind| held.feed(address, kind)).map_err(wrong)?;
        lists.put(own, list).map_err(wrong)?;
    }
    for (name, list) in held.shared().iter().filter(|(name, _)| !settings.lists.contains_key(name.as_str())) {
        let wrong = |error| ShieldError::List { name: name.as_str().to_owned(), error };
        lists.put(name.clone(), Arc::clone(list)).map_err(wrong)?;
    }
    Ok(lists)
}

/// The operator's lists.
pub(super) fn shared_lists(
    operator: &super::OperatorShield,
    feed: impl Fn(&str, ListKind) -> Option<Arc<List>>,
) -> Result<Vec<(ListName, Arc<List>)>, ShieldError> {
    let read = |(name, list): (&String, &super::OperatorList)| {
        let wrong = |error| ShieldError::List { name: name.clone(), error };
        let own = ListName::parse(name).map_err(wrong)?;
        Ok((own, read(list.kind, &list.source, &feed).map_err(wrong)?))
    };
    operator.lists.iter().map(read).collect()
}

fn read(
    kind: ListKind,
    source: &ListSource,
    feed: impl Fn(&str, ListKind) -> Option<Arc<List>>,
) -> Result<Arc<List>, ListError> {
    match source {
        ListSource::Items(items) => List::parse(kind, &items.join("\n"), false).map(Arc::new),
        ListSource::Feed(source) => {
            Ok(feed(&source.address, kind).unwrap_or_else(|| Arc::new(List::empty(kind))))
        }
    }
}
