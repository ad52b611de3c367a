//! Who may use a heavy dependency: one crate is the only door to each.
//!
//! `deny.toml` holds the doors that bind foreign crates too; the table here holds those that
//! foreign crates may use but of ours only the ones named.

use crate::finding::{Finding, Outcome};
use crate::workspace::Workspace;
use serde::Deserialize;

#[derive(Deserialize)]
struct DenyFile {
    bans: Bans,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    #[serde(default)]
    wrappers: Vec<String>,
    reason: String,
}

struct Door {
    dependency: &'static str,
    users: &'static [&'static str],
    /// Tests of other crates may use it too.
    open_to_tests: bool,
    reason: &'static str,
}

const DOORS: &[Door] = &[
    door("axum", &["control"], "the API and the console are control's"),
    door("askama", &["control"], "pages are control's"),
    door("utoipa", &["control"], "the API is control's"),
    door("clap", &["wardmote"], "the command line is the binary's"),
    door("getrandom", &["wardmote"], "everything else takes a vocabulary::Random"),
    tests_too(
        "hyper",
        &["certificates", "witness", "outbound", "wardmote"],
        "edge reads and writes the wire itself; certificate authorities and witnesses are asked a few lines of HTTP, outbound and the command line are clients",
    ),
    tests_too("mimalloc", &["wardmote"], "the allocator is the binary's choice"),
    tests_too("h2", &["edge", "testkit"], "HTTP on the wire is edge's; testkit's origins answer it"),
    tests_too("httparse", &["edge"], "HTTP on the wire is edge's"),
    tests_too("quinn", &["edge"], "HTTP on the wire is edge's"),
    tests_too("quinn-proto", &["edge"], "HTTP on the wire is edge's"),
    tests_too("h3", &[], "HTTP/3 is read by edge itself; tests have it as a visitor that reads otherwise"),
    tests_too(
        "h3-quinn",
        &[],
        "HTTP/3 is read by edge itself; tests have it as a visitor that reads otherwise",
    ),
    tests_too("rcgen", &["certificates"], "certificates are certificates' own"),
    tests_too("x509-parser", &["certificates"], "certificates are certificates' own"),
];

const fn door(dependency: &'static str, users: &'static [&'static str], reason: &'static str) -> Door {
    Door { dependency, users, open_to_tests: false, reason }
}

const fn tests_too(dependency: &'static str, users: &'static [&'static str], reason: &'static str) -> Door {
    Door { open_to_tests: true, ..door(dependency, users, reason) }
}

/// Runtimes and sockets, which domain crates do not know.
const IMPURE: &[&str] = &[
    "tokio",
    "tokio-util",
    "tokio-stream",
    "tokio-rustls",
    "hyper",
    "axum",
    "rustls",
    "socket2",
    "async-trait",
];
const PURE: &[&str] =
    &["vocabulary", "policy", "ledger", "casework", "caching", "balance", "shield", "snapshot"];

pub(crate) fn check(workspace: &Workspace) -> Outcome {
    let path = workspace.root().join("deny.toml");
    let bans = std::fs::read_to_string(&path)
        .map_err(|error| error.to_string())
        .and_then(|text| toml::from_str::<DenyFile>(&text).map_err(|error| error.to_string()));
    match bans {
        Ok(file) => through(workspace, &file.bans.deny),
        Err(error) => {
            let finding = Finding::new("deny.toml", error, "write it as cargo-deny's documentation says");
            Outcome::new("doors", "deny.toml cannot be read".into(), vec![finding])
        }
    }
}

fn through(workspace: &Workspace, bans: &[Ban]) -> Outcome {
    let mut findings = Vec::new();
    for package in workspace.own() {
        for dependency in &package.dependencies {
            let (user, name, for_tests) =
                (package.name.as_str(), dependency.name.as_str(), dependency.is_for_tests());
            if let Some(reason) = shut(bans, user, name, for_tests) {
                findings.push(Finding::new(
                    format!("crates/{user}/Cargo.toml: {name}"),
                    format!("{user} must not use {name}: {reason}"),
                    "call the crate that is the door, or add what is missing there",
                ));
            }
        }
    }
    Outcome::new("doors", format!("{} dependencies behind doors", bans.len() + DOORS.len()), findings)
}

fn shut<'a>(bans: &'a [Ban], user: &str, name: &str, for_tests: bool) -> Option<&'a str> {
    if let Some(ban) = bans.iter().find(|ban| ban.name == name) {
        return (!ban.wrappers.iter().any(|wrapper| wrapper == user)).then_some(&ban.reason);
    }
    if PURE.contains(&user) && IMPURE.contains(&name) && !for_tests {
        return Some("a domain crate is pure and synchronous");
    }
    let door = DOORS.iter().find(|door| door.dependency == name)?;
    let open = door.users.contains(&user) || (for_tests && door.open_to_tests);
    (!open).then_some(door.reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Package;

    fn bans() -> Vec<Ban> {
        vec![Ban { name: "sqlx".into(), wrappers: vec!["records-sql".into()], reason: "door".into() }]
    }

    #[test]
    fn the_door_itself_may_use_what_it_guards() {
        assert_eq!(shut(&bans(), "records-sql", "sqlx", false), None);
        assert_eq!(shut(&bans(), "witness", "hyper", false), None);
        assert_eq!(shut(&bans(), "control", "hyper", true), None);
    }

    #[test]
    fn everybody_else_is_told_why_not() {
        for (user, name, for_tests) in [
            ("control", "sqlx", false),
            ("control", "sqlx", true),
            ("edge", "axum", false),
            ("policy", "tokio", false),
            ("control", "hyper", false),
            ("edge", "hyper", false),
        ] {
            assert!(shut(&bans(), user, name, for_tests).is_some(), "{user} {name}");
        }
    }

    #[test]
    fn a_crossing_names_manifest_and_dependency() {
        let workspace = Workspace::of(vec![Package::own("control", &["sqlx"], &[])]);
        let findings = through(&workspace, &bans()).findings;
        assert_eq!(findings[0].place, "crates/control/Cargo.toml: sqlx");
    }
}
