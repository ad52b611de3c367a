//! `wardmote ban`, `allow`, `events`, `under-attack` and `rules`: the operator's part in the defence.

use super::{block_on, control_plane};
use crate::client::Client;
use crate::command_line::{Events, Rules, RulesList, RulesPut, RulesVerb, Source, UnderAttack};
use crate::exit::{Exit, Failure};
use crate::output::{self, encoded, plain};
use serde_json::{Value, json};
use std::path::Path;

/// `ban` or `allow`.
pub(crate) fn source(effect: &'static str, arguments: &Source, json: bool) -> Result<Exit, Failure> {
    let client = control_plane(&arguments.local)?;
    if let Some(number) = arguments.end {
        let ended = block_on(async {
            client.delete(&format!("/api/v1/shield/entries/{number}")).await?.accepted()?.json()
        })?;
        show(json, &ended, |entry| format!("ended: {}\n", entry_line(entry).join("  ")));
        return Ok(Exit::Done);
    }
    let Some(subject) = &arguments.source else {
        let book = block_on(async { client.get("/api/v1/shield").await?.accepted()?.json() })?;
        show(json, &book, |book| standing(effect, book));
        return Ok(Exit::Done);
    };
    let request = json!({
        "effect": effect, "subject": subject, "site": arguments.site,
        "seconds": arguments.lasts.as_secs(), "reason": arguments.reason,
    });
    let entry = block_on(send(&client, "/api/v1/shield/entries", &request))?;
    show(json, &entry, |entry| {
        let number = entry.get("number").and_then(Value::as_u64).unwrap_or_default();
        format!("{}\nundo: wardmote {effect} --end {number}\n", entry_line(entry).join("  "))
    });
    Ok(Exit::Done)
}

pub(crate) fn events(arguments: &Events, json: bool) -> Result<Exit, Failure> {
    let client = control_plane(&arguments.local)?;
    if let Some(signature) = &arguments.undo {
        return undo(&client, arguments.site.as_deref().unwrap_or_default(), signature, json);
    }
    if arguments.signatures {
        let told = block_on(async { client.get("/api/v1/shield/signatures").await?.accepted()?.json() })?;
        show(json, &told, signatures);
        return Ok(Exit::Done);
    }
    let mut path = format!("/api/v1/shield/events?limit={}", arguments.limit);
    for (name, value) in [("site", &arguments.site), ("kind", &arguments.kind)] {
        value.iter().for_each(|value| path += &format!("&{name}={}", encoded(value)));
    }
    arguments.last.iter().for_each(|last| path += &format!("&seconds={}", last.as_secs()));
    let told = block_on(async { client.get(&path).await?.accepted()?.json() })?;
    show(json, &told, event_table);
    Ok(Exit::Done)
}

pub(crate) fn under_attack(arguments: &UnderAttack, json: bool) -> Result<Exit, Failure> {
    let client = control_plane(&arguments.local)?;
    let path = format!("/api/v1/sites/{}/under-attack", encoded(&arguments.site));
    if arguments.off {
        block_on(async { client.delete(&path).await?.accepted() })?;
        show(json, &json!({ "on": false }), |_| "off: visitors are not challenged any more\n".to_owned());
        return Ok(Exit::Done);
    }
    let request = json!({ "seconds": arguments.lasts.as_secs(), "reason": arguments.reason });
    let switch = block_on(async { client.put(&path, &request).await?.accepted()?.json() })?;
    let off = format!("undo: wardmote under-attack {} --off\n", arguments.site);
    show(json, &switch, |switch| {
        format!("on until {}: every visitor is challenged\n{off}", words(switch, "until"))
    });
    Ok(Exit::Done)
}

pub(crate) fn rules(arguments: &Rules, json: bool) -> Result<Exit, Failure> {
    match &arguments.verb {
        RulesVerb::List(arguments) => list_rules(arguments, json),
        RulesVerb::Check(arguments) => put_rules(arguments, true, json),
        RulesVerb::Put(arguments) => put_rules(arguments, false, json),
    }
}

fn list_rules(arguments: &RulesList, json: bool) -> Result<Exit, Failure> {
    let client = control_plane(&arguments.local)?;
    let path = format!("/api/v1/sites/{}/shield", encoded(&arguments.site));
    let told = block_on(async { client.get(&path).await?.accepted()?.json() })?;
    show(json, &told, |told| told.get("text").and_then(Value::as_str).unwrap_or_default().to_owned());
    Ok(Exit::Done)
}

