//! `wardmote purge`: takes copies out of the cache of every edge, and says where that holds.

use super::{block_on, control_plane};
use crate::client::Client;
use crate::command_line::Purge;
use crate::exit::{Exit, Failure};
use crate::output::{self, plain};
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

pub(crate) fn run(arguments: &Purge, json: bool) -> Result<Exit, Failure> {
    let request = request(arguments)?;
    if arguments.all_sites && !arguments.yes && !agreed(json)? {
        eprintln!("nothing was purged");
        return Ok(Exit::Failed);
    }
    let client = control_plane(&arguments.local)?;
    let (status, answer, took) = block_on(post(&client, &request))?;
    if json {
        output::json(&answer);
    } else {
        print!("{}", text(&answer, took));
    }
    Ok(if status == StatusCode::OK { Exit::Done } else { Exit::Failed })
}

/// What the API is asked; refused here when it could only be refused there.
fn request(arguments: &Purge) -> Result<Value, Failure> {
    let mut request = Map::new();
    let mut say = |name: &str, value: Value| request.insert(name.to_owned(), value);
    for (name, value) in [
        ("url", &arguments.url),
        ("tag", &arguments.tag),
        ("prefix", &arguments.prefix),
        ("host", &arguments.host),
    ] {
        if let Some(value) = value {
            say(name, json!(value));
        }
    }
    if arguments.everything {
        say("everything", json!(true));
    }
    if arguments.soft {
        say("soft", json!(true));
    }
    if arguments.all_sites {
        say("all_sites", json!(true));
        say("confirmed", json!(true));
    } else if !arguments.site.is_empty() {
        say("site", json!(arguments.site));
    } else if arguments.url.is_none() {
        return Err(Failure::bad_use(
            "name the site with --site HOST: only --url says by itself which site it belongs to",
        ));
    }
    Ok(Value::Object(request))
}

async fn post(client: &Client, request: &Value) -> Result<(StatusCode, Value, Duration), Failure> {
    #[allow(clippy::disallowed_methods, reason = "how long a person waited is told, nothing decides by it")]
    let begun = Instant::now();
    let body = Bytes::from(request.to_string());
    let answer = client.post("/api/v1/purges", "application/json", body).await?.accepted()?;
    Ok((answer.status, answer.json()?, begun.elapsed()))
}

/// Asks a person; a program must say --yes.
fn agreed(json: bool) -> Result<bool, Failure> {
    if json || !std::io::stdin().is_terminal() {
        return Err(Failure::bad_use(
            "--all-sites purges every customer's copies; give --yes when nobody can be asked",
        ));
    }
    print!("This purges every customer's copies, on every edge. Type yes: ");
    let mut line = String::new();
    std::io::stdout().flush().map_err(Failure::failed)?;
    std::io::stdin().lock().read_line(&mut line).map_err(Failure::failed)?;
    Ok(line.trim() == "yes")
}

fn text(answer: &Value, took: Duration) -> String {
    let revision = answer.get("revision").and_then(Value::as_u64).unwrap_or_default();
    let list = |name: &str| answer.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let held =
        list("held").iter().filter_map(|held| held.get("edge")?.as_str().map(plain)).collect::<Vec<_>>();
    let missing = list("missing").iter().filter_map(|edge| edge.as_str().map(plain)).collect::<Vec<_>>();
    let mut lines = vec![format!("purge {revision} is kept")];
    if !held.is_empty() {
        lines.push(format!("held by {} after {} ms", held.join(", "), took.as_millis()));
    }
    if !missing.is_empty() {
        lines.push(format!("not yet held by {}; each takes it as soon as it can", missing.join(", ")));
    } else if held.is_empty() {
        lines.push("no edge reports at the moment; each takes it when it comes back".to_owned());
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command_line::{CommandLine, Verb};
    use clap::Parser as _;

    fn asked(line: &str) -> Result<Value, Failure> {
        let Verb::Purge(arguments) = CommandLine::try_parse_from(line.split(' ')).expect("a line").verb
        else {
            panic!("{line}");
        };
        request(&arguments)
    }

    #[test]
    fn the_arguments_say_what_the_api_is_asked() {
        for (line, expected) in [
            ("wardmote purge --url http://a.test/x", json!({"url": "http://a.test/x"})),
            (
                "wardmote purge --site a.test --site b.test --tag t --soft",
                json!({"site": ["a.test", "b.test"], "tag": "t", "soft": true}),
            ),
            ("wardmote purge --site a.test --prefix /img/", json!({"site": ["a.test"], "prefix": "/img/"})),
            ("wardmote purge --site a.test --host a.test", json!({"site": ["a.test"], "host": "a.test"})),
            (
                "wardmote purge --all-sites --yes --everything",
                json!({"all_sites": true, "confirmed": true, "everything": true}),
            ),
        ] {
            assert_eq!(asked(line).expect("a request"), expected, "{line}");
        }
    }

    #[test]
    fn a_site_is_asked_for_before_anything_is_sent() {
        for line in ["--tag t", "--prefix /a", "--host a.test", "--everything"] {
            let refused = asked(&format!("wardmote purge {line}")).expect_err("a refusal");
            assert_eq!(refused.exit(), Exit::BadUse);
            assert!(refused.to_string().contains("--site HOST"), "{refused}");
        }
    }

    #[test]
    fn exactly_one_target_is_taken() {
        for line in
            ["--site a.test", "--site a.test --tag t --everything", "--site a.test --all-sites --tag t"]
        {
            let line = format!("wardmote purge {line}");
            assert!(CommandLine::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }

    #[test]
    fn the_answer_names_who_holds_it_and_who_does_not() {
        let took = Duration::from_millis(12);
        let held = json!({"revision": 3, "held": [{"edge": "one", "at": null}], "missing": []});
        assert_eq!(text(&held, took), "purge 3 is kept\nheld by one after 12 ms\n");
        let missing = json!({"revision": 3, "held": [], "missing": ["two\u{1b}"]});
        assert!(text(&missing, took).contains("not yet held by two\\u{001b};"));
        assert!(text(&json!({"revision": 3}), took).contains("no edge reports"));
    }
}
