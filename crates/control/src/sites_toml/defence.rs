//! `[account.site.shield]`: a site's defence: profile, switch, challenges, rules, lists.
//!
//! What is read is compiled at once, so that a mistake in an expression is found at its own character.

use super::reader::{Complaints, Fields, Place, short};
use super::site::unknown_word;
use shield::lists::ListKind;
use shield::rates::RateAction;
use shield::rules::{CacheSetting, ChallengeKind, RedirectStatus};
use snapshot::{
    ChallengeSettings, Feed, ListSource, Profile, RateTerms, RuleAction, ShieldError, ShieldRule,
    ShieldSettings, SiteList, SiteShield, UnderAttack,
};
use std::collections::BTreeMap;
use std::path::Path;
use toml::de::{DeTable, DeValue};

#[cfg(test)]
mod tests;

pub(super) const KEYS: [&str; 6] = ["profile", "under_attack", "clearance", "difficulty", "rule", "list"];
/// Each action with the keys of its own.
const ACTIONS: [(&str, &[&str]); 12] = [
    ("allow", &[]),
    ("log", &[]),
    ("block", &[]),
    ("challenge", &["challenge"]),
    ("skip-challenge", &[]),
    ("rate-limit", &["by", "counting", "requests", "period", "mitigation", "over", "challenge"]),
    ("redirect", &["status", "target", "keep_query"]),
    ("rewrite", &["path", "query"]),
    ("set-header", &["header", "value"]),
    ("remove-header", &["header"]),
    ("cache", &["cache", "seconds"]),
    ("origin", &["origin"]),
];
const CHALLENGES: [(&str, ChallengeKind); 3] =
    [("silent", ChallengeKind::Silent), ("wait", ChallengeKind::Wait), ("work", ChallengeKind::Work)];
const LIST_KEYS: [&str; 4] = ["kind", "items", "feed", "refresh"];
const LIST_SAMPLE: &str = "office = { kind = \"address\", items = [\"192.0.2.0/24\"] }";
const KINDS: [(&str, ListKind); 4] = [
    ("address", ListKind::Address),
    ("asn", ListKind::Asn),
    ("country", ListKind::Country),
    ("host", ListKind::Host),
];
/// Most items of a list that the file holds itself; longer ones are feeds.
const ITEMS_MAX: usize = 1_000;
/// Between two readings of a feed, in seconds.
const REFRESH: (u32, u32) = (300, 7 * 24 * 3_600);
/// Where nothing is said.
const REFRESH_USUAL: u32 = 3_600;
/// Longest lifetime that a rule gives: a year.
const SECONDS_MAX: u32 = 365 * 24 * 3_600;

pub(super) fn read(fields: &mut Fields<'_, '_, '_, '_>, base: &Path, origins: usize) -> ShieldSettings {
    let Some((table, place)) = fields.table("shield", "[account.site.shield]") else {
        return ShieldSettings::default();
    };
    settings(table, place, base, origins, fields.complaints())
}

pub(super) fn settings(
    table: &DeTable<'_>,
    place: Place,
    base: &Path,
    origins: usize,
    complaints: &mut Complaints<'_>,
) -> ShieldSettings {
    let before = complaints.count();
    let mut fields = Fields::new(table, place.clone(), &KEYS, complaints);
    let rules = fields.tables("rule");
    let settings = ShieldSettings {
        profile: profile(&mut fields),
        under_attack: under_attack(&mut fields),
        challenge: challenge(&mut fields),
        lists: lists(&mut fields, base),
        rules: rules.iter().filter_map(|(table, at)| rule(table, at.clone(), fields.complaints())).collect(),
    };
    // An expression is looked at only once all else is right: its rule's place is then that in the file.
    if complaints.count() == before
        && let Err(error) = SiteShield::check(&settings, origins, complaints.operator())
    {
        let rule = error.place().and_then(|place| rules.get(place));
        let at = rule.map_or(place, |(table, at)| place_of(&error, table, at.clone(), complaints));
        complaints.add(at, error.to_string());
    }
    settings
}

/// The character of the mistake where its expression is written without escapes, else the value.
fn place_of(error: &ShieldError, table: &DeTable<'_>, rule: Place, complaints: &Complaints<'_>) -> Place {
    let Some((_, key, mistake)) = error.expression() else { return rule };
    let Some(value) = table.get(key) else { return rule };
    let span = value.span();
    let DeValue::String(source) = value.get_ref() else { return span };
    let begin = ["'''", "\"\"\"", "'", "\""].iter().find_map(|quote| {
        let inside = complaints.text().get(span.start + quote.len()..)?;
        let quoted = complaints.text().get(span.clone())?.starts_with(quote);
        (quoted && inside.starts_with(&**source)).then_some(span.start + quote.len())
    });
    begin.map_or(span, |begin| begin + mistake.at()..begin + mistake.at())
}