fn put_rules(arguments: &RulesPut, dry_run: bool, json: bool) -> Result<Exit, Failure> {
    let unreadable =
        |error| Failure::bad_use(format!("{}: cannot read it: {error}", arguments.file.display()));
    let text = std::fs::read_to_string(&arguments.file).map_err(unreadable)?;
    let whole = std::path::absolute(&arguments.file).map_err(unreadable)?;
    let base = whole.parent().unwrap_or(Path::new("/"));
    let request = json!({
        "text": text, "base": base, "dry_run": dry_run, "customer_request": arguments.customer_request,
    });
    let client = control_plane(&arguments.local)?;
    let path = format!("/api/v1/sites/{}/shield", encoded(&arguments.site));
    let applied = block_on(async { client.put(&path, &request).await?.accepted()?.json() })?;
    show(json, &applied, |applied| changes(applied, dry_run));
    Ok(Exit::Done)
}

fn changes(applied: &Value, dry_run: bool) -> String {
    let steps = applied.get("steps").and_then(Value::as_array).cloned().unwrap_or_default();
    if steps.is_empty() {
        return "nothing changes\n".to_owned();
    }
    let lowers = steps.iter().filter_map(|step| step.get("lowers")?.as_array()).flatten();
    let lowers: String = lowers.filter_map(Value::as_str).map(|why| format!("  {}\n", plain(why))).collect();
    match (dry_run, lowers.is_empty()) {
        (false, _) => format!("put, revision {}\n", applied.get("revision").unwrap_or(&Value::Null)),
        (true, true) => "fine: it can be put\n".to_owned(),
        (true, false) => format!("fine, but it needs the customer's request (--customer-request):\n{lowers}"),
    }
}

async fn send(client: &Client, path: &str, request: &Value) -> Result<Value, Failure> {
    client.post(path, "application/json", request.to_string().into()).await?.accepted()?.json()
}

fn undo(client: &Client, host: &str, signature: &str, json: bool) -> Result<Exit, Failure> {
    let path = format!("/api/v1/sites/{}/shield", encoded(host));
    block_on(async {
        let site = client.get(&path).await?.accepted()?.json()?;
        let request = json!({ "site": site.get("site"), "signature": signature });
        let body = request.to_string().into();
        client.post("/api/v1/shield/signatures/undo", "application/json", body).await?.accepted()
    })?;
    show(json, &json!({ "undone": signature }), |_| "undone; it is left alone for ten minutes\n".to_owned());
    Ok(Exit::Done)
}

fn show(json: bool, value: &Value, text: impl Fn(&Value) -> String) {
    if json {
        output::json(value);
    } else {
        print!("{}", text(value));
    }
}

fn words(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).map(plain).unwrap_or_default()
}

fn subject(entry: &Value) -> String {
    let subject = entry.get("subject");
    let network = subject.and_then(|subject| subject.get("network")?.as_str().map(plain));
    let system = || subject.and_then(|subject| Some(format!("AS{}", subject.get("asn")?.as_u64()?)));
    network.or_else(system).unwrap_or_default()
}

fn entry_line(entry: &Value) -> [String; 6] {
    let number = entry.get("number").and_then(Value::as_u64).unwrap_or_default();
    let site = entry.get("site").and_then(Value::as_str).map_or_else(|| "every site".to_owned(), plain);
    let until = format!("until {}", words(entry, "until"));
    [number.to_string(), words(entry, "effect"), subject(entry), site, until, words(entry, "reason")]
}

fn standing(effect: &str, book: &Value) -> String {
    let entries = book.get("entries").and_then(Value::as_array).cloned().unwrap_or_default();
    let own: Vec<_> =
        entries.iter().filter(|entry| words(entry, "effect") == effect).map(entry_line).collect();
    let mut text = output::table(&own);
    if own.is_empty() {
        text = format!("none; enter one: wardmote {effect} 192.0.2.7 --for 4h --reason …\n");
    }
    for spent in book.get("spent").and_then(Value::as_array).into_iter().flatten() {
        let minutes = |name| spent.get(name).and_then(Value::as_u64).unwrap_or_default() / 60;
        text += &format!(
            "{}: service lowered for {} min of the last 24 h, {} min left\n",
            words(spent, "site"),
            minutes("spent_seconds"),
            minutes("left_seconds"),
        );
    }
    text
}

