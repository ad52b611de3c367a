//! A site's defence, as the keys of a sites file.

use super::export::{list, quoted};
use shield::lists::ListKind;
use shield::rates::RateAction;
use shield::rules::{CacheSetting, ChallengeKind};
use snapshot::{ChallengeSettings, ListSource, RateTerms, RuleAction, ShieldSettings, SiteList};
use std::fmt::Write as _;

/// The defence of one site by itself.
pub(crate) fn text(settings: &ShieldSettings) -> String {
    let mut text = String::new();
    write_keys(&mut text, settings);
    write_tables(&mut text, "", settings);
    text
}

/// Writes what is not at its default, under a table of this name.
pub(super) fn write_shield(text: &mut String, table: &str, settings: &ShieldSettings) {
    if settings.is_default() {
        return;
    }
    // Writing to a String cannot fail.
    let _ = writeln!(text, "    [{table}]");
    write_keys(text, settings);
    write_tables(text, &format!("{table}."), settings);
}

fn write_keys(text: &mut String, settings: &ShieldSettings) {
    let usual = ShieldSettings::default();
    if settings.profile != usual.profile {
        let _ = writeln!(text, "    profile = \"{}\"", settings.profile.name());
    }
    if settings.under_attack != usual.under_attack {
        let _ = writeln!(text, "    under_attack = \"{}\"", settings.under_attack.name());
    }
    let ChallengeSettings { clearance_seconds, difficulty } = settings.challenge;
    if clearance_seconds != usual.challenge.clearance_seconds {
        let _ = writeln!(text, "    clearance = {clearance_seconds}");
    }
    if difficulty != usual.challenge.difficulty {
        let _ = writeln!(text, "    difficulty = {difficulty}");
    }
}

fn write_tables(text: &mut String, table: &str, settings: &ShieldSettings) {
    for (name, SiteList { kind, source }) in &settings.lists {
        let _ = writeln!(text, "      [{table}list.{name}]\n      kind = \"{}\"", kind_name(*kind));
        let _ = match source {
            ListSource::Items(items) => writeln!(text, "      items = {}", list(items.iter().cloned())),
            ListSource::Feed(feed) => {
                let (address, seconds) = (quoted(&feed.address), feed.refresh_seconds);
                writeln!(text, "      feed = {address}\n      refresh = {seconds}")
            }
        };
    }
    for rule in &settings.rules {
        let _ = writeln!(text, "      [[{table}rule]]");
        for (key, value) in [("name", &rule.name), ("when", &rule.when)] {
            let _ = writeln!(text, "      {key} = {}", quoted(value));
        }
        write_action(text, &rule.action);
    }
}

fn write_action(text: &mut String, action: &RuleAction) {
    let mut line = |key: &str, value: String| {
        let _ = writeln!(text, "      {key} = {value}");
    };
    line("action", quoted(name(action)));
    match action {
        RuleAction::Allow | RuleAction::Log | RuleAction::Block | RuleAction::SkipChallenge => {}
        RuleAction::Challenge(kind) => line("challenge", quoted(challenge(*kind))),
        RuleAction::RateLimit(terms) => write_terms(&mut line, terms),
        RuleAction::Redirect { status, target, keep_query } => {
            line("status", status.get().to_string());
            line("target", quoted(target));
            line("keep_query", keep_query.to_string());
        }
        RuleAction::Rewrite { path, query } => {
            path.iter().for_each(|path| line("path", quoted(path)));
            query.iter().for_each(|query| line("query", quoted(query)));
        }
        RuleAction::SetHeader { name, value } => {
            line("header", quoted(name));
            line("value", quoted(value));
        }
        RuleAction::RemoveHeader { name } => line("header", quoted(name)),
        RuleAction::Cache(CacheSetting::TimeToLive(seconds)) => line("seconds", seconds.to_string()),
        RuleAction::Cache(CacheSetting::Bypass) => line("cache", quoted("bypass")),
        RuleAction::Cache(CacheSetting::Usual) => line("cache", quoted("usual")),
        RuleAction::Origin(place) => line("origin", (u32::from(*place) + 1).to_string()),
    }
}

fn write_terms(line: &mut impl FnMut(&str, String), terms: &RateTerms) {
    line("by", list(terms.by.iter().cloned()));
    terms.counting.iter().for_each(|counting| line("counting", quoted(counting)));
    line("requests", terms.requests.to_string());
    line("period", terms.period_seconds.to_string());
    line("mitigation", terms.mitigation_seconds.to_string());
    match terms.over {
        RateAction::Refuse => line("over", quoted("refuse")),
        RateAction::Log => line("over", quoted("log")),
        RateAction::Challenge(kind) => {
            line("over", quoted("challenge"));
            line("challenge", quoted(challenge(kind)));
        }
    }
}

/// What a rule does, in the word of the file.
pub(crate) fn name(action: &RuleAction) -> &'static str {
    match action {
        RuleAction::Allow => "allow",
        RuleAction::Log => "log",
        RuleAction::Block => "block",
        RuleAction::Challenge(_) => "challenge",
        RuleAction::SkipChallenge => "skip-challenge",
        RuleAction::RateLimit(_) => "rate-limit",
        RuleAction::Redirect { .. } => "redirect",
        RuleAction::Rewrite { .. } => "rewrite",
        RuleAction::SetHeader { .. } => "set-header",
        RuleAction::RemoveHeader { .. } => "remove-header",
        RuleAction::Cache(_) => "cache",
        RuleAction::Origin(_) => "origin",
    }
}

fn challenge(kind: ChallengeKind) -> &'static str {
    match kind {
        ChallengeKind::Silent => "silent",
        ChallengeKind::Wait => "wait",
        ChallengeKind::Work => "work",
    }
}

fn kind_name(kind: ListKind) -> &'static str {
    match kind {
        ListKind::Address => "address",
        ListKind::Asn => "asn",
        ListKind::Country => "country",
        ListKind::Host => "host",
    }
}