fn profile(fields: &mut Fields<'_, '_, '_, '_>) -> Profile {
    let known = Profile::ALL.map(|profile| (profile.name(), profile));
    word(fields, "profile", &known).unwrap_or_default()
}

fn under_attack(fields: &mut Fields<'_, '_, '_, '_>) -> UnderAttack {
    let known = [UnderAttack::Off, UnderAttack::Automatic, UnderAttack::On];
    word(fields, "under_attack", &known.map(|state| (state.name(), state))).unwrap_or_default()
}

fn challenge(fields: &mut Fields<'_, '_, '_, '_>) -> ChallengeSettings {
    let usual = ChallengeSettings::default();
    let clearance = number(fields, "clearance", (60, shield::challenge::CLEARANCE_SECONDS_MAX));
    let difficulty = number(fields, "difficulty", (1, shield::challenge::DIFFICULTY_MAX.into()));
    ChallengeSettings {
        clearance_seconds: clearance.unwrap_or(usual.clearance_seconds),
        difficulty: difficulty.and_then(|bits| u8::try_from(bits).ok()).unwrap_or(usual.difficulty),
    }
}

/// One of a few words; nothing where it is absent or another.
fn word<T: Copy>(fields: &mut Fields<'_, '_, '_, '_>, key: &str, known: &[(&str, T)]) -> Option<T> {
    let (text, place) = fields.text(key)?;
    let found = known.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        fields.complain(place, unknown_word(key, &text, &words));
    }
    found
}

fn number(fields: &mut Fields<'_, '_, '_, '_>, key: &str, (from, to): (u32, u32)) -> Option<u32> {
    let (number, place) = fields.number(key)?;
    let fits = u32::try_from(number).ok().filter(|number| (from..=to).contains(number));
    if fits.is_none() {
        fields.complain(place, format!("{key} is a whole number from {from} to {to}"));
    }
    fits
}

fn rule(table: &DeTable<'_>, place: Place, complaints: &mut Complaints<'_>) -> Option<ShieldRule> {
    let named = match table.get("action").map(toml::Spanned::get_ref) {
        Some(DeValue::String(text)) => ACTIONS.iter().find(|(name, _)| *name == &**text),
        _ => None,
    };
    // Of an unknown action nobody knows the keys.
    let own: Vec<&str> = match named {
        Some((_, keys)) => keys.to_vec(),
        None => ACTIONS.iter().flat_map(|(_, keys)| keys.iter().copied()).collect(),
    };
    let keys = [&["name", "when", "action"], &own[..]].concat();
    let mut fields = Fields::new(table, place, &keys, complaints);
    let name = fields.required_text("name");
    let when = fields.required_text("when");
    let action = fields.required_text("action");
    let Some((action, _)) = named else {
        if let Some((text, place)) = action {
            let words: Vec<&str> = ACTIONS.iter().map(|(word, _)| *word).collect();
            fields.complain(place, unknown_word("action", &text, &words));
        }
        return None;
    };
    let action = self::action(action, &mut fields)?;
    Some(ShieldRule { name: name?.0, when: when?.0, action })
}

fn action(name: &str, fields: &mut Fields<'_, '_, '_, '_>) -> Option<RuleAction> {
    Some(match name {
        "allow" => RuleAction::Allow,
        "log" => RuleAction::Log,
        "block" => RuleAction::Block,
        "skip-challenge" => RuleAction::SkipChallenge,
        "challenge" => RuleAction::Challenge(challenge_kind(fields)),
        "rate-limit" => RuleAction::RateLimit(terms(fields)?),
        "redirect" => redirect(fields)?,
        "rewrite" => RuleAction::Rewrite {
            path: fields.text("path").map(|(path, _)| path),
            query: fields.text("query").map(|(query, _)| query),
        },
        "set-header" => RuleAction::SetHeader {
            name: fields.required_text("header")?.0,
            value: fields.required_text("value")?.0,
        },
        "remove-header" => RuleAction::RemoveHeader { name: fields.required_text("header")?.0 },
        "cache" => RuleAction::Cache(cache(fields)?),
        // Counted from 1 in the file, as people count.
        _ => {
            fields.complain_if_missing("origin", "; write origin = 1 for the first one");
            let chosen = number(fields, "origin", (1, u16::MAX.into()))?;
            RuleAction::Origin(u16::try_from(chosen - 1).ok()?)
        }
    })
}

fn challenge_kind(fields: &mut Fields<'_, '_, '_, '_>) -> ChallengeKind {
    word(fields, "challenge", &CHALLENGES).unwrap_or(ChallengeKind::Silent)
}

