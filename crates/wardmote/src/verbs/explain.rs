//! `wardmote explain`: why an answer was what it was, or what it would be now.

use super::{block_on, control_plane};
use crate::command_line::Explain;
use crate::exit::{Exit, Failure};
use crate::output::{self, encoded, plain};
use serde_json::Value;

pub(crate) fn run(arguments: &Explain, json: bool) -> Result<Exit, Failure> {
    let client = control_plane(&arguments.local)?;
    let path = question(&arguments.asked);
    let told = block_on(async { client.get(&path).await?.accepted()?.json() })?;
    if json {
        output::json(&told);
    } else {
        print!("{}", text(&told));
    }
    Ok(Exit::Done)
}

/// A text with a scheme is an address; whatever else it is, it is no ray either, and the server says so.
fn question(asked: &str) -> String {
    let parameter = if asked.contains("://") { "url" } else { "ray" };
    format!("/api/v1/explain?{parameter}={}", encoded(asked))
}

fn text(told: &Value) -> String {
    let words = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(plain);
    let of = |name: &str| words(told, name).unwrap_or_default();
    let mut text = format!("{}  {}  at {}\n\n", of("asked"), of("verdict"), of("at"));
    let steps = told.get("steps").and_then(Value::as_array).cloned().unwrap_or_default();
    let rows: Vec<[String; 2]> = steps
        .iter()
        .map(|step| {
            let said = words(step, "text").unwrap_or_default();
            let reason = words(step, "reason").map(|reason| format!(" [{reason}]")).unwrap_or_default();
            [words(step, "step").unwrap_or_default(), format!("{said}{reason}")]
        })
        .collect();
    text.push_str(&output::table(&rows));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_address_is_told_from_a_ray_and_encoded() {
        assert_eq!(
            question("http://a.test/x?y=1&z"),
            "/api/v1/explain?url=http%3A%2F%2Fa.test%2Fx%3Fy%3D1%26z"
        );
        assert_eq!(question("00ff00ff00ff00ff"), "/api/v1/explain?ray=00ff00ff00ff00ff");
    }

    #[test]
    fn the_steps_stand_below_each_other_with_their_reasons() {
        let told = json!({"asked": "http://a.test/", "verdict": "miss", "at": "2026-11-22T08:00:00.000Z", "steps": [
            {"step": "site", "text": "found"}, {"step": "store", "reason": "absent", "text": "nothing\u{1b} here"},
        ]});
        let expected = "http://a.test/  miss  at 2026-11-22T08:00:00.000Z\n\nsite   found\nstore  nothing\\u{001b} here [absent]\n";
        assert_eq!(text(&told), expected);
    }
}
