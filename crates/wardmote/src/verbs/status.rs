//! `wardmote status`: what is served, what is in force, what somebody must look at.

use super::{block_on, control_plane};
use crate::client::Client;
use crate::command_line::Local;
use crate::exit::{Exit, Failure};
use crate::output::{self, plain};
use serde_json::{Value, json};
use std::time::Duration;
use vocabulary::Timestamp;

/// Decisions shown; more are counted.
const DECISIONS_SHOWN: usize = 50;

pub(crate) fn run(local: &Local, json: bool) -> Result<Exit, Failure> {
    let client = control_plane(local)?;
    let (status, decisions) = block_on(fetch(&client))?;
    if json {
        output::json(&json!({ "status": status, "decisions": decisions }));
    } else {
        print!("{}", text(&status, &decisions));
    }
    Ok(Exit::Done)
}

async fn fetch(client: &Client) -> Result<(Value, Vec<Value>), Failure> {
    let status = client.get("/api/v1/status").await?.accepted()?.json()?;
    let path = format!("/api/v1/decisions?limit={DECISIONS_SHOWN}");
    let page = client.get(&path).await?.accepted()?.json()?;
    let decisions = page.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    Ok((status, decisions))
}

fn text(status: &Value, decisions: &[Value]) -> String {
    let at = |pointer: &str| status.pointer(pointer);
    let words = |pointer: &str| at(pointer).and_then(Value::as_str).map(plain).unwrap_or_default();
    let number = |pointer: &str| at(pointer).and_then(Value::as_u64).unwrap_or_default();
    let ready = match at("/ready").and_then(Value::as_bool) {
        Some(true) => "yes".to_owned(),
        _ => format!("no: {}", words("/trouble")),
    };
    let edges = list(at("/edges")).iter().map(edge_line).collect::<Vec<_>>().join("; ");
    let rows: Vec<[String; 2]> = vec![
        ["version".into(), words("/version")],
        ["serving".into(), ready],
        ["sites".into(), format!("{} at revision {}", number("/sites"), number("/revision"))],
        ["edges".into(), edges],
        ["log".into(), format!("{}, {} entries", words("/log/origin"), number("/log/size"))],
        ["certificates".into(), certificates(number("/certificates/names"), number("/certificates/missing"))],
        ["profile".into(), words("/profile")],
    ];
    let mut text = output::table(&rows);
    let now = words("/now").parse().ok();
    let rows: Vec<[String; 5]> = decisions.iter().map(|line| decision_line(line, now)).collect();
    if rows.is_empty() {
        text.push_str("\nno decisions\n");
    } else {
        text.push_str(&format!("\n{}", output::table(&rows)));
    }
    for line in list(at("/certificates/notable")) {
        text.push_str(&certificate_line(&line, now));
    }
    for alarm in list(at("/alarms")) {
        text.push_str(&format!(
            " !!  {}\n",
            plain(alarm.get("text").and_then(Value::as_str).unwrap_or_default())
        ));
    }
    text
}

fn list(value: Option<&Value>) -> Vec<Value> {
    value.and_then(Value::as_array).cloned().unwrap_or_default()
}

fn edge_line(edge: &Value) -> String {
    let name = edge.get("edge").and_then(Value::as_str).map(plain).unwrap_or_default();
    let revision = edge.get("revision").and_then(Value::as_u64).unwrap_or_default();
    let measures = list(edge.get("applied")).len();
    format!("{name} serves revision {revision} with {measures} measures")
}

fn certificates(names: u64, missing: u64) -> String {
    match missing {
        0 => format!("for all of {names} names"),
        missing => format!("for {} of {names} names", names.saturating_sub(missing)),
    }
}

/// A name whose certificate is missing, ends soon, or is being ordered.
fn certificate_line(line: &Value, now: Option<Timestamp>) -> String {
    let field = |pointer: &str| line.pointer(pointer).and_then(Value::as_str).map(plain);
    let from_now = |at: String| {
        let left = now
            .zip(at.parse().ok())
            .map_or(Duration::ZERO, |(now, at): (Timestamp, Timestamp)| at.since(now));
        output::span(left)
    };
    let mut parts = vec![match field("/not_after") {
        Some(end) => format!("ends in {}", from_now(end)),
        None => "has no certificate".to_owned(),
    }];
    if line.pointer("/order/running").and_then(Value::as_bool) == Some(true) {
        parts.push("being ordered now".to_owned());
    } else if let Some(expected) = field("/order/expected") {
        parts.push(format!("next order in {}", from_now(expected)));
    }
    parts.extend(field("/order/trouble").map(|why| format!("the last one failed: {why}")));
    format!("certificate of {}: {}\n", field("/host").unwrap_or_default(), parts.join("; "))
}

fn decision_line(line: &Value, now: Option<Timestamp>) -> [String; 5] {
    let field = |name: &str| line.get(name).and_then(Value::as_str).map(plain).unwrap_or_default();
    let expires: Option<Timestamp> = field("expires").parse().ok();
    let left = now.zip(expires).map_or(Duration::ZERO, |(now, expires)| expires.since(now));
    let state = field("state");
    let ends = if left.is_zero() || state == "lapsed" {
        "ended".into()
    } else {
        format!("{} left", output::span(left))
    };
    [field("id"), field("measure"), state, ends, field("title")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_short_and_aligned() {
        let status = json!({
            "version": "0.1.0", "now": "2026-11-22T03:00:00.000Z", "ready": true, "sites": 2, "revision": 7,
            "log": {"origin": "l.test/log", "size": 5}, "profile": "trial",
            "edges": [{"edge": "local", "revision": 7, "applied": ["d"]}],
            "alarms": [{"text": "look here"}],
            "certificates": {"names": 3, "missing": 1, "notable": [
                {"host": "a.org", "order": {"running": false, "expected": "2026-11-22T03:01:00.000Z", "failures": 1,
                    "trouble": "not found"}},
                {"host": "b.org", "not_after": "2026-11-22T03:00:30.000Z", "order": {"running": true, "failures": 0}},
            ]},
        });
        let decision = json!({
            "id": "dec_1", "measure": "M5", "state": "in-force", "expires": "2026-11-22T03:01:05.000Z", "title": "T",
        });
        let text = text(&status, &[decision]);
        for line in [
            "sites         2 at revision 7",
            "edges         local serves revision 7 with 1 measures",
            "dec_1  M5  in-force  1 min 5 s left  T",
            "certificates  for 2 of 3 names",
            "certificate of a.org: has no certificate; next order in 1 min 0 s; the last one failed: not found",
            "certificate of b.org: ends in 30 s; being ordered now",
            " !!  look here",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
        }
    }
}