fn terms(fields: &mut Fields<'_, '_, '_, '_>) -> Option<RateTerms> {
    let by = super::site::list(fields, "by", shield::rates::CHARACTERISTICS_MAX, "[\"ip.src\"]");
    for (key, sample) in [("requests", "; write requests = 100"), ("period", "; write period = 60")] {
        fields.complain_if_missing(key, sample);
    }
    let kind = challenge_kind(fields);
    let over = [
        ("refuse", RateAction::Refuse),
        ("challenge", RateAction::Challenge(kind)),
        ("log", RateAction::Log),
    ];
    let (from, to) = shield::rates::PERIOD_SECONDS;
    Some(RateTerms {
        by: by.into_iter().map(|(text, _)| text).collect(),
        counting: fields.text("counting").map(|(text, _)| text),
        over: word(fields, "over", &over).unwrap_or(RateAction::Refuse),
        mitigation_seconds: number(fields, "mitigation", (0, shield::rates::MITIGATION_SECONDS_MAX))
            .unwrap_or_default(),
        requests: number(fields, "requests", (1, shield::rates::REQUESTS_MAX))?,
        period_seconds: number(fields, "period", (from, to))?,
    })
}

fn redirect(fields: &mut Fields<'_, '_, '_, '_>) -> Option<RuleAction> {
    let status = match fields.number("status") {
        None => RedirectStatus::new(302),
        Some((number, place)) => {
            let status = u16::try_from(number).ok().and_then(RedirectStatus::new);
            if status.is_none() {
                fields.complain(place, "status is 301, 302, 303, 307 or 308".to_owned());
            }
            status
        }
    };
    let target = fields.required_text("target")?.0;
    let keep_query = fields.truth("keep_query").unwrap_or_default();
    Some(RuleAction::Redirect { status: status?, target, keep_query })
}

fn cache(fields: &mut Fields<'_, '_, '_, '_>) -> Option<CacheSetting> {
    if let Some(seconds) = number(fields, "seconds", (0, SECONDS_MAX)) {
        return Some(CacheSetting::TimeToLive(seconds));
    }
    if fields.get("seconds").is_none() {
        fields.complain_if_missing("cache", "; write cache = \"bypass\", cache = \"usual\" or seconds = 60");
    }
    word(fields, "cache", &[("bypass", CacheSetting::Bypass), ("usual", CacheSetting::Usual)])
}

fn lists(fields: &mut Fields<'_, '_, '_, '_>, base: &Path) -> BTreeMap<String, SiteList> {
    let Some((table, _)) = fields.table("list", LIST_SAMPLE) else { return BTreeMap::new() };
    let mut lists = BTreeMap::new();
    for (name, value) in table.iter() {
        let DeValue::Table(inner) = value.get_ref() else {
            fields.complain(value.span(), format!("a list is a table, written {LIST_SAMPLE}"));
            continue;
        };
        if let Some(list) = list(inner, value.span(), base, fields.complaints()) {
            lists.insert(name.get_ref().to_string(), list);
        }
    }
    lists
}

fn list(table: &DeTable<'_>, place: Place, base: &Path, complaints: &mut Complaints<'_>) -> Option<SiteList> {
    let mut fields = Fields::new(table, place.clone(), &LIST_KEYS, complaints);
    fields.complain_if_missing("kind", "; write kind = \"address\"");
    let kind = word(&mut fields, "kind", &KINDS);
    let refresh_seconds = number(&mut fields, "refresh", REFRESH).unwrap_or(REFRESH_USUAL);
    let items = fields.texts("items");
    let source = match (items, fields.text("feed")) {
        (Some((items, place)), None) => {
            if items.len() > ITEMS_MAX {
                let message =
                    format!("{} items; put more than {ITEMS_MAX} into a file: feed = …", items.len());
                fields.complain(place, message);
            }
            ListSource::Items(items.into_iter().map(|(text, _)| text).collect())
        }
        (None, Some((address, place))) => match feed_address(&address, base) {
            Some(address) => ListSource::Feed(Feed { address, refresh_seconds }),
            None => {
                let text = short(&address);
                fields.complain(place, format!("{text:?} is neither an address of the web nor a file"));
                return None;
            }
        },
        _ => {
            fields.complain(place, "a list has either items = […] or feed = \"…\"".to_owned());
            return None;
        }
    };
    Some(SiteList { kind: kind?, source })
}

/// An address of the web as it is; a file's path from the sites file's folder on.
pub(crate) fn feed_address(text: &str, base: &Path) -> Option<String> {
    if text.is_empty() || text.len() > 2_048 || text.contains(char::is_control) {
        return None;
    }
    if text.starts_with("https://") || text.starts_with("http://") {
        return url::Url::parse(text).ok().map(|url| url.to_string());
    }
    base.join(text).to_str().map(str::to_owned).filter(|_| !text.contains("://"))
}