fn event_table(events: &Value) -> String {
    let events = events.as_array().cloned().unwrap_or_default();
    let rows: Vec<[String; 6]> = events.iter().map(event_line).collect();
    if rows.is_empty() { "nothing happened\n".to_owned() } else { output::table(&rows) }
}

fn event_line(event: &Value) -> [String; 6] {
    let client = event.get("client").map(|client| words(client, "address")).unwrap_or_default();
    let request = event.get("request");
    let part = |name| request.map(|request| words(request, name)).unwrap_or_default();
    let asked = format!("{} {}{}", part("method"), part("host"), part("target"));
    let noted = if event.get("acted") == Some(&Value::Bool(false)) { " (noted only)" } else { "" };
    let many = match event.get("stands_for").and_then(Value::as_u64) {
        Some(count) if count > 1 => format!(" 1:{count}"),
        _ => String::new(),
    };
    [
        words(event, "at"),
        format!("{}{noted}{many}", words(event, "what")),
        client,
        asked.trim().to_owned(),
        words(event, "ray"),
        format!("{} {}", words(event, "why"), words(event, "undo")).trim().to_owned(),
    ]
}

fn signatures(told: &Value) -> String {
    let all = told.as_array().cloned().unwrap_or_default();
    if all.is_empty() {
        return "no signature is acted upon\n".to_owned();
    }
    let rows: Vec<[String; 5]> = all.iter().map(signature_line).collect();
    output::table(&rows) + "undo: wardmote events --undo ID --site HOST\n"
}

fn signature_line(signature: &Value) -> [String; 5] {
    let items = signature.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let item = |item: &Value| format!("{} {}", words(item, "attribute"), words(item, "value"));
    let items: Vec<String> = items.iter().map(item).collect();
    let count = |name| signature.get(name).and_then(Value::as_u64).unwrap_or_default();
    [
        words(signature, "id"),
        words(signature, "site"),
        words(signature, "stage"),
        format!("{} matched, {} of {} passed", count("matched"), count("passed"), count("challenged")),
        items.join(" and "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_is_shown_with_its_end_and_what_is_left_of_the_cap() {
        let book = json!({
            "entries": [
                {"number": 7, "effect": "ban", "subject": {"network": "192.0.2.0/24"}, "until": "T", "reason": "a\u{1b}b"},
                {"number": 8, "effect": "ban", "subject": {"asn": 64500}, "site": "site_1", "until": "T", "reason": "r"},
                {"number": 9, "effect": "allow", "subject": {"asn": 1}, "until": "T", "reason": "r"},
            ],
            "spent": [{"site": "site_1", "spent_seconds": 3600, "left_seconds": 7200}],
        });
        let text = standing("ban", &book);
        assert!(
            text.starts_with("7  ban  192.0.2.0/24  every site  until T  a\\u{001b}b\n8  ban  AS64500"),
            "{text}"
        );
        assert!(
            text.ends_with("site_1: service lowered for 60 min of the last 24 h, 120 min left\n"),
            "{text}"
        );
        assert!(!text.contains("AS1 "), "{text}");
        assert!(standing("allow", &json!({})).starts_with("none; enter one: wardmote allow"));
    }

    #[test]
    fn an_event_is_one_line_that_says_why_and_what_undoes_it() {
        let event = json!({
            "at": "T", "what": "blocked", "acted": false, "stands_for": 100, "ray": "00ff",
            "client": {"address": "192.0.2.1"},
            "request": {"method": "GET", "host": "a.test", "target": "/\u{1b}x"},
            "why": "A rule blocks it.", "undo": "Change the rule.",
        });
        let expected = "T  blocked (noted only) 1:100  192.0.2.1  GET a.test/\\u{001b}x  00ff  A rule blocks it. Change the rule.\n";
        assert_eq!(event_table(&json!([event])), expected);
        assert_eq!(event_table(&json!([])), "nothing happened\n");
    }

    #[test]
    fn a_check_says_what_needs_the_customers_request() {
        let step = json!({"steps": [{"lowers": ["every visitor is challenged"]}], "revision": 4});
        assert!(changes(&step, true).contains("--customer-request):\n  every visitor is challenged\n"));
        assert_eq!(changes(&step, false), "put, revision 4\n");
        assert_eq!(changes(&json!({"steps": [{"lowers": []}]}), true), "fine: it can be put\n");
        assert_eq!(changes(&json!({"steps": []}), false), "nothing changes\n");
    }
}
