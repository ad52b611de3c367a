//! Which changes of a site's defence lower the customer's service.

use snapshot::{Profile, RuleAction, ShieldRule, ShieldSettings, UnderAttack};
use std::collections::BTreeSet;

/// What the customer would have less of: less defence, or visitors who are kept out or sent elsewhere.
pub(super) fn lowers(old: &ShieldSettings, new: &ShieldSettings) -> Vec<String> {
    let mut lowers = Vec::new();
    if new.profile < old.profile && new.profile != Profile::Balanced {
        lowers.push(format!("its shield goes from {} to {}", old.profile.name(), new.profile.name()));
    }
    if new.under_attack == UnderAttack::On && old.under_attack != UnderAttack::On {
        lowers.push("every visitor is challenged".to_owned());
    }
    if new.under_attack == UnderAttack::Off && old.under_attack != UnderAttack::Off {
        lowers.push("its visitors are challenged in no attack".to_owned());
    }
    if new.challenge != old.challenge {
        lowers.push("its challenges are changed".to_owned());
    }
    lowers.extend(rules(&old.rules, &new.rules));
    lowers.extend(lists(old, new));
    lowers
}

/// What new rules do to visitors, and what is lost with old ones. A rule that is changed in anything is another.
fn rules(old: &[ShieldRule], new: &[ShieldRule]) -> Vec<String> {
    let bites = |rule: &&ShieldRule| !old.contains(rule) && !spares(rule);
    let bitten: BTreeSet<&str> = new.iter().filter(bites).map(|rule| rule.name.as_str()).collect();
    let told =
        |name| format!("its rule {name:?} keeps visitors out, sends them on or changes what they ask for");
    let mut lowers: Vec<String> = bitten.iter().map(told).collect();
    for rule in old.iter().filter(|rule| !new.contains(rule) && !bitten.contains(rule.name.as_str())) {
        let kept = new.iter().any(|other| other.name == rule.name);
        let how = if kept { "is changed" } else { "is taken from it" };
        lowers.push(format!("its rule {:?} {how}", rule.name));
    }
    if !old.iter().filter(|rule| new.contains(rule)).eq(new.iter().filter(|rule| old.contains(rule))) {
        lowers.push("its rules are asked in another order".to_owned());
    }
    lowers
}

/// Whether a rule leaves visitors and their requests as they are.
fn spares(rule: &ShieldRule) -> bool {
    matches!(rule.action, RuleAction::Allow | RuleAction::Log | RuleAction::SkipChallenge)
}

/// Lists that are put, changed or taken away under rules that stay: the same rules mean others then.
fn lists(old: &ShieldSettings, new: &ShieldSettings) -> Vec<String> {
    let names: BTreeSet<&String> = old.lists.keys().chain(new.lists.keys()).collect();
    let changed = names.into_iter().filter(|name| old.lists.get(*name) != new.lists.get(*name));
    let stay: Vec<&ShieldRule> = new.rules.iter().filter(|rule| old.rules.contains(rule)).collect();
    let named = changed.filter(|name| stay.iter().any(|rule| may_name(rule, name)));
    named.map(|name| format!("its list {name:?} is changed, which its rules name")).collect()
}

/// Whether a rule's text has the name of a list. Too often rather than not: nothing is compiled for it.
fn may_name(rule: &ShieldRule, list: &str) -> bool {
    format!("{rule:?}").contains(&format!("${list}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shield::lists::ListKind;
    use shield::rules::CacheSetting;
    use snapshot::{ChallengeSettings, ListSource, SiteList};

    fn rule(name: &str, action: RuleAction) -> ShieldRule {
        ShieldRule { name: name.to_owned(), when: "ssl".to_owned(), action }
    }

    fn with(rules: &[ShieldRule]) -> ShieldSettings {
        ShieldSettings { rules: rules.to_vec(), ..ShieldSettings::default() }
    }

    #[test]
    fn less_defence_and_new_hurdles_lower_and_their_opposites_do_not() {
        let profile = |profile| ShieldSettings { profile, ..ShieldSettings::default() };
        let attacked = ShieldSettings { under_attack: UnderAttack::On, ..ShieldSettings::default() };
        let (block, allow) = (rule("b", RuleAction::Block), rule("a", RuleAction::Allow));
        let changed = ShieldRule { when: "not ssl".to_owned(), ..block.clone() };
        let changed_allow = ShieldRule { when: "not ssl".to_owned(), ..allow.clone() };
        let hard = ChallengeSettings { difficulty: 24, ..ChallengeSettings::default() };
        let usual = ShieldSettings::default();
        for (old, new, count) in [
            (&usual, &profile(Profile::Off), 1),
            (&usual, &profile(Profile::Strict), 0),
            (&profile(Profile::Strict), &usual, 0),
            (&profile(Profile::Strict), &profile(Profile::Monitor), 1),
            (&usual, &attacked, 1),
            (&attacked, &usual, 0),
            (&usual, &with(std::slice::from_ref(&block)), 1),
            (&with(std::slice::from_ref(&block)), &with(&[changed]), 1),
            (&with(std::slice::from_ref(&block)), &usual, 1),
            (&usual, &with(std::slice::from_ref(&allow)), 0),
            (&with(std::slice::from_ref(&allow)), &with(std::slice::from_ref(&changed_allow)), 1),
            (&with(std::slice::from_ref(&allow)), &usual, 1),
            (&with(&[block.clone(), allow.clone()]), &with(&[allow, block]), 1),
            (&usual, &with(&[rule("c", RuleAction::RemoveHeader { name: "cookie".to_owned() })]), 1),
            (&usual, &with(&[rule("d", RuleAction::Cache(CacheSetting::Bypass))]), 1),
            (&usual, &ShieldSettings { challenge: hard, ..ShieldSettings::default() }, 1),
            (&usual, &ShieldSettings { under_attack: UnderAttack::Off, ..ShieldSettings::default() }, 1),
        ] {
            assert_eq!(lowers(old, new).len(), count, "{:?}", lowers(old, new));
        }
    }

    #[test]
    fn other_items_of_a_list_that_a_rule_names_lower_and_those_of_one_without_rules_do_not() {
        let when = "ip.src in $bad".to_owned();
        let rules = vec![ShieldRule { when, ..rule("b", RuleAction::Block) }];
        let list = |item: &str| {
            let source = ListSource::Items(vec![item.to_owned()]);
            SiteList { kind: ListKind::Address, source }
        };
        let with = |name: &str, item: &str| ShieldSettings {
            lists: [(name.to_owned(), list(item))].into(),
            rules: rules.clone(),
            ..ShieldSettings::default()
        };
        for (name, item, count) in
            [("bad", "192.0.2.1", 0), ("bad", "0.0.0.0/0", 1), ("other", "192.0.2.1", 1)]
        {
            let lowered = lowers(&with("bad", "192.0.2.1"), &with(name, item));
            assert_eq!(lowered.len(), count, "{lowered:?}");
        }
        let unnamed = |item| ShieldSettings { rules: Vec::new(), ..with("bad", item) };
        assert_eq!(lowers(&unnamed("192.0.2.1"), &unnamed("0.0.0.0/0")), Vec::<String>::new());
    }
}
