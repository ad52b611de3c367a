//! `wardmote hosts`: host names that customers add, with what proves them; `wardmote token`: what customers add them
//! with.

use super::{block_on, control_plane};
use crate::command_line::{HostNamed, Hosts, HostsVerb, Token};
use crate::exit::{Exit, Failure};
use crate::output::{self, plain, table};
use bytes::Bytes;
use serde_json::{Value, json};
use std::fmt::Write as _;

pub(crate) fn run(arguments: &Hosts, json: bool) -> Result<Exit, Failure> {
    let (local, asked) = match &arguments.verb {
        HostsVerb::List(local) => (local, Asked::Get("/api/v1/hosts".to_owned())),
        HostsVerb::Show(named) => (&named.local, Asked::Get(path(named, "", None))),
        HostsVerb::Add(add) => {
            let body = json!({"host": add.host, "site": add.site});
            (&add.local, Asked::Post("/api/v1/hosts".to_owned(), body))
        }
        HostsVerb::Look(named) => (&named.local, Asked::Post(path(named, "/look", None), Value::Null)),
        HostsVerb::Release(release) => {
            let words = release.customer_request.as_deref();
            (&release.named.local, Asked::Delete(path(&release.named, "", words)))
        }
    };
    let client = control_plane(local)?;
    let answer = block_on(async {
        let answer = match &asked {
            Asked::Get(path) => client.get(path).await?,
            Asked::Post(path, body) => {
                let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
                client.post(path, "application/json", body).await?
            }
            Asked::Delete(path) => client.delete(path).await?,
        };
        answer.accepted()?.json()
    })?;
    match (json, answer.get("hosts").and_then(Value::as_array)) {
        (true, _) => output::json(&answer),
        (false, Some(hosts)) => print!("{}", list(hosts)),
        (false, None) => print!("{}", one(&answer)),
    }
    Ok(Exit::Done)
}

pub(crate) fn token(arguments: &Token, json: bool) -> Result<Exit, Failure> {
    let client = control_plane(&arguments.local)?;
    let tokens = format!("/api/v1/accounts/{}/tokens", encoded(&arguments.account));
    if arguments.end {
        block_on(async {
            client.delete(&format!("{tokens}/{}", encoded(&arguments.name))).await?.accepted()
        })?;
        println!("the token {} opens nothing any more", plain(&arguments.name));
        return Ok(Exit::Done);
    }
    let body = Bytes::from(json!({"name": arguments.name}).to_string());
    let made = block_on(async { client.post(&tokens, "application/json", body).await?.accepted()?.json() })?;
    match json {
        true => output::json(&made),
        false => println!("{}", said(&made, "token")),
    }
    Ok(Exit::Done)
}

enum Asked {
    Get(String),
    Post(String, Value),
    Delete(String),
}

fn path(named: &HostNamed, then: &str, customer_request: Option<&str>) -> String {
    let fields = [("account", named.account.as_deref()), ("customer_request", customer_request)];
    let given = fields.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(value?))));
    let query = given.collect::<Vec<_>>().join("&");
    let mark = if query.is_empty() { "" } else { "?" };
    format!("/api/v1/hosts/{}{then}{mark}{query}", encoded(&named.host))
}

/// Whatever is no letter, digit, dot, hyphen or underscore, as a path and a query take it (RFC 3986 §2.1).
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => out.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

fn said(value: &Value, name: &str) -> String {
    plain(value.get(name).and_then(Value::as_str).unwrap_or("–"))
}

fn list(hosts: &[Value]) -> String {
    if hosts.is_empty() {
        return "no customer has added a host name\n".to_owned();
    }
    let heading = ["HOST", "STATE", "PROVED BY", "NEXT LOOK", "ACCOUNT"].map(str::to_owned);
    let row =
        |host: &Value| ["host", "state", "proved_by", "next_look", "account"].map(|name| said(host, name));
    let rows: Vec<_> = std::iter::once(heading).chain(hosts.iter().map(row)).collect();
    table(&rows)
}

fn one(host: &Value) -> String {
    let mut text = format!("{}: {}\n{}\n", said(host, "host"), said(host, "state"), said(host, "text"));
    let proofs = host.get("proofs").and_then(Value::as_array).cloned().unwrap_or_default();
    if !proofs.is_empty() {
        text.push_str("\nAny one of these proves it:\n");
    }
    for proof in &proofs {
        let (place, value) = (said(proof, "place"), said(proof, "value"));
        let line = match proof.get("by").and_then(Value::as_str) {
            Some("txt") => format!("  {place}  TXT    \"{value}\""),
            Some("delegation") => format!("  {place}  CNAME  {value}."),
            _ => format!("  a file at {place} with {value} in it"),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_into_paths_whole() {
        for (text, path) in
            [("www.shop.test", "www.shop.test"), ("*.a.test", "%2A.a.test"), ("a/b?c", "a%2Fb%3Fc")]
        {
            assert_eq!(encoded(text), path);
        }
    }

    #[test]
    fn what_proves_a_name_is_shown_as_it_is_to_be_put_up() {
        let proofs = json!([{"by": "txt", "place": "_wardmote-challenge.a.test", "value": "abc"},
            {"by": "http", "place": "http://a.test/x", "value": "abc"}]);
        let text = one(&json!({"host": "a.test", "state": "claimed", "text": "Waits.", "proofs": proofs}));
        assert!(text.contains("_wardmote-challenge.a.test  TXT    \"abc\""), "{text}");
        assert!(text.contains("a file at http://a.test/x with abc in it"), "{text}");
    }
}
