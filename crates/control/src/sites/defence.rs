//! Which changes of a site's defence lower the customer's service.

use snapshot::{Profile, RuleAction, ShieldRule, ShieldSettings, UnderAttack};

/// What the customer would have less of: less defence, or visitors who are kept out or sent elsewhere.
pub(super) fn lowers(old: &ShieldSettings, new: &ShieldSettings) -> Vec<String> {
    let mut lowers = Vec::new();
    if new.profile < old.profile && new.profile != Profile::Balanced {
        lowers.push(format!("its shield goes from {} to {}", old.profile.name(), new.profile.name()));
    }
    if new.under_attack == UnderAttack::On && old.under_attack != UnderAttack::On {
        lowers.push("every visitor is challenged".to_owned());
    }
    let added = new.rules.iter().filter(|rule| keeps_out(rule) && !old.rules.contains(rule));
    lowers.extend(added.map(|rule| format!("its rule {:?} keeps visitors out or sends them on", rule.name)));
    let lost = |rule: &&ShieldRule| !new.rules.iter().any(|kept| kept.name == rule.name);
    let gone = old.rules.iter().filter(|rule| !keeps_out(rule)).filter(lost);
    lowers.extend(gone.map(|rule| format!("its rule {:?} is taken from it", rule.name)));
    lowers
}

/// Whether a rule can keep a visitor from what was asked for.
fn keeps_out(rule: &ShieldRule) -> bool {
    matches!(
        rule.action,
        RuleAction::Block
            | RuleAction::Challenge(_)
            | RuleAction::RateLimit(_)
            | RuleAction::Redirect { .. }
            | RuleAction::Rewrite { .. }
            | RuleAction::Origin(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (&with(&[block]), &usual, 0),
            (&usual, &with(std::slice::from_ref(&allow)), 0),
            (&with(&[allow]), &usual, 1),
        ] {
            assert_eq!(lowers(old, new).len(), count, "{:?}", lowers(old, new));
        }
    }
}
